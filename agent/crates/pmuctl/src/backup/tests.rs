use super::*;
use desk::BackupIdentity;
use proptest::prelude::*;

pub(crate) fn identity(place: &str, octets: &[u8], runs: bool) -> Identity {
    Identity {
        place: place.to_owned(),
        name: format!("what stands at {place}"),
        runs,
        hex: hex(octets),
        sha256: hex(&Sha256::digest(octets)),
        refused: String::new(),
        left_out: String::new(),
        words: String::new(),
    }
}

pub(crate) fn refused(place: &str) -> Identity {
    Identity {
        place: place.to_owned(),
        name: format!("what stands at {place}"),
        runs: false,
        hex: String::new(),
        sha256: String::new(),
        refused: "ERR5: locked for this level".to_owned(),
        left_out: String::new(),
        words: String::new(),
    }
}

pub(crate) fn backup(identities: Vec<Identity>) -> Backup {
    Backup {
        meter: "feeder-1".to_owned(),
        model: "elster-a1700".to_owned(),
        identification: "/GEC5090100100400@000".to_owned(),
        serial: "12345678".to_owned(),
        taken: "2026-11-23T05:00:00Z".to_owned(),
        level: Some(1),
        protocol: None,
        identities,
    }
}

/// Of a DLMS meter.
pub(crate) fn cosem_backup(identities: Vec<Identity>) -> Backup {
    Backup {
        level: None,
        protocol: Some(Protocol {
            name: "dlms".to_owned(),
            association: "reader".to_owned(),
            client: 1,
            place: "hdlc 17".to_owned(),
        }),
        ..backup(identities)
    }
}

/// An attribute with what it says.
pub(crate) fn attribute(place: &str, octets: &[u8], words: &str) -> Identity {
    Identity {
        words: words.to_owned(),
        ..identity(place, octets, false)
    }
}

/// An attribute that is never read.
pub(crate) fn left_out(place: &str) -> Identity {
    Identity {
        refused: String::new(),
        left_out: "a secret is never read".to_owned(),
        ..refused(place)
    }
}

#[test]
fn a_protocol_makes_another_edition_that_is_read_back() {
    let backup = cosem_backup(vec![
        attribute("0-0:13.0.0 class 20 attribute 6", &[9, 2, 65, 66], "AB"),
        left_out("0-0:40.0.0 class 15 attribute 7"),
    ]);
    let text = backup.text().unwrap();
    assert!(text.contains("\"form\": \"pmu-meter-backup-2\""), "{text}");
    assert!(text.contains("\"words\": \"AB\""), "{text}");
    assert_eq!(Backup::parse(&text).unwrap(), backup);
    let old = usual().text().unwrap();
    assert!(!old.contains("left-out") && !old.contains("words"), "{old}");
    let other = text.replacen("backup-2", "backup-1", 1);
    assert!(matches!(Backup::parse(&other), Err(BackupFault::Whole)));
    let newer = text
        .replacen("backup-2", "backup-3", 1)
        .replace("meter\":", "metre\":");
    assert!(matches!(Backup::parse(&newer), Err(BackupFault::Form(_))));
}

fn usual() -> Backup {
    backup(vec![
        identity("507", &[1, 2, 3], true),
        identity("795", b"SCHEME01", false),
        refused("600"),
    ])
}

#[test]
fn a_backup_is_a_file_that_a_person_can_read() {
    let text = usual().text().unwrap();
    let expected = "{\n  \"form\": \"pmu-meter-backup-1\",\n  \"backup\": {\n    \
                    \"meter\": \"feeder-1\",\n    \"model\": \"elster-a1700\",\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("\"hex\": \"010203\""), "{text}");
    assert_eq!(Backup::parse(&text).unwrap(), usual());
    // How it is laid out does not count.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(Backup::parse(&value.to_string()).unwrap(), usual());
}

#[track_caller]
fn check_damaged(old: &str, new: &str, words: &str) {
    let text = usual().text().unwrap();
    assert!(text.contains(old), "{old} is not in it");
    let fault = Backup::parse(&text.replacen(old, new, 1)).unwrap_err();
    assert!(fault.to_string().contains(words), "{fault}");
}

#[test]
fn what_is_damaged_is_named() {
    check_damaged("010203", "010204", "identity 507");
    check_damaged("010203", "01020", "identity 507");
    check_damaged("010203", "01020G", "identity 507");
    check_damaged("12345678", "12345679", "does not fit its hash");
    check_damaged("\"runs\": true", "\"runs\": false", "does not fit its hash");
    check_damaged("\"level\": 1", "\"level\": 2", "does not fit its hash");
    check_damaged("ERR5: locked for this level", "", "identity 600");
    check_damaged("backup-1", "backup-3", "pmu-meter-backup-3");
    check_damaged("\"level\"", "\"levels\"", "no backup");
    check_damaged("{", "[", "no backup");
}

#[test]
fn an_answer_with_a_wrong_hash_does_not_become_a_file() {
    let answer = |sha256: String| BackupResult {
        meter: "feeder-1".to_owned(),
        model: String::new(),
        identification: String::new(),
        serial: String::new(),
        taken: String::new(),
        level: None,
        identities: vec![BackupIdentity {
            place: "507".to_owned(),
            name: String::new(),
            is_running: true,
            hex: "0A".to_owned(),
            sha256,
            ..BackupIdentity::default()
        }],
        protocol: None,
    };
    let right = hex(&Sha256::digest([10]));
    let taken = Backup::taken(&answer(right.to_ascii_uppercase())).unwrap();
    assert_eq!(Backup::parse(&taken.text().unwrap()).unwrap(), taken);
    assert!(Backup::taken(&answer("00".repeat(32))).is_err());
}

proptest! {
    #[test]
    fn no_file_makes_the_parser_panic(text: String) {
        fuzz_backup(&text);
    }

    #[test]
    fn what_was_written_is_read_again(
        places in proptest::collection::vec((".{0,8}", proptest::collection::vec(any::<u8>(), 0..9)), 0..6),
        serial: String,
        level: Option<u8>,
    ) {
        let identities = places.iter().map(|(place, octets)| identity(place, octets, false));
        let mut backup = backup(identities.collect());
        backup.serial = serial;
        backup.level = level;
        prop_assert_eq!(Backup::parse(&backup.text().unwrap()).unwrap(), backup);
    }

    #[test]
    fn a_flipped_bit_is_never_taken(at: prop::sample::Index, bit in 0_u8..7) {
        let mut bytes = usual().text().unwrap().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // A change of the layout alone is none of the values.
        if let Ok(read) = String::from_utf8(bytes).map_err(|_| ()).and_then(|text| Backup::parse(&text).map_err(|_| ())) {
            prop_assert_eq!(read, usual());
        }
    }
}
