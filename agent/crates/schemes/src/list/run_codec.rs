//! A run as octets, so that it goes on after a restart.
//!
//! Version 1: the octet 1; then, texts as one octet of length and UTF-8, numbers with the highest
//! octet first: list name, fingerprint (32), action (1), start and end of life (8 each,
//! milliseconds), cause of the end (1, 0 for none), number of tasks (2), and for each: meter,
//! scheme, line, state (1), its instant (8), its cause (1, only if given up), attempts (2),
//! failures (2), reason (2 octets of length).

use super::run::REASON_CHARS_MAX;
use super::{EndCause, ListAction, Run, Task, TaskState};
use metering::Timestamp;

const VERSION: u8 = 1;
/// Most meters of one run.
const TASKS_MAX: usize = 20_000;

/// Octets that are no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunFault {
    /// Another version wrote them.
    #[error("a run of version {0} is not known; the version that wrote it must finish it")]
    Version(u8),
    /// They do not hold what a run holds.
    #[error("the octets are no run: {0}; the list has to be started anew")]
    Damaged(&'static str),
}

impl Run {
    /// The run as octets.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_text(&mut out, self.list.as_str());
        out.extend(self.fingerprint);
        out.push(match self.action {
            ListAction::Read => 1,
            ListAction::Program => 2,
            ListAction::Tariff => 3,
        });
        put_instant(&mut out, self.starts);
        put_instant(&mut out, self.gives_up);
        out.push(self.ended.map_or(0, cause_code));
        let tasks = self
            .tasks
            .get(..TASKS_MAX.min(self.tasks.len()))
            .unwrap_or_default();
        out.extend(u16::try_from(tasks.len()).unwrap_or(u16::MAX).to_be_bytes());
        for task in tasks {
            put_task(&mut out, task);
        }
        out
    }

    /// The run that these octets are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RunFault> {
        let mut input = Input(bytes);
        let [version] = input.take()?;
        if version != VERSION {
            return Err(RunFault::Version(version));
        }
        let list = input.name()?;
        let fingerprint = input.take()?;
        let action = match input.take()? {
            [1] => ListAction::Read,
            [2] => ListAction::Program,
            [3] => ListAction::Tariff,
            _ => return Err(RunFault::Damaged("unknown action")),
        };
        let (starts, gives_up) = (input.instant()?, input.instant()?);
        let ended = match input.take()? {
            [0] => None,
            [code] => Some(cause(code)?),
        };
        let count = usize::from(u16::from_be_bytes(input.take()?));
        if count > TASKS_MAX {
            return Err(RunFault::Damaged("too many meters"));
        }
        let tasks = (0..count).map(|_| input.task()).collect::<Result<_, _>>()?;
        if !input.0.is_empty() {
            return Err(RunFault::Damaged("octets behind its end"));
        }
        Ok(Self {
            list,
            fingerprint,
            action,
            starts,
            gives_up,
            ended,
            tasks,
        })
    }
}

const fn cause_code(cause: EndCause) -> u8 {
    match cause {
        EndCause::Hopeless => 1,
        EndCause::LifeOver => 2,
        EndCause::Stopped => 3,
        EndCause::Superseded => 4,
        EndCause::Interrupted => 5,
    }
}

fn cause(code: u8) -> Result<EndCause, RunFault> {
    const ALL: [EndCause; 5] = [
        EndCause::Hopeless,
        EndCause::LifeOver,
        EndCause::Stopped,
        EndCause::Superseded,
        EndCause::Interrupted,
    ];
    let found = ALL.into_iter().find(|known| cause_code(*known) == code);
    found.ok_or(RunFault::Damaged("unknown cause"))
}

/// Names have 120 octets at most.
fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend(text.bytes().take(usize::from(u8::MAX)));
}

fn put_instant(out: &mut Vec<u8>, at: Timestamp) {
    out.extend(at.millis().to_be_bytes());
}

fn put_task(out: &mut Vec<u8>, task: &Task) {
    put_text(out, task.meter.as_str());
    put_text(out, task.scheme.as_str());
    put_text(out, task.line.as_str());
    let (code, at) = match task.state {
        TaskState::Queued => (1, Timestamp::default()),
        TaskState::Running { since } => (2, since),
        TaskState::Done { at } => (3, at),
        TaskState::Failed { next_try } => (4, next_try),
        TaskState::GivenUp { at, .. } => (5, at),
        TaskState::WaitsForWindow => (6, Timestamp::default()),
    };
    out.push(code);
    put_instant(out, at);
    if let TaskState::GivenUp { cause, .. } = task.state {
        out.push(cause_code(cause));
    }
    out.extend(task.attempts.to_be_bytes());
    out.extend(task.failures.to_be_bytes());
    out.extend(u16::try_from(task.reason.len()).unwrap_or(0).to_be_bytes());
    out.extend(task.reason.as_bytes());
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], RunFault> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or(RunFault::Damaged("too short"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn text(&mut self, length: usize) -> Result<&str, RunFault> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(RunFault::Damaged("too short"))?;
        self.0 = rest;
        std::str::from_utf8(taken).map_err(|_| RunFault::Damaged("a text is not UTF-8"))
    }

    fn name<T: std::str::FromStr>(&mut self) -> Result<T, RunFault> {
        let [length] = self.take()?;
        let text = self.text(usize::from(length))?;
        text.parse()
            .map_err(|_| RunFault::Damaged("a name is none"))
    }

    fn instant(&mut self) -> Result<Timestamp, RunFault> {
        Ok(Timestamp::from_millis(u64::from_be_bytes(self.take()?)))
    }

    fn task(&mut self) -> Result<Task, RunFault> {
        let (meter, scheme, line) = (self.name()?, self.name()?, self.name()?);
        let [code] = self.take()?;
        let at = self.instant()?;
        let nowhere = at == Timestamp::default();
        let state = match code {
            1 if nowhere => TaskState::Queued,
            2 => TaskState::Running { since: at },
            3 => TaskState::Done { at },
            4 => TaskState::Failed { next_try: at },
            5 => {
                let [code] = self.take()?;
                let cause = cause(code)?;
                TaskState::GivenUp { at, cause }
            }
            6 if nowhere => TaskState::WaitsForWindow,
            _ => return Err(RunFault::Damaged("unknown state")),
        };
        let attempts = u16::from_be_bytes(self.take()?);
        let failures = u16::from_be_bytes(self.take()?);
        let length = usize::from(u16::from_be_bytes(self.take()?));
        let reason = self.text(length)?.to_owned();
        if reason.chars().count() > REASON_CHARS_MAX {
            return Err(RunFault::Damaged("a reason is too long"));
        }
        Ok(Task {
            meter,
            scheme,
            line,
            state,
            attempts,
            failures,
            reason,
        })
    }
}

/// For the fuzzer: octets are one run, which writes itself down as the same, or none.
///
/// # Panics
///
/// If that is not so.
pub fn fuzz_run(bytes: &[u8]) {
    if let Ok(run) = Run::from_bytes(bytes) {
        assert_eq!(run.to_bytes(), bytes, "one run has one form");
    }
}
