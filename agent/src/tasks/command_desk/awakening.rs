//! After a start: what was under way is looked at and decided, what was accepted is begun.

use super::hands::{Hands, short};
use super::outcome::{MeterEnd, Outcome};
use super::programming::{record_name, records_of};
use super::receipts::Told;
use super::{CommandDesk, Dispatch};
use crate::tasks::storekeeper::Beside;
use authority::{Action, AuthorisedCommand, CommandId, CommandState, Document, Proof, RotatedKey};
use metering::MeterId;
use meters::program::ProgramRecord;
use std::sync::Arc;
use storage::{CommandEnd, CommandRecord};

/// The journal's word for a state.
pub(super) fn stored(state: CommandState) -> storage::CommandState {
    storage::CommandState::from_word(state.word()).unwrap_or(storage::CommandState::Unknown)
}

/// The contract's word for a state of the journal.
pub(super) fn shown(state: storage::CommandState) -> CommandState {
    CommandState::from_word(state.word()).unwrap_or(CommandState::Unknown)
}

impl CommandDesk {
    /// Goes on where the last run stopped.
    pub(super) async fn awake(&mut self) {
        let open = match self.store.open_commands().await {
            Ok(open) => open,
            Err(error) => {
                log::error!(error:%; "commands that are not ended cannot be read; they wait for the next start");
                return;
            }
        };
        for record in open {
            self.wake(record).await;
        }
    }

    pub(super) async fn wake(&mut self, record: CommandRecord) {
        let id = CommandId::new(record.command.id);
        let opened = self
            .trust
            .own_keys()
            .open_journalled(&record.command.envelope);
        let command = match opened {
            Ok(command) => command,
            Err(fault) => return self.give_up(&record, &fault.to_string()).await,
        };
        let now = self.trust.now(&self.clock);
        match record.progress.state {
            storage::CommandState::Accepted => match self.gate(command, &now) {
                Ok(authorised) => self.enqueue(authorised),
                Err(refused) => {
                    let (command, rejection) = *refused;
                    let told = Told::why(rejection.code(), &rejection.to_string());
                    let state = rejection.state();
                    let ordered = command.command();
                    let end = CommandEnd {
                        state: stored(state),
                        at: now.at,
                        note: short(&rejection.to_string()),
                        proof: None,
                        receipt: self.receipts.of(ordered, state, now.at, told),
                    };
                    let done = self.store.finish(id.bytes(), end, Beside::default()).await;
                    if let Err(error) = done {
                        log::error!(error:%; "the end of command {id} could not be kept");
                    }
                }
            },
            // It was allowed when it began: what it did is decided now, whatever holds today.
            storage::CommandState::Executing | storage::CommandState::Unknown => {
                let allowed =
                    authority::authorise(command, self.trust.policy(), self.trust.rights(), &now);
                match allowed {
                    Ok(authorised) => self.decide(authorised, record.progress.state),
                    Err(rejected) => self.give_up(&record, &rejected.to_string()).await,
                }
            }
            // Somebody has to say whether it goes on or back.
            _ => log::warn!(
                "command {id} is {}; resume or restore it",
                record.progress.state
            ),
        }
    }

    fn decide(&mut self, command: AuthorisedCommand, state: storage::CommandState) {
        let dispatch = Arc::new(Dispatch { command });
        let hands = self.hands.clone();
        let id = dispatch.command().id;
        let meters = dispatch.command().action.meters().iter().cloned().collect();
        self.busy.push((id, meters));
        self.running.spawn(async move {
            hands.decide(dispatch, state).await;
            id
        });
    }

    /// What cannot be read or is allowed no more: nobody acts on it, and it says so.
    async fn give_up(&self, record: &CommandRecord, why: &str) {
        let id = CommandId::new(record.command.id);
        log::error!("command {id} cannot be gone on with: {why}");
        let at = self.clock.now().utc;
        let end = match record.progress.state {
            storage::CommandState::Accepted => storage::CommandState::Rejected,
            storage::CommandState::Unknown => storage::CommandState::Failed,
            _ => return,
        };
        let told = Told::why(Some("interrupted"), why);
        let end = CommandEnd {
            state: end,
            at,
            note: short(why),
            proof: None,
            receipt: self
                .receipts
                .named(id, record.command.number, (shown(end), at), told),
        };
        if let Err(error) = self.store.finish(id.bytes(), end, Beside::default()).await {
            log::error!(error:%; "the end of command {id} could not be kept");
        }
    }
}

impl Hands {
    /// What became of a command that a stop interrupted.
    async fn decide(&self, dispatch: Arc<Dispatch>, state: storage::CommandState) {
        let begun = self.clock.now().utc;
        // These have notes of their own, and outlive starts: nothing of them is unknown.
        let is_watched = matches!(
            dispatch.command().action,
            Action::OtaInstall { .. }
                | Action::CfgSet { .. }
                | Action::ListRun { .. }
                | Action::KeyRotate {
                    key: RotatedKey::Receipt,
                    ..
                }
        );
        if state == storage::CommandState::Executing && !is_watched {
            let note = "the gateway stopped meanwhile; what came of it is looked at";
            let step = (0, 0);
            self.advance(&dispatch, CommandState::Unknown, step, note, Vec::new())
                .await;
        }
        if let Some(outcome) = self.decided(&dispatch).await {
            self.end(&dispatch, begun, outcome).await;
        }
    }

    /// What a stop has left of it; nothing where the gateway stops once more before that is known.
    async fn decided(&self, dispatch: &Arc<Dispatch>) -> Option<Outcome> {
        Some(match &dispatch.command().action {
            Action::AgentRestart => Outcome::succeeded("the agent has started again"),
            Action::Nop => Outcome::succeeded("nothing was to be done"),
            Action::MeterTimeSet { .. } | Action::TimeAdjust { .. } => {
                self.found_clock(dispatch).await?
            }
            Action::GatewayTimeSet { .. } => self.found_own_clock(),
            Action::BillingReset { meter } => {
                let meters = std::slice::from_ref(meter);
                self.found(dispatch, dispatch.command().id, meters).await?
            }
            Action::SchemeProgram { meters, .. } | Action::TariffSet { meters, .. } => {
                self.found(dispatch, dispatch.command().id, meters).await?
            }
            Action::SchemeResume { of } | Action::SchemeRestore { of } => {
                let words =
                    format!("the gateway stopped meanwhile; {of} is as it was: order it again");
                Outcome::failed("interrupted", words)
            }
            // To keep the same text once more changes nothing: the library held it whole or not at all.
            Action::SchemePut {
                document: document @ Document::Blob(_),
            } => self.put_scheme_of(document).await?,
            Action::SchemePut { .. }
            | Action::SchemeRemove { .. }
            | Action::ListPut { .. }
            | Action::ListRemove { .. }
            | Action::MeterPut { .. }
            | Action::MeterRemove { .. } => Outcome::failed(
                "interrupted",
                "the gateway stopped meanwhile; what it was about is kept whole or not at all",
            ),
            // The run goes on where it was, and is not begun a second time.
            Action::ListRun { list } => self.run_list(dispatch, list).await?,
            Action::OtaInstall { image } => self.installed(dispatch, image).await?,
            Action::CfgSet { .. } => self.configured(dispatch.command().id).await?,
            Action::PasswordChange { .. } => self.found_password(dispatch).await?,
            Action::KeyRotate {
                key: RotatedKey::Receipt,
                ..
            } => self.replaced_own_key(dispatch).await?,
            Action::KeyRotate { .. } => Outcome::failed(
                "interrupted",
                "the gateway stopped meanwhile; the next session finds out which key the meter has",
            ),
            _ => Outcome::failed(
                "interrupted",
                "the gateway stopped meanwhile; nothing was changed",
            ),
        })
    }

    /// How the meters of a command stand, by what was kept of each before it was written to.
    async fn found(
        &self,
        dispatch: &Arc<Dispatch>,
        of: CommandId,
        meters: &[MeterId],
    ) -> Option<Outcome> {
        let mut ends = Vec::new();
        for meter in meters {
            ends.push(match self.record(of, meter).await {
                Ok(Some(record)) => {
                    let record = Arc::new(record);
                    match self.stand(dispatch, meter, &record).await {
                        Some(report) => MeterEnd::of_report(meter, &report, false),
                        None if self.shutdown.is_cancelled() => return None,
                        None => {
                            let words = "how it stands could not be read";
                            let state = CommandState::Unknown;
                            MeterEnd::without_report(meter, state, "unknown", words)
                        }
                    }
                }
                Ok(None) => {
                    let words = "not begun when the gateway stopped; nothing was written to it";
                    MeterEnd::without_report(meter, CommandState::Failed, "not-begun", words)
                }
                Err(words) => {
                    MeterEnd::without_report(meter, CommandState::Unknown, "unknown", words)
                }
            });
        }
        Some(Outcome::of_meters(ends))
    }

    /// What was kept of a meter before a command wrote to it.
    async fn record(
        &self,
        of: CommandId,
        meter: &MeterId,
    ) -> Result<Option<ProgramRecord>, String> {
        let kept = self.store.recall(&record_name(of, meter)).await;
        let kept = kept.map_err(|error| error.to_string())?;
        let Some(kept) = kept else {
            return Ok(None);
        };
        let record = ProgramRecord::decode(&kept.bytes).map_err(|fault| fault.to_string())?;
        Ok(Some(record))
    }

    /// Goes on with a command that stopped half-way, or brings back what was there before it.
    pub(super) async fn again(
        &self,
        dispatch: &Arc<Dispatch>,
        of: CommandId,
        is_restore: bool,
    ) -> Option<Outcome> {
        let begun = self.clock.now().utc;
        let names = match self.store.remembered_names(&records_of(of)).await {
            Ok(names) => names,
            Err(error) => {
                log::error!(error:%; "what was kept of the meters of {of} cannot be read");
                return None;
            }
        };
        let steps = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let note = "looking at the command that stopped";
        if !self.step(dispatch, (0, steps), note, Vec::new()).await {
            return None;
        }
        let refused = |words: String| Some(Outcome::failed("not-partial", words));
        let stopped = match self.store.command(of.bytes()).await {
            Ok(Some(stopped)) => stopped,
            Ok(None) => return refused(format!("there is no command {of}")),
            Err(error) => return Some(Outcome::failed("not-kept", error.to_string())),
        };
        if stopped.progress.state != storage::CommandState::Partial {
            let state = stopped.progress.state;
            return refused(format!(
                "command {of} is {state}, and only what is partial goes on or back"
            ));
        }
        let mut ends = Vec::new();
        for ((name, _), step) in names.iter().zip(1..) {
            let meter = name
                .rsplit('/')
                .next()
                .and_then(|meter| meter.parse::<MeterId>().ok());
            let Some(meter) = meter else { continue };
            let record = match self.record(of, &meter).await {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(words) => return Some(Outcome::failed("not-kept", words)),
            };
            let record = if is_restore {
                record.turned_back()
            } else {
                record
            };
            let note = if is_restore {
                format!("bringing back what {meter} held before")
            } else {
                format!("going on with {meter}")
            };
            if !self.step(dispatch, (step, steps), &note, Vec::new()).await {
                return None;
            }
            ends.push(
                self.write_again(dispatch, &meter, Arc::new(record), (step, steps))
                    .await?,
            );
        }
        let outcome = Outcome::of_meters(ends);
        let proof = self.proof(dispatch, begun, &outcome);
        self.settle(&stopped, (&outcome, proof), is_restore).await;
        // What is not whole yet belongs to the command that stopped: it stays partial, and this one failed.
        Some(match outcome.state {
            CommandState::Succeeded => outcome,
            _ => Outcome {
                state: CommandState::Failed,
                code: Some("still-partial".to_owned()),
                ..outcome
            },
        })
    }

    /// Ends the command that stopped, where its meters are whole now.
    async fn settle(
        &self,
        stopped: &CommandRecord,
        (outcome, proof): (&Outcome, Proof),
        is_restore: bool,
    ) {
        if outcome.state != CommandState::Succeeded {
            return;
        }
        let of = CommandId::new(stopped.command.id);
        let at = self.clock.now().utc;
        let (state, words) = if is_restore {
            (
                CommandState::Failed,
                "restored: the meters hold what they held before",
            )
        } else {
            (
                CommandState::Succeeded,
                "resumed: the meters hold all of it",
            )
        };
        if !is_restore {
            // The contract's way from partial to succeeded leads over executing.
            let next = storage::CommandStep {
                state: storage::CommandState::Executing,
                step: stopped.progress.step,
                steps: stopped.progress.steps,
                at,
                note: "resumed".to_owned(),
                proof: None,
            };
            if let Err(error) = self
                .store
                .advance(of.bytes(), next, Beside::default())
                .await
            {
                log::error!(error:%; "command {of} could not be resumed in the journal");
                return;
            }
        }
        let code = is_restore.then_some("restored");
        let told = Told {
            proof: Some(proof),
            ..Told::why(code, words)
        };
        let end = CommandEnd {
            state: stored(state),
            at,
            note: words.to_owned(),
            proof: None,
            receipt: self
                .receipts
                .named(of, stopped.command.number, (state, at), told),
        };
        let mut beside = self.without_records(of).await;
        if !is_restore {
            beside.values.extend(self.standings(of).await);
        }
        if let Err(error) = self.store.finish(of.bytes(), end, beside).await {
            log::error!(error:%; "the end of command {of} could not be kept");
        }
    }
}
