//! Against the examples of the Green Book, which its readers have published.

use super::cipher::Cipher;
use super::*;
use crate::codec::acse::{Aare, Aarq};
use crate::codec::{InitiateRequest, Request};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn keys() -> Keys {
    let encryption = hex("000102030405060708090A0B0C0D0E0F");
    let authentication = hex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF");
    Keys::new(Suite::Zero, &encryption, &authentication).unwrap()
}

const TITLE: SystemTitle = SystemTitle(*b"MMM\0\0\xbcaN");
const COUNTER: u32 = 0x0123_4567;

fn channel(protection: Protection, form: Form) -> Channel {
    let mut channel = Channel::new(keys(), TITLE, protection, form, None);
    channel.set_peer(TITLE);
    channel
}

#[track_caller]
fn check(protection: Protection, form: Form, plain: &str, wire: &str) {
    let mut channel = channel(protection, form);
    let (plain, wire) = (hex(plain), hex(wire));
    assert_eq!(channel.protect(&plain, COUNTER).unwrap(), wire);
    assert_eq!(channel.open(&wire).unwrap(), (plain, form));
}

const GET: &str = "C0010000080000010000FF0200";

#[test]
fn a_request_is_protected_as_the_green_book_shows() {
    check(
        Protection::Both,
        Form::Service,
        GET,
        "C81E3001234567 411312FF935A47566827C467BC 7D825C3BE4A77C3FCC056B6B",
    );
    check(
        Protection::Authenticated,
        Form::Service,
        GET,
        "C81E1001234567 C0010000080000010000FF0200 06725D910F9221D263877516",
    );
    check(
        Protection::Encrypted,
        Form::Service,
        GET,
        "C8122001234567 411312FF935A47566827C467BC",
    );
    check(
        Protection::Both,
        Form::General,
        GET,
        "DB084D4D4D0000BC614E1E3001234567 411312FF935A47566827C467BC 7D825C3BE4A77C3FCC056B6B",
    );
    let plain = hex(GET);
    assert_eq!(Request::decode(&plain).unwrap().encode(), plain);
}

#[test]
fn an_initiate_request_with_its_key_is_protected_as_the_green_book_shows() {
    let plain = "0101 1000112233445566778899AABBCCDDEEFF 0000065F1F0400007E1F04B0";
    check(
        Protection::Both,
        Form::Service,
        plain,
        "21303001234567 801302FF8A7874133D414CED25B42534D28DB0047720606B175BD52211BE68 \
         41DB204D39EE6FDB8E356855",
    );
    let read = InitiateRequest::decode(&hex(plain)).unwrap();
    assert_eq!(read.encode().as_slice(), hex(plain));
    assert!(!format!("{read:?}").contains("112233"));
}

#[test]
fn proofs_of_a_key_are_those_of_the_green_book() {
    let client = SystemTitle(*b"MMM\0\0\0\0\x01");
    let ours = |title| Channel::new(keys(), title, Protection::Both, Form::Service, None);
    let proof = ours(client).prove(b"P6wRJ21F", 1).unwrap();
    assert_eq!(proof, hex("1000000001 1A52FE7DD3E72748973C1E28"));
    let proof = ours(TITLE).prove(b"K56iVagY", COUNTER).unwrap();
    assert_eq!(proof, hex("1001234567 FE1466AFB3DBCD4F9389E2B7"));
    let mut side = ours(client);
    side.set_peer(TITLE);
    assert_eq!(side.check_proof(b"K56iVagY", &proof), Ok(()));
    assert_eq!(
        side.check_proof(b"K56iVagZ", &proof),
        Err(SecurityFault::Tag)
    );
    // Its own proof, thrown back.
    let own = side.prove(b"K56iVagY", COUNTER).unwrap();
    assert_eq!(side.check_proof(b"K56iVagY", &own), Err(SecurityFault::Tag));
}

#[test]
fn aes_of_both_widths_is_that_of_the_standard() {
    // McGrew and Viega, test cases 3 and 15, their tags cut to twelve octets. A control octet and a
    // key stand before the text that is authenticated, so only what is encrypted can be compared.
    let text = hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72 \
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
    );
    let cases = [
        (
            Suite::Zero,
            "feffe9928665731c6d6a8f9467308308",
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e \
             21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
        ),
        (
            Suite::Two,
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa \
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        ),
    ];
    for (suite, key, wanted) in cases {
        let key = Key::new(suite, &hex(key)).unwrap();
        let cipher = Cipher {
            suite,
            key: &key,
            authentication: &key,
            protection: Protection::Encrypted,
            title: SystemTitle(hex("cafebabefacedbad").try_into().unwrap()),
            counter: 0xdeca_f888,
        };
        assert_eq!(cipher.seal(&text).unwrap(), hex(wanted));
    }
}

#[track_caller]
fn refused(wire: &[u8], expected: SecurityFault) {
    let mut channel = channel(Protection::Both, Form::Service);
    channel.set_heard(Some(COUNTER - 1));
    assert_eq!(channel.open(wire), Err(expected));
    assert_eq!(channel.heard(), Some(COUNTER - 1));
}

#[test]
fn an_attacker_gets_nothing_believed() {
    let sound = hex("C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B");
    for place in 7..sound.len() {
        let mut forged = sound.clone();
        forged[place] ^= 1;
        refused(&forged, SecurityFault::Tag);
    }
    // A counter from the future must not lock the peer out.
    let mut later = sound.clone();
    later[3] = 0xff;
    refused(&later, SecurityFault::Tag);
    let mut older = sound.clone();
    older[6] -= 1;
    let counter = COUNTER - 1;
    refused(
        &older,
        SecurityFault::Old {
            counter,
            heard: counter,
        },
    );
    refused(&hex(GET), SecurityFault::Weak);
    let authenticated = hex("C81E1001234567C0010000080000010000FF020006725D910F9221D263877516");
    refused(&authenticated, SecurityFault::Control { control: 0x10 });
    // The broadcast key, compression, another suite.
    for control in [0x70, 0xb0, 0x31] {
        let mut forged = sound.clone();
        forged[2] = control;
        refused(&forged, SecurityFault::Control { control });
    }
    // Another service's tag before the same text.
    let mut other = sound.clone();
    other[0] = 0xc9;
    refused(&other, SecurityFault::Tag);
    // The dedicated key, of which there is none.
    let mut dedicated = sound.clone();
    dedicated[0] = 0xd0;
    refused(&dedicated, SecurityFault::Weak);
    let general =
        hex("DB084D4D4D0000BC614F1E3001234567 411312FF935A47566827C467BC 7D825C3BE4A77C3FCC056B6B");
    refused(&general, SecurityFault::Title);
}

#[test]
fn an_apdu_is_believed_once() {
    let sound = hex("C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B");
    let mut channel = channel(Protection::Both, Form::Service);
    assert!(channel.open(&sound).is_ok());
    let again = SecurityFault::Old {
        counter: COUNTER,
        heard: COUNTER,
    };
    assert_eq!(channel.open(&sound), Err(again));
}

#[test]
fn each_key_of_a_peer_has_a_counter_of_its_own() {
    let mut client = channel(Protection::Both, Form::Service);
    let mut meter = channel(Protection::Both, Form::Service);
    let key = Key::generate(Suite::Zero).unwrap();
    let global = meter.protect(&hex(GET), 5000).unwrap();
    assert!(client.open(&global).is_ok());
    client.set_dedicated(key.clone());
    meter.set_dedicated(key);
    client.switch();
    meter.switch();
    // A meter that begins anew with a new key.
    let dedicated = meter.protect(&hex(GET), 1).unwrap();
    assert_eq!(dedicated[0], 0xd0);
    assert!(client.open(&dedicated).is_ok());
    assert!(client.open(&dedicated).is_err());
    assert_eq!(client.heard(), Some(5000));
}

#[test]
fn keys_are_of_their_suite_and_do_not_show() {
    assert!(Keys::new(Suite::Two, &[1; 16], &[2; 32]).is_err());
    assert!(Keys::new(Suite::Zero, &[1; 16], &[2; 32]).is_err());
    let keys = Keys::new(Suite::One, &[0xab; 16], &[0xcd; 16]).unwrap();
    let shown = format!("{keys:?} {:?}", Secret::new(b"hidden").unwrap());
    for part in ["ab", "171", "cd", "205", "hidden", "104"] {
        assert!(!shown.contains(part), "{shown}");
    }
    assert!(Secret::new(&[0; 65]).is_err());
    assert!(Secret::new(b"abc").unwrap().is(b"abc"));
    assert!(!Secret::new(b"abc").unwrap().is(b"abcd"));
    assert!(!Secret::new(b"abc").unwrap().is(b"abx"));
}

#[test]
fn the_password_of_an_association_does_not_show() {
    let aarq = hex(
        "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738 \
         BE10040E01000000065F1F0400007E1F04B0",
    );
    let read = Aarq::decode(&aarq).unwrap();
    assert_eq!(read.encode().as_slice(), aarq);
    assert!(!format!("{read:?}").contains("49, 50, 51"));
    let aare = hex("6129A109060760857405080101A203020100A305A103020100 \
         BE10040E0800065F1F040000501F01F40007");
    assert_eq!(Aare::decode(&aare).unwrap().encode(), aare);
}
