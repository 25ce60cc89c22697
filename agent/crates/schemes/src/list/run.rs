//! One run of a list: who is next, what comes after a failure, what waits for the next window.

use super::{Begin, Due, Hours, ListAction, ListName, ListTask};
use crate::site::SchemeName;
use metering::{BusId, MeterId, Timestamp};
use std::collections::BTreeSet;
use std::fmt;

/// Longest reason that is kept.
pub(super) const REASON_CHARS_MAX: usize = 200;

/// One run of a list. It knows no clock: every step is told the time, and a run that was written
/// down ([`Run::to_bytes`]) goes on as if nothing had been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub(super) list: ListName,
    pub(super) fingerprint: [u8; 32],
    pub(super) action: ListAction,
    pub(super) starts: Timestamp,
    pub(super) gives_up: Timestamp,
    pub(super) ended: Option<EndCause>,
    pub(super) tasks: Vec<Task>,
}

/// One meter in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The meter.
    pub meter: MeterId,
    /// Its scheme.
    pub scheme: SchemeName,
    /// The line it hangs on.
    pub line: BusId,
    /// How far it is.
    pub state: TaskState,
    /// How often it was begun in this run.
    pub attempts: u16,
    /// How often it failed since its window opened.
    pub(super) failures: u16,
    /// Why it failed last; empty if it did not.
    pub reason: String,
}

/// How far a meter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// It waits for its line.
    Queued,
    /// It is being spoken to.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// It is done.
    Done {
        /// Since when.
        at: Timestamp,
    },
    /// It failed and will be tried again.
    Failed {
        /// When.
        next_try: Timestamp,
    },
    /// It is not tried again in this run.
    GivenUp {
        /// Since when.
        at: Timestamp,
        /// Why.
        cause: EndCause,
    },
    /// Its window is closed, or too little of it is left for a write.
    WaitsForWindow,
}

/// Why something came to its end without being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndCause {
    /// Another try would not help.
    Hopeless,
    /// The life of the run is over.
    LifeOver,
    /// A person stopped it.
    Stopped,
    /// A later run of the list took its place.
    Superseded,
    /// The gateway stopped while it wrote, and nobody knows what became of it.
    Interrupted,
}

/// What became of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Done,
    /// It did not.
    Failed {
        /// Why, for a person.
        reason: String,
        /// Whether another try could help.
        again: bool,
    },
}

/// A conversation to be had now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Which task of the run; to be given back with the outcome.
    pub task: usize,
    /// What is done.
    pub action: ListAction,
    /// With which meter.
    pub meter: MeterId,
    /// By which scheme.
    pub scheme: SchemeName,
    /// On which line.
    pub line: BusId,
}

/// How many meters are how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunCounts {
    /// Queued, or to be tried again.
    pub open: usize,
    /// Being spoken to.
    pub running: usize,
    /// Waiting for the next window.
    pub waiting: usize,
    /// Done.
    pub done: usize,
    /// Given up.
    pub given_up: usize,
}

impl Run {
    /// A run that a schedule asked for.
    pub fn of_due(hours: Hours<'_>, due: &Due, tasks: Vec<ListTask>) -> Self {
        Self::new(hours, due.starts, due.gives_up, tasks)
    }

    /// A run that a person asked for. Windows hold for it too.
    pub fn at_once(hours: Hours<'_>, now: Timestamp, tasks: Vec<ListTask>) -> Self {
        Self::new(hours, now, now.after(hours.list().life), tasks)
    }

    fn new(hours: Hours<'_>, starts: Timestamp, gives_up: Timestamp, tasks: Vec<ListTask>) -> Self {
        let list = hours.list();
        let task = |task: ListTask| Task {
            meter: task.meter,
            scheme: task.scheme,
            line: task.line,
            state: TaskState::Queued,
            attempts: 0,
            failures: 0,
            reason: String::new(),
        };
        Self {
            list: list.name.clone(),
            fingerprint: list.fingerprint(),
            action: list.action,
            starts,
            gives_up,
            ended: None,
            tasks: tasks.into_iter().map(task).collect(),
        }
    }

    /// The list it is a run of.
    pub const fn list(&self) -> &ListName {
        &self.list
    }

    /// The fingerprint of the list as it was then. A run does not go on with another list of the
    /// same name.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// When it fell due.
    pub const fn starts(&self) -> Timestamp {
        self.starts
    }

    /// Its meters, in the order of the list.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// How many meters are how far.
    pub fn counts(&self) -> RunCounts {
        let mut counts = RunCounts::default();
        for task in &self.tasks {
            let count = match task.state {
                TaskState::Queued | TaskState::Failed { .. } => &mut counts.open,
                TaskState::Running { .. } => &mut counts.running,
                TaskState::WaitsForWindow => &mut counts.waiting,
                TaskState::Done { .. } => &mut counts.done,
                TaskState::GivenUp { .. } => &mut counts.given_up,
            };
            *count += 1;
        }
        counts
    }

    /// Nothing more will be done.
    pub fn is_over(&self) -> bool {
        let counts = self.counts();
        counts.open + counts.running + counts.waiting == 0
    }

    /// The next conversation, if one may begin now: the meter that has waited longest on a line
    /// that is free. `busy` are lines that others use; two conversations on one line are never
    /// given out.
    pub fn next(
        &mut self,
        hours: Hours<'_>,
        now: Timestamp,
        busy: &BTreeSet<BusId>,
    ) -> Option<Assignment> {
        self.look_at_clock(hours, now);
        if self.ended.is_some() || now < self.starts || hours.begin(now) != Begin::Now {
            return None;
        }
        let spoken_on: BTreeSet<&BusId> = self
            .tasks
            .iter()
            .filter(|task| task.is_running())
            .map(|task| &task.line)
            .collect();
        let ready = |task: &Task| match task.state {
            TaskState::Queued => Some(self.starts),
            TaskState::Failed { next_try } if next_try <= now => Some(next_try),
            _ => None,
        };
        let free = |task: &Task| !busy.contains(&task.line) && !spoken_on.contains(&task.line);
        let candidates = self.tasks.iter().enumerate().filter(|(_, task)| free(task));
        let candidates = candidates.filter_map(|(at, task)| Some((ready(task)?, at)));
        let (_, at) = candidates.min()?;
        let task = self.tasks.get_mut(at)?;
        task.state = TaskState::Running { since: now };
        task.attempts = task.attempts.saturating_add(1);
        Some(Assignment {
            task: at,
            action: self.action,
            meter: task.meter.clone(),
            scheme: task.scheme.clone(),
            line: task.line.clone(),
        })
    }

    /// What became of a conversation. False if there was none: nothing is changed then.
    pub fn finish(
        &mut self,
        task: usize,
        outcome: Outcome,
        hours: Hours<'_>,
        now: Timestamp,
    ) -> bool {
        let ended = self.ended;
        let Some(task) = self.tasks.get_mut(task).filter(|task| task.is_running()) else {
            return false;
        };
        match outcome {
            Outcome::Done => task.state = TaskState::Done { at: now },
            Outcome::Failed { reason, again } => {
                task.reason = kept(&reason);
                task.failures = task.failures.saturating_add(1);
                let next_try = now.after(hours.list().retry.pause(task.failures));
                task.state = match (ended, again) {
                    (_, false) => given_up(now, EndCause::Hopeless),
                    (Some(cause), true) => given_up(now, cause),
                    (None, true) => TaskState::Failed { next_try },
                };
            }
        }
        true
    }

    /// Ends the run: what is being spoken to goes on to its end, nothing else begins.
    pub fn end(&mut self, cause: EndCause, now: Timestamp) {
        self.ended = Some(self.ended.unwrap_or(cause));
        for task in &mut self.tasks {
            if task.is_waiting() {
                task.state = given_up(now, cause);
            }
        }
    }

    /// After the gateway was off. `told` says what became of a conversation that was going on, if
    /// the journal knows. Of the others a read is made again; a write is not, because nobody knows
    /// how far it came.
    pub fn after_restart(
        &mut self,
        hours: Hours<'_>,
        now: Timestamp,
        mut told: impl FnMut(&Task) -> Option<Outcome>,
    ) {
        for at in 0..self.tasks.len() {
            let Some(task) = self.tasks.get_mut(at).filter(|task| task.is_running()) else {
                continue;
            };
            if let Some(outcome) = told(task) {
                self.finish(at, outcome, hours, now);
                continue;
            }
            "the gateway stopped during the conversation".clone_into(&mut task.reason);
            task.state = match (self.action.writes(), self.ended) {
                (true, _) => given_up(now, EndCause::Interrupted),
                (false, Some(cause)) => given_up(now, cause),
                (false, None) => TaskState::Queued,
            };
        }
        self.look_at_clock(hours, now);
    }

    /// When to ask again; nothing if only the end of a conversation can change anything.
    pub fn wake_at(&self, hours: Hours<'_>, now: Timestamp) -> Option<Timestamp> {
        let waits = |task: &&Task| task.is_waiting();
        if self.ended.is_some() || !self.tasks.iter().any(|task| waits(&task)) {
            return None;
        }
        let opens = match hours.begin(now.max(self.starts)) {
            Begin::Now => now.max(self.starts),
            Begin::From(opens) => opens,
        };
        let lines: BTreeSet<&BusId> = self
            .tasks
            .iter()
            .filter(|task| task.is_running())
            .map(|task| &task.line)
            .collect();
        let open = self
            .tasks
            .iter()
            .filter(waits)
            .filter(|task| !lines.contains(&task.line));
        let tries = open.map(|task| match task.state {
            TaskState::Failed { next_try } => next_try.max(opens),
            _ => opens,
        });
        Some(tries.min().unwrap_or(self.gives_up).min(self.gives_up))
    }

    /// Windows that opened and closed, and the end of the run's life.
    fn look_at_clock(&mut self, hours: Hours<'_>, now: Timestamp) {
        if now >= self.gives_up {
            self.end(EndCause::LifeOver, now);
            return;
        }
        let may_begin = hours.begin(now) == Begin::Now;
        let longest = hours
            .list()
            .retry
            .back_off_max
            .max(hours.list().retry.quick_pause);
        for task in self.tasks.iter_mut().filter(|task| task.is_waiting()) {
            task.state = match task.state {
                TaskState::WaitsForWindow if may_begin => {
                    task.failures = 0;
                    TaskState::Queued
                }
                _ if !may_begin => TaskState::WaitsForWindow,
                // The clock was set back: no pause is longer than the longest.
                TaskState::Failed { next_try } => TaskState::Failed {
                    next_try: next_try.min(now.after(longest)),
                },
                state => state,
            };
        }
    }
}

impl Task {
    const fn is_running(&self) -> bool {
        matches!(self.state, TaskState::Running { .. })
    }

    /// It could be begun some time.
    const fn is_waiting(&self) -> bool {
        matches!(
            self.state,
            TaskState::Queued | TaskState::Failed { .. } | TaskState::WaitsForWindow
        )
    }
}

const fn given_up(at: Timestamp, cause: EndCause) -> TaskState {
    TaskState::GivenUp { at, cause }
}

fn kept(reason: &str) -> String {
    let visible = reason
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    visible.take(REASON_CHARS_MAX).collect()
}

/// In a person's words.
impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hopeless => "another try would not help",
            Self::LifeOver => "the life of the run is over",
            Self::Stopped => "stopped by a person",
            Self::Superseded => "a later run took its place",
            Self::Interrupted => "the gateway stopped while it wrote; read the meter back",
        })
    }
}

/// The word of a receipt.
impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queued => f.write_str("queued"),
            Self::Running { since } => write!(f, "running since {since}"),
            Self::Done { at } => write!(f, "done at {at}"),
            Self::Failed { next_try } => write!(f, "failed, next try {next_try}"),
            Self::GivenUp { cause, .. } => write!(f, "given up: {cause}"),
            Self::WaitsForWindow => f.write_str("waits for its window"),
        }
    }
}

#[cfg(test)]
mod tests;
