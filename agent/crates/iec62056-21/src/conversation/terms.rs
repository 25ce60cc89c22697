//! What a conversation is told before it begins.

use std::num::NonZeroU8;
use std::time::Duration;

use line::{LineSettings, Peer};

use crate::codec::{Baud, Form, MeterAddress, Password, Purpose};
use crate::limits::{
    ATTEMPTS, CHARACTER_GAP_MAX, HOLD_MAX, REACTION_TIME_MAX, RENEW_AFTER, SEED_DELAY,
};

/// How a meter is spoken to.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Whose turnaround the guard learns.
    pub peer: Peer,
    /// None asks the only meter of a point-to-point link.
    pub address: Option<MeterAddress>,
    /// Whether the speed changes behind the identification.
    pub opening: Opening,
    /// How the line is set for the opening; none leaves it as it is.
    pub line: Option<LineSettings>,
    /// Who makes and proves the parity.
    pub parity: ParityBy,
    /// What the session is for; [`Purpose::Programming`], or [`Purpose::Maker6`] for data streams.
    pub purpose: Purpose,
    /// Silence before each request; none takes what the identification promises.
    pub gap: Option<Duration>,
    /// A meter begins to answer within this time.
    pub reaction_max: Duration,
    /// Two characters of an answer follow each other within this time.
    pub character_gap_max: Duration,
    /// How often an opening, or a request that may be repeated, is tried.
    pub attempts: NonZeroU8,
    /// How often an opening is tried, if not as often as anything else.
    pub opening_attempts: Option<NonZeroU8>,
    /// Sends a sign-off first, for a meter that may still be in a session.
    pub break_first: bool,
    /// So much longer than for anything else the operand is waited for.
    pub seed_delay: Duration,
    /// The password is given again when it is so old.
    pub renew_after: Duration,
    /// The session begins nothing new when it has held the line for so long. What was begun may take
    /// half as long again while the meter answers; one that has fallen silent is left at once. Only
    /// a password and a write are waited for all the same.
    pub hold_max: Duration,
    /// How the line is set when the session has ended; none leaves it as it is.
    pub restore: Option<LineSettings>,
    /// What proves that the meter and the gateway are in step again.
    pub probes: Vec<Probe>,
    /// Whether the answers to reads of data sets begin with the address that was asked for. Only
    /// then an answer to another request is told from them at once.
    pub answers_name_address: bool,
}

/// Whether both sides change the speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The same speed from first to last, as on RS485, RS232, modems and serial servers.
    Fixed,
    /// From the speed of [`Terms::line`] to the one the meter offers, if it is not above this one.
    Negotiated {
        /// The fastest that the link carries.
        baud_max: Baud,
    },
}

/// Who makes and proves the parity of seven-bit characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParityBy {
    /// The port: the line is 7E1. Also for an 8N1 line on which nobody makes parity.
    #[default]
    Line,
    /// This crate, on an 8N1 line.
    Software,
    /// This crate makes it and ignores what comes, on a link that mutilates it: only the block
    /// check finds damage then.
    Ignored,
}

/// A harmless read whose answer is told from those of all other requests that may still be
/// answered. A session has several, for the answer to a probe may be late as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// So many octets of the first packet of an identity.
    Packet {
        /// Readable at every level.
        identity: u16,
        /// A length that no other request of the session has.
        octets: u8,
    },
    /// A data set whose answer begins with its address.
    Set {
        /// How it is read.
        form: Form,
        /// Its address.
        address: String,
    },
}

/// How the password is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOn {
    /// Not at all.
    None,
    /// The public level of an Elster meter, which needs no password.
    Public,
    /// P1: the password as it is.
    Plain(Password),
    /// P2: as Elster meters want it.
    Elster {
        /// Eight characters.
        password: Password,
        /// Asks for the public level before, as the maker's program does.
        public_first: bool,
    },
}

impl Terms {
    /// For an Elster meter at a fixed speed, on a line that is set already and makes the parity.
    pub fn new(peer: Peer, address: Option<MeterAddress>) -> Self {
        Self {
            peer,
            address,
            opening: Opening::Fixed,
            line: None,
            parity: ParityBy::Line,
            purpose: Purpose::Programming,
            gap: None,
            reaction_max: REACTION_TIME_MAX,
            character_gap_max: CHARACTER_GAP_MAX,
            attempts: NonZeroU8::new(ATTEMPTS).unwrap_or(NonZeroU8::MIN),
            opening_attempts: None,
            break_first: false,
            seed_delay: SEED_DELAY,
            renew_after: RENEW_AFTER,
            hold_max: HOLD_MAX,
            restore: None,
            probes: Probe::elster(),
            answers_name_address: true,
        }
    }
}

impl Probe {
    /// Parts of the serial number, in lengths that nothing else in an Elster meter has.
    pub fn elster() -> Vec<Self> {
        let probe = |octets| Self::Packet {
            identity: 798,
            octets,
        };
        [11, 10, 5, 13].map(probe).to_vec()
    }

    /// Data sets that most meters of the VDEW style have.
    pub fn vdew() -> Vec<Self> {
        let probe = |address: &str| Self::Set {
            form: Form::National,
            address: address.to_owned(),
        };
        ["0.0.0", "C.1.0", "F.F", "0.2.0"].map(probe).to_vec()
    }
}
