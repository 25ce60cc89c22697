//! The objects of the meter, as its clients read them.

use std::collections::BTreeMap;
use std::time::Duration;

use dlms::codec::{
    AccessResult, ActionResult, Asked, Attribute, Column, Data, LogicalName, Method, Outcome,
    Selection,
};
use dlms::meter::Store;
use dlms::security::{Key, Keys, Secret};

use super::clock::stamp;
use super::objects::{OBJECTS, object_list, register};
use super::programmed::Programmed;
use super::recorder::{Mark, Recorder};
use super::scenario::{DlmsScenario, Energy};
use super::table::Table;
use crate::dice::Dice;

/// The status word of the load profile.
const STATUS: LogicalName = LogicalName([0, 0, 96, 10, 1, 255]);
/// The policy of a client with keys: requests and answers authenticated and encrypted.
const PROTECTED: u8 = 0b0110_1100;
/// Takes wrapped keys.
const KEY_TRANSFER: Method = Method {
    class: 64,
    name: LogicalName::SECURITY_SETUP,
    number: 2,
};
const EVENT_CODE: LogicalName = LogicalName([0, 0, 96, 11, 0, 255]);
pub(super) const LOAD: [u8; 6] = [1, 0, 99, 1, 0, 255];
const LOG: [u8; 6] = [0, 0, 99, 98, 0, 255];
const BILLING: [u8; 6] = [0, 0, 98, 1, 0, 255];

/// What a DLMS meter holds: a function of its scenario and the time.
#[derive(Debug)]
pub struct DlmsContents {
    pub(super) recorder: Recorder,
    /// Suites of the clients with keys.
    pub(super) suites: BTreeMap<u16, u8>,
    /// Keys that clients have now, and those that wrap new ones.
    pub(super) keys: BTreeMap<u16, Keys>,
    pub(super) masters: BTreeMap<u16, Key>,
    /// Passwords that clients have now.
    pub(super) passwords: BTreeMap<u16, Secret>,
    /// How often a wrong one was shown.
    pub(super) wrong_passwords: u32,
    /// How often a new key was taken.
    pub(super) transfers: u32,
    /// What clients have written.
    pub(super) programmed: Programmed,
    challenges: Dice,
}

impl DlmsContents {
    pub(super) fn new(scenario: DlmsScenario) -> Self {
        Self {
            challenges: Dice::new(scenario.seed).fork(CHALLENGE_DICE),
            recorder: Recorder::new(scenario),
            suites: BTreeMap::new(),
            keys: BTreeMap::new(),
            masters: BTreeMap::new(),
            passwords: BTreeMap::new(),
            wrong_passwords: 0,
            transfers: 0,
            programmed: Programmed::new(),
        }
    }

    fn scenario(&self) -> &DlmsScenario {
        &self.recorder.scenario
    }

    /// True time at an instant of the wire.
    pub(super) fn utc(&self, at: Duration) -> i64 {
        let passed = i64::try_from(at.as_secs()).unwrap_or(i64::MAX / 2);
        self.scenario().starts_at.saturating_add(passed)
    }

    /// The logical device name: maker and number.
    pub(super) fn device_name(&self) -> String {
        format!("PMU{:0>13}", self.scenario().serial)
    }

    fn value(&self, client: u16, asked: &Asked, utc: i64) -> Outcome {
        let Attribute {
            class,
            name,
            number,
        } = asked.attribute;
        if number == 1 {
            return Ok(Data::OctetString(name.0.to_vec()));
        }
        if let Some(value) = self.programmed(asked.attribute) {
            return Ok(value);
        }
        match (class, number) {
            (1, 2) => self.data(name, utc),
            (3..=5, _) => register(&self.recorder, asked.attribute, utc),
            (7, _) if name.0 == LOAD => self.load(number, asked.selection.as_ref(), utc),
            (7, _) if name.0 == BILLING => self.billing(number, asked.selection.as_ref(), utc),
            (7, _) if name.0 == LOG => self.log(number, asked.selection.as_ref(), utc),
            (8, _) => self.clock(number, utc),
            (15, 2) => Ok(object_list()),
            (64, _) => self.security(client, number),
            _ => Err(AccessResult::ObjectUndefined),
        }
    }

    fn data(&self, name: LogicalName, utc: i64) -> Outcome {
        let text = |text: &str| Data::OctetString(text.as_bytes().to_vec());
        match name {
            LogicalName::DEVICE_NAME => Ok(text(&self.device_name())),
            LogicalName([0, 0, 96, 1, 0, 255]) => Ok(text(&self.scenario().serial)),
            LogicalName([1, 0, 0, 2, 0, 255]) => Ok(text("SIM 1.0")),
            STATUS => {
                let newest = self.recorder.held(utc).pop();
                Ok(Data::LongUnsigned(newest.map_or(0, |mark| mark.status)))
            }
            EVENT_CODE => {
                let newest = self.recorder.events(utc).pop();
                Ok(Data::Unsigned(newest.map_or(0, |(_, code)| code)))
            }
            _ => Err(AccessResult::ObjectUndefined),
        }
    }

    fn clock(&self, number: i8, utc: i64) -> Outcome {
        let zone = &self.scenario().zone;
        let shown = self.recorder.shown(utc);
        let time = super::clock::date_time(shown, zone);
        Ok(match number {
            2 => stamp(shown, zone),
            3 => Data::Long(i16::try_from(-zone.offset / 60).unwrap_or(0)),
            5 | 6 => summer_end(number == 5),
            4 => Data::Unsigned(time.status.unwrap_or(0)),
            7 => Data::Integer(60),
            8 => Data::Boolean(zone.summer.is_some()),
            9 => Data::Enum(1),
            _ => return Err(AccessResult::ObjectUndefined),
        })
    }

    fn security(&self, client: u16, number: i8) -> Outcome {
        let suite = self.suites.get(&client).copied();
        Ok(match number {
            2 => Data::Enum(if suite.is_some() { PROTECTED } else { 0 }),
            3 => Data::Enum(suite.unwrap_or(0)),
            5 => Data::OctetString(self.title().to_vec()),
            _ => return Err(AccessResult::ReadWriteDenied),
        })
    }

    /// A client's keys with those that came wrapped; none if one of them is not understood.
    fn unwrapped(&self, client: u16, wrapped: &Data) -> Option<Keys> {
        let master = self.masters.get(&client)?;
        let mut keys = self.keys.get(&client)?.clone();
        for item in wrapped.items()? {
            let [role, wrapped] = item.items()? else {
                return None;
            };
            let key = Key::unwrapped(keys.suite(), wrapped.octets()?, master).ok()?;
            keys = match role.integer()? {
                0 => keys.with_encryption(key),
                2 => keys.with_authentication(key),
                _ => return None,
            };
        }
        Some(keys)
    }

    /// Its system title: the maker, and a number out of the serial number.
    pub(super) fn title(&self) -> [u8; 8] {
        let digits = self.scenario().serial.bytes().filter(u8::is_ascii_digit);
        let number = digits.fold(0_u64, |sum, digit| {
            sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
        });
        let [_, _, _, n0, n1, n2, n3, n4] = number.to_be_bytes();
        [b'P', b'M', b'U', n0, n1, n2, n3, n4]
    }

    fn load(&self, number: i8, selection: Option<&Selection>, utc: i64) -> Outcome {
        let scenario = self.scenario();
        let marks: Vec<Mark> = self.recorder.held(utc);
        let energies = self.recorder.columns(utc);
        let mut columns = vec![clock_column(), data_column(STATUS)];
        columns.extend(energies.iter().map(|energy| energy.column()));
        let cells = |row: usize| {
            let recorded = marks.get(row).copied();
            let recorded = recorded.map(|mark| self.recorder.recorded(mark, energies));
            let Some(recorded) = recorded else {
                return Vec::new();
            };
            let mut cells = vec![Data::LongUnsigned(recorded.status)];
            cells.extend(recorded.values.into_iter().map(Data::DoubleLongUnsigned));
            cells
        };
        let table = Table {
            scenario,
            columns,
            period_s: scenario.period_s,
            entries: u32::try_from(scenario.capacity).unwrap_or(u32::MAX),
            stamps: marks.iter().map(|mark| mark.end).collect(),
            cells: &cells,
        };
        table.attribute(number, selection)
    }

    fn log(&self, number: i8, selection: Option<&Selection>, utc: i64) -> Outcome {
        let events = self.recorder.logged(utc);
        let cells = |row: usize| {
            let code = events.get(row).map_or(0, |(_, code)| *code);
            vec![Data::Unsigned(code)]
        };
        let stamps = events.iter().map(|(at, _)| self.recorder.shown(*at));
        let table = Table {
            scenario: self.scenario(),
            columns: vec![clock_column(), data_column(EVENT_CODE)],
            period_s: 0,
            entries: u32::try_from(self.scenario().log_capacity).unwrap_or(u32::MAX),
            stamps: stamps.collect(),
            cells: &cells,
        };
        table.attribute(number, selection)
    }

    /// Totals at the end of each billing period, and the highest average within it.
    fn billing(&self, number: i8, selection: Option<&Selection>, utc: i64) -> Outcome {
        let sets = self.recorder.billed(utc);
        let columns = vec![
            clock_column(),
            Energy::Import.column(),
            Energy::Export.column(),
            extended_column(2),
            extended_column(5),
        ];
        let cells = |row: usize| {
            let Some(set) = sets.get(row) else {
                return Vec::new();
            };
            let total = |energy| Data::DoubleLongUnsigned(self.recorder.total(energy, set.at));
            let (highest, end) = self.recorder.highest(Energy::Import, *set);
            vec![
                total(Energy::Import),
                total(Energy::Export),
                Data::DoubleLongUnsigned(highest),
                stamp(end, &self.scenario().zone),
            ]
        };
        let table = Table {
            scenario: self.scenario(),
            columns,
            period_s: 0,
            entries: u32::try_from(self.scenario().billing_capacity).unwrap_or(u32::MAX),
            stamps: sets.iter().map(|set| set.end).collect(),
            cells: &cells,
        };
        table.attribute(number, selection)
    }
}

/// Summer time begins or ends at two or three on the last Sunday of March or October.
fn summer_end(is_beginning: bool) -> Data {
    let (month, hour) = if is_beginning { (3, 2) } else { (10, 3) };
    let rule = [0xff, 0xff, month, 0xfe, 7, hour, 0, 0, 0, 0x80, 0, 0xff];
    Data::OctetString(rule.to_vec())
}

/// Keeps the dice of challenges apart from those of loads.
const CHALLENGE_DICE: u64 = 0xC4A1;

const fn column(class: u16, name: LogicalName) -> Column {
    Column {
        attribute: Attribute {
            class,
            name,
            number: 2,
        },
        index: 0,
    }
}

/// Of the maximum of 1-0:1.6.0.
const fn extended_column(number: i8) -> Column {
    let name = LogicalName([1, 0, 1, 6, 0, 255]);
    Column {
        attribute: Attribute {
            class: 4,
            name,
            number,
        },
        index: 0,
    }
}

const fn clock_column() -> Column {
    column(8, LogicalName::CLOCK)
}

const fn data_column(name: LogicalName) -> Column {
    column(1, name)
}

impl Store for DlmsContents {
    fn get(&mut self, client: u16, asked: &Asked, at: Duration) -> Outcome {
        let Attribute { class, name, .. } = asked.attribute;
        self.settle(self.utc(at));
        let known = OBJECTS.iter().find(|(_, known)| *known == name.0);
        match known {
            None => Err(AccessResult::ObjectUndefined),
            Some((known, _)) if *known != class => Err(AccessResult::ClassInconsistent),
            Some(_) => self.value(client, asked, self.utc(at)),
        }
    }

    fn set(&mut self, client: u16, asked: &Asked, value: &Data, at: Duration) -> AccessResult {
        let Attribute { class, name, .. } = asked.attribute;
        self.settle(self.utc(at));
        let known = OBJECTS.iter().find(|(_, known)| *known == name.0);
        match known {
            None => AccessResult::ObjectUndefined,
            Some((known, _)) if *known != class => AccessResult::ClassInconsistent,
            Some(_) => self.write(client, asked, value, at),
        }
    }

    fn act(
        &mut self,
        client: u16,
        method: Method,
        parameter: Option<&Data>,
        at: Duration,
    ) -> (ActionResult, Option<Outcome>) {
        self.settle(self.utc(at));
        if method != KEY_TRANSFER {
            return (self.execute(client, method, parameter, at), None);
        }
        let Some(keys) = parameter.and_then(|wrapped| self.unwrapped(client, wrapped)) else {
            return (ActionResult::ReadWriteDenied, None);
        };
        self.keys.insert(client, keys);
        self.transfers += 1;
        (ActionResult::Success, None)
    }

    fn keys(&self, client: u16) -> Option<Keys> {
        self.keys.get(&client).cloned()
    }

    fn password(&self, client: u16) -> Option<Secret> {
        self.passwords.get(&client).cloned()
    }

    fn note_wrong_password(&mut self, _: u16) {
        self.wrong_passwords += 1;
    }

    fn challenge(&mut self, _: Duration) -> [u8; 16] {
        let (first, second) = (self.challenges.roll(), self.challenges.roll());
        (u128::from(first) << 64 | u128::from(second)).to_be_bytes()
    }
}
