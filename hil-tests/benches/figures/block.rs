//! A day of half-hours with eight channels, as it is published, and the same rows in the shapes
//! that others use.

use head_end::{Body, Message, Origin};
use metering::{
    Channel, ChannelKind, ClockQuality, Flags, Obis, Period, ProfileRows, ProfileShape,
    Row as Line, Timestamp, Unit,
};
use serde_json::json;

use crate::Ground;
use crate::table::{Limit, Row, Spread};

pub(crate) fn rows(_: &Ground) -> Vec<Row> {
    let days: Vec<ProfileRows> = (1..=7).map(|seed| feeder_day(2500, seed)).collect();
    let sizes = days.iter().map(|day| published(day) as f64).collect();
    let first = days.first().unwrap();
    let (json, cbor) = as_rows(first);
    vec![Row {
        figure: "load-profile block on the wire, 48 x 8, 50 kW feeder".to_owned(),
        limit: Limit::AtMost(600.0),
        measured: Spread::of(sizes),
        unit: "B",
        peer: format!("the same as JSON rows {json} B, as CBOR rows {cbor} B"),
    }]
}

/// The whole message, envelope included. The channel list goes along when it is new only.
fn published(rows: &ProfileRows) -> usize {
    let body = Body::of_profile(rows, Origin::Gateway, 0).unwrap();
    let at = Timestamp::from_millis(1_795_478_400_417);
    let message = Message::new([7; 8], 1_234_567, at, ClockQuality::Synchronised, &body).unwrap();
    let bytes = message.encode().unwrap();
    let read = Message::decode(&bytes).unwrap().open().unwrap();
    assert_eq!(read, body, "small, and yet whole");
    bytes.len()
}

fn as_rows(rows: &ProfileRows) -> (usize, usize) {
    let row = |row: &Line| json!({"t": row.end.seconds(), "v": row.values});
    let list: Vec<_> = rows.rows.iter().map(row).collect();
    let all = json!({"m": rows.meter.as_str(), "p": rows.profile.to_string(), "rows": list});
    (
        all.to_string().len(),
        serde_cbor::to_vec(&all).unwrap().len(),
    )
}

/// Four totals of 10 Wh and what was added to each: what the gateway makes of a feeder.
fn feeder_day(load: i64, seed: u64) -> ProfileRows {
    let kinds = [ChannelKind::Register, ChannelKind::Increment];
    let channels = (1..=4_u8).flat_map(|quantity| {
        kinds.map(|kind| {
            let obis = Obis::new([1, 0, quantity, 8, 0, 255]);
            let is_total = kind == ChannelKind::Register;
            Channel {
                obis: if is_total { obis } else { obis.as_increment() },
                exponent: 1,
                unit: if quantity < 3 {
                    Unit::WattHour
                } else {
                    Unit::VarHour
                },
                kind,
            }
        })
    });
    let channels: Vec<Channel> = channels.collect();
    let mut noise = seed;
    let mut totals = [123_456_789, 51_234, 23_456_789, 1_234_567];
    let rows = (1..=48).map(|half_hour| {
        let mut values = Vec::new();
        for (total, share) in totals.iter_mut().zip([1, 20, 3, 9]) {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let wobble = i64::try_from(noise >> 33).unwrap() % (1 + load / share / 4);
            let added = load / share + wobble;
            *total += added;
            values.extend([Some(*total), Some(added)]);
        }
        let end = Timestamp::from_seconds(1_795_392_000 + 1800 * half_hour);
        Line {
            end,
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
            channels: channels.into(),
        },
        clock: ClockQuality::Synchronised,
        rows: rows.collect(),
    }
}
