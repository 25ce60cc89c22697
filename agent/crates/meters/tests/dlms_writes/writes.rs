//! What is written, read back and refused.

use crate::reader::{READER, SERIAL, SUITE_TWO, SUITE_ZERO};
use crate::tariff::{
    CALENDAR, REGISTERS, SCRIPTS, SPECIAL_DAYS, calendar, midnight, registers, scripts,
    special_days,
};
use crate::world::{Way, World};
use dlms::codec::{Attribute, Data, DateTime, LogicalName, Method};
use meters::cosem::{CalendarField, CalendarPart, NO_TIME, SpecialDay};
use meters::dlms::{Activation, Consent, Program, Remark, WriteFault, Written};
use simulator::dlms::{Activates, DlmsScenario, PUBLIC};
use std::time::Duration;

pub(crate) const LOAD: LogicalName = LogicalName([1, 0, 99, 1, 0, 255]);

pub(crate) const WAYS: [Way; 4] = [
    way(SUITE_ZERO, false),
    way(SUITE_TWO, false),
    way(SUITE_ZERO, true),
    way(SUITE_TWO, true),
];

pub(crate) const fn way(client: u16, is_wrapper: bool) -> Way {
    Way { client, is_wrapper }
}

pub(crate) fn scenario() -> DlmsScenario {
    DlmsScenario {
        days: 2,
        ..DlmsScenario::new(7, SERIAL)
    }
}

/// A time that comes an hour behind the beginning of the scenario, by the meter's clock.
pub(crate) fn in_an_hour() -> DateTime {
    DateTime {
        hour: Some(15),
        ..midnight(Some(2026), 5, 3)
    }
}

/// Calendar, special days, scripts and registers.
pub(crate) fn tariff(when: Activation) -> Program {
    Program::new(SERIAL)
        .scripts(SCRIPTS, scripts())
        .registers(REGISTERS, registers())
        .calendar(CALENDAR, calendar(), when)
        .special_days(SPECIAL_DAYS, special_days())
}

/// The half of the calendar that is in force, if it is a whole one.
pub(crate) fn in_force(world: &World) -> CalendarPart {
    let of = |number| CalendarPart::attribute(CALENDAR, number);
    let fields = CalendarField::ALL.map(|field| {
        let held = world.meter.programmed(of(field.active())).unwrap();
        (field, held)
    });
    CalendarPart::decode(|wanted| &fields.iter().find(|one| one.0 == wanted).unwrap().1).unwrap()
}

pub(crate) const fn activation() -> Method {
    CalendarPart::activation(CALENDAR)
}

#[tokio::test(start_paused = true)]
async fn a_tariff_is_written_read_back_and_comes_into_force_at_its_time() {
    for way in WAYS {
        let mut world = World::new(scenario(), way, false);
        let former = in_force(&world);
        let plan = tariff(Activation::At(in_an_hour()));
        let plan = plan.plan(&world.model.takes(), None).unwrap();
        let record = world.look(&plan).await.unwrap();
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(report.verdict, Written::New, "{report}");
        assert_eq!(report.differences, []);
        assert_eq!(report.remarks, [Remark::OldCalendarInForce]);
        assert_eq!(in_force(&world), former);
        for item in &report.items {
            assert_eq!(world.meter.programmed(item.attribute).unwrap(), item.found);
        }
        // Once more: nothing is to be done.
        let again = world.carry_out(&record).await.unwrap();
        assert_eq!(again.verdict, Written::New);
        for item in &report.items {
            assert!(
                world.meter.written(item.attribute) <= 1,
                "{}",
                item.attribute
            );
        }
        let anew = world.look(&plan).await.unwrap();
        let report = world.carry_out(&anew).await.unwrap();
        assert_eq!(report.verdict, Written::Unchanged);
        tokio::time::sleep(Duration::from_hours(1)).await;
        let report = world.standing(&record).await.unwrap();
        assert_eq!(report.verdict, Written::New, "{report}");
        assert_eq!(report.remarks, [Remark::NewCalendarInForce]);
        assert_eq!(in_force(&world), calendar());
        assert_eq!(world.meter.executed(activation()), 1);
    }
}

/// Some meters copy the waiting half, some change places; both ways there is one activation, and a way
/// back.
#[tokio::test(start_paused = true)]
async fn a_tariff_comes_into_force_at_once_and_is_taken_back() {
    for activates in [Activates::Copying, Activates::ChangingPlaces] {
        let scenario = DlmsScenario {
            activates,
            ..scenario()
        };
        let mut world = World::new(scenario, WAYS[0], true);
        let former = in_force(&world);
        let plan = tariff(Activation::Now).plan(&world.model.takes(), None);
        let plan = plan.unwrap();
        let record = world.look(&plan).await.unwrap();
        let standing = world.standing(&record).await.unwrap();
        let before = world.holds(&standing);
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(report.verdict, Written::New, "{report}");
        assert_eq!(in_force(&world), calendar());
        assert_eq!(world.meter.executed(activation()), 1);
        let again = world.carry_out(&record).await.unwrap();
        assert_eq!(
            (again.verdict, world.meter.executed(activation())),
            (Written::New, 1)
        );
        let back = record.turned_back();
        let report = world.carry_out(&back).await.unwrap();
        assert_eq!(report.verdict, Written::Old, "{report}");
        assert_eq!(world.holds(&report), before);
        assert_eq!(in_force(&world), former);
        assert_eq!(world.meter.executed(activation()), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_write_changes_nothing_and_is_told_so() {
    for client in [PUBLIC, READER] {
        let mut world = World::new(scenario(), way(client, false), false);
        let plan = tariff(Activation::Now).plan(&world.model.takes(), None);
        let record = world.look(&plan.unwrap()).await.unwrap();
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(report.verdict, Written::Old);
        let told = report.to_string();
        assert_eq!(
            told,
            "the meter holds what it held before; the meter does not take 9/0-0:10.0.100*255/2: \
             reading or writing denied; the old calendar is still in force; no activation time is set"
        );
    }
}

/// The first refusal ends the program; what was written before it is named.
#[tokio::test(start_paused = true)]
async fn what_a_meter_refuses_on_the_way_is_a_partial_with_names() {
    let mut world = World::new(scenario(), WAYS[1], false);
    let mut large = calendar();
    large.name = b"a name of twenty octets"[..20].to_vec();
    let program = Program::new(SERIAL).calendar(CALENDAR, large, Activation::Now);
    let plan = program.plan(&world.model.takes(), None).unwrap();
    let record = world.look(&plan).await.unwrap();
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.verdict, Written::Partial);
    let of = |number| CalendarPart::attribute(CALENDAR, number);
    assert_eq!(report.done(), [of(9), of(8), of(7)]);
    let active = [5, 4, 3, 2].map(of);
    assert_eq!(report.not_done(), [&[of(6)], active.as_slice()].concat());
    let told = report.to_string();
    let words = "the meter does not take 20/0-0:13.0.0*255/6: other reason; the old calendar is \
                 still in force";
    assert!(told.contains(words), "{told}");
    let report = world.carry_out(&record.turned_back()).await.unwrap();
    assert_eq!(report.verdict, Written::Old, "{report}");
    assert_eq!(world.meter.executed(activation()), 0);
}

#[tokio::test(start_paused = true)]
async fn another_meter_another_state_and_a_time_that_is_over_are_refused() {
    let mut world = World::new(scenario(), WAYS[0], false);
    let takes = world.model.takes();
    let other = Program::new("99999999").special_days(SPECIAL_DAYS, special_days());
    let fault = world
        .look(&other.plan(&takes, None).unwrap())
        .await
        .unwrap_err();
    assert!(matches!(fault, WriteFault::OtherMeter { .. }), "{fault}");
    let days = Program::new(SERIAL).special_days(SPECIAL_DAYS, special_days());
    let plan = days.plan(&takes, None).unwrap();
    let record = world.look(&plan).await.unwrap();
    let before = record.fingerprint();
    world.carry_out(&record).await.unwrap();
    let looked = world.visit(async |visit| visit.look(&plan, Some(before)).await);
    let fault = looked.await.unwrap_err();
    assert!(matches!(fault, WriteFault::Changed { .. }), "{fault}");
    let late = tariff(Activation::At(midnight(Some(2026), 5, 3)));
    let fault = world
        .look(&late.plan(&takes, None).unwrap())
        .await
        .unwrap_err();
    assert!(matches!(fault, WriteFault::TimeIsOver), "{fault}");
    assert!(in_force(&world).name == b"FLAT");
    let partial = DateTime {
        year: None,
        ..in_an_hour()
    };
    let complaints = tariff(Activation::At(partial))
        .plan(&takes, None)
        .unwrap_err();
    assert_eq!(complaints.len(), 1);
}

/// Somebody else wrote in between: nothing is written over him unless a person says so.
#[tokio::test(start_paused = true)]
async fn what_somebody_else_wrote_is_left_alone() {
    use meters::dlms::Doubtful::{Leave, Overwrite};
    let mut world = World::new(scenario(), WAYS[0], false);
    let program = Program::new(SERIAL).calendar(CALENDAR, calendar(), Activation::Off);
    let plan = program.plan(&world.model.takes(), None).unwrap();
    let record = world.look(&plan).await.unwrap();
    let name = CalendarPart::attribute(CALENDAR, 6);
    let value = Data::OctetString(b"other".to_vec());
    let written = world.visit(async |visit| {
        visit.session().set(name, &value).await.unwrap();
        Ok(())
    });
    written.await.unwrap();
    for (doubtful, verdict) in [(Leave, Written::Partial), (Overwrite, Written::New)] {
        let report = world.visit(async |visit| visit.carry_out(&record, doubtful).await);
        let report = report.await.unwrap();
        assert_eq!(report.verdict, verdict, "{report}");
        if doubtful == Leave {
            assert_eq!(report.doubtful(), [name]);
            assert_eq!(world.meter.written(CalendarPart::attribute(CALENDAR, 9)), 0);
        }
    }
}

/// An activation that was set before is off while the waiting half is written, and set again on the
/// way back unless it is over.
#[tokio::test(start_paused = true)]
async fn a_half_written_calendar_never_comes_into_force() {
    let mut world = World::new(scenario(), WAYS[0], false);
    let takes = world.model.takes();
    let first = tariff(Activation::At(in_an_hour()))
        .plan(&takes, None)
        .unwrap();
    let first = world.look(&first).await.unwrap();
    world.carry_out(&first).await.unwrap();
    let mut other = calendar();
    other.name = b"OTHER".to_vec();
    other.days[2].actions[0].selector = 1;
    let later = DateTime {
        hour: Some(16),
        ..in_an_hour()
    };
    let program = Program::new(SERIAL).calendar(CALENDAR, other, Activation::At(later));
    let plan = program.plan(&takes, None).unwrap();
    let record = world.look(&plan).await.unwrap();
    let time = CalendarPart::attribute(CALENDAR, 10);
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(
        (report.verdict, world.meter.written(time)),
        (Written::New, 3)
    );
    let back = record.clone().turned_back();
    let report = world.carry_out(&back).await.unwrap();
    assert_eq!(
        (report.verdict, world.meter.written(time)),
        (Written::Old, 5),
        "{report}"
    );
    let set = Data::OctetString(in_an_hour().encode().to_vec());
    assert_eq!(world.meter.programmed(time), Some(set));
    // Once more, and the way back only when the former time is over.
    world.carry_out(&record).await.unwrap();
    tokio::time::sleep(Duration::from_mins(70)).await;
    let report = world.carry_out(&back).await.unwrap();
    assert_eq!(report.verdict, Written::Old, "{report}");
    assert!(
        report.remarks.contains(&Remark::FormerTimeIsOver),
        "{report}"
    );
    let off = Data::OctetString(NO_TIME.encode().to_vec());
    assert_eq!(world.meter.programmed(time), Some(off));
    assert_eq!(world.meter.executed(activation()), 0);
}

/// "Success" is a word; what counts is what the meter holds. A calendar of which it has not kept all
/// is never set to come into force.
#[tokio::test(start_paused = true)]
async fn a_meter_that_says_yes_and_keeps_nothing_is_not_believed() {
    let time = CalendarPart::attribute(CALENDAR, 10);
    for field in CalendarField::ALL {
        let attribute = CalendarPart::attribute(CALENDAR, field.passive());
        let scenario = DlmsScenario {
            forgets: Some(attribute),
            ..scenario()
        };
        let mut world = World::new(scenario, WAYS[1], false);
        let takes = world.model.takes();
        let plan = tariff(Activation::At(in_an_hour())).plan(&takes, None);
        let record = world.look(&plan.unwrap()).await.unwrap();
        let report = world.carry_out(&record).await.unwrap();
        assert_eq!(report.verdict, Written::Partial, "{report}");
        let stopped = report.stopped.as_deref().unwrap_or_default();
        assert!(stopped.contains(&attribute.to_string()), "{report}");
        assert_eq!(world.meter.written(time), 0, "it was never armed");
        // Whatever was written after it would be of no use.
        let back = world.carry_out(&record.turned_back()).await.unwrap();
        assert_eq!(back.verdict, Written::Old, "{back}");
    }
}

/// A meter may fill in what was left open. It is what was meant, and told.
#[tokio::test(start_paused = true)]
async fn what_a_meter_fills_in_is_told() {
    let scenario = DlmsScenario {
        fills_in: true,
        ..scenario()
    };
    let mut world = World::new(scenario, WAYS[0], false);
    let when = DateTime {
        second: None,
        hundredths: None,
        ..in_an_hour()
    };
    let plan = tariff(Activation::At(when)).plan(&world.model.takes(), None);
    let record = world.look(&plan.unwrap()).await.unwrap();
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.verdict, Written::New, "{report}");
    let places: Vec<Attribute> = report.differences.iter().map(|one| one.attribute).collect();
    assert_eq!(places, [CalendarPart::attribute(CALENDAR, 10)]);
}

#[tokio::test(start_paused = true)]
async fn rows_are_thrown_away_only_where_somebody_agreed_and_once() {
    let consent = Consent::to_lose_the_profile_of(SERIAL);
    let other = Consent::to_lose_the_profile_of("99999999");
    let refused = Program::new(SERIAL)
        .profile_reset(LOAD, &other)
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the profile of `00012345` would be lost, and the consent is for `99999999`"
    );
    let reset = Method {
        class: 7,
        name: LOAD,
        number: 1,
    };
    let mut world = World::new(scenario(), WAYS[0], false);
    let program = Program::new(SERIAL).profile_reset(LOAD, &consent).unwrap();
    let record = world.begin(program).await;
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.verdict, Written::New, "{report}");
    let rows = match report.remarks.as_slice() {
        [Remark::RowsLost { rows, .. }] => *rows,
        other => panic!("{other:?}"),
    };
    assert_eq!(rows, 192);
    // Two hours later there are rows again, and they stay.
    tokio::time::sleep(Duration::from_hours(2)).await;
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(
        (report.verdict, world.meter.executed(reset)),
        (Written::New, 1)
    );
    assert_eq!(world.meter.rows(world.meter.utc(world.wire.now())).len(), 8);
    // A week later nobody can tell any more, and nothing is done.
    tokio::time::sleep(Duration::from_hours(24 * 7)).await;
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(
        (report.verdict, world.meter.executed(reset)),
        (Written::Partial, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn another_period_empties_the_profile_and_both_are_told() {
    let consent = Consent::to_lose_the_profile_of(SERIAL);
    let mut world = World::new(scenario(), WAYS[3], false);
    let takes = world.model.takes();
    let program = Program::new(SERIAL).capture_period(LOAD, 1800, &consent);
    let plan = program.unwrap().plan(&takes, None).unwrap();
    let record = world.look(&plan).await.unwrap();
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.verdict, Written::New, "{report}");
    let told = report.to_string();
    assert!(
        told.contains("192 rows of profile 1-0:99.1.0*255 are gone"),
        "{told}"
    );
    tokio::time::sleep(Duration::from_mins(61)).await;
    assert_eq!(world.meter.rows(world.meter.utc(world.wire.now())).len(), 2);
    let report = world.carry_out(&record.turned_back()).await.unwrap();
    assert_eq!(report.verdict, Written::Old, "{report}");
    assert!(report.to_string().contains("are gone"), "{report}");
    let wrong = Program::new(SERIAL).capture_period(LOAD, 700, &consent);
    let told = wrong.unwrap().plan(&takes, None).unwrap_err();
    assert_eq!(
        told[0].to_string(),
        "the capture period: 700 s do not divide a day; use a part of an hour, or hours"
    );
}

/// The rule of summer time, in the meter's own clock.
#[tokio::test(start_paused = true)]
async fn the_rule_of_summer_time_is_written() {
    let mut world = World::new(scenario(), WAYS[1], false);
    let rule = |month| DateTime {
        month: Some(month),
        day: Some(0xfe),
        weekday: Some(7),
        hour: Some(2),
        minute: Some(0),
        second: Some(0),
        hundredths: Some(0),
        ..NO_TIME
    };
    let clock = LogicalName::CLOCK;
    let program = Program::new(SERIAL).time_zone(clock, -120).summer_time(
        clock,
        [rule(4), rule(9)],
        30,
        true,
    );
    let plan = program.plan(&world.model.takes(), None).unwrap();
    let record = world.look(&plan).await.unwrap();
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.verdict, Written::New, "{report}");
    let end = world.meter.programmed(Attribute {
        class: 8,
        name: clock,
        number: 6,
    });
    assert_eq!(end, Some(Data::OctetString(rule(9).encode().to_vec())));
    let report = world.carry_out(&record.turned_back()).await.unwrap();
    assert_eq!(report.verdict, Written::Old, "{report}");
}

/// A day that is replaced keeps its place; what is not wanted goes.
#[tokio::test(start_paused = true)]
async fn special_days_are_written_one_by_one_where_a_meter_wants_that() {
    let mut world = World::new(scenario(), WAYS[0], true);
    let table = SpecialDay::table(SPECIAL_DAYS);
    let program = Program::new(SERIAL).special_days(SPECIAL_DAYS, special_days());
    let record = world.begin(program).await;
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.verdict, Written::New, "{report}");
    let mut fewer = special_days();
    fewer.remove(1);
    fewer[0].day = 1;
    let program = Program::new(SERIAL).special_days(SPECIAL_DAYS, fewer.clone());
    let record = world.begin(program).await;
    let report = world.carry_out(&record).await.unwrap();
    assert_eq!(report.verdict, Written::New, "{report}");
    let held = world.meter.programmed(table).unwrap();
    assert_eq!(SpecialDay::decode_all(&held).unwrap(), fewer);
    assert_eq!(world.meter.written(table), 0);
    let inserted = world.meter.executed(SpecialDay::insertion(SPECIAL_DAYS));
    let deleted = world.meter.executed(SpecialDay::deletion(SPECIAL_DAYS));
    assert_eq!((inserted, deleted), (4, 2));
}
