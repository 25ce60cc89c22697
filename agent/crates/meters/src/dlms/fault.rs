//! Why a visit failed, or a part of it.

use crate::cosem::CosemFault;
use ::dlms::codec::AccessResult;
use ::dlms::conversation::SessionFault;

/// Why there is no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DlmsFault {
    /// The conversation failed.
    #[error(transparent)]
    Session(#[from] SessionFault),
    /// The sign-on before the session failed.
    #[error("sign-on at 300 baud: {0}")]
    SignOn(Box<iec62056_21::conversation::SessionFault>),
    /// The meter was signed on, and did not speak behind it.
    #[error("the meter took the sign-on, and is silent in HDLC at the speed it has offered")]
    SilentBehindSignOn,
    /// A value is not what it should be.
    #[error(transparent)]
    Meaning(#[from] CosemFault),
    /// The meter refuses a read.
    #[error("the meter does not give {what}: {result}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Its answer.
        result: AccessResult,
    },
    /// Another meter answered.
    #[error("meter `{found}` answered where `{expected}` is expected; its data is refused")]
    WrongMeter {
        /// What it says of itself.
        found: String,
        /// Which one it should be.
        expected: String,
    },
    /// The meter does not say which one it is.
    #[error("the meter does not say which one it is; correct the `object` rows of its model")]
    NoIdentity,
    /// The model or the settings do not say how to get there.
    #[error("{what} is not known; {remedy}")]
    Unknown {
        /// What is missing.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Rows refer to others before them, however far back one begins.
    #[error("rows refer to rows before them that the meter does not give; read all of the profile")]
    NoFirstRow,
}

impl DlmsFault {
    /// Whether nothing else can be asked in this session.
    pub fn ends_session(&self) -> bool {
        match self {
            Self::Session(fault) => !matches!(
                fault,
                SessionFault::Exception { .. }
                    | SessionFault::NotAgreed { .. }
                    | SessionFault::TooLong { .. }
            ),
            Self::SignOn(_)
            | Self::SilentBehindSignOn
            | Self::WrongMeter { .. }
            | Self::NoIdentity => true,
            Self::Meaning(_) | Self::Refused { .. } | Self::Unknown { .. } | Self::NoFirstRow => {
                false
            }
        }
    }
}
