//! What carries a command out: its journal steps, its effects, its end.

use super::Dispatch;
use super::awakening::stored;
use super::configuration::Places;
use super::counts::CommandCounts;
use super::handle::CommandEnded;
use super::outcome::Outcome;
use super::programming::records_of;
use super::receipts::{Receipts, Told, cut};
use super::standings::written_by;
use crate::adapters::clock::Clock;
use crate::jobs::Jobs;
use crate::tasks::bus::BusHandle;
use crate::tasks::list_keeper::ListHandle;
use crate::tasks::storekeeper::{Beside, Record, StoreGone, StoreHandle};
use crate::tasks::updater::UpdaterHandle;
use crate::tasks::uplink::ImageRoad;
use authority::{
    Action, AuthenticCommand, Author, CommandId, CommandRejection, CommandState, Door, Now, Proof,
    RotatedKey, SealingKey,
};
use metering::{MeterId, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use storage::{CommandEnd, CommandStep};
use tokio::sync::broadcast;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// A store that takes no writes now is asked again after this.
const STORE_AGAIN: Duration = Duration::from_secs(10);
/// What a journal keeps of a note.
const NOTE_BYTES: usize = storage::limits::COMMAND_NOTE_BYTES_MAX;

/// All that an execution needs; cheap to clone.
#[derive(Clone)]
pub(super) struct Hands {
    pub(super) store: StoreHandle,
    pub(super) buses: Vec<BusHandle>,
    pub(super) jobs: Jobs,
    pub(super) updater: UpdaterHandle,
    /// To what travels beside commands; none without an uplink.
    pub(super) documents: Option<ImageRoad>,
    pub(super) places: Places,
    pub(super) counts: CommandCounts,
    pub(super) lists: ListHandle,
    pub(super) clock: Clock,
    pub(super) receipts: Receipts,
    /// Opens passwords that were sealed for this gateway.
    pub(super) sealing: Option<Arc<SealingKey>>,
    pub(super) shutdown: CancellationToken,
    pub(super) restart: CancellationToken,
    pub(super) ended: broadcast::Sender<CommandEnded>,
}

/// What is written into the journal.
#[derive(Clone)]
enum Line {
    Step(CommandStep, Beside),
    End(CommandEnd, Beside),
}

/// Whether this gateway does such a thing; the birth says the same.
pub(super) fn is_supported(action: &Action) -> bool {
    match action {
        Action::Nop
        | Action::AgentRestart
        | Action::CfgSet { .. }
        | Action::OtaInstall { .. }
        | Action::MeterRead { .. }
        | Action::MeterInstant { .. }
        | Action::MeterPing { .. }
        | Action::ProfileBackfill { .. }
        | Action::SchemePut { .. }
        | Action::SchemeRemove { .. }
        | Action::SchemeRead { .. }
        | Action::SchemeProgram { .. }
        | Action::SchemeResume { .. }
        | Action::SchemeRestore { .. }
        | Action::TariffSet { .. }
        | Action::ListPut { .. }
        | Action::ListRemove { .. }
        | Action::ListRun { .. }
        | Action::ListStop { .. }
        | Action::MeterPut { .. }
        | Action::MeterRemove { .. }
        | Action::MeterTimeSet { .. }
        | Action::TimeAdjust { .. }
        | Action::BillingReset { .. }
        | Action::GatewayTimeSet { .. }
        | Action::PasswordChange { .. } => true,
        Action::KeyRotate { key, .. } => {
            matches!(
                key,
                RotatedKey::Receipt | RotatedKey::Encryption(_) | RotatedKey::Authentication(_)
            )
        }
    }
}

/// Whether a command may begin now. What a door of this gateway ordered is as fresh as the door says:
/// without a clock that can be trusted, a person in the substation can still work.
pub(super) fn in_time(
    command: &AuthenticCommand,
    now: &Now,
    session: u64,
) -> Result<(), CommandRejection> {
    if command.door() != Door::HeadEnd && !now.is_known() {
        return Ok(());
    }
    command.command().judge_time(now, session)
}

/// Who stands behind a command, in words.
pub(super) fn names(command: &AuthenticCommand) -> String {
    let names: Vec<&str> = command.authors().iter().map(Author::who).collect();
    names.join(", ")
}

impl Hands {
    /// From the first step to the end, or to a state that waits for a decision.
    pub(super) async fn carry_out(&self, dispatch: Arc<Dispatch>) {
        let begun = self.clock.now().utc;
        let command = dispatch.command();
        if self.is_too_late(&dispatch) {
            let words = "its time passed while it waited for its turn; nothing was done";
            let outcome = Outcome::of(CommandState::Expired, None, words);
            return self.end(&dispatch, begun, outcome).await;
        }
        log::info!(command:% = command.id; "{} begins", command.action.operation().word());
        let outcome = match &command.action {
            Action::SchemeProgram { .. }
            | Action::TariffSet { .. }
            | Action::SchemeResume { .. }
            | Action::SchemeRestore { .. }
            | Action::BillingReset { .. } => self.program(&dispatch).await,
            Action::MeterTimeSet { .. } | Action::TimeAdjust { .. } => {
                self.move_clock(&dispatch).await
            }
            Action::GatewayTimeSet { .. } => self.set_own_clock(&dispatch).await,
            Action::PasswordChange { .. } => self.change_password(&dispatch).await,
            Action::KeyRotate {
                key: RotatedKey::Receipt,
                ..
            } => self.replace_own_key(&dispatch).await,
            Action::OtaInstall { image } => self.install(&dispatch, image).await,
            Action::CfgSet { document } => self.configure(&dispatch, document).await,
            action => {
                if !self.step(&dispatch, (1, 1), "begun", Vec::new()).await {
                    return;
                }
                match self.late(&dispatch) {
                    Err((code, words)) => Some(Outcome::failed(code, words)),
                    Ok(()) => self.simple(&dispatch, action).await,
                }
            }
        };
        if let Some(outcome) = outcome {
            self.end(&dispatch, begun, outcome).await;
        }
    }

    /// Whatever needs no steps of its own. Nothing where the process ends first.
    async fn simple(&self, dispatch: &Arc<Dispatch>, action: &Action) -> Option<Outcome> {
        Some(match action {
            Action::Nop => Outcome::succeeded("nothing was to be done"),
            Action::AgentRestart => {
                // The next start sees it in the journal, and says that it succeeded.
                self.restart.cancel();
                return None;
            }
            Action::SchemePut { document } => self.put_scheme_of(document).await?,
            Action::SchemeRemove { scheme } => self.remove_scheme(scheme).await,
            Action::SchemeRead { scheme, meters } => self.read_by(dispatch, scheme, meters).await?,
            Action::ListPut { document } => self.put_list(dispatch, document).await?,
            Action::ListRemove { list } => self.remove_list(list).await,
            Action::ListStop { list } => self.stop_list(list).await,
            Action::ListRun { list } => self.run_list(dispatch, list).await?,
            Action::MeterPut { document } => self.put_meters(document).await?,
            Action::MeterRemove { meter } => self.remove_meter(meter).await,
            _ => self.work(dispatch).await,
        })
    }

    fn is_too_late(&self, dispatch: &Dispatch) -> bool {
        let now = self.clock.now();
        let now = Now {
            at: now.utc,
            quality: now.quality,
            trusted: now.utc,
        };
        let judged = in_time(dispatch.authentic(), &now, 0);
        matches!(judged, Err(CommandRejection::Expired))
    }

    /// Asked once its step is in the journal: a disk without room may have kept it waiting for long.
    pub(super) fn late(&self, dispatch: &Dispatch) -> Result<(), (&'static str, String)> {
        if !self.is_too_late(dispatch) {
            return Ok(());
        }
        let words = "its time passed while the gateway could not write it down; nothing was done";
        Err(("expired", words.to_owned()))
    }

    /// Writes down that a step begins. Whether that is durable: if not, nothing may happen.
    #[must_use = "what is not in the journal may not be done"]
    pub(super) async fn step(
        &self,
        dispatch: &Dispatch,
        (step, steps): (u32, u32),
        note: &str,
        values: Vec<(String, Option<storage::Remembered>)>,
    ) -> bool {
        self.advance(
            dispatch,
            CommandState::Executing,
            (step, steps),
            note,
            values,
        )
        .await
    }

    /// Writes down a state that is not the end, with its receipt; whether it is durable.
    pub(super) async fn advance(
        &self,
        dispatch: &Dispatch,
        state: CommandState,
        (step, steps): (u32, u32),
        note: &str,
        values: Vec<(String, Option<storage::Remembered>)>,
    ) -> bool {
        let told = Told {
            step,
            steps,
            text: Some(cut(note)),
            ..Told::default()
        };
        self.advance_told(dispatch, state, told, values).await
    }

    /// The same with all that the receipt shall say.
    pub(super) async fn advance_told(
        &self,
        dispatch: &Dispatch,
        state: CommandState,
        told: Told,
        values: Vec<(String, Option<storage::Remembered>)>,
    ) -> bool {
        let command = dispatch.command();
        let at = self.clock.now().utc;
        let next = CommandStep {
            state: stored(state),
            step: told.step,
            steps: told.steps,
            at,
            note: short(told.text.as_deref().unwrap_or_default()),
            proof: None,
        };
        let receipt = self.receipts.of(command, state, at, told);
        let beside = Beside {
            records: vec![Record::Receipt(receipt)],
            values,
        };
        self.until_kept(command.id, Line::Step(next, beside)).await
    }

    /// The end, or a state that waits, with what proves it.
    pub(super) async fn end(&self, dispatch: &Dispatch, begun: Timestamp, outcome: Outcome) {
        let command = dispatch.command();
        let at = self.clock.now().utc;
        let is_final = outcome.state.is_final();
        log::info!(command:% = command.id; "{}: {}", outcome.state.word(), outcome.text);
        if !is_final {
            let values = Vec::new();
            self.advance(dispatch, outcome.state, (1, 1), &outcome.text, values)
                .await;
            self.tell_end(command.id, &outcome);
            return;
        }
        let mut told = outcome.told();
        told.proof = Some(self.proof(dispatch, begun, &outcome));
        let end = CommandEnd {
            state: stored(outcome.state),
            at,
            note: short(&outcome.text),
            proof: None,
            receipt: self.receipts.of(command, outcome.state, at, told),
        };
        self.counts.ended(outcome.state);
        let mut beside = self.without_records(command.id).await;
        if outcome.state == CommandState::Succeeded {
            beside.values.extend(self.standings(command.id).await);
        }
        self.until_kept(command.id, Line::End(end, beside)).await;
        self.tell_end(command.id, &outcome);
    }

    /// Whoever ordered it here may be waiting.
    fn tell_end(&self, id: CommandId, outcome: &Outcome) {
        let ended = CommandEnded {
            id,
            state: outcome.state,
            code: outcome.code.clone(),
            text: outcome.text.clone(),
        };
        if self.ended.send(ended).is_err() {
            log::debug!("nobody waits for the end of a command");
        }
    }

    /// Who did what, and what was found.
    pub(super) fn proof(&self, dispatch: &Dispatch, begun: Timestamp, outcome: &Outcome) -> Proof {
        let authors = dispatch.authentic().authors().iter();
        Proof {
            who: authors.map(|one| one.who().to_owned()).collect(),
            door: dispatch.authentic().door(),
            begun,
            ended: self.clock.now().utc,
            meters: outcome.meters.clone(),
        }
    }

    /// What was kept of the meters of a command goes with its end: nobody resumes or restores it then.
    pub(super) async fn without_records(&self, id: CommandId) -> Beside {
        let names = self.store.remembered_names(&records_of(id)).await;
        let names = names.unwrap_or_else(|error| {
            log::warn!(error:%; "what was kept of the meters of {id} stays");
            Vec::new()
        });
        let mut values: Vec<_> = names.into_iter().map(|(name, _)| (name, None)).collect();
        if !values.is_empty() {
            values.push((written_by(id), None));
        }
        Beside {
            records: Vec::new(),
            values,
        }
    }

    /// Asks the store until it has done it; not where the gateway stops, or where the store refuses, which
    /// is a defect of ours and is said.
    async fn until_kept(&self, id: CommandId, line: Line) -> bool {
        loop {
            let kept = match line.clone() {
                Line::Step(next, beside) => self.store.advance(id.bytes(), next, beside).await,
                Line::End(end, beside) => {
                    let done = self.store.finish(id.bytes(), end, beside);
                    done.await.map(drop)
                }
            };
            match kept {
                Ok(()) => return true,
                Err(StoreGone::Store(error)) if error.remedy() == storage::Remedy::FixCaller => {
                    log::error!(error:%; "the journal does not take what a command does");
                    return false;
                }
                Err(error) => {
                    log::error!(error:%; "what a command does cannot be written down; it waits");
                }
            }
            if self.pause(STORE_AGAIN).await {
                return false;
            }
        }
    }

    /// Waits; whether the gateway stops.
    pub(super) async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => true,
            () = sleep(time) => false,
        }
    }

    /// The line of a meter.
    pub(super) fn bus_of(&self, meter: &MeterId) -> Option<&BusHandle> {
        self.buses.iter().find(|bus| {
            let view = bus.view.borrow();
            view.meters.iter().any(|view| view.meter == *meter)
        })
    }
}

/// As long as a note may be.
pub(super) fn short(text: &str) -> String {
    let mut end = text.len().min(NOTE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
