//! Elster meters of every family on one line: the daemon reads their registers, events, status,
//! identity and load profiles, and the head-end has every interval exactly once, with what the meter
//! really held.
#![cfg(test)]

use std::time::Duration;

use desk::{EventsResult, MeterValue, Outcome, Part, Work};
use hil_tests::agent::Agent;
use hil_tests::binaries::brisk_models;
use hil_tests::bus::Bus;
use hil_tests::clock::{utc, wait_until};
use hil_tests::flag::{PASSWORD, SimulatedFlag, password_file, scenario};
use hil_tests::flag_judge::{judge_flag, seconds};
use hil_tests::hands::start;
use hil_tests::skip::by_tier;
use hil_tests::world::{World, wait_for_delivery};
use simulator::elster::{Counter, ElsterModel, Incident, Scenario, Source, What};
use simulator::trouble::Spread;
use simulator::wire::WireSettings;

const GATEWAY: &str = "pmu-flag";
const DAY: Duration = Duration::from_hours(24);
const WITHIN: Duration = Duration::from_mins(4);

/// What befell each of them in the night before yesterday: something of everything, for answers
/// that are all zeros are read twice before they are believed.
fn incidents(begin: i64) -> Vec<Incident> {
    let after = |hour, minute, what| Incident::after(begin, 0, hour, minute, what);
    vec![
        after(2, 10, What::PowerCut { seconds: 4000 }),
        after(
            4,
            0,
            What::PhaseFailure {
                seconds: 600,
                phases: 1,
            },
        ),
        after(5, 0, What::ReverseRun { seconds: 300 }),
        after(5, 30, What::TerminalCover { seconds: 60 }),
        after(5, 40, What::MainCover { seconds: 60 }),
        after(6, 0, What::Transient),
        after(6, 20, What::MeterError),
    ]
}

fn billing(begin: i64) -> Vec<Incident> {
    let what = What::BillingReset { trigger: 8 };
    vec![Incident::after(begin, 0, 6, 40, what)]
}

/// One meter of each family.
fn bus(world: &World) -> Bus {
    // A soak has the time that 9600 baud take.
    let settings = WireSettings::flag(by_tier(115_200, 9600));
    let mut bus = Bus::behind_pty("main", world.folder(), settings, 1);
    let begin = (seconds(utc()) / 86_400 - 1) * 86_400;
    for (model, serial) in [
        (ElsterModel::A1700, "10000101"),
        (ElsterModel::A1140, "20000102"),
        (ElsterModel::A1120, "30000103"),
        (ElsterModel::As230, "40000104"),
    ] {
        let circumstances = Scenario {
            days: 6,
            // The sets of one meter are enough; most of them are zeros.
            bills_monthly: false,
            incidents: match model {
                ElsterModel::A1700 => [incidents(begin), billing(begin)].concat(),
                _ => incidents(begin),
            },
            ..scenario(serial)
        };
        bus.seat_flag_with(model, circumstances, |settings, troubles| {
            settings.opening = iec62056_21::meter::Opening::Fixed(by_tier(115_200, 9600));
            troubles.turnaround = Some(Spread::fixed(Duration::from_millis(5)));
        });
    }
    bus
}

fn read(agent: &Agent, meter: &SimulatedFlag, part: Part) -> Outcome {
    let work = Work::Read {
        meter: meter.id.clone(),
        part,
    };
    start(agent, &work).result(agent, WITHIN)
}

fn values(outcome: Outcome) -> Vec<MeterValue> {
    match outcome {
        Outcome::Values(values) => values,
        other => panic!("no values: {other:?}"),
    }
}

/// `1234.567890 kWh` in millionths.
fn millionths(text: &str) -> i128 {
    let number = text.split(' ').next().unwrap();
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{part:0<6}");
    digits.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// The totals, read by hand, are those of the meter.
fn registers_are_right(agent: &Agent, bus: &Bus, meter: &SimulatedFlag) {
    let begun = meter.holds.utc(bus.wire.now());
    let values = values(read(agent, meter, Part::Registers));
    let ended = meter.holds.utc(bus.wire.now());
    for (obis, source) in [
        ("1-0:1.8.0", Source::Import),
        ("1-0:2.8.0", Source::Export),
        ("1-0:5.8.0", Source::Q1),
    ] {
        let of = |value: &&MeterValue| value.obis == obis && value.group == "totals";
        let value = values.iter().find(of);
        let value = value.unwrap_or_else(|| panic!("{}: no {obis} in {values:?}", meter.id));
        let (up, down) = meter.ratio;
        // A register counts thousandths of a watt hour: millionths of a kilowatt hour.
        let held = |utc| {
            let total = i128::try_from(meter.holds.total(source, utc) / 3600).unwrap();
            total * i128::from(up) / i128::from(down)
        };
        let shown = millionths(&value.value);
        let held = held(begun)..=held(ended);
        assert!(held.contains(&shown), "{} {value:?} {held:?}", meter.id);
    }
}

fn events_are_right(agent: &Agent, bus: &Bus, meter: &SimulatedFlag) {
    let Outcome::Events(EventsResult { counters, .. }) = read(agent, meter, Part::Events) else {
        panic!("no events of {}", meter.id);
    };
    let now = meter.holds.utc(bus.wire.now());
    for counter in &counters {
        println!(
            "{}: {} {} {:?}",
            meter.id, counter.name, counter.count, counter.newest
        );
    }
    for (word, counter) in [
        ("phase", Counter::PhaseFailure),
        ("power", Counter::PowerCut),
    ] {
        let counted = counters.iter().find(|found| found.name.contains(word));
        let counted = counted.unwrap_or_else(|| panic!("no {word} in {counters:?}"));
        let held = meter.holds.counted(counter, now);
        assert_eq!(usize::try_from(counted.count).unwrap(), held, "{counted:?}");
    }
}

#[test]
fn the_head_end_has_every_interval_of_each_family_exactly_once() {
    let Some(mut world) = World::new("FLAG meters") else {
        return;
    };
    let began = utc();
    let bus = bus(&world);
    let mut agent = world.gateway(GATEWAY, &[], 60);
    agent.file.models = brisk_models(world.folder());
    agent
        .file
        .serial_of_seven_bits("main", &bus.device(), bus.baud());
    let password = password_file(world.folder(), "password", PASSWORD);
    agent.file.flags = bus.flag_lines(&password);
    for meter in &mut agent.file.flags {
        meter.more = "collect = { every-seconds = 1800, days-max = 3 }\n".to_owned();
    }
    world.head_end.start();
    agent.start_with_lines();
    wait_until("every meter was collected", WITHIN, || {
        let meters = agent.meters();
        let done = meters.iter().filter(|meter| meter.last_collected.is_some());
        done.count() == bus.flags.len()
    });
    for (meter, shown) in bus.flags.iter().zip(agent.meters()) {
        println!("{shown:?}");
        assert_eq!(shown.serial.as_deref(), Some(&*meter.holds.serial()));
        assert_eq!(shown.state, "healthy", "{shown:?}");
        let error = shown.clock_error_ms.expect("its clock was measured");
        assert!(error.abs() < 3000, "{error} ms");
    }
    let [first, second, ..] = &bus.flags[..] else {
        panic!("four meters");
    };
    registers_are_right(&agent, &bus, second);
    events_are_right(&agent, &bus, second);
    // What happens from now on is an event of the gateway too.
    let failure = What::PhaseFailure {
        seconds: 5,
        phases: 2,
    };
    assert!(first.holds.happen(bus.wire.now(), failure));
    let poll = Work::Poll {
        meter: first.id.clone(),
    };
    start(&agent, &poll).result(&agent, WITHIN);
    registers_are_right(&agent, &bus, first);
    events_are_right(&agent, &bus, first);
    let identity = values(read(&agent, first, Part::Identity));
    let says = |text: &str| identity.iter().any(|value| value.value.contains(text));
    assert!(says(&first.holds.serial()), "{identity:?}");
    let status = values(read(&agent, first, Part::Status));
    assert!(!status.is_empty());
    wait_for_delivery(&agent, WITHIN);
    let said = agent.said();
    let event = format!("code=meter-phase-failed meter={}", first.id);
    assert!(said.contains(&event), "nobody was told: {event}\n{said}");
    agent.stop();
    let summary = world.head_end.stop();
    println!("{summary}");
    world.must_agree(&summary);
    let rows = world.head_end.rows(GATEWAY);
    let verdict = judge_flag(&rows, &[&bus], (began.before(DAY * 2), began));
    println!("{verdict}");
    verdict.must_be_clean();
    assert_eq!(verdict.meters, 3, "all but the A1120 keep a profile");
    assert!(verdict.with_flag("power-down") > 0, "{verdict}");
}
