use super::*;
use crate::samples::{feeder_day, polls, profiles, readings};
use proptest::prelude::*;

fn message(body: &Body) -> Message {
    let at = Timestamp::from_millis(1_795_393_800_417);
    Message::new(*b"epoch--1", 42, at, ClockQuality::Synchronised, body).unwrap()
}

fn profile() -> Message {
    let day = feeder_day(2500, false);
    let mut message = message(&Body::of_profile(&day, Origin::Gateway, 0).unwrap());
    message.channels = Some(day.shape.channels);
    message
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    let error = Message::decode(bytes).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_message_survives_the_wire() {
    let message = profile();
    let found = Message::decode(&message.encode().unwrap()).unwrap();
    assert_eq!(found, message);
    let Body::Profile(block) = found.open().unwrap() else {
        panic!("not a profile");
    };
    let rows = block.into_rows(&found.channels.unwrap()).unwrap();
    assert_eq!(rows, feeder_day(2500, false));
}

#[test]
fn what_may_differ_between_resends_is_not_hashed() {
    let first = profile();
    let mut again = first.clone();
    again.is_history = true;
    again.channels = None;
    let first = Message::decode(&first.encode().unwrap()).unwrap();
    let again = Message::decode(&again.encode().unwrap()).unwrap();
    assert_ne!(first, again);
    assert_eq!(first.body_hash(), again.body_hash());
}

#[test]
fn a_channel_list_that_does_not_fit_is_noticed() {
    let mut message = profile();
    message.channels = Some(feeder_day(1, true).shape.channels);
    let found = Message::decode(&message.encode().unwrap()).unwrap();
    assert!(matches!(
        found.open(),
        Err(DecodeError::OtherChannels { .. })
    ));
}

#[test]
fn the_envelope_is_read_strictly() {
    let not_a_map = "not the CBOR map of the contract";
    let good = profile().encode().unwrap();
    check_refused(&good[..good.len() - 1], not_a_map);
    check_refused(&[good.as_slice(), b"\x00"].concat(), not_a_map);
    check_refused(b"", not_a_map);
    check_refused(&[0x9f; 2000], not_a_map);
    check_refused(&[0xa1; 2000], not_a_map);
    check_refused(
        &vec![0; MESSAGE_BYTES_MAX + 1],
        "261121 bytes are more than the 261120 allowed here",
    );
}

/// An envelope put together by hand: `before` replaces its first key.
fn envelope(count: u8, before: &[u8]) -> Vec<u8> {
    let rest = b"\x61e\x48epoch--1\x61s\x62au\x61q\x01\x62ts\x00\x62tq\x02\x61b\x40";
    [&[0xa0 + count], before, rest].concat()
}

#[test]
fn keys_are_text_known_ones_once_unknown_ones_ignored() {
    assert!(Message::decode(&envelope(7, b"\x61v\x01")).is_ok());
    assert!(Message::decode(&envelope(8, b"\x61v\x01\x61z\x82\x01\xf6")).is_ok());
    let not_a_map = "not the CBOR map of the contract";
    check_refused(&envelope(8, b"\x61v\x01\x61v\x01"), not_a_map);
    check_refused(&envelope(7, b"\x00\x01"), not_a_map);
    check_refused(&envelope(6, b""), not_a_map);
    check_refused(
        &envelope(7, b"\x61v\x02"),
        "version 2 of the contract is not spoken here; upgrade this program",
    );
}

#[test]
fn a_list_of_values_is_no_envelope() {
    let list = b"\x89\x01\x48epoch--1\x62au\x01\x00\x02\xf4\xf6\x40";
    check_refused(list, "not the CBOR map of the contract");
}

#[test]
fn numbers_begin_with_one_and_fit_a_database() {
    let mut message = profile();
    for number in [0, NUMBER_MAX + 1, u64::MAX] {
        message.number = number;
        assert!(message.encode().is_err(), "{number}");
    }
    message.number = NUMBER_MAX;
    let bytes = message.encode().unwrap();
    assert_eq!(Message::decode(&bytes).unwrap().number, NUMBER_MAX);
}

#[test]
fn what_is_larger_than_a_packet_is_not_made() {
    let readings = polls(12_000);
    let body = Body::Readings(readings.clone());
    let fault = body.encode().unwrap_err().to_string();
    assert_eq!(fault, "`t` is out of range");
    let mut message = profile();
    message.body = vec![0; MESSAGE_BYTES_MAX];
    assert!(matches!(
        message.encode(),
        Err(EncodeError::TooLarge { .. })
    ));
    // The largest body leaves room for envelope and channel list.
    message.body = vec![0; BODY_BYTES_MAX];
    let channel = message.channels.as_ref().unwrap()[0].clone();
    message.channels = Some(vec![channel; crate::limits::CHANNELS_MAX].into());
    assert!(message.encode().is_ok());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzz_up(&bytes);
        crate::fuzz_down(&bytes);
    }

    #[test]
    fn a_damaged_message_is_refused_or_proper(
        rows in profiles(),
        place in any::<prop::sample::Index>(),
        byte: u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut whole = message(&Body::of_profile(&rows, Origin::Gateway, 1).unwrap());
        whole.channels = Some(rows.shape.channels);
        let mut bytes = whole.encode().unwrap();
        prop_assert!(Message::decode(&bytes[..cut.index(bytes.len())]).is_err());
        let at = place.index(bytes.len());
        bytes[at] = byte;
        crate::fuzz_up(&bytes);
    }

    #[test]
    fn damaged_readings_are_refused_or_proper(
        readings in readings(),
        place in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut bytes = message(&Body::Readings(readings)).encode().unwrap();
        let at = place.index(bytes.len());
        bytes[at] = byte;
        crate::fuzz_up(&bytes);
    }

    #[test]
    fn any_body_survives(readings in readings(), number in 1..=NUMBER_MAX, level in 0..4_u8) {
        let mut message = message(&Body::Readings(readings));
        message.number = number;
        message.clock = ClockQuality::from_level(level);
        let found = Message::decode(&message.encode().unwrap()).unwrap();
        prop_assert_eq!(found, message);
    }
}
