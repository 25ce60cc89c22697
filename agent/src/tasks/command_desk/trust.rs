//! Whom the gateway believes: root keys, the key set and policy that they signed, the time.

use crate::adapters::clock::Clock;
use crate::adapters::command_keys::text_of;
use crate::tasks::storekeeper::{Beside, StoreHandle};
use authority::{
    Held, KeySet, Now, Policy, PublicKey, ReceiptKeys, RoleRights, RootKeys, SetFault, SigningKey,
};
use metering::{ClockQuality, GatewayId, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use storage::Remembered;

const KEY_SET: &str = "key-set";
const POLICY: &str = "policy";
/// Where the store remembers the highest time that was trusted.
pub(super) const TRUSTED_TIME: &str = "trusted-time";
/// The trusted time is kept this often: what came before it is never believed again.
const TIME_KEPT_EVERY: Duration = Duration::from_hours(1);

/// Which of the two that a root key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// The operators' keys.
    Keys,
    /// Who is needed for what.
    Policy,
}

/// All that is believed.
pub(super) struct Trust {
    roots_file: Option<PathBuf>,
    roots: Option<RootKeys>,
    keys: Option<KeySet>,
    policy: Policy,
    rights: RoleRights,
    own: Arc<SigningKey>,
    own_keys: ReceiptKeys,
    trusted: Timestamp,
    kept: Timestamp,
}

impl Trust {
    pub(super) fn new(
        gateway: &GatewayId,
        (roots_file, rights): (Option<PathBuf>, RoleRights),
        (own, former): (Arc<SigningKey>, Vec<PublicKey>),
    ) -> Self {
        let own_keys = [vec![own.public_key()], former].concat();
        let own_keys = ReceiptKeys::of_gateway(gateway.clone(), own_keys);
        Self {
            roots_file,
            roots: None,
            keys: None,
            policy: Policy::built_in(),
            rights,
            own,
            own_keys,
            trusted: Timestamp::default(),
            kept: Timestamp::default(),
        }
    }

    /// Reads root keys, and what the store remembers. What cannot be read is as if it was not there:
    /// then commands are refused until somebody brings it again.
    pub(super) async fn load(&mut self, store: &StoreHandle) {
        if let Some(file) = &self.roots_file {
            let name = file.display();
            match text_of(file) {
                Ok(text) => match RootKeys::parse(&text) {
                    Ok(roots) => self.roots = Some(roots),
                    Err(fault) => log::error!("{name}: {fault}; every command is refused"),
                },
                Err(error) => log::error!("{name}: {error}; every command is refused"),
            }
        }
        self.trusted = match store.recall(TRUSTED_TIME).await {
            Ok(Some(kept)) => Timestamp::from_millis(kept.version),
            Ok(None) => Timestamp::default(),
            Err(error) => {
                log::error!(error:%; "the trusted time cannot be read");
                Timestamp::default()
            }
        };
        self.kept = self.trusted;
        let Some(roots) = &self.roots else { return };
        if let Some(bytes) = remembered(store, KEY_SET).await {
            match KeySet::recall(roots, &bytes) {
                Ok(keys) => self.keys = Some(keys),
                Err(fault) => log::error!("the key set that was kept is not believed: {fault}"),
            }
        }
        if let Some(bytes) = remembered(store, POLICY).await {
            match Policy::recall(roots, &bytes) {
                Ok(policy) => self.policy = policy,
                Err(fault) => log::error!("the policy that was kept is not believed: {fault}"),
            }
        }
    }

    pub(super) fn keys(&self) -> Option<&KeySet> {
        self.keys.as_ref()
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn rights(&self) -> &RoleRights {
        &self.rights
    }

    pub(super) fn own(&self) -> &SigningKey {
        &self.own
    }

    pub(super) fn own_keys(&self) -> &ReceiptKeys {
        &self.own_keys
    }

    /// What time it is for whoever judges by it.
    pub(super) fn now(&mut self, clock: &Clock) -> Now {
        let now = clock.now();
        if now.quality >= ClockQuality::Synchronised {
            self.trusted = self.trusted.max(now.utc);
        }
        Now {
            at: now.utc,
            quality: now.quality,
            trusted: self.trusted,
        }
    }

    /// Keeps the highest time that was trusted.
    pub(super) async fn note_time(&mut self, store: &StoreHandle, clock: &Clock) {
        let trusted = self.now(clock).trusted;
        if trusted < self.kept.after(TIME_KEPT_EVERY) {
            return;
        }
        let value = Remembered {
            version: trusted.millis(),
            bytes: Vec::new(),
        };
        match store.remember(beside(TRUSTED_TIME, value)).await {
            Ok(()) => self.kept = trusted,
            Err(error) => log::error!(error:%; "the trusted time cannot be kept"),
        }
    }

    /// Takes a key set or a policy that came in; its version, and whether it is another one.
    pub(super) fn open(
        &mut self,
        bytes: &[u8],
        what: Set,
        now: &Now,
    ) -> Result<(u64, bool), SetFault> {
        let Some(roots) = &self.roots else {
            return Err(SetFault::NotProven(authority::CoseFault::Malformed));
        };
        let before = self.held(what);
        let held = match what {
            Set::Keys => {
                let keys = KeySet::open(roots, bytes, before, now)?;
                let held = keys.held();
                self.keys = Some(keys);
                held
            }
            Set::Policy => {
                let policy = Policy::open(roots, bytes, before, now)?;
                let held = policy.held();
                self.policy = policy;
                held
            }
        };
        Ok((held.version, before != Some(held)))
    }

    fn held(&self, what: Set) -> Option<Held> {
        match what {
            Set::Keys => self.keys.as_ref().map(KeySet::held),
            Set::Policy => Some(self.policy.held()).filter(|held| held.version > 0),
        }
    }
}

impl Set {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Keys => KEY_SET,
            Self::Policy => POLICY,
        }
    }
}

/// A value kept by name, and nothing else.
pub(super) fn beside(name: &str, value: Remembered) -> Beside {
    Beside {
        records: Vec::new(),
        values: vec![(name.to_owned(), Some(value))],
    }
}

async fn remembered(store: &StoreHandle, name: &str) -> Option<Vec<u8>> {
    match store.recall(name).await {
        Ok(kept) => kept.map(|kept| kept.bytes),
        Err(error) => {
            log::error!(error:%; "{name} cannot be read");
            None
        }
    }
}
