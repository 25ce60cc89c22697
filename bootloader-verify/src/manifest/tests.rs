use super::*;
use crate::test_images::{key, manifest};
use proptest::prelude::*;

fn block() -> Vec<u8> {
    key(1).sign_manifest(&manifest()).unwrap()
}

#[test]
fn what_was_signed_is_read_again() {
    let sealed = Sealed::parse(&block()).unwrap();
    let expected = Manifest {
        key: key(1).public().unwrap().id(),
        ..manifest()
    };
    assert_eq!(sealed.claims(), &expected);
}

#[track_caller]
fn check(change: impl FnOnce(&mut Vec<u8>), expected: ManifestFault) {
    let mut block = block();
    change(&mut block);
    assert_eq!(Sealed::parse(&block).unwrap_err(), expected);
}

#[test]
fn another_form_is_no_manifest() {
    let form = |what| ManifestFault::Form { what };
    check(|block| block.fill(0), ManifestFault::Empty);
    check(|block| block.fill(0xff), ManifestFault::Empty);
    check(
        |block| block.truncate(4095),
        ManifestFault::Length { found: 4095 },
    );
    check(|block| block.push(0), ManifestFault::Length { found: 4097 });
    check(|block| block[0] = b'p', form("magic"));
    check(|block| block[7] = 2, form("magic"));
    check(|block| block[8] ^= 1, form("length"));
    check(|block| block[9] = 0xff, form("length"));
    check(|block| block[10] = 3, form("role"));
    check(|block| block[11] = 0, form("product"));
    check(|block| block[12] = b' ', form("product"));
    check(|block| block[4095] = 1, form("padding"));
}

#[test]
fn names_that_would_break_a_line_are_not_signed() {
    for name in ["", "a b", "a\nb", "ä", &"x".repeat(65)] {
        let manifest = Manifest {
            version: name.to_owned(),
            ..manifest()
        };
        assert!(manifest.body().is_none(), "{name:?}");
    }
}

#[test]
fn trees_have_the_levels_of_dm_verity() {
    for (data, levels) in [
        (2, vec![1]),
        (128, vec![1]),
        (129, vec![2, 1]),
        (16_384, vec![128, 1]),
        (16_385, vec![129, 2, 1]),
    ] {
        let geometry = Geometry::of_data(data).unwrap();
        assert_eq!(geometry.levels(), levels, "{data}");
    }
    assert!(Geometry::of_data(1).is_none());
    assert!(Geometry::of_data(DATA_BLOCKS_MAX + 1).is_none());
}

proptest! {
    #[test]
    fn whatever_is_read_has_one_form_only(octets in prop::collection::vec(any::<u8>(), 0..300), length in any::<u16>()) {
        let mut block = MAGIC.to_vec();
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(&octets);
        block.resize(BLOCK, 0);
        if let Ok(sealed) = Sealed::parse(&block) {
            prop_assert_eq!(block_of(&sealed.body, &sealed.signature), block);
        }
    }

    #[test]
    fn every_manifest_is_read_as_it_was_written(counter in any::<u64>(), data in 2..=DATA_BLOCKS_MAX, name in "[!-~]{1,64}", salt in any::<[u8; 32]>()) {
        let manifest = Manifest {
            counter,
            geometry: Geometry::of_data(data).unwrap(),
            version: name,
            salt,
            key: key(1).public().unwrap().id(),
            ..manifest()
        };
        let block = key(1).sign_manifest(&manifest).unwrap();
        prop_assert_eq!(Sealed::parse(&block).unwrap().manifest, manifest);
    }
}
