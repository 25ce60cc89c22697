//! Each way of being wrong has its word, its remedy and its exit code.

use crate::bench::{Bench, SALT, bytes};

const SLOT_BYTES: usize = 1_310_720;
const CONTENT: usize = 304 * 4096;

fn with_image() -> Bench {
    let bench = Bench::new();
    bench.sign("image", &[]);
    bench.good(&format!("place image --size {SLOT_BYTES} --out slot"));
    bench
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let bench = with_image();
    let image = bench.read("image");
    let slot = bench.read("slot");
    let manifest = SLOT_BYTES - 4096;
    let table = [
        ("image", &image, 0, "manifest-form"),
        ("image", &image, 10, "manifest-form"),
        ("image", &image, 4095, "manifest-form"),
        // In the version's text.
        ("image", &image, 27, "signature"),
        ("image", &image, 4096, "verity"),
        ("image", &image, 4096 + 299 * 4096 + 4095, "verity"),
        ("image", &image, 4096 + 300 * 4096, "verity"),
        ("image", &image, 4096 + CONTENT - 1, "verity"),
        ("image", &image, 4096 + CONTENT, "payload"),
        ("image", &image, image.len() - 1, "payload"),
        ("slot", &slot, 0, "verity"),
        ("slot", &slot, 150 * 4096, "verity"),
        ("slot", &slot, CONTENT - 1, "verity"),
        ("slot", &slot, CONTENT, "gap"),
        ("slot", &slot, manifest - 1, "gap"),
        ("slot", &slot, manifest + 27, "signature"),
        ("slot", &slot, SLOT_BYTES - 1, "manifest-form"),
    ];
    for (form, good, at, reason) in table {
        let mut bad = good.clone();
        bad[at] ^= 1;
        bench.write("bad", &bad);
        let how = if form == "slot" { "--slot " } else { "" };
        for threads in [1, 3] {
            let line = format!("check {how}bad --keys trust.keys --threads {threads}");
            bench.refused(&line, reason);
        }
    }
}

#[test]
fn an_image_for_something_else_is_refused_with_its_reason() {
    let bench = with_image();
    let public = bench.good("keygen --out stranger.pem");
    bench.write("stranger.keys", format!("current {public}").as_bytes());
    for (demand, reason) in [
        ("--keys stranger.keys", "key"),
        ("--keys trust.keys --role recovery", "role"),
        ("--keys trust.keys --product other", "product"),
        ("--keys trust.keys --board rpi4", "board"),
        ("--keys trust.keys --arch arm64", "arch"),
        ("--keys trust.keys --floor 6", "floor"),
    ] {
        bench.refused(&format!("check image {demand}"), reason);
    }
    let fits = "--keys trust.keys --role slot --product pmu --board pc --arch amd64 --floor 5";
    bench.good(&format!("check image {fits}"));
    bench.write("other", b"another payload");
    bench.refused(
        "check --slot slot --keys trust.keys --payload other",
        "payload",
    );
}

#[test]
fn a_file_of_another_length_is_refused() {
    let bench = with_image();
    let (image, slot) = (bench.read("image"), bench.read("slot"));
    bench.write("bad", &image[..image.len() - 1]);
    bench.refused("check bad --keys trust.keys", "length");
    bench.write("bad", &[&image[..], &[0]].concat());
    bench.refused("check bad --keys trust.keys", "length");
    bench.write("bad", &image[..4096]);
    bench.refused("check bad --keys trust.keys", "length");
    bench.write("bad", &slot[100 * 4096..]);
    bench.refused("check --slot bad --keys trust.keys", "geometry");
    bench.write("bad", &[0; 8192]);
    bench.refused("check --slot bad --keys trust.keys", "empty");
    bench.write("bad", &[0xff; 8192]);
    bench.refused("check --slot bad --keys trust.keys", "empty");
    bench.write("bad", &image[..100]);
    bench.ends("check bad --keys trust.keys", 1);
}

#[test]
fn the_date_counts_before_an_installation_and_not_in_a_slot() {
    let bench = Bench::new();
    bench.sign("image", &["--expires", "1790000001"]);
    bench.refused("check image --keys trust.keys", "expired");
    bench.good(&format!("place image --size {SLOT_BYTES} --out slot"));
    bench.good("check --slot slot --keys trust.keys");
}

#[test]
fn a_damaged_image_becomes_no_slot() {
    let bench = with_image();
    let image = bench.read("image");
    let before = bench.names().len();
    for at in [0, 4096, 4096 + CONTENT - 1, image.len() - 1] {
        let mut bad = image.clone();
        bad[at] ^= 0x40;
        bench.write("image", &bad);
        let said = bench.ends("place image --size 1310720 --out new --payload-out uki", 1);
        assert!(said.contains("image: "), "{said}");
    }
    bench.write("image", &image);
    let said = bench.ends("place image --size 1245184 --out new", 64);
    assert!(said.contains("at least 1249280 bytes"), "{said}");
    bench.ends("place image --size 1310721 --out new", 64);
    assert_eq!(bench.names().len(), before, "nothing half-made is left");
}

#[test]
fn what_cannot_be_signed_is_said_and_leaves_nothing() {
    let bench = Bench::new();
    let order = Bench::order("key.pem");
    bench.write("tiny", &bytes(4096, 1));
    bench.write("none", b"");
    let before = bench.names().len();
    let table = [
        (
            "--squashfs squashfs",
            "--squashfs missing",
            66,
            "missing: cannot be read",
        ),
        (
            "--squashfs squashfs",
            "--squashfs tiny",
            1,
            "too few or too many",
        ),
        ("--payload payload", "--payload none", 1, "not 0"),
        (
            "--key key.pem",
            "--key payload",
            66,
            "payload: cannot be read",
        ),
        (
            "--key key.pem",
            "--key trust.keys",
            1,
            "no Ed25519 private key",
        ),
        ("--version 1.2.3", "--version ü", 64, "printable ASCII"),
        ("--counter 5", "--counter -1", 64, "--counter"),
        (SALT, "00", 64, "64 hexadecimal digits"),
        ("--role slot", "--role system", 64, "recovery"),
        ("--board pc", "", 64, "--board"),
    ];
    for (part, instead, code, words) in table {
        let said = bench.ends(
            &format!("{} --out image", order.replace(part, instead)),
            code,
        );
        assert!(said.contains(words), "{instead}\n{said}");
    }
    bench.ends(&format!("{order} --out nowhere/image"), 73);
    assert_eq!(bench.names().len(), before, "nothing half-made is left");
}

#[test]
fn a_file_of_keys_that_says_nothing_is_named_with_its_line() {
    let bench = with_image();
    for (text, code, words) in [
        ("next 00", 1, "trust.keys: line 1: "),
        ("# none", 1, "no line `current`"),
        ("current zz\n", 1, "this is no public key"),
    ] {
        bench.write("trust.keys", text.as_bytes());
        let said = bench.ends("check image --keys trust.keys", code);
        assert!(said.contains(words), "{said}");
    }
    bench.ends("check image --keys missing", 66);
    bench.ends("check missing --keys missing", 66);
}
