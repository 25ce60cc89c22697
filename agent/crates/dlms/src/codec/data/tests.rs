//! Values as tables.

use super::*;
use crate::limits::DATA_DEPTH_MAX;

#[track_caller]
fn check(octets: &[u8], expected: &Data) {
    assert_eq!(decode_all(octets).as_ref(), Ok(expected));
    assert_eq!(expected.encode(), octets);
}

#[track_caller]
fn refused(octets: &[u8], words: &str) {
    assert_eq!(decode_all(octets).unwrap_err().to_string(), words);
}

#[test]
fn values_are_read_and_written() {
    check(&[0], &Data::Null);
    check(&[3, 1], &Data::Boolean(true));
    check(&[5, 0xff, 0xff, 0xff, 0xfe], &Data::DoubleLong(-2));
    check(
        &[6, 0, 0xbc, 0x61, 0x4e],
        &Data::DoubleLongUnsigned(12_345_678),
    );
    check(&[9, 2, 0xab, 0xcd], &Data::OctetString(vec![0xab, 0xcd]));
    check(&[10, 1, b'A'], &Data::VisibleString(b"A".to_vec()));
    check(&[12, 2, 0xc3, 0xa4], &Data::Utf8String(vec![0xc3, 0xa4]));
    check(&[13, 0x25], &Data::Bcd(0x25));
    check(&[15, 0xfd], &Data::Integer(-3));
    check(&[16, 0x80, 0], &Data::Long(-32_768));
    check(&[17, 7], &Data::Unsigned(7));
    check(&[18, 1, 0], &Data::LongUnsigned(256));
    check(
        &[20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &Data::Long64(-1),
    );
    check(
        &[21, 0, 0, 0, 1, 0, 0, 0, 0],
        &Data::Long64Unsigned(1 << 32),
    );
    check(&[22, 30], &Data::Enum(30));
    check(&[23, 0x3f, 0x80, 0, 0], &Data::Float32(1.0));
    check(&[24, 0x40, 0, 0, 0, 0, 0, 0, 0], &Data::Float64(2.0));
    check(
        &[26, 7, 0xea, 6, 1, 0xff],
        &Data::Date([7, 0xea, 6, 1, 0xff]),
    );
    check(&[27, 12, 0, 0, 0xff], &Data::Time([12, 0, 0, 0xff]));
    check(&[255], &Data::DontCare);
    let bits = BitString::new(10, vec![0xff, 0x80]).unwrap();
    check(&[4, 10, 0xff, 0x80], &Data::BitString(bits));
    let unit = vec![Data::Integer(-1), Data::Enum(30)];
    check(&[2, 2, 15, 0xff, 22, 30], &Data::Structure(unit));
    check(&[1, 0], &Data::Array(Vec::new()));
}

#[test]
fn a_compact_array_is_the_array_it_stands_for() {
    // Structure of a 16 bit and an 8 bit value; two rows.
    let compact = [19, 2, 2, 18, 17, 6, 0, 1, 2, 0, 3, 4];
    let row = |word, octet| Data::Structure(vec![Data::LongUnsigned(word), Data::Unsigned(octet)]);
    assert_eq!(
        decode_all(&compact),
        Ok(Data::Array(vec![row(1, 2), row(3, 4)]))
    );
    refused(
        &[19, 2, 2, 18, 17, 5, 0, 1, 2, 0, 3],
        "message ends within a value",
    );
    refused(
        &[19, 0, 1, 9],
        "length of a compact array contradicts its message",
    );
}

#[test]
fn what_is_no_value_is_refused() {
    refused(&[], "message ends within the type of a value");
    refused(&[7], "the type of a value 0x07 is not allowed there");
    refused(&[17], "message ends within a value");
    refused(&[17, 1, 2], "1 octets left behind the message");
    refused(&[9, 3, 1, 2], "message ends within a value");
    refused(&[9, 0x80, 1], "a value 0x80 is not allowed there");
    refused(
        &[9, 0x84, 0xff, 0xff, 0xff, 0xff],
        "a value is larger than 65536",
    );
    refused(&[1, 3, 17, 1], "message ends within the number of values");
    refused(
        &[1, 0x83, 0xff, 0xff, 0xff],
        "the number of values is larger than 262144",
    );
}

#[test]
fn values_lie_only_so_deep_within_each_other() {
    let nested = |depth: u8| {
        let mut octets = [2, 1].repeat(depth.into());
        octets.push(0);
        octets
    };
    assert!(decode_all(&nested(DATA_DEPTH_MAX - 1)).is_ok());
    refused(
        &nested(DATA_DEPTH_MAX),
        "values lie more than 16 deep within each other",
    );
    refused(
        &nested(255),
        "values lie more than 16 deep within each other",
    );
}

#[test]
fn lengths_of_any_form_are_read_and_the_shortest_is_written() {
    assert_eq!(decode_all(&[9, 0x81, 1, 5]), Ok(Data::OctetString(vec![5])));
    assert_eq!(
        decode_all(&[9, 0x82, 0, 1, 5]),
        Ok(Data::OctetString(vec![5]))
    );
    assert_eq!(Data::OctetString(vec![0; 127]).encode()[..2], [9, 127]);
    assert_eq!(
        Data::OctetString(vec![0; 128]).encode()[..3],
        [9, 0x81, 128]
    );
    assert_eq!(
        Data::OctetString(vec![0; 256]).encode()[..4],
        [9, 0x82, 1, 0]
    );
}
