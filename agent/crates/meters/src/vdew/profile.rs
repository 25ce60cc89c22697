//! The load profile `P.01`: headers with a time, then values.
//!
//! A header is time, status, period in minutes, number of channels, and code and unit of each;
//! behind it stand the values, interval by interval, until the next header.

use super::readout::{code, quantity};
use super::time::VdewTime;
use crate::catalogue::flag::VdewProfile;
use crate::clock_basis::ClockBasis;
use crate::elster::{Multiplier, ScalingRule};
use crate::limits::VDEW_CHANNELS_MAX;
use iec62056_21::codec::{DataLines, DataSet};
use metering::{
    Channel, ChannelKind, Flag, Flags, Obis, Period, ProfileShape, Quantity, Row, Timestamp, Unit,
    rescale,
};

/// Rows under one set of channels, on consecutive marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VdewBlock {
    /// Columns and period.
    pub shape: ProfileShape,
    /// Oldest first.
    pub rows: Vec<Row>,
}

/// What a profile gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VdewProfileRead {
    /// Rows.
    pub blocks: Vec<VdewBlock>,
    /// What was not understood, as the meter wrote it: the data sets up to the next header.
    pub not_understood: Vec<String>,
}

/// A header that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VdewProfileFault {
    /// No data set has the profile's address.
    #[error("the answer is no load profile; check the address of the profile in the model file")]
    NoHeader,
}

/// Reads a profile from the data lines of its answer.
pub fn read_profile(
    model: &VdewProfile,
    lines: &DataLines<'_>,
    basis: &ClockBasis,
    prefix: [u8; 2],
) -> Result<VdewProfileRead, VdewProfileFault> {
    let sets: Vec<DataSet<'_>> = lines.sets().collect();
    let is_head = |set: &DataSet<'_>| set.address() == model.address;
    let first = sets.iter().position(is_head);
    let mut rest = sets
        .get(first.ok_or(VdewProfileFault::NoHeader)?..)
        .unwrap_or_default();
    let mut read = VdewProfileRead::default();
    while let Some((head, behind)) = rest.split_first() {
        let until = behind.iter().position(is_head).unwrap_or(behind.len());
        let (part, next) = behind.split_at_checked(until).unwrap_or((behind, &[]));
        rest = next;
        if let Some(stretch) = Stretch::read(head, part, basis, prefix) {
            read.blocks.extend(stretch.blocks(model, part));
        } else {
            let texts = std::iter::once(head).chain(part).take(SHOWN_SETS);
            let texts: Vec<String> = texts.map(ToString::to_string).collect();
            read.not_understood.push(texts.concat());
        }
    }
    read.blocks = joined(std::mem::take(&mut read.blocks));
    Ok(read)
}

/// Data sets of something that is not understood which are shown.
const SHOWN_SETS: usize = 16;
/// Data sets of a header before its channels, without the first.
const HEAD_SETS: usize = 3;

/// A header.
struct Stretch {
    /// The time in it.
    at: Timestamp,
    status: u32,
    period: Period,
    channels: Vec<(Obis, Unit, i8)>,
}

impl Stretch {
    fn read(
        head: &DataSet<'_>,
        part: &[DataSet<'_>],
        basis: &ClockBasis,
        prefix: [u8; 2],
    ) -> Option<Self> {
        let [status, period, count, ..] = part else {
            return None;
        };
        let minutes: u32 = period.value().parse().ok()?;
        let count: usize = count.value().parse().ok()?;
        if !(1..=VDEW_CHANNELS_MAX).contains(&count) {
            return None;
        }
        let named = part.get(HEAD_SETS..HEAD_SETS + 2 * count)?;
        let (pairs, _) = named.as_chunks::<2>();
        let channel = |[obis, unit]: &[DataSet<'_>; 2]| {
            let (unit, prefix_exponent) = Unit::parse(unit.value()).ok()?;
            Some((code(obis.value(), prefix)?, unit, prefix_exponent))
        };
        Some(Self {
            at: VdewTime::parse(head.value())?.instant(basis),
            status: u32::from_str_radix(status.value(), 16).ok()?,
            period: Period::from_seconds(minutes.checked_mul(60)?).ok()?,
            channels: pairs.iter().map(channel).collect::<Option<_>>()?,
        })
    }

    fn blocks(&self, model: &VdewProfile, part: &[DataSet<'_>]) -> Option<VdewBlock> {
        let width = self.channels.len();
        let values = part.get(HEAD_SETS + 2 * width..).unwrap_or_default();
        let rows: Vec<Vec<Option<Quantity>>> = values
            .chunks_exact(width)
            .map(|row| self.quantities(row))
            .collect();
        let columns = self.columns(&rows);
        let channels = columns.iter().flat_map(Column::channels).collect();
        let flags = flags(model, self.status);
        let step = self.period.duration();
        let mut end = if model.stamps_ends {
            self.at
        } else {
            self.at.after(step)
        };
        let mut made = Vec::with_capacity(rows.len());
        for row in &rows {
            let pairs = columns.iter().zip(row);
            let values: Vec<Option<i64>> = pairs
                .flat_map(|(column, value)| column.values(*value))
                .collect();
            let mut flags = flags;
            if values.iter().any(Option::is_none) {
                flags = flags.with(Flag::Missing);
            }
            made.push(Row {
                end,
                values,
                flags,
                offset_ms: 0,
            });
            end = end.after(step);
        }
        let block = VdewBlock {
            shape: ProfileShape {
                period: self.period,
                channels,
            },
            rows: made,
        };
        (!block.rows.is_empty()).then_some(block)
    }

    fn quantities(&self, row: &[DataSet<'_>]) -> Vec<Option<Quantity>> {
        let pairs = self.channels.iter().zip(row);
        pairs
            .map(|((_, unit, prefix), set)| quantity(set.value(), (*unit, *prefix)))
            .collect()
    }

    /// Each column in the scale of its finest value.
    fn columns(&self, rows: &[Vec<Option<Quantity>>]) -> Vec<Column> {
        let column = |(place, (obis, unit, prefix)): (usize, &(Obis, Unit, i8))| {
            let values = rows
                .iter()
                .filter_map(|row| row.get(place).copied().flatten());
            let exponents = values.map(|quantity| quantity.exponent);
            let exponent = exponents.min().unwrap_or(*prefix);
            let kind = match obis.groups() {
                [_, _, _, 8, ..] => ChannelKind::Register,
                [_, _, _, 9 | 29, ..] => ChannelKind::Increment,
                _ => ChannelKind::Average,
            };
            let power = energy_of(*unit);
            let seconds = self.period.seconds();
            let energy = power.filter(|_| kind == ChannelKind::Average);
            let energy = energy.and_then(|unit| {
                let rule = ScalingRule::to_energy(exponent, seconds, Multiplier::ONE)?;
                Some((rule, unit))
            });
            Column {
                channel: Channel {
                    obis: *obis,
                    exponent,
                    unit: *unit,
                    kind,
                },
                energy,
            }
        };
        self.channels.iter().enumerate().map(column).collect()
    }
}

/// A channel, and energy beside it where it is demand.
struct Column {
    channel: Channel,
    energy: Option<(ScalingRule, Unit)>,
}

impl Column {
    fn channels(&self) -> impl Iterator<Item = Channel> {
        let energy = self.energy.map(|(rule, unit)| Channel {
            obis: self.channel.obis.as_increment(),
            exponent: rule.exponent,
            unit,
            kind: ChannelKind::Increment,
        });
        std::iter::once(self.channel.clone()).chain(energy)
    }

    fn values(&self, value: Option<Quantity>) -> impl Iterator<Item = Option<i64>> {
        let to = self.channel.exponent;
        let digits = value.and_then(|value| rescale(value.digits, value.exponent, to));
        let energy = self
            .energy
            .map(|(rule, _)| digits.and_then(|digits| rule.apply(digits)));
        std::iter::once(digits).chain(energy)
    }
}

fn energy_of(power: Unit) -> Option<Unit> {
    [Unit::WattHour, Unit::VarHour, Unit::VoltAmpereHour]
        .into_iter()
        .find(|energy| energy.as_power() == Some(power))
}

fn flags(model: &VdewProfile, status: u32) -> Flags {
    let set = model.status.iter().filter(|bit| {
        let mask = 1_u32.checked_shl(u32::from(bit.bit)).unwrap_or(0);
        status & mask != 0
    });
    set.filter_map(|bit| bit.flag)
        .fold(Flags::NONE, Flags::with)
}

/// Blocks of one shape whose marks follow each other become one.
fn joined(blocks: Vec<VdewBlock>) -> Vec<VdewBlock> {
    let mut found: Vec<VdewBlock> = Vec::new();
    for block in blocks {
        let step = block.shape.period.duration();
        let first = block.rows.first().map(|row| row.end);
        let last = found.last_mut().filter(|last| {
            let end = last.rows.last().map(|row| row.end.after(step));
            last.shape == block.shape && end == first
        });
        match last {
            Some(last) => last.rows.extend(block.rows),
            None => found.push(block),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static MODEL: LazyLock<VdewProfile> = LazyLock::new(|| {
        let text = include_str!("../../../../../config/meter-models/vdew-a1500.toml");
        let catalogue = Catalogue::parse(&[("vdew-a1500.toml", text)]).unwrap();
        let model = catalogue.flag_model("vdew-a1500").unwrap();
        model.vdew.clone().unwrap().profile.unwrap()
    });

    fn read(text: &str) -> VdewProfileRead {
        let lines = DataLines::parse(text).unwrap();
        let basis = "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap();
        read_profile(&MODEL, &lines, &basis, [1, 0]).unwrap()
    }

    fn told(block: &VdewBlock) -> Vec<String> {
        let row = |row: &Row| format!("{} {:?} {}", row.end, row.values, row.flags);
        block.rows.iter().map(row).collect()
    }

    const PROFILE: &str = "P.01(0250101001500)(00)(15)(2)(1.5)(kW)(2.5.0)(kW)\r\n\
                           (1.234)(0.000)\r\n(1.2)(0.001)\r\n\
                           P.01(0250101004500)(80)(15)(2)(1.5)(kW)(2.5.0)(kW)\r\n(0.5)(-)";

    #[test]
    fn values_follow_their_header() {
        let read = read(PROFILE);
        assert!(read.not_understood.is_empty());
        let codes: Vec<String> = read.blocks[0]
            .shape
            .channels
            .iter()
            .map(|channel| format!("{} {}", channel.obis, channel.exponent))
            .collect();
        assert_eq!(
            codes,
            [
                "1-0:1.5.0 0",
                "1-0:1.29.0 -2",
                "1-0:2.5.0 0",
                "1-0:2.29.0 -2"
            ]
        );
        assert_eq!(
            told(&read.blocks[0]),
            [
                "2024-12-31T23:15:00Z [Some(1234), Some(30850), Some(0), Some(0)] ",
                "2024-12-31T23:30:00Z [Some(1200), Some(30000), Some(1), Some(25)] ",
            ]
        );
        assert_eq!(
            told(&read.blocks[1]),
            ["2024-12-31T23:45:00Z [Some(5), Some(125), None, None] missing+power-down"]
        );
    }

    #[test]
    fn blocks_that_follow_each_other_are_one() {
        let text = "P.01(0250101001500)(00)(15)(1)(1.5)(kW)(1.0)\r\n\
                    P.01(0250101003000)(00)(15)(1)(1.5)(kW)(1.5)";
        let read = read(text);
        assert_eq!(read.blocks.len(), 1);
        assert_eq!(read.blocks[0].rows.len(), 2);
    }

    #[test]
    fn what_is_not_understood_is_shown() {
        let read =
            read("P.01(xx)(00)(15)(1)(1.5)(kW)(1.0)\r\nP.01(0250101003000)(00)(7)(1)(1.5)(kW)");
        assert!(read.blocks.is_empty());
        assert_eq!(read.not_understood.len(), 2);
        assert_eq!(read.not_understood[0], "P.01(xx)(00)(15)(1)(1.5)(kW)(1.0)");
        let lines = DataLines::parse("1.8.0(1*kWh)").unwrap();
        let basis = ClockBasis::utc();
        assert!(read_profile(&MODEL, &lines, &basis, [1, 0]).is_err());
    }

    proptest! {
        #[test]
        fn no_data_sets_make_it_panic(values in prop::collection::vec("[0-9a-zA-Z.:-]{0,13}", 0..30)) {
            let sets = values.join(")(");
            read(&format!("P.01({sets})"));
        }
    }
}
