//! A PAD with a packet network behind it (ITU-T X.28, X.3).

mod state;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::{Circuit, Peer, locked};
use state::State;

/// What happens when a number is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PadAnswer {
    /// The far end accepts.
    Connects {
        /// After the command.
        after: Duration,
        /// The network clears the call when the meter has said so many octets.
        drops_after: Option<usize>,
    },
    /// The network clears, with these letters.
    Cleared(String),
    /// Nothing is said any more.
    Silent,
}

impl PadAnswer {
    /// The far end accepts after a second.
    pub const fn connects() -> Self {
        Self::Connects {
            after: Duration::from_secs(1),
            drops_after: None,
        }
    }

    /// The network clears.
    pub fn cleared(cause: &str) -> Self {
        Self::Cleared(cause.to_owned())
    }
}

/// What is wrong with a PAD, and how it differs from the standard; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PadTroubles {
    /// It has no power.
    pub dead: bool,
    /// DLE and break are nothing to it.
    pub ignores_recall: bool,
    /// A falling DTR is nothing to it.
    pub ignores_dtr: bool,
    /// What stands before the number in the command that calls.
    pub call_prefix: String,
    /// Its prompt.
    pub prompt: String,
    /// Its word for a call that stands.
    pub connected: String,
    /// From a command to its answer.
    pub thinks: Duration,
    /// What the network adds to each octet of the meter.
    pub delays: Duration,
}

impl Default for PadTroubles {
    fn default() -> Self {
        Self {
            dead: false,
            ignores_recall: false,
            ignores_dtr: false,
            call_prefix: String::new(),
            prompt: "*".to_owned(),
            connected: "COM".to_owned(),
            thinks: Duration::from_millis(50),
            delays: Duration::from_millis(300),
        }
    }
}

/// Something in the life of a PAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PadEvent {
    /// A command line.
    Command(String),
    /// A call stands.
    Connected,
    /// The gateway has cleared it.
    Cleared,
    /// The network has, or DTR fell.
    ClearedElsewhere,
}

/// The handle of a PAD; clones share it.
#[derive(Debug, Clone)]
pub struct Pad {
    state: Arc<Mutex<State>>,
}

impl Pad {
    /// A PAD in a network without anybody: every number is not assigned (NP).
    pub fn new(troubles: PadTroubles) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(troubles))),
        }
    }

    /// Puts a meter behind a number.
    pub fn seat(&self, number: &str, answer: PadAnswer, meter: impl Peer + 'static) {
        locked(&self.state).seat(number, answer, Some(Box::new(meter)));
    }

    /// What happens from now on when this number is called.
    pub fn answer(&self, number: &str, answer: PadAnswer) {
        locked(&self.state).seat(number, answer, None);
    }

    /// Changes what is wrong with it.
    pub fn change(&self, change: impl FnOnce(&mut PadTroubles)) {
        change(&mut locked(&self.state).troubles);
    }

    /// The network clears the call.
    pub fn drop_call(&self) {
        locked(&self.state).drop_call(Instant::now());
    }

    /// A call stands, in use or recalled.
    pub fn is_in_call(&self) -> bool {
        locked(&self.state).is_in_call()
    }

    /// An X.3 parameter.
    pub fn parameter(&self, number: u8) -> u8 {
        locked(&self.state).parameter(number)
    }

    /// Its life so far, as far as it is kept.
    pub fn life(&self) -> Vec<PadEvent> {
        locked(&self.state).events.clone()
    }
}

impl Peer for Pad {
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
        locked(&self.state).turn(now, circuit);
    }
}
