use super::*;
use crate::test_images::{key, manifest, trusted};
use proptest::prelude::*;

fn hex(number: u8) -> String {
    let key = key(number).public().unwrap();
    crate::hex::to_hex(key.bytes())
}

#[test]
fn a_file_of_keys_is_read() {
    let text = format!(
        "# made by hand\ncurrent {}\nnext {} # from spring on\n\nroot {}\n",
        hex(1),
        hex(2),
        hex(3)
    );
    assert_eq!(TrustedKeys::parse(&text).unwrap(), trusted());
}

#[track_caller]
fn check(text: &str, words: &str) {
    let fault = TrustedKeys::parse(text).unwrap_err();
    assert!(fault.to_string().contains(words), "{fault}");
}

#[test]
fn a_file_of_keys_that_is_wrong_is_refused_with_its_line() {
    let current = format!("current {}\n", hex(1));
    check("", "no line `current`");
    check(&format!("next {}\n", hex(2)), "no line `current`");
    check(
        &format!("{current}{current}"),
        "line 2: it stands there twice",
    );
    check(
        &format!("{current}third {}", hex(2)),
        "line 2: an unknown word",
    );
    check(&format!("{current}next"), "line 2: the key is missing");
    check("current 00ff", "line 1: this is no public key");
    check(
        &format!("{current}next {} x", hex(2)),
        "line 2: something follows",
    );
    check(&"#".repeat(5000), "5000 bytes");
}

#[test]
fn weak_keys_are_none() {
    // The identity, and a point of small order: with them a signature fits many messages.
    let mut identity = [0; 32];
    identity[0] = 1;
    assert!(PublicKey::from_bytes(&identity).is_none());
    assert!(PublicKey::from_bytes(&[0; 32]).is_none());
}

#[track_caller]
fn statement(block: &[u8], expected: Result<u64, StatementFault>) {
    let keys = trusted().with_statement(block);
    assert_eq!(keys.map(|keys| keys.serial), expected);
}

#[test]
fn only_the_root_key_replaces_keys() {
    let [four, five] = [4, 5].map(|number| key(number).public().unwrap());
    let good = key(3).sign_statement(1, &four, &five);
    statement(&good, Ok(1));
    statement(
        &key(1).sign_statement(1, &four, &five),
        Err(StatementFault::Signature),
    );
    statement(
        &key(3).sign_statement(0, &four, &five),
        Err(StatementFault::Old),
    );
    statement(&vec![0; 4096], Err(StatementFault::None));
    statement(&good[..143], Err(StatementFault::Form));
    let without_root = TrustedKeys::new(four, None, None);
    assert_eq!(
        without_root.with_statement(&good),
        Err(StatementFault::NoRoot)
    );
}

#[test]
fn after_a_statement_the_former_keys_sign_nothing() {
    let [four, five] = [4, 5].map(|number| key(number).public().unwrap());
    let keys = trusted()
        .with_statement(&key(3).sign_statement(9, &four, &five))
        .unwrap();
    for (signer, expected) in [
        (1, Err(SignatureFault::Key)),
        (2, Err(SignatureFault::Key)),
        (3, Err(SignatureFault::Key)),
        (4, Ok(())),
        (5, Ok(())),
    ] {
        let block = key(signer).sign_manifest(&manifest()).unwrap();
        let sealed = Sealed::parse(&block).unwrap();
        assert_eq!(keys.check(&sealed), expected, "{signer}");
    }
}

proptest! {
    #[test]
    fn every_flipped_bit_of_a_statement_is_refused(at in 0..144_usize, bit in 0..8_u8) {
        let [four, five] = [4, 5].map(|number| key(number).public().unwrap());
        let mut block = key(3).sign_statement(1, &four, &five);
        block[at] ^= 1 << bit;
        prop_assert!(trusted().with_statement(&block).is_err());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,300}") {
        drop(TrustedKeys::parse(&text));
    }
}
