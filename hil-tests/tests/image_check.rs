//! What the verifier says of an image is what `veritysetup` and `openssl` say, and no changed byte
//! passes it.
#![cfg(test)]

use std::path::Path;
use std::process::Command;

use bootloader_verify::{
    Geometry, PublicKey, Refusal, TrustedKeys, check_content, from_hex, judge, tree_of,
};
use hil_tests::process::run;
use hil_tests::signed_image::{Noise, SALT, SignedImage, expected, flip, tool};
use hil_tests::skip::has_programs;

const DOMAIN: &[u8] = b"pmu-image-manifest-v1\0";
const SIGNATURE: usize = 64;

#[test]
fn the_tree_is_the_one_that_veritysetup_makes() {
    if !has_programs("the tree of veritysetup", &["veritysetup"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, tree) = (folder.path().join("data"), folder.path().join("tree"));
    let salt = from_hex(SALT).unwrap();
    // One block of hashes, a full one, two levels, the last block of two levels, three levels.
    for blocks in [2, 3, 127, 128, 129, 999, 16_384, 16_385, 20_000_u32] {
        let bytes = Noise(u64::from(blocks)).bytes(usize::try_from(blocks).unwrap() * 4096);
        std::fs::write(&data, &bytes).unwrap();
        // A longer file of before would keep its end.
        drop(std::fs::remove_file(&tree));
        let mut format = Command::new("/usr/sbin/veritysetup");
        format.arg("format").arg(&data).arg(&tree);
        format.args(["--no-superblock", "--salt", SALT]);
        let said = run("veritysetup format", &mut format);
        let geometry = Geometry::of_data(blocks).unwrap();
        let (ours, root) = tree_of(&bytes[..], geometry, &salt).unwrap();
        let theirs = said
            .lines()
            .find_map(|line| line.strip_prefix("Root hash:"));
        assert_eq!(from_hex(theirs.unwrap().trim()), Some(root), "{blocks}");
        assert!(std::fs::read(&tree).unwrap() == ours, "{blocks} blocks");
        assert_eq!(ours.len(), tree_bytes(geometry), "{blocks} blocks");
    }
}

fn tree_bytes(geometry: Geometry) -> usize {
    usize::try_from(geometry.tree_blocks()).unwrap() * 4096
}

#[test]
fn veritysetup_takes_a_slot_and_refuses_the_same_changes() {
    if !has_programs("the verdict of veritysetup", &["veritysetup"]) {
        return;
    }
    let image = SignedImage::new(300, 4);
    let slot = image.read("slot");
    let changed = image.path("changed");
    let regions = image.regions();
    let mut noise = Noise(3);
    std::fs::write(&changed, &slot).unwrap();
    assert!(is_taken_by_veritysetup(&changed, &image));
    // The tree's unused bytes too: of each level, and of its last block.
    let mut offsets = vec![
        regions.tree.start,
        regions.tree.start + 4095,
        regions.tree.end - 1,
        regions.system.end - 1,
    ];
    for _ in 0..30 {
        offsets.push(regions.system.start + noise.below(regions.system.len()));
        offsets.push(regions.tree.start + noise.below(regions.tree.len()));
    }
    for at in offsets {
        let mut bytes = slot.clone();
        flip(&mut bytes, at, 1 << noise.below(8));
        std::fs::write(&changed, &bytes).unwrap();
        let ours = check_content(&bytes[..], 0, image.manifest(), 2);
        assert_eq!(ours, Err(Refusal::Content), "offset {at}");
        assert!(!is_taken_by_veritysetup(&changed, &image), "offset {at}");
    }
}

/// File system and tree as they lie in a slot.
fn is_taken_by_veritysetup(slot: &Path, image: &SignedImage) -> bool {
    let manifest = image.manifest();
    let blocks = manifest.geometry.data_blocks();
    let root: String = manifest.root.map(|byte| format!("{byte:02x}")).concat();
    let mut verify = Command::new("/usr/sbin/veritysetup");
    verify.arg("verify").arg(slot).arg(slot).arg(root);
    verify.args(["--no-superblock", "--salt", SALT]);
    verify.arg(format!("--data-blocks={blocks}"));
    verify.arg(format!("--hash-offset={}", u64::from(blocks) * 4096));
    verify.output().unwrap().status.success()
}

#[test]
fn no_changed_byte_of_a_slot_goes_unnoticed() {
    let image = SignedImage::new(140, 20);
    let (tried, unnoticed) = image.unnoticed_changes(2400);
    assert!(tried >= 2400);
    assert_eq!(unnoticed, Vec::<usize>::new(), "of {tried} offsets");
}

#[test]
fn openssl_takes_a_manifest_and_refuses_it_changed() {
    if !has_programs("the signature of openssl", &["openssl"]) {
        return;
    }
    let image = SignedImage::new(8, 1);
    let block = image.read("slot")[image.regions().manifest].to_vec();
    let length = usize::from(u16::from_le_bytes([block[8], block[9]]));
    let (body, signature) = (&block[..length], &block[length..length + SIGNATURE]);
    assert!(is_taken_by_openssl(&image, body, signature));
    let mut noise = Noise(5);
    for _ in 0..25 {
        let mut changed = [body, signature].concat();
        let at = noise.below(changed.len());
        flip(&mut changed, at, 1 << noise.below(8));
        let (body, signature) = changed.split_at(length);
        assert!(!is_taken_by_openssl(&image, body, signature), "offset {at}");
        let mut slot = image.read("slot");
        let place = image.regions().manifest.start;
        slot[place..place + changed.len()].copy_from_slice(&changed);
        assert!(image.verdict(&slot).is_err(), "offset {at}");
    }
}

fn is_taken_by_openssl(image: &SignedImage, body: &[u8], signature: &[u8]) -> bool {
    std::fs::write(image.path("message"), [DOMAIN, body].concat()).unwrap();
    std::fs::write(image.path("signature"), signature).unwrap();
    let mut verify = Command::new("openssl");
    verify.current_dir(image.path("."));
    // Of the private key that `keygen` made: openssl reads that too.
    verify.args(["pkeyutl", "-verify", "-rawin", "-inkey", "key.pem"]);
    verify.args(["-in", "message", "-sigfile", "signature"]);
    verify.output().unwrap().status.success()
}

#[test]
fn a_manifest_that_openssl_signed_is_taken() {
    if !has_programs("a signature by openssl", &["openssl"]) {
        return;
    }
    let image = SignedImage::new(8, 1);
    let folder = image.path(".");
    let mut make = Command::new("openssl");
    make.current_dir(&folder);
    make.args(["genpkey", "-algorithm", "ed25519", "-out", "theirs.pem"]);
    run("making a key", &mut make);
    let mut publish = Command::new("openssl");
    publish.current_dir(&folder).args(["pkey", "-pubout"]);
    publish.args(["-in", "theirs.pem", "-outform", "DER", "-out", "theirs.der"]);
    run("publishing a key", &mut publish);
    let der = image.read("theirs.der");
    let public = PublicKey::from_bytes(der[der.len() - 32..].try_into().unwrap()).unwrap();
    // The same key in both programs.
    let ours = tool(&folder, "pubkey theirs.pem");
    assert_eq!(PublicKey::from_hex(ours.trim()), Some(public));

    let mut manifest = image.manifest().clone();
    manifest.key = public.id();
    let body = manifest.body().unwrap();
    std::fs::write(image.path("message"), [DOMAIN, &body].concat()).unwrap();
    let mut sign = Command::new("openssl");
    sign.current_dir(&folder).args(["pkeyutl", "-sign"]);
    sign.args(["-rawin", "-inkey", "theirs.pem"]);
    sign.args(["-in", "message", "-out", "signature"]);
    run("signing", &mut sign);
    let mut block = [body, image.read("signature")].concat();
    block.resize(4096, 0);
    let keys = TrustedKeys::new(public, None, None);
    let accepted = judge(&block, &keys, &expected()).unwrap();
    assert_eq!(accepted.manifest(), &manifest);
}

#[test]
fn the_hashes_for_sending_are_those_of_openssl() {
    if !has_programs("hashes by openssl", &["openssl"]) {
        return;
    }
    let image = SignedImage::new(200, 1);
    let manifest = image.manifest();
    let sent = image.read("image");
    let content = usize::try_from(manifest.geometry.bytes()).unwrap();
    std::fs::write(image.path("content"), &sent[4096..4096 + content]).unwrap();
    for (file, ours) in [
        ("content", manifest.image_sha256),
        ("payload", manifest.payload_sha256),
    ] {
        let mut digest = Command::new("openssl");
        digest.args(["dgst", "-sha256", "-r"]).arg(image.path(file));
        let said = run("hashing", &mut digest);
        let theirs = said.split_whitespace().next().unwrap();
        assert_eq!(from_hex(theirs), Some(ours), "{file}");
    }
    assert_eq!(sent[4096 + content..], image.read("payload"));
}
