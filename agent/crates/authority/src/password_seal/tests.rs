use super::*;
use proptest::prelude::*;

fn octets<const N: usize>(text: &str) -> [u8; N] {
    crate::key_file::from_hex(text).unwrap().try_into().unwrap()
}

/// RFC 9180, A.1.1. Its cipher has the shorter key; all before it is what stands here.
#[test]
fn the_secret_and_the_schedule_are_those_of_the_standard() {
    let once = SealingKey(Zeroizing::new(octets(
        "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
    )));
    let own = SealingKey(Zeroizing::new(octets(
        "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
    )));
    let sent: [u8; 32] = octets("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
    assert_eq!(once.public().0, sent);
    let receiver: [u8; 32] =
        octets("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
    assert_eq!(own.public().0, receiver);
    let expected: [u8; 32] =
        octets("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc");
    let both = (once.public(), own.public());
    let sender = shared(&once.0, own.public(), both).unwrap();
    let opener = shared(&own.0, once.public(), both).unwrap();
    assert_eq!((*sender, *opener), (expected, expected));
    let info: [u8; 20] = octets("4f6465206f6e2061204772656369616e2055726e");
    let (key, nonce) = schedule::<16>(&sender, &info, [0, 1]);
    assert_eq!(*key, octets("4531685d41d65f03dc48f6b8302c05b0"));
    assert_eq!(nonce, octets("56d890e5accaaf011cff4b7d"));
}

#[test]
fn keys_survive_their_files_and_are_those_of_openssl() {
    let key = SealingKey::from_seed(&[7; 32]);
    let again = SealingKey::from_pem(&key.to_pem().unwrap()).unwrap();
    assert_eq!(key.public(), again.public());
    let public = key.public().to_pem().unwrap();
    assert_eq!(SealingPublicKey::from_pem(&public), Ok(key.public()));
    // As the Python package `cryptography` writes a key of 32 octets 07.
    let expected = "MCowBQYDK2VuAyEAE75P6uryBMf9M1j8nAByGIHRdCeBKCJ+xnTzf3/pe20=";
    assert!(public.contains(expected), "{public}");
    let private = "MC4CAQAwBQYDK2VuBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";
    assert!(key.to_pem().unwrap().contains(private));
    for text in ["", "hello", &public] {
        assert!(SealingKey::from_pem(text).is_err());
    }
}

#[track_caller]
fn check_place(gateway: &str, meter: &str, level: u8, opens: bool) {
    let key = SealingKey::from_seed(&[7; 32]);
    let password = SecretOctets::new(b"0002EFGH").unwrap();
    let (own, other): (GatewayId, MeterId) = ("pmu-001".parse().unwrap(), "m-1".parse().unwrap());
    let place = PasswordPlace {
        gateway: &own,
        meter: &other,
        level: 1,
    };
    let sealed = key.public().seal(&password, place, [9; 32]).unwrap();
    let found = key.open(
        &sealed,
        PasswordPlace {
            gateway: &gateway.parse().unwrap(),
            meter: &meter.parse().unwrap(),
            level,
        },
    );
    assert_eq!(found.is_ok(), opens, "{gateway} {meter} {level}");
    if let Ok(found) = found {
        assert_eq!(found.reveal(), b"0002EFGH");
    }
}

#[test]
fn a_sealed_password_opens_in_its_own_place_alone() {
    check_place("pmu-001", "m-1", 1, true);
    check_place("pmu-002", "m-1", 1, false);
    check_place("pmu-001", "m-2", 1, false);
    check_place("pmu-001", "m-1", 2, false);
}

/// `seal_password.py` and the HPKE of the Python package `cryptography` make and open the same octets.
#[test]
fn the_octets_are_those_that_others_make() {
    let key = SealingKey::from_seed(&[7; 32]);
    let (gateway, meter) = ("pmu-001".parse().unwrap(), "m-1".parse().unwrap());
    let place = PasswordPlace {
        gateway: &gateway,
        meter: &meter,
        level: 1,
    };
    let password = SecretOctets::new(b"0002EFGH").unwrap();
    let sealed = key.public().seal(&password, place, [9; 32]).unwrap();
    let expected = "57db4b359f23ae5e146e4e2512056704722506348c150c14753d0c933d04d421\
                    f5c75e69d8d87a69833bf1ec55905eab5b1ae9eef7f1157f";
    assert_eq!(crate::key_file::to_hex(&sealed), expected);
}

#[test]
fn another_gateway_a_changed_octet_and_a_weak_key_open_nothing() {
    let key = SealingKey::from_seed(&[7; 32]);
    let (gateway, meter) = ("pmu-001".parse().unwrap(), "m-1".parse().unwrap());
    let place = PasswordPlace {
        gateway: &gateway,
        meter: &meter,
        level: 1,
    };
    let password = SecretOctets::new(b"0002EFGH").unwrap();
    let sealed = key.public().seal(&password, place, [9; 32]).unwrap();
    let stranger = SealingKey::from_seed(&[8; 32]);
    assert!(stranger.open(&sealed, place).is_err());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(key.open(&changed, place).is_err(), "{at}");
        assert!(key.open(&sealed[..at], place).is_err(), "{at}");
    }
    let weak = SealingPublicKey([0; 32]).seal(&password, place, [9; 32]);
    assert_eq!(weak, Err(PasswordSealFault::NotAKey));
    assert!(!format!("{key:?}").contains('7'));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_open(bytes: Vec<u8>) {
        fuzz_sealed_password(&bytes);
    }
}
