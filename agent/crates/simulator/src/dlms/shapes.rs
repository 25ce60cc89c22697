//! What the meter takes into a table. Written apart from the gateway's own encoder, so that a mistake
//! of the one is no mistake of the other.

use dlms::codec::{AccessResult, Attribute, Data, DateTime};

/// What fits into the meter.
const NAME_OCTETS: usize = 16;
const SEASONS: usize = 12;
const WEEKS: usize = 12;
const DAYS: usize = 16;
const SWITCHES: usize = 16;
const SPECIAL_DAYS: usize = 60;
const SCRIPTS: usize = 32;
const REGISTERS: usize = 16;

/// One value of a table.
enum Shape {
    /// A name.
    Name,
    /// So many octets.
    Octets(usize),
    /// A date and time of twelve octets.
    Time,
    Unsigned,
    Integer,
    LongUnsigned,
    Service,
    Any,
    Structure(&'static [Shape]),
    /// At most so many.
    Array(usize, &'static Shape),
}

use Shape::{Any, Array, Integer, LongUnsigned, Name, Octets, Service, Structure, Time, Unsigned};

const SEASON: Shape = Structure(&[Name, Time, Name]);
const WEEK: Shape = Structure(&[
    Name, Unsigned, Unsigned, Unsigned, Unsigned, Unsigned, Unsigned, Unsigned,
]);
const SWITCH: Shape = Structure(&[Octets(4), Octets(6), LongUnsigned]);
const DAY: Shape = Structure(&[Unsigned, Array(SWITCHES, &SWITCH)]);
const SPECIAL_DAY: Shape = Structure(&[LongUnsigned, Octets(5), Unsigned]);
const ACTION: Shape = Structure(&[Service, LongUnsigned, Octets(6), Integer, Any]);
const SCRIPT: Shape = Structure(&[LongUnsigned, Array(8, &ACTION)]);
const REGISTER: Shape = Structure(&[LongUnsigned, Octets(6)]);
const MASK: Shape = Structure(&[Name, Array(REGISTERS, &Unsigned)]);

impl Shape {
    fn check(&self, data: &Data) -> Result<(), AccessResult> {
        let octets = match data {
            Data::OctetString(octets) => Some(octets.len()),
            _ => None,
        };
        let is_type = match (self, data) {
            (Name, _) => match octets {
                Some(octets) if octets > NAME_OCTETS => return Err(AccessResult::OtherReason),
                Some(_) => true,
                None => false,
            },
            (Octets(wanted), _) => octets == Some(*wanted),
            (Time, _) => octets == Some(12) && data.date_time().is_some_and(|time| time.is_ok()),
            (Service, Data::Enum(service)) => (1..=2).contains(service),
            (Unsigned, Data::Unsigned(_))
            | (Integer, Data::Integer(_))
            | (LongUnsigned, Data::LongUnsigned(_))
            | (Any, _) => true,
            (Structure(shapes), Data::Structure(fields)) if shapes.len() == fields.len() => {
                for (shape, field) in shapes.iter().zip(fields) {
                    shape.check(field)?;
                }
                true
            }
            (Array(most, shape), Data::Array(items)) => {
                if items.len() > *most {
                    return Err(AccessResult::OtherReason);
                }
                for item in items {
                    shape.check(item)?;
                }
                true
            }
            _ => false,
        };
        if is_type {
            Ok(())
        } else {
            Err(AccessResult::TypeUnmatched)
        }
    }
}

/// Whether the meter takes this value there, whoever asks.
pub(super) fn check(attribute: Attribute, value: &Data) -> Result<(), AccessResult> {
    match (attribute.class, attribute.number) {
        (6, 2) => Array(REGISTERS, &REGISTER).check(value),
        (6, 3) => Array(REGISTERS, &MASK).check(value),
        (6, 4) | (20, 6) => Name.check(value),
        (8, 5 | 6) | (20, 10) => Time.check(value),
        (8, 3) => typed(matches!(value, Data::Long(minutes) if minutes.abs() <= 840)),
        (8, 7) => typed(matches!(value, Data::Integer(minutes) if minutes.abs() <= 120)),
        (8, 8) => typed(matches!(value, Data::Boolean(_))),
        (9, 2) => Array(SCRIPTS, &SCRIPT).check(value),
        (11, 2) => Array(SPECIAL_DAYS, &SPECIAL_DAY).check(value),
        (20, 7) => Array(SEASONS, &SEASON).check(value),
        (20, 8) => Array(WEEKS, &WEEK).check(value),
        (20, 9) => Array(DAYS, &DAY).check(value),
        _ => Err(AccessResult::ReadWriteDenied),
    }
}

/// Whether an entry fits into the table of special days.
pub(super) fn is_special_day(entry: &Data) -> bool {
    SPECIAL_DAY.check(entry).is_ok()
}

fn typed(is_type: bool) -> Result<(), AccessResult> {
    if is_type {
        Ok(())
    } else {
        Err(AccessResult::TypeUnmatched)
    }
}

/// Whether nothing of a time is given: it never comes.
pub(super) fn is_off(time: &DateTime) -> bool {
    let parts = [time.month, time.day, time.hour, time.minute, time.second];
    time.year.is_none() && parts.iter().all(Option::is_none)
}
