//! A half-duplex line, and the guard that stands between it and every conversation.
//!
//! RS485 has one master and no transaction numbers: nothing in a frame tells a late answer from
//! the right one. [`GuardedLine`] keeps the rules that make a mix-up impossible where the line
//! alone can keep them: it searches the exact answer instead of decoding what comes, holds the
//! line until a deadline that it learns per meter, drops and counts what belongs to nobody, and
//! recognises a late answer when one arrives. Two rules are left to those who plan the requests:
//! after an unanswered request only a probe goes to that meter, and consecutive requests to one
//! meter differ in the length of their answers.
//!
//! A conversation of many exchanges, like a FLAG session, brings its own [`Patience`], hears messages
//! that nobody asked for, and promises a [`Parting`]: what must be sent before anybody else uses the
//! line, should it be dropped half-way.
//!
//! All this rests on one assumption: a meter, or the serial server before it, answers in the
//! order of the requests.

mod counters;
mod fault;
mod guard;
mod pattern;
mod settings;
mod trace;
mod turnaround;
mod wait;

pub mod limits;

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

pub use counters::{GuardCounters, PeerCounters, TURNAROUND_BOUNDS_MS, TurnaroundHistogram};
pub use fault::{LineFault, Remedy};
pub use guard::{
    Answer, Exchange, GuardSettings, GuardedLine, Interruption, Parting, Patience, Peer, Run,
};
pub use limits::RUNTIME_LATE_BY;
pub use pattern::{Find, Pattern, Shape, search};
pub use settings::{DataBits, LineSettings, LineTiming, Parity, StopBits};
pub use trace::{Mask, Pulled, Trace, TraceRecord, TraceSink, Use};
pub use turnaround::Turnaround;
pub use wait::PreciseTimer;

/// A half-duplex line that one conversation owns for its duration.
pub trait Line: AsyncRead + AsyncWrite + Unpin + Send {
    /// Changes baud rate, parity and stop bits; answered when the last byte has left.
    fn set(&mut self, settings: LineSettings)
    -> impl Future<Output = Result<(), LineFault>> + Send;

    /// Waits for the silence before a request.
    ///
    /// A real port waits with a [`PreciseTimer`], because a timer that rounds up to the next
    /// millisecond costs several per cent of the bus; a line in memory uses the runtime's clock,
    /// so that paused time holds.
    fn quiet_until(&mut self, until: Instant) -> impl Future<Output = ()> + Send;

    /// How late [`Line::quiet_until`] may end; never early.
    fn late_by(&self) -> Duration {
        RUNTIME_LATE_BY
    }
}
