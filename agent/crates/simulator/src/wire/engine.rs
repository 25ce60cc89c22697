//! The state of a wire. It reads no clock: whoever drives it says what time it is.

mod flag;
mod port;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use line::LineSettings;

use super::WireSettings;
use super::characters::{Travelling, send};
use super::flag_seat::{FlagSeat, Transmission};
use super::record::{Asked, Records, RequestRecord, Silences, WireCounters};
use super::seat::Seat;
use super::truth::{Answered, Truth};
use crate::dice::Dice;
use crate::frame::{Heard, Request};
use crate::limits::OCTETS_UNDER_WAY_MAX;
use crate::meter::ModbusMeter;
use crate::trouble::{MeterTroubles, WireTroubles};

/// Something that will happen at a known time.
#[derive(Debug)]
enum Happening {
    /// The last octet of a request has arrived.
    Request {
        request: Request,
        after_silence: bool,
    },
    /// A meter starts to send, and sends a copy when this much time has passed since the end.
    Send {
        octets: Vec<u8>,
        copy_after: Option<Duration>,
    },
    /// An octet has arrived at the gateway.
    Octet {
        travelling: Travelling,
        from: LineSettings,
        /// The FLAG meter it comes from.
        sender: Option<usize>,
    },
    /// An octet of the gateway has arrived at the FLAG meters.
    ForFlag {
        travelling: Travelling,
        from: LineSettings,
    },
    /// A FLAG meter has something to do by itself.
    FlagWake { number: usize },
    /// A FLAG meter starts to send.
    FlagSend {
        number: usize,
        octets: Vec<u8>,
        from: LineSettings,
        copy_after: Option<Duration>,
    },
}

#[derive(Debug)]
pub(super) struct Engine {
    settings: WireSettings,
    character: Duration,
    troubles: WireTroubles,
    /// Modbus meters by unit address.
    seats: BTreeMap<u8, Seat>,
    /// FLAG meters in the order in which they came.
    flag_seats: BTreeMap<usize, FlagSeat>,
    flag_seats_made: usize,
    /// What FLAG meters are sending, to see whether two do at once.
    transmissions: Vec<Transmission>,
    /// How the gateway's port is set.
    gateway: LineSettings,
    dice: Dice,
    agenda: BTreeMap<(Duration, u64), Happening>,
    numbered: u64,
    octets_under_way: usize,
    hearing: Vec<u8>,
    after_silence: bool,
    /// The end of the last octet from the gateway.
    heard_until: Option<Duration>,
    /// The end of the last octet that arrived at the gateway.
    said_until: Option<Duration>,
    /// Until when the meters' side is taken by octets already on their way.
    taken_until: Duration,
    plugged: bool,
    records: Records,
    truth: Truth,
}

impl Engine {
    pub(super) fn new(settings: WireSettings, seed: u64) -> Self {
        Self {
            character: settings.character_time(),
            settings,
            troubles: WireTroubles::default(),
            seats: BTreeMap::new(),
            flag_seats: BTreeMap::new(),
            flag_seats_made: 0,
            transmissions: Vec::new(),
            gateway: settings.line(),
            dice: Dice::new(seed),
            agenda: BTreeMap::new(),
            numbered: 0,
            octets_under_way: 0,
            hearing: Vec::new(),
            after_silence: true,
            heard_until: None,
            said_until: None,
            taken_until: Duration::ZERO,
            plugged: true,
            records: Records::default(),
            truth: Truth::default(),
        }
    }

    pub(super) fn seat(&mut self, meter: ModbusMeter, troubles: MeterTroubles) {
        let unit = meter.unit();
        let dice = self.dice.fork(u64::from(unit));
        self.seats.insert(
            unit,
            Seat {
                meter,
                troubles,
                dice,
                busy_until: VecDeque::new(),
            },
        );
    }

    pub(super) fn unseat(&mut self, unit: u8) {
        self.seats.remove(&unit);
    }

    pub(super) fn meter(&self, unit: u8) -> Option<&ModbusMeter> {
        self.seats.get(&unit).map(|seat| &seat.meter)
    }

    pub(super) fn troubles_of(&mut self, unit: u8) -> Option<&mut MeterTroubles> {
        self.seats.get_mut(&unit).map(|seat| &mut seat.troubles)
    }

    pub(super) const fn wire_troubles(&mut self) -> &mut WireTroubles {
        &mut self.troubles
    }

    pub(super) const fn settings(&self) -> WireSettings {
        self.settings
    }

    pub(super) const fn is_plugged(&self) -> bool {
        self.plugged
    }

    pub(super) const fn counters(&self) -> &WireCounters {
        &self.records.counters
    }

    pub(super) const fn silences(&self) -> &Silences {
        &self.records.silences
    }

    pub(super) fn requests(&self) -> Vec<RequestRecord> {
        self.records.requests()
    }

    pub(super) const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Until when octets of the gateway are on their way.
    pub(super) fn sending_until(&self) -> Duration {
        self.heard_until.unwrap_or_default()
    }

    /// How the gateway has set its port.
    pub(super) const fn set_gateway(&mut self, line: LineSettings) {
        if self.settings.minds_settings {
            self.gateway = line;
        }
    }

    /// Octets that found no room at the gateway's side.
    pub(super) fn lose(&mut self, octets: usize) {
        self.records.counters.octets_lost += u64::try_from(octets).unwrap_or(0);
    }

    /// What was under way is gone; the meters' own time goes on.
    pub(super) fn plug(&mut self, in_place: bool, now: Duration) {
        self.plugged = in_place;
        self.agenda.clear();
        self.forget_flag_plans();
        self.octets_under_way = 0;
        self.hearing.clear();
        self.heard_until = self.heard_until.map(|until| until.min(now));
        self.taken_until = self.taken_until.min(now);
    }

    /// When something will happen next.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets everything happen that is due by now; what arrives at the gateway goes to `arrived`.
    pub(super) fn advance(&mut self, now: Duration, arrived: &mut Vec<u8>) {
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= now
        {
            let at = entry.key().0;
            match entry.remove() {
                Happening::Request {
                    request,
                    after_silence,
                } => {
                    self.receive(&request, after_silence, at);
                }
                Happening::Send { octets, copy_after } => self.send(octets, copy_after, at),
                Happening::Octet {
                    travelling,
                    from,
                    sender,
                } => {
                    self.octets_under_way = self.octets_under_way.saturating_sub(1);
                    self.said_until = Some(at);
                    self.records.counters.octets_said += 1;
                    let travelling = self.collide(travelling, from, sender, at);
                    arrived.extend(self.reach_gateway(travelling, from));
                }
                Happening::ForFlag { travelling, from } => self.flag_hears(travelling, from, at),
                Happening::FlagWake { number } => self.flag_wakes(number, at),
                Happening::FlagSend {
                    number,
                    octets,
                    from,
                    copy_after,
                } => self.flag_sends(number, &octets, from, copy_after, at),
            }
        }
    }

    /// Corrects the end of the last octet to the time at which it could really be read.
    pub(super) fn said(&mut self, at: Duration) {
        self.said_until = self.said_until.map(|until| until.max(at));
    }

    /// Takes octets that the gateway writes now.
    pub(super) fn hear(&mut self, now: Duration, octets: &[u8]) {
        if !self.plugged || octets.is_empty() {
            return;
        }
        let begin = self.heard_until.map_or(now, |until| until.max(now));
        self.note_burst(begin, octets.len());
        let from = self.gateway;
        let character = self.character_of(from);
        let mut end = begin;
        for &octet in octets {
            end = end.saturating_add(character);
            let travelling = self.noisy(send(octet, from));
            if self.troubles.echo {
                let echo = Happening::Octet {
                    travelling,
                    from,
                    sender: None,
                };
                self.put(end, echo);
                self.octets_under_way += 1;
            }
            if !self.flag_seats.is_empty() {
                self.put(end, Happening::ForFlag { travelling, from });
            }
            self.reach_modbus(travelling, from, end);
        }
        self.heard_until = Some(end);
        self.records.counters.octets_heard += u64::try_from(octets.len()).unwrap_or(0);
    }

    /// Octets after 1.5 characters without one, or after octets from the other side, begin a new
    /// burst (Modbus over Serial Line V1.02, 2.5.1.1).
    fn note_burst(&mut self, begin: Duration, octets: usize) {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        let turned = self.said_until > self.heard_until && !self.troubles.echo;
        let gap = self.heard_until.map(|until| begin.saturating_sub(until));
        let paused = gap.is_none_or(|gap| gap > self.character.saturating_mul(3) / 2);
        if !turned && !paused && self.character > Duration::ZERO {
            if let Some(record) = self.records.latest() {
                record.octets = record.octets.saturating_add(octets);
            }
            return;
        }
        // On a stream there is no silence to cut frames by; only lengths count.
        if self.character > Duration::ZERO && !self.hearing.is_empty() {
            self.hearing.clear();
            self.records.counters.damaged += 1;
        }
        let talked_over = self.taken_until > begin;
        let silence = self
            .heard_until
            .max(self.said_until)
            .map(|last| begin.saturating_sub(last));
        self.after_silence =
            !talked_over && silence.is_none_or(|silence| silence >= self.settings.silence());
        let record = RequestRecord {
            at: begin,
            silence,
            talked_over,
            octets,
            asked: None,
        };
        self.records.begin(record, self.character);
    }

    fn understand(&mut self, end: Duration) {
        match self.settings.framing.hear(&self.hearing) {
            Heard::Incomplete => {}
            Heard::Damaged => {
                self.hearing.clear();
                self.records.counters.damaged += 1;
            }
            Heard::Request(request) => {
                let begin = self.records.latest().map_or(end, |record| {
                    record.asked = Some(Asked::from(&request));
                    record.at
                });
                self.records.counters.requests += 1;
                self.records.counters.busy += end.saturating_sub(begin);
                self.hearing.clear();
                self.put(
                    end,
                    Happening::Request {
                        request,
                        after_silence: self.after_silence,
                    },
                );
            }
        }
    }

    fn receive(&mut self, request: &Request, after_silence: bool, at: Duration) {
        if request.unit == 0 {
            for seat in self.seats.values().filter(|seat| !seat.troubles.dead) {
                seat.meter.answer(&request.pdu, at);
            }
            return;
        }
        let counters = &mut self.records.counters;
        let Some(seat) = self
            .seats
            .get_mut(&request.unit)
            .filter(|seat| !seat.troubles.dead)
        else {
            counters.unanswered += 1;
            return;
        };
        let Some(begin) = seat.accept(after_silence, at) else {
            counters.missed += 1;
            return;
        };
        let thinks = seat.think();
        let reply = seat.meter.answer(&request.pdu, begin);
        let due = begin.saturating_add(thinks);
        let frame = self.settings.framing.say(request, &reply.pdu);
        let line_time = self
            .character
            .saturating_mul(u32::try_from(frame.len()).unwrap_or(0));
        seat.busy_until.push_back(due.saturating_add(line_time));
        counters.exceptions += u64::from(reply.read.is_none() && reply.pdu.len() == 2);
        let lost = seat.troubles.lost_answers.happens(&mut seat.dice);
        if let Some((span, words)) = reply.read {
            let unit = request.unit;
            let due_at = (!lost).then_some(due);
            self.truth.note(Answered {
                unit,
                span,
                words,
                asked_at: at,
                sampled_at: begin,
                due_at,
            });
        }
        if lost {
            return;
        }
        counters.answers += 1;
        counters.busy += thinks + line_time;
        let foreign = seat.foreign(self.settings.framing, request, &reply.pdu);
        let octets = seat.spoil(frame);
        let copy_after = seat.troubles.doubled.and_then(|doubled| {
            doubled
                .happens
                .happens(&mut seat.dice)
                .then_some(doubled.after)
        });
        if let Some(foreign) = foreign {
            self.put(
                due,
                Happening::Send {
                    octets: foreign,
                    copy_after: None,
                },
            );
        }
        self.put(due, Happening::Send { octets, copy_after });
    }

    fn send(&mut self, octets: Vec<u8>, copy_after: Option<Duration>, at: Duration) {
        if self.octets_under_way.saturating_add(octets.len()) > OCTETS_UNDER_WAY_MAX {
            self.lose(octets.len());
            return;
        }
        let mut end = self.taken_until.max(at);
        let from = self.modbus_line();
        for &octet in &octets {
            end = end.saturating_add(self.character);
            let octet = Happening::Octet {
                travelling: send(octet, from),
                from,
                sender: None,
            };
            self.put(end, octet);
            self.octets_under_way += 1;
        }
        self.taken_until = end;
        if let Some(after) = copy_after {
            self.put(
                end.saturating_add(after),
                Happening::Send {
                    octets,
                    copy_after: None,
                },
            );
        }
    }

    fn put(&mut self, at: Duration, happening: Happening) {
        self.numbered += 1;
        self.agenda.insert((at, self.numbered), happening);
    }
}
