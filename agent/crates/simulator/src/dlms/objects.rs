//! Which objects there are, and what registers hold.

use dlms::codec::{AccessResult, Attribute, Data, Outcome};

use super::clock::stamp;
use super::recorder::Recorder;
use super::scenario::Energy;

/// Classes and logical names.
pub(super) const OBJECTS: [(u16, [u8; 6]); 40] = [
    (1, [0, 0, 42, 0, 0, 255]),
    (1, [0, 0, 96, 1, 0, 255]),
    (1, [0, 0, 96, 10, 1, 255]),
    (1, [0, 0, 96, 11, 0, 255]),
    (1, [1, 0, 0, 2, 0, 255]),
    (8, [0, 0, 1, 0, 0, 255]),
    (15, [0, 0, 40, 0, 0, 255]),
    (64, [0, 0, 43, 0, 0, 255]),
    (6, [0, 0, 14, 0, 0, 255]),
    (9, [0, 0, 10, 0, 100, 255]),
    (11, [0, 0, 11, 0, 0, 255]),
    (20, [0, 0, 13, 0, 0, 255]),
    (7, [0, 0, 99, 98, 0, 255]),
    (7, [0, 0, 98, 1, 0, 255]),
    (7, [1, 0, 99, 1, 0, 255]),
    (3, [1, 0, 1, 8, 0, 255]),
    (3, [1, 0, 1, 8, 1, 255]),
    (3, [1, 0, 1, 8, 2, 255]),
    (3, [1, 0, 2, 8, 0, 255]),
    (3, [1, 0, 2, 8, 1, 255]),
    (3, [1, 0, 2, 8, 2, 255]),
    (3, [1, 0, 3, 8, 0, 255]),
    (3, [1, 0, 4, 8, 0, 255]),
    (3, [1, 0, 5, 8, 0, 255]),
    (3, [1, 0, 6, 8, 0, 255]),
    (3, [1, 0, 7, 8, 0, 255]),
    (3, [1, 0, 8, 8, 0, 255]),
    (3, [1, 0, 1, 7, 0, 255]),
    (3, [1, 0, 2, 7, 0, 255]),
    (3, [1, 0, 32, 7, 0, 255]),
    (3, [1, 0, 52, 7, 0, 255]),
    (3, [1, 0, 72, 7, 0, 255]),
    (3, [1, 0, 14, 7, 0, 255]),
    (4, [1, 0, 1, 6, 0, 255]),
    (4, [1, 0, 2, 6, 0, 255]),
    (5, [1, 0, 1, 4, 0, 255]),
    (5, [1, 0, 2, 4, 0, 255]),
    // Counters of the clients with keys; the device answers for them.
    (1, [0, 0, 43, 1, 1, 255]),
    (1, [0, 0, 43, 1, 2, 255]),
    (1, [0, 0, 43, 1, 3, 255]),
];

/// Codes of units (class 3, attribute 3).
const WATT: u8 = 27;
const WATT_HOUR: u8 = 30;
const VAR_HOUR: u8 = 32;
const VOLT: u8 = 35;
const HERTZ: u8 = 44;

/// Attribute 2 of the association: what there is, without rights of access.
pub(super) fn object_list() -> Data {
    let item = |(class, name): &(u16, [u8; 6])| {
        let version = match class {
            7 | 15 | 64 => 1,
            _ => 0,
        };
        let rights = vec![Data::Array(Vec::new()), Data::Array(Vec::new())];
        Data::Structure(vec![
            Data::LongUnsigned(*class),
            Data::Unsigned(version),
            Data::OctetString(name.to_vec()),
            Data::Structure(rights),
        ])
    };
    Data::Array(OBJECTS.iter().map(item).collect())
}

fn scaled(exponent: i8, unit: u8) -> Data {
    Data::Structure(vec![Data::Integer(exponent), Data::Enum(unit)])
}

/// An attribute of a register of class 3, 4 or 5.
pub(super) fn register(recorder: &Recorder, attribute: Attribute, utc: i64) -> Outcome {
    let [_, _, quantity, kind, rate, _] = attribute.name.0;
    let energy = Energy::of(quantity);
    match (kind, energy) {
        (8, Some(energy)) => total(recorder, energy, rate, attribute.number, utc),
        (7, _) => instant(recorder, quantity, attribute.number, utc),
        (6, Some(energy)) => maximum(recorder, energy, attribute.number, utc),
        (4, Some(energy)) => demand(recorder, energy, attribute.number, utc),
        _ => Err(AccessResult::ObjectUndefined),
    }
}

fn total(recorder: &Recorder, energy: Energy, rate: u8, number: i8, utc: i64) -> Outcome {
    let all = recorder.total(energy, utc);
    let unit = if energy.is_active() {
        WATT_HOUR
    } else {
        VAR_HOUR
    };
    match number {
        2 => Ok(Data::DoubleLongUnsigned(rate_share(all, rate))),
        3 => Ok(scaled(0, unit)),
        _ => Err(AccessResult::ObjectUndefined),
    }
}

/// What was counted in a rate: together they are the total, and none ever falls.
pub(super) const fn rate_share(all: u32, rate: u8) -> u32 {
    match rate {
        0 => all,
        1 => all - all / 4,
        _ => all / 4,
    }
}

fn instant(recorder: &Recorder, quantity: u8, number: i8, utc: i64) -> Outcome {
    let (value, scaler) = match (quantity, Energy::of(quantity)) {
        (_, Some(energy)) => {
            let watts = recorder.average(energy, utc - 60, utc);
            (Data::DoubleLongUnsigned(watts), scaled(0, WATT))
        }
        (14, _) => (Data::LongUnsigned(4998), scaled(-2, HERTZ)),
        (phase, _) => {
            let volts = 2300 + u16::from(phase) % 7;
            (Data::LongUnsigned(volts), scaled(-1, VOLT))
        }
    };
    match number {
        2 => Ok(value),
        3 => Ok(scaler),
        _ => Err(AccessResult::ObjectUndefined),
    }
}

/// The highest average of a period whose row the load profile still holds, and when it was.
fn maximum(recorder: &Recorder, energy: Energy, number: i8, utc: i64) -> Outcome {
    if number == 3 {
        return Ok(scaled(0, WATT));
    }
    let marks = recorder.held(utc);
    let step = recorder.step();
    let averages = marks.iter().map(|mark| {
        let average = recorder.average(energy, mark.at - step, mark.at);
        (average, mark.end)
    });
    // The first one of the highest, as a meter keeps it.
    let (highest, end) = averages.fold(
        (0, 0),
        |highest, one| {
            if one.0 > highest.0 { one } else { highest }
        },
    );
    match number {
        2 => Ok(Data::DoubleLongUnsigned(highest)),
        4 => Ok(Data::Unsigned(0)),
        5 => Ok(stamp(end, &recorder.scenario.zone)),
        _ => Err(AccessResult::ObjectUndefined),
    }
}

fn demand(recorder: &Recorder, energy: Energy, number: i8, utc: i64) -> Outcome {
    let step = recorder.step();
    let shown = recorder.shown(utc);
    let since = shown.rem_euclid(step);
    let (began, zone) = (utc - since, &recorder.scenario.zone);
    Ok(match number {
        2 => {
            // The energy so far, as an average of the whole period.
            let average = recorder.average(energy, began, utc);
            let so_far = i64::from(average) * since / step;
            Data::DoubleLongUnsigned(u32::try_from(so_far).unwrap_or(u32::MAX))
        }
        3 => Data::DoubleLongUnsigned(recorder.average(energy, began - step, began)),
        4 => scaled(0, WATT),
        5 => Data::Unsigned(0),
        6 | 7 => stamp(shown - since, zone),
        8 => Data::DoubleLongUnsigned(u32::try_from(step).unwrap_or(u32::MAX)),
        9 => Data::LongUnsigned(1),
        _ => return Err(AccessResult::ObjectUndefined),
    })
}
