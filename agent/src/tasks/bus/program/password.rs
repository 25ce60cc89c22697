//! What a command wants of a meter's password.

use super::ProgramTrouble;
use authority::SecretOctets;
use meters::program::Misfit;

/// One session's share.
#[derive(Debug, Clone)]
pub enum PasswordAsk {
    /// Gives the meter a new password, which is kept before.
    Change {
        /// Of this access level.
        level: u8,
        /// The new one.
        new: SecretOctets,
    },
    /// Which password it has: the session itself proves that.
    Prove(SecretOctets),
}

/// What a session found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordFound {
    /// The new one was sent; the next session proves which one the meter has.
    Sent,
    /// It is the one that it has; nothing was sent.
    Same,
    /// The meter does not take it.
    Refused(String),
    /// It has the one that was asked for.
    This,
    /// It has another one.
    Other,
}

impl PasswordFound {
    /// For the audit chain.
    pub fn words(&self) -> &str {
        match self {
            Self::Sent => "the new one was sent",
            Self::Same => "it is the one that the meter has",
            Self::Refused(_) => "the meter refused the new one",
            Self::This => "a session proved the new one",
            Self::Other => "the meter has not taken the new one",
        }
    }
}

/// Nobody has published how it is changed.
pub(in crate::tasks::bus) fn no_password(kind: &str) -> ProgramTrouble {
    let problem = format!("changing it is unsupported by this model: {kind}");
    let remedy = "change it with the maker's program, then correct the meter's `password-file`";
    ProgramTrouble::Misfits(vec![Misfit::new("password", problem, remedy)])
}
