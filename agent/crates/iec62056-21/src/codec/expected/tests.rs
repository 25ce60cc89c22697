use line::Find;

use super::super::block::BlockEnd;
use super::super::command::Form;
use super::super::data_set::DataSet;
use super::super::frame::Frame;
use super::super::stream::StreamPacket;
use super::super::symbol::{ACK, EOT, ETX, SOH};
use super::*;

fn found(at: usize, len: usize) -> Find {
    Find::Found { at, len }
}

/// What is heard is complete with its last octet and not before.
#[track_caller]
fn check(expected: &ExpectedAnswer, heard: &[u8], sight: Find) {
    assert_eq!(expected.look(heard), sight, "{heard:02x?}");
    if let Find::Found { at, len } = sight {
        assert!(len <= expected.longest());
        for cut in 0..at + len {
            let early = expected.look(&heard[..cut]);
            assert!(
                !matches!(early, Find::Found { .. }),
                "{cut} of {heard:02x?}"
            );
        }
    }
}

fn confirmation() -> ExpectedAnswer {
    let set = DataSet::parse("1(2)").unwrap();
    ExpectedAnswer::to_command(&Command::Write(Form::Plain, set)).unwrap()
}

fn data() -> ExpectedAnswer {
    let set = DataSet::parse("0.9.1()").unwrap();
    ExpectedAnswer::to_command(&Command::Read(Form::National, set)).unwrap()
}

fn block(payload: &str) -> Vec<u8> {
    Frame::block(payload, ETX).into_octets()
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn only_the_exact_number_of_octets_answers_a_packet_read() {
    let two = ExpectedAnswer::to_packet_read(2);
    assert_eq!(two.end(), End::Exact(9));
    check(&two, &block("(01FF)"), found(0, 9));
    check(&two, &block("(01)"), Find::NotYet);
    check(&two, &block("(01FF00)"), Find::NotYet);
    check(&two, &block("(01FG)"), Find::NotYet);
    check(&two, &block("1(01F)"), Find::NotYet);
    check(&two, Frame::block("(01FF)", EOT).octets(), Find::NotYet);
    check(&two, &block("(ERR5)"), found(0, 9));
    check(
        &two,
        &joined(&[&block("(01)"), &block("(01FF)")]),
        found(7, 9),
    );
}

#[test]
fn a_meter_may_always_refuse_and_sign_off() {
    let packet = ExpectedAnswer::packet_of_stream(1);
    for expected in [
        confirmation(),
        data(),
        packet,
        ExpectedAnswer::to_packet_read(64),
    ] {
        check(&expected, b"\x15", found(0, 1));
        check(&expected, &block("(ERR2)"), found(0, 9));
        check(&expected, b"\x01B0\x03\x71", found(0, 5));
    }
}

#[test]
fn an_acknowledgement_counts_only_where_no_message_is() {
    let confirmation = confirmation();
    assert_eq!(confirmation.end(), End::Exact(1));
    check(&confirmation, b"\x06", found(0, 1));
    check(&confirmation, b"\x00\xff\x06", found(2, 1));
    check(&confirmation, b"\x00\xff\x00\x06", Find::NotYet);
    check(
        &ExpectedAnswer::packet_of_stream(1),
        b"\x00\x15",
        Find::NotYet,
    );
    // A block check that looks like one, of a late answer: whole, damaged, cut at its beginning.
    let late = block("(04)");
    assert_eq!(late.last(), Some(&ACK));
    check(&confirmation, &late, Find::NotYet);
    check(&confirmation, &joined(&[&late, b"\x06"]), found(7, 1));
    let mut broken = late.clone();
    broken[2] ^= 0x10;
    let len = broken.len();
    check(&confirmation, &broken, Find::Damaged { at: 0, len });
    check(&confirmation, &late[1..], Find::NotYet);
    check(&confirmation, b"\x86", Find::NotYet);
    check(&data(), b"\x06", Find::NotYet);
}

#[test]
fn the_block_check_is_never_an_end() {
    let checks = [
        ("(02)", 0),
        ("(03)", SOH),
        ("(00)", STX),
        ("(01)", ETX),
        ("(06)", EOT),
    ];
    for (payload, last) in checks {
        let frame = block(payload);
        assert_eq!(frame.last(), Some(&last), "{payload}");
        check(&data(), &frame, found(0, frame.len()));
    }
    let frame = block("(0>)");
    assert_eq!(frame.last(), Some(&b'\x0c'));
    check(&data(), &joined(&[&frame, &frame]), found(0, frame.len()));
}

#[test]
fn damage_ends_the_search_unless_the_answer_is_behind_it() {
    let two = ExpectedAnswer::to_packet_read(2);
    let good = block("(01FF)");
    let mut broken = good.clone();
    broken[3] ^= 1;
    check(&two, &broken, Find::Damaged { at: 0, len: 9 });
    check(&two, &joined(&[&broken, &good]), found(9, 9));
    // Only the beginning was damaged: the answer began within.
    check(&two, &joined(&[b"\x02(0", &good]), found(3, 9));
    let mut parity = good.clone();
    parity[4] |= 0x80;
    check(&two, &parity, Find::Damaged { at: 0, len: 9 });
    check(&two, &good[1..], Find::NotYet);
}

#[test]
fn the_rest_of_a_damaged_message_is_no_answer() {
    // The octets before the line end cancel each other out, so that the rest of it has the same
    // block check as the whole.
    let good = block("1.8.0(?)\r\n()");
    check(&data(), &good, found(0, good.len()));
    let mut broken = good.clone();
    broken[10] = b'\n' ^ 8;
    let len = broken.len();
    assert_eq!(broken[10..], block("()"));
    check(&data(), &broken, Find::Damaged { at: 0, len });
    check(&data(), &joined(&[&broken, &good]), found(len, len));
}

#[test]
fn an_address_tells_a_late_answer_from_the_right_one() {
    let clock = ExpectedAnswer::to_read_of("0.9.1");
    check(&clock, &block("0.9.1(123000)"), found(0, 16));
    check(&clock, &block("0.9.2(123000)"), Find::NotYet);
    check(&clock, &block("(123000)"), Find::NotYet);
    check(&clock, &block(""), Find::NotYet);
    check(
        &clock,
        &joined(&[&block("0.9.2(1)"), &block("0.9.1(123000)")]),
        found(11, 16),
    );
}

#[test]
fn a_partial_block_may_end_anywhere() {
    let set = DataSet::parse("P.01()").unwrap();
    let command = Command::Read(Form::NationalPartial, set);
    let expected = ExpectedAnswer::to_command(&command).unwrap();
    check(&expected, Frame::block("P.01(1", EOT).octets(), found(0, 9));
    check(&expected, &block(")(2)"), found(0, 7));
    check(
        &data(),
        Frame::block("0.9.1(1)", EOT).octets(),
        Find::NotYet,
    );
}

#[test]
fn an_identification_is_not_an_echo() {
    let expected = ExpectedAnswer::to_sign_on();
    let ident = b"/GEC5090100100400@000\r\n";
    check(&expected, ident, found(0, 23));
    check(&expected, &joined(&[b"/?001!\r\n", ident]), found(8, 23));
    check(&expected, &joined(&[b"\x00/", ident]), found(2, 23));
    check(&expected, b"\x15", found(0, 1));
    let mut damaged = ident.to_vec();
    damaged[7] |= 0x80;
    check(&expected, &damaged, Find::Damaged { at: 0, len: 23 });
    check(
        &expected,
        &[b'/', b'A', b'B', b'C', b'5'].repeat(30),
        Find::NotYet,
    );
}

#[test]
fn the_answer_to_an_option_select_follows_its_purpose() {
    let operand = ExpectedAnswer::to_option_select(Purpose::Programming).unwrap();
    let p0 = b"\x01P0\x02(0123456789ABCDEF)\x03\x66";
    check(&operand, p0, found(0, 24));
    check(&operand, &joined(&[&block("(01)"), p0]), found(7, 24));
    let readout = ExpectedAnswer::to_option_select(Purpose::Readout).unwrap();
    let lines = block("1.8.0(1*kWh)\r\n!\r\n");
    check(&readout, &lines, found(0, 20));
    check(&readout, &block("1.8.0(1*kWh)\r\n"), Find::NotYet);
    check(&readout, p0, Find::NotYet);
    assert_eq!(ExpectedAnswer::to_option_select(Purpose::Binary), None);
}

#[test]
fn the_packets_of_a_stream_are_told_by_their_numbers() {
    let wire = |number| {
        let packet = StreamPacket::new(number, b"\x02\x06\x15\x03data", BlockEnd::More);
        packet.unwrap().encode().into_octets()
    };
    let expected = ExpectedAnswer::packet_of_stream(2);
    assert_eq!(expected.end(), End::Declared);
    check(&expected, &wire(2), found(0, 15));
    check(&expected, &wire(1), Find::NotYet);
    check(&expected, &joined(&[&wire(1), &wire(2)]), found(15, 15));
    let mut broken = wire(2);
    broken[9] ^= 1;
    check(&expected, &broken, Find::Damaged { at: 0, len: 15 });
    let forty = ExpectedAnswer::packet_of_stream(u16::from(b'('));
    check(&forty, &wire(40), found(0, 15));
}

#[test]
fn what_is_missing_is_known_once_the_length_is() {
    let missing = |expected: &ExpectedAnswer, wire: &[u8]| -> Vec<usize> {
        (0..=wire.len())
            .map(|cut| expected.missing(&wire[..cut]))
            .collect()
    };
    let one = ExpectedAnswer::to_packet_read(1);
    assert_eq!(missing(&one, &block("(01)")), [0, 0, 0, 0, 3, 2, 1, 0]);
    assert_eq!(missing(&one, &block("(ERR1)")), [0; 10]);
    let packet = StreamPacket::new(1, b"x", BlockEnd::Last).unwrap().encode();
    let expected = ExpectedAnswer::packet_of_stream(1);
    assert_eq!(
        missing(&expected, packet.octets()),
        [0, 0, 0, 0, 4, 3, 2, 1, 0]
    );
    assert_eq!(missing(&data(), &block("(01)")), [0; 8]);
}

#[test]
fn a_sign_off_has_no_answer() {
    assert_eq!(ExpectedAnswer::to_command(&Command::SignOff), None);
    assert_eq!(ExpectedAnswer::to_command(&Command::FastSignOff), None);
}

#[test]
fn behind_a_marked_answer_only_noise_and_whole_messages_may_stand() {
    let data = data();
    let good = block("1.8.0(1)");
    let len = good.len();
    let settled = |behind: &[u8]| data.look_settled(&joined(&[&good, behind]));
    for behind in [
        &b""[..],
        b"\0\xff",
        b"\r\n",
        &good,
        b"\x06",
        b"\x01B0\x03\x71",
    ] {
        assert_eq!(settled(behind), found(0, len), "{behind:02x?}");
    }
    for behind in [
        &b"(1)\r\n\x03\x09"[..],
        b"x",
        b"\x03",
        b"\x021.8",
        b"\0\0\0\0\0",
    ] {
        let damaged = Find::Damaged { at: 0, len };
        assert_eq!(settled(behind), damaged, "{behind:02x?}");
    }
    // An exact length proves itself.
    let two = ExpectedAnswer::to_packet_read(2);
    let heard = joined(&[&block("(01FF)"), b"x"]);
    assert_eq!(two.look_settled(&heard), found(0, 9));
    assert!(data.waits_for_silence() && !two.waits_for_silence());
    assert!(!ExpectedAnswer::to_sign_on().waits_for_silence());
}

#[test]
fn what_is_very_short_is_no_late_answer() {
    // The answer of a Modbus meter with the address 21 begins like a NAK.
    let two = ExpectedAnswer::to_packet_read(2);
    assert_eq!(two.look(b"\x15\x03\x02"), found(0, 1));
    assert_eq!(two.look_late(b"\x15\x03\x02"), Find::NotYet);
    assert_eq!(confirmation().look_late(b"\x06\x03\x02"), Find::NotYet);
    assert_eq!(data().look(b"\x02\x03\x03"), found(0, 3));
    assert_eq!(data().look_late(b"\x02\x03\x03"), Find::NotYet);
    assert_eq!(two.look_late(&block("(01FF)")), found(0, 9));
    assert_eq!(two.look_late(&block("(ERR5)")), found(0, 9));
}
