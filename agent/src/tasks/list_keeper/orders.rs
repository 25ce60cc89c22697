//! The orders of a run: one command for each meter, and what became of it.

use super::ListKeeper;
use crate::tasks::command_desk::LocalOrder;
use authority::{Action, CommandId, CommandRejection, LibraryName};
use metering::{MeterId, Timestamp};
use schemes::list::{Assignment, ListAction, Outcome, Run};
use sha2::{Digest, Sha256};
use std::time::Duration;
use storage::CommandState;

/// An order is not begun later than this.
const LASTS: Duration = Duration::from_hours(1);
/// Codes of failures that another try does not mend.
const HOPELESS: &[&str] = &[
    "does-not-fit",
    "other-meter",
    "no-such-meter",
    "no-such-scheme",
    "bad-scheme",
];

impl ListKeeper {
    /// What has become of the orders that are out.
    pub(super) async fn look_at_ends(&mut self, place: usize) {
        let Some(kept) = self.lists.get(place) else {
            return;
        };
        let Some(run) = &kept.record.run else { return };
        let out: Vec<(usize, CommandId)> = kept
            .running()
            .map(|(task, of)| (task, order_id(run, task, &of.meter, of.attempts)))
            .collect();
        for (task, id) in out {
            let known = match self.parts.store.command(id.bytes()).await {
                Ok(known) => known,
                Err(error) => {
                    log::warn!(error:%; "what became of {id} cannot be looked up");
                    continue;
                }
            };
            let outcome = match known {
                // Written down before it was ordered, and then the gateway stopped: nothing was done.
                None => failed("the gateway stopped before it began", true),
                Some(known) => {
                    let code = self.code_of(&known.progress.receipt);
                    let note = &known.progress.note;
                    match outcome(known.progress.state, code.as_deref(), note, id) {
                        Some(outcome) => outcome,
                        None => continue,
                    }
                }
            };
            self.finish(place, task, outcome).await;
        }
    }

    /// Gives orders for meters whose lines are free.
    pub(super) async fn order_next(&mut self, place: usize) {
        loop {
            let (busy, now) = (self.busy_lines(), self.parts.clock.now().utc);
            let Some(kept) = self.lists.get_mut(place) else {
                return;
            };
            let before = kept.record.run.clone();
            let next = kept
                .with_run(|run, hours| run.next(hours, now, &busy))
                .flatten();
            let is_changed = kept.record.run != before;
            let Some(next) = next else {
                if is_changed {
                    self.keep(place).await;
                }
                return;
            };
            kept.is_told = false;
            // On the disk before the order: after a stop the journal is asked for its id.
            if !self.keep(place).await {
                if let Some(kept) = self.lists.get_mut(place) {
                    kept.record.run = before;
                }
                return;
            }
            self.order(place, &next).await;
        }
    }

    async fn order(&mut self, place: usize, next: &Assignment) {
        let Some(kept) = self.lists.get(place) else {
            return;
        };
        let Some(run) = &kept.record.run else { return };
        let Some(task) = run.tasks().get(next.task) else {
            return;
        };
        let id = order_id(run, next.task, &task.meter, task.attempts);
        let Some(action) = action(next) else {
            let words = "its scheme has no name of a library";
            return self.finish(place, next.task, failed(words, false)).await;
        };
        let mut order = LocalOrder::by_list(action, LASTS, kept.row.clone());
        order.id = Some(id);
        match self.parts.desk.order(order).await {
            Ok(_) => {}
            Err(CommandRejection::Busy) => {
                let outcome = failed("the gateway has too much to do", true);
                self.finish(place, next.task, outcome).await;
            }
            Err(rejection) => {
                let outcome = failed(&rejection.to_string(), false);
                self.finish(place, next.task, outcome).await;
            }
        }
    }

    /// Why a command failed, by the contract's word in its receipt.
    fn code_of(&self, receipt: &[u8]) -> Option<String> {
        let proven = self.parts.receipts.open(receipt).ok()?;
        proven.receipt().code.clone()
    }

    async fn finish(&mut self, place: usize, task: usize, outcome: Outcome) {
        let now = self.parts.clock.now().utc;
        if let Some(kept) = self.lists.get_mut(place) {
            kept.with_run(|run, hours| run.finish(task, outcome, hours, now));
        }
        self.keep(place).await;
    }
}

fn action(next: &Assignment) -> Option<Action> {
    let scheme: LibraryName = next.scheme.as_str().parse().ok()?;
    let meters = vec![next.meter.clone()];
    Some(match next.action {
        ListAction::Read => Action::SchemeRead { scheme, meters },
        ListAction::Program => Action::SchemeProgram { scheme, meters },
        ListAction::Tariff => Action::TariffSet { scheme, meters },
    })
}

fn failed(reason: &str, again: bool) -> Outcome {
    Outcome::Failed {
        reason: reason.to_owned(),
        again,
    }
}

/// What the journal says of an order; nothing while it is under way.
fn outcome(state: CommandState, code: Option<&str>, note: &str, id: CommandId) -> Option<Outcome> {
    Some(match state {
        CommandState::Succeeded => Outcome::Done,
        CommandState::Failed => {
            let again = code.is_none_or(|code| !HOPELESS.contains(&code));
            failed(note, again)
        }
        CommandState::Expired => failed(note, true),
        CommandState::Rejected => failed(note, false),
        CommandState::Partial => {
            let words = format!("command {id} is partial: resume or restore it; {note}");
            failed(&words, false)
        }
        CommandState::Received
        | CommandState::Accepted
        | CommandState::Executing
        | CommandState::Unknown => return None,
    })
}

/// The id of an order follows from its run: whoever asks again after a stop asks for the same one.
fn order_id(run: &Run, task: usize, meter: &MeterId, attempts: u16) -> CommandId {
    let mut hash = Sha256::new();
    hash.update(run.list().as_str());
    hash.update([0]);
    hash.update(run.fingerprint());
    hash.update(run.starts().millis().to_be_bytes());
    hash.update(u64::try_from(task).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(attempts.to_be_bytes());
    hash.update(meter.as_str());
    let digest: [u8; 32] = hash.finalize().into();
    let random = digest.first_chunk().copied().unwrap_or_default();
    CommandId::of_time(Timestamp::from_millis(run.starts().millis()), random)
}
