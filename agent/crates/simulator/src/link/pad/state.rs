//! The state of a PAD. It reads no clock: whoever drives it says what time it is.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::{PadAnswer, PadEvent, PadTroubles};
use crate::limits::{COMMAND_LINE_OCTETS_MAX, LINK_EVENTS_KEPT_MAX};
use crate::link::{Circuit, Peer, earliest};

const DLE: u8 = 0x10;
const XON: u8 = 0x11;
const XOFF: u8 = 0x13;

/// After DLE the prompt comes only if no second DLE follows: that one is an octet of the call.
const RECALL_WAIT: Duration = Duration::from_millis(100);

/// ITU-T X.3, simple standard profile, as far as it matters here.
const PROFILE: [(u8, u8); 9] = [
    (1, 1),
    (2, 1),
    (3, 126),
    (4, 0),
    (5, 1),
    (6, 1),
    (7, 2),
    (12, 1),
    (13, 0),
];

#[derive(Debug)]
pub(super) struct State {
    pub(super) troubles: PadTroubles,
    pub(super) events: Vec<PadEvent>,
    book: BTreeMap<String, Entry>,
    parameters: BTreeMap<u8, u8>,
    mode: Mode,
    line: Vec<u8>,
    out: VecDeque<(Instant, u8)>,
    dtr: bool,
}

#[derive(Debug)]
struct Entry {
    answer: PadAnswer,
    meter: Option<Box<dyn Peer>>,
}

#[derive(Debug)]
enum Mode {
    Command,
    Calling {
        number: String,
        until: Instant,
    },
    Data(Call),
    /// The call is held, commands are heard.
    Recalled {
        call: Call,
        prompt_at: Option<Instant>,
    },
}

#[derive(Debug, Clone)]
struct Call {
    number: String,
    drops_after: Option<usize>,
}

impl State {
    pub(super) fn new(troubles: PadTroubles) -> Self {
        Self {
            troubles,
            events: Vec::new(),
            book: BTreeMap::new(),
            parameters: PROFILE.into(),
            mode: Mode::Command,
            line: Vec::new(),
            out: VecDeque::new(),
            dtr: true,
        }
    }

    pub(super) fn seat(&mut self, number: &str, answer: PadAnswer, meter: Option<Box<dyn Peer>>) {
        let entry = self.book.entry(number.to_owned()).or_insert(Entry {
            answer: PadAnswer::Silent,
            meter: None,
        });
        entry.answer = answer;
        if meter.is_some() {
            entry.meter = meter;
        }
    }

    pub(super) const fn is_in_call(&self) -> bool {
        matches!(self.mode, Mode::Data(_) | Mode::Recalled { .. })
    }

    pub(super) fn parameter(&self, number: u8) -> u8 {
        self.parameters.get(&number).copied().unwrap_or(0)
    }

    pub(super) fn hear(&mut self, now: Instant, octets: &[u8]) {
        self.advance(now);
        if self.troubles.dead {
            return;
        }
        for octet in octets {
            match &self.mode {
                Mode::Data(_) => self.take_data(now, *octet),
                Mode::Recalled { call, .. } if octet & 0x7f == DLE && self.line.is_empty() => {
                    // The second of two: it belongs to the call.
                    self.mode = Mode::Data(call.clone());
                    self.pass_on(now, *octet);
                }
                Mode::Calling { .. } => {}
                Mode::Command | Mode::Recalled { .. } => self.take_command(now, *octet),
            }
        }
    }

    fn take_data(&mut self, now: Instant, octet: u8) {
        let recalls = self.parameter(1) == 1 && octet & 0x7f == DLE;
        if recalls && !self.troubles.ignores_recall {
            self.recall(now + RECALL_WAIT);
            return;
        }
        if self.parameter(12) == 1 && [XON, XOFF].contains(&(octet & 0x7f)) {
            // Taken for flow control.
            return;
        }
        if self.parameter(2) == 1 {
            self.out.push_back((now, octet));
        }
        self.pass_on(now, octet);
    }

    fn pass_on(&mut self, now: Instant, octet: u8) {
        if let Mode::Data(call) = &self.mode {
            let number = call.number.clone();
            if let Some(meter) = self.meter(&number) {
                meter.hear(now, &[octet]);
            }
        }
    }

    fn recall(&mut self, prompt_at: Instant) {
        if let Mode::Data(call) = &self.mode {
            self.line.clear();
            self.mode = Mode::Recalled {
                call: call.clone(),
                prompt_at: Some(prompt_at),
            };
        }
    }

    fn take_command(&mut self, now: Instant, octet: u8) {
        if self.parameter(2) == 1 {
            self.out.push_back((now, octet));
        }
        match octet & 0x7f {
            b'\r' => {
                let line = std::mem::take(&mut self.line);
                let line: Vec<u8> = line.into_iter().filter(|octet| *octet > b' ').collect();
                self.obey(
                    now,
                    String::from_utf8_lossy(&line).to_ascii_uppercase().as_str(),
                );
            }
            octet if self.line.len() < COMMAND_LINE_OCTETS_MAX => self.line.push(octet),
            _ => {}
        }
    }

    fn obey(&mut self, now: Instant, line: &str) {
        self.note(PadEvent::Command(line.to_owned()));
        let prefix = self.troubles.call_prefix.clone();
        match line {
            "" => self.prompt(now),
            "CLR" => {
                let word = if self.is_in_call() { "CLR CONF" } else { "ERR" };
                self.end_call(PadEvent::Cleared);
                self.signal(now, word);
                self.prompt(now);
            }
            "STAT" => {
                let word = if self.is_in_call() { "ENGAGED" } else { "FREE" };
                self.signal(now, word);
                self.prompt(now);
            }
            _ if line.starts_with("SET") => {
                let word = if self.set(line) { "" } else { "ERR" };
                self.signal(now, word);
                self.prompt(now);
            }
            _ => match line.strip_prefix(prefix.as_str()) {
                Some(number) if number.starts_with(|first: char| first.is_ascii_digit()) => {
                    self.call(now, number);
                }
                _ => {
                    self.signal(now, "ERR");
                    self.prompt(now);
                }
            },
        }
    }

    /// `SET1:0,2:0`
    fn set(&mut self, line: &str) -> bool {
        let pairs = line.strip_prefix("SET").unwrap_or_default().split(',');
        let parsed: Option<Vec<(u8, u8)>> = pairs
            .map(|pair| {
                let (number, value) = pair.split_once(':')?;
                Some((number.parse().ok()?, value.parse().ok()?))
            })
            .collect();
        let is_known = parsed.is_some();
        self.parameters.extend(parsed.unwrap_or_default());
        is_known
    }

    fn call(&mut self, now: Instant, number: &str) {
        if self.is_in_call() {
            self.signal(now, "ERR");
            self.prompt(now);
            return;
        }
        let takes = match self.book.get(number).map(|entry| &entry.answer) {
            Some(PadAnswer::Connects { after, .. }) => *after,
            Some(PadAnswer::Cleared(_)) | None => Duration::from_secs(1),
            Some(PadAnswer::Silent) => Duration::from_hours(24),
        };
        self.mode = Mode::Calling {
            number: number.to_owned(),
            until: now + takes,
        };
    }

    fn finish_call(&mut self, number: &str, at: Instant) {
        self.mode = Mode::Command;
        let answer = self.book.get(number).map(|entry| entry.answer.clone());
        match answer.unwrap_or_else(|| PadAnswer::cleared("NP")) {
            PadAnswer::Connects { drops_after, .. } => {
                self.note(PadEvent::Connected);
                self.forget_meter(number, at);
                let word = self.troubles.connected.clone();
                self.signal(at, &word);
                let number = number.to_owned();
                self.mode = Mode::Data(Call {
                    number,
                    drops_after,
                });
            }
            PadAnswer::Cleared(cause) => {
                self.signal(at, &format!("CLR {cause} C:1 D:0"));
                self.prompt(at);
            }
            PadAnswer::Silent => {}
        }
    }

    pub(super) fn turn(&mut self, now: Instant, circuit: Circuit) {
        self.advance(now);
        match circuit {
            Circuit::Dtr(on) => {
                let falls = self.dtr && !on;
                self.dtr = on;
                if falls && !self.troubles.ignores_dtr {
                    self.end_call(PadEvent::ClearedElsewhere);
                }
            }
            Circuit::Break(false)
                if self.parameter(7) & 8 != 0 && !self.troubles.ignores_recall =>
            {
                self.recall(now);
            }
            Circuit::Break(_) | Circuit::Rts(_) => {}
        }
    }

    pub(super) fn drop_call(&mut self, now: Instant) {
        self.advance(now);
        self.clear_from_network(now);
    }

    fn clear_from_network(&mut self, at: Instant) {
        if self.is_in_call() {
            self.end_call(PadEvent::ClearedElsewhere);
            self.signal(at, "CLR DTE C:0 D:0");
            self.prompt(at);
        }
    }

    fn end_call(&mut self, event: PadEvent) {
        if self.is_in_call() {
            self.note(event);
        }
        self.mode = Mode::Command;
    }

    pub(super) fn say(&mut self, now: Instant, said: &mut Vec<u8>) {
        self.advance(now);
        while self.out.front().is_some_and(|(due, _)| *due <= now) {
            said.extend(self.out.pop_front().map(|(_, octet)| octet));
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let (own, number) = match &self.mode {
            Mode::Command => (None, None),
            Mode::Calling { until, .. } => (Some(*until), None),
            Mode::Data(call) => (None, Some(&call.number)),
            Mode::Recalled { prompt_at, .. } => (*prompt_at, None),
        };
        let entry = number.and_then(|number| self.book.get(number));
        let meter = entry.and_then(|entry| entry.meter.as_ref()?.due());
        let said = self.out.front().map(|(due, _)| *due);
        earliest([own, meter, said])
    }

    fn advance(&mut self, now: Instant) {
        match &mut self.mode {
            Mode::Calling { number, until } if *until <= now => {
                let (number, until) = (number.clone(), *until);
                self.finish_call(&number, until);
            }
            Mode::Recalled { prompt_at, .. } => {
                if let Some(at) = prompt_at.take_if(|at| *at <= now) {
                    self.prompt(at);
                }
            }
            _ => {}
        }
        self.listen_to_meter(now);
    }

    fn listen_to_meter(&mut self, now: Instant) {
        let Mode::Data(call) = &self.mode else {
            return;
        };
        let (number, left) = (call.number.clone(), call.drops_after);
        let mut octets = Vec::new();
        if let Some(meter) = self.meter(&number) {
            meter.say(now, &mut octets);
        }
        let drops = left.is_some_and(|left| octets.len() >= left);
        octets.truncate(left.unwrap_or(usize::MAX));
        let left = left.map(|left| left.saturating_sub(octets.len()));
        if let Mode::Data(call) = &mut self.mode {
            call.drops_after = left;
        }
        let due = now + self.troubles.delays;
        self.out
            .extend(octets.into_iter().map(|octet| (due, octet)));
        if drops {
            self.clear_from_network(due);
        }
    }

    /// What the meter said while no call stood went nowhere.
    fn forget_meter(&mut self, number: &str, now: Instant) {
        if let Some(meter) = self.meter(number) {
            meter.say(now, &mut Vec::new());
        }
    }

    fn meter(&mut self, number: &str) -> Option<&mut Box<dyn Peer>> {
        self.book.get_mut(number)?.meter.as_mut()
    }

    fn signal(&mut self, now: Instant, text: &str) {
        if self.parameter(6) & 1 == 0 {
            return;
        }
        let text = if text.is_empty() {
            "\r\n".to_owned()
        } else {
            format!("\r\n{text}\r\n")
        };
        self.put(now, &text);
    }

    fn prompt(&mut self, now: Instant) {
        if self.parameter(6) & 4 != 0 {
            let text = format!("\r\n{}", self.troubles.prompt);
            self.put(now, &text);
        }
    }

    fn put(&mut self, now: Instant, text: &str) {
        let due = now + self.troubles.thinks;
        self.out.extend(text.bytes().map(|octet| (due, octet)));
    }

    fn note(&mut self, event: PadEvent) {
        if self.events.len() < LINK_EVENTS_KEPT_MAX {
            self.events.push(event);
        }
    }
}
