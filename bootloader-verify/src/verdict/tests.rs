use super::*;
use crate::limits::BLOCK;
use crate::test_images::{expected, key, manifest, trusted};

fn verdict(signer: u8, change: impl FnOnce(&mut Manifest)) -> Result<Accepted, Refusal> {
    let mut manifest = manifest();
    change(&mut manifest);
    let block = key(signer).sign_manifest(&manifest).unwrap();
    judge(&block, &trusted(), &expected())
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Manifest), refusal: Refusal) {
    assert_eq!(verdict(1, change).unwrap_err(), refusal);
}

#[test]
fn an_image_for_this_box_by_a_trusted_key_is_accepted() {
    for signer in [1, 2] {
        let accepted = verdict(signer, |_| ()).unwrap();
        assert_eq!(accepted.manifest().counter, 5);
    }
}

#[test]
fn an_image_by_another_key_is_refused() {
    // The root key signs statements of keys and no image.
    for signer in [3, 4] {
        assert_eq!(verdict(signer, |_| ()).unwrap_err(), Refusal::Key);
    }
}

#[test]
fn a_signature_under_another_keys_name_is_refused() {
    let mut block = key(4).sign_manifest(&manifest()).unwrap();
    let honest = key(1).sign_manifest(&manifest()).unwrap();
    let (body, _) = honest.split_at(usize::from(u16::from_le_bytes([honest[8], honest[9]])));
    block[..body.len()].copy_from_slice(body);
    let verdict = judge(&block, &trusted(), &expected());
    assert_eq!(verdict.unwrap_err(), Refusal::Signature);
}

#[test]
fn an_image_for_something_else_is_refused_by_name() {
    refused(|manifest| manifest.role = Role::Recovery, Refusal::Role);
    refused(
        |manifest| manifest.product = "pmu2".to_owned(),
        Refusal::Product,
    );
    refused(
        |manifest| manifest.board = "rpi4".to_owned(),
        Refusal::Board,
    );
    refused(|manifest| manifest.arch = "arm64".to_owned(), Refusal::Arch);
}

#[test]
fn the_counter_decides_about_the_floor_and_the_version_does_not() {
    refused(|manifest| manifest.counter = 4, Refusal::Floor);
    refused(|manifest| manifest.counter = 0, Refusal::Floor);
    for counter in [5, 6, u64::MAX] {
        assert!(verdict(1, |manifest| manifest.counter = counter).is_ok());
    }
    assert!(verdict(1, |manifest| manifest.version = "0.0.1".to_owned()).is_ok());
}

#[test]
fn expiry_is_asked_before_an_installation_only() {
    let accepted = verdict(1, |manifest| manifest.expires = 1000).unwrap();
    assert_eq!(accepted.is_installable(1000), Ok(()));
    assert_eq!(accepted.is_installable(1001), Err(Refusal::Expired));
    let for_ever = verdict(1, |_| ()).unwrap();
    assert_eq!(for_ever.is_installable(u64::MAX), Ok(()));
}

#[test]
fn an_image_must_fit_its_place_and_its_kernel() {
    let accepted = verdict(1, |_| ()).unwrap();
    // 300 blocks of data, 3 and 1 of the tree, one of the manifest.
    let needed = 305 * 4096;
    assert_eq!(accepted.fits_place(needed), Ok(()));
    assert_eq!(accepted.fits_place(needed - 4096), Err(Refusal::Geometry));
    assert_eq!(accepted.fits_place(needed + 1), Err(Refusal::Geometry));
    assert_eq!(accepted.gap(needed + 8192), (304 * 4096)..(306 * 4096));
    assert_eq!(accepted.fits_kernel("6.1.0-56-amd64"), Ok(()));
    assert_eq!(accepted.fits_kernel("6.1.0-57-amd64"), Err(Refusal::Kernel));
}

#[test]
fn every_flipped_bit_is_refused() {
    let good = key(1).sign_manifest(&manifest()).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut tried = 0;
    for at in (0..used).chain([used, BLOCK / 2, BLOCK - 1]) {
        for bit in 0..8 {
            let mut block = good.clone();
            block[at] ^= 1 << bit;
            let verdict = judge(&block, &trusted(), &expected());
            assert!(verdict.is_err(), "octet {at}, bit {bit}");
            tried += 1;
        }
    }
    assert!(tried > 2000, "{tried}");
}

#[test]
fn every_refusal_has_one_word_and_one_number() {
    for (refusal, word) in WORDS {
        assert_eq!(Refusal::of_word(word), Some(refusal));
        assert_eq!(Refusal::of_code(refusal.code()), Some(refusal));
    }
    assert_eq!(Refusal::of_code(0), None);
    assert_eq!(Refusal::of_code(200), None);
}
