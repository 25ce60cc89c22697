//! What can go wrong on a line, and what to do then.

use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Why an exchange brought no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LineFault {
    /// Nothing that fits the request came until the hard deadline. The answer may still come;
    /// until then only a probe should go to this meter.
    #[error("no answer within {waited:?} ({heard} octets of something else)")]
    Silent {
        /// From the moment the request left to the hard deadline.
        waited: Duration,
        /// Octets that came and did not fit.
        heard: usize,
    },
    /// The answer came whole, and its checksum is wrong.
    #[error("answer of {octets} octets damaged on the line")]
    Damaged {
        /// Length of the damaged frame.
        octets: usize,
    },
    /// Somebody else talks without a pause.
    #[error(
        "line not silent for {waited:?} ({octets} octets heard); look for a second master or a missing termination"
    )]
    Busy {
        /// How long silence was waited for.
        waited: Duration,
        /// Octets heard meanwhile.
        octets: usize,
    },
    /// The answer to this request is a copy of the request, and the line has not yet shown
    /// whether it echoes. Nothing was sent.
    #[error("an echo could pass for the answer; read something from this line first")]
    EchoUnknown,
    /// The port is gone and will not come back under this handle: drop it and open it again.
    #[error("port gone; waiting to open it again")]
    Gone(#[source] Arc<io::Error>),
    /// The port does not take these settings.
    #[error("port refuses its settings; check baud rate, parity and stop bits")]
    Settings(#[source] Arc<io::Error>),
}

/// What the owner of the line should do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Send only a probe to this meter until it answers.
    Probe,
    /// Send the same request again, once.
    Retry,
    /// Leave the line alone for a while.
    Wait,
    /// Read something first.
    ReadFirst,
    /// Drop the line and open it again.
    Reopen,
    /// A person must change the configuration.
    AskInstaller,
}

impl LineFault {
    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Silent { .. } => Remedy::Probe,
            Self::Damaged { .. } => Remedy::Retry,
            Self::Busy { .. } => Remedy::Wait,
            Self::EchoUnknown => Remedy::ReadFirst,
            Self::Gone(_) => Remedy::Reopen,
            Self::Settings(_) => Remedy::AskInstaller,
        }
    }
}

impl From<io::Error> for LineFault {
    fn from(error: io::Error) -> Self {
        Self::Gone(Arc::new(error))
    }
}
