//! Links between the gateway and a meter: a modem, a PAD, an optical probe, each with what can go
//! wrong on it.
//!
//! Everything here is a [`Peer`]: it takes octets, says octets, and knows only the time it is told.
//! So a modem stands before a [`Wire`](crate::wire::Wire) as a gateway stands before the modem.
//! Two fronts drive a peer: a line in memory under tokio's (paused) clock, and a kernel pty on a
//! thread of its own.
//!
//! What a pty cannot show: the kernel has no DTR, RTS, carrier or break on it, and it carries
//! eight bits without parity whatever is asked for. A line in memory has them ([`LinkLine`]).

mod answering;
mod line;
mod modem;
mod pad;
mod probe;
mod pty;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::time::Instant;

pub use answering::Answering;
pub use line::LinkLine;
pub use modem::{Answer, HungUp, Modem, ModemEvent, ModemTroubles};
pub use pad::{Pad, PadAnswer, PadEvent, PadTroubles};
pub use probe::Probe;
pub use pty::PtyLink;

/// What is at the other end of a lead.
pub trait Peer: Send + fmt::Debug {
    /// Takes octets that arrive now.
    fn hear(&mut self, now: Instant, octets: &[u8]);

    /// Says what is due by now.
    fn say(&mut self, now: Instant, said: &mut Vec<u8>);

    /// When something will happen next.
    fn due(&self) -> Option<Instant>;

    /// A circuit beside those of the octets changes.
    fn turn(&mut self, _now: Instant, _circuit: Circuit) {}

    /// Whether it says that it hears a carrier.
    fn carrier(&self) -> bool {
        false
    }
}

/// A circuit of a serial port beside those that carry octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    /// Data terminal ready.
    Dtr(bool),
    /// Request to send.
    Rts(bool),
    /// A break begins or ends.
    Break(bool),
}

/// The socket into which the gateway plugs; clones share it.
#[derive(Debug, Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    peer: Mutex<Box<dyn Peer>>,
    reader: Mutex<Option<Waker>>,
}

impl Link {
    /// A socket with this behind it.
    pub fn new(peer: impl Peer + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                peer: Mutex::new(Box::new(peer)),
                reader: Mutex::new(None),
            }),
        }
    }

    /// The gateway's end, in memory. A second one would take octets away from the first.
    pub fn line(&self) -> LinkLine {
        LinkLine::new(self.clone())
    }

    /// The gateway turns a circuit.
    pub fn turn(&self, circuit: Circuit) {
        self.peer().turn(Instant::now(), circuit);
        self.wake();
    }

    /// Whether the gateway sees a carrier.
    pub fn carrier(&self) -> bool {
        self.peer().carrier()
    }

    fn wake(&self) {
        if let Some(reader) = locked(&self.shared.reader).take() {
            reader.wake();
        }
    }

    fn peer(&self) -> MutexGuard<'_, Box<dyn Peer>> {
        locked(&self.shared.peer)
    }
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The earliest of some instants.
fn earliest(instants: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    instants.into_iter().flatten().min()
}
