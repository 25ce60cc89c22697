//! Invocation counters of this side: reserved on the disk before they are used.

use std::future::Future;
use std::num::NonZeroU32;

use super::fault::SecurityFault;
use crate::limits::{COUNTER_MAX, COUNTERS_RESERVED};

/// Counters that this process alone may use, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterBlock {
    /// The first one.
    pub first: u32,
    /// The last one.
    pub last: u32,
}

/// The counters could not be reserved, or not be noted.
#[derive(Debug, Clone, thiserror::Error)]
#[error("invocation counters cannot be kept: {reason}")]
pub struct CounterFault {
    /// Why, in words.
    pub reason: String,
}

/// Keeps the counters of one key, beyond any crash.
///
/// A counter that is used twice with one key gives the key away. Whoever implements this must
/// have written a block to the disk before he hands it out, and must never hand out any of it
/// again, whatever happened in between.
pub trait CounterKeeper: Send {
    /// Reserves the next counters, at least one and at most so many.
    fn reserve(
        &mut self,
        count: NonZeroU32,
    ) -> impl Future<Output = Result<CounterBlock, CounterFault>> + Send;

    /// Counters up to this one are used, as the meter says. What is kept never goes back.
    fn raise(&mut self, used: u32) -> impl Future<Output = Result<(), CounterFault>> + Send;

    /// The meter's highest counter that was heard under this key.
    fn heard(&mut self) -> impl Future<Output = Result<Option<u32>, CounterFault>> + Send;

    /// Notes the meter's highest counter.
    fn note_heard(&mut self, counter: u32)
    -> impl Future<Output = Result<(), CounterFault>> + Send;
}

/// Of a session without keys: there are no counters, and none is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoKeys;

impl NoKeys {
    fn fault() -> CounterFault {
        CounterFault {
            reason: "this session has no keys".to_owned(),
        }
    }
}

impl CounterKeeper for NoKeys {
    async fn reserve(&mut self, _: NonZeroU32) -> Result<CounterBlock, CounterFault> {
        Err(Self::fault())
    }

    async fn raise(&mut self, _: u32) -> Result<(), CounterFault> {
        Err(Self::fault())
    }

    async fn heard(&mut self) -> Result<Option<u32>, CounterFault> {
        Ok(None)
    }

    async fn note_heard(&mut self, _: u32) -> Result<(), CounterFault> {
        Err(Self::fault())
    }
}

/// What is left of a block.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    block: Option<CounterBlock>,
    /// The highest that was used, so that a keeper that goes back is found out.
    used: Option<u32>,
}

impl Counters {
    /// The next counter, reserved anew where the block is used up.
    pub(crate) async fn next(
        &mut self,
        keeper: &mut impl CounterKeeper,
    ) -> Result<u32, CounterRefusal> {
        let block = if let Some(block) = self.block {
            block
        } else {
            let count = NonZeroU32::new(COUNTERS_RESERVED).unwrap_or(NonZeroU32::MIN);
            keeper
                .reserve(count)
                .await
                .map_err(CounterRefusal::Keeper)?
        };
        let CounterBlock { first, last } = block;
        if first > last || first > COUNTER_MAX {
            return Err(CounterRefusal::Security(SecurityFault::Exhausted));
        }
        if self.used.is_some_and(|used| used >= first) {
            let reason = format!("counter {first} was reserved twice");
            return Err(CounterRefusal::Keeper(CounterFault { reason }));
        }
        self.used = Some(first);
        self.block = (first < last).then_some(CounterBlock {
            first: first + 1,
            last,
        });
        Ok(first)
    }
}

/// Why there is no next counter.
#[derive(Debug)]
pub(crate) enum CounterRefusal {
    Keeper(CounterFault),
    Security(SecurityFault),
}
