//! What is read of images, keys and state before anything is trusted.

use bootloader_verify::limits::BLOCK;
use bootloader_verify::{
    BootPlan, BootState, Candidate, Expected, Geometry, ImageKey, KeyId, Manifest, Refusal, Role,
    Slot, TrustedKeys, judge, to_hex,
};
use std::sync::OnceLock;

/// The key that signs images here.
fn image_key() -> &'static ImageKey {
    static KEY: OnceLock<ImageKey> = OnceLock::new();
    KEY.get_or_init(|| ImageKey::from_seed(&[3; 32]))
}

/// The keys that are trusted here: one for images, one for statements.
fn trusted() -> TrustedKeys {
    let public = image_key().public().expect("a public half");
    TrustedKeys::new(public, None, Some(public))
}

/// The block that says what an image is, padded as a disk holds it.
pub fn image_manifest(data: &[u8]) {
    let mut block = data.to_vec();
    block.resize(BLOCK, 0);
    let expected = Expected {
        role: Role::Slot,
        product: "pmu".to_owned(),
        board: "pc".to_owned(),
        arch: "amd64".to_owned(),
        floor: 0,
    };
    if let Ok(accepted) = judge(&block, &trusted(), &expected) {
        // Only what was signed is accepted, and it has one form.
        let again = image_key().sign_manifest(accepted.manifest());
        assert_eq!(again.expect("what was read can be signed"), block);
    }
}

/// A file of trusted keys, or the root key's statement.
pub fn image_keys(data: &[u8]) {
    drop(TrustedKeys::parse(&String::from_utf8_lossy(data)));
    drop(trusted().with_statement(data));
}

/// What a boot finds of the last one.
pub fn boot_state(data: &[u8]) {
    let mut block = data.to_vec();
    block.resize(BLOCK, 0);
    if let Some(state) = BootState::decode(&block) {
        assert_eq!(state.encode()[..], block);
    }
    let (state, _) = BootState::newest(&block, data);
    let mut plan = BootPlan::new(state);
    let candidates = std::iter::from_fn(|| {
        let candidate = plan.next_candidate();
        plan.refused(candidate, Refusal::Content);
        (candidate != Candidate::Nothing).then_some(candidate)
    });
    assert!(candidates.take(10).count() <= 3, "two slots and recovery");
}

/// What the boot program tells the running system.
pub fn boot_report(data: &[u8]) {
    drop(ota::BootReport::parse(&String::from_utf8_lossy(data)));
}

/// Sound blocks of images, keys and state.
pub(super) fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let manifest = Manifest {
        role: Role::Slot,
        product: "pmu".to_owned(),
        board: "pc".to_owned(),
        arch: "amd64".to_owned(),
        version: "1.2.3".to_owned(),
        kernel: "6.1.0-56-amd64".to_owned(),
        counter: 5,
        close_door: false,
        geometry: Geometry::of_data(300).expect("some blocks"),
        salt: [7; 32],
        root: [8; 32],
        image_sha256: [9; 32],
        payload_bytes: 1000,
        payload_sha256: [10; 32],
        key: KeyId([0; 8]),
        built: 1_795_000_000,
        expires: 0,
    };
    let key = image_key();
    let public = key.public().expect("a public half");
    let mut state = BootState::default();
    state.begin_trial(Slot::B);
    let report = "slot B\nversion 1.2.3\ncounter 5\nroot 00\ntries trial 2\nanchored no\n\
                  reason none\nattempt A verity\n";
    vec![
        (
            "image_manifest",
            key.sign_manifest(&manifest).expect("plain names"),
        ),
        (
            "image_keys",
            format!("# one\ncurrent {}\n", to_hex(public.bytes())).into_bytes(),
        ),
        ("image_keys", key.sign_statement(3, &public, &public)),
        ("boot_state", state.encode().to_vec()),
        ("boot_report", report.into()),
    ]
}
