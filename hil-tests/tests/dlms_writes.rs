//! A link cut at any APDU ends in old, new or a partial that is reported; each write is read back. Over
//! a kernel pty, with its plug pulled at each exchange of a whole program in turn, and in silence.
#![cfg(test)]

#[expect(dead_code, reason = "its own crate uses all of it")]
#[path = "../../agent/crates/meters/tests/dlms_writes/cut_line.rs"]
mod cut_line;
#[expect(dead_code, reason = "its own crate uses all of it")]
#[path = "../../agent/crates/dlms/tests/support/keeper.rs"]
mod keeper;
#[path = "../../agent/crates/meters/tests/dlms_writes/tariff.rs"]
mod tariff;

use cut_line::{CutLine, Cutter, Lost};
use dlms::codec::{Attribute, Data, Method};
use dlms::conversation::Terms;
use dlms::hdlc::Parameters;
use dlms::security::{Keys, Suite, SystemTitle};
use hil_tests::bus::catalogue;
use hil_tests::pty_port::PtyPort;
use keeper::Keeper;
use line::{GuardSettings, GuardedLine, LineTiming, Peer};
use meters::cosem::CalendarPart;
use meters::dlms::{
    Activation, DlmsCredentials, DlmsPlace as Reach, DlmsVisit, DlmsWish, Doubtful, ExpectedMeter,
    ItemState, Plan, Program, WriteFault, WriteRecord, WriteReport, Written, dlms_terms,
};
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsPlace, DlmsScenario};
use simulator::trouble::{FlagTroubles, Spread};
use simulator::wire::{PtyWire, Wire, WireSettings};
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tariff::{CALENDAR, REGISTERS, SCRIPTS, SPECIAL_DAYS};

const SERIAL: &str = "00012345";
const CLIENT: u16 = 1;
const BAUD: u32 = 460_800;
/// They wait for the wire far more than they work.
const LANES: usize = 8;
const ACTIVATION: Method = CalendarPart::activation(CALENDAR);

type Port = CutLine<PtyPort>;
type Visit<'l, 'm> = DlmsVisit<'l, 'm, Port, Keeper>;

/// A meter behind a pty, and a gateway at it.
struct Bench {
    wire: Wire,
    meter: DlmsInstrument,
    path: PathBuf,
    cutter: Cutter,
    keeper: Keeper,
    terms: Terms,
    plan: Plan,
    _pty: PtyWire,
    _folder: tempfile::TempDir,
}

fn keys() -> Keys {
    Keys::new(Suite::Two, &[0x42; 32], &[0x24; 32]).expect("keys")
}

fn program() -> Program {
    Program::new(SERIAL)
        .scripts(SCRIPTS, tariff::scripts())
        .registers(REGISTERS, tariff::registers())
        .calendar(CALENDAR, tariff::calendar(), Activation::Now)
        .special_days(SPECIAL_DAYS, tariff::special_days())
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tty-meter");
        let settings = WireSettings {
            minds_settings: false,
            ..WireSettings::plain(BAUD)
        };
        let wire = Wire::new(settings, 5);
        let access = DlmsAccess {
            passwords: Vec::new(),
            keys: vec![(CLIENT, keys())],
        };
        let scenario = DlmsScenario {
            days: 1,
            ..DlmsScenario::new(5, SERIAL)
        };
        let meter = DlmsInstrument::new(scenario, access);
        let place = DlmsPlace {
            parameters: Parameters {
                transmit_octets: 512,
                receive_octets: 512,
                ..Parameters::default()
            },
            ..DlmsPlace::alone(17)
        };
        let troubles = FlagTroubles {
            turnaround: Some(Spread::fixed(Duration::from_millis(1))),
            ..FlagTroubles::default()
        };
        wire.seat_dlms(meter.on_hdlc(place).expect("a place"), troubles);
        let pty = PtyWire::open(&wire, &path).expect("a pty");
        let model = catalogue().dlms_model("dlms-generic").expect("the model");
        Self {
            cutter: Cutter::default(),
            keeper: Keeper::default(),
            terms: terms(),
            plan: program().plan(&model.takes(), None).expect("a plan"),
            wire,
            meter,
            path,
            _pty: pty,
            _folder: folder,
        }
    }

    /// One session, through a port that is opened for it.
    async fn visit<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Visit<'_, '_>) -> Result<T, WriteFault>,
    ) -> Result<T, WriteFault> {
        let model = catalogue().dlms_model("dlms-generic").expect("the model");
        let line = CutLine {
            line: PtyPort::open(&self.path, BAUD).expect("the port"),
            cutter: self.cutter.clone(),
        };
        let timing = LineTiming::serial(&self.wire.settings().line(), Duration::from_millis(5));
        let mut guard = GuardedLine::new(line, timing, GuardSettings::default());
        let expected = ExpectedMeter::This(SERIAL.to_owned());
        let keeper = &mut self.keeper;
        let visit = DlmsVisit::begin(&mut guard, keeper, model, &self.terms, &expected).await;
        let mut visit = visit.map_err(|fault| WriteFault::Cut { fault })?;
        let done = work(&mut visit).await;
        visit.end().await;
        done
    }

    async fn look(&mut self) -> Result<WriteRecord, WriteFault> {
        let plan = self.plan.clone();
        self.visit(async |visit| visit.look(&plan, None).await)
            .await
    }

    async fn carry_out(&mut self, record: &WriteRecord) -> Result<WriteReport, WriteFault> {
        self.visit(async |visit| visit.carry_out(record, Doubtful::Leave).await)
            .await
    }

    fn holds(&self, report: &WriteReport) -> Vec<(Attribute, Data)> {
        let places = report.items.iter().map(|item| item.attribute);
        places
            .map(|place| (place, self.meter.programmed(place).expect("a table")))
            .collect()
    }
}

fn terms() -> Terms {
    let wish = DlmsWish {
        peer: Peer(1),
        place: Reach::Hdlc { lower: Some(17) },
        association: "secured".to_owned(),
        client: Some(CLIENT),
        hold_max: Duration::from_mins(1),
        pdu_octets: None,
    };
    let model = catalogue().dlms_model("dlms-generic").expect("the model");
    let credentials = DlmsCredentials::Keys(keys(), SystemTitle(*b"PMU\0\0\0\0\x01"));
    let terms = dlms_terms(model, &wish, &credentials).expect("terms");
    // Behind a cut there is nothing to wait for.
    Terms {
        attempts: NonZeroU8::MIN,
        response: Duration::from_millis(700),
        ..terms
    }
}

/// How cuts ended.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    cuts: usize,
    old: usize,
    new: usize,
    partial: usize,
}

/// One cut, what is told of it, and the rest or the way back.
async fn cut(at: usize, lost: Lost, is_loud: bool, ends: &Ends) -> Counts {
    let mut bench = Bench::new();
    let record = bench.look().await.expect("a look");
    bench.cutter.be_loud(is_loud);
    bench.cutter.mend(Some((at, lost)));
    let told = bench.carry_out(&record).await;
    bench.cutter.be_loud(false);
    bench.cutter.mend(None);
    let standing = bench.visit(async |visit| visit.standing(&record).await);
    let standing = standing.await.expect("a session behind the cut");
    let held = bench.holds(&standing);
    for (item, (place, held)) in standing.items.iter().zip(&held) {
        assert_eq!(item.found, *held, "{place}, cut at {at}, {lost:?}");
    }
    let mut counts = Counts {
        cuts: 1,
        ..Counts::default()
    };
    match standing.verdict {
        Written::Old => {
            counts.old = 1;
            assert_eq!(held, ends.old);
        }
        Written::New => {
            counts.new = 1;
            assert_eq!(held, ends.new);
        }
        _ => {
            counts.partial = 1;
            assert!(told.is_err(), "{standing}");
            assert_eq!(standing.places(&[ItemState::Foreign]), [], "{standing}");
            assert!(held != ends.old && held != ends.new, "{standing}");
        }
    }
    let activated = bench.meter.executed(ACTIVATION);
    assert_eq!(activated, u32::from(standing.verdict == Written::New));
    let (record, verdict, wanted, times) = if at.is_multiple_of(2) == (lost == Lost::Answer) {
        (record, Written::New, &ends.new, 1)
    } else {
        (record.turned_back(), Written::Old, &ends.old, 2 * activated)
    };
    let report = bench
        .carry_out(&record)
        .await
        .expect("the rest, or the way back");
    assert_eq!(
        (report.verdict, &bench.holds(&report)),
        (verdict, wanted),
        "{report}"
    );
    assert_eq!(bench.meter.executed(ACTIVATION), times);
    counts
}

/// What the meter holds at both ends.
struct Ends {
    old: Vec<(Attribute, Data)>,
    new: Vec<(Attribute, Data)>,
    exchanges: usize,
}

async fn whole() -> Ends {
    let mut bench = Bench::new();
    let record = bench.look().await.expect("a look");
    bench.cutter.mend(None);
    let report = bench.carry_out(&record).await.expect("a whole program");
    assert_eq!(report.verdict, Written::New, "{report}");
    Ends {
        exchanges: bench.cutter.exchanges(),
        new: bench.holds(&report),
        old: Bench::new().holds(&report),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

#[test]
fn a_link_cut_at_any_apdu_ends_in_old_new_or_a_partial_that_is_reported() {
    let ends = runtime().block_on(whole());
    let next = AtomicUsize::new(0);
    let lane = || {
        let runtime = runtime();
        let mut sum = Counts::default();
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let at = number / 2 + 1;
            if at > ends.exchanges {
                return sum;
            }
            let lost = [Lost::Request, Lost::Answer][number % 2];
            // Most cuts are a plug that is pulled; some are silence, which takes its time.
            let counts = runtime.block_on(cut(at, lost, !number.is_multiple_of(5), &ends));
            sum.cuts += counts.cuts;
            sum.old += counts.old;
            sum.new += counts.new;
            sum.partial += counts.partial;
        }
    };
    let sums: Vec<Counts> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        let ended = lanes.into_iter().map(|lane| lane.join().expect("a lane"));
        ended.collect()
    });
    let of = |part: fn(&Counts) -> usize| sums.iter().map(part).sum::<usize>();
    let (cuts, old) = (of(|one| one.cuts), of(|one| one.old));
    let (new, partial) = (of(|one| one.new), of(|one| one.partial));
    println!("{cuts} cuts: {old} old, {new} new, {partial} partial, none unreported");
    assert_eq!(cuts, 2 * ends.exchanges);
    assert!(old > 20 && new > 20 && partial > 20);
}
