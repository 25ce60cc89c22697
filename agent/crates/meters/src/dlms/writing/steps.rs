//! What is still to be done, from what the meter holds. Pure: it is asked anew in each session.

use super::record::{Activated, Item, Role};
use super::standing::{RowsState, Standing, off};
use crate::cosem::{CalendarPart, CosemTime, SpecialDay};
use ::dlms::codec::{Attribute, Data, LogicalName, Method};

/// One exchange that changes the meter, or one that makes sure before the next does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// An attribute is written, and read back.
    Set(Attribute, Data),
    /// An entry is taken in, and the table is read back.
    Insert(Attribute, SpecialDay),
    /// An entry is taken out, and the table is read back.
    Delete(Attribute, u16),
    /// A method is executed, and these must be there then.
    Activate(Method, Vec<(Attribute, Data)>),
    /// Rows are thrown away: there must be fewer than so many then.
    Reset(Method, Attribute, u32),
    /// These must be there, or nothing more is done.
    Verify(Vec<(Attribute, Data)>),
}

/// Whether a time of the calendar is still to come, by the meter's clock.
pub(super) fn is_to_come(time: &Data, clock_s: u64) -> bool {
    let time = time.date_time().and_then(Result::ok);
    let shown = time.and_then(|time| CosemTime::whole(&time));
    shown.is_some_and(|time| time.shown.seconds() > clock_s)
}

/// Each item with the value that it should have.
fn valued<'i>(
    items: impl Iterator<Item = &'i Item>,
    value: fn(&Item) -> &Data,
) -> Vec<(Attribute, Data)> {
    let pairs = items.map(|item| (item.attribute(), value(item).clone()));
    pairs.collect()
}

fn wanted(item: &Item) -> &Data {
    &item.wanted.0
}

fn before(item: &Item) -> &Data {
    &item.before.0
}

impl Standing<'_> {
    /// What is to be done, in order.
    pub(super) fn steps(&self) -> Vec<Step> {
        if self.record.is_restoring {
            self.back()
        } else {
            self.forward()
        }
    }

    fn is(&self, item: &Item, value: &Data) -> bool {
        self.image.is_like(item.attribute(), value)
    }

    fn are(&self, role: Role, value: fn(&Item) -> &Data) -> bool {
        let mut items = self.record.of(role);
        items.all(|item| self.is(item, value(item)))
    }

    fn write(&self, item: &Item, value: &Data, steps: &mut Vec<Step>) {
        if self.is(item, value) {
            return;
        }
        let attribute = item.attribute();
        match item.role {
            Role::Entries => self.entries(attribute, value, steps),
            _ => steps.push(Step::Set(attribute, value.clone())),
        }
    }

    /// Entries that have to go, then those that have to come.
    fn entries(&self, table: Attribute, value: &Data, steps: &mut Vec<Step>) {
        let found = SpecialDay::decode_all(self.image.value(table));
        let (Ok(found), Ok(wanted)) = (found, SpecialDay::decode_all(value)) else {
            // A table that nobody understands is replaced as a whole.
            steps.push(Step::Set(table, value.clone()));
            return;
        };
        let going = found.iter().filter(|day| !wanted.contains(day));
        steps.extend(going.map(|day| Step::Delete(table, day.index)));
        let coming = wanted.iter().filter(|day| !found.contains(day));
        steps.extend(coming.map(|day| Step::Insert(table, *day)));
    }

    fn forward(&self) -> Vec<Step> {
        let (record, mut todo) = (self.record, Vec::new());
        let went = self.is_in_force();
        for item in &record.items {
            let is_written = match item.role {
                Role::Value | Role::Entries | Role::Period => true,
                Role::Passive => !went,
                Role::Active | Role::Time => false,
            };
            if is_written {
                self.write(item, wanted(item), &mut todo);
            }
        }
        self.resets(&mut todo);
        let time = record.of(Role::Time).next();
        let (Some((name, activated)), Some(time), false) = (self.activated(), time, went) else {
            return todo;
        };
        let is_armed = !self.is(time, &off());
        let is_disarmed = is_armed && (!todo.is_empty() || activated != Activated::AtTime);
        let mut steps = Vec::new();
        if is_disarmed {
            steps.push(Step::Set(time.attribute(), off()));
        }
        steps.append(&mut todo);
        let is_verified = |item: &&Item| !matches!(item.role, Role::Active | Role::Time);
        let all = Step::Verify(valued(record.items.iter().filter(is_verified), wanted));
        match activated {
            Activated::AtTime if is_disarmed || !self.is(time, wanted(time)) => {
                steps.extend([all, Step::Set(time.attribute(), wanted(time).clone())]);
            }
            Activated::Now if !self.are(Role::Active, wanted) => {
                let active = valued(record.of(Role::Active), wanted);
                let method = CalendarPart::activation(name);
                steps.extend([all, Step::Activate(method, active)]);
            }
            _ => {}
        }
        steps
    }

    fn resets(&self, steps: &mut Vec<Step>) {
        for rows in self.record.rows.iter().filter(|rows| rows.is_reset) {
            // Another period throws them away already.
            let is_changed = self
                .record
                .of(Role::Period)
                .any(|item| item.attribute() == rows.attribute(4) && !self.is(item, wanted(item)));
            if self.rows(rows) == RowsState::There && !is_changed {
                let Attribute { class, name, .. } = rows.attribute(7);
                let number = 1;
                let method = Method {
                    class,
                    name,
                    number,
                };
                steps.push(Step::Reset(method, rows.attribute(7), rows.before));
            }
        }
    }

    fn back(&self) -> Vec<Step> {
        let (record, mut todo) = (self.record, Vec::new());
        for item in &record.items {
            if matches!(item.role, Role::Value | Role::Entries | Role::Period) {
                self.write(item, before(item), &mut todo);
            }
        }
        let time = record.of(Role::Time).next();
        let (Some((name, _)), Some(time)) = (self.activated(), time) else {
            return todo;
        };
        if self.are(Role::Active, before) {
            for item in record.of(Role::Passive) {
                self.write(item, before(item), &mut todo);
            }
        } else {
            self.put_back_in_force(name, &mut todo);
        }
        let is_armed = !self.is(time, &off());
        let comes = is_to_come(before(time), self.image.clock_s);
        let is_as_before = self.is(time, before(time));
        let mut steps = Vec::new();
        if is_armed && (!todo.is_empty() || !is_as_before) {
            steps.push(Step::Set(time.attribute(), off()));
        }
        if comes && (!steps.is_empty() || !is_as_before) {
            todo.push(Step::Verify(valued(record.of(Role::Passive), before)));
            todo.push(Step::Set(time.attribute(), before(time).clone()));
        }
        steps.append(&mut todo);
        steps
    }

    /// The way back of a calendar leads through its waiting half.
    fn put_back_in_force(&self, name: LogicalName, steps: &mut Vec<Step>) {
        let record = self.record;
        let mut waits = Vec::new();
        for item in record.of(Role::Active) {
            let mut twins = record.of(Role::Passive);
            let twin = twins.find(|twin| twin.field() == item.field());
            waits.extend(twin.map(|twin| (twin.attribute(), before(item).clone())));
        }
        let differ = waits
            .iter()
            .filter(|(at, value)| !self.image.is_like(*at, value));
        steps.extend(differ.map(|(at, value)| Step::Set(*at, value.clone())));
        steps.push(Step::Verify(waits));
        let active = valued(record.of(Role::Active), before);
        steps.push(Step::Activate(CalendarPart::activation(name), active));
        // What waits then depends on the meter: all of it is written.
        let passive = valued(record.of(Role::Passive), before).into_iter();
        steps.extend(passive.map(|(at, value)| Step::Set(at, value)));
    }
}
