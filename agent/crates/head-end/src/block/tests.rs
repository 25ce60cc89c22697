use super::*;
use crate::samples::{feeder_day, profiles, with_troubles};
use crate::{Body, Message};
use proptest::prelude::*;
use serde_json::json;

fn encoded(rows: &ProfileRows) -> Vec<u8> {
    let block = ProfileBlock::new(rows, Origin::Gateway, 0).unwrap();
    block.encode().unwrap()
}

#[track_caller]
fn check_survives(rows: &ProfileRows) {
    let block = ProfileBlock::decode(&encoded(rows)).unwrap();
    let again = block.into_rows(&rows.shape.channels).unwrap();
    assert_eq!(&again, rows);
}

#[test]
fn a_good_and_a_bad_day_survive_the_wire() {
    check_survives(&feeder_day(2500, false));
    check_survives(&feeder_day(2500, true));
    check_survives(&with_troubles(feeder_day(2500, false)));
}

/// The same rows as JSON and as CBOR, one object with its values a row.
fn as_rows(rows: &ProfileRows) -> (usize, usize) {
    let list: Vec<_> = rows
        .rows
        .iter()
        .map(|row| {
            let values: Vec<i64> = row.values.iter().map(|value| value.unwrap()).collect();
            json!({"t": row.end.seconds(), "v": values})
        })
        .collect();
    let all = json!({"m": rows.meter.as_str(), "p": rows.profile.to_string(), "rows": list});
    let cbor = serde_cbor::to_vec(&all).unwrap();
    (all.to_string().len(), cbor.len())
}

/// The whole message as published, envelope included, channel list left out.
#[track_caller]
fn check_size(name: &str, rows: &ProfileRows, limit: usize) {
    let body = Body::of_profile(rows, Origin::Gateway, 0).unwrap();
    let at = Timestamp::from_millis(1_795_478_400_417);
    let message = Message::new([7; 8], 1_234_567, at, ClockQuality::Synchronised, &body);
    let mut message = message.unwrap();
    let bytes = message.encode().unwrap().len();
    message.channels = Some(rows.shape.channels.clone());
    let with_list = message.encode().unwrap().len();
    let (json, cbor) = as_rows(rows);
    println!(
        "{name}: {bytes} B ({with_list} B with its channel list); CBOR rows {cbor} B, JSON {json} B"
    );
    assert_eq!(rows.rows.len() * rows.shape.channels.len(), 48 * 8);
    assert!(bytes <= limit, "{name}: {bytes} B are more than {limit} B");
}

#[test]
fn a_day_of_half_hours_with_eight_channels_takes_600_bytes() {
    let feeder = "four totals with increments, 50 kW feeder";
    check_size(feeder, &feeder_day(2500, false), 600);
    check_size(
        "eight independent totals, small load",
        &feeder_day(40, true),
        600,
    );
    // High load at a fine scale costs more, as every cell then needs two or three bytes.
    let large = "four totals with increments, 600 kW feeder";
    check_size(large, &feeder_day(30_000, false), 700);
    let worst = "eight independent totals, 50 kW feeder";
    check_size(worst, &feeder_day(2500, true), 950);
}

#[test]
fn the_version_of_a_list_follows_from_its_content() {
    let list = feeder_day(1, false).shape.channels;
    let other = feeder_day(1, true).shape.channels;
    let version = channels_version(&list).unwrap();
    assert_eq!(
        version,
        channels_version(&feeder_day(9, false).shape.channels).unwrap()
    );
    assert_ne!(version, channels_version(&other).unwrap());
    let block = ProfileBlock::new(&feeder_day(1, false), Origin::Meter, 0).unwrap();
    assert!(matches!(
        block.into_rows(&other),
        Err(DecodeError::OtherChannels { expected }) if expected == version
    ));
}

#[track_caller]
fn check_refused(rows: &ProfileRows, expected: &str) {
    let error = ProfileBlock::new(rows, Origin::Meter, 0).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn only_proper_rows_become_a_block() {
    let good = feeder_day(1, false);
    let mut hole = good.clone();
    hole.rows.remove(3);
    check_refused(
        &hole,
        "row 3 is not on the next mark, or has not one value a channel",
    );
    let mut ragged = good.clone();
    ragged.rows[7].values.pop();
    check_refused(
        &ragged,
        "row 7 is not on the next mark, or has not one value a channel",
    );
    let mut empty = good.clone();
    empty.rows.clear();
    check_refused(&empty, "`n` is out of range");
    let mut odd = good;
    odd.rows.truncate(1);
    odd.rows[0].end = Timestamp::from_millis(1);
    check_refused(&odd, "`t0` is out of range");
}

/// A block whose parts can be made wrong.
fn wire() -> Wire {
    serde_cbor::from_slice(&encoded(&with_troubles(feeder_day(2500, false)))).unwrap()
}

#[track_caller]
fn check_hostile(change: impl FnOnce(&mut Wire), expected: &str) {
    let mut wire = wire();
    change(&mut wire);
    let bytes = serde_cbor::to_vec(&wire).unwrap();
    let error = ProfileBlock::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn counts_are_checked_before_anything_is_made_of_them() {
    let column = |key: &str| format!("column `{key}` does not hold exactly the numbers it should");
    check_hostile(|w| w.n = u32::MAX, "`n` is out of range");
    check_hostile(|w| w.n = 0, "`n` is out of range");
    check_hostile(|w| w.n = 7, &column("d"));
    check_hostile(|w| w.n = 5, &column("d"));
    check_hostile(|w| w.per = 7, "`per` is out of range");
    check_hostile(|w| w.t0 = u64::MAX, "`t0` is out of range");
    check_hostile(|w| w.m = "a b".to_owned(), "`m` is out of range");
    check_hostile(|w| w.d.clear(), "`d` is out of range");
    check_hostile(|w| w.st = vec![(6, 1)], "`st` is out of range");
    check_hostile(|w| w.st = vec![(1, 1), (1, 2)], "`st` is out of range");
    check_hostile(|w| w.tq = 4, "`tq` is out of range");
    check_hostile(|w| w.src = Some("x".to_owned()), "`src` is out of range");
    check_hostile(|w| w.nul = Some(Vec::new()), &column("nul"));
    check_hostile(|w| w.at = Some(ByteBuf::new()), &column("at"));
    let far = || crate::column::encode([i64::MAX; 6]);
    check_hostile(|w| w.at = Some(far()), &column("at"));
    let to_itself = || Column::DifferencesOf {
        column: 1,
        first: 0,
    };
    check_hostile(|w| w.d[1] = to_itself(), &column("d"));
    let to_nothing = || Column::DifferencesOf {
        column: 99,
        first: 0,
    };
    check_hostile(|w| w.d[1] = to_nothing(), &column("d"));
}

#[test]
fn increments_are_written_as_a_reference_only_where_they_follow() {
    let count = |rows: &ProfileRows| {
        let wire: Wire = serde_cbor::from_slice(&encoded(rows)).unwrap();
        let refer = wire.d.iter();
        refer
            .filter(|column| matches!(column, Column::DifferencesOf { .. }))
            .count()
    };
    let mut day = feeder_day(2500, false);
    assert_eq!(count(&day), 4);
    // The meter's total went back: the increment is no longer the difference.
    day.rows[20].values[1] = Some(0);
    assert_eq!(count(&day), 3);
    check_survives(&day);
    day.rows.truncate(1);
    assert_eq!(count(&day), 0);
    check_survives(&day);
}

proptest! {
    #[test]
    fn any_rows_survive(rows in profiles(), revision: u32) {
        let block = ProfileBlock::new(&rows, Origin::Meter, revision).unwrap();
        let found = ProfileBlock::decode(&block.encode().unwrap()).unwrap();
        prop_assert_eq!(&found, &block);
        prop_assert_eq!(found.into_rows(&rows.shape.channels).unwrap(), rows);
    }

    #[test]
    fn equal_rows_have_equal_bytes(rows in profiles()) {
        prop_assert_eq!(encoded(&rows), encoded(&rows.clone()));
    }
}
