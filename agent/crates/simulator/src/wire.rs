//! A wire with a baud rate, meters on it, and everything that can go wrong between them.
//!
//! One engine holds the state and knows only the time it is told. Three fronts drive it: an
//! in-memory line under tokio's (paused) clock, a kernel pty on a thread of its own, and a TCP
//! port that behaves like a serial server or a Modbus TCP meter.
//!
//! Both directions are carried at once and nothing collides: an answer that comes during the next
//! request arrives whole. That is how a serial server behaves, and it is the worst case for who
//! reads; on two bare wires both would be damaged.

mod characters;
mod engine;
mod flag_seat;
mod memory;
mod peer;
pub(crate) mod pty;
mod record;
mod seat;
mod speaker;
mod tcp;
mod truth;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use iec62056_21::meter::Settings;
use line::{DataBits, LineSettings, Parity, StopBits};
use meters::Span;
use tokio::time::Instant;

use crate::dlms::DlmsMeter;
use crate::flag::FlagMeter;
use crate::frame::Framing;
use crate::meter::{ModbusMeter, Refusal};
use crate::trouble::{FlagTroubles, MeterTroubles, WireTroubles};
use engine::Engine;
use speaker::Speaker;

pub use memory::MemoryLine;
pub use pty::{PtyError, PtyWire};
pub use record::{Asked, RequestRecord, Silences, WireCounters};
pub use tcp::TcpWire;
pub use truth::Answered;

/// What a character is made of besides its start bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Bits of data.
    pub data_bits: DataBits,
    /// The parity bit.
    pub parity: Parity,
    /// Stop bits.
    pub stop_bits: StopBits,
}

/// How octets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireSettings {
    /// Bits per second; zero for a stream on which octets take no time.
    pub baud: u32,
    /// Bits of one character, start, parity and stop included: 10 or 11.
    pub bits_per_character: u8,
    /// What a character of Modbus meters is made of; none if only the number of its bits matters.
    /// The gateway's port is set like this until it is set otherwise.
    pub format: Option<Format>,
    /// What goes round a PDU.
    pub framing: Framing,
    /// Whether it matters how the gateway sets its port; otherwise its end of the wire keeps these
    /// settings, as a serial server does.
    pub minds_settings: bool,
}

impl WireSettings {
    /// A serial line.
    pub const fn serial(baud: u32, bits_per_character: u8) -> Self {
        Self {
            baud,
            bits_per_character,
            format: None,
            framing: Framing::Rtu,
            minds_settings: true,
        }
    }

    /// A serial line on which the gateway's port is set like this.
    pub fn of_line(settings: &LineSettings) -> Self {
        let bits = u8::try_from(settings.bits_per_character()).unwrap_or(u8::MAX);
        let format = Format {
            data_bits: settings.data_bits,
            parity: settings.parity,
            stop_bits: settings.stop_bits,
        };
        Self {
            format: Some(format),
            ..Self::serial(settings.baud, bits)
        }
    }

    /// A serial line of FLAG meters: seven bits, even parity.
    pub const fn flag(baud: u32) -> Self {
        Self {
            format: Some(Format {
                data_bits: DataBits::Seven,
                parity: Parity::Even,
                stop_bits: StopBits::One,
            }),
            ..Self::serial(baud, 10)
        }
    }

    /// A serial line of eight bits without parity, for mixed buses and data streams.
    pub const fn plain(baud: u32) -> Self {
        Self {
            format: Some(Format {
                data_bits: DataBits::Eight,
                parity: Parity::None,
                stop_bits: StopBits::One,
            }),
            ..Self::serial(baud, 10)
        }
    }

    /// RTU frames on a stream.
    pub const fn rtu_stream() -> Self {
        Self {
            baud: 0,
            bits_per_character: 0,
            format: None,
            framing: Framing::Rtu,
            minds_settings: false,
        }
    }

    /// Modbus TCP.
    pub const fn modbus_tcp() -> Self {
        Self {
            framing: Framing::Tcp,
            ..Self::rtu_stream()
        }
    }

    /// As a port is set.
    pub fn line(&self) -> LineSettings {
        let parity = if self.bits_per_character > 10 {
            Parity::Even
        } else {
            Parity::None
        };
        let format = self.format.unwrap_or(Format {
            data_bits: DataBits::Eight,
            parity,
            stop_bits: StopBits::One,
        });
        LineSettings {
            baud: self.baud,
            parity: format.parity,
            data_bits: format.data_bits,
            stop_bits: format.stop_bits,
        }
    }

    /// The time of one character; zero on a stream.
    pub fn character_time(&self) -> Duration {
        if self.baud == 0 {
            return Duration::ZERO;
        }
        let nanos = u64::from(self.bits_per_character) * 1_000_000_000 / u64::from(self.baud);
        Duration::from_nanos(nanos)
    }

    /// Between frames: 3.5 characters, fixed above 19 200 baud (Modbus over Serial Line V1.02,
    /// 2.5.1.1).
    pub fn silence(&self) -> Duration {
        if self.baud > 19_200 {
            Duration::from_micros(1750)
        } else {
            self.character_time().saturating_mul(7) / 2
        }
    }
}

/// Where a FLAG or DLMS meter sits on its wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpeakerPlace(usize);

/// The handle of a wire; clones share it.
#[derive(Debug, Clone)]
pub struct Wire {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: Mutex<Engine>,
    bells: Mutex<Bells>,
    epoch: Instant,
}

/// Who must look again when the wire was changed from outside.
#[derive(Debug, Default)]
struct Bells {
    reader: Option<Waker>,
    pty: Option<Arc<pty::Bell>>,
}

impl Wire {
    /// A wire without meters. The seed decides every fault that happens only now and then.
    pub fn new(settings: WireSettings, seed: u64) -> Self {
        let shared = Shared {
            engine: Mutex::new(Engine::new(settings, seed)),
            bells: Mutex::default(),
            epoch: Instant::now(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Puts a Modbus meter on the wire, in place of the one with the same unit address.
    pub fn seat(&self, meter: ModbusMeter, troubles: MeterTroubles) {
        self.engine().seat(meter, troubles);
    }

    /// Takes a meter off the wire.
    pub fn unseat(&self, unit: u8) {
        self.engine().unseat(unit);
    }

    /// Changes the troubles of a meter; false if there is none with this unit address.
    pub fn change_meter(&self, unit: u8, change: impl FnOnce(&mut MeterTroubles)) -> bool {
        self.engine().troubles_of(unit).map(change).is_some()
    }

    /// Puts a FLAG meter on the wire, beside those that are there: nothing forbids two with one
    /// address.
    pub fn seat_flag(&self, meter: FlagMeter, troubles: FlagTroubles) -> SpeakerPlace {
        self.seat_speaker(Speaker::Flag(meter), troubles)
    }

    /// Puts a DLMS meter on the wire, beside those that are there. Its port is set as the wire is;
    /// where a FLAG meter would sign off it forgets its link.
    pub fn seat_dlms(&self, meter: DlmsMeter, troubles: FlagTroubles) -> SpeakerPlace {
        self.seat_speaker(Speaker::Dlms(meter), troubles)
    }

    fn seat_speaker(&self, meter: Speaker, troubles: FlagTroubles) -> SpeakerPlace {
        let now = self.now();
        let place = self.engine().seat_flag(meter, troubles, now);
        self.ring();
        SpeakerPlace(place)
    }

    /// Takes a FLAG or DLMS meter off the wire.
    pub fn unseat_flag(&self, place: SpeakerPlace) {
        self.engine().unseat_flag(place.0);
    }

    /// Changes the troubles of a FLAG or DLMS meter; false if it is not there. One that gets its power back
    /// has forgotten its conversation.
    pub fn change_flag(&self, place: SpeakerPlace, change: impl FnOnce(&mut FlagTroubles)) -> bool {
        self.engine().change_flag(place.0, change)
    }

    /// Changes how the protocol side of a FLAG meter behaves; false if it is not there.
    pub fn change_flag_settings(
        &self,
        place: SpeakerPlace,
        change: impl FnOnce(&mut Settings),
    ) -> bool {
        self.engine().change_flag_settings(place.0, change)
    }

    /// Whether there is a FLAG or DLMS meter on it.
    pub fn has_flag_meters(&self) -> bool {
        self.engine().has_flag_seats()
    }

    /// Lets a FLAG meter end its session, unasked; false if it has none.
    pub fn sign_off(&self, place: SpeakerPlace) -> bool {
        let now = self.now();
        let has = self.engine().flag_signs_off(place.0, now);
        self.ring();
        has
    }

    /// Changes the troubles of the wire.
    pub fn change_wire(&self, change: impl FnOnce(&mut WireTroubles)) {
        change(self.engine().wire_troubles());
    }

    /// Pulls the plug: octets under way are gone, and the port with them.
    pub fn unplug(&self) {
        self.plug(false);
    }

    /// Puts the plug back.
    pub fn replug(&self) {
        self.plug(true);
    }

    /// Whether the plug is in.
    pub fn is_plugged(&self) -> bool {
        self.engine().is_plugged()
    }

    /// The time since the wire was made: the time that the meters live by.
    pub fn now(&self) -> Duration {
        self.shared.epoch.elapsed()
    }

    /// The instant at which the time of this wire is zero.
    pub fn epoch(&self) -> Instant {
        self.shared.epoch
    }

    /// How the octets travel.
    pub fn settings(&self) -> WireSettings {
        self.engine().settings()
    }

    /// What was counted so far.
    pub fn counters(&self) -> WireCounters {
        self.engine().counters().clone()
    }

    /// The silences before requests, as the wire saw them.
    pub fn silences(&self) -> Silences {
        self.engine().silences().clone()
    }

    /// The requests, oldest first, as far as they are kept.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.engine().requests()
    }

    /// What the meters answered, oldest first, as far as it is kept.
    pub fn answers(&self) -> Vec<Answered> {
        self.engine().truth().answers()
    }

    /// What a meter's registers hold at this time, asked or not.
    pub fn words(&self, unit: u8, span: Span, at: Duration) -> Option<Result<Vec<u16>, Refusal>> {
        self.engine().meter(unit).map(|meter| meter.words(span, at))
    }

    /// Whether a meter's registers held these words at any millisecond from `from` to `to`.
    pub fn held(&self, unit: u8, span: Span, words: &[u16], from: Duration, to: Duration) -> bool {
        let meter = self.engine().meter(unit).cloned();
        meter.is_some_and(|meter| truth::held(&meter, span, words, from, to))
    }

    /// The gateway's end of the wire, in memory.
    pub fn line(&self) -> MemoryLine {
        MemoryLine::new(self.clone())
    }

    fn plug(&self, in_place: bool) {
        let now = self.now();
        self.engine().plug(in_place, now);
        self.ring();
    }

    fn ring(&self) {
        let mut bells = self.bells();
        if let Some(reader) = bells.reader.take() {
            reader.wake();
        }
        if let Some(pty) = &bells.pty {
            pty.ring();
        }
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.shared
            .engine
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn bells(&self) -> MutexGuard<'_, Bells> {
        self.shared
            .bells
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
