//! A load profile of 90 days and eight channels over HDLC at 9600 baud, against what frames and APDUs
//! of the agreed sizes need at the least. The clock is that of the wire: nothing here depends on
//! the machine.

use std::collections::BTreeSet;
use std::time::Duration;

use dlms::hdlc::{Address, Parameters};
use dlms::meter::LinkSettings;
use line::{DataBits, GuardSettings, GuardedLine, LineSettings, LineTiming, Parity, StopBits};
use metering::{Period, Timestamp};
use meters::ClockBasis;
use meters::collection::{Marks, Wanted};
use meters::dlms::{CollectRun, DlmsVisit, ExpectedMeter, RunEnd, Scalers};
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsPlace, DlmsScenario, Energy};
use simulator::trouble::FlagTroubles;
use simulator::wire::{Wire, WireSettings};

use super::client::{CLIENT, Counters, LOWER, keys, model, terms};
use crate::table::{Limit, Row, Spread};
use crate::virtual_time::without_waiting;

const DAYS: i64 = 90;
const PERIOD_S: u32 = 900;
const ROWS: usize = 90 * 96;

/// Sizes of information fields: the one that every meter has, and a usual larger one.
const FRAMES: [u16; 2] = [128, 512];

/// Octets of a frame around its information: two flags, format, two octets of the meter's address
/// and one of the client's, control, two checks.
const FRAME: usize = 2 + 2 + 3 + 1 + 4;
/// A frame that only asks for the next one has one check.
const BARE: usize = FRAME - 2;
/// In front of an APDU.
const LLC: usize = 3;
/// Tag, length, control, counter, and the tag of GCM.
const PROTECTION: usize = 1 + 3 + 5 + 12;
/// Of a response with a block: tag, kind, invoke id, whether it is the last one, number, choice, length.
const BLOCK: usize = 3 + 1 + 4 + 1 + 3;
/// Of a request for the next block.
const NEXT: usize = 3 + 4;

pub(super) fn rows() -> Vec<Row> {
    FRAMES.map(|octets| without_waiting(row(octets))).to_vec()
}

async fn row(information: u16) -> Row {
    let line = LineSettings {
        baud: 9600,
        parity: Parity::None,
        data_bits: DataBits::Eight,
        stop_bits: StopBits::One,
    };
    let timing = LineTiming::serial(&line, Duration::ZERO);
    let read = read(information, &line, timing).await;
    let sizes = Sizes {
        apdu: read.apdu,
        information: usize::from(information),
    };
    let reaction = LinkSettings::new(Address::one(1).unwrap()).reaction;
    let rest = reaction + timing.silence();
    let least = sizes.least(read.octets, line.character_time(), rest);
    let (least, lasted) = (least.as_secs_f64(), read.lasted.as_secs_f64());
    Row {
        figure: format!(
            "line time needed of that used, {DAYS} days x 8 channels, suite 2, 9600 8N1, frames of {information}"
        ),
        limit: Limit::AtLeast(95.0),
        measured: Spread::one(least / lasted * 100.0),
        unit: "%",
        peer: format!(
            "{} octets of rows: {lasted:.0} s, at the least {least:.0} s",
            read.octets
        ),
    }
}

/// What was read.
struct Read {
    /// Octets of all rows.
    octets: usize,
    /// Of the longest APDU.
    apdu: usize,
    lasted: Duration,
}

/// All rows, as the gateway collects them.
async fn read(information: u16, line: &LineSettings, timing: LineTiming) -> Read {
    let wire = Wire::new(WireSettings::of_line(line), 1);
    let instrument = DlmsInstrument::new(scenario(), access());
    let parameters = Parameters {
        transmit_octets: information,
        receive_octets: information,
        ..Parameters::default()
    };
    let place = DlmsPlace {
        parameters,
        ..DlmsPlace::alone(LOWER)
    };
    wire.seat_dlms(instrument.on_hdlc(place).unwrap(), FlagTroubles::default());
    let mut guard = GuardedLine::new(wire.line(), timing, GuardSettings::default());
    let model = model(information);
    let terms = terms(&model);
    let profile = model.load_profile().unwrap();
    let basis: ClockBasis = "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap();
    let now = instrument.shown(instrument.utc(wire.now()));
    let now = Timestamp::from_seconds(u64::try_from(now).unwrap());
    let first = now.before(Duration::from_hours(24 * 90));
    let wanted = Wanted::Only(vec![Marks { first, last: now }]);
    let period = Period::from_seconds(PERIOD_S).unwrap();
    let mut run = CollectRun::new(&wanted, profile, period, now);
    let (mut counters, mut scalers) = (Counters::from(1000), Scalers::new());
    let any = ExpectedMeter::Any;
    let visit = DlmsVisit::begin(&mut guard, &mut counters, &model, &terms, &any).await;
    let mut visit = visit.unwrap();
    let setup = visit.setup(profile).await.unwrap();
    visit.learn(setup.scalers(), &mut scalers).await.unwrap();

    let begun = wire.now();
    // Around the change to summer time rows are asked for an hour wider: some come twice.
    let mut came = BTreeSet::new();
    let mut take = |read: meters::cosem::ProfileRead| {
        came.extend(read.rows.iter().map(|found| found.row.end));
        true
    };
    let ground = (&basis, now);
    let end = visit
        .collect(&mut run, (profile, &setup), &mut scalers, ground, &mut take)
        .await;
    assert_eq!(end.unwrap(), RunEnd::Done);
    let lasted = wire.now().saturating_sub(begun);
    let all = visit.rows(profile, None).await.unwrap().unwrap();
    assert!(visit.end().await.fault.is_none());
    assert_eq!(came.len(), ROWS, "each row");
    Read {
        octets: all.encode().len(),
        apdu: terms.pdu_octets.into(),
        lasted,
    }
}

/// A meter that has kept eight channels for as long as its profile holds, a minute behind a mark:
/// the rows asked for are those that there are.
fn scenario() -> DlmsScenario {
    let usual = DlmsScenario::new(1, "00012345");
    DlmsScenario {
        starts_at: usual.starts_at + 60,
        days: DAYS + 1,
        period_s: PERIOD_S,
        capacity: ROWS,
        columns: Energy::ALL.to_vec(),
        ..usual
    }
}

fn access() -> DlmsAccess {
    DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(CLIENT, keys())],
    }
}

/// What was agreed.
struct Sizes {
    apdu: usize,
    information: usize,
}

impl Sizes {
    /// The least time for so many octets: APDUs and frames as full as they can be, one request for
    /// each block and one for each further frame, and the rests that the line and the meter take.
    fn least(&self, octets: usize, character: Duration, rest: Duration) -> Duration {
        let blocks = octets.div_ceil(self.apdu - BLOCK - PROTECTION);
        let carried = octets + blocks * (BLOCK + PROTECTION + LLC);
        let frames = carried.div_ceil(self.information);
        let asked = blocks * (FRAME + LLC + PROTECTION + NEXT) + (frames - blocks) * BARE;
        let characters = carried + frames * FRAME + asked;
        character * u32::try_from(characters).unwrap() + rest * u32::try_from(frames).unwrap()
    }
}
