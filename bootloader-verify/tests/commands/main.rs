//! The program as people use it: keys, images, slots, and what it says about each.

#![cfg(test)]
#![cfg(feature = "people")]

mod bench;
mod refusals;

use bench::{Bench, SALT, bytes};
use bootloader_verify::{BootState, Refusal, Slot, SlotState};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn an_image_that_was_signed_is_taken_as_file_and_as_slot() {
    let bench = Bench::new();
    bench.sign("image", &[]);
    let said = bench.good("check image --keys trust.keys");
    assert!(
        said.starts_with("pmu-check 1 check=ok role=slot version=1.2.3 counter=5 blocks=300 ms="),
        "{said}"
    );
    bench.good("place image --size 1310720 --out slot --payload-out payload.out");
    bench.good("check --slot slot --keys trust.keys --payload payload.out");
    assert_eq!(bench.read("slot").len(), 1_310_720);
    assert_eq!(bench.read("payload.out"), bench.read("payload"));
}

#[test]
fn a_slot_holds_file_system_tree_zeros_and_manifest() {
    let bench = Bench::new();
    bench.sign("image", &[]);
    bench.good("place image --size 1310720 --out slot");
    let (image, slot) = (bench.read("image"), bench.read("slot"));
    let content = (300 + 3 + 1) * 4096;
    assert_eq!(slot[..content], image[4096..4096 + content]);
    assert!(
        slot[content..slot.len() - 4096]
            .iter()
            .all(|byte| *byte == 0)
    );
    assert_eq!(slot[slot.len() - 4096..], image[..4096]);
    assert_eq!(image[4096 + content..], bench.read("payload"));
    let (system, padding) = slot.split_at(bench.read("squashfs").len());
    assert_eq!(system, bench.read("squashfs"));
    assert!(padding[..300 * 4096 - system.len()].iter().all(|b| *b == 0));
}

#[test]
fn the_same_input_makes_the_same_image() {
    let bench = Bench::new();
    bench.sign("one", &[]);
    bench.sign("two", &[]);
    assert_eq!(bench.read("one"), bench.read("two"));
}

#[test]
fn a_manifest_is_shown_as_unproven_with_every_field() {
    let bench = Bench::new();
    bench.sign("image", &["--close-door", "--expires", "1900000000"]);
    let said = bench.good("inspect image");
    for line in [
        "# unproven: `bootloader-verify check` proves it",
        "role slot",
        "product pmu",
        "board pc",
        "arch amd64",
        "version 1.2.3",
        "kernel 6.1.0-56-cloud-amd64",
        "counter 5",
        "close-door yes",
        "data-blocks 300",
        "tree-blocks 4",
        &format!("salt {SALT}"),
        "payload-bytes 54321",
        "built 1790000000",
        "expires 1900000000",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\n{said}");
    }
}

#[test]
fn a_private_key_is_its_owners_and_never_overwritten() {
    let bench = Bench::new();
    let path = bench.path("new.pem");
    let public = bench.good("keygen --out new.pem");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let kept = bench.read("new.pem");
    assert_eq!(bench.good("pubkey new.pem"), public);
    let said = bench.ends("keygen --out new.pem", 73);
    assert!(said.contains("there already"), "{said}");
    assert_eq!(bench.read("new.pem"), kept);
    bench.good("keygen --out other.pem");
    assert_ne!(bench.read("other.pem"), kept);
}

#[test]
fn the_root_key_replaces_the_keys_that_sign() {
    let bench = Bench::new();
    bench.sign("image", &[]);
    let root = bench.good("keygen --out root.pem");
    let new = bench.good("keygen --out new.pem");
    let after = bench.good("keygen --out after.pem");
    let keys = fs::read_to_string(bench.path("trust.keys")).unwrap();
    bench.write("trust.keys", format!("{keys}root {root}").as_bytes());
    let order = format!(
        "--serial 1 --current {} --next {} --out statement",
        new.trim(),
        after.trim()
    );
    bench.good(&format!("statement --root-key root.pem {order}"));
    assert_eq!(bench.read("statement").len(), 4096);

    bench.sign_with("new.pem", "newer");
    let with = "--keys trust.keys --statement statement";
    bench.good(&format!("check newer {with}"));
    bench.refused(&format!("check image {with}"), "key");
    bench.refused("check newer --keys trust.keys", "key");

    bench.good(&format!("statement --root-key new.pem {order}"));
    let said = bench.ends(&format!("check newer {with}"), 1);
    assert!(said.contains("not signed by the root key"), "{said}");
}

#[test]
fn the_state_of_a_gateway_is_shown() {
    let bench = Bench::new();
    bench.write("state", &vec![0; 4096 * 256]);
    let said = bench.good("state show state");
    assert!(said.contains("copy-0 never written\ncopy-1 never written\n"));
    assert!(said.contains("preferred A\n") && said.contains("key-statement none\n"));

    let mut state = BootState {
        sequence: 7,
        floor: 5,
        preferred: Slot::B,
        ..BootState::default()
    };
    let slot = state.slot_mut(Slot::A);
    (slot.state, slot.streak) = (SlotState::Trial { left: 2 }, 1);
    slot.refused = Some(Refusal::Gap);
    let partition = [&state.encode()[..], &[0xa5; 4096], &[1; 4096]].concat();
    bench.write("state", &partition);
    assert_eq!(
        bench.good("state show state"),
        "copy-0 sequence 7\n\
         copy-1 damaged\n\
         sequence 7\n\
         floor 5\n\
         preferred B\n\
         recovery no\n\
         slot-A trial left=2 streak=1 refused=gap\n\
         slot-B good streak=0 refused=no\n\
         key-statement present, unproven: say --keys\n"
    );
    let said = bench.good("state show state --keys trust.keys");
    assert!(said.contains("key-statement refused: "), "{said}");
    bench.write("state", &bytes(4096 * 3 - 1, 1));
    bench.ends("state show state", 66);
}
