//! Work at a FLAG meter: sessions that take turns with those of the schedule.

use super::super::flag::{Slice, Task};
use super::{Bus, words};
use crate::jobs::Ticket;
use crate::plan;
use desk::Work;
use metering::MeterId;
use meters::planner::{Respect, SessionEnd, SessionRequest, SessionTurn};

/// A job in sessions.
pub(in super::super) struct FlagJob {
    ticket: Ticket,
    meter: MeterId,
    task: Task,
    /// Sessions in a row that broke.
    breaks: u8,
}

/// Sessions in a row that may break before a job fails.
const BREAKS_MAX: u8 = 3;

impl Bus {
    pub(super) fn flag_work(&mut self, ticket: Ticket, meter: &MeterId, what: &Work) {
        if let Some(trouble) = self.line_trouble() {
            return super::modbus::fail(ticket, what, trouble);
        }
        let Some(task) = task(what) else {
            return ticket.failed(words::not_here("this model"));
        };
        let Some(book) = self.flags.iter().find(|book| book.id() == meter) else {
            return;
        };
        let bus = &self.parts.settings;
        let planned = plan::session_meter(&book.settings, &book.flag, bus);
        self.token += 1;
        let request = SessionRequest {
            meter: Some(meter.clone()),
            token: self.token,
            hold_min: planned.hold_min,
            hold_max: planned.hold_max,
            respect: Respect::Polls,
        };
        match self.planner.ask_session(request) {
            Ok(()) => {
                let job = FlagJob {
                    ticket,
                    meter: meter.clone(),
                    task,
                    breaks: 0,
                };
                self.flag_jobs.insert(self.token, job);
            }
            Err(error) => ticket.failed(words::busy(&error.to_string())),
        }
    }

    /// One session of a job.
    pub(in super::super) async fn session_for_job(
        &mut self,
        token: u64,
        turn: &SessionTurn,
    ) -> SessionEnd {
        let Some(mut job) = self.flag_jobs.remove(&token) else {
            return SessionEnd::Worked {
                unfinished: Vec::new(),
                more: false,
            };
        };
        if job.ticket.is_cancelled() {
            let progress = std::mem::take(&mut job.task.progress);
            job.ticket.cancelled(progress);
            return SessionEnd::Worked {
                unfinished: Vec::new(),
                more: false,
            };
        }
        let place = self.flags.iter().position(|book| *book.id() == job.meter);
        let Some(place) = place else {
            // Its meter left the configuration: the ticket says so.
            return SessionEnd::Refused;
        };
        job.ticket.runs(job.task.progress.clone());
        let mut book = self.flags.remove(place);
        let (held, slice) = self.hold_task(&mut book, turn, &mut job.task).await;
        self.flags.insert(place, book);
        let end = self.heard_session(turn, held).await;
        self.slice_done(token, job, slice, end)
    }

    fn slice_done(
        &mut self,
        token: u64,
        mut job: FlagJob,
        slice: Slice,
        end: SessionEnd,
    ) -> SessionEnd {
        match slice {
            Slice::Done(outcome) => job.ticket.done(outcome),
            Slice::More => {
                job.breaks = 0;
                job.ticket.runs(job.task.progress.clone());
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
            Slice::NotReached(why) => job.ticket.failed(words::not_reached(&why)),
            Slice::Failed(fault) => {
                job.ticket
                    .failed(words::visit_failed(job.meter.as_str(), &fault));
            }
        }
        end
    }
}

fn task(what: &Work) -> Option<Task> {
    match what {
        Work::Poll { .. } => Some(Task::poll()),
        Work::Read { part, .. } => Some(Task::read(*part)),
        Work::Instant { .. } => Some(Task::instant()),
        Work::Backup { .. } => Some(Task::backup()),
        _ => None,
    }
}
