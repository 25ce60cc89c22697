use super::*;
use crate::adapters::clock::WallClock;
use crate::config::Settings;
use crate::front::GATEWAY_PROFILE;
use crate::tasks::bus::place::{Ahead, Astride, Place};
use crate::tasks::bus::sampled::{Begin, passed_mark};
use metering::{Period, ProfileShape, Row};
use simulator::dice::Dice;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use storage::{GapRange, GapReason, GapRecord};

const PERIOD: u64 = 60;
const BEGIN: u64 = 1_774_648_800;
const LATE_AFTER: Duration = Duration::from_secs(2);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

#[derive(Debug, Default)]
struct Hands(AtomicU64);

impl WallClock for Hands {
    fn utc(&self) -> Timestamp {
        at(self.0.load(Ordering::Relaxed))
    }
}

/// A book, the clock it looks at, and what a store would hold of it.
struct Desk {
    hands: Arc<Hands>,
    clock: Clock,
    settings: MeterSettings,
    book: Book,
    rows: BTreeMap<Timestamp, Row>,
    shape: Option<ProfileShape>,
    /// What its meter counts; more with every sample.
    counted: u16,
    gaps: Vec<GapRecord>,
}

fn settings() -> MeterSettings {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/meter-models");
    let text = format!(
        "[gateway]\nid = \"pmu-001\"\nmodel-folder = \"{}\"\n[[bus]]\nid = \"main\"\n\
         link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600\n[[meter]]\nid = \"m\"\n\
         bus = \"main\"\nmodel = \"orno-we-504\"\nunit = 1\n\
         profile = {{ period-seconds = {PERIOD} }}\n",
        models.display()
    );
    let settings = Settings::parse("test.toml", &text).expect("a good configuration");
    settings.meters.into_iter().next().expect("its meter")
}

fn book(settings: &MeterSettings) -> Book {
    let modbus = settings.modbus().expect("a Modbus meter").clone();
    Book::new(settings.clone(), modbus, None)
}

impl Desk {
    fn new(seconds: u64) -> Self {
        Self::with(settings(), seconds)
    }

    fn with(settings: MeterSettings, seconds: u64) -> Self {
        let hands = Arc::new(Hands(AtomicU64::new(seconds)));
        let clock = Clock::new(Arc::<Hands>::clone(&hands));
        let mut desk = Self {
            hands,
            clock,
            book: book(&settings),
            settings,
            rows: BTreeMap::new(),
            shape: None,
            counted: 0,
            gaps: Vec::new(),
        };
        desk.begin(&Place::default());
        desk
    }

    fn now(&self) -> u64 {
        self.hands.0.load(Ordering::Relaxed)
    }

    fn set(&self, seconds: u64) {
        self.hands.0.store(seconds, Ordering::Relaxed);
    }

    fn begin(&mut self, place: &Place) {
        let records = self
            .book
            .sampled
            .begin(place, LATE_AFTER, Begin::Start, &self.clock);
        self.keep(records);
    }

    /// Rows come once, in blocks of consecutive marks.
    fn keep(&mut self, records: Vec<Record>) -> usize {
        let mut kept = 0;
        for record in records {
            let block = match record {
                Record::Rows(block) => block,
                Record::Gap(gap) => {
                    self.gaps.push(gap);
                    continue;
                }
                _ => continue,
            };
            for pair in block.rows.windows(2) {
                assert_eq!(pair[0].end.after(Duration::from_secs(PERIOD)), pair[1].end);
            }
            kept += block.rows.len();
            self.shape = Some(block.shape);
            for row in block.rows {
                let end = row.end;
                assert!(self.rows.insert(end, row).is_none(), "{end} twice");
            }
        }
        kept
    }

    fn sample(&mut self, mark: u64) -> usize {
        self.counted += 1;
        let mut kept = 0;
        // A jump is looked at twice.
        for _ in 0..2 {
            let words = self.book.plan.totals.iter().map(|total| Answered {
                span: total.span(),
                words: vec![0, self.counted],
                taken: self.clock.now().moment,
            });
            let happening = Happening::PollDone {
                meter: self.book.id().clone(),
                poll: SAMPLE,
                mark: Some(at(mark)),
                words: words.collect(),
                failed: Vec::new(),
            };
            let said = self.book.hear(happening, &self.clock);
            kept += self.keep(said.records);
            if said.read_again.is_empty() {
                break;
            }
        }
        kept
    }

    fn missed(&mut self, first: u64, last: u64) -> usize {
        let happening = Happening::MarkMissed {
            meter: self.book.id().clone(),
            poll: SAMPLE,
            first: at(first),
            mark: at(last),
            why: Why::Clock,
        };
        let said = self.book.hear(happening, &self.clock);
        self.keep(said.records)
    }

    fn passed(&self) -> Timestamp {
        passed_mark(period(), self.clock.now().utc)
    }

    fn ahead(&self, from: Timestamp) -> Ahead {
        let rows = self.rows.keys().copied().filter(|end| *end > from);
        Ahead {
            rows: rows.collect(),
            looked_up_to: None,
        }
    }

    /// What the bus does when somebody set the clock.
    fn stepped(&mut self) {
        self.book.sampled.clock_stepped();
        let coming = period().mark_after(self.clock.now().utc);
        if self
            .book
            .sampled
            .newest()
            .is_some_and(|newest| newest > coming)
        {
            let passed = self.passed();
            let ahead = self.ahead(passed);
            let records = self
                .book
                .sampled
                .continue_after(passed, &ahead, &self.clock);
            self.keep(records);
        }
    }

    /// What the bus does at a start.
    fn restart(&mut self) {
        let noted = self.book.sampled.is_behind();
        self.book = book(&self.settings);
        let newest = self.rows.last_key_value().map(|(_, row)| row.clone());
        let newest = newest.zip(self.shape.clone());
        let passed = self.passed();
        let coming = period().mark_after(self.clock.now().utc);
        let is_ahead = newest.as_ref().is_some_and(|(row, _)| row.end > coming);
        let astride = (noted || is_ahead).then(|| Astride {
            after: self
                .rows
                .keys()
                .next()
                .copied()
                .filter(|end| *end <= passed),
            ahead: self.ahead(Timestamp::default()),
        });
        self.begin(&Place { newest, astride });
    }

    /// Every mark between the first row and now has one.
    fn holes(&self) -> Vec<Timestamp> {
        let passed = self.passed();
        let mut holes = Vec::new();
        let mut expected = self.rows.keys().next().copied();
        for end in self.rows.keys().filter(|end| **end <= passed) {
            while let Some(mark) = expected.filter(|mark| mark < end) {
                holes.push(mark);
                expected = Some(mark.after(Duration::from_secs(PERIOD)));
            }
            expected = Some(end.after(Duration::from_secs(PERIOD)));
        }
        holes
    }
}

fn period() -> Period {
    Period::from_seconds(60).expect("a minute is a period")
}

#[test]
fn a_gateway_without_a_clock_of_its_own_starts_with_no_years_of_gaps() {
    let mut desk = Desk::new(600);
    desk.set(BEGIN + 5);
    desk.stepped();
    assert_eq!(desk.missed(660, BEGIN - PERIOD), 0);
    assert_eq!(desk.sample(BEGIN), 1);
    assert_eq!(desk.sample(BEGIN + PERIOD), 1);
}

#[test]
fn a_clock_set_forward_by_years_makes_no_more_rows_than_a_gap_may_have() {
    let mut desk = Desk::new(605);
    assert_eq!(desk.sample(600), 1);
    desk.set(BEGIN + 5);
    desk.stepped();
    assert_eq!(desk.missed(660, BEGIN - PERIOD), 3000);
    // What is too long for rows is told in one piece, so that no gap is without a word.
    let [gap] = &desk.gaps[..] else {
        panic!("{:?}", desk.gaps)
    };
    assert_eq!(gap.why, GapReason::NotMeasured);
    let first_row = *desk.rows.keys().nth(1).expect("rows after the first");
    let expected = GapRange::Rows {
        meter: desk.book.id().clone(),
        profile: GATEWAY_PROFILE,
        from: at(600),
        to: first_row.before(Duration::from_secs(PERIOD)),
    };
    assert_eq!(gap.what, expected);
    assert_eq!(desk.sample(BEGIN), 1);
    assert_eq!(desk.missed(BEGIN - PERIOD, BEGIN), 0);
}

#[test]
fn a_missed_mark_leaves_none_behind() {
    let mut desk = Desk::new(BEGIN + 5);
    desk.sample(BEGIN);
    // Nobody told of the two before, and the meter stays silent after this one.
    desk.set(BEGIN + 3 * PERIOD + 40);
    assert_eq!(desk.missed(BEGIN + 3 * PERIOD, BEGIN + 3 * PERIOD), 3);
    desk.restart();
    assert_eq!(desk.holes(), []);
}

#[test]
fn a_sample_of_the_clocks_former_setting_hides_no_mark_to_come() {
    let mut desk = Desk::new(BEGIN + 5);
    desk.sample(BEGIN);
    desk.set(BEGIN + PERIOD + 5 - 3600);
    desk.stepped();
    // It had been under way when the clock was set back by an hour.
    assert_eq!(desk.sample(BEGIN + PERIOD), 1);
    let mark = BEGIN + PERIOD - 3600;
    assert_eq!(desk.sample(mark), 1);
    assert_eq!(desk.sample(mark), 0);
}

#[test]
fn samples_wait_until_the_store_says_where_the_profile_goes_on() {
    let mut desk = Desk::new(BEGIN + 5);
    desk.sample(BEGIN);
    desk.book = book(&desk.settings);
    desk.book.sampled.begin_later(Begin::Start);
    for number in 2..=7 {
        desk.set(BEGIN + number * PERIOD + 5);
        assert_eq!(desk.sample(BEGIN + number * PERIOD), 0);
    }
    // Set while they wait: they were taken by the clock as it was.
    desk.set(BEGIN + 7 * PERIOD + 29);
    let newest = desk.rows.last_key_value().map(|(_, row)| row.clone());
    let newest = newest.zip(desk.shape.clone());
    desk.begin(&Place {
        newest,
        astride: None,
    });
    assert_eq!(desk.rows.len(), 4, "what was not kept is missing");
    let rows = desk.book.sampled.hear_held(MeterTrust::Untold, &desk.clock);
    assert_eq!(desk.keep(rows.records), 4);
    assert_eq!(desk.holes(), []);
    let last = &desk.rows[&at(BEGIN + 7 * PERIOD)];
    assert_eq!(last.offset_ms, 5000);
}

#[test]
fn a_profile_of_other_totals_begins_after_the_old_one() {
    let mut desk = Desk::new(BEGIN + 5);
    desk.sample(BEGIN);
    let row = desk.rows[&at(BEGIN)].clone();
    let mut shape = desk.shape.clone().expect("it has a row");
    shape.channels = shape.channels.iter().take(1).cloned().collect();
    let newest = Some((row, shape));
    desk.begin(&Place {
        newest,
        astride: None,
    });
    assert_eq!(desk.sample(BEGIN), 0, "the mark has its row");
    desk.set(BEGIN + 5 * PERIOD);
    assert_eq!(desk.sample(BEGIN + 5 * PERIOD), 5);
}

/// What happens to a gateway.
#[derive(Debug, Clone)]
enum Turn {
    /// A period passes; its mark is sampled.
    Passes,
    /// The clock is set by so many seconds.
    Set(i64),
    Restart,
    /// Set while nobody looks.
    SetAndRestart(i64),
}

fn turn(dice: &mut Dice) -> Turn {
    let mut by = || {
        let most = [70, 1200, 8000][dice.index(3)];
        let by = i64::try_from(dice.between(&(0..=2 * most))).expect("small");
        by - i64::try_from(most).expect("small")
    };
    let by = by();
    match dice.index(10) {
        0..=5 => Turn::Passes,
        6 | 7 => Turn::Set(by),
        8 => Turn::Restart,
        _ => Turn::SetAndRestart(by),
    }
}

impl Desk {
    /// Lives through a turn as the planner would; the last mark that needs no sample any more.
    fn live(&mut self, turn: &Turn, before: u64) -> u64 {
        let now = self.now();
        match turn {
            Turn::Passes => {
                self.set(now + PERIOD);
                let mark = self.now() / PERIOD * PERIOD;
                self.sample(mark);
                assert!(self.rows.contains_key(&at(mark)));
                return mark;
            }
            Turn::Set(by) => {
                self.set(now.saturating_add_signed(*by));
                self.stepped();
                let passed = self.passed().seconds();
                if passed > before {
                    self.missed(before + PERIOD, passed);
                }
            }
            Turn::Restart => self.restart(),
            Turn::SetAndRestart(by) => {
                self.set(now.saturating_add_signed(*by));
                self.restart();
            }
        }
        let passed = self.passed().seconds();
        let mark = self.now() / PERIOD * PERIOD;
        if mark > passed {
            self.sample(mark);
        }
        mark
    }
}

#[test]
fn each_mark_is_made_once_whatever_the_clock_does() {
    let settings = settings();
    for seed in 0..300 {
        let mut dice = Dice::new(seed);
        let mut desk = Desk::with(settings.clone(), BEGIN + 3);
        desk.sample(BEGIN);
        let (mut mark, mut told) = (BEGIN, Vec::new());
        for _ in 0..40 {
            let turn = turn(&mut dice);
            told.push(turn.clone());
            let living = std::panic::AssertUnwindSafe(|| desk.live(&turn, mark));
            mark = std::panic::catch_unwind(living)
                .unwrap_or_else(|_| panic!("seed {seed}: {told:?}"));
            assert_eq!(desk.holes(), [], "seed {seed}: {told:?}");
        }
    }
}
