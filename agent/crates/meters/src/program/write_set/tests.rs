use super::*;
use iec62056_21::codec::hex_of;
use proptest::prelude::*;

const SET: &str = r#"
format = "pmu-write-set/1"
name = "STOD 2027"
model = "elster-a1700"
firmware = "/GEC5090100140400@000"
source = "a session of the maker's program, 2026-05-02"

[[write]]
identity = 610
packet = 1
data = "0102 0304"

[[write]]
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
            "set.toml:8: write: there is no such packet",
        ),
        (
            "identity = 610",
            "identity = 1000",
            "there is no such packet",
        ),
        ("0102 0304", "0102 030", "no 1 to 64 octets"),
        ("0102 0304", "", "no 1 to 64 octets"),
        ("write-set/1", "write-set/9", "no form that is known"),
        ("name = \"STOD 2027\"\n", "", "missing field `name`"),
        ("data = \"ff\"", "dat = \"ff\"", "dat"),
    ] {
        let told = WriteSet::parse("set.toml", &SET.replace(from, to)).unwrap_err();
        assert!(
            told.iter().any(|one| one.to_string().contains(complaint)),
            "{told:?}"
        );
    }
}

/// Two recordings that differ in one setting show where it stands.
#[test]
fn two_recordings_show_where_they_differ() {
    let head = WriteSet {
        writes: Vec::new(),
        ..set()
    };
    let session = |first: &[u8], second: &[u8]| {
        let write = |packet, octets: &[u8]| {
            let frame = Packet::new(610, packet).unwrap().write(octets).unwrap();
            frame.octets().to_vec()
        };
        let operator = Packet::new(576, 1).unwrap().write(b"A N OTHER   ").unwrap();
        let reset = Packet::new(655, 1).unwrap().write(&[]).unwrap();
        let frames = [
            b"/?123!\r\n".to_vec(),
            operator.octets().to_vec(),
            write(1, first),
            b"\x06".to_vec(),
            write(2, second),
            reset.octets().to_vec(),
        ];
        let text: Vec<String> = frames
            .iter()
            .map(|frame| format!("> {}", hex_of(frame)))
            .collect();
        let frames = WriteSet::frames_of(&text.join("\n"));
        assert_eq!(frames.len(), 6);
        let (set, left_out) = WriteSet::from_frames(&head, frames.iter().map(Vec::as_slice));
        assert_eq!(left_out.housekeeping, [576]);
        assert_eq!(left_out.actions, [655]);
        assert_eq!(left_out.others, 2);
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

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}") {
        super::text::fuzz_files(&text);
    }
}
