//! How a meter behaves where meters differ, or where nobody knows.

use std::time::Duration;

use super::limits::{INACTIVITY, LAPSE, PARTIAL_CHARS, SELECT_WAIT};
use super::store::Level;
use crate::codec::{Baud, Identification, MeterAddress, Password};

/// At which speed a meter listens, and whether it changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The same from first to last, in bits per second; the digit of the identification and of the
    /// option select changes nothing. Zero is a stream on which octets take no time.
    Fixed(u32),
    /// It listens at this speed and goes on as the option select says, or as its identification
    /// does in mode B.
    Negotiated(Baud),
}

/// Who makes and checks the parity of text; packets of a data stream never have any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParityBy {
    /// The port: octets come with seven bits, the eighth set where the parity was wrong. Such a
    /// port cannot carry a data stream.
    Port,
    /// The meter, in the eighth bit, and it refuses what comes with a wrong one.
    Software,
    /// The meter, in the eighth bit; it ignores the one of what it hears.
    SoftwareUnchecked,
    /// Nobody: the eighth bit is zero and ignored.
    Nobody,
}

/// What a meter does with a sign-on to another address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OtherAddress {
    /// Nothing.
    #[default]
    Silence,
    /// It answers NAK (seen in one source).
    Nak,
}

/// What a meter does with a sign-on to itself while a session is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignOnInSession {
    /// NAK: it expects a command. Sources send B0 before they sign on.
    #[default]
    Nak,
    /// Nothing.
    Silence,
    /// It begins anew.
    Restart,
}

/// What a meter does with a wrong password; which meter does what is recorded nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WrongPassword {
    /// NAK.
    #[default]
    Nak,
    /// B0, and the session is over.
    SignOff,
    /// `(ERR1)`.
    Refusal,
    /// Nothing.
    Silence,
}

/// What a meter does when a password has lapsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lapse {
    /// It refuses commands until the password is given again.
    #[default]
    Refuses,
    /// It ends the session with B0.
    SignsOff,
}

/// A meter that takes no password for a while after so many wrong ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// Wrong passwords in a row.
    pub after: u8,
    /// How long it lasts.
    pub lasts: Duration,
}

/// What a meter of mode E does when HDLC is selected, which its identification offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HdlcSelect {
    /// It goes over to HDLC at the speed that was selected.
    #[default]
    Taken,
    /// It stays at the speed of the opening.
    TakenSlowly,
    /// NAK: it does not mean its own offer.
    Refused,
}

/// Passwords, and what becomes of wrong ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// What opens which level, by P1 or by Elster's P2.
    pub passwords: Vec<(Level, Password)>,
    /// Whether P1 is taken.
    pub takes_plain: bool,
    /// Whether P2 is taken.
    pub takes_answers: bool,
    /// Whether P2 of zeros opens the public level.
    pub has_public: bool,
    /// The level without any password.
    pub unasked: Option<Level>,
    /// What a wrong password brings.
    pub wrong: WrongPassword,
    /// The lockout, if there is one.
    pub lockout: Option<Lockout>,
    /// After this time a password has to be given again.
    pub lapse_after: Option<Duration>,
    /// What happens then.
    pub lapse: Lapse,
}

impl Security {
    /// Elster meters: P2 at levels 0 to 3, lapse after five minutes.
    pub fn elster(passwords: Vec<(Level, Password)>) -> Self {
        Self {
            passwords,
            takes_plain: false,
            takes_answers: true,
            has_public: true,
            unasked: None,
            wrong: WrongPassword::default(),
            lockout: None,
            lapse_after: Some(LAPSE),
            lapse: Lapse::default(),
        }
    }

    /// Meters of the VDEW style: P1, and reading needs no password.
    pub fn vdew(passwords: Vec<(Level, Password)>) -> Self {
        Self {
            takes_plain: true,
            takes_answers: false,
            has_public: false,
            unasked: Some(Level::Public),
            lapse_after: None,
            ..Self::elster(passwords)
        }
    }
}

/// In which words a meter refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// `(ERR1)` to `(ERR6)`.
    #[default]
    Elster,
    /// `(ERROR00)` and so on.
    Vdew,
}

/// Mode D: a meter that sends its readout unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Push {
    /// From one beginning to the next.
    pub every: Duration,
    /// The speed it sends at.
    pub baud: Baud,
}

/// Everything that makes one meter behave unlike another.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a habit that a meter has or has not, whatever its others are"
)]
pub struct Settings {
    /// What it answers to a sign-on. Its baud character chooses the mode.
    pub identification: Identification,
    /// Its address; none if it answers any.
    pub address: Option<MeterAddress>,
    /// Whether it answers a sign-on without an address.
    pub answers_empty: bool,
    /// What a sign-on to another address brings.
    pub other_address: OtherAddress,
    /// Whether a sign-on to another address ends its session, as it must on a bus.
    pub yields: bool,
    /// What a sign-on to itself brings in a session.
    pub sign_on_in_session: SignOnInSession,
    /// Its speed.
    pub opening: Opening,
    /// Its parity.
    pub parity: ParityBy,
    /// From the last octet of a request to the first of its answer.
    pub reaction: Duration,
    /// How long it waits for the option select.
    pub select_wait: Duration,
    /// Whether it sends its readout when no option is selected, as the standard has it.
    pub reads_out_unasked: bool,
    /// What the option select of mode E brings.
    pub hdlc: HdlcSelect,
    /// Whether `ACK 0 z 6` opens a session with data streams.
    pub has_streams: bool,
    /// Its passwords.
    pub security: Security,
    /// Its refusals.
    pub dialect: Dialect,
    /// Payload of one partial block.
    pub partial_chars: usize,
    /// Whether octets that begin no message spoil the message behind them. Otherwise they are
    /// passed over, as stray line ends.
    pub is_strict: bool,
    /// A session in which nothing comes is over after this time.
    pub inactivity: Option<Duration>,
    /// Whether the meter says so, with B0.
    pub says_inactivity: bool,
    /// Mode D.
    pub push: Option<Push>,
}

impl Settings {
    /// A usual meter on a bus at a fixed speed, its parity made by its port: it reacts as fast as
    /// its identification promises, answers its own address and an empty one.
    pub fn new(identification: Identification, security: Security) -> Self {
        let reaction = identification.manufacturer().reaction_time_min();
        Self {
            identification,
            address: None,
            answers_empty: true,
            other_address: OtherAddress::default(),
            yields: true,
            sign_on_in_session: SignOnInSession::default(),
            opening: Opening::Fixed(9600),
            parity: ParityBy::Port,
            reaction,
            select_wait: SELECT_WAIT,
            reads_out_unasked: false,
            hdlc: HdlcSelect::default(),
            has_streams: true,
            security,
            dialect: Dialect::default(),
            partial_chars: PARTIAL_CHARS,
            is_strict: false,
            inactivity: Some(INACTIVITY),
            says_inactivity: true,
            push: None,
        }
    }
}
