//! From a meter's model and settings to the terms of a session.

use crate::catalogue::flag::{FlagModel, LogOnStyle};
use iec62056_21::codec::{Baud, MeterAddress, Password, Purpose};
use iec62056_21::conversation::{LogOn, Opening, ParityBy, Probe, Terms};
use line::{LineSettings, Peer};
use std::num::NonZeroU8;
use std::time::Duration;

/// What one session should be like.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Whose turnaround the line learns.
    pub peer: Peer,
    /// The outstation number; without one the only meter of the line is asked.
    pub address: Option<MeterAddress>,
    /// How the line is used.
    pub line: LineUse,
    /// The longest time that it may take.
    pub hold_max: Duration,
    /// How often each request is tried at most.
    pub attempts: u8,
    /// How often the opening is tried at most.
    pub opening_attempts: u8,
    /// Whether data streams are wanted, where the model and the line have them.
    pub streams: bool,
}

/// How the line is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineUse {
    /// How it is set when nobody speaks to such meters; none where it cannot be set.
    pub usual: Option<LineSettings>,
    /// How it is set for the opening; none leaves it as it is.
    pub opening: Option<LineSettings>,
    /// The speed changes behind the identification, up to this one.
    pub changes_speed_to: Option<u32>,
    /// Who makes and proves parity.
    pub parity: ParityBy,
}

/// What proves that the gateway may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing: what is public is read.
    None,
    /// A password.
    Password(Password),
}

impl Credentials {
    /// How such a meter wants it.
    pub(super) fn log_on(&self, style: LogOnStyle) -> LogOn {
        match (style, self) {
            (LogOnStyle::None, _) | (LogOnStyle::Plain, Self::None) => LogOn::None,
            (_, Self::None) => LogOn::Public,
            (LogOnStyle::Plain, Self::Password(password)) => LogOn::Plain(password.clone()),
            (LogOnStyle::Elster, Self::Password(password)) => LogOn::Elster {
                password: password.clone(),
                public_first: false,
            },
            (LogOnStyle::ElsterPublicFirst, Self::Password(password)) => LogOn::Elster {
                password: password.clone(),
                public_first: true,
            },
        }
    }
}

/// The terms of a session with a meter of this model.
pub fn terms(model: &FlagModel, wish: &Wish) -> Terms {
    let session = &model.session;
    let millis = |number: u16| Duration::from_millis(u64::from(number));
    let has_streams = wish.streams && session.stream_option.is_some();
    let attempts = wish.attempts.min(session.attempts);
    let mut terms = Terms::new(wish.peer, wish.address.clone());
    terms.opening = match wish.line.changes_speed_to.and_then(fastest) {
        Some(baud_max) => Opening::Negotiated { baud_max },
        None => Opening::Fixed,
    };
    terms.line = wish.line.opening;
    terms.restore = wish.line.usual;
    if matches!(terms.opening, Opening::Negotiated { .. }) && terms.line.is_none() {
        terms.line = wish.line.usual;
    }
    terms.parity = wish.line.parity;
    terms.purpose = if has_streams {
        Purpose::Maker6
    } else {
        Purpose::Programming
    };
    terms.gap = Some(millis(session.gap_ms));
    terms.reaction_max = millis(session.reaction_max_ms);
    terms.character_gap_max = millis(session.character_gap_max_ms);
    terms.attempts = NonZeroU8::new(attempts).unwrap_or(NonZeroU8::MIN);
    terms.opening_attempts = NonZeroU8::new(wish.opening_attempts.min(session.attempts));
    terms.break_first = session.break_first;
    terms.seed_delay = millis(session.operand_wait_ms);
    if session.renew_after_s > 0 {
        terms.renew_after = Duration::from_secs(u64::from(session.renew_after_s));
    }
    terms.hold_max = wish.hold_max;
    if let Some(vdew) = &model.vdew {
        let probe = |set: &crate::catalogue::flag::VdewSet| Probe::Set {
            form: super::visit::form(set.form),
            address: set.address.clone(),
        };
        terms.probes = vdew.sets.iter().map(probe).take(PROBES).collect();
    }
    terms
}

/// Probes with different answers are needed as often as one may be lost.
const PROBES: usize = 4;

/// The fastest speed of the standard that is not above this one.
fn fastest(bits_per_second: u32) -> Option<Baud> {
    let mut slower = Baud::ALL.into_iter().rev();
    slower.find(|baud| baud.bits_per_second() <= bits_per_second)
}
