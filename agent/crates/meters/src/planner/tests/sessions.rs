//! Sessions beside polls and samples.

use super::bus::{Bus, EPOCH, Nature, SIGN_ON, SessionNature, every, meter, sample, session_meter};
use super::{WIDE, always};
use crate::planner::*;
use metering::Period;
use std::time::Duration;

const HOUR: PollKind = PollKind::Every(Duration::from_hours(1));

fn nature(work: u64) -> SessionNature {
    SessionNature {
        work: Duration::from_secs(work),
        ..SessionNature::default()
    }
}

fn elsters(count: u8) -> Vec<SessionMeter> {
    (1..=count)
        .map(|number| session_meter(number, &[HOUR]))
        .collect()
}

fn quarter() -> PollKind {
    let period = Period::from_seconds(900).unwrap();
    PollKind::Sample { period }
}

/// No session lies over a mark's burst, as far as the plan goes.
#[track_caller]
fn check_bursts(bus: &Bus, period: u64) {
    for held in bus
        .held
        .iter()
        .filter(|held| held.turn.class != Class::Scheduled)
    {
        let from = bus.utc_origin + u64::try_from(held.at.as_millis()).unwrap() - EPOCH * 1000;
        let to = from + u64::try_from(held.took.as_millis()).unwrap();
        let mark = from.next_multiple_of(period * 1000);
        assert!(to <= mark, "{from} to {to} over {mark}");
    }
}

#[test]
fn a_profile_job_leaves_the_instantaneous_values_alone() {
    let polls = [every(10, WIDE), sample(900, &[(300, 4), (304, 4)])];
    let meters = (1..=8).map(|unit| meter(unit, &polls)).collect();
    let mut bus = Bus::new(meters).with_sessions(elsters(4));
    for number in 1..=4 {
        bus = bus.with_nature(number, nature(20));
    }
    bus.job(1, 7, 1800);
    bus.run_until(3600);
    let (mut due, mut met) = (0, 0);
    for unit in 1..=8 {
        let (cycles, in_time) = bus.in_time(unit, 10, 20, 3570);
        due += cycles;
        met += in_time;
        let whole = bus.cycles(unit, 20, 3580);
        assert!(whole >= 352, "m{unit}: {whole} cycles of 356");
    }
    assert!(met * 100 >= due * 99, "{met} of {due} within their period");
    assert!(bus.marks().iter().all(|mark| mark.2.is_none()));
    let skipped: u64 = bus
        .planner
        .status()
        .meters
        .iter()
        .map(|meter| meter.skipped_cycles)
        .sum();
    assert_eq!(skipped, 0);
    assert_eq!(
        bus.jobs,
        [(7, Duration::ZERO)],
        "the job is through within the hour"
    );
    check_bursts(&bus, 900);
    bus.check_lengths();
}

#[test]
fn a_session_is_shortened_to_what_fits_and_never_reaches_over_a_sample() {
    let polls = [sample(60, &[(300, 4)]), every(5, WIDE)];
    let meters = (1..=4).map(|unit| meter(unit, &polls)).collect();
    let mut bus = Bus::new(meters).with_sessions(elsters(2));
    bus.job(1, 7, 500);
    bus.run_until(1200);
    check_bursts(&bus, 60);
    let holds: Vec<Duration> = bus.held.iter().map(|held| held.turn.hold_max).collect();
    assert!(
        holds.iter().all(|hold| *hold >= Duration::from_secs(3)),
        "{holds:?}"
    );
    assert!(
        holds.iter().any(|hold| *hold < Duration::from_secs(8)),
        "{holds:?}"
    );
    assert!(bus.marks().iter().all(|mark| mark.2.is_none()));
    for unit in 1..=4 {
        assert!(
            bus.cycles(unit, 0, 1200) >= 238,
            "{}",
            bus.cycles(unit, 0, 1200)
        );
    }
}

#[test]
fn a_line_without_room_still_gives_sessions_their_share() {
    let meters = (1..=4).map(|unit| meter(unit, &[always(WIDE)])).collect();
    let mut bus = Bus::new(meters).with_sessions(elsters(2));
    for number in 1..=2 {
        bus = bus.with_nature(number, nature(60));
    }
    bus.run_until(600);
    let held: Duration = bus.held.iter().map(|held| held.took).sum();
    let share = held.as_millis() * 1000 / 600_000;
    assert!((70..=130).contains(&share), "{share} per mille");
}

#[test]
fn meters_take_turns_and_so_do_people_and_the_schedule() {
    let mut bus = Bus::new(Vec::new()).with_sessions(elsters(3));
    for number in 1..=3 {
        bus = bus.with_nature(number, nature(60));
    }
    bus.job(1, 7, 60);
    bus.run_until(100);
    let scheduled: Vec<&str> = bus
        .held
        .iter()
        .filter(|held| held.turn.token.is_none())
        .filter_map(|held| held.turn.meter.as_ref().map(MeterId::as_str))
        .collect();
    assert!(scheduled.len() >= 5, "{scheduled:?}");
    for pair in scheduled[3..].windows(2) {
        assert_ne!(pair[0], pair[1], "{scheduled:?}");
    }
    let mut asked = bus.held.iter().map(|held| held.turn.token.is_some());
    let first = asked.next().unwrap();
    for is_asked in asked.take(8).scan(first, |last, now| {
        let turns = *last != now;
        *last = now;
        Some(turns)
    }) {
        assert!(is_asked, "people and the schedule take turns");
    }
}

#[test]
fn a_dead_session_meter_costs_the_others_little() {
    let alive = |count| {
        let meters = (1..=4)
            .map(|unit| meter(unit, &[every(10, WIDE)]))
            .collect();
        Bus::new(meters).with_sessions(elsters(count))
    };
    let dead = SessionNature {
        dead: vec![(0, u64::MAX)],
        ..SessionNature::default()
    };
    let mut bus = alive(4)
        .with_nature(1, dead.clone())
        .with_nature(2, dead.clone())
        .with_nature(3, dead)
        .with_nature(4, nature(10));
    bus.run_until(3600);
    let lost: Duration = bus
        .held
        .iter()
        .filter(|held| held.end == SessionEnd::Silent)
        .map(|held| held.took)
        .sum();
    assert!(lost < Duration::from_secs(90), "{lost:?} of an hour");
    for unit in 1..=4 {
        assert!(bus.cycles(unit, 10, 3590) >= 357);
    }
    let told = |id: &str| {
        let is_it =
            |h: &Happening| matches!(h, Happening::MeterSilent { meter } if meter.as_str() == id);
        bus.happened.iter().filter(|(_, h)| is_it(h)).count()
    };
    assert_eq!(
        [told("e1"), told("e2"), told("e3"), told("e4")],
        [1, 1, 1, 0]
    );
    assert!(bus.held.iter().any(|held| held.turn.is_probe));
}

#[test]
fn a_session_meter_is_read_when_it_is_back() {
    let nature = SessionNature {
        dead: vec![(0, 600)],
        ..nature(5)
    };
    let mut bus = Bus::new(Vec::new())
        .with_sessions(elsters(1))
        .with_nature(1, nature);
    bus.run_until(1200);
    let back = bus
        .happened
        .iter()
        .find(|(_, h)| matches!(h, Happening::MeterBack { .. }));
    let (at, _) = back.expect("it came back");
    assert!((600..=910).contains(&at.as_secs()), "{at:?}");
    let good = bus
        .held
        .iter()
        .filter(|held| matches!(held.end, SessionEnd::Worked { .. }));
    assert_eq!(
        good.count(),
        1,
        "its cycle was done in the session that found it"
    );
}

#[test]
fn sessions_that_break_become_rare() {
    let nature = SessionNature {
        breaks: vec![(0, u64::MAX)],
        ..nature(5)
    };
    let mut bus = Bus::new(Vec::new())
        .with_sessions(elsters(1))
        .with_nature(1, nature);
    bus.run_until(3600);
    assert!((12..=22).contains(&bus.held.len()), "{}", bus.held.len());
    let silent = bus
        .happened
        .iter()
        .filter(|(_, h)| matches!(h, Happening::MeterSilent { .. }));
    assert_eq!(silent.count(), 0, "it answers");
}

#[test]
fn a_meter_without_a_profile_is_sampled_at_its_marks() {
    let polls = [sample(900, &[(300, 4)])];
    let meters = (1..=8).map(|unit| meter(unit, &polls)).collect();
    let sampled = session_meter(1, &[HOUR, quarter()]);
    let mut bus = Bus::new(meters).with_sessions(vec![sampled, session_meter(2, &[HOUR])]);
    bus = bus.with_nature(2, nature(600));
    bus.run_until(3700);
    let samples: Vec<(u64, u64)> = bus
        .held
        .iter()
        .filter_map(|held| {
            let end = bus.utc_origin + u64::try_from((held.at + held.took).as_millis()).unwrap();
            Some((end, held.turn.mark?.millis()))
        })
        .collect();
    assert_eq!(samples.len(), 5, "{samples:?}");
    for (end, mark) in &samples[1..] {
        assert!(end.abs_diff(*mark) < 3_000, "{end} for {mark}");
    }
    assert!(bus.marks().iter().all(|mark| mark.2.is_none()));
    check_bursts(&bus, 900);
}

#[test]
fn the_mark_of_a_silent_session_meter_is_missed_once() {
    let dead = SessionNature {
        dead: vec![(100, 2_000)],
        ..SessionNature::default()
    };
    let mut bus = Bus::new(Vec::new())
        .with_sessions(vec![session_meter(1, &[quarter()])])
        .with_nature(1, dead);
    bus.run_until(3700);
    let sampled: Vec<u64> = bus
        .held
        .iter()
        .filter(|held| matches!(held.end, SessionEnd::Worked { .. }))
        .filter_map(|held| Some(held.turn.mark?.seconds() - EPOCH))
        .collect();
    assert_eq!(sampled, [0, 2700, 3600]);
    let missed: Vec<(u64, Option<Why>)> = bus.marks().iter().map(|mark| (mark.1, mark.2)).collect();
    assert_eq!(
        missed,
        [(900, Some(Why::Silent)), (1800, Some(Why::Silent))]
    );
}

#[test]
fn what_somebody_asks_of_the_line_may_outlast_polls_but_not_samples() {
    let polls = [sample(60, &[(300, 4)]), every(2, WIDE)];
    let mut bus = Bus::new(vec![meter(1, &polls)]);
    let request = SessionRequest {
        meter: None,
        token: 3,
        hold_min: Duration::from_secs(1),
        hold_max: Duration::from_mins(10),
        respect: Respect::Samples,
    };
    bus.planner.ask_session(request).unwrap();
    bus.jobs.push((3, Duration::from_secs(100)));
    bus.run_until(300);
    check_bursts(&bus, 60);
    assert!(
        bus.held
            .iter()
            .any(|held| held.took > Duration::from_secs(40))
    );
    assert_eq!(bus.jobs, [(3, Duration::ZERO)]);
    assert!(bus.marks().iter().all(|mark| mark.2.is_none()));
}

#[test]
fn nobody_is_asked_once_nobody_wants_it() {
    let mut bus = Bus::new(Vec::new())
        .with_sessions(elsters(1))
        .with_nature(1, nature(2));
    bus.job(1, 7, 600);
    bus.run_until(60);
    bus.planner.forget_session(7);
    let before = bus.held.len();
    bus.run_until(600);
    assert_eq!(bus.held.len(), before);
    for token in 0..8 {
        bus.job(1, token, 1);
    }
    let request = SessionRequest {
        meter: None,
        token: 9,
        hold_min: Duration::ZERO,
        hold_max: Duration::ZERO,
        respect: Respect::Polls,
    };
    let busy = CommandRefused::Busy { waiting: 8 };
    assert_eq!(bus.planner.ask_session(request), Err(busy));
}

#[test]
fn a_session_that_is_never_reported_is_broken() {
    let mut bus = Bus::new(Vec::new()).with_sessions(elsters(1));
    let Next::Session(turn) = bus.planner.next(bus.now()) else {
        panic!("no session");
    };
    assert_eq!(turn.due, [PollId(0)]);
    bus.now += SIGN_ON;
    assert!(matches!(bus.planner.next(bus.now()), Next::WaitUntil(_)));
    let end = SessionEnd::Silent;
    assert!(bus.planner.session_done(&turn, &end, bus.now()).is_empty());
    assert_eq!(bus.planner.status().meters[0].state, MeterState::Healthy);
}

#[test]
fn unchanged_session_meters_are_not_disturbed() {
    let dead = SessionNature {
        dead: vec![(0, u64::MAX)],
        ..SessionNature::default()
    };
    let mut bus = Bus::new(vec![meter(9, &[every(5, WIDE)])])
        .with(9, Nature::default())
        .with_sessions(elsters(2))
        .with_nature(1, dead);
    bus.run_until(120);
    let before = bus.planner.status();
    let mut renamed = session_meter(1, &[HOUR]);
    renamed.id = "other-name".parse().unwrap();
    let now = bus.now();
    bus.planner
        .replace_sessions(vec![renamed, session_meter(2, &[HOUR])], now);
    let after = bus.planner.status();
    assert_eq!(
        after.meters[1].state, before.meters[1].state,
        "known by its address"
    );
    assert_eq!(after.meters[2], before.meters[2]);
    let id: MeterId = "e2".parse().unwrap();
    assert!(bus.planner.session_due(&id, PollId(0), now));
    assert!(!bus.planner.session_due(&id, PollId(0), now), "due already");
    assert!(!bus.planner.session_due(&id, PollId(5), now));
}

/// Asks for so many sessions in a row, as an order does, and runs until all were held. When the line was
/// asked for it and when it had it.
fn order(bus: &mut Bus, token: u64, sessions: u64) -> (Duration, Duration) {
    let request = SessionRequest {
        meter: None,
        token,
        hold_min: Duration::from_secs(4),
        hold_max: Duration::from_secs(30),
        respect: Respect::SamplesAtOnce,
    };
    let asked = bus.now;
    bus.planner.ask_session(request).unwrap();
    // Two seconds of each session go into the sign-on.
    bus.jobs.push((
        token,
        Duration::from_secs(2) * u32::try_from(sessions).unwrap(),
    ));
    let begun = |bus: &Bus| {
        let mut held = bus.held.iter();
        held.find(|held| held.turn.token == Some(token))
            .map(|held| held.at)
    };
    while begun(bus).is_none() {
        bus.step(Duration::from_secs(100_000));
    }
    (asked, begun(bus).unwrap())
}

fn longest_exchange(bus: &Bus) -> Duration {
    let pairs = bus.sent.windows(2);
    let polls = pairs.filter(|pair| {
        !bus.held
            .iter()
            .any(|held| (pair[0].at..pair[1].at).contains(&held.at))
    });
    polls
        .map(|pair| pair[1].at.saturating_sub(pair[0].at))
        .max()
        .unwrap()
}

#[test]
fn an_order_waits_for_one_exchange_on_a_line_that_is_polled_without_pause() {
    let mut bus = Bus::new((1..=6).map(|unit| meter(unit, &[always(WIDE)])).collect());
    for token in 0..50 {
        bus.run_until(20 + token * 21);
        bus.step(Duration::from_secs(100_000));
        let (asked, begun) = order(&mut bus, token, 1);
        let waited = begun.saturating_sub(asked);
        assert!(waited <= longest_exchange(&bus), "{token}: {waited:?}");
    }
}

#[test]
fn orders_without_end_leave_polls_half_of_the_line() {
    let mut bus = Bus::new((1..=6).map(|unit| meter(unit, &[always(WIDE)])).collect());
    bus.run_until(10);
    order(&mut bus, 1, 1000);
    bus.run_until(610);
    let held: Duration = bus.held.iter().map(|held| held.took).sum();
    assert!((250..=310).contains(&held.as_secs()), "{held:?}");
}

#[test]
fn an_order_spares_the_samples_of_interval_ends() {
    let polls = [sample(60, &[(300, 4)]), always(WIDE)];
    let mut bus = Bus::new((1..=6).map(|unit| meter(unit, &polls)).collect());
    bus.run_until(10);
    order(&mut bus, 1, 1000);
    bus.run_until(1800);
    check_bursts(&bus, 60);
    assert!(bus.held.len() > 100, "{}", bus.held.len());
    assert!(bus.marks().iter().all(|mark| mark.2.is_none()));
}

#[test]
fn what_others_asked_for_before_does_not_keep_an_order_waiting() {
    let mut bus = Bus::new((1..=6).map(|unit| meter(unit, &[always(WIDE)])).collect())
        .with_sessions(elsters(1))
        .with_nature(1, nature(600));
    bus.run_until(10);
    bus.job(1, 7, 600);
    let (asked, begun) = order(&mut bus, 8, 1);
    assert!(begun.saturating_sub(asked) < Duration::from_millis(500));
}
