use super::*;
use crate::test_images::{expected, image, key, trusted};

const GAP_BLOCKS: usize = 3;

/// A good slot with some unused blocks.
fn slot() -> Vec<u8> {
    let (content, manifest) = image(130);
    let manifest = key(1).sign_manifest(&manifest).unwrap();
    [content, vec![0; GAP_BLOCKS * BLOCK], manifest].concat()
}

fn verdict(slot: &[u8]) -> Result<Accepted, Refusal> {
    let bytes = u64::try_from(slot.len()).unwrap();
    check_slot(slot, bytes, &trusted(), &expected(), 2)
}

#[test]
fn a_whole_slot_is_accepted() {
    let accepted = verdict(&slot()).unwrap();
    assert_eq!(accepted.manifest().geometry.data_blocks(), 130);
}

#[test]
fn a_change_in_any_part_is_refused_by_name() {
    let good = slot();
    let gap = good.len() - (GAP_BLOCKS + 1) * BLOCK;
    for (what, at, refusal) in [
        ("first byte", 0, Refusal::Content),
        ("last block of data", 130 * BLOCK - 1, Refusal::Content),
        ("root of the tree", 130 * BLOCK, Refusal::Content),
        ("last byte of the tree", gap - 1, Refusal::Content),
        ("first unused byte", gap, Refusal::Gap),
        ("last unused byte", good.len() - BLOCK - 1, Refusal::Gap),
        ("manifest", good.len() - BLOCK + 40, Refusal::Signature),
        ("padding of the manifest", good.len() - 1, Refusal::Form),
    ] {
        let mut slot = good.clone();
        slot[at] ^= 4;
        assert_eq!(verdict(&slot), Err(refusal), "{what}");
    }
}

#[test]
fn a_slot_that_is_too_small_or_holds_nothing_is_refused() {
    let good = slot();
    for (slot, refusal) in [
        (&good[..0], Refusal::Geometry),
        (&good[..BLOCK - 1], Refusal::Geometry),
        (&good[good.len() - BLOCK..], Refusal::Geometry),
        (&good[BLOCK..], Refusal::Content),
        (&good[..good.len() - BLOCK], Refusal::Empty),
    ] {
        assert_eq!(verdict(slot), Err(refusal), "{} bytes", slot.len());
    }
}
