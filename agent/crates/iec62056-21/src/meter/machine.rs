//! The machine: what it is in the middle of, and what an octet or the passing of time does to it.

use std::fmt;
use std::time::Duration;

use super::settings::{Opening, Settings};
use super::store::{Level, Store};
use crate::codec::{Extent, Request, Seed, Stage, request_extent};
use crate::limits::CHARACTER_GAP_MAX;

/// A message of the meter.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    /// From the octet or the instant that caused it to its first octet.
    pub after: Duration,
    /// Bits per second at which it is sent; zero on a stream.
    pub baud: u32,
    /// As the meter's port is given them.
    pub octets: Vec<u8>,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, baud, .. } = self;
        let octets = self.octets.escape_ascii();
        write!(f, "after {after:?} at {baud}: \"{octets}\"")
    }
}

/// What the machine is in the middle of.
pub(super) enum State {
    /// It waits for a sign-on.
    Idle,
    /// It waits for the option select.
    Identified { until: Duration },
    /// Modes A and B: the readout follows the identification.
    WillReadOut { at: Duration },
    /// The readout may be asked for again.
    ReadOut { until: Duration },
    /// It went over to a protocol that is not spoken here.
    Away { until: Duration },
    /// Programming mode.
    Open(Session),
}

/// A session of programming mode.
pub(super) struct Session {
    pub(super) seed: Seed,
    pub(super) level: Option<Level>,
    pub(super) proven_at: Duration,
    pub(super) has_streams: bool,
    /// What is left of an answer in partial blocks.
    pub(super) partial: Option<String>,
    pub(super) stream: Option<Stream>,
}

/// A data stream on its way.
pub(super) struct Stream {
    pub(super) from: crate::codec::Packet,
    pub(super) next: u32,
    /// Packets still to be sent.
    pub(super) left: u32,
}

/// A meter on a line, without the line.
///
/// Octets go in as they arrive ([`hear`](Self::hear)); when [`due`](Self::due) has come, somebody
/// calls [`wake`](Self::wake). Both may bring a message. Time is counted from an instant of the
/// caller's choice and never goes back.
pub struct Machine<S> {
    pub(super) settings: Settings,
    pub(super) store: S,
    pub(super) state: State,
    pub(super) baud: u32,
    /// The beginning of a message.
    heard: Vec<u8>,
    heard_at: Duration,
    /// Whether octets that begin no message stood before this one.
    pub(super) strayed: bool,
    /// The last message, for who asks for it again.
    pub(super) last: Option<Vec<u8>>,
    pub(super) busy_until: Duration,
    pub(super) failures: u8,
    pub(super) locked_until: Option<Duration>,
    pub(super) next_push: Option<Duration>,
}

impl<S> fmt::Debug for Machine<S> {
    /// Says nothing of what was heard: it may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Idle => "idle",
            State::Identified { .. } => "identified",
            State::WillReadOut { .. } | State::ReadOut { .. } => "reads out",
            State::Away { .. } => "away",
            State::Open(_) => "session",
        };
        let mut shown = f.debug_struct("Machine");
        shown.field("state", &state).field("baud", &self.baud);
        shown.finish_non_exhaustive()
    }
}

impl<S: Store> Machine<S> {
    /// A meter that has just been powered, at time zero.
    pub fn new(settings: Settings, store: S) -> Self {
        let baud = resting_baud(&settings);
        let next_push = settings.push.map(|push| push.every);
        Self {
            settings,
            store,
            state: State::Idle,
            baud,
            heard: Vec::new(),
            heard_at: Duration::ZERO,
            strayed: false,
            last: None,
            busy_until: Duration::ZERO,
            failures: 0,
            locked_until: None,
            next_push,
        }
    }

    /// How it behaves.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes how it behaves, from the next message on.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// What it holds.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What it holds.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Bits per second at which it listens now; zero on a stream.
    pub fn baud(&self) -> u32 {
        self.baud
    }

    /// The level that the session has proven; none without a session or before a password.
    pub fn level(&self) -> Option<Level> {
        match &self.state {
            State::Open(session) => session.level,
            _ => None,
        }
    }

    /// Whether programming mode is open.
    pub fn is_in_session(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether it went over to HDLC, which somebody else speaks for it at the speed of
    /// [`baud`](Self::baud). With [`restart`](Self::restart) it waits for a sign-on again.
    pub fn is_away(&self) -> bool {
        matches!(self.state, State::Away { .. })
    }

    /// Takes no password until this time, as after too many wrong ones.
    pub fn lock_out(&mut self, until: Duration) {
        self.locked_until = Some(until);
    }

    /// The power came back: nothing of a conversation is left.
    pub fn restart(&mut self) {
        self.rest();
        self.heard.clear();
        self.strayed = false;
        self.last = None;
    }

    /// Ends the session of the meter's own accord, with B0; nothing if there is none.
    pub fn sign_off(&mut self, at: Duration) -> Option<Said> {
        if !self.is_in_session() {
            return None;
        }
        let said = self.say_unasked(&crate::codec::Answer::SignOff.encode(), at);
        self.rest();
        Some(said)
    }

    /// Takes an octet whose last bit arrived at this time.
    pub fn hear(&mut self, octet: u8, at: Duration) -> Option<Said> {
        if !self.store.is_powered(at) {
            self.restart();
            return None;
        }
        if at.saturating_sub(self.heard_at) > CHARACTER_GAP_MAX {
            self.heard.clear();
            self.strayed = false;
        }
        self.heard_at = at;
        self.heard.push(self.received(octet));
        let len = self.whole()?;
        let rest = self.heard.split_off(len);
        let message = std::mem::replace(&mut self.heard, rest);
        let spoiled = std::mem::take(&mut self.strayed) && self.settings.is_strict;
        self.take(&message, spoiled, at)
    }

    /// When the machine has something to do by itself.
    pub fn due(&self) -> Option<Duration> {
        match &self.state {
            State::Idle => self.next_push,
            State::Identified { until } | State::ReadOut { until } | State::Away { until } => {
                Some(*until)
            }
            State::WillReadOut { at } => Some(*at),
            State::Open(session) if session.stream.is_some() => Some(self.busy_until),
            State::Open(session) => [self.inactive_at(), self.lapses_at(session)]
                .into_iter()
                .flatten()
                .min(),
        }
    }

    /// Does what is due by now.
    pub fn wake(&mut self, at: Duration) -> Option<Said> {
        if self.due().is_none_or(|due| due > at) {
            return None;
        }
        if !self.store.is_powered(at) {
            self.restart();
            self.next_push = self.settings.push.map(|push| at + push.every);
            return None;
        }
        match &self.state {
            State::Idle => self.push(at),
            State::Identified { .. } if self.settings.reads_out_unasked => self.read_out(at),
            State::WillReadOut { .. } => self.read_out(at),
            State::Identified { .. } | State::ReadOut { .. } | State::Away { .. } => {
                self.rest();
                None
            }
            State::Open(session) if session.stream.is_some() => self.next_of_stream(at),
            State::Open(session) => {
                let lapsed = self.lapses_at(session).is_some_and(|due| due <= at);
                if lapsed || self.settings.says_inactivity {
                    return self.sign_off(at);
                }
                self.rest();
                None
            }
        }
    }

    /// Back to where it waits for a sign-on.
    pub(super) fn rest(&mut self) {
        self.state = State::Idle;
        self.baud = resting_baud(&self.settings);
    }

    /// How long the message is that the heard octets begin with; octets before it are dropped.
    fn whole(&mut self) -> Option<usize> {
        let stage = match self.state {
            State::Idle | State::Identified { .. } | State::WillReadOut { .. } => Stage::Opening,
            State::ReadOut { .. } | State::Away { .. } | State::Open(_) => Stage::Session,
        };
        loop {
            match request_extent(&self.heard, stage) {
                Extent::Whole(len) => return Some(len),
                Extent::Begun => return None,
                Extent::Other => {
                    self.heard.drain(..1);
                    self.strayed = true;
                }
            }
        }
    }

    fn take(&mut self, message: &[u8], spoiled: bool, at: Duration) -> Option<Said> {
        let request = Request::decode(message);
        match self.state {
            State::Open(_) => self.take_in_session(request, spoiled, at),
            State::ReadOut { .. } => match request {
                Ok(Request::Again) => self.repeat(at),
                Ok(Request::SignOn(sign_on)) => self.sign_on(&sign_on, at),
                _ => {
                    self.rest();
                    None
                }
            },
            State::Away { .. } => {
                if request == Ok(Request::Command(crate::codec::Command::SignOff)) {
                    self.rest();
                }
                None
            }
            State::Idle | State::Identified { .. } | State::WillReadOut { .. } => match request {
                Ok(Request::SignOn(sign_on)) if !spoiled => self.sign_on(&sign_on, at),
                Ok(Request::Select(select)) => self.select(select, at),
                _ => None,
            },
        }
    }

    fn inactive_at(&self) -> Option<Duration> {
        let since = self.heard_at.max(self.busy_until);
        self.settings.inactivity.map(|wait| since + wait)
    }
}

fn resting_baud(settings: &Settings) -> u32 {
    match settings.opening {
        Opening::Fixed(baud) => baud,
        Opening::Negotiated(baud) => baud.bits_per_second(),
    }
}
