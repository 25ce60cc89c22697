//! What can be wrong with a message.
//!
//! No variant carries octets of the message: it may hold a password.

/// Octets that are not the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeFault {
    /// More octets are needed.
    #[error("the message is cut short")]
    Incomplete,
    /// Octets stand behind the end of the message.
    #[error("octets follow the end of the message")]
    Trailing,
    /// An octet with its eighth bit set: wrong parity, or a line of eight bits without the
    /// parity of the software.
    #[error("an octet has its eighth bit set; check the parity settings of the line")]
    EighthBit,
    /// The block check, or the checksum of a packet, is wrong.
    #[error("the checksum of the message is wrong")]
    Checksum,
    /// Longer than allowed.
    #[error("{part} is longer than the {limit} allowed")]
    TooLong {
        /// What is too long.
        part: &'static str,
        /// The most that is allowed.
        limit: usize,
    },
    /// Undamaged, but not the message of the standard.
    #[error("{part} is not as the standard writes it")]
    Malformed {
        /// What is wrong.
        part: &'static str,
    },
    /// A command, a control or a mode that is not known here.
    #[error("{part} is not known here")]
    Unknown {
        /// What is not known.
        part: &'static str,
    },
}

/// What to do about a message that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The line damaged it: ask for it again.
    AskAgain,
    /// The other side sends it so: asking again brings the same.
    GiveUp,
}

impl DecodeFault {
    /// What the receiver should do.
    pub fn remedy(self) -> Remedy {
        match self {
            Self::Incomplete | Self::Trailing | Self::EighthBit | Self::Checksum => {
                Remedy::AskAgain
            }
            Self::TooLong { .. } | Self::Malformed { .. } | Self::Unknown { .. } => Remedy::GiveUp,
        }
    }

    pub(super) const fn malformed(part: &'static str) -> Self {
        Self::Malformed { part }
    }
}

/// A part of a message that the standard cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidField {
    /// Too long.
    #[error("{part} has {found} characters; at most {limit} are allowed")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// Its characters.
        found: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// A character that cannot stand there.
    #[error("{part} holds a character that cannot stand there; use {allowed}")]
    Character {
        /// Which part.
        part: &'static str,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A number out of its range.
    #[error("{part} is {found}; use {least} to {most}")]
    Range {
        /// Which part.
        part: &'static str,
        /// The number.
        found: usize,
        /// The least allowed.
        least: usize,
        /// The most allowed.
        most: usize,
    },
}

impl From<InvalidField> for DecodeFault {
    fn from(field: InvalidField) -> Self {
        match field {
            InvalidField::TooLong { part, limit, .. } => Self::TooLong { part, limit },
            InvalidField::Character { part, .. } | InvalidField::Range { part, .. } => {
                Self::Malformed { part }
            }
        }
    }
}

/// Refuses a text that is too long or has a character that `allows` does not.
pub(super) fn check_text(
    part: &'static str,
    text: &str,
    limit: usize,
    allowed: &'static str,
    allows: impl Fn(u8) -> bool,
) -> Result<(), InvalidField> {
    if text.len() > limit {
        let found = text.len();
        return Err(InvalidField::TooLong { part, found, limit });
    }
    if text.bytes().all(allows) {
        Ok(())
    } else {
        Err(InvalidField::Character { part, allowed })
    }
}

/// Refuses a number out of `least..=most`.
pub(super) fn check_range(
    part: &'static str,
    found: usize,
    least: usize,
    most: usize,
) -> Result<(), InvalidField> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(InvalidField::Range {
            part,
            found,
            least,
            most,
        })
    }
}
