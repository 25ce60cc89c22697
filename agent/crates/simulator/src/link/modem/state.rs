//! The state of a modem. It reads no clock: whoever drives it says what time it is.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::command::{Command, commands};
use super::word::Word;
use super::{Answer, HungUp, ModemEvent, ModemTroubles};
use crate::limits::{COMMAND_LINE_OCTETS_MAX, LINK_EVENTS_KEPT_MAX};
use crate::link::{Peer, earliest};

/// Register S7 after a reset: the wait for a carrier, in seconds.
const S7: u8 = 50;
/// Register S12 after a reset: the guard time of the escape, in fiftieths of a second.
const S12: u8 = 50;

#[derive(Debug)]
pub(super) struct State {
    pub(super) troubles: ModemTroubles,
    pub(super) events: Vec<(Instant, ModemEvent)>,
    book: BTreeMap<String, Entry>,
    setup: Setup,
    mode: Mode,
    line: Vec<u8>,
    /// For the gateway.
    out: VecDeque<(Instant, u8)>,
    escape: Escape,
    dtr: bool,
}

#[derive(Debug)]
struct Entry {
    answer: Answer,
    meter: Option<Box<dyn Peer>>,
}

#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is on or off, whatever the others are"
)]
struct Setup {
    echo: bool,
    words: bool,
    quiet: bool,
    obeys_dtr: bool,
    s7: u8,
    s12: u8,
}

#[derive(Debug)]
enum Mode {
    Command,
    Dialling {
        number: String,
        until: Instant,
    },
    Online(Call),
    /// The call is held, commands are heard.
    Held(Call),
}

#[derive(Debug, Clone)]
struct Call {
    number: String,
    drops_after: Option<usize>,
}

/// How far the escape has come.
#[derive(Debug, Default)]
struct Escape {
    last: Option<Instant>,
    pluses: u8,
}

impl Setup {
    const fn factory() -> Self {
        Self {
            echo: true,
            words: true,
            quiet: false,
            obeys_dtr: true,
            s7: S7,
            s12: S12,
        }
    }
}

impl State {
    pub(super) const fn new(troubles: ModemTroubles) -> Self {
        Self {
            troubles,
            events: Vec::new(),
            book: BTreeMap::new(),
            setup: Setup::factory(),
            mode: Mode::Command,
            line: Vec::new(),
            out: VecDeque::new(),
            escape: Escape {
                last: None,
                pluses: 0,
            },
            dtr: true,
        }
    }

    pub(super) fn seat(&mut self, number: &str, answer: Answer, meter: Option<Box<dyn Peer>>) {
        let entry = self.book.entry(number.to_owned()).or_insert(Entry {
            answer: Answer::NoCarrier,
            meter: None,
        });
        entry.answer = answer;
        if meter.is_some() {
            entry.meter = meter;
        }
    }

    pub(super) const fn is_in_call(&self) -> bool {
        matches!(self.mode, Mode::Online(_) | Mode::Held(_))
    }

    pub(super) fn hear(&mut self, now: Instant, octets: &[u8]) {
        self.advance(now);
        if self.troubles.dead {
            return;
        }
        if matches!(self.mode, Mode::Dialling { .. }) {
            // ITU-T V.250, 5.6.1: any octet ends the dialling.
            self.mode = Mode::Command;
            self.say_word(now, Word::NoCarrier);
            return;
        }
        if let Mode::Online(call) = &self.mode {
            let number = call.number.clone();
            self.watch_escape(now, octets);
            if let Some(meter) = self.meter(&number) {
                meter.hear(now, octets);
            }
            return;
        }
        for octet in octets {
            self.take_command_octet(now, *octet);
        }
    }

    fn take_command_octet(&mut self, now: Instant, octet: u8) {
        if self.setup.echo || self.troubles.always_echoes {
            self.out.push_back((now, octet));
        }
        match octet & 0x7f {
            b'\r' => {
                let line = std::mem::take(&mut self.line);
                self.obey(now, &String::from_utf8_lossy(&line));
            }
            b'\n' => {}
            octet if self.line.len() < COMMAND_LINE_OCTETS_MAX => self.line.push(octet),
            _ => {}
        }
    }

    fn obey(&mut self, now: Instant, line: &str) {
        if !line.to_ascii_uppercase().starts_with("AT") {
            return;
        }
        let refused = self.troubles.refuses.iter().any(|word| line.contains(word));
        let Some(found) = commands(line).filter(|_| !refused) else {
            self.say_word(now, Word::Error);
            return;
        };
        self.note(now, ModemEvent::Command(line.to_owned()));
        for command in found {
            match command {
                Command::Reset => {
                    self.end_call(now, HungUp::Command);
                    self.setup = Setup::factory();
                }
                Command::Echo(on) => self.setup.echo = on,
                Command::Words(on) => self.setup.words = on,
                Command::Quiet(on) => self.setup.quiet = on,
                Command::ObeysDtr(on) => self.setup.obeys_dtr = on,
                Command::Register(7, value) => self.setup.s7 = value,
                Command::Register(12, value) => self.setup.s12 = value,
                Command::Hook => self.end_call(now, HungUp::Command),
                Command::Online if matches!(self.mode, Mode::Held(_)) => {
                    self.go_online();
                    self.say_word(now, Word::Connect(9600));
                    return;
                }
                Command::Dial(number) => {
                    self.dial(now, number);
                    return;
                }
                Command::Online | Command::Register(..) | Command::Noted => {}
            }
        }
        self.say_word(now, Word::Ok);
    }

    fn dial(&mut self, now: Instant, number: String) {
        self.note(now, ModemEvent::Dialled(number.clone()));
        if self.is_in_call() || !self.dtr {
            self.say_word(now, Word::Error);
            return;
        }
        let longest = Duration::from_secs(u64::from(self.setup.s7));
        let answer = self.book.get(&number).map(|entry| &entry.answer);
        let rings = match answer.unwrap_or(&Answer::NoCarrier) {
            Answer::Connects { after, .. } => (*after).min(longest),
            Answer::Busy => Duration::from_secs(3),
            Answer::NoDialTone | Answer::Delayed => Duration::from_secs(1),
            Answer::NoCarrier | Answer::NoAnswer => longest,
            Answer::Silent => Duration::from_hours(24),
        };
        let until = now + rings;
        self.mode = Mode::Dialling { number, until };
    }

    /// The number was dialled, and this came of it.
    fn finish_dialling(&mut self, number: &str, at: Instant) {
        self.mode = Mode::Command;
        let answer = self.book.get(number).map(|entry| entry.answer.clone());
        let longest = Duration::from_secs(u64::from(self.setup.s7));
        let word = match answer.unwrap_or(Answer::NoCarrier) {
            Answer::Connects {
                after,
                rate,
                drops_after,
            } if after < longest => {
                self.note(at, ModemEvent::Connected);
                self.forget_meter(number, at);
                self.escape = Escape::default();
                self.say_word(at, Word::Connect(rate));
                let number = number.to_owned();
                self.mode = Mode::Online(Call {
                    number,
                    drops_after,
                });
                return;
            }
            Answer::Busy => Word::Busy,
            Answer::NoDialTone => Word::NoDialTone,
            Answer::NoAnswer => Word::NoAnswer,
            Answer::Delayed => Word::Delayed,
            Answer::NoCarrier | Answer::Connects { .. } | Answer::Silent => Word::NoCarrier,
        };
        self.say_word(at, word);
    }

    /// Three `+` in a row, with silence before them; the silence behind them is awaited.
    fn watch_escape(&mut self, now: Instant, octets: &[u8]) {
        let guard = self.guard();
        for octet in octets {
            let quiet = self.escape.last.is_none_or(|last| now >= last + guard);
            self.escape.pluses = match (octet & 0x7f, self.escape.pluses) {
                (b'+', 0) if quiet => 1,
                (b'+', pluses @ 1..=2) if !quiet => pluses + 1,
                _ => 0,
            };
            self.escape.last = Some(now);
        }
    }

    fn escapes_at(&self) -> Option<Instant> {
        let armed = self.escape.pluses == 3 && !self.troubles.ignores_escape;
        let online = matches!(self.mode, Mode::Online(_));
        self.escape
            .last
            .filter(|_| armed && online)
            .map(|last| last + self.guard())
    }

    fn guard(&self) -> Duration {
        Duration::from_millis(20) * u32::from(self.setup.s12)
    }

    pub(super) fn turn_dtr(&mut self, now: Instant, on: bool) {
        self.advance(now);
        let falls = self.dtr && !on;
        self.dtr = on;
        if falls && self.setup.obeys_dtr && !self.troubles.ignores_dtr && self.is_in_call() {
            self.end_call(now, HungUp::Dtr);
            self.say_word(now, Word::NoCarrier);
        }
    }

    pub(super) fn drop_call(&mut self, now: Instant) {
        self.advance(now);
        if self.is_in_call() {
            self.end_call(now, HungUp::FarEnd);
            self.say_word(now, Word::NoCarrier);
        }
    }

    fn end_call(&mut self, now: Instant, by: HungUp) {
        if self.is_in_call() {
            self.mode = Mode::Command;
            self.note(now, ModemEvent::HungUp(by));
        }
    }

    fn go_online(&mut self) {
        if let Mode::Held(call) = &self.mode {
            self.mode = Mode::Online(call.clone());
            self.escape = Escape::default();
        }
    }

    pub(super) fn say(&mut self, now: Instant, said: &mut Vec<u8>) {
        self.advance(now);
        while self.out.front().is_some_and(|(due, _)| *due <= now) {
            said.extend(self.out.pop_front().map(|(_, octet)| octet));
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let dialled = match &self.mode {
            Mode::Dialling { until, .. } => Some(*until),
            _ => None,
        };
        let meter = match &self.mode {
            Mode::Online(call) => self.book.get(&call.number),
            _ => None,
        };
        let meter = meter.and_then(|entry| entry.meter.as_ref()?.due());
        let said = self.out.front().map(|(due, _)| *due);
        earliest([dialled, meter, said, self.escapes_at()])
    }

    /// Lets everything happen that is due by now.
    fn advance(&mut self, now: Instant) {
        if let Mode::Dialling { number, until } = &self.mode
            && *until <= now
        {
            let (number, until) = (number.clone(), *until);
            self.finish_dialling(&number, until);
        }
        self.listen_to_meter(now);
        if let Some(at) = self.escapes_at().filter(|at| *at <= now)
            && let Mode::Online(call) = &self.mode
        {
            self.mode = Mode::Held(call.clone());
            self.escape = Escape::default();
            self.line.clear();
            self.say_word(at, Word::Ok);
        }
    }

    fn listen_to_meter(&mut self, now: Instant) {
        let Mode::Online(call) = &self.mode else {
            return;
        };
        let number = call.number.clone();
        let mut left = call.drops_after;
        let mut octets = Vec::new();
        if let Some(meter) = self.meter(&number) {
            meter.say(now, &mut octets);
        }
        let drops = left.is_some_and(|left| octets.len() >= left);
        octets.truncate(left.unwrap_or(usize::MAX));
        left = left.map(|left| left.saturating_sub(octets.len()));
        if let Mode::Online(call) = &mut self.mode {
            call.drops_after = left;
        }
        let due = now + self.troubles.delays;
        self.out
            .extend(octets.into_iter().map(|octet| (due, octet)));
        if drops {
            self.end_call(now, HungUp::FarEnd);
            self.say_word(due, Word::NoCarrier);
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

    fn say_word(&mut self, now: Instant, word: Word) {
        if self.setup.quiet {
            return;
        }
        let in_words = self.setup.words && !self.troubles.only_numbers;
        let text = word.text(in_words);
        let due = now + self.troubles.thinks;
        let parity = if self.troubles.says_parity { 0x80 } else { 0 };
        self.out
            .extend(text.bytes().map(|octet| (due, octet | parity)));
    }

    fn note(&mut self, now: Instant, event: ModemEvent) {
        if self.events.len() < LINK_EVENTS_KEPT_MAX {
            self.events.push((now, event));
        }
    }
}
