//! The load profile that a meter keeps itself is collected by need: nothing lost, nothing twice,
//! whatever stands in it, and whatever happens to the gateway meanwhile.
#![cfg(test)]

use std::time::Duration;

use desk::{CollectResult, JobState, Outcome, Work};
use hil_tests::agent::Agent;
use hil_tests::binaries::brisk_models;
use hil_tests::bus::Bus;
use hil_tests::clock::utc;
use hil_tests::flag::{PASSWORD, password_file, scenario};
use hil_tests::flag_judge::{FlagVerdict, judge_flag, seconds};
use hil_tests::hands::{Started, start};
use hil_tests::world::{World, wait_for_delivery};
use metering::Timestamp;
use simulator::elster::{ElsterModel, Incident, Scenario, What, Zone};
use simulator::wire::TcpWire;

const GATEWAY: &str = "pmu-profile";
const DAY: Duration = Duration::from_hours(24);
const WITHIN: Duration = Duration::from_mins(4);
const DAY_S: i64 = 86_400;

/// A meter with a network of its own, so that none waits for another.
struct Site {
    bus: Bus,
    door: TcpWire,
}

impl Site {
    fn new(name: &str, model: ElsterModel, circumstances: Scenario) -> Self {
        let mut bus = Bus::network(name, 1);
        bus.seat_at_once(model, circumstances);
        let door = bus.open_tcp();
        Self { bus, door }
    }

    fn id(&self) -> &str {
        &self.bus.flags[0].id
    }
}

/// A gateway whose meters are collected once at its start, and a day of them only.
fn gateway(world: &World, sites: &[Site], more: &str) -> Agent {
    let mut agent = world.gateway(GATEWAY, &[], 60);
    agent.file.models = brisk_models(world.folder());
    let password = password_file(world.folder(), "password", PASSWORD);
    for site in sites {
        let port = site.door.address().port();
        agent.file.serial_server(&site.bus.id, port);
        agent.file.flags.extend(site.bus.flag_lines(&password));
    }
    for meter in &mut agent.file.flags {
        meter.more = format!("collect = {{ every-seconds = 86400, days-max = 1 }}\n{more}");
    }
    agent
}

fn collect(agent: &Agent, meter: &str, from: Timestamp, to: Option<Timestamp>) -> Started {
    ask(agent, meter, (from, to), false)
}

fn ask(
    agent: &Agent,
    meter: &str,
    (from, to): (Timestamp, Option<Timestamp>),
    again: bool,
) -> Started {
    let what = Work::Collect {
        meter: meter.to_owned(),
        from: Some(from.seconds()),
        to: to.map(Timestamp::seconds),
        again,
    };
    start(agent, &what)
}

#[track_caller]
fn collected(outcome: Outcome) -> CollectResult {
    match outcome {
        Outcome::Collected(result) => {
            println!("{result:?}");
            result
        }
        other => panic!("not a collection: {other:?}"),
    }
}

/// Delivers everything, ends all, and judges what the head-end booked.
#[track_caller]
fn judged(
    mut world: World,
    agent: &mut Agent,
    buses: &[(&Bus, (Timestamp, Timestamp))],
) -> FlagVerdict {
    wait_for_delivery(agent, WITHIN);
    agent.stop();
    let summary = world.head_end.stop();
    println!("{summary}");
    world.must_agree(&summary);
    let rows = world.head_end.rows(GATEWAY);
    let verdicts = buses.iter().map(|(bus, span)| {
        let verdict = judge_flag(&rows, &[*bus], *span);
        println!("{verdict}");
        verdict
    });
    let all: Vec<FlagVerdict> = verdicts.collect();
    all.iter().for_each(FlagVerdict::must_be_clean);
    all.into_iter()
        .fold(FlagVerdict::default(), FlagVerdict::and)
}

/// Looks at a collection until so many of its days are read; the days must never go back.
#[track_caller]
fn wait_for_days(agent: &Agent, job: Started, days: u64) {
    let mut before = 0;
    let until = tokio::time::Instant::now() + WITHIN;
    loop {
        match job.look(agent).state {
            JobState::Running(progress) => {
                assert!(progress.done >= before, "back from {before}: {progress:?}");
                before = progress.done;
                if progress.done >= days {
                    println!("{progress:?}");
                    return;
                }
            }
            JobState::Waiting(_) => {}
            ended => panic!("it ended before day {days}: {ended:?}"),
        }
        assert!(tokio::time::Instant::now() < until, "day {days} is far off");
        hil_tests::clock::pause(Duration::from_millis(20));
    }
}

#[test]
fn nine_hundred_days_of_all_channels_survive_a_cancellation_and_a_kill() {
    let Some(mut world) = World::new("900 days of a load profile") else {
        return;
    };
    let began = utc();
    let circumstances = Scenario {
        days: 901,
        minutes: 60,
        mask: Some(ElsterModel::A1140.full_mask()),
        bills_monthly: false,
        ..scenario("20000102")
    };
    let site = Site::new("net", ElsterModel::A1140, circumstances);
    let mut agent = gateway(&world, std::slice::from_ref(&site), "");
    let (bus, id) = (&site.bus, site.id());
    world.head_end.start();
    agent.start_with_lines();
    let from = began.before(DAY * 900);

    let job = collect(&agent, id, from, None);
    wait_for_days(&agent, job, 200);
    job.cancel(&agent);
    let ended = job.wait(&agent, WITHIN, |_| {});
    let JobState::Cancelled(progress) = ended else {
        panic!("not cancelled: {ended:?}");
    };
    assert!(
        progress.done >= 200 && progress.total >= 898,
        "{progress:?}"
    );
    let kept = agent.meter(id).intervals;
    assert!(kept >= 190 * 24, "what was read is kept: {kept}");

    // Only what is missing is asked for now, until the gateway dies.
    let job = collect(&agent, id, from, None);
    wait_for_days(&agent, job, 300);
    agent.kill();
    agent.start_with_lines();
    let rest = collected(collect(&agent, id, from, None).result(&agent, WITHIN));
    assert!(rest.days < 600, "days that were stored are not read again");

    // What a daily collection costs, against ninety days.
    let span = |days: u32| (began.before(DAY * days), None);
    let daily = collected(ask(&agent, id, span(2), true).result(&agent, WITHIN));
    let ninety = collected(ask(&agent, id, span(89), true).result(&agent, WITHIN));
    for again in [&daily, &ninety] {
        assert!(again.conflicts == 0 && again.intervals > 0, "{again:?}");
    }
    let share = daily.octets * 1000 / ninety.octets;
    println!("three days cost {share} thousandths of ninety");
    assert!(share <= 40, "{share} thousandths");

    let verdict = judged(
        world,
        &mut agent,
        &[(bus, (began.before(DAY * 899), began))],
    );
    assert!(verdict.intervals >= 899 * 24);
}

/// The two changes between summer and winter time before now, the later one first.
fn changes() -> [i64; 2] {
    let now = seconds(utc());
    let mut found = Vec::new();
    let mut at = now - 400 * DAY_S;
    while let Some(next) = Zone::CENTRAL_EUROPE.next_change(at) {
        if next >= now - 2 * DAY_S {
            break;
        }
        found.push(next);
        at = next;
    }
    [found[found.len() - 1], found[found.len() - 2]]
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(u64::try_from(seconds).unwrap())
}

#[test]
fn both_changes_of_summer_time_are_told_apart_by_the_order_of_intervals() {
    let Some(mut world) = World::new("load profiles and summer time") else {
        return;
    };
    let began = utc();
    let changes = changes();
    let oldest = (seconds(began) - changes[1]) / DAY_S + 4;
    let site = |(model, serial): (ElsterModel, &str)| {
        let circumstances = Scenario {
            days: oldest,
            zone: Zone::CENTRAL_EUROPE,
            bills_monthly: false,
            ..scenario(serial)
        };
        Site::new(&format!("net{}", &serial[..1]), model, circumstances)
    };
    let meters = [
        (ElsterModel::A1700, "10000101"),
        (ElsterModel::A1140, "20000102"),
    ];
    let sites = meters.map(site);
    // The zone as the meters have it, without a database of zones.
    let zone = "clock = { basis = \"posix:CET-1CEST,M3.5.0,M10.5.0/3\" }\n";
    let mut agent = gateway(&world, &sites, zone);
    world.head_end.start();
    agent.start_with_lines();
    for change in changes {
        let span = (at(change - DAY_S), Some(at(change + DAY_S)));
        let jobs = sites
            .each_ref()
            .map(|site| ask(&agent, site.id(), span, false));
        for job in jobs {
            collected(job.result(&agent, WITHIN));
        }
    }
    wait_for_delivery(&agent, WITHIN);
    agent.stop();
    let summary = world.head_end.stop();
    world.must_agree(&summary);
    let rows = world.head_end.rows(GATEWAY);
    for change in changes {
        // Two days of UTC around it: 96 half hours, whatever the clocks on the wall say.
        let span = (at(change - DAY_S), at(change + DAY_S));
        let verdict = judge_flag(&rows, &sites.each_ref().map(|site| &site.bus), span);
        println!("{} {verdict}", span.0);
        verdict.must_be_clean();
        assert_eq!(verdict.intervals, 2 * 96, "two meters");
        assert!(verdict.with_flag("dst-change") > 0, "the change is flagged");
    }
}

/// What befalls four meters, one kind of story each, five days ago and later.
fn stories(begin: i64) -> Vec<(&'static str, Vec<Incident>)> {
    let after = |hour, minute, what| Incident::after(begin, 0, hour, minute, what);
    let next = |hour, minute, what| Incident::after(begin, 1, hour, minute, what);
    vec![
        (
            "10000201",
            vec![
                after(3, 10, What::PowerCut { seconds: 300 }),
                after(5, 5, What::PowerCut { seconds: 3 * 3600 }),
                after(
                    11,
                    20,
                    What::PhaseFailure {
                        seconds: 900,
                        phases: 2,
                    },
                ),
                after(13, 0, What::ReverseRun { seconds: 600 }),
                after(15, 40, What::BillingReset { trigger: 8 }),
            ],
        ),
        (
            "10000202",
            vec![
                after(4, 10, What::ClockSet { seconds: 700 }),
                after(9, 50, What::ClockSet { seconds: -500 }),
                next(6, 10, What::ClockSet { seconds: 7500 }),
            ],
        ),
        (
            "10000203",
            vec![
                after(
                    8,
                    0,
                    What::ProfileChange {
                        mask: [0, 0x0f],
                        minutes: 30,
                    },
                ),
                next(2, 0, What::ProfileCleared),
            ],
        ),
        (
            "10000204",
            vec![
                after(
                    7,
                    0,
                    What::UnknownMark {
                        octets: vec![0xec, 0x11, 0x22, 0x33],
                    },
                ),
                next(7, 10, What::PowerCut { seconds: 60 }),
                next(7, 20, What::PowerCut { seconds: 60 }),
            ],
        ),
    ]
}

#[test]
fn every_marker_is_understood_or_shown() {
    let Some(mut world) = World::new("markers of load profiles") else {
        return;
    };
    let began = utc();
    let begin = (seconds(began) / DAY_S - 5) * DAY_S;
    let name = |serial: &str| format!("net{}", &serial[7..]);
    let story = |(serial, incidents): (&str, Vec<Incident>)| {
        let circumstances = Scenario {
            days: 8,
            incidents,
            bills_monthly: false,
            ..scenario(serial)
        };
        Site::new(&name(serial), ElsterModel::A1700, circumstances)
    };
    let mut sites: Vec<Site> = stories(begin).into_iter().map(story).collect();
    let plain = Scenario {
        days: 8,
        has_plain_numbers: true,
        ..scenario("20000205")
    };
    sites.push(Site::new("net5", ElsterModel::A1140, plain));
    let mut agent = gateway(&world, &sites, "");
    world.head_end.start();
    agent.start_with_lines();
    let jobs = sites
        .iter()
        .map(|site| collect(&agent, site.id(), at(begin), None));
    for job in jobs.collect::<Vec<_>>() {
        println!("{:?}", job.wait(&agent, WITHIN, |_| {}));
    }
    let said = agent.said();
    println!("{said}");
    for (code, meter) in [
        ("meter-clock-changed", "net2-202"),
        ("meter-profile-reconfigured", "net3-203"),
        ("meter-profile-cleared", "net3-203"),
        ("meter-profile-unknown", "net4-204"),
        ("meter-coding-in-doubt", "net5-205"),
    ] {
        assert!(
            said.contains(&format!("code={code} meter={meter}")),
            "{meter} says nothing of {code}"
        );
    }
    // What nobody understands is shown as it stands.
    assert!(said.contains("ec112233") || said.contains("EC112233"));
    // Of the meter that codes otherwise nothing can be judged; behind octets that nobody understands
    // the next day begins anew.
    let whole = (at(begin), began);
    let later = (at(begin + DAY_S), began);
    let spans = [whole, whole, whole, later];
    let judged_sites: Vec<_> = sites.iter().map(|site| &site.bus).zip(spans).collect();
    let verdict = judged(world, &mut agent, &judged_sites);
    for flag in [
        "power-down",
        "power-up",
        "phase-fail",
        "reverse-run",
        "time-set",
    ] {
        assert!(verdict.with_flag(flag) > 0, "no interval is flagged {flag}");
    }
}
