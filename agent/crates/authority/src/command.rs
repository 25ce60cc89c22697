//! A command as it was signed.

mod validity;
mod wire;

pub use validity::{Now, NumberVerdict, judge_number};

use crate::action::Action;
use metering::{GatewayId, Timestamp};
use std::fmt;
use std::str::FromStr;

/// Names a command for good: the same name again is the same command again. A UUID of version 7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId([u8; 16]);

impl CommandId {
    /// From its bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A name from the time and ten bytes of the caller's randomness (RFC 9562, 5.7).
    pub fn of_time(at: Timestamp, random: [u8; 10]) -> Self {
        let [_, _, t0, t1, t2, t3, t4, t5] = at.millis().to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        let (version, variant) = (0x70 | (r0 & 0x0f), 0x80 | (r2 & 0x3f));
        Self([
            t0, t1, t2, t3, t4, t5, version, r1, variant, r3, r4, r5, r6, r7, r8, r9,
        ])
    }

    /// Its bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(place, byte)| {
            let dash = if matches!(place, 4 | 6 | 8 | 10) {
                "-"
            } else {
                ""
            };
            write!(f, "{dash}{byte:02x}")
        })
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that names no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the id of a command; copy it whole, as in 01936f2a-7c00-7abc-8def-0123456789ab"
)]
pub struct InvalidCommandId(String);

impl FromStr for CommandId {
    type Err = InvalidCommandId;

    fn from_str(text: &str) -> Result<Self, InvalidCommandId> {
        let digits: String = text.chars().filter(|c| *c != '-').take(33).collect();
        let bytes = crate::key_file::from_hex(&digits).and_then(|bytes| bytes.try_into().ok());
        let found = bytes.map(Self);
        found
            .filter(|id| id.to_string() == text.to_ascii_lowercase())
            .ok_or_else(|| InvalidCommandId(text.chars().take(60).collect()))
    }
}

/// How an object stands, as read from the meter itself: what is expected before the first side
/// effect, or what is found after the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectState {
    /// Its version.
    pub version: Option<u64>,
    /// Its fingerprint.
    pub sha256: Option<[u8; 32]>,
}

/// When and how often it may be tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The first side effect lies in this window.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Attempts.
    pub attempts: Option<u8>,
    /// It is done by then, or expires.
    pub done_by: Option<Timestamp>,
}

/// What somebody orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub id: CommandId,
    /// Who is to do it.
    pub gateway: GatewayId,
    /// The store it was made for.
    pub epoch: [u8; 8],
    /// Its number among those of its first signer, from 1, without gaps.
    pub number: u64,
    /// When it was made.
    pub issued: Timestamp,
    /// Not before.
    pub not_before: Timestamp,
    /// Not begun after.
    pub expires: Timestamp,
    /// What is to be done.
    pub action: Action,
    /// What must be true before.
    pub precondition: Option<ObjectState>,
    /// When and how often.
    pub bounds: Bounds,
}

#[cfg(test)]
mod tests;
