//! What the gates of a command cost beside the bare signature: `cargo bench -p authority`, shorter
//! with `-- --quick`. A missed limit ends with an exit code other than zero.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a table of ratios for people, of real time"
)]

use authority::people::{Role, RoleRights};
use authority::{
    Action, Bounds, Command, CommandId, KeyEntry, KeySet, KeySetContent, Now, OperatorKey, Policy,
    RootKeys, authorise, sign_command,
};
use ed25519_dalek::Signer;
use metering::{ClockQuality, GatewayId, Timestamp};
use p256::ecdsa::signature::Verifier;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

/// The whole gate costs at most so many bare verifications.
const RATIO_MAX: f64 = 3.0;
const NOW_SECONDS: u64 = 1_795_392_000;
const SEED: [u8; 32] = [1; 32];

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<ExitCode> {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let rounds = if is_quick { 7 } else { 41 };
    println!(
        "{:<46}{:>12}{:>12}{:>8}{:>8}{:>14}",
        "figure", "gate", "bare", "ratio", "limit", "commands/s"
    );
    let mut are_all_kept = true;
    let elliptic = OperatorKey::es256(&SEED).ok_or("no scalar of P-256")?;
    for (name, key) in [
        ("Ed25519", OperatorKey::ed25519(&SEED)),
        ("ES256", elliptic),
    ] {
        are_all_kept &= compare(name, &key, rounds)?;
    }
    Ok(if are_all_kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Both by turns, so that what else runs here meets both; the median of the ratios counts.
fn compare(name: &str, key: &OperatorKey, rounds: usize) -> Outcome<bool> {
    let gate = Gate::new(key)?;
    let bare = bare_verification(name, &gate.bytes)?;
    let mut turns = Vec::new();
    for _ in 0..rounds {
        let whole = seconds_each(|| gate.pass())?;
        let alone = seconds_each(&bare)?;
        turns.push((whole / alone, whole, alone));
    }
    turns.sort_by(|a, b| a.0.total_cmp(&b.0));
    let middle = turns.get(turns.len() / 2).ok_or("no rounds")?;
    let (ratio, whole, alone) = *middle;
    let is_kept = ratio <= RATIO_MAX;
    println!(
        "{:<46}{:>9.1} us{:>9.1} us{ratio:>8.2}{RATIO_MAX:>8.2}{:>14.0}{}",
        format!("opened and authorised, {name}"),
        whole * 1e6,
        alone * 1e6,
        1.0 / whole,
        if is_kept { "" } else { "  MISSED" },
    );
    Ok(is_kept)
}

fn seconds_each(work: impl Fn() -> Outcome<()>) -> Outcome<f64> {
    const TIMES: u32 = 50;
    let begin = Instant::now();
    for _ in 0..TIMES {
        work()?;
    }
    Ok(begin.elapsed().as_secs_f64() / f64::from(TIMES))
}

/// The bare library over the very bytes that came in, with a signature of its own and the key ready to use.
fn bare_verification(name: &str, bytes: &[u8]) -> Outcome<Box<dyn Fn() -> Outcome<()>>> {
    let bytes = bytes.to_vec();
    if name == "Ed25519" {
        let private = ed25519_dalek::SigningKey::from_bytes(&SEED);
        let (public, signature) = (private.verifying_key(), private.sign(&bytes));
        return Ok(Box::new(move || {
            Ok(public.verify_strict(black_box(&bytes), &signature)?)
        }));
    }
    let private = p256::ecdsa::SigningKey::from_slice(&SEED)?;
    let public = *private.verifying_key();
    let signature: p256::ecdsa::Signature = private.sign(&bytes);
    Ok(Box::new(move || {
        Ok(public.verify(black_box(&bytes), &signature)?)
    }))
}

/// A gateway's side, and a command for it.
struct Gate {
    keys: KeySet,
    policy: Policy,
    rights: RoleRights,
    gateway: GatewayId,
    now: Now,
    bytes: Vec<u8>,
}

impl Gate {
    fn new(key: &OperatorKey) -> Outcome<Self> {
        let second = Timestamp::from_seconds;
        let now = Now {
            at: second(NOW_SECONDS),
            quality: ClockQuality::Synchronised,
            trusted: second(NOW_SECONDS - 3600),
        };
        let root = OperatorKey::ed25519(&[9; 32]);
        let roots = RootKeys::parse(&root.public().to_pem().ok_or("no PEM")?)?;
        let content = KeySetContent {
            version: 1,
            issued: second(NOW_SECONDS - 100_000),
            expires: second(NOW_SECONDS + 100_000),
            keys: vec![KeyEntry {
                key: key.public(),
                who: "Anna A.".to_owned(),
                roles: BTreeSet::from([Role::Operator]),
                not_before: second(NOW_SECONDS - 86_400),
                expires: second(NOW_SECONDS + 86_400),
                is_revoked: false,
            }],
        };
        let gateway: GatewayId = "pmu-001".parse()?;
        let command = Command {
            id: CommandId::of_time(now.at, [1; 10]),
            gateway: gateway.clone(),
            epoch: *b"epoch--1",
            number: 1,
            issued: second(NOW_SECONDS - 10),
            not_before: second(NOW_SECONDS - 10),
            expires: second(NOW_SECONDS + 600),
            action: Action::TariffSet {
                scheme: "north/summer".parse()?,
                meters: vec!["feeder-1".parse()?],
            },
            precondition: None,
            bounds: Bounds::default(),
        };
        Ok(Self {
            keys: KeySet::open(&roots, &content.sign(&root)?, None, &now)?,
            policy: Policy::built_in(),
            rights: RoleRights::shipped(),
            gateway,
            now,
            bytes: sign_command(&command, key)?,
        })
    }

    fn pass(&self) -> Outcome<()> {
        let bytes = black_box(&self.bytes);
        let command = self
            .keys
            .open_command(&self.gateway, bytes, false, &self.now)
            .map_err(|rejected| rejected.reason)?;
        let authorised = authorise(command, &self.policy, &self.rights, &self.now)
            .map_err(|rejected| rejected.reason)?;
        black_box(authorised);
        Ok(())
    }
}
