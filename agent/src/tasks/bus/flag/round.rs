//! One look at everything a meter has to say, in as many sessions as that needs.

use super::ends::{end_of, gone};
use super::{FlagBook, FlagSaid};
use crate::adapters::clock::Clock;
use crate::config::BusSettings;
use crate::health::Pulse;
use crate::plan::{COLLECT, INSTANT, SAMPLE};
use crate::tasks::storekeeper::StoreHandle;
use line::{GuardedLine, Line};
use meters::flag::{Visit, VisitFault};
use meters::planner::{PollId, SessionEnd, SessionTurn};
use std::collections::VecDeque;

/// What a session needs beside its meter.
pub(in super::super) struct Desk<'a> {
    pub(in super::super) bus: &'a BusSettings,
    pub(in super::super) store: &'a StoreHandle,
    pub(in super::super) clock: &'a Clock,
    pub(in super::super) pulse: &'a Pulse,
}

/// What a session came to.
#[derive(Debug)]
pub(in super::super) struct Held {
    pub(in super::super) end: SessionEnd,
    pub(in super::super) said: FlagSaid,
    /// Why the port is gone, if it is.
    pub(in super::super) gone: Option<std::io::Error>,
}

/// A part of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Settings,
    Clock,
    Status,
    Events,
    Registers,
    Billing,
    Profile,
}

/// What is still to be done.
#[derive(Debug, Clone)]
pub(super) struct Round {
    steps: VecDeque<Step>,
}

impl Round {
    fn new() -> Self {
        Self {
            steps: VecDeque::from([
                Step::Clock,
                Step::Settings,
                Step::Status,
                Step::Events,
                Step::Registers,
                Step::Billing,
                Step::Profile,
            ]),
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepEnd {
    Done,
    /// The session's time is up before it.
    Later,
}

/// A session that goes on.
pub(super) struct Sitting<'a, 'l, 'm, L> {
    pub(super) book: &'a mut FlagBook,
    pub(super) visit: Visit<'l, 'm, L>,
    pub(super) desk: &'a Desk<'a>,
    pub(super) said: FlagSaid,
}
