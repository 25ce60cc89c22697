//! Why a conversation, or a part of it, failed, and what to do then.
//!
//! No variant carries octets that were sent or heard: they may hold a password.

use std::fmt;
use std::time::Duration;

use line::LineFault;

use crate::codec::{DecodeFault, InvalidField, Mode, Refusal};

use super::terms::ParityBy;

/// Where in a conversation something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The sign-on.
    SignOn,
    /// The option select, up to the operand.
    Select,
    /// The password.
    LogOn,
    /// A read.
    Read,
    /// A write, or the execution of a command.
    Write,
    /// A data stream.
    Stream,
    /// A readout.
    Readout,
    /// A probe, behind an exchange that failed.
    Probe,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignOn => "the sign-on",
            Self::Select => "the option select",
            Self::LogOn => "the password",
            Self::Read => "a read",
            Self::Write => "a write",
            Self::Stream => "a data stream",
            Self::Readout => "a readout",
            Self::Probe => "a probe",
        })
    }
}

/// What octets look like that are no message: it shows what is set wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Garble {
    /// How many.
    pub octets: usize,
    /// Those whose parity is wrong, as the session proves it.
    pub wrong_parity: usize,
    /// Those that would be seven bits with even parity. Nearly all of them: the meter speaks 7E1,
    /// and the line is 8N1. About half of them: wrong speed, or noise.
    pub even: usize,
    /// Those with the eighth bit set.
    pub eighth_bit: usize,
    /// Zeros: so a port reports characters of wrong parity or framing.
    pub zeros: usize,
    /// Whether they begin as an identification does. Then speed and characters are right, and the
    /// rest was damaged on the way, or by another meter.
    pub begins_well: bool,
}

impl Garble {
    /// Looks at octets as they came.
    pub(super) fn of(octets: &[u8], parity: ParityBy) -> Self {
        let count = |is: fn(u8) -> bool| octets.iter().filter(|octet| is(**octet)).count();
        let even = count(|octet| octet.count_ones().is_multiple_of(2));
        let eighth_bit = count(|octet| octet >= 0x80);
        Self {
            octets: octets.len(),
            wrong_parity: match parity {
                ParityBy::Line => eighth_bit,
                ParityBy::Software => octets.len().saturating_sub(even),
                ParityBy::Ignored => 0,
            },
            even,
            eighth_bit,
            zeros: count(|octet| octet == 0),
            begins_well: parity.received(octets).first() == Some(&b'/'),
        }
    }
}

/// How a meter showed that it does not take a password. Which way it chooses is not known for most
/// meters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordRefusal {
    /// By a NAK.
    NotAcknowledged,
    /// By ending the conversation.
    SignedOff,
    /// In words.
    Refused(Refusal),
    /// By saying nothing. The confirmation may also have been lost on the line.
    Silent,
    /// By something that could not be understood: perhaps a damaged confirmation.
    Garbled,
}

impl fmt::Display for PasswordRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAcknowledged => f.write_str("it did not acknowledge"),
            Self::SignedOff => f.write_str("it signed off"),
            Self::Refused(refusal) => write!(f, "it said {refusal}"),
            Self::Silent => f.write_str("it did not answer"),
            Self::Garbled => f.write_str("its answer was damaged"),
        }
    }
}

/// Why a session, or an exchange of it, failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SessionFault {
    /// Nothing was heard at all.
    #[error(
        "nothing heard after {step} within {waited:?}; check port, power, address and optical head"
    )]
    Nothing {
        /// After what.
        step: Step,
        /// How long.
        waited: Duration,
    },
    /// Octets were heard, but no message.
    #[error(
        "only garbled octets after {step} ({} of them, {} with wrong parity); check baud rate and framing",
        garble.octets, garble.wrong_parity
    )]
    Garbled {
        /// After what.
        step: Step,
        /// What they look like.
        garble: Garble,
    },
    /// Only what was sent came back.
    #[error(
        "only the echo of {step} was heard; the line echoes, and no meter answers: check the address and the direction of the optical head"
    )]
    EchoOnly {
        /// Of what.
        step: Step,
    },
    /// Two meters answered the sign-on.
    #[error(
        "more than one meter answered the sign-on; give each meter on the line its own address"
    )]
    TwoMeters,
    /// A line was heard that begins like an identification, and is none.
    #[error(
        "the answer to the sign-on is no identification ({octets} octets); this is no meter of IEC 62056-21"
    )]
    NoIdentification {
        /// Its octets.
        octets: usize,
    },
    /// The meter is of a mode that cannot do this.
    #[error("a meter of {mode:?} cannot do this; use what its mode offers")]
    WrongMode {
        /// What its identification says.
        mode: Mode,
    },
    /// The meter did not understand.
    #[error("meter did not acknowledge {step}; try again, and look for noise on the line")]
    NotAcknowledged {
        /// What.
        step: Step,
    },
    /// The meter will not.
    #[error("meter refused {step}: {refusal}")]
    Refused {
        /// What.
        step: Step,
        /// In its words.
        refusal: Refusal,
    },
    /// The meter does not take the password. It is not tried again: too many wrong ones may lock
    /// the meter.
    #[error(
        "meter did not take the password: {how}; check it before the next try, which may lock the meter"
    )]
    PasswordRefused {
        /// How it said so.
        how: PasswordRefusal,
    },
    /// The password was tried before in this session.
    #[error("a session tries one password only; open another one when the password is known")]
    PasswordTried,
    /// A password that was taken is not taken again.
    #[error("meter did not take its password again: {how}; open another session")]
    NotRenewed {
        /// How it said so.
        how: PasswordRefusal,
    },
    /// The meter ended the conversation of its own.
    #[error("meter signed off of its own; open another session")]
    SignedOff,
    /// Whether the meter did it is not known: a confirmation says nothing of what it confirms.
    #[error("whether the meter has written is not known; read it back")]
    WriteUnknown {
        /// Why not.
        #[source]
        cause: Box<SessionFault>,
    },
    /// What answers belong to can no longer be told.
    #[error("answers can no longer be told apart; open another session")]
    OutOfStep {
        /// A probe was refused so.
        refusal: Option<Refusal>,
    },
    /// A data stream broke off. What was taken of it is proven.
    #[error("data stream broke off behind packet {after}; read on from there")]
    StreamBroken {
        /// The last packet that was taken; 0 if there was none.
        after: u16,
        /// Why.
        #[source]
        cause: Box<SessionFault>,
    },
    /// The session has held the line for as long as it may.
    #[error("session has held the line for {held:?}; close it and let others go on")]
    TimeUp {
        /// How long.
        held: Duration,
    },
    /// A request that cannot be written. Nothing was sent.
    #[error("request cannot be written")]
    Invalid(#[from] InvalidField),
    /// The terms contradict themselves. Nothing was sent.
    #[error("terms of the session: {reason}")]
    Terms {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// An undamaged message that the protocol does not know.
    #[error("meter broke the protocol")]
    Breach(#[from] DecodeFault),
    /// The line.
    #[error("line cannot be used")]
    Line(#[from] LineFault),
}

/// What the driver should do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionRemedy {
    /// Close the session and open another one, at most [`REOPENINGS_MAX`] times.
    ///
    /// [`REOPENINGS_MAX`]: crate::limits::REOPENINGS_MAX
    Reopen,
    /// Close the session and try again later.
    Later,
    /// Read back what was written.
    ReadBack,
    /// Go on with other requests: this meter does not answer this one.
    Skip,
    /// Go on reading behind what was taken.
    Resume,
    /// A person must look at the line, the address or the settings.
    AskInstaller,
    /// A person must look at the password. Nothing may try it again before.
    AskOperator,
    /// As the line says.
    Line(line::Remedy),
}

impl SessionFault {
    /// What to do about it.
    pub fn remedy(&self) -> SessionRemedy {
        match self {
            Self::TimeUp { .. }
            | Self::Nothing {
                step: Step::SignOn, ..
            } => SessionRemedy::Later,
            Self::Nothing { .. }
            | Self::Garbled {
                step:
                    Step::Select
                    | Step::LogOn
                    | Step::Read
                    | Step::Write
                    | Step::Stream
                    | Step::Readout
                    | Step::Probe,
                ..
            }
            | Self::NotAcknowledged { .. }
            | Self::NotRenewed { .. }
            | Self::SignedOff
            | Self::OutOfStep { .. } => SessionRemedy::Reopen,
            Self::Garbled { .. }
            | Self::EchoOnly { .. }
            | Self::TwoMeters
            | Self::NoIdentification { .. }
            | Self::Terms { .. } => SessionRemedy::AskInstaller,
            Self::Refused { .. } | Self::WrongMode { .. } | Self::Invalid(_) | Self::Breach(_) => {
                SessionRemedy::Skip
            }
            Self::PasswordRefused { .. } | Self::PasswordTried => SessionRemedy::AskOperator,
            Self::WriteUnknown { .. } => SessionRemedy::ReadBack,
            Self::StreamBroken { .. } => SessionRemedy::Resume,
            Self::Line(fault) => SessionRemedy::Line(fault.remedy()),
        }
    }

    /// Whether the line failed, or the session is over: nothing else can be asked in it.
    pub fn ends_session(&self) -> bool {
        match self {
            Self::SignedOff | Self::Line(_) | Self::TimeUp { .. } | Self::OutOfStep { .. } => true,
            Self::WriteUnknown { cause } | Self::StreamBroken { cause, .. } => cause.ends_session(),
            _ => false,
        }
    }
}
