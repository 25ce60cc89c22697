//! The meter that tests and peers talk to: a few registers, a clock, a profile, something to write.

use std::collections::BTreeMap;
use std::time::Duration;

use dlms::codec::{
    AccessResult, ActionResult, Asked, Attribute, Conformance, Data, DateTime, LogicalName, Method,
    Outcome, Selection,
};
use dlms::hdlc::Parameters;
use dlms::meter::{Client, Device, Level, Settings, Store};
use dlms::security::{Key, Keys, Secret, Suite, SystemTitle};

pub(crate) const METER_TITLE: SystemTitle = SystemTitle(*b"MMM\x00\x00\xbcaN");
pub(crate) const PASSWORD: &[u8] = b"12345678";
pub(crate) const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
pub(crate) const AUTH: [u8; 16] = [
    0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
];
/// What wraps keys for the meter.
pub(crate) const MASTER: [u8; 16] = [0x4d; 16];
pub(crate) const MASTER_TWO: [u8; 32] = [0x4e; 32];
pub(crate) const KEY_TWO: [u8; 32] = [0x42; 32];
pub(crate) const AUTH_TWO: [u8; 32] = [0x24; 32];

/// The clients that the meter knows.
pub(crate) const PUBLIC: u16 = 16;
pub(crate) const LOW: u16 = 2;
pub(crate) const SUITE_ZERO: u16 = 3;
pub(crate) const SUITE_TWO: u16 = 4;
pub(crate) const PROOF_ONLY: u16 = 5;
pub(crate) const SUITE_ONE: u16 = 6;

pub(crate) const ENERGY: Attribute = attribute(3, [1, 0, 1, 8, 0, 255], 2);
pub(crate) const ENERGY_UNIT: Attribute = attribute(3, [1, 0, 1, 8, 0, 255], 3);
pub(crate) const CLOCK: Attribute = attribute(8, LogicalName::CLOCK.0, 2);
pub(crate) const NAME: Attribute = attribute(1, LogicalName::DEVICE_NAME.0, 2);
pub(crate) const PROFILE: Attribute = attribute(7, [1, 0, 99, 1, 0, 255], 2);
pub(crate) const CAPTURED: Attribute = attribute(7, [1, 0, 99, 1, 0, 255], 3);
/// May be written.
pub(crate) const CALENDAR: Attribute = attribute(20, [0, 0, 13, 0, 0, 255], 9);
pub(crate) const CALENDAR_NAME: Attribute = attribute(20, [0, 0, 13, 0, 0, 255], 6);
/// Returns its parameter.
pub(crate) const ECHO: Method = Method {
    class: 9,
    name: LogicalName([0, 0, 10, 0, 100, 255]),
    number: 1,
};

/// Takes wrapped keys.
pub(crate) const KEY_TRANSFER: Method = Method {
    class: 64,
    name: LogicalName::SECURITY_SETUP,
    number: 2,
};

/// Rows of the profile.
pub(crate) const ROWS: u32 = 240;

pub(crate) const fn attribute(class: u16, name: [u8; 6], number: i8) -> Attribute {
    Attribute {
        class,
        name: LogicalName(name),
        number,
    }
}

/// What the meter holds, and what was done to it.
pub(crate) struct TestStore {
    pub(crate) values: BTreeMap<Attribute, Data>,
    pub(crate) log: Vec<String>,
    /// Keys that were given to it, by client and role.
    pub(crate) keys: BTreeMap<(u16, u8), Vec<u8>>,
    challenges: u64,
}

impl Default for TestStore {
    fn default() -> Self {
        let clock =
            DateTime::decode([0x07, 0xea, 6, 1, 1, 12, 15, 0, 0, 0xff, 0x88, 0x80]).unwrap();
        let name = Data::OctetString(b"PMUTEST000000001".to_vec());
        let unit = Data::Structure(vec![Data::Integer(-1), Data::Enum(30)]);
        let values = BTreeMap::from([
            (ENERGY, Data::DoubleLongUnsigned(12_345_678)),
            (ENERGY_UNIT, unit),
            (CLOCK, Data::OctetString(clock.encode().to_vec())),
            (NAME, name),
            (CAPTURED, captured()),
            (CALENDAR, Data::Array(Vec::new())),
            (CALENDAR_NAME, Data::OctetString(b"winter".to_vec())),
        ]);
        Self {
            values,
            log: Vec::new(),
            keys: BTreeMap::new(),
            challenges: 0,
        }
    }
}

fn captured() -> Data {
    let column = |attribute: Attribute| {
        Data::Structure(vec![
            Data::LongUnsigned(attribute.class),
            Data::OctetString(attribute.name.0.to_vec()),
            Data::Integer(attribute.number),
            Data::LongUnsigned(0),
        ])
    };
    Data::Array(vec![column(CLOCK), column(ENERGY)])
}

/// The time of a row: quarters of an hour from the first of June.
pub(crate) fn row_time(row: u32) -> [u8; 12] {
    let quarters = row - 1;
    let [day, hour, minute] = [quarters / 96 + 1, quarters / 4 % 24, quarters % 4 * 15];
    let octet = |value: u32| u8::try_from(value).unwrap();
    [
        0x07,
        0xea,
        6,
        octet(day),
        0xff,
        octet(hour),
        octet(minute),
        0,
        0,
        0xff,
        0x88,
        0x80,
    ]
}

pub(crate) fn row(row: u32) -> Data {
    Data::Structure(vec![
        Data::OctetString(row_time(row).to_vec()),
        Data::DoubleLongUnsigned(1_000_000 + row * 19),
    ])
}

fn profile(selection: Option<&Selection>) -> Outcome {
    let rows: Vec<u32> = match selection {
        None => (1..=ROWS).collect(),
        Some(Selection::Entries { from, to, .. }) => {
            let to = if *to == 0 { ROWS } else { *to };
            (*from..=to.min(ROWS)).collect()
        }
        Some(Selection::Range { from, to, .. }) => {
            let moment = |data: &Data| data.octets().map(|octets| octets[..8].to_vec());
            let (Some(from), Some(to)) = (moment(from), moment(to)) else {
                return Err(AccessResult::TypeUnmatched);
            };
            let clean = |mut octets: Vec<u8>| {
                octets[4] = 0xff;
                octets
            };
            let (from, to) = (clean(from), clean(to));
            (1..=ROWS)
                .filter(|row| {
                    let time = row_time(*row)[..8].to_vec();
                    from <= time && time <= to
                })
                .collect()
        }
        Some(Selection::Other { .. }) => return Err(AccessResult::ScopeViolated),
    };
    Ok(Data::Array(rows.into_iter().map(row).collect()))
}

impl TestStore {
    fn take_keys(&mut self, client: u16, parameter: Option<&Data>) -> ActionResult {
        let (suite, master) = match client {
            SUITE_TWO => (Suite::Two, Key::new(Suite::Two, &MASTER_TWO)),
            _ => (Suite::Zero, Key::new(Suite::Zero, &MASTER)),
        };
        let Some(Data::Array(list)) = parameter else {
            return ActionResult::TypeUnmatched;
        };
        for given in list {
            let Data::Structure(fields) = given else {
                return ActionResult::TypeUnmatched;
            };
            let [Data::Enum(role), Data::OctetString(wrapped)] = fields.as_slice() else {
                return ActionResult::TypeUnmatched;
            };
            match Key::unwrapped(suite, wrapped, master.as_ref().unwrap()) {
                Ok(key) => self.keys.insert((client, *role), key.reveal().to_vec()),
                Err(_) => return ActionResult::OtherReason,
            };
        }
        ActionResult::Success
    }
}

impl Store for TestStore {
    fn get(&mut self, client: u16, asked: &Asked, _: Duration) -> Outcome {
        self.log.push(format!("{client} reads {}", asked.attribute));
        if asked.attribute == PROFILE {
            return profile(asked.selection.as_ref());
        }
        let value = self.values.get(&asked.attribute);
        value.cloned().ok_or(AccessResult::ObjectUndefined)
    }

    fn set(&mut self, client: u16, asked: &Asked, value: &Data, _: Duration) -> AccessResult {
        self.log
            .push(format!("{client} writes {}", asked.attribute));
        if client == PUBLIC || ![CALENDAR, CALENDAR_NAME, CLOCK].contains(&asked.attribute) {
            return AccessResult::ReadWriteDenied;
        }
        self.values.insert(asked.attribute, value.clone());
        AccessResult::Success
    }

    fn act(
        &mut self,
        client: u16,
        method: Method,
        parameter: Option<&Data>,
        _: Duration,
    ) -> (ActionResult, Option<Outcome>) {
        self.log.push(format!("{client} executes {method}"));
        if method == ECHO {
            (ActionResult::Success, parameter.cloned().map(Ok))
        } else if method == KEY_TRANSFER {
            (self.take_keys(client, parameter), None)
        } else {
            (ActionResult::ObjectUndefined, None)
        }
    }

    fn challenge(&mut self, at: Duration) -> [u8; 16] {
        self.challenges += 1;
        let nanos = u64::try_from(at.as_nanos()).unwrap();
        let mut challenge = [0; 16];
        challenge[..8].copy_from_slice(&nanos.to_be_bytes());
        challenge[8..].copy_from_slice(&self.challenges.to_be_bytes());
        challenge
    }
}

pub(crate) fn keys(client: u16) -> Keys {
    match client {
        SUITE_TWO => Keys::new(Suite::Two, &KEY_TWO, &AUTH_TWO),
        SUITE_ONE => Keys::new(Suite::One, &KEY, &AUTH),
        _ => Keys::new(Suite::Zero, &KEY, &AUTH),
    }
    .unwrap()
}

pub(crate) fn clients() -> Vec<Client> {
    let gmac = |address, is_ciphered| Client {
        level: Level::Gmac,
        keys: Some(keys(address)),
        is_ciphered,
        ..Client::public(address)
    };
    vec![
        Client {
            conformance: Conformance::GET
                .and(Conformance::SET)
                .and(Conformance::GET_BLOCKS)
                .and(Conformance::LISTS)
                .and(Conformance::SELECTION),
            ..Client::public(PUBLIC)
        },
        Client {
            level: Level::Low(Secret::new(PASSWORD).unwrap()),
            ..Client::public(LOW)
        },
        gmac(SUITE_ZERO, true),
        gmac(SUITE_ONE, true),
        gmac(SUITE_TWO, true),
        gmac(PROOF_ONLY, false),
    ]
}

pub(crate) fn device(pdu_octets: u16) -> Device<TestStore> {
    let settings = Settings {
        pdu_octets,
        counter: 1000,
        ..Settings::new(METER_TITLE, clients())
    };
    Device::new(settings, TestStore::default())
}

/// What a modern meter can take.
pub(crate) fn wide() -> Parameters {
    Parameters {
        transmit_octets: 512,
        receive_octets: 512,
        transmit_window: 3,
        receive_window: 1,
    }
}
