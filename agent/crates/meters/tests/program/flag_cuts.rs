//! The link or the power of a FLAG meter is cut at each exchange of a whole run.

use crate::cut_line::Lost;
use crate::flag::plan;
use crate::flag_world::World;
use crate::modbus_cuts::Counts;
use crate::modbus_world::kept;
use meters::program::{ProgramFault, ProgramRecord, ProgramReport, StepState, Verdict};

/// All that the run touches.
const PAGES: [u16; 9] = [795, 667, 668, 601, 610, 777, 878, 614, 616];

type Held = Vec<Option<Vec<u8>>>;

async fn run(
    world: &mut World,
    record: &mut Option<ProgramRecord>,
) -> Result<ProgramReport, ProgramFault> {
    let plan = plan(&world.model);
    let looked = world.look(&plan).await?;
    *record = Some(looked.clone());
    world.carry_out(&looked).await
}

/// What a report says is what the meter holds; a mixture has its name.
#[track_caller]
fn check_truth(world: &World, report: &ProgramReport, (old, new): (&Held, &Held)) {
    let (held, billed) = (world.holds(&PAGES), world.billed());
    assert!(billed <= 1, "a billing period is ended once");
    let (is_old, is_new) = (held == *old && billed == 0, held == *new && billed == 1);
    match report.verdict {
        Verdict::Old => assert!(is_old, "{report}"),
        Verdict::New => assert!(is_new, "{report}"),
        Verdict::Partial => {
            assert!(!is_old && !is_new, "{report}");
            assert!(report.named(&[StepState::Foreign]).is_empty(), "{report}");
        }
        Verdict::Unchanged => panic!("{report}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_anywhere_is_old_new_or_a_partial_with_names() {
    let mut whole = World::new();
    let old = whole.holds(&PAGES);
    let mut counts = Counts::default();
    whole.cutter.mend(None);
    let report = run(&mut whole, &mut None).await.unwrap();
    assert_eq!(report.verdict, Verdict::New, "{report}");
    let (exchanges, new) = (whole.cutter.exchanges(), whole.holds(&PAGES));
    let writes = whole.meter.programmed();
    for at in 1..=exchanges {
        for lost in [Lost::Request, Lost::Answer] {
            for has_lost_power in [false, true] {
                let goes_back = (at.is_multiple_of(2)) == has_lost_power;
                let mut world = World::new();
                let mut record = None;
                world.cutter.be_loud(at.is_multiple_of(3));
                world.cutter.mend(Some((at, lost)));
                let told = run(&mut world, &mut record).await;
                world.mend(has_lost_power).await;
                let Some(record) = record else {
                    assert!(told.is_err());
                    assert_eq!(world.holds(&PAGES), old);
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
                assert!(
                    writes.starts_with(&world.meter.programmed()),
                    "each is written once"
                );
                let billed = world.billed();
                if goes_back {
                    let report = world.carry_out(&kept(&record.turned_back())).await.unwrap();
                    assert_eq!(report.verdict, Verdict::Old, "{report}");
                    assert_eq!(world.holds(&PAGES), old, "{report}");
                    assert_eq!(world.billed(), billed, "{report}");
                } else {
                    let report = world.carry_out(&record).await.unwrap();
                    assert_eq!(report.verdict, Verdict::New, "{report}");
                    assert_eq!(world.holds(&PAGES), new, "{report}");
                    assert_eq!(world.billed(), 1, "{report}");
                }
            }
        }
    }
    println!("FLAG: {counts:?}, 0 silent mixtures, 0 double executions");
    assert!(counts.old > 0 && counts.new > 0 && counts.partial > 100);
    assert!(counts.cuts > 300);
}
