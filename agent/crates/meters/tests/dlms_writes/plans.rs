//! The same program as a plan of any protocol, cut at each exchange: old, new, or a partial with names.

use crate::cut_line::Lost;
use crate::reader::{SERIAL, SUITE_TWO, SUITE_ZERO};
use crate::world::{Way, World};
use crate::writes::{in_an_hour, scenario, tariff, way};
use dlms::codec::{Attribute, Data};
use meters::dlms::{Activation, DlmsFault, WriteFault};
use meters::program::{
    Permission, ProgramFault, ProgramPlan, ProgramRecord, ProgramReport, StepState, Subject,
    Verdict, carry_out_dlms, look_dlms, standing_dlms,
};

/// What is asked of the visit.
#[derive(Clone, Copy)]
enum Ask<'a> {
    Look(&'a ProgramPlan),
    Stand(&'a ProgramRecord),
    CarryOut(&'a ProgramRecord),
}

enum Told {
    Record(ProgramRecord),
    Report(ProgramReport),
}

/// One session; a fault at the door is one of the conversation, too.
async fn ask(world: &mut World, what: Ask<'_>) -> Result<Told, ProgramFault> {
    let permission = Permission::to_write();
    let told = world
        .visit(async |visit| {
            Ok(match what {
                Ask::Look(plan) => look_dlms(plan, visit).await.map(Told::Record),
                Ask::Stand(record) => standing_dlms(record, visit).await.map(Told::Report),
                Ask::CarryOut(record) => carry_out_dlms(record, visit, &permission)
                    .await
                    .map(Told::Report),
            })
        })
        .await;
    told.map_err(ProgramFault::Dlms)?
}

async fn report(world: &mut World, what: Ask<'_>) -> Result<ProgramReport, ProgramFault> {
    match ask(world, what).await? {
        Told::Report(report) => Ok(report),
        Told::Record(_) => panic!("a record where a report was asked for"),
    }
}

fn plan(world: &World) -> ProgramPlan {
    let program = tariff(Activation::At(in_an_hour()));
    let subject = Subject {
        model: world.model.id.clone(),
        meter: SERIAL.to_owned(),
        firmware: None,
    };
    ProgramPlan::of_dlms(subject, program.plan(&world.model.takes(), None).unwrap())
}

/// Looks and writes, in one session each. The record goes through the journal in between.
async fn run(
    world: &mut World,
    record: &mut Option<ProgramRecord>,
) -> Result<ProgramReport, ProgramFault> {
    let plan = plan(world);
    let Told::Record(looked) = ask(world, Ask::Look(&plan)).await? else {
        panic!("a report where a record was asked for");
    };
    let looked = kept(&looked);
    *record = Some(looked.clone());
    report(world, Ask::CarryOut(&looked)).await
}

fn kept(record: &ProgramRecord) -> ProgramRecord {
    let read = ProgramRecord::decode(&record.encode()).unwrap();
    assert_eq!(&read, record);
    read
}

type Held = Vec<Option<Data>>;

/// What the meter truly holds of all that the steps name.
fn holds(world: &World, attributes: &[Attribute]) -> Held {
    let held = attributes.iter().map(|at| world.meter.programmed(*at));
    held.collect()
}

async fn cut_everywhere(way: Way) -> (usize, usize) {
    let mut whole = World::new(scenario(), way, false);
    whole.cutter.mend(None);
    let program = tariff(Activation::At(in_an_hour()));
    let native = whole.begin(program).await;
    let attributes: Vec<Attribute> = {
        let standing = whole.standing(&native).await.unwrap();
        standing.items.iter().map(|item| item.attribute).collect()
    };
    let old = holds(&whole, &attributes);
    whole.cutter.mend(None);
    let done = run(&mut whole, &mut None).await.unwrap();
    assert_eq!(done.verdict, Verdict::New, "{done}");
    let (exchanges, new) = (whole.cutter.exchanges(), holds(&whole, &attributes));
    let (mut cuts, mut partial) = (0, 0);
    for at in 1..=exchanges {
        for lost in [Lost::Request, Lost::Answer] {
            let mut world = World::new(scenario(), way, false);
            let mut record = None;
            world.cutter.be_loud(at.is_multiple_of(3));
            world.cutter.mend(Some((at, lost)));
            let told = run(&mut world, &mut record).await;
            world.mend(None).await;
            let Some(record) = record else {
                assert!(told.is_err());
                assert_eq!(holds(&world, &attributes), old);
                continue;
            };
            cuts += 1;
            let standing = report(&mut world, Ask::Stand(&record)).await.unwrap();
            let held = holds(&world, &attributes);
            match standing.verdict {
                Verdict::Old => assert_eq!(held, old, "{standing}"),
                Verdict::New => assert_eq!(held, new, "{standing}"),
                Verdict::Partial => {
                    partial += 1;
                    assert!(
                        standing.named(&[StepState::Foreign]).is_empty(),
                        "{standing}"
                    );
                    assert!(held != old || !standing.done().is_empty(), "{standing}");
                }
                Verdict::Unchanged => panic!("{standing}"),
            }
            let is_restored = at.is_multiple_of(2);
            let record = if is_restored {
                kept(&record.turned_back())
            } else {
                record
            };
            let ended = report(&mut world, Ask::CarryOut(&record)).await.unwrap();
            let held = holds(&world, &attributes);
            if is_restored {
                assert_eq!(
                    (ended.verdict, held),
                    (Verdict::Old, old.clone()),
                    "{ended}"
                );
            } else {
                assert_eq!(
                    (ended.verdict, held),
                    (Verdict::New, new.clone()),
                    "{ended}"
                );
            }
        }
    }
    (cuts, partial)
}

#[tokio::test(start_paused = true)]
async fn a_plan_for_dlms_that_is_cut_anywhere_is_old_new_or_a_partial_with_names() {
    for way in [way(SUITE_ZERO, false), way(SUITE_TWO, true)] {
        let (cuts, partial) = cut_everywhere(way).await;
        println!("DLMS through the plan, {way:?}: {cuts} cuts, {partial} partial");
        assert!(cuts > 50 && partial > 20);
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_protocol_or_model_is_refused() {
    let mut world = World::new(scenario(), way(SUITE_ZERO, false), false);
    let subject = Subject {
        model: "dlms-other".to_owned(),
        meter: SERIAL.to_owned(),
        firmware: None,
    };
    let program = tariff(Activation::Off)
        .plan(&world.model.takes(), None)
        .unwrap();
    let other = ProgramPlan::of_dlms(subject.clone(), program);
    let told = ask(&mut world, Ask::Look(&other)).await;
    assert!(matches!(told, Err(ProgramFault::OtherMeter { .. })));
    let pages = ProgramPlan::of_pages(subject, meters::program::PagePlan::default());
    let told = ask(&mut world, Ask::Look(&pages)).await;
    assert!(matches!(told, Err(ProgramFault::OtherProtocol)));
    let cut = WriteFault::Cut {
        fault: DlmsFault::Unknown {
            what: "x".to_owned(),
            remedy: "look",
        },
    };
    assert!(ProgramFault::from(cut).to_string().contains("not known"));
}
