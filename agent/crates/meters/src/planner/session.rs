//! Meters that are read in sessions: signed on to, asked, signed off, and nobody else has the
//! line meanwhile. What a session does is the caller's; when it may have the line is decided here.
//!
//! - A session begins only where it ends before the next burst of samples, and before any poll
//!   that is due or will be due meanwhile would miss its period. It is shortened to what fits, but
//!   not below its meter's minimum. What was held back for long goes all the same: sessions have
//!   a share of the line.
//! - Polls that are due go first; the room for a session is widest when none is.
//! - Orders wait for one exchange, as commands do: polls give way to them at once, and before the
//!   next order others have the line for as long.
//! - Sessions that people wait for take turns with those of the schedule, and meters with each
//!   other.
//! - A meter that did not answer its sign-on is tried again at growing intervals.

mod choice;
mod outcome;
mod state;

use super::{Class, PollId, PollKind};
use metering::{MeterId, Timestamp};
use std::time::Duration;

pub(crate) use choice::{Candidate, LastSession, Sessions};
pub(crate) use outcome::SessionFlight;
pub(crate) use state::SessionPlan;

/// A meter that is read in sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionMeter {
    /// Its name.
    pub id: MeterId,
    /// What the line knows it by. A renamed meter keeps its back-off by that.
    pub address: String,
    /// Below this a session would end before it has read anything.
    pub hold_min: Duration,
    /// Longest time one session may have the line.
    pub hold_max: Duration,
    /// What to read, and when.
    pub polls: Vec<SessionPoll>,
}

/// Something that sessions of a meter read again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPoll {
    /// Its name.
    pub id: PollId,
    /// When.
    pub kind: PollKind,
    /// Line time of one cycle, as far as it can be computed beforehand.
    pub cost: Duration,
}

/// The line, for one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTurn {
    /// With which meter; none where somebody asked for the line itself.
    pub meter: Option<MeterId>,
    /// For whom.
    pub class: Class,
    /// The session must have ended after this.
    pub hold_max: Duration,
    /// The polls that are due, in the order of the meter; none where somebody asked for it.
    pub due: Vec<PollId>,
    /// The interval end that is sampled.
    pub mark: Option<Timestamp>,
    /// Who asked for it, if somebody did.
    pub token: Option<u64>,
    /// The meter did not answer the last time: one try of the sign-on is enough.
    pub is_probe: bool,
    /// Which of all turns.
    pub number: u64,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEnd {
    /// As it should.
    Worked {
        /// Polls whose cycle goes on in the next session.
        unfinished: Vec<PollId>,
        /// Who asked for the session wants another one.
        more: bool,
    },
    /// The meter will not: password, access, another meter. Its cycle is over.
    Refused,
    /// It answered, and then the session broke.
    Broken,
    /// It did not answer at all.
    Silent,
    /// The port or connection is gone.
    LineGone,
}

/// Sessions that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRequest {
    /// With which meter; none for the line itself.
    pub meter: Option<MeterId>,
    /// Given back with each turn.
    pub token: u64,
    /// Below this a session is of no use.
    pub hold_min: Duration,
    /// Longest time one session may have the line.
    pub hold_max: Duration,
    /// What it must leave undisturbed.
    pub respect: Respect,
}

/// What a session leaves undisturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Respect {
    /// Samples at interval ends, and polls within their period.
    Polls,
    /// Samples at interval ends only.
    Samples,
    /// Samples at interval ends only, and it waits for nothing but them and the exchange under way: an
    /// order of somebody who may give it. Who waited meanwhile then has the line for as long.
    SamplesAtOnce,
}
