//! A Hayes modem with a telephone line behind it.

mod command;
mod state;
mod word;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::{Circuit, Peer, locked};
use state::State;

/// What happens when a number is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The other modem answers.
    Connects {
        /// After dialling.
        after: Duration,
        /// Bits per second between the two.
        rate: u32,
        /// The call drops when the meter has said so many octets.
        drops_after: Option<usize>,
    },
    /// The line is engaged.
    Busy,
    /// The far modem does not get on with this one.
    NoCarrier,
    /// The line is dead.
    NoDialTone,
    /// It rings, and nobody answers.
    NoAnswer,
    /// The modem will not call this number again so soon.
    Delayed,
    /// The modem says nothing any more.
    Silent,
}

impl Answer {
    /// The other modem answers after two seconds, at 9600 bits per second.
    pub const fn connects() -> Self {
        Self::Connects {
            after: Duration::from_secs(2),
            rate: 9600,
            drops_after: None,
        }
    }
}

/// What is wrong with a modem; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is on or off, whatever the others are"
)]
pub struct ModemTroubles {
    /// It has no power.
    pub dead: bool,
    /// `+++` is nothing to it.
    pub ignores_escape: bool,
    /// A falling DTR is nothing to it.
    pub ignores_dtr: bool,
    /// It answers in numbers whatever it is told.
    pub only_numbers: bool,
    /// It returns its commands whatever it is told.
    pub always_echoes: bool,
    /// Commands that hold one of these are errors.
    pub refuses: Vec<String>,
    /// From a command to its answer.
    pub thinks: Duration,
    /// What the telephone line adds to each octet of the meter.
    pub delays: Duration,
    /// Its own octets have a parity bit.
    pub says_parity: bool,
}

impl Default for ModemTroubles {
    fn default() -> Self {
        Self {
            dead: false,
            ignores_escape: false,
            ignores_dtr: false,
            only_numbers: false,
            always_echoes: false,
            refuses: Vec::new(),
            thinks: Duration::from_millis(30),
            delays: Duration::from_millis(120),
            says_parity: false,
        }
    }
}

/// Something in the life of a modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModemEvent {
    /// A command line that was understood.
    Command(String),
    /// A number was dialled.
    Dialled(String),
    /// The call stands.
    Connected,
    /// It has ended.
    HungUp(HungUp),
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HungUp {
    /// A command of the gateway.
    Command,
    /// DTR fell.
    Dtr,
    /// The far end, or the line.
    FarEnd,
}

/// The handle of a modem; clones share it.
#[derive(Debug, Clone)]
pub struct Modem {
    state: Arc<Mutex<State>>,
}

impl Modem {
    /// A modem that reaches nobody yet: every number is one without a carrier.
    pub fn new(troubles: ModemTroubles) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(troubles))),
        }
    }

    /// Puts a meter behind a number.
    pub fn seat(&self, number: &str, answer: Answer, meter: impl Peer + 'static) {
        locked(&self.state).seat(number, answer, Some(Box::new(meter)));
    }

    /// What happens from now on when this number is called.
    pub fn answer(&self, number: &str, answer: Answer) {
        locked(&self.state).seat(number, answer, None);
    }

    /// Changes what is wrong with it.
    pub fn change(&self, change: impl FnOnce(&mut ModemTroubles)) {
        change(&mut locked(&self.state).troubles);
    }

    /// The far end hangs up.
    pub fn drop_call(&self) {
        locked(&self.state).drop_call(Instant::now());
    }

    /// A call stands, in use or held.
    pub fn is_in_call(&self) -> bool {
        locked(&self.state).is_in_call()
    }

    /// Its life so far, as far as it is kept.
    pub fn events(&self) -> Vec<(Instant, ModemEvent)> {
        locked(&self.state).events.clone()
    }

    /// The events without their times.
    pub fn life(&self) -> Vec<ModemEvent> {
        let events = self.events().into_iter();
        events.map(|(_, event)| event).collect()
    }
}

impl Peer for Modem {
    fn hear(&mut self, now: Instant, octets: &[u8]) {
        locked(&self.state).hear(now, octets);
    }

    fn say(&mut self, now: Instant, said: &mut Vec<u8>) {
        locked(&self.state).say(now, said);
    }

    fn due(&self) -> Option<Instant> {
        locked(&self.state).due()
    }

    fn turn(&mut self, now: Instant, circuit: Circuit) {
        if let Circuit::Dtr(on) = circuit {
            locked(&self.state).turn_dtr(now, on);
        }
    }

    fn carrier(&self) -> bool {
        locked(&self.state).is_in_call()
    }
}
