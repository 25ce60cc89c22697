//! What a conversation is held with, and how.

use std::num::NonZeroU8;
use std::time::Duration;

use line::{LineSettings, Patience, Peer};

use crate::codec::Conformance;
use crate::hdlc::{Address, Parameters};
use crate::limits::{ANSWER_TIME_MAX, ATTEMPTS, HOLD_MAX, INTER_OCTET, PDU_OCTETS, RESPONSE};
use crate::security::{Form, Keys, Protection, Secret, SystemTitle};
use crate::wrapper::Ports;

/// What carries APDUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// HDLC on a serial line.
    Hdlc {
        /// This side; 16 is the public client.
        client: Address,
        /// The meter.
        server: Address,
        /// What this side can take.
        parameters: Parameters,
    },
    /// The wrapper over TCP.
    Wrapper(Ports),
}

/// How a conversation over HDLC finds the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beginning {
    /// As it is between conversations: what an earlier one promised is done first.
    #[default]
    AtRest,
    /// Somebody else has brought the meter to HDLC and handed the line over. What he promised is not
    /// done: the good-bye of this conversation takes its place, and the line is set back behind it.
    HandedOver {
        /// How the line is set when the conversation has ended; none leaves it as it is.
        restore: Option<LineSettings>,
    },
}

/// How this side proves who it is.
#[derive(Debug, Clone)]
pub enum Access {
    /// Not at all.
    Public,
    /// Low level security: a password, which everybody on the line can read.
    Low(Secret),
    /// High level security by GMAC, with the keys of [`Ciphering`].
    Gmac,
}

/// What is ciphered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// All APDUs.
    #[default]
    Everything,
    /// None: the keys serve for the proof alone.
    ProofOnly,
}

/// Keys, and what is done with them.
#[derive(Debug, Clone)]
pub struct Ciphering {
    /// The meter's keys.
    pub keys: Keys,
    /// This side's title. Nobody else who has these keys may have it.
    pub title: SystemTitle,
    /// What is ciphered.
    pub scope: Scope,
    /// How.
    pub protection: Protection,
    /// How ciphered APDUs show themselves.
    pub form: Form,
    /// Whether the session makes a key of its own.
    pub has_dedicated_key: bool,
}

impl Ciphering {
    /// Everything authenticated and encrypted with the global key.
    pub fn new(keys: Keys, title: SystemTitle) -> Self {
        Self {
            keys,
            title,
            scope: Scope::Everything,
            protection: Protection::Both,
            form: Form::Service,
            has_dedicated_key: false,
        }
    }
}

/// Everything that a session must know beforehand.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Whose turnaround the line learns.
    pub peer: Peer,
    /// What carries APDUs.
    pub road: Road,
    /// How it finds the line.
    pub beginning: Beginning,
    /// How this side proves who it is.
    pub access: Access,
    /// Keys, if there are any.
    pub ciphering: Option<Ciphering>,
    /// What this side offers.
    pub conformance: Conformance,
    /// Octets of the longest APDU that this side takes.
    pub pdu_octets: u16,
    /// Times a frame is sent; over TCP everything is sent once.
    pub attempts: NonZeroU8,
    /// An answer begins within this time.
    pub response: Duration,
    /// Two octets of an answer follow each other within this time.
    pub inter_octet: Duration,
    /// The least silence before a frame.
    pub min_gap: Duration,
    /// How long the session may keep the line.
    pub hold_max: Duration,
}

impl Terms {
    /// A public client that offers everything.
    pub fn public(peer: Peer, road: Road) -> Self {
        Self {
            peer,
            road,
            beginning: Beginning::AtRest,
            access: Access::Public,
            ciphering: None,
            conformance: Conformance::ALL,
            pdu_octets: PDU_OCTETS,
            attempts: ATTEMPTS,
            response: RESPONSE,
            inter_octet: INTER_OCTET,
            min_gap: Duration::ZERO,
            hold_max: HOLD_MAX,
        }
    }

    pub(super) fn patience(&self) -> Patience {
        Patience {
            floor: self.response,
            ceiling: self.response * 2,
            character_gap: self.inter_octet,
            longest: ANSWER_TIME_MAX,
            quiet: self.inter_octet,
        }
    }
}
