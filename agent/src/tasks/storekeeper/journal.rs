//! The command journal by way of the storekeeper: each write is durable, or refused, when it is
//! answered.

use super::handle::{Ask, Reply, StoreGone, StoreHandle};
use super::keep::send;
use super::{Record, Storekeeper};
use std::mem;
use storage::{
    Acceptance, AcceptedCommand, AuditSegment, Batch, CommandEnd, CommandRecord, CommandState,
    CommandStep, Judgement, Remedy, Remembered, Store, StoreError,
};

/// The id of a command.
pub(crate) type CommandKey = [u8; 16];

/// What becomes durable together with a step of a command, or not at all.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// Entries, small values, audit lines.
    pub records: Vec<Record>,
    /// Values kept by name; `None` lets one go.
    pub values: Vec<(String, Option<Remembered>)>,
}

/// What is asked of the journal.
#[derive(Debug)]
pub(crate) enum JournalAsk {
    /// What would become of a command, without accepting it.
    Judge {
        id: CommandKey,
        digest: [u8; 32],
        signer: [u8; 8],
        number: u64,
        reply: Reply<Judgement>,
    },
    /// Accept a command.
    Accept {
        command: Box<AcceptedCommand>,
        beside: Beside,
        reply: Reply<Acceptance>,
    },
    /// Write down its next step.
    Advance {
        id: CommandKey,
        next: CommandStep,
        beside: Beside,
        reply: Reply<()>,
    },
    /// Write down its end.
    Finish {
        id: CommandKey,
        end: Box<CommandEnd>,
        beside: Beside,
        reply: Reply<u64>,
    },
    /// Keep values by name.
    Remember { beside: Beside, reply: Reply<()> },
    /// Something to look up.
    Read(JournalLook),
}

/// What may be looked up in the journal.
#[derive(Debug)]
pub(crate) enum JournalLook {
    /// One command.
    Command(CommandKey, Reply<Option<CommandRecord>>),
    /// Commands that are not ended.
    Open(Reply<Vec<CommandRecord>>),
    /// Commands that a stop interrupted.
    Interrupted(Reply<Vec<CommandRecord>>),
    /// The newest commands.
    Newest(usize, Reply<Vec<CommandRecord>>),
    /// The newest number of each signer.
    Numbers(Reply<Vec<([u8; 8], u64)>>),
    /// A value kept by name.
    Recall(String, Reply<Option<Remembered>>),
    /// Names with a beginning, and the version of each.
    Names(String, Reply<Vec<(String, u64)>>),
    /// A piece of the audit chain: the first number, and how many at most.
    Audit(u64, usize, Reply<AuditSegment>),
}

impl From<JournalAsk> for Ask {
    fn from(ask: JournalAsk) -> Self {
        Self::Journal(ask)
    }
}

impl From<JournalLook> for Ask {
    fn from(look: JournalLook) -> Self {
        Self::Journal(JournalAsk::Read(look))
    }
}

impl StoreHandle {
    /// What would become of a command of this id, bytes, signer and number.
    pub async fn judge(
        &self,
        id: CommandKey,
        digest: [u8; 32],
        signer: [u8; 8],
        number: u64,
    ) -> Result<Judgement, StoreGone> {
        self.ask(|reply| JournalAsk::Judge {
            id,
            digest,
            signer,
            number,
            reply,
        })
        .await
    }

    /// Accepts a command if it is the next of its signer; see `Store::accept`. After an error
    /// whatever was accepted all the same is among `open_commands`.
    pub async fn accept(
        &self,
        command: AcceptedCommand,
        beside: Beside,
    ) -> Result<Acceptance, StoreGone> {
        let command = Box::new(command);
        self.ask(|reply| JournalAsk::Accept {
            command,
            beside,
            reply,
        })
        .await
    }

    /// Writes down the next step of a command, before its side effect.
    pub async fn advance(
        &self,
        id: CommandKey,
        next: CommandStep,
        beside: Beside,
    ) -> Result<(), StoreGone> {
        self.ask(|reply| JournalAsk::Advance {
            id,
            next,
            beside,
            reply,
        })
        .await
    }

    /// Ends a command with its receipt; says the receipt's number in its stream. The same end
    /// again is answered by the same number, another one is refused.
    pub async fn finish(
        &self,
        id: CommandKey,
        end: CommandEnd,
        beside: Beside,
    ) -> Result<u64, StoreGone> {
        let end = Box::new(end);
        self.ask(|reply| JournalAsk::Finish {
            id,
            end,
            beside,
            reply,
        })
        .await
    }

    /// The command of an id.
    pub async fn command(&self, id: CommandKey) -> Result<Option<CommandRecord>, StoreGone> {
        self.ask(|reply| JournalLook::Command(id, reply)).await
    }

    /// Commands that are not ended.
    pub async fn open_commands(&self) -> Result<Vec<CommandRecord>, StoreGone> {
        self.ask(JournalLook::Open).await
    }

    /// Commands that the last stop interrupted; asked before anything is dispatched.
    pub async fn interrupted(&self) -> Result<Vec<CommandRecord>, StoreGone> {
        self.ask(JournalLook::Interrupted).await
    }

    /// The newest commands, newest first.
    pub async fn newest_commands(&self, limit: usize) -> Result<Vec<CommandRecord>, StoreGone> {
        self.ask(|reply| JournalLook::Newest(limit, reply)).await
    }

    /// The newest number of each signer.
    pub async fn last_numbers(&self) -> Result<Vec<([u8; 8], u64)>, StoreGone> {
        self.ask(JournalLook::Numbers).await
    }

    /// Keeps values by name, and what belongs to them; durable when answered.
    pub async fn remember(&self, beside: Beside) -> Result<(), StoreGone> {
        self.ask(|reply| JournalAsk::Remember { beside, reply })
            .await
    }

    /// A value kept by name.
    pub async fn recall(&self, name: &str) -> Result<Option<Remembered>, StoreGone> {
        let name = name.to_owned();
        self.ask(|reply| JournalLook::Recall(name, reply)).await
    }

    /// Names with this beginning, and the version of each value.
    pub async fn remembered_names(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreGone> {
        let prefix = prefix.to_owned();
        self.ask(|reply| JournalLook::Names(prefix, reply)).await
    }

    /// A piece of the audit chain.
    pub async fn audit_segment(&self, from: u64, limit: usize) -> Result<AuditSegment, StoreGone> {
        self.ask(|reply| JournalLook::Audit(from, limit, reply))
            .await
    }
}

/// Whether what was asked may be there all the same: by this attempt, or by one before.
fn is_in_doubt(error: &StoreError) -> bool {
    error.remedy() == Remedy::Reopen || matches!(error, StoreError::WrongState { .. })
}

impl Storekeeper {
    pub(super) fn journal(&mut self, ask: JournalAsk) {
        match ask {
            JournalAsk::Judge {
                id,
                digest,
                signer,
                number,
                reply,
            } => {
                let judged = self
                    .shelf
                    .with(|store| store.judge(id, digest, signer, number));
                send(reply, judged);
            }
            JournalAsk::Accept {
                command,
                beside,
                reply,
            } => {
                let accepted = self.accept(&command, beside);
                send(reply, accepted);
            }
            JournalAsk::Advance {
                id,
                next,
                beside,
                reply,
            } => {
                let done = self.advance(id, &next, beside);
                send(reply, done);
            }
            JournalAsk::Finish {
                id,
                end,
                beside,
                reply,
            } => {
                let done = self.finish(id, &end, beside);
                send(reply, done);
            }
            JournalAsk::Remember { beside, reply } => {
                let batch = self.batch(beside);
                let done = self.write_journal(|store| store.append(batch.clone()));
                send(reply, done.map(drop));
            }
            JournalAsk::Read(look) => self.look_in_journal(look),
        }
    }

    fn look_in_journal(&mut self, look: JournalLook) {
        let shelf = &mut self.shelf;
        match look {
            JournalLook::Command(id, reply) => send(reply, shelf.with(|store| store.command(id))),
            JournalLook::Open(reply) => send(reply, shelf.with(|store| store.open_commands())),
            JournalLook::Interrupted(reply) => send(reply, shelf.with(|store| store.interrupted())),
            JournalLook::Newest(limit, reply) => {
                send(reply, shelf.with(|store| store.newest_commands(limit)));
            }
            JournalLook::Numbers(reply) => send(reply, shelf.with(|store| store.last_numbers())),
            JournalLook::Recall(name, reply) => {
                send(reply, shelf.with(|store| store.recall(&name)));
            }
            JournalLook::Names(prefix, reply) => {
                send(reply, shelf.with(|store| store.remembered_names(&prefix)));
            }
            JournalLook::Audit(from, limit, reply) => {
                // What waits in memory belongs to the chain too.
                self.commit_first();
                let piece = self.shelf.with(|store| store.audit_segment(from, limit));
                send(reply, piece);
            }
        }
    }

    fn accept(
        &mut self,
        command: &AcceptedCommand,
        beside: Beside,
    ) -> Result<Acceptance, StoreError> {
        let (id, digest) = (command.id, command.digest);
        let judged = self
            .shelf
            .with(|store| store.judge(id, digest, command.signer, command.number))?;
        if judged != Judgement::Next {
            return Ok(Acceptance::Not(judged));
        }
        let (clock, batch) = (self.parts.clock.now().quality, self.batch(beside));
        let done = self.write_journal(|store| store.accept(command.clone(), clock, batch.clone()));
        // A moment ago it was new: if it is there now, it landed in spite of the fault.
        self.unless_it_landed(done, id, |record| {
            let order = record.order;
            (record.command.digest == digest).then_some(Acceptance::Accepted { order })
        })
    }

    fn advance(
        &mut self,
        id: CommandKey,
        next: &CommandStep,
        beside: Beside,
    ) -> Result<(), StoreError> {
        let (clock, batch) = (self.parts.clock.now().quality, self.batch(beside));
        let done =
            self.write_journal(|store| store.advance(id, next.clone(), clock, batch.clone()));
        self.unless_it_landed(done, id, |CommandRecord { progress, .. }| {
            let found = (progress.state, progress.step, progress.steps, progress.at);
            (found == (next.state, next.step, next.steps, next.at)).then_some(())
        })
    }

    fn finish(
        &mut self,
        id: CommandKey,
        end: &CommandEnd,
        beside: Beside,
    ) -> Result<u64, StoreError> {
        let (clock, batch) = (self.parts.clock.now().quality, self.batch(beside));
        let done = self.write_journal(|store| store.finish(id, end.clone(), clock, batch.clone()));
        self.unless_it_landed(done, id, |CommandRecord { progress, .. }| {
            let found: (CommandState, &[u8]) = (progress.state, &progress.receipt);
            (found == (end.state, &end.receipt)).then_some(progress.entry)
        })
    }

    /// Writes, with room that was kept back if the disk is full: what ends a command frees more.
    fn write_journal<T>(
        &mut self,
        work: impl Fn(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        loop {
            match self.shelf.write(&work) {
                Err(error) if error.is_disk_full() && self.spends_reserve() => {}
                Ok(done) => {
                    self.publish();
                    return Ok(done);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// After a fault of the disk nobody knows what reached it: the record itself says. So whoever
    /// had no answer repeats what it asked, word by word, until there is one.
    fn unless_it_landed<T>(
        &mut self,
        done: Result<T, StoreError>,
        id: CommandKey,
        landed: impl FnOnce(&CommandRecord) -> Option<T>,
    ) -> Result<T, StoreError> {
        match done {
            Err(error) if is_in_doubt(&error) => {
                let found = self.shelf.with(|store| store.command(id));
                let record = found.ok().flatten();
                let Some(answer) = record.as_ref().and_then(landed) else {
                    return Err(error);
                };
                self.publish();
                Ok(answer)
            }
            done => done,
        }
    }

    fn batch(&self, beside: Beside) -> Batch {
        let mut batch = Batch::new();
        self.fill(&mut batch, beside.records);
        for (name, value) in beside.values {
            match value {
                Some(value) => batch.remember(&name, value),
                None => batch.forget(&name),
            }
        }
        batch
    }

    /// Adds records to what waits for the next commit.
    pub(super) fn keep(&mut self, records: Vec<Record>) {
        let mut pending = mem::take(&mut self.pending);
        self.fill(&mut pending, records);
        self.pending = pending;
    }
}
