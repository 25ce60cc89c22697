//! A wire with one simulated meter, and a gateway at its end.

use iec62056_21::codec::{MeterAddress, Password};
use iec62056_21::conversation::ParityBy;
use iec62056_21::meter::{Opening, ParityBy as MeterParity};
use line::{GuardSettings, GuardedLine, LineSettings, LineTiming, Peer};
use meters::catalogue::Catalogue;
use meters::flag::{Characters, Credentials, LineReach, LineUse, Wish};
use simulator::elster::{ElsterMeter, ElsterModel, Scenario};
use simulator::trouble::FlagTroubles;
use simulator::wire::{MemoryLine, SpeakerPlace, Wire, WireSettings};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// The zone of the simulated meters, without a database of zones.
pub(crate) const ZONE: &str = "posix:CET-1CEST,M3.5.0,M10.5.0/3";
/// Beyond the units of Modbus.
pub(crate) const PEER: Peer = Peer(1000);

pub(crate) fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/meter-models");
        Catalogue::load(&folder).unwrap()
    })
}

/// The model file of a simulated meter.
pub(crate) fn model_of(model: ElsterModel) -> &'static str {
    match model {
        ElsterModel::A1140 => "elster-a1140",
        ElsterModel::A1120 => "elster-a1120",
        ElsterModel::As230 => "elster-as230",
        _ => "elster-a1700",
    }
}

pub(crate) fn seven(baud: u32) -> LineSettings {
    Characters::SevenEven.on(baud)
}

pub(crate) fn eight(baud: u32) -> LineSettings {
    Characters::EightNone.on(baud)
}

pub(crate) fn reach(line: LineSettings) -> LineReach {
    LineReach {
        line,
        can_change: true,
        dtr: None,
    }
}

pub(crate) fn password() -> Credentials {
    Credentials::Password(Password::new("0001ABCD").unwrap())
}

/// The gateway's end of a wire.
pub(crate) fn guarded(wire: &Wire, line: LineSettings) -> GuardedLine<MemoryLine> {
    let timing = LineTiming::serial(&line, Duration::ZERO);
    GuardedLine::new(wire.line(), timing, GuardSettings::default())
}

pub(crate) struct World {
    pub(crate) wire: Wire,
    pub(crate) meter: ElsterMeter,
    pub(crate) place: SpeakerPlace,
    pub(crate) line: GuardedLine<MemoryLine>,
    pub(crate) settings: LineSettings,
}

impl World {
    pub(crate) fn new(model: ElsterModel) -> Self {
        let scenario = Scenario::new(7, "00012345");
        Self::on(model, scenario, FlagTroubles::default(), seven(9600))
    }

    /// A meter on a line that is set so at the gateway's end.
    pub(crate) fn on(
        model: ElsterModel,
        scenario: Scenario,
        troubles: FlagTroubles,
        line: LineSettings,
    ) -> Self {
        let wire = Wire::new(WireSettings::of_line(&line), scenario.seed);
        let meter = ElsterMeter::new(model, scenario);
        let mut settings = meter.settings().unwrap();
        settings.opening = Opening::Fixed(line.baud);
        if line == eight(line.baud) {
            settings.parity = MeterParity::Software;
        }
        let place = wire.seat_flag(meter.on_wire_as(settings), troubles);
        let guarded = guarded(&wire, line);
        Self {
            wire,
            meter,
            place,
            line: guarded,
            settings: line,
        }
    }

    /// What a session with its meter should be like.
    pub(crate) fn wish(&self, hold_max: Duration) -> Wish {
        let is_eight = self.settings == eight(self.settings.baud);
        Wish {
            peer: PEER,
            address: Some(MeterAddress::new(&self.meter.address()).unwrap()),
            line: LineUse {
                usual: Some(self.settings),
                opening: None,
                changes_speed_to: None,
                parity: if is_eight {
                    ParityBy::Software
                } else {
                    ParityBy::Line
                },
            },
            hold_max,
            attempts: 3,
            opening_attempts: 3,
            streams: is_eight,
        }
    }

    /// True time now.
    pub(crate) fn utc(&self) -> i64 {
        self.meter.utc(self.wire.now())
    }

    /// True time at an instant.
    pub(crate) fn utc_of(&self, at: tokio::time::Instant) -> i64 {
        self.meter.utc(at - self.wire.epoch())
    }
}
