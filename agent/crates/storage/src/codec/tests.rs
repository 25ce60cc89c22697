use super::*;
use crate::limits::ENTRY_BYTES_AIM;
use crate::{AuditHead, GapRange, GapReason, GapRecord};
use metering::{
    Channel, ChannelKind, Event, EventCode, Flags, MeterReadings, Period, ProfileRows,
    ProfileShape, Quantity, Reading, Row,
};
use proptest::prelude::*;

/// A poll with `width` plausible values.
pub(crate) fn poll(meter: &str, second: u64, width: u8) -> MeterReadings {
    let value = |index: u8| Reading {
        obis: Obis::new([1, 0, index + 1, 7, 0, 255]),
        quantity: (!(second + u64::from(index)).is_multiple_of(13)).then(|| Quantity {
            digits: 1000 * i64::from(index) + i64::try_from(second * 7 % 90).unwrap(),
            exponent: -1,
            unit: Unit::Volt,
        }),
    };
    MeterReadings {
        meter: meter.parse().unwrap(),
        taken_at: Timestamp::from_seconds(second),
        clock: ClockQuality::Synchronised,
        values: (0..width).map(value).collect(),
    }
}

/// Half-hours of `channels` totals, the first one ending half an hour after `start`.
pub(crate) fn block(meter: &str, start: u64, rows: u64, channels: u8) -> ProfileRows {
    let channel = |index: u8| Channel {
        obis: Obis::new([1, 0, index + 1, 8, 0, 255]),
        exponent: 1,
        unit: Unit::WattHour,
        kind: ChannelKind::Register,
    };
    let row = |index: u64| Row {
        end: Timestamp::from_seconds(start + 1800 * (index + 1)),
        values: (0..channels)
            .map(|c| {
                i64::try_from(index * 40 + index * index * 31 % 17)
                    .ok()
                    .map(|v| v + i64::from(c))
            })
            .collect(),
        flags: Flags::NONE,
        offset_ms: 12,
    };
    ProfileRows {
        meter: meter.parse().unwrap(),
        profile: Obis::new([1, 0, 99, 1, 0, 255]),
        shape: ProfileShape {
            period: Period::from_seconds(1800).unwrap(),
            channels: (0..channels).map(channel).collect(),
        },
        clock: ClockQuality::Synchronised,
        rows: (0..rows).map(row).collect(),
    }
}

fn entry(body: Body) -> Entry {
    Entry {
        stream: body.stream(),
        number: 41,
        at: Timestamp::from_seconds(1_800_000_000),
        clock: ClockQuality::Holdover,
        body,
    }
}

#[track_caller]
fn check(body: Body, bytes_max: usize) {
    let entry = entry(body);
    let row = encode(&entry);
    assert!(row.len() <= bytes_max, "{} > {bytes_max} bytes", row.len());
    assert_eq!(decode(entry.stream, 41, &row).as_ref(), Ok(&entry));
    assert_eq!(decode_at(entry.stream, 41, &row), Ok(entry.at));
    assert_eq!(
        decode(entry.stream, 42, &row),
        Err(Damage::Checksum),
        "a row read under another number is not believed"
    );
    for position in 0..row.len() {
        let mut damaged = row.clone();
        damaged[position] ^= 0x10;
        assert!(decode(entry.stream, 41, &damaged).is_err());
    }
}

#[test]
fn every_kind_of_entry_survives() {
    check(Body::Profile(block("feeder-1", 0, 1, 8)), 170);
    check(Body::Profile(block("feeder-1", 0, 48, 8)), 520);
    let polls = (0..250).map(|n| poll(&format!("feeder-{n}"), 1000 + n / 25, 8));
    check(Body::Readings(polls.collect()), 6000);
    check(Body::Readings(Vec::new()), 30);
    check(Body::Receipt(vec![0xD2; 300]), 330);
    let event = |meter: Option<&str>| Event {
        at: Timestamp::from_millis(5),
        code: EventCode::MeterSilent,
        meter: meter.map(|name| name.parse().unwrap()),
        detail: "no answer since 10:00; check the wiring".to_owned(),
    };
    check(Body::Event(event(Some("feeder-1"))), 80);
    check(Body::Event(event(None)), 80);
    check(
        Body::Audit(AuditHead {
            number: 7,
            hash: [9; 32],
        }),
        50,
    );
    let gap = |what| GapRecord {
        what,
        why: GapReason::TooOld,
        request: vec![1, 2],
    };
    check(
        Body::Gap(gap(GapRange::Numbers {
            stream: Stream::Telemetry,
            ranges: vec![(1, 5), (9, 9)],
        })),
        40,
    );
    check(
        Body::Gap(gap(GapRange::Rows {
            meter: "feeder-1".parse().unwrap(),
            profile: Obis::new([1, 0, 99, 1, 0, 255]),
            from: Timestamp::default(),
            to: Timestamp::from_seconds(9),
        })),
        50,
    );
}

#[test]
fn the_owner_is_found_without_reading_the_rest() {
    let entry = entry(Body::Profile(block("feeder-1", 0, 1, 8)));
    let owner = decode_owner(41, &encode(&entry)).unwrap();
    assert_eq!(owner.0.as_str(), "feeder-1");
}

#[test]
fn an_unknown_version_is_said_so() {
    let entry = entry(Body::Audit(AuditHead {
        number: 7,
        hash: [9; 32],
    }));
    let mut row = encode(&entry);
    row[0] = 2;
    row.truncate(row.len() - 4);
    let row = Writer(row).finish(&log_place(Stream::Audit, 41));
    assert_eq!(decode(Stream::Audit, 41, &row), Err(Damage::Version(2)));
}

fn any_poll() -> impl Strategy<Value = MeterReadings> {
    let value = prop::option::of((any::<i64>(), -3_i8..3, 0_usize..3)).prop_map(|some| {
        some.map(|(digits, exponent, unit)| Quantity {
            digits,
            exponent,
            unit: [Unit::Volt, Unit::Count, Unit::WattHour][unit],
        })
    });
    let values = prop::collection::vec((any::<[u8; 6]>(), value), 0..5);
    ("[a-z][a-z0-9-]{0,9}", any::<u32>(), 0_u8..4, values).prop_map(|(meter, at, clock, values)| {
        MeterReadings {
            meter: meter.parse().unwrap(),
            taken_at: Timestamp::from_millis(u64::from(at)),
            clock: ClockQuality::from_level(clock),
            values: values
                .into_iter()
                .map(|(obis, quantity)| Reading {
                    obis: Obis::new(obis),
                    quantity,
                })
                .collect(),
        }
    })
}

fn any_block() -> impl Strategy<Value = ProfileRows> {
    (0_usize..5)
        .prop_flat_map(|channels| {
            let values = prop::collection::vec(any::<Option<i64>>(), channels);
            let row = (any::<u32>(), values, any::<u32>(), any::<i32>()).prop_map(
                |(end, values, flags, offset_ms)| Row {
                    end: Timestamp::from_millis(u64::from(end)),
                    values,
                    flags: Flags::from_bits(flags),
                    offset_ms,
                },
            );
            (Just(channels), prop::collection::vec(row, 0..20))
        })
        .prop_map(|(channels, rows)| ProfileRows {
            rows,
            ..block("m", 0, 0, u8::try_from(channels).unwrap())
        })
}

proptest! {
    #[test]
    fn readings_survive(polls in prop::collection::vec(any_poll(), 0..12)) {
        let entry = entry(Body::Readings(polls));
        let row = encode(&entry);
        prop_assert_eq!(decode(entry.stream, 41, &row), Ok(entry));
    }

    #[test]
    fn profiles_survive(block in any_block()) {
        let entry = entry(Body::Profile(block));
        let row = encode(&entry);
        prop_assert!(row.len() < ENTRY_BYTES_AIM);
        prop_assert_eq!(decode(entry.stream, 41, &row), Ok(entry));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
        fuzz_entry(&bytes);
    }

    #[test]
    fn damage_behind_a_good_checksum_is_an_error_or_another_entry(
        polls in prop::collection::vec(any_poll(), 0..6),
        position: prop::sample::Index,
        byte: u8,
    ) {
        let row = encode(&entry(Body::Readings(polls)));
        let mut content = row[1..row.len() - 4].to_vec();
        let at = position.index(content.len());
        content[at] = byte;
        fuzz_entry(&content);
    }
}
