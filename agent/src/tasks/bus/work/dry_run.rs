//! The dry run for whoever stands at the box: a look by a scheme, which can write nothing.

use super::flag::answer;
use super::{Bus, words};
use crate::jobs::Ticket;
use crate::tasks::bus::program::{Intent, LookAsk, ProgramAnswer, ProgramTrouble};
use desk::{DryRunResult, DryRunWrite, Outcome};
use metering::MeterId;
use meters::planner::Respect;
use meters::program::ProgramRecord;
use schemes::scheme::parse_scheme;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Who waits for a look, or for what became of programming.
pub(in super::super) enum ProgramReply {
    /// Another task.
    Asker(oneshot::Sender<Result<ProgramAnswer, ProgramTrouble>>),
    /// A person; the scheme in words.
    Person(Ticket, String),
}

impl ProgramReply {
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Asker(reply) => reply.is_closed(),
            Self::Person(ticket, _) => ticket.is_cancelled(),
        }
    }

    pub(super) fn answer(self, what: Result<ProgramAnswer, ProgramTrouble>) {
        match (self, what) {
            (Self::Asker(reply), what) => answer(reply, what),
            (Self::Person(ticket, scheme), Ok(ProgramAnswer::Looked(record))) => {
                ticket.done(Outcome::DryRun(result(scheme, &record)));
            }
            (Self::Person(ticket, _), Err(ProgramTrouble::Unreached(found))) => {
                ticket.failed(*found);
            }
            (Self::Person(ticket, _), Err(trouble)) => {
                ticket.failed(words::bad_wish(&trouble.to_string()));
            }
            (Self::Person(ticket, _), Ok(_)) => {
                ticket.failed(words::bad_wish("the line answered something else"));
            }
        }
    }
}

impl Bus {
    /// Looks at a meter by a scheme.
    pub(super) fn dry_run(&mut self, ticket: Ticket, meter: MeterId, text: &str) {
        match parse_scheme("scheme", text) {
            Ok(scheme) => {
                let words = format!("{} version {}", scheme.name, scheme.version);
                let reply = ProgramReply::Person(ticket, words);
                let ask = LookAsk::Look(Intent::Scheme(Arc::new(scheme)));
                self.ask_program(meter, ask.into(), reply, Respect::Polls);
            }
            Err(complaints) => ticket.failed(words::bad_wish(&complaints.to_string())),
        }
    }
}

fn result(scheme: String, record: &ProgramRecord) -> DryRunResult {
    let compared = record.compared(None).into_iter();
    let different = compared.filter(|one| one.is_to_change);
    let writes = record.dry_run().into_iter();
    DryRunResult {
        scheme,
        holds: record.held().to_string(),
        is_provisional: record.is_provisional(),
        differences: different.map(|one| one.to_string()).collect(),
        writes: writes
            .map(|write| DryRunWrite {
                phase: write.phase,
                name: write.name,
                place: write.place,
                before: write.before,
                after: write.after,
                clears_profile: write.clears_profile,
            })
            .collect(),
    }
}
