//! A Modbus meter is programmed: what is written, what is told, and what is refused.

use crate::modbus_world::{World, agreed, direct_model, everything, full_model, wanted};
use meters::catalogue::SettingValue;
use meters::program::{
    InForce, Permission, ProgramFault, StepState, Verdict, Wanted, carry_out, look, settings_plan,
};
use simulator::meter::{Refusal, SettingTrouble};
use simulator::trouble::OneIn;

#[tokio::test(start_paused = true)]
async fn everything_is_written_in_its_order_and_read_back() {
    for is_tcp in [false, true] {
        let mut world = World::new(full_model(), is_tcp);
        let wanted = everything(&world.model);
        let plan = world.plan(&wanted);
        assert!(plan.clears_profile());
        let record = world.look(&plan).await.unwrap();
        assert_eq!(record.backup().len(), world.model.settings.len());
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(report.verdict, Verdict::New, "{report}");
        assert_eq!(report.in_force, InForce::Confirmed);
        assert_ne!(report.proof.before, report.proof.after);
        for one in &wanted {
            assert_eq!(world.meter.in_force(&one.name).as_ref(), Some(&one.value));
        }
        // Settings, tariff, what destroys: and each once.
        let order: Vec<u16> = world.meter.done().iter().map(|(at, _)| *at).collect();
        assert_eq!(order, [20, 3020, 2000, 2100, 3000, 3001, 3010]);
        let again = world.carry_out(&record).await.unwrap();
        assert_eq!(again.verdict, Verdict::New, "{again}");
        assert_eq!(world.meter.done().len(), 7, "nothing is written twice");
        let back = world.carry_out(&record.turned_back()).await.unwrap();
        assert_eq!(back.verdict, Verdict::Old, "{back}");
        assert_eq!(world.holds(), World::new(full_model(), is_tcp).holds());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_lists_every_frame_and_sends_none() {
    let mut world = World::new(full_model(), false);
    let plan = world.plan(&everything(&world.model));
    let record = world.look(&plan).await.unwrap();
    let writes: Vec<String> = record.writes().iter().map(ToString::to_string).collect();
    assert_eq!(writes.len(), 9, "{writes:#?}");
    assert_eq!(
        writes[0],
        "what opens current-ratio -> holding 0x0F3C+1 (function 16): the password"
    );
    assert_eq!(writes[1], "backlight -> coil 0x0014 (function 5): 01");
    assert!(writes[5].starts_with("current-ratio -> holding 0x0BB8+1 (function 6): 0000"));
    assert!(writes[6].starts_with("current-ratio -> holding 0x0BB9+1 (function 6): c355"));
    assert_eq!(
        writes[8],
        "what puts in force tariff-table -> coil 0x0009 (function 5): 01"
    );
    let lines = record.lines();
    assert!(
        lines
            .iter()
            .any(|line| line == "destructive: demand-period becomes 30 min: 40a00000 -> 41f00000")
    );
    let steps = plan.steps();
    assert!(steps[0].starts_with("identify"), "{steps:#?}");
    assert!(steps[3].starts_with("profile"), "{steps:#?}");
    assert!(world.meter.done().is_empty());
    assert!(world.wire.requests().iter().all(|request| {
        let asked = request.asked.as_ref().unwrap();
        matches!(asked.function, 1 | 3)
    }));
}

#[tokio::test(start_paused = true)]
async fn what_the_meter_does_wrong_is_told_and_never_taken_for_done() {
    for (trouble, words) in [
        (
            SettingTrouble::KeepsNothing,
            "dwell holds 0000 where 000c was written",
        ),
        (
            SettingTrouble::Rounds,
            "dwell holds 0000 where 000c was written",
        ),
        (
            SettingTrouble::Refuses(Refusal::IllegalAddress),
            "dwell: the meter refuses: illegal data address",
        ),
    ] {
        let mut world = World::new(direct_model(), false);
        let plan = world.plan(&[wanted(&world.model, "dwell", "12")]);
        let record = world.look(&plan).await.unwrap();
        world.meter.be(trouble);
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(report.verdict, Verdict::Old, "{report}");
        assert!(report.stopped.as_ref().unwrap().contains(words), "{report}");
        assert_eq!(report.not_done(), ["dwell"]);
        world.meter.be(SettingTrouble::None);
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(report.verdict, Verdict::New, "{report}");
    }
}

/// A meter that does as it is told and says nothing: the read-back counts.
#[tokio::test(start_paused = true)]
async fn a_silent_meter_is_believed_by_what_it_holds() {
    let mut world = World::new(direct_model(), false);
    let plan = world.plan(&[wanted(&world.model, "dwell", "12")]);
    let record = world.look(&plan).await.unwrap();
    // Every second answer is lost, whichever it is: reads are asked again, writes never.
    let mut news = 0;
    for _ in 0..20 {
        world
            .wire
            .change_meter(5, |troubles| troubles.lost_answers = OneIn::times(3));
        let told = world.carry_out(&record).await;
        world
            .wire
            .change_meter(5, |troubles| troubles.lost_answers = OneIn::default());
        let standing = world.standing(&record).await.unwrap();
        let truth = world.meter.in_force("dwell");
        let is_new = truth == Some(SettingValue::Number(12));
        assert_eq!(standing.verdict == Verdict::New, is_new, "{standing}");
        if let Ok(report) = told {
            assert_eq!(report.verdict == Verdict::New, is_new, "{report}");
        }
        news += usize::from(is_new);
        let back = world
            .carry_out(&record.clone().turned_back())
            .await
            .unwrap();
        assert_eq!(back.verdict, Verdict::Old, "{back}");
    }
    assert!(news > 10, "{news}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_without_password_profile_or_the_right_meter() {
    let mut world = World::new(full_model(), false);
    let plan = world.plan(&everything(&world.model));
    let record = world.look(&plan).await.unwrap();
    let told = carry_out(&record, &mut world.pages(), &Permission::to_write()).await;
    assert!(
        matches!(told, Err(ProgramFault::ProfileNotRead { .. })),
        "{told:?}"
    );
    let other = agreed("12345");
    let told = carry_out(&record, &mut world.pages(), &other).await;
    assert!(
        matches!(told, Err(ProgramFault::ProfileNotRead { .. })),
        "{told:?}"
    );
    world.password = None;
    let told = world.carry_out(&record).await;
    assert!(
        matches!(told, Err(ProgramFault::NoPassword { .. })),
        "{told:?}"
    );
    world.password = Some(7);
    let told = world.carry_out(&record).await.unwrap();
    assert!(told.stopped.unwrap().contains("illegal data value"));
    assert!(world.meter.done().is_empty());

    let model = world.model.clone();
    let wanted = everything(&model);
    let plan = settings_plan(&model, "4711", &wanted, &[]).unwrap();
    let told = look(&plan, &mut world.pages()).await;
    assert!(
        matches!(told, Err(ProgramFault::OtherMeter { .. })),
        "{told:?}"
    );
    let ratio = [Wanted {
        name: "current-ratio".to_owned(),
        value: SettingValue::Number(20),
    }];
    let dwell = [Wanted {
        name: "dwell".to_owned(),
        value: SettingValue::Number(9),
    }];
    let plan = settings_plan(&model, &world.serial(), &dwell, &ratio).unwrap();
    let told = look(&plan, &mut world.pages()).await.unwrap_err();
    assert!(told.to_string().contains("current-ratio"), "{told}");
    assert!(world.meter.done().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_expects_is_left_alone_until_a_person_has_looked() {
    let mut world = World::new(direct_model(), false);
    let plan = world.plan(&everything(&world.model));
    let record = world.look(&plan).await.unwrap();
    let other = world.plan(&[wanted(&world.model, "dwell", "33")]);
    let other = world.look(&other).await.unwrap();
    world.carry_out(&other).await.unwrap();
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.named(&[StepState::Foreign]), ["dwell"]);
    assert_eq!(world.meter.done().len(), 1);
    let agreed = agreed(&world.serial()).over_what_is_foreign();
    let report = carry_out(&record, &mut world.pages(), &agreed)
        .await
        .unwrap();
    assert_eq!(report.verdict, Verdict::New, "{report}");
}

#[test]
fn what_does_not_fit_is_told_before_anything_is_asked() {
    let model = full_model();
    let number = |name: &str, value| Wanted {
        name: name.to_owned(),
        value: SettingValue::Number(value),
    };
    let wanted = [
        number("demand-period", 7),
        number("colour", 1),
        number("dwell", 5),
        number("dwell", 6),
        number("tariff-table", 1),
    ];
    let misfits = settings_plan(&model, "1", &wanted, &[]).unwrap_err();
    let told: Vec<String> = misfits.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(told[0].contains("use 5, 15, 30, 60 min"));
    assert!(told[1].contains("use one of tariff-table"));
    assert!(told[2].contains("stands twice"));
    assert!(settings_plan(&model, "1", &[], &[]).is_err());
}
