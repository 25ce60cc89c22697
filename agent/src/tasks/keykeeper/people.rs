//! What people bring, and what they are told.

use super::{KeyRoom, KeyTrouble};
use authority::SecretOctets;
use dlms::security::{Key, Suite};
use metering::{MeterId, Timestamp};
use storage::keys::{Choice, KeyError, KeyKind, KeyNumber, OldKey, Origin, Ring, Standing};

/// What may be told of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Whose.
    pub meter: MeterId,
    /// For what.
    pub kind: KeyKind,
    /// Where from.
    pub origin: Origin,
    /// Since when it is here.
    pub since: Timestamp,
    /// What it is to the meter.
    pub standing: Standing,
    /// Up to here its invocation counters are used, or may be; `None` if that is not known.
    pub counter: Option<u32>,
    /// How often in a row the meter refused everything that there is.
    pub refusals: u8,
    /// Until when the meter is left alone after that.
    pub rests_until: Option<Timestamp>,
}

/// The keys of a meter, as a person brings them.
#[derive(Debug)]
pub struct KeySet {
    /// Whose.
    pub meter: MeterId,
    /// What they are for.
    pub suite: Suite,
    /// One of a kind.
    pub keys: Vec<(KeyKind, SecretOctets)>,
    /// What becomes of those that are there.
    pub old: OldKey,
}

/// What became of a key that a person brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is the meter's only one.
    Alone,
    /// It is tried first, and the old one stays until the meter has proven that it has this one.
    BesideTheOld,
    /// It was there already.
    Known,
}

impl KeyRoom {
    /// What is known of all keys, or of one meter's, by meter and kind.
    pub fn infos(
        &mut self,
        meter: Option<&MeterId>,
        now: Timestamp,
    ) -> Result<Vec<KeyInfo>, KeyTrouble> {
        if !self.has_file() {
            return Ok(Vec::new());
        }
        let mut infos = Vec::new();
        for (number, key) in self.with(|file| file.list())? {
            if meter.is_some_and(|meter| *meter != key.meter) {
                continue;
            }
            let ring = self.with(|file| file.ring(&key.meter, key.kind))?;
            let Some(standing) = ring.standing(number) else {
                continue;
            };
            infos.push(KeyInfo {
                counter: self.with(|file| file.counter(number))?,
                refusals: ring.refusals(),
                rests_until: match ring.choose(now) {
                    Choice::Rest { until } => Some(until),
                    Choice::Try(_) => None,
                },
                meter: key.meter,
                kind: key.kind,
                origin: key.origin,
                since: key.since,
                standing,
            });
        }
        infos.sort_by(|one, two| (&one.meter, one.kind).cmp(&(&two.meter, two.kind)));
        Ok(infos)
    }

    /// Takes in the keys of a meter. All are looked at before the first is kept; what a power cut
    /// leaves out is taken in by bringing the same keys again.
    pub fn take_in(
        &mut self,
        set: &KeySet,
        now: Timestamp,
    ) -> Result<Vec<(KeyKind, Taken)>, KeyTrouble> {
        if let Some(fault) = self.master_fault() {
            return Err(fault.into());
        }
        for (_, secret) in &set.keys {
            Key::new(set.suite, secret.reveal())?;
        }
        let mut known = Vec::new();
        for (kind, secret) in &set.keys {
            let ring = self.ring_if_any(&set.meter, *kind)?;
            let is_known = match &ring {
                Some(ring) => self.is_known(ring, secret, set.old)?,
                None => false,
            };
            let is_beside = ring.is_some() && set.old == OldKey::StaysUntilProven;
            if is_beside && !is_known && ring.is_some_and(|ring| ring.next().is_some()) {
                return Err(KeyTrouble::InDoubt {
                    meter: set.meter.clone(),
                    doubtful: *kind,
                });
            }
            known.push(match (is_known, is_beside) {
                (true, _) => Taken::Known,
                (false, true) => Taken::BesideTheOld,
                (false, false) => Taken::Alone,
            });
        }
        for ((kind, secret), taken) in set.keys.iter().zip(&known) {
            if *taken == Taken::Known {
                // A person has done something: it is tried at once.
                self.with(|file| file.retry_now(&set.meter, *kind))?;
            } else {
                self.import(&set.meter, *kind, secret, set.old, now)?;
            }
        }
        Ok(set.keys.iter().map(|(kind, _)| *kind).zip(known).collect())
    }

    pub(super) fn ring_if_any(
        &mut self,
        meter: &MeterId,
        kind: KeyKind,
    ) -> Result<Option<Ring>, KeyTrouble> {
        match self.with(|file| file.ring(meter, kind)) {
            Ok(ring) => Ok(Some(ring)),
            Err(KeyTrouble::Keys(KeyError::NoKey { .. })) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Whether the key that is tried next is this one, and no other one shall go.
    fn is_known(
        &mut self,
        ring: &Ring,
        secret: &SecretOctets,
        old: OldKey,
    ) -> Result<bool, KeyTrouble> {
        let number: KeyNumber = match (ring.next(), old) {
            (Some(_), OldKey::Goes) => return Ok(false),
            (Some(next), OldKey::StaysUntilProven) if ring.is_doubtful() => next,
            _ => ring.current(),
        };
        match self.secret(number) {
            Ok(known) => Ok(known.reveal() == secret.reveal()),
            // Sealed under a master key that is gone: that is why somebody brings keys anew.
            Err(KeyTrouble::Seal(_)) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }
}
