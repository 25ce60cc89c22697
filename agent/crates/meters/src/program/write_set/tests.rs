use super::*;
use iec62056_21::codec::{Packet, hex_of};
use proptest::prelude::*;

const SET: &str = r#"
format = "pmu-write-set/1"
name = "stod-2027"
model = "elster-a1700"
firmware = "/GEC5090100140400@000"
source = "a session of the maker's program, 2026-05-02"

[[page]]
identity = 610
packet = 1
data = "0102 0304"

[[page]]
name = "exclusion dates"
identity = 611
packet = 2
data = "ff"
phase = "destructive"
clears-profile = true
"#;

fn set() -> WriteSet {
    WriteSet::parse("set.toml", SET).unwrap()
}

#[test]
fn a_set_is_read_and_written() {
    let set = set();
    assert_eq!(set.writes[0].name, "610001");
    assert_eq!(set.writes[0].phase, Phase::Tariff);
    assert_eq!(set.writes[1].octets, [0xff]);
    assert_eq!(WriteSet::parse("again.toml", &set.to_text()), Ok(set));
    for (from, to, complaint) in [
        (
            "packet = 1",
            "packet = 0",
            "set.toml:8: page: there is no such packet",
        ),
        (
            "identity = 610",
            "identity = 1000",
            "there is no such packet",
        ),
        ("0102 0304", "0102 030", "no 1 to 64 octets"),
        ("0102 0304", "", "no 1 to 64 octets"),
        ("write-set/1", "write-set/9", "no form that is known"),
        ("name = \"stod-2027\"\n", "", "missing field `name`"),
        ("data = \"ff\"", "dat = \"ff\"", "dat"),
    ] {
        let told = WriteSet::parse("set.toml", &SET.replace(from, to)).unwrap_err();
        assert!(
            told.iter().any(|one| one.to_string().contains(complaint)),
            "{told:?}"
        );
    }
}

const NO_SECRETS: &[String] = &[];

fn head() -> WriteSet {
    WriteSet {
        writes: Vec::new(),
        ..set()
    }
}

fn write(identity: u16, packet: u16, octets: &[u8]) -> Vec<u8> {
    let packet = Packet::new(identity, packet).unwrap();
    packet.write(octets).unwrap().octets().to_vec()
}

/// A recording as a trace has it.
fn recorded(lines: &[(char, Vec<u8>)]) -> String {
    let lines = lines.iter().map(|(direction, octets)| {
        let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        format!(
            "# 12.000001 sent: words\n{direction} {}\n",
            octets.join(" ")
        )
    });
    lines.collect()
}

/// Two recordings that differ in one setting show where it stands.
#[test]
fn two_recordings_show_where_they_differ() {
    let session = |first: &[u8], second: &[u8]| {
        let ack = || ('<', vec![6]);
        let text = recorded(&[
            ('>', b"/?123!\r\n".to_vec()),
            ('>', write(576, 1, b"A N OTHER   ")),
            ack(),
            ('>', write(610, 1, first)),
            ack(),
            // It was not heard, and is sent again.
            ('>', write(610, 2, second)),
            ('>', write(610, 2, second)),
            ack(),
            ('>', write(611, 1, &[9])),
            ('<', b"\x02(ERR5)\x03\x5e".to_vec()),
            ('>', write(655, 1, &[])),
            ack(),
        ]);
        let (set, left_out) =
            WriteSet::from_recording(&head(), "rec.txt", &text, NO_SECRETS).unwrap();
        assert_eq!(left_out.housekeeping, [576]);
        assert_eq!(left_out.actions, [655]);
        assert_eq!(left_out.refused, [611]);
        assert_eq!(set.writes.len(), 2);
        set
    };
    let one = session(&[6, 0, 22, 0], &[1; 8]);
    let other = session(&[7, 0, 22, 0], &[1, 1, 1, 2, 3, 1, 1, 1]);
    let told: Vec<String> = one
        .differences(&other)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "610001 from octet 0: 06 | 07",
            "610002 from octet 3: 0101 | 0203"
        ]
    );
    assert_ne!(one.digest(), other.digest());
}

/// A frame may be cut over lines, come with its answer in one, and with the parity in its octets.
#[test]
fn a_recording_is_understood_however_it_was_cut() {
    let frame = write(610, 1, &[1, 2, 3]);
    let whole = [frame.clone(), vec![6]].concat();
    let odd: Vec<u8> = whole
        .iter()
        .map(|octet| octet | if octet.count_ones() % 2 == 1 { 0x80 } else { 0 })
        .collect();
    let digits = |octets: &[u8]| hex_of(octets);
    let (left, right) = frame.split_at(7);
    for text in [
        recorded(&[('>', left.to_vec()), ('>', right.to_vec()), ('<', vec![6])]),
        recorded(&[('<', whole.clone())]),
        digits(&whole),
        digits(&odd),
        format!("{}\n{}\n", digits(left), digits(right)),
    ] {
        let (set, left_out) =
            WriteSet::from_recording(&head(), "rec.txt", &text, NO_SECRETS).unwrap();
        assert_eq!(set.writes.len(), 1, "{text}");
        assert_eq!(set.writes[0].octets, [1, 2, 3], "{text}");
        assert_eq!(left_out, LeftOut::default(), "{text}");
    }
}

/// A set without one of its writes is half a programming: it is not made.
#[test]
fn a_recording_with_a_damaged_write_is_refused() {
    let frame = write(610, 1, &[1, 2, 3]);
    let mut damaged = frame.clone();
    damaged[12] ^= 1;
    let cut = frame[..frame.len() - 2].to_vec();
    for (text, complaint) in [
        (recorded(&[('>', damaged)]), "rec.txt:2: a write is damaged"),
        (recorded(&[('>', cut)]), "rec.txt:2: a write is damaged"),
        ("> 01 5\n".to_owned(), "rec.txt:1: this is no line of hex"),
        ("07:00:01 sent".to_owned(), "put # before what is no octet"),
    ] {
        let told = WriteSet::from_recording(&head(), "rec.txt", &text, NO_SECRETS).unwrap_err();
        assert!(told[0].to_string().contains(complaint), "{told:?}");
    }
}

#[test]
fn passwords_get_into_no_set() {
    let p1 = b"\x01P1\x02(ABCD0002)\x03".to_vec();
    let check = p1.iter().skip(1).fold(0, |sum, octet| sum ^ octet);
    let text = recorded(&[
        ('>', [p1, vec![check]].concat()),
        ('<', vec![6]),
        // The recording's own, one that was named, and one that our trace hides.
        ('>', write(700, 1, b"ABCD0002")),
        ('>', write(701, 1, b"\x01NEWPASS1\x00")),
        ('>', write(702, 1, &[1])),
    ]);
    let hidden = "> 01 57 31 02 37 30 33 ** ** ** 03 **\n";
    let text = format!("{text}{hidden}");
    let secrets = ["NEWPASS1".to_owned(), String::new()];
    let (set, left_out) = WriteSet::from_recording(&head(), "rec.txt", &text, &secrets).unwrap();
    assert_eq!(left_out.secrets, [Some(700), Some(701), None]);
    let identities: Vec<u16> = set.writes.iter().map(|write| write.identity).collect();
    assert_eq!(identities, [702]);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}") {
        super::super::page_text::fuzz_files(&text);
    }
}
