//! The command journal: what was accepted, how far it has come, and how it ended.
//!
//! A command is accepted once and ends once, whatever happens in between: its number, its state,
//! its audit record and its receipt are each time one commit. What runs is written here first, so
//! that after a power cut nothing runs twice and nothing accepted is forgotten.

mod read;
mod record;
mod state;
mod tables;

pub use record::{AcceptedCommand, CommandProgress, CommandRecord, fuzz_command};
pub use state::CommandState;
pub(crate) use tables::{is_missing, prepare};

use crate::audit::AuditRecord;
use crate::batch::Batch;
use crate::error::{InFile, StoreError};
use crate::hot;
use crate::limits::{
    COMMAND_NOTE_BYTES_MAX, COMMANDS_OPEN_MAX, PROOF_BYTES_MAX, SIGNERS_MAX, STEPS_MAX,
};
use crate::{Body, Store, StoreFile, Stream, cut};
use metering::{ClockQuality, Timestamp};
use read::find;
use redb::ReadableTableMetadata;
use tables::{OPEN, SIGNERS};

const HOT: StoreFile = StoreFile::Hot;

/// What the journal says to a command that wants in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is the next one of its signer.
    Next,
    /// Numbers before it are missing: hold it until they come.
    Gap {
        /// The number that is to come.
        expected: u64,
    },
    /// Its number was used before, by a command that is another one or was dropped since.
    Replay {
        /// The newest number of this signer.
        last: u64,
    },
    /// It is known: answer with what is stored, and do nothing.
    Known(Box<CommandRecord>),
    /// Its id is known, and belongs to other bytes: somebody must look.
    Conflict,
    /// Too many commands wait for their end, or too many signers are known.
    Busy,
}

/// What became of a command that wanted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// It is durable, in this place of the order of acceptance.
    Accepted {
        /// Over all signers, from 1.
        order: u64,
    },
    /// It was not accepted, for this reason; never `Next`. Nothing was written.
    Not(Judgement),
}

/// The next thing that is known of a command that is not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandStep {
    /// `Executing` before a side effect, `Partial` or `Unknown` after one.
    pub state: CommandState,
    /// The step, from 1.
    pub step: u32,
    /// Out of so many.
    pub steps: u32,
    /// Since when.
    pub at: Timestamp,
    /// For people; a long one is cut.
    pub note: String,
    /// What proves it; `None` leaves what was there.
    pub proof: Option<Vec<u8>>,
}

/// The end of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEnd {
    /// One of the final states.
    pub state: CommandState,
    /// When.
    pub at: Timestamp,
    /// For people; a long one is cut.
    pub note: String,
    /// What proves it; `None` leaves what was there.
    pub proof: Option<Vec<u8>>,
    /// Signed; becomes the entry for the head-end.
    pub receipt: Vec<u8>,
}

impl Store {
    /// What would become of a command of this id, bytes, signer and number.
    pub fn judge(
        &self,
        id: [u8; 16],
        digest: [u8; 32],
        signer: [u8; 8],
        number: u64,
    ) -> Result<Judgement, StoreError> {
        let transaction = hot::reading(&self.hot)?;
        if let Some(known) = find(&transaction, id)? {
            let is_same = known.command.digest == digest;
            let known = || Judgement::Known(Box::new(known));
            return Ok(if is_same {
                known()
            } else {
                Judgement::Conflict
            });
        }
        let signers = transaction.open_table(SIGNERS).of(HOT)?;
        let last = signers.get(signer).of(HOT)?.map(|number| number.value());
        let is_new = last.is_none();
        let last = last.unwrap_or(0);
        if number <= last {
            return Ok(Judgement::Replay { last });
        }
        if last.checked_add(1) != Some(number) {
            let expected = last.saturating_add(1);
            return Ok(Judgement::Gap { expected });
        }
        let open = transaction.open_table(OPEN).of(HOT)?;
        if open.len().of(HOT)? >= COMMANDS_OPEN_MAX
            || (is_new && signers.len().of(HOT)? >= SIGNERS_MAX)
        {
            return Ok(Judgement::Busy);
        }
        Ok(Judgement::Next)
    }

    /// Accepts a command if it is the next of its signer: its bytes, the signer's number, an
    /// audit record and all of `beside` are durable when this returns. Otherwise nothing is
    /// written, not even `beside`. Asking again after an error is safe: what was accepted all the
    /// same is `Known` then.
    pub fn accept(
        &mut self,
        command: AcceptedCommand,
        clock: ClockQuality,
        mut beside: Batch,
    ) -> Result<Acceptance, StoreError> {
        let command = command.fitted()?;
        let judged = self.judge(command.id, command.digest, command.signer, command.number)?;
        if judged != Judgement::Next {
            return Ok(Acceptance::Not(judged));
        }
        let detail = format!(
            "{} {}, number {} of {}",
            command.what,
            uuid(command.id),
            command.number,
            hex(command.signer)
        );
        let record = AuditRecord {
            at: command.at,
            who: command.who.clone(),
            what: "command accepted".to_owned(),
            detail,
        };
        beside.audit(record, clock);
        let surplus = tables::surplus(&hot::reading(&self.hot)?, |_| false)?;
        let (_, order) = self.append_with(beside, command.at, |transaction, _| {
            tables::forget(transaction, &surplus)?;
            tables::write_command(transaction, &command)
        })?;
        Ok(Acceptance::Accepted { order })
    }

    /// Writes down what is known of a command before its next side effect, or after one whose
    /// outcome is not proven. Together with `beside`, as one commit.
    pub fn advance(
        &mut self,
        id: [u8; 16],
        next: CommandStep,
        clock: ClockQuality,
        mut beside: Batch,
    ) -> Result<(), StoreError> {
        let (order, mut progress) = self.open_progress(id, next.state)?;
        let is_stepping = progress.state == next.state;
        if next.state.is_final()
            || next.step > next.steps
            || next.steps > STEPS_MAX
            || (is_stepping && (next.step < progress.step || next.steps != progress.steps))
        {
            return Err(StoreError::Unfit {
                what: format!(
                    "{} at step {} of {} cannot become {} at step {} of {}",
                    progress.state,
                    progress.step,
                    progress.steps,
                    next.state,
                    next.step,
                    next.steps
                ),
                wanted: "steps in order, and the end by `finish`",
            });
        }
        progress.state = next.state;
        progress.step = next.step;
        progress.steps = next.steps;
        progress.at = next.at;
        set_words(&mut progress, next.note, next.proof)?;
        if next.state != CommandState::Executing {
            self.audit_state(&mut beside, id, &progress, clock)?;
        }
        self.append_with(beside, next.at, |transaction, _| {
            tables::write_progress(transaction, order, &progress)
        })?;
        Ok(())
    }

    /// Ends a command: its final state, its signed receipt, the entry that carries the receipt to
    /// the head-end, an audit record and all of `beside` are one commit. Says the number of that
    /// entry. A command that is ended cannot be ended again.
    pub fn finish(
        &mut self,
        id: [u8; 16],
        end: CommandEnd,
        clock: ClockQuality,
        mut beside: Batch,
    ) -> Result<u64, StoreError> {
        let (order, mut progress) = self.open_progress(id, end.state)?;
        if !end.state.is_final() {
            return Err(StoreError::Unfit {
                what: format!("{} does not end a command", end.state),
                wanted: "a final state, or go on with `advance`",
            });
        }
        progress.state = end.state;
        progress.at = end.at;
        set_words(&mut progress, end.note, end.proof)?;
        self.audit_state(&mut beside, id, &progress, clock)?;
        // Behind what came beside, so that the last number given is this one's.
        beside.push(Body::Receipt(end.receipt.clone()), end.at, clock);
        progress.receipt = end.receipt;
        let (_, number) = self.append_with(beside, end.at, |transaction, plan| {
            let mut receipts = plan.rows.iter().rev();
            let own = receipts.find(|row| row.0 == Stream::Receipts);
            progress.entry = own.map_or(0, |row| row.1);
            tables::write_progress(transaction, order, &progress)?;
            Ok(progress.entry)
        })?;
        Ok(number)
    }

    /// How far a command has come that can become `next`.
    fn open_progress(
        &self,
        id: [u8; 16],
        next: CommandState,
    ) -> Result<(u64, CommandProgress), StoreError> {
        let found = tables::progress_of(&hot::reading(&self.hot)?, id)?;
        let (order, progress) = found.ok_or_else(|| StoreError::NoSuchCommand { id: uuid(id) })?;
        if !progress.state.may_follow(next) {
            return Err(StoreError::WrongState {
                id: uuid(id),
                state: progress.state,
                next,
            });
        }
        Ok((order, progress))
    }

    fn audit_state(
        &self,
        beside: &mut Batch,
        id: [u8; 16],
        progress: &CommandProgress,
        clock: ClockQuality,
    ) -> Result<(), StoreError> {
        let known = self.command(id)?;
        let (who, what) = known.map_or_else(Default::default, |known| {
            (known.command.who, known.command.what)
        });
        let note = if progress.note.is_empty() {
            String::new()
        } else {
            format!(": {}", progress.note)
        };
        let record = AuditRecord {
            at: progress.at,
            who,
            what: format!("command {}", progress.state),
            detail: format!(
                "{what} {}, step {} of {}{note}",
                uuid(id),
                progress.step,
                progress.steps
            ),
        };
        beside.audit(record, clock);
        Ok(())
    }
}

fn set_words(
    progress: &mut CommandProgress,
    mut note: String,
    proof: Option<Vec<u8>>,
) -> Result<(), StoreError> {
    cut(&mut note, COMMAND_NOTE_BYTES_MAX);
    progress.note = note;
    if let Some(proof) = proof {
        if proof.len() > PROOF_BYTES_MAX {
            return Err(StoreError::Unfit {
                what: format!("a proof has {} bytes", proof.len()),
                wanted: "at most 4096 bytes, or the hash of what is kept elsewhere",
            });
        }
        progress.proof = proof;
    }
    Ok(())
}

fn hex(signer: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(signer))
}

/// The id as people write it.
fn uuid(id: [u8; 16]) -> String {
    let number = u128::from_be_bytes(id);
    let part = |shift: u32, mask: u128| (number >> shift) & mask;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 0xFFFF_FFFF),
        part(80, 0xFFFF),
        part(64, 0xFFFF),
        part(48, 0xFFFF),
        part(0, 0xFFFF_FFFF_FFFF)
    )
}
