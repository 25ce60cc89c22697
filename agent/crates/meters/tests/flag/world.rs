//! A wire with one simulated meter, and a gateway at its end.

use iec62056_21::codec::{MeterAddress, Password};
use line::{GuardSettings, GuardedLine, LineSettings, LineTiming, Peer};
use metering::{ClockQuality, Timestamp};
use meters::ClockBasis;
use meters::catalogue::Catalogue;
use meters::flag::{
    Characters, Credential, FlagMeter, Found, GatewayClock, LineReach, Setting, Visit, VisitEnd,
    VisitReport, VisitTools, Wishes, visit,
};
use simulator::elster::{ElsterMeter, ElsterModel, Scenario};
use simulator::trouble::FlagTroubles;
use simulator::wire::{FlagPlace, MemoryLine, Wire, WireSettings};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// The zone of the simulated meters, without a database of zones.
pub(crate) const ZONE: &str = "posix:CET-1CEST,M3.5.0,M10.5.0/3";

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

/// A gateway whose clock is right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrueClock {
    epoch: Instant,
    starts_at: i64,
}

impl GatewayClock for TrueClock {
    fn utc_at(&self, at: Instant) -> Timestamp {
        let since = u64::try_from(at.saturating_duration_since(self.epoch).as_millis()).unwrap();
        Timestamp::from_millis(u64::try_from(self.starts_at).unwrap() * 1000 + since)
    }

    fn quality(&self) -> ClockQuality {
        ClockQuality::Synchronised
    }
}

pub(crate) struct World {
    pub(crate) wire: Wire,
    pub(crate) meter: ElsterMeter,
    pub(crate) place: FlagPlace,
    pub(crate) line: GuardedLine<MemoryLine>,
    pub(crate) clock: TrueClock,
    pub(crate) known: FlagMeter,
    pub(crate) found: Vec<Found>,
}

pub(crate) fn seven(baud: u32) -> LineSettings {
    Characters::SevenEven.on(baud)
}

pub(crate) fn eight(baud: u32) -> LineSettings {
    Characters::EightNone.on(baud)
}

impl World {
    pub(crate) fn new(model: ElsterModel) -> Self {
        Self::with(model, Scenario::new(7, "00012345"), FlagTroubles::default())
    }

    pub(crate) fn with(model: ElsterModel, scenario: Scenario, troubles: FlagTroubles) -> Self {
        Self::on(model, scenario, troubles, seven(9600))
    }

    /// A meter on a line that is set so at the gateway's end.
    pub(crate) fn on(
        model: ElsterModel,
        scenario: Scenario,
        troubles: FlagTroubles,
        line: LineSettings,
    ) -> Self {
        let wire = Wire::new(WireSettings::of_line(&line), 42);
        let starts_at = scenario.starts_at;
        let meter = ElsterMeter::new(model, scenario);
        let mut settings = meter.settings().unwrap();
        settings.opening = iec62056_21::meter::Opening::Fixed(line.baud);
        if line == eight(line.baud) {
            settings.parity = iec62056_21::meter::ParityBy::Software;
        }
        let place = wire.seat_flag(meter.on_wire_as(settings), troubles);
        let timing = LineTiming::serial(&line, Duration::ZERO);
        let guarded = GuardedLine::new(wire.line(), timing, GuardSettings::default());
        let flag_model = catalogue().flag_model(model_of(model)).unwrap().clone();
        let reach = LineReach {
            line,
            can_change: true,
            dtr: None,
        };
        let known = FlagMeter {
            model: Arc::new(flag_model),
            peer: Peer(1000),
            address: Some(MeterAddress::new(&meter.address()).unwrap()),
            reach,
            setting: Setting {
                line: seven(line.baud),
                changes_speed: false,
                dtr: None,
            },
            credential: Some(Credential {
                level: 1,
                password: Password::new("0001ABCD").unwrap(),
            }),
            serial: Some("12345".to_owned()),
            basis: ZONE.parse::<ClockBasis>().unwrap(),
        };
        let clock = TrueClock {
            epoch: wire.epoch(),
            starts_at,
        };
        Self {
            wire,
            meter,
            place,
            line: guarded,
            clock,
            known,
            found: Vec::new(),
        }
    }

    /// One slice of a visit; what it brings is added to what was found.
    pub(crate) async fn slice(&mut self, what: &mut Visit, hold_max: Duration) -> VisitReport {
        let tools = VisitTools {
            hold_max,
            clock: &self.clock,
            cancelled: &|| false,
            sink: &mut self.found,
        };
        visit(&mut self.line, &self.known, what, tools).await
    }

    /// A whole visit in slices of this length. Returns its octets and the time it held the line.
    pub(crate) async fn visit(&mut self, wishes: Wishes, hold_max: Duration) -> (u64, Duration) {
        let mut what = Visit::new(wishes);
        let (mut octets, mut held) = (0, Duration::ZERO);
        for _ in 0..10_000 {
            let report = self.slice(&mut what, hold_max).await;
            octets += report.octets;
            held += report.held;
            match report.end {
                VisitEnd::Done => return (octets, held),
                VisitEnd::More => {}
                end => panic!("{end:?}"),
            }
        }
        panic!("no end: {:?}", what.progress());
    }

    /// True time now.
    pub(crate) fn utc(&self) -> i64 {
        self.meter.utc(self.wire.now())
    }
}
