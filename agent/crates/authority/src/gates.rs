//! The gates a command passes. Each takes one type and gives the next; whoever holds the last one
//! holds the proof that nothing was left out.
//!
//! [`SignedCommand`] (bytes of anybody) → [`AuthenticCommand`] (proven who) → [`AuthorisedCommand`]
//! (proven that they may).

mod authentic;
mod authorised;
mod signed;

pub use authentic::{AuthenticCommand, Author};
pub use authorised::{AuthorisedCommand, authorise};
pub use signed::{
    COMMAND_CONTENT_TYPE, SignedCommand, approve_command, sign_command, sign_shared_command,
};

use crate::action::Action;
use crate::operation::Operation;
use std::fmt;

/// Where a command came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// Signed, over the head-end.
    HeadEnd,
    /// The local socket.
    LocalSocket,
    /// The web page.
    Web,
    /// The serial console.
    Console,
    /// A meter list whose time came.
    Schedule,
    /// The gateway's own configuration.
    Configuration,
}

impl Door {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::HeadEnd,
        Self::LocalSocket,
        Self::Web,
        Self::Console,
        Self::Schedule,
        Self::Configuration,
    ];

    /// Its word in journals and receipts.
    pub const fn word(self) -> &'static str {
        match self {
            Self::HeadEnd => "head-end",
            Self::LocalSocket => "socket",
            Self::Web => "web",
            Self::Console => "console",
            Self::Schedule => "schedule",
            Self::Configuration => "configuration",
        }
    }

    /// The door behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|door| door.word() == word)
    }

    /// Its number in the journal; never used for another one.
    pub const fn code(self) -> u8 {
        match self {
            Self::HeadEnd => 1,
            Self::LocalSocket => 2,
            Self::Web => 3,
            Self::Console => 4,
            Self::Schedule => 5,
            Self::Configuration => 6,
        }
    }

    /// Whether people sign in there.
    pub const fn is_for_people(self) -> bool {
        matches!(self, Self::LocalSocket | Self::Web | Self::Console)
    }

    /// Whether an action is taken there at all, whoever orders it. What runs by itself reads and
    /// writes meters; it never changes what is stored, keys, or the gateway.
    pub const fn takes(self, action: &Action) -> bool {
        if matches!(action, Action::GatewayTimeSet { .. }) {
            return !matches!(self, Self::Schedule | Self::Configuration);
        }
        match self {
            Self::HeadEnd | Self::LocalSocket | Self::Web | Self::Console => true,
            Self::Schedule => matches!(
                action.operation(),
                Operation::SchemeRead
                    | Operation::SchemeProgram
                    | Operation::TariffSet
                    | Operation::TimeSet
                    | Operation::TimeAdjust
                    | Operation::BillingReset
                    | Operation::ProfileBackfill
                    | Operation::MeterRead
                    | Operation::MeterInstant
                    | Operation::MeterPing
            ),
            Self::Configuration => matches!(
                action.operation(),
                Operation::TimeSet
                    | Operation::TimeAdjust
                    | Operation::ProfileBackfill
                    | Operation::MeterRead
                    | Operation::MeterInstant
                    | Operation::MeterPing
            ),
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
pub(crate) mod tests;
