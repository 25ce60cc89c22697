//! A wire behind a link: what the modem or probe at the meters' end is connected to.

use tokio::time::Instant;

use super::Wire;
use crate::link::Peer;

impl Peer for Wire {
    fn hear(&mut self, now: Instant, octets: &[u8]) {
        let now = now.saturating_duration_since(self.epoch());
        self.engine().hear(now, octets);
    }

    fn say(&mut self, now: Instant, said: &mut Vec<u8>) {
        let now = now.saturating_duration_since(self.epoch());
        self.engine().advance(now, said);
    }

    fn due(&self) -> Option<Instant> {
        let next = self.engine().next_due();
        next.map(|next| self.epoch() + next)
    }
}
