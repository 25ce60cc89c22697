//! The link or the power of a Modbus meter is cut at each exchange of a whole run.

use crate::cut_line::Lost;
use crate::modbus_world::{World, direct_model, everything, full_model, kept};
use meters::catalogue::{Model, SettingValue};
use meters::program::{ProgramFault, ProgramRecord, ProgramReport, Verdict};

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) cuts: usize,
    pub(crate) old: usize,
    pub(crate) new: usize,
    pub(crate) partial: usize,
    pub(crate) before_the_look: usize,
}

type Held = Vec<Option<SettingValue>>;

async fn run(
    world: &mut World,
    record: &mut Option<ProgramRecord>,
) -> Result<ProgramReport, ProgramFault> {
    let plan = world.plan(&everything(&world.model));
    let looked = world.look(&plan).await?;
    *record = Some(looked.clone());
    world.carry_out(&looked).await
}

/// What a report says is what is in force; a mixture has its name.
#[track_caller]
fn check_truth(world: &World, report: &ProgramReport, (old, new): (&Held, &Held)) {
    let held = world.holds();
    match report.verdict {
        Verdict::Old => assert_eq!(held, *old, "{report}"),
        Verdict::New => assert_eq!(held, *new, "{report}"),
        Verdict::Partial => {
            let named = report.done().len() + report.not_done().len() + report.unknown().len();
            assert!(named > 0 && !report.done().is_empty() || !report.unknown().is_empty());
            assert!(
                report
                    .named(&[meters::program::StepState::Foreign])
                    .is_empty(),
                "{report}"
            );
        }
        Verdict::Unchanged => panic!("{report}"),
    }
    let is_mixed = held != *old && held != *new;
    assert!(
        !is_mixed || report.verdict == Verdict::Partial,
        "a silent mixture: {report}"
    );
}

async fn cut_everywhere(model: fn() -> Model, is_tcp: bool) -> Counts {
    let mut whole = World::new(model(), is_tcp);
    let old = whole.holds();
    let mut counts = Counts::default();
    whole.cutter.mend(None);
    let report = run(&mut whole, &mut None).await.unwrap();
    assert_eq!(report.verdict, Verdict::New, "{report}");
    let (exchanges, new) = (whole.cutter.exchanges(), whole.holds());
    let writes = whole.meter.done();
    for at in 1..=exchanges {
        for lost in [Lost::Request, Lost::Answer] {
            for has_lost_power in [false, true] {
                for goes_back in [false, true] {
                    let mut world = World::new(model(), is_tcp);
                    let mut record = None;
                    world.cutter.be_loud(at.is_multiple_of(3));
                    world.cut(at, lost);
                    let told = run(&mut world, &mut record).await;
                    world.mend(has_lost_power).await;
                    let Some(record) = record else {
                        assert!(told.is_err());
                        assert_eq!(world.holds(), old);
                        counts.before_the_look += 1;
                        continue;
                    };
                    counts.cuts += 1;
                    let standing = world.standing(&kept(&record)).await.unwrap();
                    check_truth(&world, &standing, (&old, &new));
                    match standing.verdict {
                        Verdict::Old => counts.old += 1,
                        Verdict::New => counts.new += 1,
                        _ => counts.partial += 1,
                    }
                    let done = world.meter.done();
                    assert!(writes.starts_with(&done), "each is written once: {done:?}");
                    if goes_back {
                        let report = world.carry_out(&kept(&record.turned_back())).await.unwrap();
                        assert_eq!(report.verdict, Verdict::Old, "{report}");
                        assert_eq!(world.holds(), old, "{report}");
                    } else {
                        let report = world.carry_out(&record).await.unwrap();
                        assert_eq!(report.verdict, Verdict::New, "{report}");
                        assert_eq!(world.holds(), new, "{report}");
                    }
                }
            }
        }
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_anywhere_is_old_new_or_a_partial_with_names() {
    let mut cuts = 0;
    let models: [fn() -> Model; 2] = [full_model, direct_model];
    let ways = models
        .into_iter()
        .flat_map(|model| [(model, false), (model, true)]);
    for (model, is_tcp) in ways {
        let counts = cut_everywhere(model, is_tcp).await;
        println!("Modbus, tcp {is_tcp}: {counts:?}");
        // Whether a word was heard that puts it in force, no register tells.
        let is_direct = model()
            .settings
            .iter()
            .all(|setting| setting.apply.is_empty());
        assert_eq!(counts.new > 0, is_direct);
        assert!(counts.old > 0 && counts.partial > 20);
        cuts += counts.cuts;
    }
    println!("Modbus: {cuts} cuts, 0 silent mixtures, 0 double executions");
    assert!(cuts > 500);
}

/// A cut on the way back is as good as any other one.
#[tokio::test(start_paused = true)]
async fn the_way_back_may_be_cut_anywhere_too() {
    let mut cuts = 0;
    for has_lost_power in [false, true] {
        for lost in [Lost::Request, Lost::Answer] {
            for at in 1.. {
                let mut world = World::new(full_model(), false);
                let old = world.holds();
                let mut record = None;
                run(&mut world, &mut record).await.unwrap();
                let new = world.holds();
                let back = kept(&record.unwrap().turned_back());
                world.cut(at, lost);
                let told = world.carry_out(&back).await;
                world.mend(has_lost_power).await;
                let standing = world.standing(&back).await.unwrap();
                let held = world.holds();
                assert!(
                    standing
                        .named(&[meters::program::StepState::Foreign])
                        .is_empty()
                );
                let is_whole = held == old || held == new;
                assert!(
                    is_whole || standing.verdict == Verdict::Partial,
                    "{standing}"
                );
                let report = world.carry_out(&back).await.unwrap();
                assert_eq!(report.verdict, Verdict::Old, "{report}");
                assert_eq!(world.holds(), old, "{report}");
                if told.is_ok() {
                    break;
                }
                cuts += 1;
            }
        }
    }
    println!("Modbus, the way back: {cuts} cuts");
    assert!(cuts > 80);
}
