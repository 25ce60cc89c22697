//! A simulated A1700 on a wire in memory, under a clock that waits for nobody.

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

/// A meter on a wire.
pub(super) struct Stage {
    pub(super) wire: Wire,
    pub(super) meter: ElsterMeter,
    pub(super) line: GuardedLine<MemoryLine>,
}

/// A meter that has kept four channels for longer than is read.
pub(super) fn four_channels() -> Scenario {
    Scenario {
        mask: Some(FOUR_CHANNELS),
        days: 120,
        ..scenario("12345678")
    }
}

impl Stage {
    /// On a line of seven bits and even parity; call this within a runtime.
    pub(super) fn of_seven_bits(scenario: Scenario) -> Self {
        Self::new(scenario, WireSettings::flag(9600), MeterParity::Port)
    }

    /// On a line of eight bits, on which the gateway makes the parity.
    pub(super) fn of_eight_bits(scenario: Scenario) -> Self {
        Self::new(scenario, WireSettings::plain(9600), MeterParity::Software)
    }

    fn new(scenario: Scenario, settings: WireSettings, parity: MeterParity) -> Self {
        let wire = Wire::new(settings, 1);
        let meter = ElsterMeter::new(ElsterModel::A1700, scenario);
        let mut behaviour = meter.settings().unwrap();
        behaviour.parity = parity;
        wire.seat_flag(meter.on_wire_as(behaviour), FlagTroubles::default());
        let timing = LineTiming::serial(&settings.line(), Duration::ZERO);
        let line = GuardedLine::new(wire.line(), timing, GuardSettings::default());
        Self { wire, meter, line }
    }

    /// The load profile of so many days, as the meter sends it.
    pub(super) async fn profile(&mut self, days: u16) -> Vec<u8> {
        let address = MeterAddress::new(&self.meter.address()).unwrap();
        let terms = Terms {
            parity: ParityBy::Line,
            purpose: Purpose::Programming,
            hold_max: Duration::from_hours(1),
            ..Terms::new(Peer(1), Some(address))
        };
        let mut session = Session::open(&mut self.line, &terms).await.unwrap();
        let log_on = LogOn::Elster {
            password: Password::new(PASSWORD).unwrap(),
            public_first: false,
        };
        session.log_on(&log_on).await.unwrap();
        let window = days.to_le_bytes();
        session.write_packet(551, 1, &window).await.unwrap();
        let size = session.read_packet(551, 1, 4).await.unwrap().data;
        let packets = u16::from_be_bytes([size[0], size[1]]);
        let mut octets = Vec::new();
        for packet in 1..=packets {
            octets.extend(session.read_packet(550, packet, 64).await.unwrap().data);
        }
        session.close().await;
        octets
    }
}

/// Runs under a clock that jumps to the next thing that is due.
pub(super) fn without_waiting<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work)
}
