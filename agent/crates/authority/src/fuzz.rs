//! What the fuzz targets call: bytes as anybody may send them.

use crate::key_set::KeySetContent;
use crate::people::RoleRights;
use crate::policy::PolicyContent;
use crate::{
    Command, IngestKeys, KeySet, MasterKey, Now, OperatorKey, Policy, ReceiptKeys, RootKeys,
    SealPlace, SecretOctets, SignedCommand, SignedReceipt, SigningKey, sign_receipt,
};
use metering::{ClockQuality, GatewayId, MeterId, Timestamp};
use std::sync::OnceLock;

/// Bytes as a hostile broker would send them as a watermark.
pub fn fuzz_watermark(keys: &IngestKeys, gateway: &GatewayId, bytes: &[u8]) {
    drop(keys.open_watermark(gateway, bytes));
}

/// A file of public keys.
pub fn fuzz_keys(text: &str) {
    drop(IngestKeys::parse(text));
    drop(RootKeys::parse(text));
}

/// A sealed secret: bytes as a file that anybody wrote may hold them.
pub fn fuzz_sealed(bytes: &[u8]) {
    let Ok(meter) = "m".parse::<MeterId>() else {
        return;
    };
    let place = SealPlace {
        meter: &meter,
        kind: 0,
        number: 1,
    };
    drop(MasterKey::from_credential(Some(bytes)));
    if let Ok(key) = MasterKey::from_credential(Some(&[1; 32])) {
        drop(key.open(bytes, place));
    }
    drop(str::from_utf8(bytes).map(SecretOctets::from_hex));
    crate::password_seal::fuzz_sealed_password(bytes);
}

const NOW: Now = Now {
    at: Timestamp::from_seconds(1_795_392_000),
    quality: ClockQuality::Synchronised,
    trusted: Timestamp::from_seconds(0),
};

/// The root that is trusted here; made once, because every round asks for it.
fn root() -> Option<&'static RootKeys> {
    static ROOTS: OnceLock<Option<RootKeys>> = OnceLock::new();
    let made = ROOTS.get_or_init(|| {
        let pem = OperatorKey::ed25519(&[9; 32]).public().to_pem()?;
        RootKeys::parse(&pem).ok()
    });
    made.as_ref()
}

/// A signed command, and what may stand inside the signature.
///
/// # Panics
/// If a command that is taken does not survive being written and read.
pub fn fuzz_command(keys: &KeySet, gateway: &GatewayId, bytes: &[u8]) {
    drop(keys.open_command(gateway, bytes, false, &NOW));
    if let Ok(signed) = SignedCommand::parse(bytes, false) {
        drop(signed.claimed());
        let key = OperatorKey::ed25519(&[1; 32]);
        drop(crate::approve_command(bytes, &key));
    }
    if let Ok(command) = Command::decode(bytes)
        && let Ok(again) = command.encode()
    {
        let again = Command::decode(&again);
        assert_eq!(again, Ok(command), "a command that is taken survives");
    }
}

/// A signed key set, and what may stand inside the signature.
///
/// # Panics
/// If a set that is taken cannot be signed again.
pub fn fuzz_key_set(bytes: &[u8]) {
    let Some(roots) = root() else { return };
    drop(KeySet::open(roots, bytes, None, &NOW));
    if let Ok(content) = KeySetContent::decode(bytes)
        && let Ok(signed) = content.sign(&OperatorKey::ed25519(&[9; 32]))
    {
        let again = KeySet::recall(roots, &signed);
        let again = again.map(|set| set.content().clone());
        assert_eq!(again, Ok(content), "a set that is taken survives");
    }
}

/// A signed policy, and what may stand inside the signature.
///
/// # Panics
/// If a policy that is taken cannot be signed again.
pub fn fuzz_policy(bytes: &[u8]) {
    let Some(roots) = root() else { return };
    drop(Policy::open(roots, bytes, None, &NOW));
    if let Ok(content) = PolicyContent::decode(bytes)
        && let Ok(signed) = content.sign(&OperatorKey::ed25519(&[9; 32]))
    {
        let again = Policy::recall(roots, &signed);
        let again = again.map(|policy| policy.content().clone());
        assert_eq!(again, Ok(content), "a policy that is taken survives");
    }
}

/// The file of roles.
///
/// # Panics
/// If a complaint does not name a line of the file.
pub fn fuzz_roles(text: &str) {
    if let Err(complaint) = RoleRights::parse("roles.toml", text) {
        assert!(complaint.line <= text.lines().count() + 1, "{complaint}");
    }
}

/// A signed receipt, a seal of the audit chain, a row of the journal.
///
/// # Panics
/// If a receipt that is taken cannot be signed again.
pub fn fuzz_receipt(gateway: &GatewayId, bytes: &[u8]) {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    let key = KEY.get_or_init(|| SigningKey::from_seed(&[5; 32]));
    let keys = ReceiptKeys::of_gateway(gateway.clone(), vec![key.public_key()]);
    drop(keys.open(bytes));
    if let Ok(seal) = keys.open_audit_seal(bytes) {
        assert!(seal.first <= seal.last, "a seal is over something");
    }
    drop(keys.open_journalled(bytes));
    if let Ok(signed) = SignedReceipt::parse(bytes)
        && let Ok(again) = sign_receipt(key, gateway, signed.claimed())
    {
        let again = keys.open(&again).map(|again| again.receipt().clone());
        assert_eq!(again.as_ref(), Ok(signed.claimed()), "a receipt survives");
    }
}
