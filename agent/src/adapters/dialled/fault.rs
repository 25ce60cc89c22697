//! Why a call does not stand, and what to do then.

use crate::adapters::pad::ClearCause;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Why a call does not stand.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallFault {
    /// The meter's line is engaged.
    #[error("the number is busy; somebody else may be reading the meter")]
    Busy,
    /// No modem answered, or the two did not understand each other.
    #[error("no carrier; check the number, and that the meter's modem has power and answers")]
    NoCarrier,
    /// The telephone line is dead.
    #[error("no dial tone; check the telephone line, or the SIM card and the reception")]
    NoDialTone,
    /// It rang, and nobody answered.
    #[error("no answer; the meter's modem has no power, or does not pick up")]
    NoAnswer,
    /// The modem keeps the number from being called again so soon.
    #[error("the modem will not call this number yet; call less often")]
    Barred,
    /// The modem said nothing about the call.
    #[error("no word of the modem within {waited:?}; check its set-up")]
    NoResult {
        /// How long it was waited for.
        waited: Duration,
    },
    /// Nothing answers at the modem's end of the cable.
    #[error("no modem answers; check its cable, its power and the baud rate")]
    ModemSilent,
    /// The modem does not take a command of ours.
    #[error("the modem refuses the command {command}; another modem or init string is needed")]
    ModemRefuses {
        /// Which.
        command: &'static str,
    },
    /// The modem does not take a line of its init string.
    #[error("the modem refuses line {number} of its init string; correct it")]
    InitRefused {
        /// Which, from 1.
        number: usize,
    },
    /// Nothing answers at the PAD's end.
    #[error("no PAD answers; check its cable or address, its power and the baud rate")]
    PadSilent,
    /// The PAD does not take a command of its set-up.
    #[error("the PAD refuses line {number} of its set-up; correct it")]
    SetupRefused {
        /// Which, from 1.
        number: usize,
    },
    /// The PAD does not take the command that calls.
    #[error("the PAD refuses the call; check the number and pad.call")]
    PadRefuses,
    /// The packet network does not make the call.
    #[error("the network cleared the call: {cause}")]
    Cleared {
        /// Why.
        cause: ClearCause,
    },
    /// The call does not end. The port must be closed, which drops DTR or the connection.
    #[error("the call does not end; check that the modem or PAD obeys DTR and its escape")]
    NotHungUp,
    /// The call ended while it was in use.
    #[error("the call was dropped")]
    Lost,
    /// The call was longer than it may be.
    #[error("the call reached its longest time; raise call-minutes-max, or read less at once")]
    TooLong,
    /// Nobody was called.
    #[error("no call stands; call first")]
    NotConnected,
    /// Nobody can be called.
    #[error("this link makes no calls")]
    NotDialled,
    /// The port is gone.
    #[error("the port is gone; it must be opened again")]
    Port(#[source] Arc<io::Error>),
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallRemedy {
    /// Call again after a pause.
    Redial,
    /// Call again later; somebody should look at the far end if it stays so.
    Later,
    /// Drop the port and open it again.
    Reopen,
    /// A person must change the configuration or the cabling here.
    AskInstaller,
}

impl CallFault {
    /// What to do about it.
    pub const fn remedy(&self) -> CallRemedy {
        match self {
            Self::Busy | Self::NoCarrier | Self::NoAnswer | Self::NoResult { .. } | Self::Lost => {
                CallRemedy::Redial
            }
            Self::Cleared { cause } if cause.is_passing() => CallRemedy::Redial,
            Self::Barred | Self::NoDialTone | Self::TooLong => CallRemedy::Later,
            Self::NotHungUp | Self::NotConnected | Self::Port(_) => CallRemedy::Reopen,
            Self::ModemSilent
            | Self::ModemRefuses { .. }
            | Self::InitRefused { .. }
            | Self::PadSilent
            | Self::SetupRefused { .. }
            | Self::PadRefuses
            | Self::Cleared { .. }
            | Self::NotDialled => CallRemedy::AskInstaller,
        }
    }

    /// The code of the doctor's message: C08 dropped, C09 modem, C10 PAD, C01 no port.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Busy
            | Self::NoCarrier
            | Self::NoDialTone
            | Self::NoAnswer
            | Self::Barred
            | Self::NoResult { .. }
            | Self::ModemSilent
            | Self::ModemRefuses { .. }
            | Self::InitRefused { .. }
            | Self::NotHungUp => "C09",
            Self::PadSilent
            | Self::SetupRefused { .. }
            | Self::PadRefuses
            | Self::Cleared { .. } => "C10",
            Self::Lost | Self::TooLong | Self::NotConnected => "C08",
            Self::NotDialled | Self::Port(_) => "C01",
        }
    }

    /// The modem or PAD has itself said that no call stands.
    pub(super) const fn leaves_no_call(&self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::NoCarrier
                | Self::NoDialTone
                | Self::NoAnswer
                | Self::Barred
                | Self::Cleared { .. }
        )
    }
}

impl From<io::Error> for CallFault {
    fn from(error: io::Error) -> Self {
        Self::Port(Arc::new(error))
    }
}
