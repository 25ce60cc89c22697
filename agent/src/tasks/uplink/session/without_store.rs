//! A connection while the store cannot be used: who is not seen cannot be helped, not even with a new
//! system. Nothing is sent then but presence; records wait in the store.

use super::{Session, SessionEnd, Uplink, lost};
use crate::state::StateKey;
use crate::tasks::storekeeper::{Ask, Look, StoreGone};

impl Uplink {
    /// Counts connections, durably: a late will carries the number of its own connection. A count
    /// that cannot be kept, on a full disk or by recovery, goes on from the time: so all begin no
    /// lower than that. Nothing if the gateway stops.
    pub(super) async fn next_sid(&mut self) -> Option<u64> {
        let (kind, id) = StateKey::Sid.key();
        let look = |reply| Look::State { kind, id, reply };
        let before = match self.store.ask(look).await {
            Ok(before) => Some(StateKey::number(before.as_deref())),
            Err(StoreGone::Store(_)) => None,
            Err(StoreGone::Stopped) => return None,
        };
        self.has_store = before.is_some();
        let before = before.unwrap_or_default();
        let least = self.clock.now().utc.seconds();
        self.sid = (before.max(self.sid) + 1).max(least);
        let value = self.sid.to_be_bytes().to_vec();
        let done = self.store.ask(|reply| Ask::SetState {
            kind,
            id,
            value,
            reply,
        });
        match done.await {
            Ok(()) => {}
            Err(StoreGone::Store(error)) => {
                log::warn!(error:%; "this connection cannot be counted; it is made all the same");
            }
            Err(StoreGone::Stopped) => return None,
        }
        Some(self.sid)
    }
}

impl Session<'_> {
    /// The store cannot be read. Only a storekeeper that has stopped ends the uplink.
    pub(super) fn store_is_away(&mut self, gone: &StoreGone) -> Option<SessionEnd> {
        match gone {
            StoreGone::Stopped => Some(SessionEnd::Shutdown),
            StoreGone::Store(error) => {
                log::warn!(error:%; "the store cannot be used; records wait until it can");
                self.up.has_store = false;
                None
            }
        }
    }

    /// Looks whether the store is back. What was in flight is counted anew by a new connection.
    pub(super) async fn look_for_store(&mut self) -> Option<SessionEnd> {
        if self.up.has_store {
            return None;
        }
        let (kind, id) = StateKey::Sid.key();
        let look = |reply| Look::State { kind, id, reply };
        match self.up.store.ask(look).await {
            Ok(_) => Some(lost("the store can be used again, so it is begun anew")),
            Err(StoreGone::Store(_)) => None,
            Err(StoreGone::Stopped) => Some(SessionEnd::Shutdown),
        }
    }
}
