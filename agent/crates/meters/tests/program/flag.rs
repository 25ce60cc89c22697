//! A FLAG meter is programmed: what is known publicly, clones, write sets, and what is refused.

use crate::cut_line::Lost;
use crate::flag_world::{SERIAL, Talk, World, model, value, words};
use crate::modbus_world::agreed;
use meters::catalogue::Phase;
use meters::catalogue::flag::FlagModel;
use meters::program::{
    ClonePage, FlagValue, FlagWanted, GoldenImage, GoldenReading, PageFault, ProgramFault,
    ProgramPlan, SetWrite, Verdict, WriteSet, carry_out, clone_pages, flag_plan,
};
use simulator::elster::{Counter, PageTrouble, What};
use std::time::Duration;

fn hex(page: &[u8]) -> String {
    let digits = page.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// All pages of a golden meter.
async fn golden_image(
    model: &FlagModel,
    variant: &str,
    own: &[ClonePage],
    pages: &mut Talk<'_, '_, '_>,
) -> Result<GoldenImage, ProgramFault> {
    let failed = |fault: PageFault| ProgramFault::NoBackup {
        what: "a page".to_owned(),
        fault,
    };
    let mut reading = GoldenReading::new(model, variant, clone_pages(model, variant, own), None);
    assert!(reading.look_who_it_is(pages).await.map_err(failed)?);
    while reading.next_page().is_some() {
        reading.read_next(pages).await.map_err(failed)?;
    }
    let (image, left_out) = reading.finish().unwrap();
    assert_eq!(left_out, []);
    Ok(image)
}

pub(crate) fn everything() -> Vec<FlagWanted> {
    let sources = ["import-wh", "export-wh", "q1-varh", "vah"];
    let sources = sources.map(|word| Some(word.to_owned()));
    vec![
        value("scheme-name", FlagValue::Text("STOD2027".to_owned())),
        value("rate-sources", FlagValue::Sources(sources.to_vec())),
        value(
            "demand-sources",
            FlagValue::Sources(vec![None, Some("vah".to_owned())]),
        ),
        value(
            "customer-registers",
            FlagValue::Groups(vec![words(&["import-wh", "export-wh"])]),
        ),
        value(
            "calendar",
            FlagValue::Octets((0..200).map(|place| place ^ 0x5a).collect()),
        ),
        value(
            "profile-channels",
            FlagValue::Channels(words(&["import-wh", "q1-varh"])),
        ),
        value(
            "periods",
            FlagValue::Periods {
                profile: 15,
                part: 5,
                parts: 3,
            },
        ),
        value(
            "voltage-ratio",
            FlagValue::Ratio {
                primary: 3_300_000,
                secondary: 11_000,
            },
        ),
        value(
            "current-ratio",
            FlagValue::Ratio {
                primary: 80_000,
                secondary: 500,
            },
        ),
    ]
}

pub(crate) fn plan(model: &FlagModel) -> ProgramPlan {
    flag_plan(World::ground(model, SERIAL), &everything(), &[], true).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_written_read_back_and_decoded_again() {
    let mut world = World::new();
    let plan = plan(&world.model);
    let record = world.look(&plan).await.unwrap();
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.verdict, Verdict::New, "{report}");
    assert_eq!(report.steps.len(), 10);
    assert_eq!(world.billed(), 1);
    let proof = &report.proof;
    let counters = (proof.counter_before.unwrap(), proof.counter_after.unwrap());
    assert!(counters.1 > counters.0, "{counters:?}");
    let order: Vec<u16> = world
        .meter
        .programmed()
        .iter()
        .map(|(identity, ..)| *identity)
        .collect();
    assert_eq!(
        order,
        [795, 667, 668, 601, 610, 610, 610, 610, 777, 878, 614, 616]
    );
    let held = world.holds(&[601, 614, 616, 667, 668, 777, 795, 878]);
    let hex: Vec<String> = held.iter().flatten().map(|page| hex(page)).collect();
    assert_eq!(
        hex,
        [
            "010200000000",
            "00003003001001",
            "000008000005",
            "01020307000000000000000000000000",
            "0007000000000000",
            "0005",
            "53544f44323032372020202020202020",
            "150503",
        ]
    );
    let log = world
        .meter
        .counted(Counter::Programming, world.meter.utc(world.wire.now()));
    assert!(log > 0);
    // Nothing of it is done twice.
    let again = world.carry_out(&record).await.unwrap();
    assert_eq!(again.verdict, Verdict::New, "{again}");
    assert_eq!(world.billed(), 1);
    assert_eq!(world.meter.programmed().len(), 12);
    let back = world.carry_out(&record.turned_back()).await.unwrap();
    assert_eq!(back.verdict, Verdict::Old, "{back}");
    assert_eq!(
        back.remarks,
        ["billing-end was done and cannot be taken back"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layout_of_the_simulator_is_never_written_to_another_meter() {
    let mut world = World::new();
    let calendar = [value("calendar", FlagValue::Octets(vec![1; 200]))];
    let plan = flag_plan(World::ground(&world.model, SERIAL), &calendar, &[], false).unwrap();
    assert!(plan.is_provisional());
    // The same as a write set, and as a clone.
    let write = SetWrite {
        name: "calendar".to_owned(),
        identity: 610,
        packet: 1,
        octets: vec![1; 64],
        phase: Phase::Tariff,
        clears_profile: false,
    };
    let set = WriteSet {
        name: "x".to_owned(),
        model: world.model.id.clone(),
        firmware: "any".to_owned(),
        source: "a test".to_owned(),
        writes: vec![write],
    };
    let by_set = set.plan(World::ground(&world.model, SERIAL)).unwrap();
    assert!(by_set.is_provisional());
    let record = world.look(&plan).await.unwrap();
    // A real meter does not know the mark.
    let mut hardware = World::hardware();
    let told = hardware.look(&plan).await;
    assert!(
        matches!(told, Err(ProgramFault::ProvisionalOnHardware)),
        "{told:?}"
    );
    let told = hardware.carry_out(&record).await;
    assert!(
        matches!(told, Err(ProgramFault::ProvisionalOnHardware)),
        "{told:?}"
    );
    assert!(hardware.meter.programmed().is_empty());
}

/// Ratios belong to the place: the golden meter's are not written, and a meter with others is none of
/// its kind.
async fn has_the_ratios_first(other: &mut World, image: &GoldenImage) {
    let (shape, serial) = (model(), other.meter.serial());
    let ground = World::ground(&shape, &serial);
    let told = other.look(&image.plan(ground).unwrap()).await;
    assert!(
        matches!(&told, Err(ProgramFault::OtherMeter { what, .. }) if what.ends_with("ratio")),
        "{told:?}"
    );
    assert!(other.meter.programmed().is_empty());
    let ratios = everything().into_iter();
    let ratios: Vec<FlagWanted> = ratios.filter(|one| one.name.ends_with("ratio")).collect();
    let plan = flag_plan(ground, &ratios, &[], false).unwrap();
    let record = other.look(&plan).await.unwrap();
    let agreed = agreed(&serial);
    let report = other
        .visit(async |pages| carry_out(&record, pages, &agreed).await)
        .await
        .unwrap();
    assert_eq!(report.verdict, Verdict::New, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_clone_is_refused_by_another_firmware_and_shown_as_a_difference() {
    let own = [ClonePage {
        name: "exclusions".to_owned(),
        identity: 611,
        octets: 128,
        phase: Phase::Tariff,
        clears_profile: false,
    }];
    let mut golden = World::new();
    let record = golden.look(&plan(&golden.model)).await.unwrap();
    golden.carry_out(&record).await.unwrap();
    let shape = model();
    let image = golden
        .visit(async |pages| golden_image(&shape, "tou-16", &own, pages).await)
        .await
        .unwrap();
    let image = GoldenImage::parse("golden.toml", &image.to_text()).unwrap();
    let mut other = World::of("00077345");
    let serial = other.meter.serial();
    has_the_ratios_first(&mut other, &image).await;
    let ground = World::ground(&shape, &serial);
    let theirs = other
        .visit(async |pages| golden_image(&shape, "tou-16", &own, pages).await)
        .await
        .unwrap();
    let differences = image.differences(&theirs);
    assert!(
        differences
            .iter()
            .any(|one| one.name == "calendar" && one.offset == 0)
    );
    let plan = image.plan(World::ground(&shape, &serial)).unwrap();
    let record = other.look(&plan).await.unwrap();
    let agreed = agreed(&serial);
    let report = other
        .visit(async |pages| carry_out(&record, pages, &agreed).await)
        .await
        .unwrap();
    assert_eq!(report.verdict, Verdict::New, "{report}");
    let theirs = other
        .visit(async |pages| golden_image(&shape, "tou-16", &own, pages).await)
        .await
        .unwrap();
    assert_eq!(image.differences(&theirs), []);
    assert_eq!(image.digest(), theirs.digest());
    // Another firmware is told beforehand where it is known, and by the meter where it is not.
    let newer = GoldenImage {
        firmware: "/GEC5090100140500@000".to_owned(),
        ..image
    };
    let known = meters::program::FlagGround {
        firmware: Some(&theirs.firmware),
        ..ground
    };
    let misfits = newer.plan(known).unwrap_err();
    assert!(
        misfits[0]
            .to_string()
            .starts_with("firmware: the golden meter is of")
    );
    let told = other.look(&newer.plan(ground).unwrap()).await;
    assert!(
        matches!(told, Err(ProgramFault::OtherMeter { .. })),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_set_is_played_back_and_read_back() {
    let mut world = World::new();
    let shape = model();
    let firmware = world
        .visit(async |pages| golden_image(&shape, "tou-16", &[], pages).await)
        .await
        .unwrap()
        .firmware;
    let text = format!(
        "format = \"pmu-write-set/1\"\nname = \"holidays\"\nmodel = \"elster-a1700\"\nfirmware = \"{firmware}\"\nsource = \"a test\"\n[[page]]\nidentity = 611\npacket = 2\ndata = \"0a0b0c\"\n[[page]]\nidentity = 668\npacket = 1\ndata = \"01020000 00000000\"\n"
    );
    let set = WriteSet::parse("set.toml", &text).unwrap();
    let plan = set.plan(World::ground(&shape, SERIAL)).unwrap();
    let record = world.look(&plan).await.unwrap();
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.verdict, Verdict::New, "{report}");
    assert_eq!(
        world.holds(&[611])[0].as_ref().unwrap()[64..67],
        [10, 11, 12]
    );
    let twice = format!("{text}[[page]]\nidentity = 668\npacket = 1\ndata = \"02\"\n");
    let misfits = WriteSet::parse("set.toml", &twice)
        .unwrap()
        .plan(World::ground(&shape, SERIAL));
    assert!(
        misfits.unwrap_err()[0]
            .to_string()
            .contains("written twice")
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_meter_does_wrong_is_told() {
    let sources = [value(
        "demand-sources",
        FlagValue::Sources(vec![Some("vah".to_owned())]),
    )];
    for (trouble, words) in [
        (PageTrouble::KeepsNothing, "demand-sources holds"),
        (PageTrouble::Refuses, "demand-sources: the meter refuses"),
    ] {
        let mut world = World::new();
        let plan = flag_plan(World::ground(&world.model, SERIAL), &sources, &[], false).unwrap();
        let record = world.look(&plan).await.unwrap();
        world.meter.fail_at_pages(trouble);
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(report.verdict, Verdict::Old, "{report}");
        assert!(
            report.stopped.as_ref().unwrap().starts_with(words),
            "{report}"
        );
    }
    let mut world = World::new();
    let plan = flag_plan(World::ground(&world.model, SERIAL), &sources, &[], false).unwrap();
    world.password = "0001ABCD";
    let record = world.look(&plan).await.unwrap();
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(
        report.verdict,
        Verdict::Old,
        "level 1 programs nothing: {report}"
    );
}

/// Behind a cut it is set again, and stands where it should.
#[tokio::test(start_paused = true)]
async fn a_clock_is_set_once_it_is_off_and_looked_at_again() {
    let mut world = World::new();
    let told = world.set_clock().await.unwrap();
    assert!(told.is_right && !told.was_written, "{told:?}");
    let mut cuts = 0;
    for at in 1.. {
        let seconds = 40;
        world
            .meter
            .happen(world.wire.now(), What::ClockSet { seconds });
        world.cutter.mend(Some((at, Lost::Answer)));
        let told = world.set_clock().await;
        world.mend(false).await;
        let again = world.set_clock().await.unwrap();
        assert!(again.is_right, "{again:?}");
        let utc = world.meter.utc(world.wire.now());
        assert!(world.meter.clock_error(utc).abs() <= 1);
        if told.is_ok() {
            break;
        }
        cuts += 1;
    }
    println!("FLAG clock: {cuts} cuts");
    assert!(cuts > 5);
    // Further off than is allowed.
    world
        .meter
        .happen(world.wire.now(), What::ClockSet { seconds: 40 });
    world.furthest = Duration::from_secs(30);
    let told = world.set_clock().await.unwrap();
    assert!(!told.was_written && told.stopped.unwrap().contains("30 s are allowed"));
    world.furthest = Duration::from_secs(100);
    world.password = "0001ABCD";
    world
        .meter
        .happen(world.wire.now(), What::ClockSet { seconds: 40 });
    let told = world.set_clock().await.unwrap();
    assert!(told.stopped.unwrap().contains("refuses") && !told.is_right);
}

#[test]
fn what_does_not_fit_is_told_before_anything_is_asked() {
    let model = model();
    let wanted = [
        value("display", FlagValue::Octets(vec![1])),
        value(
            "rate-sources",
            FlagValue::Sources(vec![Some("steam".to_owned())]),
        ),
        value(
            "periods",
            FlagValue::Periods {
                profile: 7,
                part: 30,
                parts: 1,
            },
        ),
        value(
            "current-ratio",
            FlagValue::Ratio {
                primary: 10_000_000_000,
                secondary: 500,
            },
        ),
        value("scheme-name", FlagValue::Text("x".repeat(40))),
        value("profile-channels", FlagValue::Channels(Vec::new())),
        value("demand-sources", FlagValue::Text("no".to_owned())),
    ];
    let ground = World::ground(&model, SERIAL);
    let misfits = flag_plan(ground, &wanted, &[], false).unwrap_err();
    let told: Vec<String> = misfits.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
    assert!(
        told[0].contains("cloned, or written by a write set"),
        "{told:#?}"
    );
    let long = meters::program::FlagGround {
        operator: Some("A NAME TOO LONG"),
        ..ground
    };
    assert!(flag_plan(long, &everything(), &[], false).is_err());
}
