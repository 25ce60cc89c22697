//! A wire with one simulated DLMS meter, and a gateway at its end.

use crate::keeper::Keeper;
use crate::reader::{LINE, LOWER, access, terms};
use ::dlms::conversation::Terms;
use ::dlms::hdlc::Parameters;
use line::{GuardSettings, GuardedLine, LineTiming};
use metering::{Row, Timestamp};
use meters::ClockBasis;
use meters::catalogue::Catalogue;
use meters::catalogue::dlms::DlmsModel;
use meters::dlms::{DlmsPlace as Reach, Scalers};
use simulator::dlms::{DlmsInstrument, DlmsPlace, DlmsScenario};
use simulator::trouble::FlagTroubles;
use simulator::wire::{MemoryLine, SpeakerPlace, Wire, WireSettings};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const LONG: Duration = Duration::from_mins(10);

/// The generic model, with these ways to choose rows.
pub(crate) fn model(selection: &str) -> DlmsModel {
    let text = include_str!("../../../../../config/meter-models/dlms-generic.toml");
    let place = "address-octets = 1\nupper = 1\n";
    let load = "content = \"load profile 1\"\n";
    assert!(text.contains(place) && text.contains(load));
    let text = text
        .replace(place, "address-octets = 2\nupper = 1\n")
        .replace("other-bits = \"unremarkable\"\n", "")
        .replace(load, &format!("{load}selection = {selection}\n"));
    let catalogue = Catalogue::parse(&[("dlms-generic.toml", &text)]).unwrap();
    catalogue.dlms_model("dlms-generic").unwrap().clone()
}

pub(crate) fn basis() -> ClockBasis {
    "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap()
}

pub(crate) struct World {
    pub(crate) wire: Wire,
    pub(crate) meter: DlmsInstrument,
    pub(crate) place: SpeakerPlace,
    pub(crate) guard: GuardedLine<MemoryLine>,
    pub(crate) keeper: Keeper,
    pub(crate) scalers: Scalers,
    /// Rows that came, by their marks.
    pub(crate) rows: BTreeMap<Timestamp, Row>,
    reach: Reach,
}

impl World {
    pub(crate) fn new(scenario: DlmsScenario) -> Self {
        Self::on_hdlc(scenario, Parameters::default(), FlagTroubles::default())
    }

    pub(crate) fn on_hdlc(
        scenario: DlmsScenario,
        parameters: Parameters,
        troubles: FlagTroubles,
    ) -> Self {
        Self::on(scenario, Some(parameters), troubles)
    }

    pub(crate) fn in_wrapper(scenario: DlmsScenario) -> Self {
        Self::on(scenario, None, FlagTroubles::default())
    }

    fn on(scenario: DlmsScenario, hdlc: Option<Parameters>, troubles: FlagTroubles) -> Self {
        let settings = match hdlc {
            Some(_) => WireSettings::of_line(&LINE),
            None => WireSettings::rtu_stream(),
        };
        let wire = Wire::new(settings, scenario.seed);
        let meter = DlmsInstrument::new(scenario, access());
        let seated = match hdlc {
            Some(parameters) => meter.on_hdlc(DlmsPlace {
                parameters,
                ..DlmsPlace::alone(LOWER)
            }),
            None => Some(meter.on_wrapper()),
        };
        let place = wire.seat_dlms(seated.unwrap(), troubles);
        let timing = match hdlc {
            Some(_) => LineTiming::serial(&LINE, Duration::ZERO),
            None => LineTiming::stream(),
        };
        let guard = GuardedLine::new(wire.line(), timing, GuardSettings::default());
        Self {
            wire,
            meter,
            place,
            guard,
            keeper: Keeper::default(),
            scalers: Scalers::new(),
            rows: BTreeMap::new(),
            reach: match hdlc {
                Some(_) => Reach::Hdlc { lower: Some(LOWER) },
                None => Reach::Wrapper,
            },
        }
    }

    /// The terms of a session as this client.
    pub(crate) fn terms(&self, model: &DlmsModel, client: u16, hold_max: Duration) -> Terms {
        terms(model, self.reach, client, hold_max)
    }

    /// True time now.
    pub(crate) fn utc(&self) -> i64 {
        self.meter.utc(self.wire.now())
    }

    /// What the meter's clock takes for the time now.
    pub(crate) fn now(&self) -> Timestamp {
        seconds(self.meter.shown(self.utc()))
    }

    /// Compares what came with what the meter wrote. Says how many rows there were.
    #[track_caller]
    pub(crate) fn check_rows(&self) -> usize {
        let utc = self.utc();
        for (end, row) in &self.rows {
            let mark = i64::try_from(end.seconds()).unwrap();
            let truth = self.meter.recorded(mark, utc);
            let truth = truth.unwrap_or_else(|| panic!("no row was written for {end}"));
            let values: Vec<Option<i64>> = truth
                .values
                .iter()
                .map(|value| Some((*value).into()))
                .collect();
            assert_eq!(row.values, values, "{end}");
        }
        self.rows.len()
    }
}

pub(crate) fn seconds(utc: i64) -> Timestamp {
    Timestamp::from_seconds(u64::try_from(utc).unwrap())
}
