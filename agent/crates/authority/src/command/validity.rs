//! When a command may begin, and which one is next.

use super::Command;
use crate::action::Action;
use crate::limits::SKEW_SECONDS;
use crate::rejection::CommandRejection;
use metering::{ClockQuality, Timestamp};
use std::time::Duration;

/// What time it is, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// By the gateway's clock.
    pub at: Timestamp,
    /// How far that can be trusted.
    pub quality: ClockQuality,
    /// The latest time that was ever trusted: it is later than that, whatever the clock says.
    pub trusted: Timestamp,
}

impl Now {
    /// The best guess of the time. A clock that went back over what was trusted is not believed.
    pub fn time(&self) -> Timestamp {
        if self.is_known() {
            self.at.max(self.trusted)
        } else {
            self.trusted
        }
    }

    /// Whether anything may be judged by this clock.
    pub fn is_known(&self) -> bool {
        self.quality != ClockQuality::Unsynchronised
    }

    /// Whether `end` has surely passed. Without a clock only what was once trusted counts.
    pub fn is_past(&self, end: Timestamp) -> bool {
        self.time() > end
    }

    /// Whether `begin` lies ahead; without a clock nobody can say.
    pub fn is_before(&self, begin: Timestamp) -> bool {
        self.is_known() && self.time() < begin
    }
}

/// What a number is among those of its signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberVerdict {
    /// The one that follows.
    Next,
    /// Others are missing before it: somebody dropped them.
    Gap,
    /// It was already taken.
    Replay,
}

/// What `number` is after `last`, the last one that was accepted of this signer (0: none yet).
pub const fn judge_number(last: u64, number: u64) -> NumberVerdict {
    if number <= last {
        NumberVerdict::Replay
    } else if number - last == 1 {
        NumberVerdict::Next
    } else {
        NumberVerdict::Gap
    }
}

impl Command {
    /// Whether it is for this store and the next of its signer. A repetition by name was already
    /// answered when this is asked.
    pub fn judge_order(&self, epoch: &[u8; 8], last: u64) -> Result<(), CommandRejection> {
        if self.epoch != *epoch {
            return Err(CommandRejection::WrongEpoch);
        }
        match judge_number(last, self.number) {
            NumberVerdict::Next => Ok(()),
            NumberVerdict::Gap => Err(CommandRejection::Gap {
                expected: last.saturating_add(1),
                found: self.number,
            }),
            NumberVerdict::Replay => Err(CommandRejection::Replay),
        }
    }

    /// Whether it may begin now. Asked when it comes and once more before the first side effect.
    ///
    /// `session` is the connection that the gateway's own birth named last: without a clock, a
    /// rotation of keys that names it is known to be fresh.
    pub fn judge_time(&self, now: &Now, session: u64) -> Result<(), CommandRejection> {
        let skew = Duration::from_secs(SKEW_SECONDS);
        if now.is_past(self.expires.after(skew)) {
            return Err(CommandRejection::Expired);
        }
        if self.bounds.done_by.is_some_and(|by| now.is_past(by)) {
            return Err(CommandRejection::Expired);
        }
        if !now.is_known() && !self.needs_no_clock(session) {
            return Err(CommandRejection::ClockUnsynchronised);
        }
        if now.is_before(self.not_before.before(skew)) {
            return Err(CommandRejection::NotYetValid);
        }
        Ok(())
    }

    fn needs_no_clock(&self, current: u64) -> bool {
        match &self.action {
            Action::Nop | Action::GatewayTimeSet { .. } => true,
            Action::KeyRotate { session, .. } => *session == Some(current),
            _ => false,
        }
    }
}
