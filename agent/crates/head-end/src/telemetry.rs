//! Instantaneous values: polls of the same shape stand together, column by column.
//!
//! Each message can be read by itself. A list of quantities is written once for all meters of a
//! kind in the message, so that there is little left to save by remembering lists between
//! messages, and nothing that can be out of step.

use crate::column;
use crate::fault::{DecodeError, EncodeError};
use crate::limits::{BODY_BYTES_MAX, GROUP_ROWS_MAX, GROUPS_MAX, MILLIS_MAX, QUANTITIES_MAX};
use crate::message::clock_quality;
use crate::strict::{self, Map};
use metering::{ClockQuality, MeterId, MeterReadings, Obis, Quantity, Reading, Unit};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use std::collections::BTreeMap;

/// `[obis, exponent, unit]`; the last two are null where no poll of the group has a value.
type WireQuantity = (ByteArray<6>, Option<i8>, Option<u8>);

#[derive(Serialize)]
struct Wire {
    g: Vec<WireGroup>,
}

#[derive(Deserialize)]
struct WireRead {
    g: Vec<Map<WireGroup>>,
}

#[derive(Serialize, Deserialize)]
struct WireGroup {
    tq: u8,
    o: Vec<WireQuantity>,
    m: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    i: Option<ByteBuf>,
    t0: u64,
    t: ByteBuf,
    v: Vec<ByteBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nul: Option<Vec<ByteBuf>>,
}

/// Scale and unit of a column, as soon as a value tells them.
type Scale = Option<(i8, Unit)>;

/// Polls that share quality of the clock, quantities, scales and units.
struct Group<'a> {
    clock: ClockQuality,
    quantities: Vec<(Obis, Scale)>,
    polls: Vec<&'a MeterReadings>,
}

impl<'a> Group<'a> {
    fn of(poll: &'a MeterReadings) -> Self {
        Self {
            clock: poll.clock,
            quantities: poll.values.iter().map(|r| (r.obis, scale(r))).collect(),
            polls: vec![poll],
        }
    }

    /// Takes the poll in where it fits. A reading without a value fits any scale.
    fn take(&mut self, poll: &'a MeterReadings) -> bool {
        let pairs = || self.quantities.iter().zip(&poll.values);
        let fits = self.clock == poll.clock
            && self.quantities.len() == poll.values.len()
            && pairs().all(|((obis, known), reading)| {
                *obis == reading.obis
                    && (known.is_none() || scale(reading).is_none() || *known == scale(reading))
            });
        if fits {
            for ((_, known), reading) in self.quantities.iter_mut().zip(&poll.values) {
                *known = known.or(scale(reading));
            }
            self.polls.push(poll);
        }
        fits
    }

    fn wire(&self) -> Result<WireGroup, EncodeError> {
        strict::ensure(self.polls.len() <= GROUP_ROWS_MAX, "t")?;
        strict::ensure(self.quantities.len() <= QUANTITIES_MAX, "o")?;
        let mut names: Vec<&MeterId> = Vec::new();
        let mut known = BTreeMap::new();
        let mut indexes = Vec::with_capacity(self.polls.len());
        for poll in &self.polls {
            indexes.push(*known.entry(&poll.meter).or_insert_with(|| {
                names.push(&poll.meter);
                names.len() - 1
            }));
        }
        let is_once_each = names.len() == self.polls.len();
        let index = |index: usize| u64::try_from(index).unwrap_or(u64::MAX);
        let quantity = |(obis, scale): &(Obis, Scale)| {
            let exponent = scale.map(|scale| scale.0);
            let unit = scale.map(|scale| scale.1.code());
            (ByteArray::new(obis.groups()), exponent, unit)
        };
        let millis = |poll: &&MeterReadings| poll.taken_at.millis();
        strict::ensure(self.polls.iter().map(millis).all(|t| t <= MILLIS_MAX), "t0")?;
        let t0 = self.polls.first().map_or(0, millis);
        let times = self.polls.iter().map(millis);
        let width = self.quantities.len();
        let has_missing = self
            .polls
            .iter()
            .any(|p| p.values.iter().any(|r| r.quantity.is_none()));
        Ok(WireGroup {
            tq: self.clock.level(),
            o: self.quantities.iter().map(quantity).collect(),
            m: names.iter().map(ToString::to_string).collect(),
            i: (!is_once_each).then(|| column::encode_plain(indexes.into_iter().map(index))),
            t0,
            t: column::encode(times.map(|time| time.wrapping_sub(t0).cast_signed())),
            v: (0..width)
                .map(|at| column::encode(self.cells(at).map(|cell| cell.0)))
                .collect(),
            nul: has_missing.then(|| (0..width).map(|at| self.missing(at)).collect()),
        })
    }

    /// The numbers of a column and whether they are missing; such a cell repeats the number above.
    fn cells(&self, column: usize) -> impl Iterator<Item = (i64, bool)> {
        let mut above = 0;
        self.polls.iter().map(move |poll| {
            let quantity = poll.values.get(column).and_then(|reading| reading.quantity);
            above = quantity.map_or(above, |quantity| quantity.digits);
            (above, quantity.is_none())
        })
    }

    fn missing(&self, column: usize) -> ByteBuf {
        if self.cells(column).any(|cell| cell.1) {
            column::encode_bitmap(self.cells(column).map(|cell| cell.1))
        } else {
            ByteBuf::new()
        }
    }
}

fn scale(reading: &Reading) -> Scale {
    reading
        .quantity
        .map(|quantity| (quantity.exponent, quantity.unit))
}

/// The body of some polls. Decoding gives the same polls, those of one shape together.
pub fn encode_readings(readings: &[MeterReadings]) -> Result<Vec<u8>, EncodeError> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for poll in readings {
        if !groups.iter_mut().any(|group| group.take(poll)) {
            groups.push(Group::of(poll));
        }
    }
    strict::ensure((1..=GROUPS_MAX).contains(&groups.len()), "g")?;
    let g = groups.iter().map(Group::wire).collect::<Result<_, _>>()?;
    strict::encode(&Wire { g }, BODY_BYTES_MAX)
}

/// The polls in a body.
pub fn decode_readings(bytes: &[u8]) -> Result<Vec<MeterReadings>, DecodeError> {
    let wire: WireRead = strict::decode(bytes, BODY_BYTES_MAX)?;
    strict::check((1..=GROUPS_MAX).contains(&wire.g.len()), "g")?;
    let mut readings = Vec::new();
    for Map(group) in &wire.g {
        read_group(group, &mut readings)?;
    }
    Ok(readings)
}

fn read_group(group: &WireGroup, into: &mut Vec<MeterReadings>) -> Result<(), DecodeError> {
    let rows = column::count(&group.t);
    strict::check((1..=GROUP_ROWS_MAX).contains(&rows), "t")?;
    strict::check(group.o.len() <= QUANTITIES_MAX, "o")?;
    let width = group.o.len();
    if group.v.len() != width {
        return Err(DecodeError::Column { key: "v" });
    }
    if group
        .nul
        .as_ref()
        .is_some_and(|bitmaps| bitmaps.len() != width)
    {
        return Err(DecodeError::Column { key: "nul" });
    }
    let clock = clock_quality(group.tq)?;
    let meters = meters(group, rows)?;
    let times = column::decode(&group.t, rows, "t")?;
    let mut columns = Vec::with_capacity(width);
    for (at, (quantity, numbers)) in group.o.iter().zip(&group.v).enumerate() {
        let bitmap = group.nul.as_ref().and_then(|bitmaps| bitmaps.get(at));
        columns.push(read_column(quantity, numbers, bitmap, rows)?.into_iter());
    }
    for (meter, time) in meters.into_iter().zip(times) {
        let millis = group.t0.checked_add_signed(time);
        let millis = millis.ok_or(DecodeError::OutOfRange { key: "t" })?;
        into.push(MeterReadings {
            meter,
            taken_at: strict::timestamp(millis, "t")?,
            clock,
            values: columns.iter_mut().filter_map(Iterator::next).collect(),
        });
    }
    Ok(())
}

/// The meter of each row: by index, or each name once.
fn meters(group: &WireGroup, rows: usize) -> Result<Vec<MeterId>, DecodeError> {
    strict::check(group.m.len() <= rows, "m")?;
    let names = group.m.iter().map(|name| strict::text(name, "m"));
    let names: Vec<MeterId> = names.collect::<Result<_, _>>()?;
    let Some(indexes) = &group.i else {
        strict::check(names.len() == rows, "m")?;
        return Ok(names);
    };
    let indexes = column::decode_plain(indexes, rows, "i")?;
    let meters = indexes.into_iter().map(|index| {
        let index = usize::try_from(index).ok();
        let name = index.and_then(|index| names.get(index));
        name.cloned().ok_or(DecodeError::OutOfRange { key: "i" })
    });
    meters.collect()
}

fn read_column(
    (obis, exponent, unit): &WireQuantity,
    numbers: &[u8],
    bitmap: Option<&ByteBuf>,
    rows: usize,
) -> Result<Vec<Reading>, DecodeError> {
    let obis = Obis::new(obis.into_array());
    let unit = match unit {
        Some(code) => Some(Unit::from_code(*code).ok_or(DecodeError::UnknownUnit(*code))?),
        None => None,
    };
    let missing = match bitmap {
        Some(bitmap) if !bitmap.is_empty() => column::decode_bitmap(bitmap, rows, "nul")?,
        _ => vec![false; rows],
    };
    let readings = column::decode(numbers, rows, "v")?.into_iter().zip(missing);
    let readings = readings.map(|(digits, missing)| {
        let quantity = match (exponent, unit) {
            _ if missing => None,
            (Some(exponent), Some(unit)) => Some(Quantity {
                digits,
                exponent: *exponent,
                unit,
            }),
            // A value without scale or unit is no value.
            _ => return Err(DecodeError::OutOfRange { key: "o" }),
        };
        Ok(Reading { obis, quantity })
    });
    readings.collect()
}

#[cfg(test)]
mod tests;
