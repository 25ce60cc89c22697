//! What a DLMS session sees of the keys: counters, and a place for its verdict.

use super::{KeyHandle, KeyTrouble};
use dlms::codec::ServiceError;
use dlms::codec::acse::Diagnostic;
use dlms::conversation::SessionFault;
use dlms::security::{CounterBlock, CounterFault, CounterKeeper, SecurityFault};
use std::num::NonZeroU32;
use storage::keys::{KeyNumber, Verdict};

/// The counters of one key.
#[derive(Debug, Clone)]
pub struct KeyCounters {
    handle: KeyHandle,
    key: KeyNumber,
}

impl KeyCounters {
    /// The counters of a key.
    pub fn new(handle: KeyHandle, key: KeyNumber) -> Self {
        Self { handle, key }
    }

    /// Whether it is known how far they are; if not, the meter's public client says it, and
    /// `raise` takes that in.
    pub async fn are_known(&self) -> Result<bool, KeyTrouble> {
        let key = self.key;
        let counter = self
            .handle
            .ask(move |room| room.with(|file| file.counter(key)));
        Ok(counter.await?.is_some())
    }
}

fn fault(trouble: &KeyTrouble) -> CounterFault {
    CounterFault {
        reason: trouble.with_causes(),
    }
}

impl CounterKeeper for KeyCounters {
    async fn reserve(&mut self, count: NonZeroU32) -> Result<CounterBlock, CounterFault> {
        let key = self.key;
        let range = self
            .handle
            .ask(move |room| room.with(|file| file.reserve(key, count)));
        let range = range.await.map_err(|trouble| fault(&trouble))?;
        Ok(CounterBlock {
            first: range.first,
            last: range.last,
        })
    }

    async fn raise(&mut self, used: u32) -> Result<(), CounterFault> {
        let key = self.key;
        let raised = self
            .handle
            .ask(move |room| room.with(|file| file.raise(key, used)));
        raised.await.map_err(|trouble| fault(&trouble))
    }

    async fn heard(&mut self) -> Result<Option<u32>, CounterFault> {
        let key = self.key;
        let heard = self
            .handle
            .ask(move |room| room.with(|file| file.heard(key)));
        heard.await.map_err(|trouble| fault(&trouble))
    }

    async fn note_heard(&mut self, counter: u32) -> Result<(), CounterFault> {
        let key = self.key;
        let noted = self
            .handle
            .ask(move |room| room.with(|file| file.note_heard(key, counter)));
        noted.await.map_err(|trouble| fault(&trouble))
    }
}

/// What a failed opening says of the keys that it used.
pub fn verdict(fault: &SessionFault) -> Verdict {
    let is_refusal = match fault {
        SessionFault::ProofRefused => true,
        SessionFault::Refused { diagnostic } => matches!(
            diagnostic,
            Diagnostic::Authentication | Diagnostic::NoReason
        ),
        SessionFault::Exception { exception, .. } => exception.error == ServiceError::Deciphering,
        SessionFault::Security { fault, .. } => *fault == SecurityFault::Tag,
        _ => false,
    };
    if is_refusal {
        Verdict::Refused
    } else {
        Verdict::Silent
    }
}
