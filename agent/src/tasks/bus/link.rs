//! The line of a bus: open, lost, looked for, open again.

use super::view::LineTotals;
use crate::adapters::clock::Clock;
use crate::adapters::dialled::CallFault;
use crate::adapters::port::{OpenPort, Port};
use crate::config::{LinkSettings, Number};
use crate::limits::REOPEN_EVERY;
use desk::LinkState;
use line::{GuardSettings, GuardedLine, LineFault, LineTiming, Peer, Trace};
use meters::modbus::{ReadAnswer, ReadFault, TransactionIds, read_registers, read_registers_tcp};
use meters::planner::{Exchange, Outcome};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What is said of a port that somebody else holds.
pub(super) const IN_USE: &str = "another program uses it: stop that one";

/// A line, open or not.
pub(super) struct Link {
    settings: LinkSettings,
    guard: Option<GuardedLine<Port>>,
    trace: Trace,
    ids: TransactionIds,
    next_try: Instant,
    state: LinkState,
    remarks: Vec<String>,
    before: LineTotals,
    simulated: Option<Arc<OpenPort>>,
    late_before: BTreeMap<Peer, u64>,
    /// Who was called, while the call may stand.
    called: Option<Number>,
}

/// What changed about a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It can be used now; `true` if it had been lost before.
    Opened,
    /// It cannot be used; in words, once.
    Lost(String),
    /// Nothing new.
    Same,
}

impl Link {
    pub(super) fn new(settings: LinkSettings, trace: Trace) -> Self {
        Self {
            settings,
            guard: None,
            trace,
            ids: TransactionIds::default(),
            next_try: Instant::now(),
            state: LinkState::Gone("not opened yet".to_owned()),
            remarks: Vec::new(),
            before: LineTotals::default(),
            late_before: BTreeMap::new(),
            called: None,
            simulated: None,
        }
    }

    /// Opens simulated lines from now on.
    pub(super) fn simulate(&mut self, open: Arc<OpenPort>) {
        self.simulated = Some(open);
    }

    pub(super) fn is_open(&self) -> bool {
        self.guard.is_some()
    }

    pub(super) fn state(&self) -> &LinkState {
        &self.state
    }

    pub(super) fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Counters over every time the line was opened.
    pub(super) fn totals(&self) -> LineTotals {
        match &self.guard {
            Some(guard) => self.before.plus(guard.counters()),
            None => self.before,
        }
    }

    /// Late answers of a meter, over every time the line was opened.
    pub(super) fn late_answers(&self, peer: Peer) -> u64 {
        let before = self.late_before.get(&peer).copied().unwrap_or_default();
        let peers = self.guard.as_ref().map(|guard| &guard.counters().peers);
        let peer = peers.and_then(|peers| peers.get(&peer));
        before + peer.map_or(0, |peer| peer.late_frames)
    }

    /// When to look for a lost line again.
    pub(super) fn next_try(&self) -> Instant {
        self.next_try
    }

    /// Opens the line if it is time to.
    pub(super) async fn open(&mut self) -> Change {
        if Instant::now() < self.next_try {
            return Change::Same;
        }
        self.open_now().await
    }

    /// Opens the line although it was tried a moment ago: somebody who has just put the plug in
    /// stands in front of it.
    pub(super) async fn open_now(&mut self) -> Change {
        if self.guard.is_some() {
            return Change::Same;
        }
        self.next_try = Instant::now() + REOPEN_EVERY;
        let opened = match &self.simulated {
            Some(open) => {
                open(&self.settings).map(|line| (Port::simulated(&self.settings, line), Vec::new()))
            }
            None => Port::open(&self.settings).await,
        };
        match opened {
            Ok((port, remarks)) => {
                let (timing, settings) = self.timing();
                let guard = GuardedLine::new(port, timing, settings).with_trace(self.trace.clone());
                self.guard = Some(guard);
                self.remarks = remarks;
                match std::mem::replace(&mut self.state, LinkState::Open) {
                    LinkState::Open => Change::Same,
                    LinkState::Gone(_) => Change::Opened,
                }
            }
            Err(error) => self.gone(self.words(&error)),
        }
    }

    fn timing(&self) -> (LineTiming, GuardSettings) {
        let Some(line) = self.settings.line() else {
            return (LineTiming::stream(), GuardSettings::gateway());
        };
        let timing = if self.settings.can_be_set() {
            LineTiming::serial(line, Duration::ZERO)
        } else {
            LineTiming::serial_server(line, Duration::ZERO)
        };
        (timing, GuardSettings::default())
    }

    /// Gives the line back to the system. Its counters stay.
    fn close(&mut self) {
        if let Some(guard) = self.guard.take() {
            self.before = self.before.plus(guard.counters());
            for (peer, counted) in &guard.counters().peers {
                *self.late_before.entry(*peer).or_default() += counted.late_frames;
            }
        }
    }

    fn gone(&mut self, why: String) -> Change {
        self.close();
        let state = LinkState::Gone(why.clone());
        if self.state == state {
            return Change::Same;
        }
        self.state = state;
        Change::Lost(why)
    }

    /// The line was found to be gone.
    pub(super) fn lost(&mut self, error: &std::io::Error) -> Change {
        self.next_try = Instant::now() + REOPEN_EVERY;
        self.gone(self.words(error))
    }

    /// The line, and the numbers of its requests, where it is a Modbus TCP connection.
    pub(super) fn line_and_ids(&mut self) -> Option<(&mut GuardedLine<Port>, &mut TransactionIds)> {
        Some((self.guard.as_mut()?, &mut self.ids))
    }

    /// The line with the meter of this number at its end, called if it has one.
    pub(super) async fn reach(
        &mut self,
        number: Option<&Number>,
    ) -> Result<&mut GuardedLine<Port>, CallFault> {
        let guard = self.guard.as_mut().ok_or(CallFault::NotConnected)?;
        let Some(number) = number else {
            return Ok(guard);
        };
        let stands = self.called.as_ref() == Some(number) && guard.line_mut().is_connected();
        if !stands {
            self.called = Some(number.clone());
            let connected = guard.line_mut().connect(number).await?;
            log::debug!(connected:?; "the meter was called");
        }
        Ok(guard)
    }

    /// Ends the call, if there is one. A port whose call does not end is closed and opened again:
    /// that is no fault of the line, and the next one who wants it finds it open.
    pub(super) async fn leave(&mut self) {
        let called = self.called.take();
        let Some(guard) = self.guard.as_mut().filter(|_| called.is_some()) else {
            return;
        };
        if let Err(fault) = guard.line_mut().hang_up().await {
            log::warn!(fault:%; "the call could not be ended; the port is closed, which ends it");
            self.close();
            self.next_try = Instant::now();
        }
    }

    fn words(&self, error: &std::io::Error) -> String {
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => "check the cable, and the name in the configuration",
            std::io::ErrorKind::PermissionDenied => "the user pmu must be in the port's group",
            std::io::ErrorKind::ResourceBusy => IN_USE,
            _ => "check the cable and the power of what is at its end",
        };
        let device = self
            .settings
            .device()
            .map(|device| device.display().to_string());
        let place = device.as_deref().or(self.settings.address());
        format!("{}: {error}; {remedy}", place.unwrap_or_default())
    }

    /// Listens until then, so that a late answer is known to be late, and a vanished port is
    /// noticed although nothing is sent. May be dropped half-way.
    pub(super) async fn listen(&mut self, until: Instant) -> Change {
        let Some(guard) = &mut self.guard else {
            sleep_until(until).await;
            return Change::Same;
        };
        match guard.listen(until).await {
            Err(LineFault::Gone(error)) => self.lost(&error),
            Ok(()) | Err(_) => Change::Same,
        }
    }

    /// Puts one exchange on the line. Runs to its end whatever happens meanwhile.
    pub(super) async fn converse(
        &mut self,
        exchange: &Exchange,
        clock: &Clock,
    ) -> (Outcome, Change) {
        let Some(guard) = &mut self.guard else {
            return (Outcome::LineGone, Change::Same);
        };
        let (unit, span, gap) = (exchange.unit, exchange.span, exchange.min_gap);
        let read = match &self.settings {
            LinkSettings::ModbusTcp { .. } => {
                read_registers_tcp(guard, &mut self.ids, unit, span, gap).await
            }
            _ => read_registers(guard, unit, span, gap).await,
        };
        match read {
            Ok(answer) => (words(answer, clock), Change::Same),
            Err(ReadFault::Exception(exception)) => {
                (Outcome::Exception(exception.code()), Change::Same)
            }
            Err(ReadFault::Line(LineFault::Gone(error))) => {
                let change = self.lost(&error);
                (Outcome::LineGone, change)
            }
            Err(ReadFault::Line(LineFault::Silent { .. })) => (Outcome::Silent, Change::Same),
            Err(fault) => {
                log::debug!(fault:%, unit, span:%; "exchange without a usable answer");
                (Outcome::Damaged, Change::Same)
            }
        }
    }
}

fn words(answer: ReadAnswer, clock: &Clock) -> Outcome {
    Outcome::Words {
        words: answer.words,
        left_at: clock.moment(answer.left_at),
        arrived_at: clock.moment(answer.arrived_at),
    }
}
