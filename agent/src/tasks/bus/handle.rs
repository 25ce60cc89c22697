//! How other tasks reach a bus.

use super::program::{LookAsk, LookOrder, ProgramAnswer, ProgramOrder, ProgramTrouble};
use super::view::BusView;
use crate::adapters::trace_file::Tracer;
use crate::config::MeterSettings;
use crate::front::{going_down, refusal};
use crate::hex::hex;
use crate::jobs::Ticket;
use desk::{ReadValue, Refusal, TraceLine, Work};
use line::{Run, Trace, TraceRecord, Use};
use metering::{BusId, MeterId};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

/// A question right after the start waits for the store at most this long.
const BEGIN_WITHIN: Duration = Duration::from_secs(5);

/// What is asked of a bus.
#[derive(Debug)]
pub enum BusRequest {
    /// Read a meter now.
    Read {
        /// Which.
        meter: MeterId,
        /// Where the values go.
        reply: oneshot::Sender<Result<Vec<ReadValue>, Refusal>>,
    },
    /// Take the meter that answers now as the right one.
    Accept {
        /// Which.
        meter: MeterId,
        /// Who says so.
        who: String,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<String, Refusal>>,
    },
    /// Do a piece of work.
    Work {
        /// Who is told of its end.
        ticket: Ticket,
        /// What.
        what: Work,
    },
    /// Look at a meter, or program it.
    Program(Box<ProgramOrder>),
    /// Look at a meter, and write nothing.
    Look(Box<LookOrder>),
    /// These are the meters from now on.
    Replace(Vec<MeterSettings>),
}

/// A way to a bus; cheap to clone.
#[derive(Debug, Clone)]
pub struct BusHandle {
    /// Its name.
    pub id: BusId,
    /// What it shows of itself.
    pub view: watch::Receiver<BusView>,
    pub(super) requests: mpsc::Sender<BusRequest>,
    pub(super) trace: Trace,
}

impl BusHandle {
    /// Waits until the bus knows its meters, which is a moment after the start.
    pub async fn begun(&self) {
        let mut view = self.view.clone();
        let begun = view.wait_for(|view| view.has_begun);
        if timeout(BEGIN_WITHIN, begun).await.is_err() {
            log::warn!(bus:% = self.id; "the bus has not begun yet; its meters are not known");
        }
    }

    /// Hands a request over.
    pub fn request(&self, request: BusRequest) -> Result<(), Refusal> {
        self.requests
            .try_send(request)
            .map_err(|error| match error {
                TrySendError::Full(_) => refusal(
                    format!("bus {} has too many requests waiting", self.id),
                    "ask again in a minute",
                ),
                TrySendError::Closed(_) => going_down(),
            })
    }

    /// Has a look at a meter, between polls; nothing is written.
    pub async fn look(
        &self,
        meter: &MeterId,
        ask: LookAsk,
    ) -> Result<ProgramAnswer, ProgramTrouble> {
        let (reply, answer) = oneshot::channel();
        let order = LookOrder {
            meter: meter.clone(),
            ask,
            reply,
        };
        let handed = self.request(BusRequest::Look(Box::new(order)));
        handed.map_err(|refusal| ProgramTrouble::Busy(refusal.problem))?;
        answer.await.unwrap_or(Err(ProgramTrouble::Dropped))
    }

    /// What writes the byte trace to a file in `folder` while it is on.
    pub fn tracer(&self, folder: &Path) -> Tracer {
        Tracer::new(self.trace.clone(), folder.join(self.trace_file()))
    }

    /// The name of that file.
    pub fn trace_file(&self) -> String {
        format!("trace-{}.txt", self.id)
    }

    /// Switches the byte trace.
    pub fn record(&self, on: bool) {
        self.trace.switch(on);
    }

    /// What the byte trace holds.
    pub fn recorded(&self) -> Vec<TraceLine> {
        self.trace.since(0).iter().map(trace_line).collect()
    }
}

/// A record of the trace, with its meaning.
pub(super) fn trace_line(record: &TraceRecord) -> TraceLine {
    let is_overheard = record.used == Use::Overheard;
    let is_ours = record.used == Use::Request || is_overheard && is_request(&record.octets);
    let meaning = meters::modbus::explain(&record.octets, is_ours)
        .unwrap_or_else(|| iec62056_21::codec::explain(&record.octets, is_ours));
    TraceLine {
        at_us: u64::try_from(record.at.as_micros()).unwrap_or(u64::MAX),
        direction: if is_ours { '>' } else { '<' },
        fate: record.used.to_string(),
        bytes: hex(&record.octets),
        meaning,
    }
}

/// A run of octets of others, with its meaning. Who said them, what they say tells.
pub(super) fn overheard_line(run: &Run, began: Instant) -> TraceLine {
    let meaning = |from_gateway: bool| {
        meters::modbus::explain(&run.octets, from_gateway)
            .unwrap_or_else(|| iec62056_21::codec::explain(&run.octets, from_gateway))
    };
    let is_request = is_request(&run.octets);
    let at = run.began_at.saturating_duration_since(began);
    TraceLine {
        at_us: u64::try_from(at.as_micros()).unwrap_or(u64::MAX),
        direction: if is_request { '>' } else { '<' },
        fate: Use::Overheard.to_string(),
        bytes: hex(&run.octets),
        meaning: meaning(is_request),
    }
}

/// Whether octets begin as only a master's do: a sign-on, an option select, a command.
fn is_request(octets: &[u8]) -> bool {
    let mut bare = octets.iter().map(|octet| octet & 0x7f);
    match bare.next() {
        Some(b'/') => bare.next() == Some(b'?'),
        Some(0x01) => true,
        Some(0x06) => octets.len() >= 6,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(octets: &[u8], expected: bool) {
        assert_eq!(is_request(octets), expected, "{octets:02x?}");
    }

    #[test]
    fn what_only_a_master_says_is_told_from_answers() {
        check(b"/?001!\r\n", true);
        check(b"\xaf\x3f!\r\n", true);
        check(b"\x06051\r\n", true);
        check(b"\x06", false);
        check(b"\x01R1\x02507001(40)\x03\x13", true);
        check(b"/GEC5090100100400@000\r\n", false);
        check(b"\x02(00)\x03\x02", false);
    }
}
