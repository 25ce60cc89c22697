//! The link is cut at each exchange of a whole program in turn, the request lost or the answer.

use crate::cut_line::Lost;

use crate::reader::{SERIAL, SUITE_TWO, SUITE_ZERO};
use crate::world::{Way, World, kept};
use crate::writes::{LOAD, WAYS, activation, in_an_hour, in_force, scenario, tariff, way};
use dlms::codec::{Attribute, Data, Method};

use meters::dlms::{
    Activation, Consent, ItemState, Program, WriteFault, WriteRecord, WriteReport, Written,
};
use simulator::dlms::{Activates, DlmsScenario};

/// How the cuts of one program ended.
#[derive(Debug, Default)]
struct Counts {
    cuts: usize,
    old: usize,
    new: usize,
    partial: usize,
    before_the_look: usize,
}

type Held = Vec<(Attribute, Data)>;

/// A meter, and what is written to it.
struct Case {
    scenario: DlmsScenario,
    way: Way,
    by_entry: bool,
    program: fn() -> Program,
    /// Methods that must be executed once at most on each way.
    once: &'static [Method],
    /// Whether the way back leads to what was there before.
    comes_back: bool,
    /// Whether both ways are gone behind each cut, and not one in turn.
    goes_both: bool,
}

impl Case {
    fn world(&self) -> World {
        World::new(self.scenario.clone(), self.way, self.by_entry)
    }

    /// Looks and writes, in one session each. The record is kept in between.
    async fn run(
        &self,
        world: &mut World,
        record: &mut Option<WriteRecord>,
    ) -> Result<WriteReport, WriteFault> {
        let plan = (self.program)().plan(&world.model.takes(), None).unwrap();
        let looked = world.look(&plan).await?;
        *record = Some(looked.clone());
        world.carry_out(&looked).await
    }
}

/// What a report says is what the meter holds, and the verdict follows from it.
#[track_caller]
fn check_truth(world: &World, report: &WriteReport, old: &Held, new: &Held) {
    let held = world.holds(report);
    for (attribute, value) in &held {
        let item = report
            .items
            .iter()
            .find(|item| item.attribute == *attribute);
        assert_eq!(item.unwrap().found, *value, "{attribute}");
    }
    let is_touched = held != *old || !report.done().is_empty();
    match report.verdict {
        Written::Old => assert_eq!(held, *old),
        Written::New => assert_eq!(held, *new),
        Written::Partial => {
            assert!(is_touched, "{report}");
            let named = report.done().len() + report.not_done().len() + report.doubtful().len();
            assert!(
                named > 0 && report.places(&[ItemState::Foreign]).is_empty(),
                "{report}"
            );
        }
        Written::Unchanged => panic!("{report}"),
    }
}

/// Cuts at each exchange in turn; each cut is followed by the rest, and once more by the way back.
async fn cut_everywhere(case: &Case) -> Counts {
    let mut whole = case.world();
    let (mut record, mut counts) = (None, Counts::default());
    whole.cutter.mend(None);
    let report = case.run(&mut whole, &mut record).await.unwrap();
    assert_eq!(report.verdict, Written::New, "{report}");
    let exchanges = whole.cutter.exchanges();
    let new = whole.holds(&report);
    let old = case.world().holds(&report);
    for at in 1..=exchanges {
        for lost in [Lost::Request, Lost::Answer] {
            for goes_back in [false, true] {
                if !case.goes_both && goes_back == at.is_multiple_of(2) {
                    continue;
                }
                let mut world = case.world();
                let mut record = None;
                world.cutter.be_loud(at.is_multiple_of(3));
                world.cutter.mend(Some((at, lost)));
                let told = case.run(&mut world, &mut record).await;
                let Some(record) = record else {
                    assert!(told.is_err());
                    assert_eq!(world.holds(&report), old);
                    counts.before_the_look += 1;
                    continue;
                };
                counts.cuts += 1;
                world.mend(None).await;
                let standing = world.standing(&kept(&record)).await.unwrap();
                check_truth(&world, &standing, &old, &new);
                if !case.comes_back {
                    let is_done = case
                        .once
                        .iter()
                        .any(|method| world.meter.executed(*method) > 0);
                    assert_eq!(standing.verdict == Written::New, is_done, "{standing}");
                }
                match standing.verdict {
                    Written::Old => counts.old += 1,
                    Written::New => counts.new += 1,
                    _ => counts.partial += 1,
                }
                finish(case, &mut world, record, goes_back, (&old, &new)).await;
            }
        }
    }
    counts
}

async fn finish(
    case: &Case,
    world: &mut World,
    record: WriteRecord,
    goes_back: bool,
    (old, new): (&Held, &Held),
) {
    let executed = |world: &World| {
        let counts = case.once.iter().map(|method| world.meter.executed(*method));
        counts.collect::<Vec<u32>>()
    };
    let before = executed(world);
    assert!(before.iter().all(|count| *count <= 1), "{before:?}");
    if goes_back {
        let record = kept(&record.turned_back());
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(world.holds(&report), *old, "{report}");
        if case.comes_back {
            assert_eq!(report.verdict, Written::Old, "{report}");
        }
        let after = executed(world);
        let pairs = before.iter().zip(&after);
        assert!(
            pairs
                .into_iter()
                .all(|(before, after)| after - before <= *before)
        );
    } else {
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(report.verdict, Written::New, "{report}");
        assert_eq!(world.holds(&report), *new, "{report}");
        let after = executed(world);
        assert!(after.iter().all(|count| *count == 1), "{after:?}");
    }
}

#[track_caller]
fn tell(name: &str, counts: &Counts) {
    println!("{name}: {counts:?}");
    assert!(counts.cuts > 0 && counts.old > 0 && counts.new > 0);
}

/// Scripts, registers, calendar, special days and a time: over HDLC with suite 0, over the wrapper
/// with suite 2.
#[tokio::test(start_paused = true)]
async fn a_tariff_that_is_cut_anywhere_is_old_new_or_a_partial_with_names() {
    for way in [way(SUITE_ZERO, false), way(SUITE_TWO, true)] {
        let case = Case {
            scenario: scenario(),
            way,
            by_entry: false,
            program: || tariff(Activation::At(in_an_hour())),
            once: &[],
            comes_back: true,
            goes_both: !way.is_wrapper,
        };
        let counts = cut_everywhere(&case).await;
        tell(&format!("tariff at a time, {way:?}"), &counts);
        assert!(counts.partial > 20);
    }
}

/// The same at once, special days one by one, in a meter whose halves change places.
#[tokio::test(start_paused = true)]
async fn an_activation_that_is_cut_anywhere_happens_once() {
    const ONCE: &[Method] = &[activation()];
    for (way, activates) in [
        (way(SUITE_ZERO, true), Activates::ChangingPlaces),
        (way(SUITE_TWO, false), Activates::Copying),
    ] {
        let case = Case {
            scenario: DlmsScenario {
                activates,
                ..scenario()
            },
            way,
            by_entry: true,
            program: || tariff(Activation::Now),
            once: ONCE,
            comes_back: true,
            goes_both: way.is_wrapper,
        };
        let counts = cut_everywhere(&case).await;
        tell(&format!("tariff at once, {way:?} {activates:?}"), &counts);
        assert!(counts.partial > 20);
    }
}

/// Rows that are gone do not come back, and are thrown away once.
#[tokio::test(start_paused = true)]
async fn a_profile_whose_reset_is_cut_anywhere_is_emptied_once() {
    const ONCE: &[Method] = &[Method {
        class: 7,
        name: LOAD,
        number: 1,
    }];
    for way in WAYS {
        let case = Case {
            scenario: scenario(),
            way,
            by_entry: false,
            program: || {
                let consent = Consent::to_lose_the_profile_of(SERIAL);
                Program::new(SERIAL).profile_reset(LOAD, &consent).unwrap()
            },
            once: ONCE,
            comes_back: false,
            goes_both: true,
        };
        let counts = cut_everywhere(&case).await;
        tell(&format!("reset, {way:?}"), &counts);
        assert_eq!(counts.partial, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_period_that_is_cut_anywhere_is_the_old_or_the_new_one() {
    for way in WAYS {
        let case = Case {
            scenario: scenario(),
            way,
            by_entry: false,
            program: || {
                let consent = Consent::to_lose_the_profile_of(SERIAL);
                let program = Program::new(SERIAL).capture_period(LOAD, 3600, &consent);
                program.unwrap()
            },
            once: &[],
            comes_back: true,
            goes_both: true,
        };
        let counts = cut_everywhere(&case).await;
        tell(&format!("period, {way:?}"), &counts);
        assert_eq!(counts.partial, 0);
    }
}

/// A cut on the way back is as good as any other one.
#[tokio::test(start_paused = true)]
async fn the_way_back_may_be_cut_anywhere_too() {
    let case = Case {
        scenario: DlmsScenario {
            activates: Activates::ChangingPlaces,
            ..scenario()
        },
        way: way(SUITE_TWO, true),
        by_entry: true,
        program: || tariff(Activation::Now),
        once: &[],
        comes_back: true,
        goes_both: true,
    };
    let mut cuts = 0;
    let former = in_force(&case.world());
    for at in 1.. {
        let mut ended = 0;
        for lost in [Lost::Request, Lost::Answer] {
            let mut world = case.world();
            let mut record = None;
            let report = case.run(&mut world, &mut record).await.unwrap();
            let old = case.world().holds(&report);
            let back = record.unwrap().turned_back();
            world.cutter.mend(Some((at, lost)));
            let told = world.carry_out(&back).await;
            world.mend(None).await;
            let standing = world.standing(&kept(&back)).await.unwrap();
            assert!(
                standing.places(&[ItemState::Foreign]).is_empty(),
                "{standing}"
            );
            let report = world.carry_out(&back).await.unwrap();
            assert_eq!(report.verdict, Written::Old, "{report}");
            assert_eq!(world.holds(&report), old);
            assert_eq!(in_force(&world), former);
            assert_eq!(world.meter.executed(activation()), 2);
            cuts += 1;
            ended += usize::from(told.is_ok());
        }
        if ended == 2 {
            break;
        }
    }
    println!("the way back: {cuts} cuts");
    assert!(cuts > 100);
}
