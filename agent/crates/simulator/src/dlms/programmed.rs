//! What clients write to the meter: the tables of its tariff and the rule of its summer time.

use std::collections::BTreeMap;

use dlms::codec::{AccessResult, ActionResult, Attribute, Data, DateTime, LogicalName, Method};

use super::clock::Bound;
use super::scenario::Activates;
use super::shapes::{check, is_off, is_special_day};
use crate::elster::Zone;

pub(super) const CALENDAR: LogicalName = LogicalName([0, 0, 13, 0, 0, 255]);
const SPECIAL_DAYS: LogicalName = LogicalName([0, 0, 11, 0, 0, 255]);
pub(super) const SCRIPTS: LogicalName = LogicalName([0, 0, 10, 0, 100, 255]);
const REGISTERS: LogicalName = LogicalName([0, 0, 14, 0, 0, 255]);
const MASK: Attribute = at(6, REGISTERS, 4);
const TIME: Attribute = at(20, CALENDAR, 10);
const TABLE: Attribute = at(11, SPECIAL_DAYS, 2);
const NEVER: [u8; 12] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0xff,
];

const fn at(class: u16, name: LogicalName, number: i8) -> Attribute {
    Attribute {
        class,
        name,
        number,
    }
}

/// What was written, and how often.
#[derive(Debug, Clone)]
pub(super) struct Programmed {
    values: BTreeMap<Attribute, Data>,
    /// The activation time was written and has not come yet.
    is_armed: bool,
    /// How often each method was executed.
    pub(super) executed: BTreeMap<Method, u32>,
    /// How often each attribute was written.
    pub(super) written: BTreeMap<Attribute, u32>,
}

fn octets(octets: &[u8]) -> Data {
    Data::OctetString(octets.to_vec())
}

impl Programmed {
    /// One tariff all year, as a meter comes from its maker.
    pub(super) fn new() -> Self {
        let array = Data::Array;
        let structure = Data::Structure;
        let new_year = octets(&[0xff, 0xff, 1, 1, 0xff, 0, 0, 0, 0, 0x80, 0, 0xff]);
        let season = structure(vec![octets(b"YEAR"), new_year, octets(b"WEEK")]);
        let mut week = vec![octets(b"WEEK")];
        week.extend([const { Data::Unsigned(1) }; 7]);
        let switch = structure(vec![
            octets(&[0; 4]),
            octets(&SCRIPTS.0),
            Data::LongUnsigned(1),
        ]);
        let day = structure(vec![Data::Unsigned(1), array(vec![switch])]);
        let register = |rate| {
            let name = octets(&[1, 0, 1, 8, rate, 255]);
            structure(vec![Data::LongUnsigned(3), name])
        };
        let mask =
            |name: &[u8], place| structure(vec![octets(name), array(vec![Data::Unsigned(place)])]);
        let script = |id: u16, mask: &[u8]| {
            let action = structure(vec![
                Data::Enum(1),
                Data::LongUnsigned(6),
                octets(&REGISTERS.0),
                Data::Integer(4),
                octets(mask),
            ]);
            structure(vec![Data::LongUnsigned(id), array(vec![action])])
        };
        let calendar = |number| at(20, CALENDAR, number);
        let values = BTreeMap::from([
            (calendar(2), octets(b"FLAT")),
            (calendar(3), array(vec![season])),
            (calendar(4), array(vec![structure(week)])),
            (calendar(5), array(vec![day])),
            (calendar(6), octets(b"")),
            (calendar(7), array(Vec::new())),
            (calendar(8), array(Vec::new())),
            (calendar(9), array(Vec::new())),
            (TIME, octets(&NEVER)),
            (TABLE, array(Vec::new())),
            (
                at(9, SCRIPTS, 2),
                array(vec![script(1, b"high"), script(2, b"low")]),
            ),
            (at(6, REGISTERS, 2), array(vec![register(1), register(2)])),
            (
                at(6, REGISTERS, 3),
                array(vec![mask(b"high", 1), mask(b"low", 2)]),
            ),
            (MASK, octets(b"high")),
        ]);
        Self {
            values,
            is_armed: false,
            executed: BTreeMap::new(),
            written: BTreeMap::new(),
        }
    }

    pub(super) fn value(&self, attribute: Attribute) -> Option<&Data> {
        self.values.get(&attribute)
    }

    /// Whether it is one that somebody may write, however it is set now.
    pub(super) fn is_writable(attribute: Attribute) -> bool {
        let names = [
            CALENDAR,
            SPECIAL_DAYS,
            SCRIPTS,
            REGISTERS,
            LogicalName::CLOCK,
        ];
        names.contains(&attribute.name) && check(attribute, &Data::Null) != DENIED
    }

    /// Puts a value there by another way than the line.
    pub(super) fn put(&mut self, attribute: Attribute, value: Data) {
        self.values.insert(attribute, value);
    }

    /// Takes a value, or refuses it.
    pub(super) fn set(
        &mut self,
        attribute: Attribute,
        value: &Data,
        fills_in: bool,
    ) -> AccessResult {
        if !Self::is_writable(attribute) {
            return AccessResult::ReadWriteDenied;
        }
        if let Err(result) = check(attribute, value) {
            return result;
        }
        if !self.refers_to_what_is_there(attribute, value) {
            return AccessResult::OtherReason;
        }
        let value = if fills_in {
            filled_in(value)
        } else {
            value.clone()
        };
        if attribute == TIME {
            let time = value.date_time().and_then(Result::ok);
            self.is_armed = time.is_some_and(|time| !is_off(&time));
        }
        self.values.insert(attribute, value);
        AccessResult::Success
    }

    /// A week has plans of days, a season has a week: what is not there cannot be referred to.
    fn refers_to_what_is_there(&self, attribute: Attribute, value: &Data) -> bool {
        let firsts = |number| {
            let table = self.value(at(20, CALENDAR, number)).and_then(Data::items);
            let rows = table.unwrap_or_default().iter();
            let firsts = rows.filter_map(|row| row.items()?.first());
            firsts.cloned().collect::<Vec<Data>>()
        };
        let rows = || {
            value
                .items()
                .unwrap_or_default()
                .iter()
                .filter_map(Data::items)
        };
        match (attribute.class, attribute.number) {
            (20, 7) => {
                let weeks = firsts(8);
                rows().all(|row| row.get(2).is_some_and(|week| weeks.contains(week)))
            }
            (20, 8) => {
                let days = firsts(9);
                rows().all(|row| row.iter().skip(1).all(|day| days.contains(day)))
            }
            _ => true,
        }
    }

    /// Executes a method of a table.
    pub(super) fn act(
        &mut self,
        method: Method,
        parameter: Option<&Data>,
        activates: Activates,
    ) -> ActionResult {
        match (method.class, method.number, parameter) {
            (20, 1, _) => self.activate(activates),
            (11, 1, Some(entry)) => return self.insert(entry),
            (11, 2, Some(Data::LongUnsigned(index))) => return self.delete(*index),
            (9, 1, Some(Data::LongUnsigned(script))) => return self.execute(*script),
            (9 | 11, ..) => return ActionResult::TypeUnmatched,
            _ => return ActionResult::ObjectUndefined,
        }
        ActionResult::Success
    }

    fn activate(&mut self, activates: Activates) {
        for number in 2..=5 {
            let (active, passive) = (at(20, CALENDAR, number), at(20, CALENDAR, number + 4));
            let waiting = self.values.get(&passive).cloned().unwrap_or(Data::Null);
            let former = self.values.insert(active, waiting);
            if let (Activates::ChangingPlaces, Some(former)) = (activates, former) {
                self.values.insert(passive, former);
            }
        }
    }

    /// The passive part comes into force when its time comes.
    pub(super) fn settle(&mut self, shown: i64, zone: &Zone, activates: Activates) {
        let time = self.values.get(&TIME).filter(|_| self.is_armed);
        let Some(bound) = time.and_then(Bound::of) else {
            return;
        };
        let (now, due) = bound.compare(shown, zone);
        if due <= now {
            self.is_armed = false;
            self.activate(activates);
            let method = Method {
                class: 20,
                name: CALENDAR,
                number: 1,
            };
            *self.executed.entry(method).or_default() += 1;
        }
    }

    fn table(&self) -> Vec<Data> {
        match self.values.get(&TABLE) {
            Some(Data::Array(entries)) => entries.clone(),
            _ => Vec::new(),
        }
    }

    fn insert(&mut self, entry: &Data) -> ActionResult {
        if !is_special_day(entry) {
            return ActionResult::TypeUnmatched;
        }
        let mut table = self.table();
        table.retain(|known| index(known) != index(entry));
        table.push(entry.clone());
        table.sort_by_key(index);
        let table = Data::Array(table);
        if check(TABLE, &table).is_err() {
            return ActionResult::OtherReason;
        }
        self.values.insert(TABLE, table);
        ActionResult::Success
    }

    fn delete(&mut self, number: u16) -> ActionResult {
        let mut table = self.table();
        let count = table.len();
        table.retain(|known| index(known) != Some(number.into()));
        if table.len() == count {
            return ActionResult::OtherReason;
        }
        self.values.insert(TABLE, Data::Array(table));
        ActionResult::Success
    }

    /// Scripts choose registers; nothing else of this meter can be switched.
    fn execute(&mut self, number: u16) -> ActionResult {
        let table = self.values.get(&at(9, SCRIPTS, 2)).and_then(Data::items);
        let mut scripts = table.unwrap_or_default().iter().filter_map(Data::items);
        let script = scripts.find(|script| {
            let id = script.first().and_then(Data::integer);
            id == Some(number.into())
        });
        let actions = script.and_then(|script| script.get(1)?.items());
        let Some(actions) = actions else {
            return ActionResult::OtherReason;
        };
        let mut masks = actions.iter().filter_map(|action| match action.items()? {
            [
                Data::Enum(1),
                Data::LongUnsigned(6),
                _,
                Data::Integer(4),
                mask,
            ] => Some(mask.clone()),
            _ => None,
        });
        if let Some(mask) = masks.next_back() {
            self.values.insert(MASK, mask);
        }
        ActionResult::Success
    }
}

const DENIED: Result<(), AccessResult> = Err(AccessResult::ReadWriteDenied);

fn index(entry: &Data) -> Option<i128> {
    entry.items()?.first()?.integer()
}

/// Seconds and hundredths that were left open are zero, as some meters write them.
fn filled_in(value: &Data) -> Data {
    let time = value.date_time().and_then(Result::ok);
    match time.filter(|time| !is_off(time)) {
        Some(time) => {
            let filled = DateTime {
                second: time.second.or(Some(0)),
                hundredths: time.hundredths.or(Some(0)),
                ..time
            };
            octets(&filled.encode())
        }
        None => value.clone(),
    }
}
