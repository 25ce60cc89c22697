//! Records for tests: any record at all, and records as a substation makes them.

use metering::{
    Channel, ChannelKind, ClockQuality, Flag, Flags, MeterId, MeterReadings, Obis, Period,
    ProfileRows, ProfileShape, Quantity, Reading, Row, Timestamp, Unit,
};
use proptest::prelude::*;

const UNITS: [Unit; 5] = [
    Unit::WattHour,
    Unit::Volt,
    Unit::Ampere,
    Unit::Hertz,
    Unit::Count,
];

fn meters() -> impl Strategy<Value = MeterId> {
    "[a-c][a-z0-9-]{0,3}".prop_map(|name| name.parse().unwrap())
}

fn clocks() -> impl Strategy<Value = ClockQuality> {
    (0..4_u8).prop_map(ClockQuality::from_level)
}

fn channels() -> impl Strategy<Value = Channel> {
    let kinds = [
        ChannelKind::Register,
        ChannelKind::Average,
        ChannelKind::Increment,
    ];
    (any::<[u8; 6]>(), any::<i8>(), 0..5_usize, 0..3_usize).prop_map(
        move |(obis, exponent, unit, kind)| Channel {
            obis: Obis::new(obis),
            exponent,
            unit: UNITS[unit],
            kind: kinds[kind],
        },
    )
}

/// Any rows on consecutive marks; many columns hold differences of another.
pub(crate) fn profiles() -> impl Strategy<Value = ProfileRows> {
    let cell = prop_oneof![
        1 => Just(None),
        4 => (-300..300_i64).prop_map(Some),
        1 => any::<i64>().prop_map(Some),
    ];
    let row = (
        prop::collection::vec(cell, 6),
        prop_oneof![3 => Just(0), 1 => any::<u32>()],
        prop_oneof![3 => Just(0), 1 => any::<i32>()],
    );
    let shape = prop::collection::vec(channels(), 1..=6);
    let period = prop::sample::select(vec![1, 60, 900, 1800, 86_400]);
    let head = (
        meters(),
        any::<[u8; 6]>(),
        clocks(),
        period,
        1..2_000_000_000_u64,
    );
    (head, shape, prop::collection::vec(row, 1..40)).prop_map(|(head, shape, rows)| {
        let (meter, profile, clock, period, start) = head;
        let width = shape.len();
        let rows = (0..)
            .zip(rows)
            .map(|(index, (mut values, bits, offset_ms))| {
                values.truncate(width);
                Row {
                    end: Timestamp::from_seconds(start + index * u64::from(period)),
                    values,
                    flags: Flags::from_bits(bits),
                    offset_ms,
                }
            });
        let mut rows: Vec<Row> = rows.collect();
        if width > 2 {
            differences(&mut rows);
        }
        ProfileRows {
            meter,
            profile: Obis::new(profile),
            shape: ProfileShape {
                period: Period::from_seconds(period).unwrap(),
                channels: shape.into(),
            },
            clock,
            rows,
        }
    })
}

/// Makes column 1 hold what is added to column 0, as gateway-made profiles do.
fn differences(rows: &mut [Row]) {
    let mut before = None;
    for row in rows {
        row.values[1] = match (before, row.values[0]) {
            (Some(before), Some(now)) => i64::checked_sub(now, before),
            _ => None,
        };
        before = row.values[0];
    }
}

/// Any polls; many share their shape, some values are missing.
pub(crate) fn readings() -> impl Strategy<Value = Vec<MeterReadings>> {
    let value = prop_oneof![1 => Just(None), 5 => (any::<i64>(), 0..2_i8).prop_map(Some)];
    let poll = (
        meters(),
        1..2_000_000_000_000_u64,
        clocks(),
        prop::collection::vec(value, 0..4),
    );
    let poll = poll.prop_map(|(meter, at, clock, values)| MeterReadings {
        meter,
        taken_at: Timestamp::from_millis(at),
        clock,
        values: (0..)
            .zip(values)
            .map(|(c, value)| Reading {
                obis: Obis::new([1, 0, c, 7, 0, 255]),
                quantity: value.map(|(digits, exponent)| Quantity {
                    digits,
                    exponent,
                    unit: Unit::Watt,
                }),
            })
            .collect(),
    });
    prop::collection::vec(poll, 1..40)
}

/// Repeatable numbers that look like load: a plain linear congruence.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn upto(&mut self, limit: u64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        i64::try_from((self.0 >> 33) % limit).unwrap()
    }
}

/// What the gateway makes of a feeder in a day: four totals of 10 Wh and what was added to each.
pub(crate) fn feeder_day(load: u64, totals_only: bool) -> ProfileRows {
    let mut noise = Noise(load);
    let codes = ["1-0:1.8.0", "1-0:2.8.0", "1-0:3.8.0", "1-0:4.8.0"];
    let mut list = Vec::new();
    for text in codes {
        let obis: Obis = text.parse().unwrap();
        let unit = if obis.groups()[2] < 3 {
            Unit::WattHour
        } else {
            Unit::VarHour
        };
        let register = Channel {
            obis,
            exponent: 1,
            unit,
            kind: ChannelKind::Register,
        };
        list.push(register.clone());
        list.push(Channel {
            obis: if totals_only {
                Obis::new([1, 0, obis.groups()[2], 8, 1, 255])
            } else {
                obis.as_increment()
            },
            kind: if totals_only {
                ChannelKind::Register
            } else {
                ChannelKind::Increment
            },
            ..register
        });
    }
    let mut totals = [123_456_789, 51_234, 23_456_789, 1_234_567];
    let mut others = [83_456_789, 41_234, 13_456_789, 934_567];
    let rows = (0..48).map(|index| {
        let mut values = Vec::new();
        for (channel, share) in [1, 20, 3, 9].into_iter().enumerate() {
            let added = i64::try_from(load / share).unwrap() + noise.upto(1 + load / share / 4);
            totals[channel] += added;
            others[channel] += added / 2;
            values.push(Some(totals[channel]));
            values.push(Some(if totals_only { others[channel] } else { added }));
        }
        Row {
            end: Timestamp::from_seconds(1_795_392_000 + 1800 * (index + 1)),
            values,
            flags: Flags::NONE,
            offset_ms: 0,
        }
    });
    ProfileRows {
        meter: "feeder-07".parse().unwrap(),
        profile: "1-0:99.1.0".parse().unwrap(),
        shape: ProfileShape {
            period: Period::from_seconds(1800).unwrap(),
            channels: list.into(),
        },
        clock: ClockQuality::Synchronised,
        rows: rows.collect(),
    }
}

/// What a bad day leaves: late samples, a missing one, a restart.
pub(crate) fn with_troubles(mut rows: ProfileRows) -> ProfileRows {
    rows.rows.truncate(6);
    for (row, offset) in rows.rows.iter_mut().zip([120, 85, 2400, -30, 0, 40]) {
        row.offset_ms = offset;
    }
    rows.rows[2].flags = Flag::LateSample.into();
    rows.rows[4].flags = Flags::from(Flag::Missing).with(Flag::GatewayRestart);
    rows.rows[4].values = vec![None; 8];
    for channel in [1, 3, 5, 7] {
        rows.rows[5].values[channel] = None;
    }
    rows.clock = ClockQuality::Holdover;
    rows
}

/// One poll each of some meters of one model: eight values.
pub(crate) fn polls(count: u64) -> Vec<MeterReadings> {
    let mut noise = Noise(7);
    let quantities = [
        ("1-0:32.7.0", Unit::Volt, -1, 2300, 60),
        ("1-0:52.7.0", Unit::Volt, -1, 2300, 60),
        ("1-0:72.7.0", Unit::Volt, -1, 2300, 60),
        ("1-0:31.7.0", Unit::Ampere, -3, 40_000, 30_000),
        ("1-0:16.7.0", Unit::Watt, 0, 25_000, 20_000),
        ("1-0:13.7.0", Unit::Count, -3, 920, 70),
        ("1-0:14.7.0", Unit::Hertz, -2, 4998, 4),
        ("1-0:1.8.0", Unit::WattHour, 1, 100_000_000, 90_000_000),
    ];
    let poll = |meter: u64| MeterReadings {
        meter: format!("feeder-{meter:02}").parse().unwrap(),
        taken_at: Timestamp::from_millis(1_795_392_000_000 + 150 * meter),
        clock: ClockQuality::Synchronised,
        values: quantities
            .iter()
            .map(|(obis, unit, exponent, base, spread)| Reading {
                obis: obis.parse().unwrap(),
                quantity: Some(Quantity {
                    digits: base + noise.upto(*spread),
                    exponent: *exponent,
                    unit: *unit,
                }),
            })
            .collect(),
    };
    (1..=count).map(poll).collect()
}
