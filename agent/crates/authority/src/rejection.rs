//! Why a command is not done.

use crate::command::CommandId;
use crate::cose::CoseFault;
use crate::state::CommandState;

/// Why a command is not done, with the code of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandRejection {
    /// Larger than allowed; nothing was parsed.
    #[error("the command has {found} bytes, more than {limit}; send what is large as a blob")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// No envelope that anybody trusted here signed for this gateway.
    #[error("nothing proves who sent this: {0}")]
    NotProven(CoseFault),
    /// Signed by a key that is not in the key set.
    #[error("the key that signed is not in this gateway's key set; publish a set that has it")]
    UnknownKey,
    /// The key set has expired, and nobody published another one.
    #[error("the gateway's key set has expired; publish a newer one on gw/v1/all/dn/key")]
    KeySetExpired,
    /// Revoked, not yet valid, no longer valid.
    #[error("the key of {who} is revoked or not valid at this time; sign with another one")]
    KeyNotValid {
        /// Whose.
        who: String,
    },
    /// Nobody who signed may order this.
    #[error("nobody who ordered this may do so; it takes the role {needed}")]
    NotAuthorised {
        /// The role that is missing.
        needed: &'static str,
    },
    /// This operation does not come by this door.
    #[error(
        "{operation} is not taken from {door}; order it over the head-end or as a signed-in person"
    )]
    NotByThisDoor {
        /// What.
        operation: &'static str,
        /// From where.
        door: &'static str,
    },
    /// One person alone may not.
    #[error("this takes a second person with the role {needed}; have it approved")]
    NeedsApproval {
        /// The role that is missing.
        needed: &'static str,
    },
    /// Meant for another gateway.
    #[error("the command is for another gateway; look at its `g`")]
    NotForMe,
    /// Commands before this one are missing.
    #[error("the next number is {expected}, not {found}; send the missing ones again")]
    Gap {
        /// The next one.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// Seen before.
    #[error("this number or id was used before; make a new command")]
    Replay,
    /// A broker kept it.
    #[error("a retained command is not taken; publish it without the retain flag")]
    Retained,
    /// Made for another store.
    #[error(
        "the command is for a store that this gateway no longer has; sign it for the epoch of its birth"
    )]
    WrongEpoch,
    /// Too early.
    #[error("the command is not valid yet; look at its `nbf` and at the clocks")]
    NotYetValid,
    /// Too late.
    #[error("the command has expired before it began; sign it anew")]
    Expired,
    /// The gateway does not know the time.
    #[error("the gateway's clock is not synchronised; set it first (time.set without `m`)")]
    ClockUnsynchronised,
    /// The object is not what the sender took it for.
    #[error("the meter does not hold what the command expects; read it and sign anew")]
    Precondition,
    /// Not done here.
    #[error("this operation is not supported here; look at the birth's capabilities")]
    Unsupported,
    /// Signed, and no command of the contract.
    #[error("what was signed is not a command of the contract; see gateway.cddl")]
    NotACommand,
    /// A key missing, superfluous, or out of range.
    #[error("`{key}` is missing, superfluous or out of range")]
    BadArguments {
        /// The key of the contract.
        key: &'static str,
    },
    /// Too much to do.
    #[error("the gateway has too much to do; send it again later")]
    Busy,
}

impl CommandRejection {
    /// Every code of the contract.
    pub const CODES: &[&str] = &[
        "bad-sig",
        "unknown-key",
        "key-not-authorised",
        "need-second-approval",
        "not-for-me",
        "seq-gap",
        "replay",
        "wrong-epoch",
        "not-yet-valid",
        "clock-unsynced",
        "precondition",
        "unsupported",
        "bad-args",
        "busy",
        "too-large",
    ];

    /// The code of the contract; nothing for what has expired, because that is a state of its own.
    pub const fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::TooLarge { .. } => "too-large",
            Self::NotProven(_) => "bad-sig",
            Self::UnknownKey => "unknown-key",
            Self::KeySetExpired
            | Self::KeyNotValid { .. }
            | Self::NotAuthorised { .. }
            | Self::NotByThisDoor { .. } => "key-not-authorised",
            Self::NeedsApproval { .. } => "need-second-approval",
            Self::NotForMe => "not-for-me",
            Self::Gap { .. } => "seq-gap",
            Self::Replay | Self::Retained => "replay",
            Self::WrongEpoch => "wrong-epoch",
            Self::NotYetValid => "not-yet-valid",
            Self::ClockUnsynchronised => "clock-unsynced",
            Self::Precondition => "precondition",
            Self::Unsupported => "unsupported",
            Self::NotACommand | Self::BadArguments { .. } => "bad-args",
            Self::Busy => "busy",
            Self::Expired => return None,
        })
    }

    /// The state it ends in. A gap ends nothing: the missing ones may still come.
    pub const fn state(&self) -> CommandState {
        match self {
            Self::Expired => CommandState::Expired,
            Self::Gap { .. } => CommandState::Received,
            _ => CommandState::Rejected,
        }
    }
}

impl From<CoseFault> for CommandRejection {
    fn from(fault: CoseFault) -> Self {
        match fault {
            CoseFault::TooLarge { found, limit } => Self::TooLarge { found, limit },
            CoseFault::UnknownKey(_) => Self::UnknownKey,
            other => Self::NotProven(other),
        }
    }
}

/// A command that is not done, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RejectedCommand {
    /// Why.
    pub reason: CommandRejection,
    /// Name and number, where the signature was proven. Without it nothing proves that anybody
    /// sent anything: count it, audit it, and answer once a minute at most.
    pub proven: Option<(CommandId, u64)>,
}

impl RejectedCommand {
    pub(crate) const fn unproven(reason: CommandRejection) -> Self {
        let proven = None;
        Self { reason, proven }
    }
}
