use super::*;
use crate::samples::{polls, readings};
use metering::Timestamp;
use proptest::prelude::*;

/// Decoding puts polls of one shape together; a stable order makes both sides comparable.
fn sorted(mut readings: Vec<MeterReadings>) -> Vec<String> {
    readings.sort_by_key(|poll| (poll.taken_at, poll.meter.clone()));
    let mut texts: Vec<String> = readings.iter().map(|poll| format!("{poll:?}")).collect();
    texts.sort();
    texts
}

#[track_caller]
fn check_size(count: u64, bytes_max: usize) {
    let readings = polls(count);
    let bytes = encode_readings(&readings).unwrap();
    let each = bytes.len() / readings.len();
    println!(
        "{count} polls of 8 values: {} B, {each} B a poll",
        bytes.len()
    );
    assert!(
        each <= bytes_max,
        "{each} B a poll are more than {bytes_max}"
    );
    assert_eq!(decode_readings(&bytes).unwrap(), readings);
}

#[test]
fn a_poll_of_eight_values_takes_40_bytes_where_its_list_is_shared() {
    check_size(250, 36);
    check_size(32, 40);
    check_size(8, 50);
    check_size(1, 170);
}

#[test]
fn repeated_polls_of_one_meter_name_it_once() {
    let mut readings = polls(1);
    for later in 1..10 {
        let mut again = readings[0].clone();
        again.taken_at = Timestamp::from_millis(again.taken_at.millis() + 1000 * later);
        readings.push(again);
    }
    let bytes = encode_readings(&readings).unwrap();
    assert!(bytes.len() < 280, "{}", bytes.len());
    assert_eq!(decode_readings(&bytes).unwrap(), readings);
}

#[test]
fn what_a_meter_does_not_have_stays_nothing() {
    let mut readings = polls(3);
    readings[0].values[1].quantity = None;
    for poll in &mut readings {
        poll.values[5].quantity = None;
    }
    let bytes = encode_readings(&readings).unwrap();
    assert_eq!(decode_readings(&bytes).unwrap(), readings);
}

#[track_caller]
fn check_hostile(change: impl FnOnce(&mut WireGroup), expected: &str) {
    let bytes = encode_readings(&polls(3)).unwrap();
    let mut wire: WireRead = serde_cbor::from_slice(&bytes).unwrap();
    let mut group = wire.g.remove(0).0;
    change(&mut group);
    let bytes = serde_cbor::to_vec(&Wire { g: vec![group] }).unwrap();
    let error = decode_readings(&bytes).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn counts_and_names_are_checked() {
    let column = |key: &str| format!("column `{key}` does not hold exactly the numbers it should");
    check_hostile(|g| g.t = ByteBuf::new(), "`t` is out of range");
    check_hostile(|g| g.t = ByteBuf::from([0; 2]), "`m` is out of range");
    check_hostile(|g| g.t = ByteBuf::from([0; 4]), "`m` is out of range");
    check_hostile(|g| g.t = ByteBuf::from([0, 0, 0x80]), "`m` is out of range");
    check_hostile(|g| g.t = ByteBuf::from([0, 0, 0, 0x80]), &column("t"));
    check_hostile(
        |g| g.i = Some(ByteBuf::from([0, 1, 3])),
        "`i` is out of range",
    );
    check_hostile(|g| g.i = Some(ByteBuf::from([0, 1])), &column("i"));
    check_hostile(|g| g.v.truncate(7), &column("v"));
    check_hostile(|g| g.v[0] = ByteBuf::from([0, 0]), &column("v"));
    check_hostile(|g| g.nul = Some(vec![ByteBuf::new()]), &column("nul"));
    check_hostile(
        |g| g.nul = Some(vec![ByteBuf::from([0xff]); 8]),
        &column("nul"),
    );
    check_hostile(|g| g.o[0].1 = None, "`o` is out of range");
    check_hostile(
        |g| g.o[0].2 = Some(77),
        "unit code 77 is not known here; upgrade this program",
    );
    check_hostile(|g| g.m[0] = "+".to_owned(), "`m` is out of range");
    check_hostile(|g| g.t0 = u64::MAX, "`t` is out of range");
    assert!(encode_readings(&[]).is_err());
}

proptest! {
    #[test]
    fn any_polls_survive(readings in readings()) {
        let bytes = encode_readings(&readings).unwrap();
        let found = decode_readings(&bytes).unwrap();
        prop_assert_eq!(sorted(found.clone()), sorted(readings));
        // Once grouped, always the same bytes.
        prop_assert_eq!(encode_readings(&found).unwrap(), bytes);
    }
}
