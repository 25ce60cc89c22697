//! What a person would do when meters with load profiles of their own are new on a line: have them
//! read at once, not only when the schedule comes to it.

use metering::Timestamp;

use super::desk::{Desk, Order, Work};
use super::limits::ERRAND_SLACK;

/// The reading of one meter's load profile.
#[derive(Debug)]
pub(crate) struct Errand {
    meter: &'static str,
    order: Order,
    /// The work in hand, and the time by meter and gateway, whichever is behind, when it was given.
    in_hand: Option<(u64, Timestamp)>,
    done_to: Option<Timestamp>,
}

impl Errand {
    /// One that is not begun.
    pub(crate) const fn new(meter: &'static str, order: Order) -> Self {
        Self {
            meter,
            order,
            in_hand: None,
            done_to: None,
        }
    }

    /// Whose profile it is.
    pub(crate) const fn meter(&self) -> &'static str {
        self.meter
    }

    /// Everything that the meter recorded up to here was asked for and has come.
    pub(crate) const fn done_to(&self) -> Option<Timestamp> {
        self.done_to
    }

    /// Whether there is nothing to do any more.
    pub(crate) const fn is_done(&self) -> bool {
        self.done_to.is_some()
    }

    /// Gives the work to the gateway if it does not have it, and looks how it stands. What the
    /// gateway does not take now, or could not do, it is asked for again.
    pub(crate) fn follow(&mut self, desk: &Desk, now: Timestamp) {
        if self.is_done() {
            return;
        }
        let Some((number, asked)) = self.in_hand else {
            if let Ok(number) = desk.start(self.order, self.meter) {
                self.in_hand = Some((number, now));
            }
            return;
        };
        match desk.work(number) {
            Ok(Work::Done) => self.done_to = Some(asked.before(ERRAND_SLACK)),
            Ok(Work::Failed) => self.in_hand = None,
            Ok(Work::Running) | Err(_) => {}
        }
    }
}
