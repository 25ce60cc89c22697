//! What holds for all octets and all values.

use dlms::codec::{Data, DateTime, decode_all};
use dlms::hdlc::{Address, Control, FLAG, Frame, Seen, seen};
use dlms::security::{Channel, Form, Keys, Protection, Suite, SystemTitle};
use dlms_cosem_rs::axdr as their;
use dlms_cosem_rs::codec::Encode as _;
use proptest::collection::vec;
use proptest::prelude::*;

fn data() -> impl Strategy<Value = Data> {
    let leaf = prop_oneof![
        Just(Data::Null),
        any::<bool>().prop_map(Data::Boolean),
        any::<i32>().prop_map(Data::DoubleLong),
        any::<u32>().prop_map(Data::DoubleLongUnsigned),
        vec(any::<u8>(), 0..200).prop_map(Data::OctetString),
        vec(any::<u8>(), 0..20).prop_map(Data::VisibleString),
        any::<i8>().prop_map(Data::Integer),
        any::<i16>().prop_map(Data::Long),
        any::<u8>().prop_map(Data::Unsigned),
        any::<u16>().prop_map(Data::LongUnsigned),
        any::<i64>().prop_map(Data::Long64),
        any::<u64>().prop_map(Data::Long64Unsigned),
        any::<u8>().prop_map(Data::Enum),
        any::<u8>().prop_map(Data::Bcd),
        any::<[u8; 12]>().prop_map(Data::DateTime),
    ];
    leaf.prop_recursive(6, 64, 10, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..10).prop_map(Data::Array),
            vec(inner, 0..10).prop_map(Data::Structure),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_is_read_as_it_was_written(value in data()) {
        prop_assert_eq!(decode_all(&value.encode()), Ok(value));
    }

    #[test]
    fn another_implementation_reads_our_values_and_writes_them_alike(value in data()) {
        let octets = value.encode();
        let read = their::Data::from_bytes_in(&octets).unwrap();
        let mut again = Vec::new();
        read.encode(&mut again).unwrap();
        prop_assert_eq!(again, octets);
    }

    #[test]
    fn what_we_read_another_implementation_reads_too(octets in vec(any::<u8>(), 0..200)) {
        dlms::fuzz_data(&octets);
        if decode_all(&octets).is_ok() {
            prop_assert!(their::Data::from_bytes_in(&octets).is_ok());
        }
    }

    #[test]
    fn no_octets_make_a_parser_panic(octets in vec(any::<u8>(), 0..400)) {
        dlms::fuzz_hdlc(&octets);
        dlms::fuzz_wrapper(&octets);
        dlms::fuzz_apdu(&octets);
        dlms::fuzz_meter(&octets);
    }

    #[test]
    fn octets_that_begin_like_apdus_make_no_parser_panic(
        tag in prop::sample::select(vec![
            0x01_u8, 0x08, 0x60, 0x61, 0xc0, 0xc1, 0xc3, 0xc4, 0xc5, 0xc7, 0xc8, 0xdb, 0xdc, 0xd8,
        ]),
        kind in 0_u8..7,
        octets in vec(prop_oneof![any::<u8>(), 0_u8..10], 0..100),
    ) {
        let apdu = [&[tag, kind][..], &octets].concat();
        dlms::fuzz_apdu(&apdu);
    }

    #[test]
    fn a_frame_is_read_as_it_was_written(
        send in 0_u8..8,
        receive in 0_u8..8,
        is_final: bool,
        is_segmented: bool,
        information in vec(any::<u8>(), 1..600),
        noise in vec(any::<u8>(), 0..20),
    ) {
        let frame = Frame {
            is_segmented,
            information,
            ..Frame::bare(
                Address::one(16).unwrap(),
                Address::four(1, 5000).unwrap(),
                Control::Information { send, receive, is_final },
            )
        };
        let wire = frame.encode();
        prop_assert_eq!(&wire[..1], &[FLAG]);
        let behind = [&wire[1..], &noise].concat();
        prop_assert_eq!(seen(&behind), Seen::Whole(wire.len() - 2, frame));
    }

    #[test]
    fn a_date_and_time_is_read_as_it_was_written(octets: [u8; 12]) {
        if let Ok(read) = DateTime::decode(octets) {
            prop_assert_eq!(read.encode(), octets);
        }
    }

    #[test]
    fn only_whoever_has_the_keys_is_believed(
        plain in vec(any::<u8>(), 1..200),
        counter in 1_u32..,
        flipped in 0_usize..4096,
    ) {
        let keys = || Keys::new(Suite::Two, &[1; 32], &[2; 32]).unwrap();
        let channel = |own, peer| {
            let mut channel =
                Channel::new(keys(), SystemTitle(own), Protection::Both, Form::General, None);
            channel.set_peer(SystemTitle(peer));
            channel
        };
        let mut plain = plain;
        plain[0] = 0xc0;
        let sender = channel([1; 8], [2; 8]);
        let mut wire = sender.protect(&plain, counter).unwrap();
        let place = flipped % (wire.len() * 8);
        wire[place / 8] ^= 1 << (place % 8);
        prop_assert!(channel([2; 8], [1; 8]).open(&wire).is_err());
        wire[place / 8] ^= 1 << (place % 8);
        prop_assert_eq!(channel([2; 8], [1; 8]).open(&wire).unwrap().0, plain);
        // Its own words, thrown back.
        prop_assert!(channel([1; 8], [2; 8]).open(&wire).is_err());
    }
}
