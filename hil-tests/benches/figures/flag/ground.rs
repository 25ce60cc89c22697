//! A simulated A1700 on a wire in memory, under a clock that waits for nobody.

use std::ops::ControlFlow;
use std::time::Duration;

use hil_tests::flag::{PASSWORD, scenario};
use iec62056_21::codec::{MeterAddress, Password, Purpose};
use iec62056_21::conversation::{LogOn, ParityBy, Session, Terms};
use iec62056_21::meter::ParityBy as MeterParity;
use line::{GuardSettings, GuardedLine, LineTiming, Peer};
use simulator::elster::{ElsterMeter, ElsterModel, Scenario};
use simulator::trouble::FlagTroubles;
use simulator::wire::{MemoryLine, Wire, WireSettings};

/// The channels of a record: import, export, first and second quadrant.
const FOUR_CHANNELS: [u8; 2] = [0, 0x0f];
/// Behind noon, and a minute behind a mark of its intervals: none ends while a profile is read.
const BEGIN: i64 = 1_795_780_860;
/// The rest that an A1700 wants before each request.
pub(super) const GAP: Duration = Duration::from_millis(300);

/// A meter on a wire.
pub(super) struct Stage {
    wire: Wire,
    meter: ElsterMeter,
    reaction: Duration,
    character: Duration,
    parity: ParityBy,
    line: GuardedLine<MemoryLine>,
}

/// What a profile took.
pub(super) struct Took {
    /// Its octets.
    pub(super) octets: Vec<u8>,
    /// From the window to the last octet.
    pub(super) lasted: Duration,
    /// Requests and answers.
    pub(super) exchanges: usize,
    /// Characters on the line, both ways.
    pub(super) carried: u64,
    /// Of one character.
    pub(super) character: Duration,
    /// The meter's.
    pub(super) reaction: Duration,
}

/// A meter that has kept four channels for longer than is read, at a time that is always the same.
pub(super) fn four_channels() -> Scenario {
    Scenario {
        starts_at: BEGIN,
        mask: Some(FOUR_CHANNELS),
        days: 120,
        ..scenario("12345678")
    }
}

impl Stage {
    /// On a line of seven bits and even parity; call this within a runtime.
    pub(super) fn of_seven_bits(scenario: Scenario) -> Self {
        let both = (MeterParity::Port, ParityBy::Line);
        Self::new(scenario, WireSettings::flag(9600), both)
    }

    /// On a line of eight bits, on which the gateway makes the parity.
    pub(super) fn of_eight_bits(scenario: Scenario) -> Self {
        let both = (MeterParity::Software, ParityBy::Software);
        Self::new(scenario, WireSettings::plain(9600), both)
    }

    fn new(
        scenario: Scenario,
        settings: WireSettings,
        (theirs, ours): (MeterParity, ParityBy),
    ) -> Self {
        let wire = Wire::new(settings, 1);
        let meter = ElsterMeter::new(ElsterModel::A1700, scenario);
        let mut behaviour = meter.settings().unwrap();
        behaviour.parity = theirs;
        let reaction = behaviour.reaction;
        wire.seat_flag(meter.on_wire_as(behaviour), FlagTroubles::default());
        let timing = LineTiming::serial(&settings.line(), Duration::ZERO);
        let line = GuardedLine::new(wire.line(), timing, GuardSettings::default());
        Self {
            character: settings.character_time(),
            wire,
            meter,
            reaction,
            parity: ours,
            line,
        }
    }

    /// The load profile of so many days, in packets.
    pub(super) async fn packets(&mut self, days: u16) -> Took {
        self.read(days, Purpose::Programming).await
    }

    /// The same in a data stream.
    pub(super) async fn stream(&mut self, days: u16) -> Took {
        self.read(days, Purpose::Maker6).await
    }

    async fn read(&mut self, days: u16, purpose: Purpose) -> Took {
        let address = MeterAddress::new(&self.meter.address()).unwrap();
        let terms = Terms {
            parity: self.parity,
            purpose,
            gap: Some(GAP),
            hold_max: Duration::from_hours(1),
            ..Terms::new(Peer(1), Some(address))
        };
        let mut session = Session::open(&mut self.line, &terms).await.unwrap();
        let log_on = LogOn::Elster {
            password: Password::new(PASSWORD).unwrap(),
            public_first: false,
        };
        session.log_on(&log_on).await.unwrap();
        let (begun, before) = (self.wire.now(), self.wire.counters());
        let window = days.to_le_bytes();
        session.write_packet(551, 1, &window).await.unwrap();
        let size = session.read_packet(551, 1, 4).await.unwrap().data;
        let [high, low, blocks_high, blocks_low] = size.as_slice() else {
            panic!("a size of {} octets", size.len());
        };
        let packets = u16::from_be_bytes([*high, *low]);
        let blocks = u16::from_be_bytes([*blocks_high, *blocks_low]);
        let mut octets = Vec::new();
        let mut exchanges = 2;
        if purpose == Purpose::Maker6 {
            let mut take = |_: u16, part: &[u8]| {
                octets.extend_from_slice(part);
                ControlFlow::Continue(())
            };
            session
                .read_stream(550, 1, blocks, &mut take)
                .await
                .unwrap();
            octets.truncate(usize::from(packets) * 64);
            exchanges += 1;
        } else {
            for packet in 1..=packets {
                octets.extend(session.read_packet(550, packet, 64).await.unwrap().data);
                exchanges += 1;
            }
        }
        let (took, after) = (self.wire.now().saturating_sub(begun), self.wire.counters());
        session.close().await;
        let carried =
            |counters: &simulator::wire::WireCounters| counters.octets_heard + counters.octets_said;
        Took {
            octets,
            lasted: took,
            exchanges,
            carried: carried(&after) - carried(&before),
            character: self.character,
            reaction: self.reaction,
        }
    }
}
