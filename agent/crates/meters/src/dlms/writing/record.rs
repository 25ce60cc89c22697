//! What was there, and what should be: kept by its owner, on the disk before the first write.

use crate::cosem::{CalendarField, Likeness, compare, data_text};
use crate::sum::SUM;
use ::dlms::codec::{Attribute, Data, DateTime, LogicalName, decode_all};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a write of an attribute means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    /// It is written as it is, and in force at once.
    Value,
    /// A table that is written entry by entry.
    Entries,
    /// A quarter of the waiting half of a calendar.
    Passive,
    /// A quarter of the half in force; never written itself.
    Active,
    /// When the waiting half comes into force.
    Time,
    /// The period of a profile: its rows go with it.
    Period,
}

/// When the calendar comes into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Activated {
    Off,
    AtTime,
    Now,
}

/// A value as its octets, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Held(pub(super) Data);

impl From<Held> for String {
    fn from(held: Held) -> Self {
        const DIGITS: [char; 16] = [
            '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
        ];
        let octets = held.0.encode().into_iter();
        let places = octets.flat_map(|octet| [octet >> 4, octet & 0xf].map(usize::from));
        places.filter_map(|place| DIGITS.get(place)).collect()
    }
}

impl TryFrom<String> for Held {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let invalid = "no value in hexadecimal digits";
        let digit = |digit: &u8| {
            let digit = char::from(*digit).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let octets = pairs
            .iter()
            .map(|[high, low]| Some(digit(high)? << 4 | digit(low)?));
        let octets: Option<Vec<u8>> = octets.collect();
        let octets = octets.filter(|_| rest.is_empty()).ok_or(invalid)?;
        decode_all(&octets).map(Self).map_err(|_| invalid)
    }
}

/// An attribute that a program touches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Item {
    pub(super) role: Role,
    class: u16,
    name: [u8; 6],
    number: i8,
    pub(super) before: Held,
    pub(super) wanted: Held,
}

/// Rows that a program throws away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Rows {
    pub(super) profile: [u8; 6],
    /// Rows that were there.
    pub(super) before: u32,
    /// Seconds of the shortest period that it had or gets; 0 where rows come with events.
    pub(super) period_s: u32,
    /// Whether they go by themselves, and not with another period.
    pub(super) is_reset: bool,
}

/// A calendar that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CalendarRecord {
    pub(super) name: [u8; 6],
    pub(super) activated: Activated,
}

/// What a meter held when it was looked at, and what it should hold. It has no memory of what was
/// sent: the meter tells that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WriteRecord {
    pub(super) meter: String,
    pub(super) is_restoring: bool,
    /// Seconds that the meter's clock showed then.
    pub(super) clock_s: u64,
    pub(super) calendar: Option<CalendarRecord>,
    pub(super) items: Vec<Item>,
    pub(super) rows: Vec<Rows>,
}

/// One attribute of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// Which.
    pub attribute: Attribute,
    /// What it held when the meter was looked at.
    pub held: Data,
    /// What it should hold.
    pub wanted: Data,
    /// Whether it is written; the half of a calendar in force is not, it is put there.
    pub is_written: bool,
}

impl Contents {
    /// Whether these say the same, in the meter's form or in ours.
    pub fn is_like(&self, wanted: &Data, held: &Data) -> bool {
        compare(self.attribute, wanted, held) != Likeness::Different
    }
}

/// Stands for all that a program found in a meter: another one where anything of it is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Item {
    /// Before anybody looked.
    pub(super) fn new(role: Role, attribute: Attribute, wanted: Data) -> Self {
        Self {
            role,
            class: attribute.class,
            name: attribute.name.0,
            number: attribute.number,
            before: Held(Data::Null),
            wanted: Held(wanted),
        }
    }

    pub(super) fn attribute(&self) -> Attribute {
        Attribute {
            class: self.class,
            name: LogicalName(self.name),
            number: self.number,
        }
    }

    /// The quarter of a calendar that it is.
    pub(super) fn field(&self) -> Option<CalendarField> {
        let mut fields = CalendarField::ALL.into_iter();
        match self.role {
            Role::Passive => fields.find(|field| field.passive() == self.number),
            Role::Active => fields.find(|field| field.active() == self.number),
            _ => None,
        }
    }
}

impl Rows {
    /// One of the profile's attributes: 4 its period, 7 the rows in use.
    pub(super) fn attribute(&self, number: i8) -> Attribute {
        profile_attribute(LogicalName(self.profile), number)
    }
}

pub(super) fn profile_attribute(name: LogicalName, number: i8) -> Attribute {
    Attribute {
        class: 7,
        name,
        number,
    }
}

impl WriteRecord {
    /// Which meter it is for.
    pub fn meter(&self) -> &str {
        &self.meter
    }

    /// Whether it writes back what was there.
    pub fn is_restoring(&self) -> bool {
        self.is_restoring
    }

    /// The same, to write back what was there. It is kept on the disk before it is carried out, too.
    #[must_use]
    pub fn turned_back(self) -> Self {
        Self {
            is_restoring: true,
            ..self
        }
    }

    /// The same with another time at which the calendar comes into force, where the first one is over.
    #[must_use]
    pub fn activating_at(mut self, time: DateTime) -> Self {
        let at_time = self
            .calendar
            .is_some_and(|calendar| calendar.activated == Activated::AtTime);
        let times = self.items.iter_mut();
        for item in times.filter(|item| at_time && item.role == Role::Time) {
            item.wanted = Held(Data::OctetString(time.encode().to_vec()));
        }
        self
    }

    /// Whether rows of profiles are lost with it.
    pub fn loses_rows(&self) -> bool {
        !self.rows.is_empty()
    }

    /// What is written, for people, with what was there before.
    pub fn lines(&self) -> Vec<String> {
        let text = |held: &Held| data_text(&held.0);
        let items = self.items.iter().filter(|item| item.role != Role::Active);
        let items = items.map(|item| {
            let (before, wanted) = (text(&item.before), text(&item.wanted));
            format!("{}: `{before}` becomes `{wanted}`", item.attribute())
        });
        let rows = self.rows.iter().map(|rows| {
            let profile = LogicalName(rows.profile);
            format!("profile {profile}: {} rows are lost", rows.before)
        });
        items.chain(rows).collect()
    }

    /// All that it is about, as it was found, in the order in which a report names it.
    pub fn contents(&self) -> Vec<Contents> {
        let items = self.items.iter().map(|item| Contents {
            attribute: item.attribute(),
            held: item.before.0.clone(),
            wanted: item.wanted.0.clone(),
            is_written: item.role != Role::Active,
        });
        let resets = self.rows.iter().filter(|rows| rows.is_reset);
        let resets = resets.map(|rows| Contents {
            attribute: rows.attribute(7),
            held: Data::DoubleLongUnsigned(rows.before),
            wanted: Data::DoubleLongUnsigned(0),
            is_written: true,
        });
        items.chain(resets).collect()
    }

    /// What was there before, in short.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut digest = SUM.digest();
        for item in &self.items {
            digest.update(item.attribute().to_string().as_bytes());
            digest.update(&item.before.0.encode());
        }
        Fingerprint(digest.finalize())
    }

    pub(super) fn of(&self, role: Role) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.role == role)
    }
}
