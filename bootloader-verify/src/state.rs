//! The state block: which slot is tried first. It never says that an image is good.
//!
//! Two copies; the older one is overwritten, so that a cut in between leaves the other.

use crate::limits::BLOCK;
use crate::verdict::Refusal;
use sha2::{Digest, Sha256};
use std::fmt;

const MAGIC: &[u8; 8] = b"PMUSTAT\x01";
/// Bytes before the digest that are used: magic, sequence, floor, preferred, recovery, payload, two slots.
const FIELDS: usize = 8 + 8 + 8 + 1 + 1 + 1 + 2 * SLOT_FIELDS;
const SLOT_FIELDS: usize = 4;
const DIGEST: usize = 32;

/// One of the two places for the gateway's system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

/// What is known of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Nothing was installed.
    Empty,
    /// An installation is on its way, or was cut.
    Writing,
    /// Installed, and to be tried so many times more.
    Trial {
        /// Tries left.
        left: u8,
    },
    /// It has run well.
    Good,
    /// It was refused.
    Bad,
}

/// A slot's part of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotRecord {
    /// What is known.
    pub state: SlotState,
    /// Starts in a row that never came to health.
    pub streak: u8,
    /// Why it was refused the last time.
    pub refused: Option<Refusal>,
}

/// What both copies hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootState {
    /// Rises with each writing.
    pub sequence: u64,
    /// The lowest security counter that is taken; counts only if it is above the one in the boot
    /// payload.
    pub floor: u64,
    /// The slot that was committed last.
    pub preferred: Slot,
    /// Why recovery runs, if it does.
    pub recovery: Option<Refusal>,
    /// The firmware was asked to start the payload of this candidate: 1 slot A, 2 slot B, 3 recovery;
    /// 0 none. Counts for one start.
    pub payload: u8,
    /// Slot A and slot B.
    pub slots: [SlotRecord; 2],
}

/// Where the next state is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// Block 0.
    First,
    /// Block 1.
    Second,
}

impl Slot {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// `A` or `B`.
    pub fn letter(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
        }
    }

    /// The slot of a letter.
    pub fn of_letter(letter: &str) -> Option<Self> {
        match letter {
            "A" | "a" => Some(Self::A),
            "B" | "b" => Some(Self::B),
            _ => None,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.letter())
    }
}

impl SlotRecord {
    const fn good() -> Self {
        Self {
            state: SlotState::Good,
            streak: 0,
            refused: None,
        }
    }

    fn encode(self) -> [u8; SLOT_FIELDS] {
        let (state, left) = match self.state {
            SlotState::Empty => (0, 0),
            SlotState::Writing => (1, 0),
            SlotState::Trial { left } => (2, left),
            SlotState::Good => (3, 0),
            SlotState::Bad => (4, 0),
        };
        let refused = self.refused.map_or(0, Refusal::code);
        [state, left, self.streak, refused]
    }

    fn decode(fields: [u8; SLOT_FIELDS]) -> Option<Self> {
        let [state, left, streak, refused] = fields;
        let state = match (state, left) {
            (0, 0) => SlotState::Empty,
            (1, 0) => SlotState::Writing,
            (2, left) => SlotState::Trial { left },
            (3, 0) => SlotState::Good,
            (4, 0) => SlotState::Bad,
            _ => return None,
        };
        let refused = match refused {
            0 => None,
            code => Some(Refusal::of_code(code)?),
        };
        Some(Self {
            state,
            streak,
            refused,
        })
    }
}

impl Default for BootState {
    /// Of a new disk, or where neither copy can be read: both slots are looked at, A first.
    fn default() -> Self {
        Self {
            sequence: 0,
            floor: 0,
            preferred: Slot::A,
            recovery: None,
            payload: 0,
            slots: [SlotRecord::good(); 2],
        }
    }
}

impl BootState {
    /// A slot's part.
    pub fn slot(&self, slot: Slot) -> &SlotRecord {
        let [a, b] = &self.slots;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }

    /// A slot's part, to be changed.
    pub fn slot_mut(&mut self, slot: Slot) -> &mut SlotRecord {
        let [a, b] = &mut self.slots;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }

    /// One copy, as it is written.
    pub fn encode(&self) -> [u8; BLOCK] {
        let [a, b] = self.slots.map(SlotRecord::encode);
        let preferred = match self.preferred {
            Slot::A => 0,
            Slot::B => 1,
        };
        let recovery = self.recovery.map_or(0, Refusal::code);
        let fields = [
            &MAGIC[..],
            &self.sequence.to_le_bytes(),
            &self.floor.to_le_bytes(),
            &[preferred, recovery, self.payload],
            &a,
            &b,
        ]
        .concat();
        let mut block = [0; BLOCK];
        for (place, byte) in block.iter_mut().zip(&fields) {
            *place = *byte;
        }
        let (body, place) = block.split_at_mut(BLOCK - DIGEST);
        place.copy_from_slice(&Sha256::digest(&*body));
        block
    }

    /// Reads one copy; none if it is damaged or was never written.
    pub fn decode(block: &[u8]) -> Option<Self> {
        if block.len() != BLOCK {
            return None;
        }
        let (body, digest) = block.split_at_checked(BLOCK - DIGEST)?;
        if Sha256::digest(body).as_slice() != digest {
            return None;
        }
        let (fields, rest) = body.split_at_checked(FIELDS)?;
        if rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        let (magic, fields) = fields.split_first_chunk::<8>()?;
        let (sequence, fields) = fields.split_first_chunk::<8>()?;
        let (floor, fields) = fields.split_first_chunk::<8>()?;
        let (&[preferred, recovery, payload], fields) = fields.split_first_chunk::<3>()?;
        let (a, fields) = fields.split_first_chunk::<SLOT_FIELDS>()?;
        let b = fields.first_chunk::<SLOT_FIELDS>()?;
        if magic != MAGIC || payload > 3 {
            return None;
        }
        Some(Self {
            payload,
            sequence: u64::from_le_bytes(*sequence),
            floor: u64::from_le_bytes(*floor),
            preferred: match preferred {
                0 => Slot::A,
                1 => Slot::B,
                _ => return None,
            },
            recovery: match recovery {
                0 => None,
                code => Some(Refusal::of_code(code)?),
            },
            slots: [SlotRecord::decode(*a)?, SlotRecord::decode(*b)?],
        })
    }

    /// The newer of two copies, or the default; and where the next state is written: over the other
    /// one.
    pub fn newest(first: &[u8], second: &[u8]) -> (Self, Copy) {
        match (Self::decode(first), Self::decode(second)) {
            (Some(first), Some(second)) if second.sequence > first.sequence => {
                (second, Copy::First)
            }
            (Some(first), _) => (first, Copy::Second),
            (None, Some(second)) => (second, Copy::First),
            (None, None) => (Self::default(), Copy::First),
        }
    }

    /// The state as it is written next: its sequence has risen.
    pub fn next(&self) -> Self {
        Self {
            sequence: self.sequence.saturating_add(1),
            ..self.clone()
        }
    }
}

impl Copy {
    /// Where it begins in the state partition, bytes.
    pub fn offset(self) -> u64 {
        match self {
            Self::First => 0,
            Self::Second => crate::limits::BLOCK_U64,
        }
    }

    /// The one that is written after this one.
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

#[cfg(test)]
mod tests;
