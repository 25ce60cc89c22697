use super::*;
use proptest::prelude::*;

fn master(octet: u8) -> MasterKey {
    MasterKey::from_credential(Some(&[octet; 32])).unwrap()
}

fn meter(name: &str) -> MeterId {
    name.parse().unwrap()
}

#[test]
fn a_secret_opens_in_its_place_alone() {
    let (own, other) = (meter("meter-1"), meter("meter-2"));
    let place = SealPlace {
        meter: &own,
        kind: 0,
        number: 7,
    };
    let secret = SecretOctets::new(&[0xA5; 32]).unwrap();
    let sealed = master(1).seal(&secret, place, [9; 12]).unwrap();
    assert_eq!(sealed.len(), 1 + 12 + 32 + 16);
    assert!(!sealed.windows(4).any(|part| part == [0xA5; 4]));
    let opened = master(1).open(&sealed, place).unwrap();
    assert_eq!(opened.reveal(), secret.reveal());

    let moved = [
        SealPlace {
            meter: &other,
            ..place
        },
        SealPlace { kind: 2, ..place },
        SealPlace { number: 8, ..place },
    ];
    for place in moved {
        assert_eq!(
            master(1).open(&sealed, place).err(),
            Some(SealFault::Sealed),
            "{place:?}"
        );
    }
    assert_eq!(
        master(2).open(&sealed, place).err(),
        Some(SealFault::Sealed)
    );
    for octet in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[octet] ^= 1;
        assert!(master(1).open(&bent, place).is_err(), "octet {octet}");
        assert!(
            master(1).open(&sealed[..octet], place).is_err(),
            "cut at {octet}"
        );
    }
}

/// AES-256-GCM, test case 15 of its authors, without associated data: the cipher is the one
/// that its name says.
#[test]
fn the_cipher_gives_the_published_octets() {
    let key =
        SecretOctets::from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
            .unwrap();
    let key = MasterKey::from_credential(Some(key.reveal())).unwrap();
    let nonce = SecretOctets::from_hex("cafebabefacedbaddecaf888").unwrap();
    let nonce: [u8; 12] = nonce.reveal().try_into().unwrap();
    let plain = SecretOctets::from_hex("d9313225f88406e5a55909c5aff5269a").unwrap();
    let sealed = key
        .cipher()
        .encrypt(&Nonce::from(nonce), plain.reveal())
        .unwrap();
    let published = SecretOctets::from_hex("522dc1f099567d07f47f37a32a84427d").unwrap();
    assert_eq!(&sealed[..16], published.reveal());
}

#[test]
fn no_master_key_says_how_to_make_one() {
    let none = MasterKey::from_credential(None).unwrap_err().to_string();
    assert!(
        none.contains("systemd-creds encrypt --name=pmu-master-key"),
        "{none}"
    );
    assert!(none.contains(MASTER_KEY_CREDENTIAL), "{none}");
    for found in [0, 31, 33, 64] {
        let wrong = MasterKey::from_credential(Some(&vec![1; found]));
        assert_eq!(wrong.err(), Some(SealFault::MasterKeyLength { found }));
    }
}

#[test]
fn nothing_secret_is_printed() {
    assert_eq!(format!("{:?}", master(0x5A)), "MasterKey(*)");
    let secret = SecretOctets::from_hex("5a5a").unwrap();
    assert_eq!(format!("{secret:?}"), "SecretOctets(*)");
    let fault = SecretOctets::from_hex("5a5x").unwrap_err().to_string();
    assert!(!fault.contains("5a"), "{fault}");
}

#[test]
fn a_key_in_a_file_is_pairs_of_digits_in_one_line() {
    for (text, octets) in [
        ("00ff10", Some(vec![0, 255, 16])),
        ("00FF10\n", Some(vec![0, 255, 16])),
        ("00ff1\r\n", None),
        ("00 ff 10", None),
        ("0x00", None),
        ("+1", None),
        ("", None),
        (&"00".repeat(64), Some(vec![0; 64])),
        (&"00".repeat(65), None),
    ] {
        let read = SecretOctets::from_hex(text).ok();
        assert_eq!(
            read.map(|secret| secret.reveal().to_vec()),
            octets,
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn no_octets_make_the_parsers_panic(octets: Vec<u8>, text in "\\PC*") {
        crate::fuzz_sealed(&octets);
        drop(SecretOctets::from_hex(&text));
    }
}
