use super::*;
use crate::test_images::image;
use proptest::prelude::*;

fn verdict(bytes: &[u8], manifest: &Manifest, threads: usize) -> Result<(), Refusal> {
    check_content(bytes, 0, manifest, threads)
}

#[test]
fn a_whole_image_is_accepted_by_any_number_of_threads() {
    for blocks in [2, 127, 128, 129, 1030, 17_000] {
        let (bytes, manifest) = image(blocks);
        for threads in [0, 1, 2, 5] {
            assert_eq!(verdict(&bytes, &manifest, threads), Ok(()), "{blocks}");
        }
    }
}

#[test]
fn an_image_that_ends_too_early_cannot_be_read() {
    let (bytes, manifest) = image(129);
    let cut = bytes.split_at(bytes.len() - 1).0;
    assert_eq!(verdict(cut, &manifest, 2), Err(Refusal::Device));
}

#[test]
fn an_image_may_lie_anywhere() {
    let (bytes, manifest) = image(130);
    let moved = [vec![9; 512], bytes].concat();
    assert_eq!(check_content(&moved[..], 512, &manifest, 2), Ok(()));
}

#[test]
fn unused_bytes_must_be_zero() {
    let mut bytes = vec![1; 4096];
    bytes.resize(5 * 4096, 0);
    assert_eq!(check_gap(&bytes[..], 4096..5 * 4096), Ok(()));
    assert_eq!(check_gap(&bytes[..], 4096..4096), Ok(()));
    for at in [4096, 9000, 5 * 4096 - 1] {
        let mut bytes = bytes.clone();
        bytes[at] = 0x10;
        assert_eq!(check_gap(&bytes[..], 4096..5 * 4096), Err(Refusal::Gap));
    }
    assert_eq!(check_gap(&bytes[..], 4096..6 * 4096), Err(Refusal::Device));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_changed_octet_anywhere_is_found(blocks in 2..400_u32, at in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let (mut bytes, manifest) = image(blocks);
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert_eq!(verdict(&bytes, &manifest, 2), Err(Refusal::Content));
    }
}
