//! Work at a FLAG meter: sessions that take turns with those of the schedule.

use super::super::flag::{Slice, Task};
use super::super::wanted::CollectWish;
use super::dry_run::ProgramReply;
use super::line::is_worth_trials;
use super::{Bus, diagnoses, words};
use crate::front::refusal;
use crate::jobs::Ticket;
use crate::limits::PROGRAM_HOLD_MAX;
use crate::plan;
use crate::tasks::bus::program::{ProgramAnswer, ProgramAsk, ProgramTrouble};
use desk::{Diagnosis, Outcome, Part, Progress, ReadValue, Refusal, Work};
use metering::{MeterId, Timestamp};
use meters::planner::{Respect, SessionEnd, SessionMeter, SessionRequest, SessionTurn};
use std::time::Duration;
use tokio::sync::oneshot;

/// Something that somebody waits for, in sessions.
pub(in super::super) struct FlagJob {
    whose: Whose,
    meter: MeterId,
    task: Task,
    /// Sessions in a row that broke.
    breaks: u8,
}

/// Who waits.
pub(super) enum Whose {
    /// Whoever started a piece of work.
    Work(Ticket),
    /// Whoever asked for the values of now.
    Person(oneshot::Sender<Result<Vec<ReadValue>, Refusal>>),
    /// Whoever programs the meter, or looks at it by a scheme.
    Command(ProgramReply),
}

/// Sessions in a row that may break before a job fails.
pub(super) const BREAKS_MAX: u8 = 3;

/// A session that is over, and nothing more to do.
pub(super) const OVER: SessionEnd = SessionEnd::Worked {
    unfinished: Vec::new(),
    more: false,
};

impl Bus {
    pub(super) fn flag_work(&mut self, ticket: Ticket, meter: &MeterId, what: &Work) {
        if let Some(trouble) = self.line_trouble() {
            return super::modbus::fail(ticket, what, trouble);
        }
        if matches!(what, Work::Ping { .. }) {
            let place = self.flags.iter().position(|book| book.id() == meter);
            return match place {
                Some(place) => self.ping_work(ticket, place),
                None => ticket.failed(words::left_alone(meter.as_str())),
            };
        }
        if let Work::GoldenPages { pages, without, .. } = what {
            return match Task::golden(pages, without) {
                Ok(task) => self.ask_flag(FlagJob {
                    whose: Whose::Work(ticket),
                    meter: meter.clone(),
                    task,
                    breaks: 0,
                }),
                Err(why) => ticket.failed(words::bad_wish(&why)),
            };
        }
        let Some(task) = task(what) else {
            return ticket.failed(words::not_here("a FLAG meter"));
        };
        let job = FlagJob {
            whose: Whose::Work(ticket),
            meter: meter.clone(),
            task,
            breaks: 0,
        };
        self.ask_flag(job);
    }

    /// Reads the registers of a FLAG meter for somebody who waits.
    pub(in super::super) fn read_flag(
        &mut self,
        meter: &MeterId,
        reply: oneshot::Sender<Result<Vec<ReadValue>, Refusal>>,
    ) {
        self.ask_flag(FlagJob {
            whose: Whose::Person(reply),
            meter: meter.clone(),
            task: Task::read(Part::Registers),
            breaks: 0,
        });
    }

    /// A session of programming looks at all or writes all: its share of the line is as long as that
    /// takes, also where reading goes on in slices.
    pub(super) fn program_flag(
        &mut self,
        meter: MeterId,
        ask: ProgramAsk,
        whose: Whose,
        respect: Respect,
    ) {
        let mut books = self.flags.iter();
        let packets = books.find(|book| *book.id() == meter).map(|book| {
            let packet = plan::packet_time(&book.flag, &self.parts.settings);
            packet * ask.packets_max(book.flag.model.settings.len())
        });
        let whole = packets.unwrap_or_default().min(PROGRAM_HOLD_MAX);
        let job = FlagJob {
            whose,
            meter,
            task: Task::program(ask),
            breaks: 0,
        };
        self.ask_flag_for(job, whole, respect);
    }

    fn ask_flag(&mut self, job: FlagJob) {
        self.ask_flag_for(job, Duration::ZERO, Respect::Polls);
    }

    /// Asks for sessions that are longer than the shortest by `more`.
    fn ask_flag_for(&mut self, job: FlagJob, more: Duration, respect: Respect) {
        let mut books = self.flags.iter();
        let book = books.find(|book| *book.id() == job.meter);
        let planned =
            book.and_then(|book| plan::session_meter(&book.settings, &self.parts.settings));
        let planned = planned.map(|planned| SessionMeter {
            hold_min: planned.hold_min + more,
            hold_max: if more.is_zero() {
                planned.hold_max
            } else {
                planned.hold_max.max((planned.hold_min + more) * 2)
            },
            ..planned
        });
        match self.ask_sessions(&job.meter, planned, respect) {
            Ok(token) => {
                self.flag_jobs.insert(token, job);
            }
            Err(trouble) => job.whose.failed(trouble),
        }
    }

    /// Asks for sessions with a meter, and says under which token they come.
    pub(super) fn ask_sessions(
        &mut self,
        meter: &MeterId,
        planned: Option<SessionMeter>,
        respect: Respect,
    ) -> Result<u64, Diagnosis> {
        let planned = planned.ok_or_else(|| words::left_alone(meter.as_str()))?;
        self.token += 1;
        let request = SessionRequest {
            meter: Some(planned.id),
            token: self.token,
            hold_min: planned.hold_min,
            hold_max: planned.hold_max,
            respect,
        };
        let asked = self.planner.ask_session(request);
        asked.map_err(|error| words::busy(&error.to_string()))?;
        Ok(self.token)
    }

    /// One session of a job.
    pub(in super::super) async fn session_for_job(
        &mut self,
        token: u64,
        turn: &SessionTurn,
    ) -> SessionEnd {
        if let Some(job) = self.line_jobs.remove(&token) {
            return self.slice_for_line(token, job, turn).await;
        }
        if let Some(job) = self.program_jobs.remove(&token) {
            return self.slice_for_program(job, turn).await;
        }
        if let Some(job) = self.dlms_jobs.remove(&token) {
            return self.slice_for_dlms(token, job, turn).await;
        }
        let Some(mut job) = self.flag_jobs.remove(&token) else {
            return OVER;
        };
        if job.whose.is_cancelled() {
            job.whose.cancelled(job.task.progress);
            return OVER;
        }
        let place = self.flags.iter().position(|book| *book.id() == job.meter);
        let Some(place) = place else {
            // Its meter left the configuration: the ticket says so.
            return SessionEnd::Refused;
        };
        job.whose.runs(&job.task.progress);
        let mut book = self.flags.remove(place);
        let ticket = match &job.whose {
            Whose::Work(ticket) => Some(ticket),
            Whose::Person(_) | Whose::Command(_) => None,
        };
        let (held, slice) = self.hold_task(&mut book, turn, &mut job.task, ticket).await;
        let end = held.end.clone();
        self.flags.insert(place, book);
        let next = self.slice_done(token, job, slice, (end, place));
        self.heard_session(turn, held).await;
        next
    }

    fn slice_done(
        &mut self,
        token: u64,
        mut job: FlagJob,
        slice: Slice,
        (end, place): (SessionEnd, usize),
    ) -> SessionEnd {
        if let Some(answer) = job.task.take_programmed() {
            job.whose.programmed(answer);
            return end;
        }
        match slice {
            Slice::Done(outcome) => job.whose.done(outcome),
            Slice::More if job.whose.is_cancelled() => {
                job.whose.cancelled(job.task.progress);
                return OVER;
            }
            Slice::More => {
                job.breaks = 0;
                job.whose.runs(&job.task.progress);
                self.flag_jobs.insert(token, job);
            }
            Slice::Failed(_) if end == SessionEnd::Broken && job.breaks < BREAKS_MAX => {
                job.breaks += 1;
                self.flag_jobs.insert(token, job);
                return SessionEnd::Worked {
                    unfinished: Vec::new(),
                    more: true,
                };
            }
            Slice::NotReached(fault) => {
                let book = self.flags.get(place);
                let number = book.and_then(|book| book.flag.number.as_ref());
                job.whose.failed(diagnoses::not_reached(&fault, number));
            }
            Slice::Failed(fault) => match job.whose {
                // Why it does not answer is found out by trying; the job waits for that.
                Whose::Work(ticket) if is_worth_trials(&fault) => {
                    self.examine_work(ticket, place, fault.to_string());
                }
                whose => {
                    let book = self.flags.get(place);
                    let progress = &job.task.progress;
                    let told = book.map(|book| diagnoses::visit_failed(book, &fault, progress));
                    let left = || words::left_alone(job.meter.as_str());
                    whose.failed(told.unwrap_or_else(left));
                }
            },
        }
        end
    }
}

impl Whose {
    pub(super) fn is_cancelled(&self) -> bool {
        match self {
            Self::Work(ticket) => ticket.is_cancelled(),
            Self::Person(reply) => reply.is_closed(),
            Self::Command(reply) => reply.is_closed(),
        }
    }

    pub(super) fn runs(&self, progress: &Progress) {
        if let Self::Work(ticket) = self {
            ticket.runs(progress.clone());
        }
    }

    pub(super) fn cancelled(self, progress: Progress) {
        if let Self::Work(ticket) = self {
            ticket.cancelled(progress);
        }
    }

    pub(super) fn done(self, outcome: Outcome) {
        match self {
            Self::Work(ticket) => ticket.done(outcome),
            Self::Person(reply) => {
                let Outcome::Values(values) = outcome else {
                    return;
                };
                let shown = values.into_iter().map(|value| ReadValue {
                    obis: value.obis,
                    name: value.name,
                    value: value.value,
                });
                let shown = shown.filter(|value| !value.obis.is_empty());
                answer(reply, Ok(shown.collect()));
            }
            Self::Command(reply) => reply.answer(Err(ProgramTrouble::Dropped)),
        }
    }

    /// What came of programming.
    pub(super) fn programmed(self, what: Result<ProgramAnswer, ProgramTrouble>) {
        if let Self::Command(reply) = self {
            reply.answer(what);
        }
    }

    pub(super) fn failed(self, diagnosis: Diagnosis) {
        match self {
            Self::Work(ticket) => ticket.failed(diagnosis),
            Self::Person(reply) => {
                let remedy = diagnosis.next.first().cloned().unwrap_or_default();
                answer(reply, Err(refusal(diagnosis.happened, &remedy)));
            }
            Self::Command(reply) => reply.answer(Err(diagnosis.into())),
        }
    }
}

pub(super) fn answer<T>(reply: oneshot::Sender<T>, what: T) {
    if reply.send(what).is_err() {
        log::debug!("nobody waits for this answer any more");
    }
}

fn task(what: &Work) -> Option<Task> {
    Some(match what {
        Work::Read { part, .. } => Task::read(*part),
        Work::Instant { .. } => Task::instant(),
        Work::Backup { .. } => Task::backup(),
        Work::Collect {
            from, to, again, ..
        } => Task::collect(CollectWish {
            from: from.map(Timestamp::from_seconds),
            to: to.map(Timestamp::from_seconds),
            again: *again,
        }),
        Work::Gather { wish, .. } => Task::gather(*wish),
        Work::Clock { .. } => Task::clock(),
        Work::Poll { .. } | Work::Ping { .. } | Work::Scan { .. } | Work::Listen { .. } => {
            Task::poll()
        }
        Work::Objects { .. }
        | Work::ChangeKeys { .. }
        | Work::DryRun { .. }
        | Work::GoldenPages { .. } => return None,
    })
}
