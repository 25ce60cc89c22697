//! What a session with a DLMS meter asks of the keys.

use super::{Attempt, KeyCounters, KeyHandle, KeyTrouble, NextKeys};
use dlms::security::{Suite, SystemTitle};
use metering::{MeterId, Timestamp};
use storage::keys::{KeyKind, KeyNumber, Verdict};

/// What a session with a DLMS meter asks of the keys.
///
/// In this order: `attempt`; `counters`, and if they are not known, what the meter's public client
/// says goes to `recover`; the session; `judge`. An attempt that is never judged counts as one of
/// which nobody knows how it ended, and is not repeated before a pause.
#[derive(Debug, Clone)]
pub struct MeterKeys(pub(super) KeyHandle);

impl MeterKeys {
    /// Over the thread that has the keys.
    pub fn new(handle: KeyHandle) -> Self {
        Self(handle)
    }

    /// The keys for the next session, if one may be opened. The attempt is on the disk when this
    /// returns.
    pub async fn attempt(
        &self,
        meter: &MeterId,
        suite: Suite,
        now: Timestamp,
    ) -> Result<NextKeys, KeyTrouble> {
        let meter = meter.clone();
        let next = self.0.ask(move |room| room.attempt(&meter, suite, now));
        next.await
    }

    /// Notes how the session began. Each attempt is judged once.
    pub async fn judge(
        &self,
        attempt: Attempt,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<(), KeyTrouble> {
        let judged = self.0.ask(move |room| room.judge(&attempt, verdict, now));
        judged.await
    }

    /// The invocation counters of an attempt.
    pub fn counters(&self, attempt: &Attempt) -> KeyCounters {
        KeyCounters::new(self.0.clone(), attempt.encryption)
    }

    /// Takes in how far the meter's public client says the counter is. It begins beyond that, and a
    /// leap is refused where the counter is known: nothing proves who said it.
    pub async fn recover(&self, attempt: &Attempt, used: u32) -> Result<(), KeyTrouble> {
        let key = attempt.encryption;
        let raised = self
            .0
            .ask(move |room| room.with(|file| file.raise(key, used)));
        raised.await
    }

    /// The key of a kind that the meter is known to have, and whether a change of it is open.
    pub async fn standing(
        &self,
        meter: &MeterId,
        kind: KeyKind,
    ) -> Result<(KeyNumber, bool), KeyTrouble> {
        let meter = meter.clone();
        let ring = self
            .0
            .ask(move |room| room.with(|file| file.ring(&meter, kind)))
            .await?;
        Ok((ring.current(), ring.next().is_some()))
    }

    /// The gateway's own system title, the same for all of its meters.
    pub async fn title(&self) -> Result<SystemTitle, KeyTrouble> {
        self.0.ask(super::KeyRoom::title).await
    }
}
