//! Commands that came before their turn: a broker may reorder or drop what it carries.

use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Held at most, of all signers together.
const HELD_MAX: usize = 64;
/// And of each: none takes the room of all others.
const HELD_EACH: usize = 16;
/// And for so long; whoever sent it sends it again.
const HELD_FOR: Duration = Duration::from_mins(10);

/// Who signed first, and its number.
type Turn = ([u8; 8], u64);

/// What waits for its turn.
#[derive(Debug)]
pub(super) struct Held<T>(BTreeMap<Turn, (Instant, T)>);

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Held<T> {
    /// Keeps it until its turn; `false` where there is no room. The first of two with one number stays:
    /// which of them is right shows when its turn comes.
    pub(super) fn keep(&mut self, signer: [u8; 8], number: u64, what: T, now: Instant) -> bool {
        self.0.retain(|_, (since, _)| now - *since < HELD_FOR);
        let turn = (signer, number);
        let of_signer = self.0.range((signer, 0)..=(signer, u64::MAX)).count();
        let is_full = self.0.len() >= HELD_MAX || of_signer >= HELD_EACH;
        if is_full && !self.0.contains_key(&turn) {
            return false;
        }
        self.0.entry(turn).or_insert((now, what));
        true
    }

    /// What this signer numbered so, if it is held.
    pub(super) fn take(&mut self, signer: [u8; 8], number: u64, now: Instant) -> Option<T> {
        let (since, what) = self.0.remove(&(signer, number))?;
        (now - since < HELD_FOR).then_some(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [u8; 8] = [1; 8];
    const TWO: [u8; 8] = [2; 8];

    #[tokio::test(start_paused = true)]
    async fn what_came_too_early_is_had_at_its_turn_and_not_for_ever() {
        let mut held = Held::default();
        let now = Instant::now();
        assert!(held.keep(ONE, 3, "three", now));
        assert!(held.keep(ONE, 3, "another three", now), "there is one");
        assert!(held.keep(TWO, 3, "of the other one", now));
        assert_eq!(held.take(ONE, 2, now), None);
        assert_eq!(held.take(ONE, 3, now), Some("three"));
        assert_eq!(held.take(ONE, 3, now), None, "once");
        assert_eq!(held.take(TWO, 3, now + HELD_FOR), None, "too late");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_takes_nobodys_room() {
        let mut held = Held::default();
        let now = Instant::now();
        let taken = (2..2000).filter(|number| held.keep(ONE, *number, 1, now));
        assert_eq!(taken.count(), HELD_EACH);
        assert!(held.keep(TWO, 2, 0, now));
        for signer in 3..200 {
            held.keep([signer; 8], 2, 2, now);
        }
        assert_eq!(held.0.len(), HELD_MAX);
        assert_eq!(held.take(TWO, 2, now), Some(0));
        assert!(held.keep(ONE, 9000, 1, now + HELD_FOR), "room again");
    }
}
