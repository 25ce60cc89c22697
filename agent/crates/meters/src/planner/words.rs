//! What goes into a planner and what comes out.

use super::BusTiming;
use crate::Span;
use metering::{MeterId, Moment, Period, Timestamp};
use std::time::Duration;

/// The two clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For deadlines.
    pub moment: Moment,
    /// For marks.
    pub utc: Timestamp,
}

impl Now {
    /// When the wall clock will show (or showed) `utc`, if nobody sets it.
    pub(crate) fn moment_of(self, utc: Timestamp) -> Moment {
        let away = Duration::from_millis(utc.millis_since(self.utc).unsigned_abs());
        if utc >= self.utc {
            self.moment.after(away)
        } else {
            self.moment.before(away)
        }
    }
}

/// A meter as the planner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMeter {
    /// Its name.
    pub id: MeterId,
    /// Its unit address.
    pub unit: u8,
    /// Most registers in one read.
    pub max_count: u16,
    /// Silence this meter wants before a request.
    pub min_gap: Duration,
    /// How long it is expected to think; the true time is learned.
    pub turnaround: Duration,
    /// Registers that must not be read.
    pub holes: Vec<Span>,
    /// One register that can always be asked for.
    pub probe: Span,
    /// What to read, and when.
    pub polls: Vec<Poll>,
}

/// Names a poll of one meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PollId(pub u16);

/// Values that are read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Its name.
    pub id: PollId,
    /// When.
    pub kind: PollKind,
    /// Where each single value lies; a value is never split.
    pub wanted: Vec<Span>,
}

/// When a poll runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollKind {
    /// At each interval end, by the UTC grid.
    Sample {
        /// Length of an interval.
        period: Period,
    },
    /// At a steady pace that no grid binds.
    Every(Duration),
}

/// What a planner keeps to, beside its meters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannerSettings {
    /// How far from its mark a sample may be taken without a remark.
    pub late_after: Duration,
}

impl Default for PlannerSettings {
    fn default() -> Self {
        Self {
            late_after: Duration::from_secs(2),
        }
    }
}

/// Who is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Asked for by a person.
    Command,
    /// Samples at interval ends.
    Scheduled,
    /// Everything else, and probes.
    Background,
}

/// One request to be put on the line now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// To whom.
    pub meter: MeterId,
    /// Its unit address.
    pub unit: u8,
    /// What to read; may be longer than what is wanted.
    pub span: Span,
    /// Silence the meter wants before the request.
    pub min_gap: Duration,
    /// For whom.
    pub class: Class,
    pub(crate) number: u64,
    pub(crate) purpose: Purpose,
}

impl Exchange {
    /// Whether this only asks if the meter is there.
    pub fn is_probe(&self) -> bool {
        !matches!(self.purpose, Purpose::Read { .. })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Is the meter there?
    Probe,
    /// Keeps two requests apart whose answers have the same length.
    Between,
    /// Work for a job, perhaps with padding.
    Read { job: u64, pad: Option<Span> },
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The registers asked for.
    Words {
        /// One a register.
        words: Vec<u16>,
        /// When the request had left the line.
        left_at: Moment,
        /// When the last octet of the answer had arrived.
        arrived_at: Moment,
    },
    /// The meter refused with this code.
    Exception(u8),
    /// No answer until the deadline.
    Silent,
    /// An answer, but not one that can be believed.
    Damaged,
    /// The port or connection is gone.
    LineGone,
}

/// Why a value or a mark was not had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The meter did not answer.
    Silent,
    /// Its answers were damaged.
    Damaged,
    /// It refuses the address for good, with this exception; no longer asked for.
    Refused(u8),
    /// It refused this time, with this exception.
    Exception(u8),
    /// The line had no time.
    Late,
    /// The wall clock was set over the mark.
    Clock,
    /// The line was gone.
    LineGone,
    /// The model forbids it: a hole, or longer than the longest read.
    NotReadable,
    /// The meter's settings changed meanwhile.
    Replaced,
}

/// One value as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Which value.
    pub span: Span,
    /// Its registers.
    pub words: Vec<u16>,
    /// When the meter answered: the middle of its thinking time.
    pub taken: Moment,
}

/// What the bus task has to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A poll's cycle is over, and brought at least one value unless `words` is empty.
    PollDone {
        /// Whose.
        meter: MeterId,
        /// Which.
        poll: PollId,
        /// The interval end it was for.
        mark: Option<Timestamp>,
        /// What came.
        words: Vec<Answered>,
        /// What did not.
        failed: Vec<(Span, Why)>,
    },
    /// Marks from `first` to `mark` on the poll's grid were not sampled and will not be.
    MarkMissed {
        /// Whose.
        meter: MeterId,
        /// Which poll.
        poll: PollId,
        /// The first of them; mostly equal to `mark`.
        first: Timestamp,
        /// The last of them.
        mark: Timestamp,
        /// Why.
        why: Why,
    },
    /// A command's read is over.
    CommandDone {
        /// Which.
        token: u64,
        /// Whose.
        meter: MeterId,
        /// What came.
        words: Vec<Answered>,
        /// What did not.
        failed: Vec<(Span, Why)>,
    },
    /// A meter does not answer its probe either.
    MeterSilent {
        /// Which.
        meter: MeterId,
    },
    /// A meter reported as silent answers again.
    MeterBack {
        /// Which.
        meter: MeterId,
    },
    /// A meter refuses a value, proven by a repeat; it is left out from now on.
    AddressRefused {
        /// Which.
        meter: MeterId,
        /// The value.
        span: Span,
        /// With which exception.
        exception: u8,
    },
}

/// What the bus task does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Put this on the line, then call `done`.
    Exchange(Exchange),
    /// Hold a session, then call `session_done`.
    Session(super::SessionTurn),
    /// Hear this, then ask again.
    Happened(Vec<Happening>),
    /// Nothing to do until then, unless a command comes.
    WaitUntil(Moment),
}

/// A read that a person asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRequest {
    /// Of which meter.
    pub meter: MeterId,
    /// Which values.
    pub spans: Vec<Span>,
    /// Given back with the result.
    pub token: u64,
}

/// A command that the planner does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandRefused {
    /// The queue is full.
    #[error("{waiting} commands wait for this bus already; try again when one is done")]
    Busy {
        /// How many.
        waiting: usize,
    },
    /// It asks for too many values.
    #[error("{asked} values in one command; ask for {most} at most")]
    TooMuch {
        /// How many it asks for.
        asked: usize,
        /// How many it may.
        most: usize,
    },
    /// The meter is not on this bus.
    #[error("meter `{0}` is not on this bus; name one of its meters")]
    UnknownMeter(MeterId),
}

/// A bus at one glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannerStatus {
    /// Line time in use over the last full minute, per mille.
    pub busy_per_mille: u16,
    /// Commands waiting.
    pub commands: usize,
    /// One a meter, in the order of the configuration.
    pub meters: Vec<PlannedMeterStatus>,
}

/// A meter at one glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMeterStatus {
    /// Which.
    pub id: MeterId,
    /// Whether it answers.
    pub state: MeterState,
    /// Values it refuses for good.
    pub refused: Vec<Span>,
    /// Line time of its exchanges over the last full minute, per mille.
    pub busy_per_mille: u16,
    /// How long it thinks, as learned.
    pub turnaround: Duration,
    /// Cycles skipped because the line had no time for them.
    pub skipped_cycles: u64,
    /// Requests whose answer had the length of the probe's or of the answer before, because the
    /// registers around forbid padding. A late answer could be taken for another one there.
    pub unvaried_requests: u64,
}

/// Whether a meter answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeterState {
    /// It does.
    Healthy,
    /// One request was not answered; a probe will tell.
    Doubtful {
        /// When.
        probe_at: Moment,
    },
    /// Probes were not answered either.
    BackingOff {
        /// Next probe.
        until: Moment,
        /// Probes without an answer.
        probes: u32,
    },
}

/// What all parts of a planner need to know of the bus.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) timing: BusTiming,
    pub(crate) settings: PlannerSettings,
}
