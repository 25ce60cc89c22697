//! The gates, in their order: proven, known or new, in turn, allowed, in time; then journalled.

use super::receipts::Told;
use super::trust::{self, Set};
use super::{CommandDesk, hands};
use crate::tasks::storekeeper::{Beside, Record, Urgency};
use authority::{
    AuthenticCommand, AuthorisedCommand, CommandId, CommandRejection, CommandState, Now,
    RejectedCommand, authorise,
};
use metering::{Event, EventCode};
use std::time::Duration;
use storage::{Acceptance, AcceptedCommand, CommandEnd, CommandRecord, Judgement, Remembered};
use tokio::time::Instant;

/// What cannot be believed is told this often at most: nobody shall fill our log.
const TELL_REFUSED_EVERY: Duration = Duration::from_mins(1);

/// What became of a command at the journal.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It will be done.
    Taken,
    /// It was ended there.
    Refused(CommandRejection),
    /// The journal does not have it.
    NotKept,
}

impl Verdict {
    /// Whether its number is used now.
    const fn is_numbered(&self) -> bool {
        !matches!(self, Self::NotKept)
    }
}

/// What the gates say of a command that is the next of its signer.
type Gated = Result<AuthorisedCommand, Box<(AuthenticCommand, CommandRejection)>>;

impl CommandDesk {
    /// A command of anybody.
    pub(super) async fn take(&mut self, bytes: Vec<u8>, is_retained: bool) {
        let now = self.trust.now(&self.clock);
        let opened = match self.trust.keys() {
            Some(keys) => keys.open_command(&self.gateway, &bytes, is_retained, &now),
            None => Err(RejectedCommand {
                reason: CommandRejection::UnknownKey,
                proven: None,
            }),
        };
        match opened {
            Ok(command) => self.take_proven(command, bytes, &now).await,
            Err(rejected) => self.refuse(rejected).await,
        }
    }

    /// A command of somebody known; then those that waited for it.
    async fn take_proven(&mut self, command: AuthenticCommand, bytes: Vec<u8>, now: &Now) {
        let mut next = Some((command, bytes));
        while let Some((command, bytes)) = next.take() {
            let signer = command.numbered_by().bytes();
            let number = command.command().number;
            if !self.admit(command, bytes, now).await {
                return;
            }
            let held = self.held.take(signer, number + 1, Instant::now());
            next = held.and_then(|bytes| {
                let keys = self.trust.keys()?;
                let opened = keys.open_command(&self.gateway, &bytes, false, now);
                Some((opened.ok()?, bytes))
            });
        }
    }

    /// Whether its number is used now.
    async fn admit(&mut self, command: AuthenticCommand, bytes: Vec<u8>, now: &Now) -> bool {
        let (id, number) = (command.command().id, command.command().number);
        let digest = command.payload_digest();
        let signer = command.numbered_by().bytes();
        let judged = self.store.judge(id.bytes(), digest, signer, number).await;
        let judged = match judged {
            Ok(judged) => judged,
            Err(error) => {
                // Not numbered, so that it can be sent again.
                log::error!(error:%; "a command could not be looked up; it will have to come again");
                return false;
            }
        };
        if command.command().epoch != self.store.announced().epoch
            && !matches!(judged, Judgement::Known(_))
        {
            self.answer(id, number, &CommandRejection::WrongEpoch).await;
            return false;
        }
        match judged {
            Judgement::Next => self.journal(command, now).await.is_numbered(),
            Judgement::Known(record) => {
                self.repeat(*record).await;
                false
            }
            Judgement::Gap { expected } => {
                self.held.keep(signer, number, bytes, Instant::now());
                let found = number;
                let gap = CommandRejection::Gap { expected, found };
                self.answer(id, number, &gap).await;
                false
            }
            Judgement::Conflict => {
                let words = format!("command {id} came a second time with other contents");
                self.say(EventCode::CommandRefused, words).await;
                self.answer(id, number, &CommandRejection::Replay).await;
                false
            }
            Judgement::Replay { .. } => {
                self.answer(id, number, &CommandRejection::Replay).await;
                false
            }
            Judgement::Busy => {
                self.answer(id, number, &CommandRejection::Busy).await;
                false
            }
        }
    }

    /// Writes it down before anything else, and ends it there if it may not be done.
    pub(super) async fn journal(&mut self, command: AuthenticCommand, now: &Now) -> Verdict {
        let row = match command.to_journal(self.trust.own()) {
            Ok(row) => row,
            Err(fault) => {
                log::error!(fault:%; "a command cannot be journalled; it is not taken");
                return Verdict::NotKept;
            }
        };
        let ordered = command.command().clone();
        let accepted = AcceptedCommand {
            id: ordered.id.bytes(),
            signer: command.numbered_by().bytes(),
            number: ordered.number,
            digest: command.payload_digest(),
            envelope: row,
            door: command.door().code(),
            who: hands::names(&command),
            what: ordered.action.operation().word().to_owned(),
            at: now.at,
        };
        let gated = self.gate(command, now);
        let mut beside = Beside::default();
        if gated.is_ok() {
            let told = Told::default();
            let receipt = self
                .receipts
                .of(&ordered, CommandState::Accepted, now.at, told);
            beside.records.push(Record::Receipt(receipt));
        }
        match self.store.accept(accepted, beside).await {
            Ok(Acceptance::Accepted { .. }) => {}
            Ok(Acceptance::Not(judged)) => {
                log::warn!("command {} is not journalled: {judged:?}", ordered.id);
                return Verdict::NotKept;
            }
            Err(error) => {
                // It may be there all the same: then the next start, or the same command again, finds it.
                log::error!(error:%; "a command could not be journalled");
                return Verdict::NotKept;
            }
        }
        match gated {
            Ok(authorised) => {
                self.hands.counts.accepted();
                self.enqueue(authorised);
                Verdict::Taken
            }
            Err(refused) => {
                let rejection = refused.1;
                self.hands.counts.ended(rejection.state());
                let told = Told::why(rejection.code(), &rejection.to_string());
                let end = CommandEnd {
                    state: super::awakening::stored(rejection.state()),
                    at: now.at,
                    note: rejection.to_string(),
                    proof: None,
                    receipt: self.receipts.of(&ordered, rejection.state(), now.at, told),
                };
                let done = self
                    .store
                    .finish(ordered.id.bytes(), end, Beside::default());
                if let Err(error) = done.await {
                    log::error!(error:%; "the end of command {} could not be kept", ordered.id);
                }
                Verdict::Refused(rejection)
            }
        }
    }

    pub(super) fn gate(&mut self, command: AuthenticCommand, now: &Now) -> Gated {
        let judged = hands::in_time(&command, now, self.boot);
        let judged = judged.and_then(|()| {
            let is_known = hands::is_supported(&command.command().action);
            is_known.then_some(()).ok_or(CommandRejection::Unsupported)
        });
        if let Err(rejection) = judged {
            return Err(Box::new((command, rejection)));
        }
        authorise(
            command.clone(),
            self.trust.policy(),
            self.trust.rights(),
            now,
        )
        .map_err(|rejected| Box::new((command, rejected.reason)))
    }

    /// The newest state that is known, once more.
    async fn repeat(&mut self, record: CommandRecord) {
        if record.progress.state == storage::CommandState::Accepted
            && !self.has(CommandId::new(record.command.id))
        {
            // The disk failed while it was journalled, and it is there all the same.
            return self.wake(record).await;
        }
        let receipt = if record.progress.receipt.is_empty() {
            let id = CommandId::new(record.command.id);
            let state = super::awakening::shown(record.progress.state);
            let told = Told {
                step: record.progress.step,
                steps: record.progress.steps,
                text: Some(record.progress.note.clone()),
                ..Told::default()
            };
            let number = record.command.number;
            self.receipts
                .named(id, number, (state, record.progress.at), told)
        } else {
            record.progress.receipt.clone()
        };
        self.publish(receipt).await;
    }

    /// Why a command of somebody known is not taken.
    async fn answer(&mut self, id: CommandId, number: u64, rejection: &CommandRejection) {
        // What is busy now may be sent again under the same number: it is not ended.
        self.hands.counts.refused();
        let state = match rejection {
            CommandRejection::Busy => CommandState::Received,
            other => other.state(),
        };
        let told = Told::why(rejection.code(), &rejection.to_string());
        let at = self.clock.now().utc;
        let receipt = self.receipts.named(id, number, (state, at), told);
        self.publish(receipt).await;
    }

    /// Whether it waits for its turn or is under way.
    fn has(&self, id: CommandId) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|dispatch| dispatch.command().id == id)
            || self.busy.iter().any(|(busy, _)| *busy == id)
    }

    async fn publish(&mut self, receipt: Vec<u8>) {
        let now = self.clock.now().moment;
        if !self.answers.take(now) {
            log::debug!("a command that is known or refused is not answered: there are too many");
        } else if !receipt.is_empty() {
            let records = vec![Record::Receipt(receipt)];
            self.store.keep(records, Urgency::Soon).await;
        }
    }

    /// Bytes that nobody stands behind: counted, and told once a minute.
    async fn refuse(&mut self, rejected: RejectedCommand) {
        if let Some((id, number)) = rejected.proven {
            return self.answer(id, number, &rejected.reason).await;
        }
        self.hands.counts.refused();
        self.refused += 1;
        log::debug!("a command was refused: {rejected}");
        let is_due = self
            .refused_said
            .is_none_or(|said| said.elapsed() >= TELL_REFUSED_EVERY);
        if is_due {
            self.tell_refused(&rejected.to_string()).await;
        }
    }

    async fn tell_refused(&mut self, why: &str) {
        let count = std::mem::take(&mut self.refused);
        self.refused_said = Some(Instant::now());
        let words = format!("{count} refused, the last one because: {why}");
        self.audit("command refused", &words).await;
        self.say(EventCode::CommandRefused, words).await;
    }

    /// What came since the last telling, once its minute is over.
    pub(super) async fn say_refused(&mut self) {
        let is_due = self
            .refused_said
            .is_some_and(|said| said.elapsed() >= TELL_REFUSED_EVERY);
        if self.refused > 0 && is_due {
            self.tell_refused("they are like the one before").await;
        }
    }

    /// A key set or a policy of anybody.
    pub(super) async fn take_set(&mut self, bytes: &[u8], what: Set) {
        let now = self.trust.now(&self.clock);
        let name = what.name();
        let (version, is_new) = match self.trust.open(bytes, what, &now) {
            Ok(taken) => taken,
            Err(fault) => {
                let words = format!("a {name} was refused: {fault}");
                return self.say(EventCode::CommandRefused, words).await;
            }
        };
        if !is_new {
            return;
        }
        let value = Remembered {
            version,
            bytes: bytes.to_vec(),
        };
        let mut beside = trust::beside(name, value);
        beside.records.push(Record::Audit {
            who: "head-end".to_owned(),
            what: format!("{name} taken"),
            detail: format!("version {version}"),
        });
        if let Err(error) = self.store.remember(beside).await {
            log::error!(error:%; "the {name} could not be kept; it holds until the next start");
        }
        log::info!("{name} version {version} is taken");
    }

    pub(super) async fn say(&self, code: EventCode, detail: String) {
        let event = Event {
            at: self.clock.now().utc,
            code,
            meter: None,
            detail,
        };
        self.store.event(event).await;
    }

    async fn audit(&self, what: &str, detail: &str) {
        let record = Record::Audit {
            who: "nobody that is known".to_owned(),
            what: what.to_owned(),
            detail: detail.to_owned(),
        };
        self.store.keep(vec![record], Urgency::Soon).await;
    }
}
