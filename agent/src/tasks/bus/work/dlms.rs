//! Work at a DLMS meter: sessions that take turns with those of the schedule.

use super::super::dlms::{DlmsBook, Slice, Task};
use super::super::wanted::CollectWish;
use super::flag::{BREAKS_MAX, OVER, Whose};
use super::{Bus, dlms_words, words};
use crate::config::DlmsProof;
use crate::jobs::Ticket;
use crate::plan;
use crate::tasks::bus::program::ProgramAsk;
use desk::{Outcome, ReadValue, Refusal, Work};
use metering::{MeterId, Timestamp};
use meters::planner::{Respect, SessionEnd, SessionTurn};
use tokio::sync::oneshot;

/// Something that somebody waits for, in sessions.
pub(in super::super) struct DlmsJob {
    whose: Whose,
    meter: MeterId,
    task: Task,
    /// Sessions in a row that broke, and brought nothing.
    breaks: u8,
    /// How far it was when one broke.
    reached: u64,
}

impl Bus {
    pub(super) fn dlms_work(&mut self, ticket: Ticket, meter: &MeterId, what: &Work) {
        if let Some(trouble) = self.line_trouble() {
            return super::modbus::fail(ticket, what, trouble);
        }
        let Some(task) = task(what) else {
            return ticket.failed(dlms_words::not_for_dlms(meter.as_str()));
        };
        let has_keys = |book: &DlmsBook| matches!(book.dlms.proof, DlmsProof::Keys(_));
        let mut books = self.dlms.iter();
        let is_keyed = books.any(|book| book.id() == meter && has_keys(book));
        if task.changes_keys() && !is_keyed {
            return ticket.failed(dlms_words::without_keys(meter.as_str()));
        }
        let job = DlmsJob {
            whose: Whose::Work(ticket),
            meter: meter.clone(),
            task,
            breaks: 0,
            reached: 0,
        };
        self.ask_dlms(job, Respect::Polls);
    }

    /// Reads the registers of a DLMS meter for somebody who waits.
    pub(in super::super) fn read_dlms(
        &mut self,
        meter: &MeterId,
        reply: oneshot::Sender<Result<Vec<ReadValue>, Refusal>>,
    ) {
        let job = DlmsJob {
            whose: Whose::Person(reply),
            meter: meter.clone(),
            task: Task::read(),
            breaks: 0,
            reached: 0,
        };
        self.ask_dlms(job, Respect::Polls);
    }

    pub(super) fn program_dlms(
        &mut self,
        meter: MeterId,
        ask: ProgramAsk,
        whose: Whose,
        respect: Respect,
    ) {
        let job = DlmsJob {
            whose,
            meter,
            task: Task::program(ask),
            breaks: 0,
            reached: 0,
        };
        self.ask_dlms(job, respect);
    }

    fn ask_dlms(&mut self, job: DlmsJob, respect: Respect) {
        let mut books = self.dlms.iter();
        let book = books.find(|book| *book.id() == job.meter);
        let planned =
            book.and_then(|book| plan::session_meter(&book.settings, &self.parts.settings));
        match self.ask_sessions(&job.meter, planned, respect) {
            Ok(token) => {
                self.dlms_jobs.insert(token, job);
            }
            Err(trouble) => job.whose.failed(trouble),
        }
    }

    /// One session of a job.
    pub(super) async fn slice_for_dlms(
        &mut self,
        token: u64,
        mut job: DlmsJob,
        turn: &SessionTurn,
    ) -> SessionEnd {
        if job.whose.is_cancelled() {
            job.whose.cancelled(job.task.progress);
            return OVER;
        }
        let place = self.dlms.iter().position(|book| *book.id() == job.meter);
        let Some(place) = place else {
            // Its meter left the configuration: the ticket says so.
            return SessionEnd::Refused;
        };
        job.whose.runs(&job.task.progress);
        let mut book = self.dlms.remove(place);
        let ticket = match &job.whose {
            Whose::Work(ticket) => Some(ticket),
            Whose::Person(_) | Whose::Command(_) => None,
        };
        let task = Some((&mut job.task, ticket));
        let (held, slice) = self.hold_dlms(&mut book, turn, task).await;
        let end = held.end.clone();
        self.dlms.insert(place, book);
        let next = self.dlms_slice_done(token, job, slice, end);
        self.heard_session(turn, held).await;
        next
    }

    fn dlms_slice_done(
        &mut self,
        token: u64,
        mut job: DlmsJob,
        slice: Slice,
        end: SessionEnd,
    ) -> SessionEnd {
        if let Some(answer) = job.task.take_programmed() {
            job.whose.programmed(answer);
            return end;
        }
        if job.task.progress.done > job.reached {
            job.reached = job.task.progress.done;
            job.breaks = 0;
        }
        match slice {
            Slice::Done(outcome) => job.whose.done(outcome),
            Slice::More if job.whose.is_cancelled() => {
                job.whose.cancelled(job.task.progress);
                return OVER;
            }
            Slice::More if matches!(end, SessionEnd::Worked { .. }) => {
                job.breaks = 0;
                job.whose.runs(&job.task.progress);
                self.dlms_jobs.insert(token, job);
            }
            // A counter that the meter has told, or a broken session: once more.
            Slice::More | Slice::Failed(_)
                if end == SessionEnd::Broken && job.breaks < BREAKS_MAX =>
            {
                job.breaks += 1;
                self.dlms_jobs.insert(token, job);
                return SessionEnd::Worked {
                    unfinished: Vec::new(),
                    more: true,
                };
            }
            Slice::More | Slice::Failed(_) if job.task.is_in_doubt() => {
                job.whose.done(job.task.doubt());
            }
            Slice::More => job.whose.failed(words::left_alone(job.meter.as_str())),
            Slice::Failed(trouble) if job.task.is_ping() => {
                let ping = dlms_words::ping(job.meter.as_str(), &trouble);
                job.whose.done(Outcome::Ping(ping));
            }
            Slice::Failed(trouble) => job.whose.failed(dlms_words::failed(&trouble)),
        }
        end
    }
}

fn task(what: &Work) -> Option<Task> {
    Some(match what {
        Work::Read { .. } => Task::read(),
        Work::Instant { .. } => Task::instant(),
        Work::Collect {
            from, to, again, ..
        } => Task::collect(CollectWish {
            from: from.map(Timestamp::from_seconds),
            to: to.map(Timestamp::from_seconds),
            again: *again,
        }),
        Work::Gather { wish, .. } => Task::gather(*wish),
        Work::Clock { .. } => Task::clock(),
        Work::Objects { .. } => Task::objects(),
        Work::ChangeKeys {
            encryption,
            authentication,
            ..
        } => Task::change_keys(*encryption, *authentication),
        Work::Poll { .. } => Task::poll(),
        Work::Ping { .. } => Task::ping(),
        Work::Backup { .. } => Task::backup(),
        Work::DryRun { .. }
        | Work::Scan { .. }
        | Work::Listen { .. }
        | Work::GoldenPages { .. } => return None,
    })
}
