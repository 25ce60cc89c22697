//! What the meter does when it is written to, and who may do that.

use std::time::Duration;

use dlms::codec::{AccessResult, ActionResult, Asked, Attribute, Data, LogicalName, Method};
use dlms::security::Secret;

use super::clock::Bound;
use super::contents::{DlmsContents, LOAD};
use super::scenario::ClockSet;
use crate::elster::Zone;

/// Seconds that a clock may be shifted by.
const SHIFT_MAX_S: i16 = 900;
/// A measuring period, and a quarter of an hour.
const QUARTER_S: i64 = 900;
/// Periods that its load profile can have, in seconds.
const PERIODS_S: [u32; 6] = [60, 300, 600, 900, 1800, 3600];

/// What a client proves itself with, in the association that is open.
const SECRET: Attribute = Attribute {
    class: 15,
    name: LogicalName::ASSOCIATION,
    number: 7,
};

impl DlmsContents {
    /// Who has keys may write; who has a password or nothing only reads.
    fn may_write(&self, client: u16) -> bool {
        self.keys.contains_key(&client)
    }

    /// The activation time may have come since somebody looked.
    pub(super) fn settle(&mut self, utc: i64) {
        let (shown, scenario) = (self.recorder.shown(utc), &self.recorder.scenario);
        self.programmed
            .settle(shown, &scenario.zone, scenario.activates);
    }

    pub(super) fn write(
        &mut self,
        client: u16,
        asked: &Asked,
        value: &Data,
        at: Duration,
    ) -> AccessResult {
        if asked.attribute == SECRET && asked.selection.is_none() {
            return self.set_password(client, value);
        }
        if !self.may_write(client) || asked.selection.is_some() {
            return AccessResult::ReadWriteDenied;
        }
        let attribute = asked.attribute;
        if self.recorder.scenario.forgets == Some(attribute) {
            return AccessResult::Success;
        }
        let result = match (attribute.class, attribute.number) {
            (8, 2) if attribute.name == LogicalName::CLOCK => self.set_clock(value, self.utc(at)),
            (7, 4) if attribute.name.0 == LOAD => self.set_period(value, self.utc(at)),
            _ => {
                let fills_in = self.recorder.scenario.fills_in;
                self.programmed.set(attribute, value, fills_in)
            }
        };
        if result == AccessResult::Success {
            *self.programmed.written.entry(attribute).or_default() += 1;
        }
        result
    }

    /// Whoever has proven a password may change it.
    fn set_password(&mut self, client: u16, value: &Data) -> AccessResult {
        let Some(password) = self.passwords.get_mut(&client) else {
            return AccessResult::ReadWriteDenied;
        };
        let octets = value.octets().map(Secret::new);
        let Some(Ok(new)) = octets else {
            return AccessResult::TypeUnmatched;
        };
        if self.recorder.scenario.forgets != Some(SECRET) {
            *password = new;
        }
        *self.programmed.written.entry(SECRET).or_default() += 1;
        AccessResult::Success
    }

    pub(super) fn execute(
        &mut self,
        client: u16,
        method: Method,
        parameter: Option<&Data>,
        at: Duration,
    ) -> ActionResult {
        if !self.may_write(client) {
            return ActionResult::ReadWriteDenied;
        }
        let utc = self.utc(at);
        let result = match method.class {
            7 if method.name.0 == LOAD && method.number == 1 => {
                self.empty(utc);
                ActionResult::Success
            }
            8 if method.name == LogicalName::CLOCK => self.adjust(method.number, parameter, utc),
            6 | 9 | 11 | 20 => {
                let activates = self.recorder.scenario.activates;
                self.programmed.act(method, parameter, activates)
            }
            _ => ActionResult::ReadWriteDenied,
        };
        if result == ActionResult::Success {
            *self.programmed.executed.entry(method).or_default() += 1;
        }
        result
    }

    /// All rows are gone.
    fn empty(&mut self, utc: i64) {
        let columns = self.recorder.columns(utc).to_vec();
        self.recorder.scenario.column_changes.push((utc, columns));
    }

    fn set_period(&mut self, value: &Data, utc: i64) -> AccessResult {
        let Data::DoubleLongUnsigned(period) = value else {
            return AccessResult::TypeUnmatched;
        };
        if !PERIODS_S.contains(period) {
            return AccessResult::OtherReason;
        }
        self.empty(utc);
        self.recorder.scenario.period_s = *period;
        AccessResult::Success
    }

    fn move_clock(&mut self, ahead: i64, utc: i64) {
        let sets = &mut self.recorder.scenario.clock_sets;
        sets.push(ClockSet { at: utc, ahead });
        sets.sort_by_key(|set| set.at);
    }

    fn set_clock(&mut self, value: &Data, utc: i64) -> AccessResult {
        let Some(bound) = Bound::of(value) else {
            return AccessResult::TypeUnmatched;
        };
        let shown = match bound {
            Bound::Utc(shown) => shown,
            Bound::Local(local) => utc_of(local, &self.recorder.scenario.zone),
        };
        self.move_clock(shown - utc, utc);
        AccessResult::Success
    }

    fn adjust(&mut self, number: i8, parameter: Option<&Data>, utc: i64) -> ActionResult {
        let shown = self.recorder.shown(utc);
        let nearest = |step: i64| (shown + step / 2).div_euclid(step) * step;
        let shown = match (number, parameter) {
            (1 | 2, Some(Data::Integer(_))) => nearest(QUARTER_S),
            (3, Some(Data::Integer(_))) => nearest(60),
            (6, Some(Data::Long(seconds))) => {
                if !(-SHIFT_MAX_S..=SHIFT_MAX_S).contains(seconds) {
                    return ActionResult::OtherReason;
                }
                shown + i64::from(*seconds)
            }
            (1..=3 | 6, _) => return ActionResult::TypeUnmatched,
            _ => return ActionResult::ObjectUndefined,
        };
        self.move_clock(shown - utc, utc);
        ActionResult::Success
    }

    /// What was written there; none where nothing can be.
    pub(super) fn programmed(&self, attribute: Attribute) -> Option<Data> {
        self.programmed.value(attribute).cloned()
    }
}

/// What a clock means that shows this local time: where an hour came twice, the first one.
fn utc_of(local: i64, zone: &Zone) -> i64 {
    let guess = local - zone.offset;
    let summer = guess - 3600;
    if zone.offset_at(summer) + summer == local {
        summer
    } else {
        guess
    }
}
