//! Why a conversation, or a part of it, failed, and what to do then.
//!
//! No variant carries octets that were sent or heard: they may hold a password.

use std::fmt;
use std::time::Duration;

use line::LineFault;

use crate::codec::acse::Diagnostic;
use crate::codec::{DecodeFault, Exception, ServiceError};
use crate::security::{CounterFault, SecurityFault};

/// Where in a conversation something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Opening the link.
    Link,
    /// Opening the association.
    Association,
    /// The proof of high level security.
    Proof,
    /// A read.
    Get,
    /// A write.
    Set,
    /// A method.
    Action,
    /// The release.
    Release,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "the link",
            Self::Association => "the association",
            Self::Proof => "the proof of the key",
            Self::Get => "a read",
            Self::Set => "a write",
            Self::Action => "a method",
            Self::Release => "the release",
        })
    }
}

/// Why there is no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SessionFault {
    /// The line brought nothing, or nothing whole.
    #[error("{step} got no answer")]
    Line {
        /// In the middle of what.
        step: Step,
        /// Why.
        #[source]
        fault: LineFault,
    },
    /// The meter has no link: it does not know this client, or it has dropped the link.
    #[error("{step}: meter has no link for this client; check both HDLC addresses")]
    NoLink {
        /// In the middle of what.
        step: Step,
    },
    /// The meter says again and again that it is not ready.
    #[error("{step}: meter is not ready")]
    NotReady {
        /// In the middle of what.
        step: Step,
    },
    /// The meter refuses the association.
    #[error("meter refuses the association: {diagnostic}")]
    Refused {
        /// Why.
        diagnostic: Diagnostic,
    },
    /// The meter does not take the proof: it has another key.
    #[error("meter does not take the proof of the key; check the keys")]
    ProofRefused,
    /// The meter accepts another association than the one that was asked for.
    #[error("meter answers with another context or level of security than asked for")]
    OtherTerms,
    /// The meter does not take an APDU.
    #[error("{step}: meter says {}", .exception.error)]
    Exception {
        /// In the middle of what.
        step: Step,
        /// What it says. Nothing proves it.
        exception: Exception,
    },
    /// An APDU makes no sense.
    #[error("{step}: answer makes no sense")]
    Malformed {
        /// In the middle of what.
        step: Step,
        /// Why.
        #[source]
        fault: DecodeFault,
    },
    /// An answer that belongs to another request. The session is over.
    #[error("{step}: answer belongs to another request")]
    Unmatched {
        /// In the middle of what.
        step: Step,
    },
    /// A value whose blocks do not follow each other. The session is over.
    #[error("{step}: block {found} came where block {wanted} was wanted")]
    Blocks {
        /// In the middle of what.
        step: Step,
        /// Its number.
        found: u32,
        /// The number that was wanted.
        wanted: u32,
    },
    /// More than a named limit allows.
    #[error("{step}: {part} is longer than {most}")]
    TooLong {
        /// In the middle of what.
        step: Step,
        /// What it is.
        part: &'static str,
        /// The limit.
        most: usize,
    },
    /// The association does not have the service.
    #[error("{step}: meter has not agreed to {service}")]
    NotAgreed {
        /// In the middle of what.
        step: Step,
        /// What is missing.
        service: &'static str,
    },
    /// The protection of an APDU is wrong, or it cannot be protected.
    #[error("{step}: protection of the APDU")]
    Security {
        /// In the middle of what.
        step: Step,
        /// Why.
        #[source]
        fault: SecurityFault,
    },
    /// The counters of this side cannot be kept.
    #[error(transparent)]
    Counter(#[from] CounterFault),
    /// High level security was asked for, and there are no keys.
    #[error("high level security needs keys; give the meter's keys")]
    NoKeys,
    /// The session has had the line for its time.
    #[error("time of the session is up after {held:?}")]
    TimeUp {
        /// How long it had the line.
        held: Duration,
    },
    /// The session is over, by an earlier fault.
    #[error("session is over")]
    Over,
}

/// What to do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Open another session, later.
    OpenAgain,
    /// Open the port or the connection again, then another session.
    Reopen,
    /// Read the counter as public client, raise what is kept above it, then open another session.
    ReadCounter,
    /// Once is enough: a key, a password or an address is wrong. Try again only after a pause.
    AskOperator,
    /// Do not ask for that.
    GiveUp,
}

impl SessionFault {
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Line { fault, .. } => match fault {
                LineFault::Gone(_) => Remedy::Reopen,
                LineFault::Settings(_) => Remedy::AskOperator,
                _ => Remedy::OpenAgain,
            },
            Self::Unmatched { .. } => Remedy::Reopen,
            Self::NotReady { .. }
            | Self::Blocks { .. }
            | Self::Malformed { .. }
            | Self::Counter(_)
            | Self::TimeUp { .. }
            | Self::Over => Remedy::OpenAgain,
            Self::Exception { exception, .. } => match exception.error {
                ServiceError::InvocationCounter => Remedy::ReadCounter,
                ServiceError::Deciphering => Remedy::AskOperator,
                _ => Remedy::GiveUp,
            },
            Self::Security { fault, .. } => match fault {
                SecurityFault::Old { .. } => Remedy::OpenAgain,
                _ => Remedy::AskOperator,
            },
            Self::NoLink { .. }
            | Self::Refused { .. }
            | Self::ProofRefused
            | Self::OtherTerms
            | Self::NoKeys => Remedy::AskOperator,
            Self::TooLong { .. } | Self::NotAgreed { .. } => Remedy::GiveUp,
        }
    }
}
