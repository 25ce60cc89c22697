//! What the journal holds of one command, and its form on disk.
//!
//! What never changes and what changes at every step are rows of their own: a step shall not
//! write the envelope once more.

use super::CommandState;
use crate::limits::{
    COMMAND_NAME_BYTES_MAX, COMMAND_NOTE_BYTES_MAX, ENVELOPE_BYTES_MAX, PROOF_BYTES_MAX,
    RECEIPT_BYTES_MAX,
};
use crate::wire::{Damage, Reader, Writer, place};
use crate::{StoreError, cut};
use metering::Timestamp;

const VERSION: u8 = 1;
const COMMAND_TABLE: u8 = b'K';
const PROGRESS_TABLE: u8 = b'k';

/// A command as it was accepted; none of it changes later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedCommand {
    /// Its name, by which it is executed once.
    pub id: [u8; 16],
    /// Whose number it has: the key id of the first signer, noughts for the gateway's own people.
    pub signer: [u8; 8],
    /// Its number among those of this signer, from 1 without gaps within an epoch.
    pub number: u64,
    /// SHA-256 of the envelope as received.
    pub digest: [u8; 32],
    /// The envelope as received, or what stands for it at a local door.
    pub envelope: Vec<u8>,
    /// By which door it came; the numbers are `authority`'s.
    pub door: u8,
    /// The people behind it, in words.
    pub who: String,
    /// What is to be done, in one word of the contract.
    pub what: String,
    /// When it was accepted.
    pub at: Timestamp,
}

/// How far a command has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandProgress {
    /// Where it stands.
    pub state: CommandState,
    /// The step under way, or the last one that was.
    pub step: u32,
    /// Out of so many; 0 = not planned yet.
    pub steps: u32,
    /// Since when.
    pub at: Timestamp,
    /// What a person should know, in words.
    pub note: String,
    /// What proves where it stands: what was read back, or its hash.
    pub proof: Vec<u8>,
    /// The final receipt, signed; empty before.
    pub receipt: Vec<u8>,
    /// The number of that receipt in its stream; 0 before.
    pub entry: u64,
}

/// One command of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRecord {
    /// Its place in the order of acceptance, over all signers, from 1.
    pub order: u64,
    /// The command.
    pub command: AcceptedCommand,
    /// How far it has come.
    pub progress: CommandProgress,
}

impl AcceptedCommand {
    /// Refuses what is too large, and shortens what is only for people.
    pub(super) fn fitted(mut self) -> Result<Self, StoreError> {
        if self.envelope.is_empty() || self.envelope.len() > ENVELOPE_BYTES_MAX {
            return Err(StoreError::Unfit {
                what: format!("an envelope has {} bytes", self.envelope.len()),
                wanted: "an envelope of 1 to 16384 bytes; larger contents travel as a blob",
            });
        }
        cut(&mut self.who, COMMAND_NAME_BYTES_MAX);
        cut(&mut self.what, COMMAND_NAME_BYTES_MAX);
        Ok(self)
    }

    pub(super) fn encode(&self, order: u64) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.raw(&self.id);
        out.raw(&self.signer);
        out.varint(self.number);
        out.raw(&self.digest);
        out.byte(self.door);
        out.varint(self.at.millis());
        out.bytes(self.who.as_bytes());
        out.bytes(self.what.as_bytes());
        out.bytes(&self.envelope);
        out.finish(&place(COMMAND_TABLE, order, 0))
    }

    pub(super) fn decode(order: u64, row: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::open(row, &place(COMMAND_TABLE, order, 0), VERSION)?;
        let command = Self::read(&mut reader)?;
        reader.end()?;
        Ok(command)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            id: reader.array()?,
            signer: reader.array()?,
            number: reader.varint()?,
            digest: reader.array()?,
            door: reader.byte()?,
            at: Timestamp::from_millis(reader.varint()?),
            who: reader.text(COMMAND_NAME_BYTES_MAX)?.to_owned(),
            what: reader.text(COMMAND_NAME_BYTES_MAX)?.to_owned(),
            envelope: reader.bytes(ENVELOPE_BYTES_MAX)?.to_vec(),
        })
    }
}

impl CommandProgress {
    /// Where every command begins.
    pub(super) const fn accepted(at: Timestamp) -> Self {
        Self {
            state: CommandState::Accepted,
            step: 0,
            steps: 0,
            at,
            note: String::new(),
            proof: Vec::new(),
            receipt: Vec::new(),
            entry: 0,
        }
    }

    pub(super) fn encode(&self, order: u64) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.byte(self.state.code());
        out.varint(u64::from(self.step));
        out.varint(u64::from(self.steps));
        out.varint(self.at.millis());
        out.varint(self.entry);
        out.bytes(self.note.as_bytes());
        out.bytes(&self.proof);
        out.bytes(&self.receipt);
        out.finish(&place(PROGRESS_TABLE, order, 0))
    }

    pub(super) fn decode(order: u64, row: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::open(row, &place(PROGRESS_TABLE, order, 0), VERSION)?;
        let progress = Self::read(&mut reader)?;
        reader.end()?;
        Ok(progress)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let state = CommandState::from_code(reader.byte()?);
        let step = |value: u64| -> Result<u32, Damage> {
            value.try_into().map_err(|_| Damage::Content("step"))
        };
        let progress = Self {
            state: state.ok_or(Damage::Content("state"))?,
            step: step(reader.varint()?)?,
            steps: step(reader.varint()?)?,
            at: Timestamp::from_millis(reader.varint()?),
            entry: reader.varint()?,
            note: reader.text(COMMAND_NOTE_BYTES_MAX)?.to_owned(),
            proof: reader.bytes(PROOF_BYTES_MAX)?.to_vec(),
            receipt: reader.bytes(RECEIPT_BYTES_MAX)?.to_vec(),
        };
        // Exactly the final states have a receipt, and exactly one.
        let is_ended = progress.entry > 0 && !progress.receipt.is_empty();
        let is_open = progress.entry == 0 && progress.receipt.is_empty();
        if progress.step > progress.steps
            || progress.state == CommandState::Received
            || !(if progress.state.is_final() {
                is_ended
            } else {
                is_open
            })
        {
            return Err(Damage::Content("progress"));
        }
        Ok(progress)
    }
}

/// Whatever the bytes are, reading them as a row of the journal ends in a value or an error.
/// For the fuzzer; behind a checksum it would never get far.
///
/// # Panics
/// When what was read is not what it becomes when written and read again.
pub fn fuzz_command(bytes: &[u8]) {
    drop(AcceptedCommand::decode(1, bytes));
    drop(CommandProgress::decode(1, bytes));
    if let Ok(command) = AcceptedCommand::read(&mut Reader(bytes)) {
        assert_eq!(AcceptedCommand::decode(1, &command.encode(1)), Ok(command));
    }
    if let Ok(progress) = CommandProgress::read(&mut Reader(bytes)) {
        assert_eq!(
            CommandProgress::decode(1, &progress.encode(1)),
            Ok(progress)
        );
    }
}

#[cfg(test)]
mod tests;
