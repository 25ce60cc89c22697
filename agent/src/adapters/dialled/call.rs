//! A call that stands.

use super::Standing;
use super::farewell::Farewell;
use crate::limits::FAREWELL_QUIET;
use std::collections::VecDeque;
use std::pin::Pin;
use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// A call that stands.
#[derive(Debug)]
pub(super) struct Call {
    /// What was heard behind the word that the call stands.
    pub(super) early: VecDeque<u8>,
    /// The line feed of that word is still to come.
    line_feed_due: bool,
    farewell: Farewell,
    /// Runs while the last octets could be the word that the call has ended.
    pub(super) quiet: Option<Pin<Box<Sleep>>>,
    pub(super) ends: Pin<Box<Sleep>>,
    /// The carrier's circuit is wired: it was off before the call and on when it stood.
    pub(super) carrier_shows: bool,
    /// The first of two DLE has left.
    pub(super) half_sent: bool,
}

impl Call {
    pub(super) fn new(
        standing: Standing,
        early: VecDeque<u8>,
        farewell: Farewell,
        ends: Instant,
        carrier_shows: bool,
    ) -> Self {
        Self {
            early,
            line_feed_due: standing.line_feed_due,
            farewell,
            quiet: None,
            ends: Box::pin(sleep_until(ends)),
            carrier_shows,
            half_sent: false,
        }
    }

    /// Takes the line feed of the modem's own word out of what came, and looks for its last word.
    pub(super) fn hear(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        if std::mem::take(&mut self.line_feed_due) {
            let came = buf.filled().get(before..).unwrap_or_default();
            if let [b'\n' | 0x8a, meters @ ..] = came {
                let meters = meters.to_vec();
                buf.set_filled(before);
                buf.put_slice(&meters);
            }
        }
        let came = buf.filled().get(before..).unwrap_or_default();
        self.farewell.hear(came);
        self.quiet = self
            .farewell
            .is_said()
            .then(|| Box::pin(sleep(FAREWELL_QUIET)));
    }
}
