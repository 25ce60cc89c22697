//! How a meter stands to a record, from what was read of it. Pure.

use super::record::{Activated, Item, Role, Rows, WriteRecord};
use super::report::{Difference, ItemReport, ItemState, Remark, WriteReport, Written};
use super::steps::is_to_come;
use crate::cosem::{CALENDAR_TIME, CalendarPart, Likeness, NO_TIME, compare};
use ::dlms::codec::{Attribute, Data, LogicalName};
use std::collections::BTreeMap;

/// Rows that may have come beside those that a period makes: one at each end, and what a clock that
/// is set makes.
const ROWS_BESIDE: u64 = 4;

/// What was read in one session.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    pub(super) values: BTreeMap<Attribute, Data>,
    /// Seconds that the meter's clock showed.
    pub(super) clock_s: u64,
}

impl Image {
    pub(super) fn value(&self, attribute: Attribute) -> &Data {
        self.values.get(&attribute).unwrap_or(&Data::Null)
    }

    pub(super) fn is_like(&self, attribute: Attribute, wanted: &Data) -> bool {
        compare(attribute, wanted, self.value(attribute)) != Likeness::Different
    }

    pub(super) fn number(&self, attribute: Attribute) -> Option<u32> {
        u32::try_from(self.value(attribute).integer()?).ok()
    }
}

/// The value of an activation that is off.
pub(super) fn off() -> Data {
    Data::OctetString(NO_TIME.encode().to_vec())
}

/// A record beside what its meter holds.
pub(super) struct Standing<'a> {
    pub(super) record: &'a WriteRecord,
    pub(super) image: &'a Image,
}

/// What became of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowsState {
    /// There were none.
    None,
    There,
    Gone,
    Unsure,
}

impl Standing<'_> {
    /// Whether the new calendar came into force since the meter was looked at.
    pub(super) fn is_in_force(&self) -> bool {
        let mut active = self.record.of(Role::Active).peekable();
        active.peek().is_some()
            && active.all(|item| self.image.is_like(item.attribute(), &item.wanted.0))
            && self.record.of(Role::Active).any(|item| {
                compare(item.attribute(), &item.wanted.0, &item.before.0) == Likeness::Different
            })
    }

    pub(super) fn activated(&self) -> Option<(LogicalName, Activated)> {
        let calendar = self.record.calendar?;
        Some((LogicalName(calendar.name), calendar.activated))
    }

    pub(super) fn time(&self) -> Option<Attribute> {
        let (name, _) = self.activated()?;
        Some(CalendarPart::attribute(name, CALENDAR_TIME))
    }

    pub(super) fn state(&self, item: &Item) -> ItemState {
        let (attribute, record) = (item.attribute(), self.record);
        let is_new = self.image.is_like(attribute, &item.wanted.0);
        let is_old = self.image.is_like(attribute, &item.before.0);
        let went = !record.is_restoring && self.is_in_force();
        let activated = self.activated().map(|(_, activated)| activated);
        match (item.role, is_old, is_new) {
            // A meter keeps the waiting half as it is, or changes places, and may forget the time.
            (Role::Passive, ..) if went => ItemState::New,
            (Role::Time, ..) if went && activated == Some(Activated::AtTime) => ItemState::New,
            (Role::Time, false, _) if self.is_former_time_over() => ItemState::Old,
            (_, true, true) => ItemState::Same,
            (_, _, true) => ItemState::New,
            // It is the time that changes the half in force, not the program.
            (Role::Active, true, _)
                if !record.is_restoring && activated != Some(Activated::Now) =>
            {
                ItemState::Same
            }
            (_, true, _) => ItemState::Old,
            _ if self.is_between(item) => ItemState::Between,
            _ => ItemState::Foreign,
        }
    }

    /// On the way back: an activation that was set before is over by now, and none is set.
    fn is_former_time_over(&self) -> bool {
        let times = self.record.of(Role::Time);
        self.record.is_restoring
            && times.into_iter().any(|time| {
                let is_off = self.image.is_like(time.attribute(), &off());
                is_off && !is_to_come(&time.before.0, self.image.clock_s)
            })
    }

    /// Whether it is a step on the way: off, half of a table, or the half that is put back in force.
    fn is_between(&self, item: &Item) -> bool {
        let found = self.image.value(item.attribute());
        match item.role {
            Role::Time => self.image.is_like(item.attribute(), &off()),
            Role::Passive if self.is_active_before(item) => true,
            _ => match (&item.before.0, &item.wanted.0, found) {
                (Data::Array(before), Data::Array(wanted), Data::Array(found)) => found
                    .iter()
                    .all(|entry| before.contains(entry) || wanted.contains(entry)),
                _ => false,
            },
        }
    }

    /// The waiting half holds what was in force before: on the way back, or by a meter that changes
    /// places.
    fn is_active_before(&self, item: &Item) -> bool {
        let mut active = self.record.of(Role::Active);
        let twin = active.find(|twin| twin.field() == item.field());
        twin.is_some_and(|twin| {
            self.record.is_restoring && self.image.is_like(item.attribute(), &twin.before.0)
        })
    }

    pub(super) fn rows(&self, rows: &Rows) -> RowsState {
        let Some(now) = self.image.number(rows.attribute(7)) else {
            return RowsState::Unsure;
        };
        if now < rows.before {
            return RowsState::Gone;
        }
        if rows.before == 0 {
            return RowsState::None;
        }
        // So many may have come since: are there more, they were not all thrown away.
        let passed = self.image.clock_s.checked_sub(self.record.clock_s);
        let come = passed.and_then(|passed| passed.checked_div(rows.period_s.into()));
        match come {
            Some(come) if u64::from(now) > come.saturating_add(ROWS_BESIDE) => RowsState::There,
            _ => RowsState::Unsure,
        }
    }

    fn rows_item(&self, rows: &Rows) -> ItemReport {
        let attribute = rows.attribute(7);
        let state = match self.rows(rows) {
            RowsState::None => ItemState::Same,
            RowsState::There => ItemState::Old,
            RowsState::Gone => ItemState::New,
            RowsState::Unsure => ItemState::Foreign,
        };
        ItemReport {
            attribute,
            state,
            before: Data::DoubleLongUnsigned(rows.before),
            wanted: Data::DoubleLongUnsigned(0),
            found: self.image.value(attribute).clone(),
        }
    }

    pub(super) fn report(&self, stopped: Option<String>) -> WriteReport {
        let record = self.record;
        let mut items: Vec<ItemReport> = Vec::new();
        let mut differences = Vec::new();
        for item in &record.items {
            let (attribute, state) = (item.attribute(), self.state(item));
            let found = self.image.value(attribute);
            let wanted = if record.is_restoring {
                &item.before.0
            } else {
                &item.wanted.0
            };
            if compare(attribute, wanted, found) == Likeness::Alike {
                differences.push(Difference {
                    attribute,
                    wanted: wanted.clone(),
                    found: found.clone(),
                });
            }
            items.push(ItemReport {
                attribute,
                state,
                before: item.before.0.clone(),
                wanted: item.wanted.0.clone(),
                found: found.clone(),
            });
        }
        let resets = record.rows.iter().filter(|rows| rows.is_reset);
        items.extend(resets.map(|rows| self.rows_item(rows)));
        let has = |state: ItemState| items.iter().any(|item| item.state == state);
        let is_mixed = has(ItemState::Between) || has(ItemState::Foreign);
        let verdict = match (has(ItemState::Old), has(ItemState::New)) {
            _ if is_mixed => Written::Partial,
            (true, true) => Written::Partial,
            (true, false) => Written::Old,
            (false, true) => Written::New,
            (false, false) => Written::Unchanged,
        };
        WriteReport {
            verdict,
            remarks: self.remarks(&items),
            items,
            differences,
            stopped,
        }
    }

    fn remarks(&self, items: &[ItemReport]) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let like = |role: Role, value: fn(&Item) -> &Data| {
            let mut items = self.record.of(role);
            items.all(|item| self.image.is_like(item.attribute(), value(item)))
        };
        if let Some(time) = self.time() {
            if self.is_in_force() {
                remarks.push(Remark::NewCalendarInForce);
            } else if like(Role::Active, |item| &item.before.0) {
                remarks.push(Remark::OldCalendarInForce);
            }
            if self.image.is_like(time, &off()) {
                remarks.push(Remark::ActivationOff);
            }
            let was_off = like(Role::Time, |item| &item.before.0);
            if self.is_former_time_over() && !was_off {
                remarks.push(Remark::FormerTimeIsOver);
            }
        }
        for rows in &self.record.rows {
            let profile = LogicalName(rows.profile);
            let is_touched = items.iter().any(|item| {
                let is_this = item.attribute.class == 7 && item.attribute.name == profile;
                is_this && item.state != ItemState::Old && item.state != ItemState::Same
            });
            match self.rows(rows) {
                RowsState::Gone => remarks.push(Remark::RowsLost {
                    profile,
                    rows: rows.before,
                }),
                RowsState::Unsure if is_touched => remarks.push(Remark::RowsInDoubt { profile }),
                _ => {}
            }
        }
        remarks
    }
}
