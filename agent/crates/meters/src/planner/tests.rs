mod bus;
mod properties;
mod sessions;

use super::*;
use bus::{Bus, EPOCH, Nature, always, every, meter, sample, span};

/// Values of a full meter: two blocks.
const WIDE: &[(u16, u16)] = &[(10, 2), (12, 2), (14, 2), (16, 4), (200, 2), (202, 2)];

/// Rate of the living, per mille of their rate on a bus without the dead.
fn rate(living: u8, dead: u8, poll: &Poll) -> usize {
    let meters = |count| {
        (1..=count)
            .map(|unit| meter(unit, std::slice::from_ref(poll)))
            .collect()
    };
    let mut alone = Bus::new(meters(living));
    let mut mixed = Bus::new(meters(living + dead));
    for unit in living + 1..=living + dead {
        mixed = mixed.dead(unit, 0, u64::MAX);
    }
    alone.run_until(310);
    mixed.run_until(310);
    mixed.check_lengths();
    mixed.check_only_probes_after_silence();
    let cycles = |bus: &Bus| {
        (1..=living)
            .map(|unit| bus.cycles(unit, 10, 310))
            .sum::<usize>()
    };
    assert!(cycles(&alone) > 800, "{}", cycles(&alone));
    cycles(&mixed) * 1000 / cycles(&alone)
}

#[test]
fn dead_meters_cost_the_others_little() {
    // The line is full, so that every lost moment shows.
    let full = always(WIDE);
    let one_of_four = rate(3, 1, &full);
    assert!(one_of_four >= 950, "1 of 4 dead: {one_of_four} per mille");
    let three_of_six = rate(3, 3, &full);
    assert!(three_of_six >= 980, "3 of 6 dead: {three_of_six} per mille");
    let most = rate(3, 20, &full);
    assert!(most >= 980, "20 of 23 dead: {most} per mille");
    // The line has time to spare: nothing is lost at all.
    assert!(rate(3, 1, &every(1, WIDE)) >= 999);
    assert!(rate(3, 3, &every(1, WIDE)) >= 999);
}

#[test]
fn probes_of_many_dead_meters_stay_below_a_twentieth_of_the_line() {
    let meters = (1..=32)
        .map(|unit| meter(unit, &[every(5, WIDE)]))
        .collect();
    let mut bus = Bus::new(meters);
    for unit in 2..=32 {
        bus = bus.dead(unit, 0, u64::MAX);
    }
    bus.run_until(1200);
    let lost: usize = bus
        .sent
        .iter()
        .filter(|sent| !sent.answered && sent.at.as_secs() >= 60)
        .count();
    // Each costs about a third of a second.
    assert!((20..=1140 * 3 / 20).contains(&lost), "{lost} in 1140 s");
}

#[test]
fn a_meter_comes_back_with_its_first_answered_probe() {
    let mut bus = Bus::new(vec![
        meter(1, &[every(1, WIDE)]),
        meter(2, &[every(1, WIDE)]),
    ]);
    bus = bus.dead(1, 20, 60);
    bus.run_until(200);
    let told: Vec<(u64, &Happening)> = bus
        .happened
        .iter()
        .filter(|(_, h)| !matches!(h, Happening::PollDone { .. }))
        .map(|(at, h)| (at.as_secs(), h))
        .collect();
    let [
        (silent, Happening::MeterSilent { .. }),
        (back, Happening::MeterBack { .. }),
    ] = told[..]
    else {
        panic!("{told:?}");
    };
    assert!((21..=23).contains(&silent), "{silent}");
    assert!((60..=105).contains(&back), "{back}");
    assert!(bus.cycles(1, back + 1, back + 11) >= 10);
    assert!(bus.cycles(2, 20, 60) >= 39);
    let skipped = bus.planner.status().meters[0].skipped_cycles;
    assert!(skipped <= 1, "{skipped}: it was away, the line had time");
    bus.check_only_probes_after_silence();
}

#[test]
fn one_lost_frame_costs_a_second() {
    let mut bus = Bus::new(vec![meter(1, &[every(1, WIDE)])]);
    let mut lost = false;
    while bus.now.as_secs() < 40 {
        let Next::Exchange(exchange) = bus.planner.next(bus.now()) else {
            bus.step(Duration::from_secs(40));
            continue;
        };
        let is_lost = bus.now.as_secs() == 20 && !lost;
        lost |= is_lost;
        let outcome = if is_lost {
            Outcome::Silent
        } else {
            words(&bus, &exchange)
        };
        bus.run_exchange(&exchange, Duration::from_millis(50), &outcome);
    }
    assert!(bus.cycles(1, 0, 40) >= 37, "{}", bus.cycles(1, 0, 40));
    assert!(
        bus.happened
            .iter()
            .all(|(_, h)| matches!(h, Happening::PollDone { .. }))
    );
}

fn words(bus: &Bus, exchange: &Exchange) -> Outcome {
    Outcome::Words {
        words: vec![0; usize::from(exchange.span.count)],
        left_at: Moment::new(bus.now),
        arrived_at: Moment::new(bus.now + Duration::from_millis(50)),
    }
}

#[test]
fn a_dark_line_is_asked_all_over_when_one_meter_is_back() {
    let meters = (1..=12)
        .map(|unit| meter(unit, &[every(2, WIDE)]))
        .collect();
    let mut bus = Bus::new(meters);
    for unit in 1..=12 {
        bus = bus.dead(unit, 30, 600);
    }
    bus.run_until(900);
    let backs: Vec<u64> = bus
        .happened
        .iter()
        .filter(|(_, h)| matches!(h, Happening::MeterBack { .. }))
        .map(|(at, _)| at.as_secs())
        .collect();
    assert_eq!(backs.len(), 12);
    assert!(backs[11] - backs[0] <= 2, "{backs:?}");
}

#[test]
fn a_command_waits_for_one_exchange() {
    let polls = [always(WIDE), sample(5, &[(300, 4)])];
    let mut bus = Bus::new((1..=4).map(|unit| meter(unit, &polls)).collect());
    let end = Duration::from_mins(1);
    for token in 0..200_u64 {
        for _ in 0..token % 7 {
            bus.step(end);
        }
        bus.command(u8::try_from(token % 4 + 1).unwrap(), token);
        let before = bus.sent.len();
        while !bus.step(end) {}
        while !bus.step(end) {}
        let sent = &bus.sent[before..];
        assert!(
            sent.iter()
                .any(|sent| sent.exchange.class == Class::Command),
            "{sent:?}"
        );
    }
    bus.run_until(100);
    let done = bus
        .happened
        .iter()
        .filter(|(_, h)| matches!(h, Happening::CommandDone { .. }));
    assert_eq!(done.count(), 200);
    bus.check_lengths();
}

#[test]
fn commands_are_limited_and_must_name_a_meter() {
    let mut bus = Bus::new(vec![meter(1, &[every(5, WIDE)])]);
    for token in 0..8 {
        bus.command(1, token);
    }
    let request = |id: &str| CommandRequest {
        meter: id.parse().unwrap(),
        spans: vec![span(0, 2)],
        token: 9,
    };
    let busy = CommandRefused::Busy { waiting: 8 };
    assert_eq!(bus.planner.command(request("m1")), Err(busy));
    bus.run_until(5);
    let stranger = CommandRefused::UnknownMeter("m9".parse().unwrap());
    assert_eq!(bus.planner.command(request("m9")), Err(stranger));
    assert_eq!(bus.planner.command(request("m1")), Ok(()));
    let greedy = CommandRequest {
        spans: vec![span(0, 2); 257],
        ..request("m1")
    };
    let (asked, most) = (257, 256);
    let too_much = CommandRefused::TooMuch { asked, most };
    assert_eq!(bus.planner.command(greedy), Err(too_much));
}

#[test]
fn a_command_to_a_silent_meter_is_answered_at_once() {
    let mut bus = Bus::new(vec![meter(1, &[every(1, WIDE)])]).dead(1, 0, 100);
    bus.run_until(30);
    bus.command(1, 7);
    bus.run_until(32);
    let failed = bus.happened.iter().any(|(_, h)| {
        matches!(h, Happening::CommandDone { token: 7, failed, .. } if failed[0].1 == Why::Silent)
    });
    assert!(failed, "{:?}", bus.happened);
    bus.check_only_probes_after_silence();
}

#[test]
fn a_command_ends_whatever_the_probe_brings() {
    let mut bus = Bus::new(vec![meter(1, &[every(600, WIDE)])]);
    let Next::Exchange(exchange) = bus.planner.next(bus.now()) else {
        panic!("nothing sent");
    };
    bus.run_exchange(&exchange, Duration::from_millis(300), &Outcome::Silent);
    bus.command(1, 7);
    for _ in 0..20 {
        if let Next::Exchange(exchange) = bus.planner.next(bus.now()) {
            bus.run_exchange(&exchange, Duration::from_millis(20), &Outcome::Damaged);
        }
    }
    assert!(bus.sent.len() <= 3, "{:?}", bus.sent);
    assert_eq!(bus.planner.status().commands, 0);
}

#[test]
fn no_class_starves() {
    let polls = [always(WIDE), sample(1, WIDE)];
    let mut bus = Bus::new((1..=8).map(|unit| meter(unit, &polls)).collect());
    let end = Duration::from_mins(5);
    let mut token = 0;
    while bus.now < end {
        while bus.planner.status().commands < 4 {
            token += 1;
            bus.command(u8::try_from(token % 8 + 1).unwrap(), token);
        }
        bus.step(end);
    }
    let mut time = [Duration::ZERO; 3];
    for pair in bus.sent.windows(2) {
        let place = match pair[0].exchange.class {
            Class::Command => 0,
            Class::Scheduled => 1,
            Class::Background => 2,
        };
        time[place] += pair[1].at.saturating_sub(pair[0].at);
    }
    let share = time.map(|time| time.as_millis() * 1000 / end.as_millis());
    assert!(
        share[0] >= 450 && share[1] >= 250 && share[2] >= 90,
        "{share:?}"
    );
    bus.check_lengths();
}

#[test]
fn the_earliest_deadline_goes_first() {
    let quick = every(1, &[(100, 2)]);
    let slow = every(60, WIDE);
    let mut meters: Vec<PlannedMeter> = (1..=12)
        .map(|unit| meter(unit, std::slice::from_ref(&slow)))
        .collect();
    meters.push(meter(20, &[quick]));
    let mut bus = Bus::new(meters);
    bus.run_until(120);
    assert!(bus.cycles(20, 0, 120) >= 119);
    for unit in 1..=12 {
        assert!(bus.cycles(unit, 0, 120) >= 2, "{unit}");
    }
}

#[test]
fn of_two_overdue_polls_the_one_that_was_due_first_goes_first() {
    let polls = |seconds| [every(seconds, &[(100, 2)])];
    let mut bus = Bus::new(vec![meter(1, &polls(60)), meter(2, &polls(1))]);
    bus.now = Duration::from_secs(61);
    bus.step(Duration::from_secs(62));
    assert_eq!(bus.sent[0].exchange.unit, 2);
}

#[test]
fn a_single_refusal_is_not_believed() {
    let mut bus = Bus::new(vec![meter(1, &[every(5, &[(10, 2)])])]);
    for place in 0..60 {
        let Next::Exchange(exchange) = bus.planner.next(bus.now()) else {
            bus.step(Duration::from_mins(10));
            continue;
        };
        // A copy of an exception now and then, never for a repeat.
        let outcome = if place % 4 == 0 {
            Outcome::Exception(2)
        } else {
            words(&bus, &exchange)
        };
        bus.run_exchange(&exchange, Duration::from_millis(50), &outcome);
    }
    assert!(bus.cycles(1, 0, 600) >= 15);
    assert!(bus.planner.status().meters[0].refused.is_empty());
}

#[test]
fn no_meter_is_served_twice_while_another_waits() {
    let mut bus = Bus::new((1..=3).map(|unit| meter(unit, &[always(WIDE)])).collect());
    bus.run_until(60);
    for pair in bus.sent.windows(2) {
        assert_ne!(pair[0].exchange.unit, pair[1].exchange.unit);
    }
}

#[test]
fn three_answer_lengths_take_turns() {
    let mut bus = Bus::new(vec![meter(1, &[always(&[(10, 4)])])]);
    bus.run_until(10);
    let lengths: BTreeSetOfCounts = bus
        .sent
        .iter()
        .map(|sent| sent.exchange.span.count)
        .collect();
    assert_eq!(lengths, [4, 6, 8].into());
    for three in bus.sent.windows(3) {
        assert_ne!(three[0].exchange.span.count, three[2].exchange.span.count);
    }
    bus.check_lengths();
}

type BTreeSetOfCounts = std::collections::BTreeSet<u16>;

#[test]
fn where_nothing_can_be_padded_a_probe_goes_between() {
    let mut one = meter(1, &[always(&[(10, 4)])]);
    one.holes = vec![span(1, 9), span(14, 100)];
    let mut bus = Bus::new(vec![one]);
    bus.run_until(5);
    bus.check_lengths();
    let probes = bus
        .sent
        .iter()
        .filter(|sent| sent.exchange.is_probe())
        .count();
    assert!(probes + 1 >= bus.sent.len() / 2);
    assert_eq!(bus.planner.status().meters[0].unvaried_requests, 0);
}

#[test]
fn polls_start_spread_over_their_period() {
    let mut bus = Bus::new(
        (1..=10)
            .map(|unit| meter(unit, &[every(60, WIDE)]))
            .collect(),
    );
    bus.run_until(180);
    assert!(
        bus.sent[0].at < Duration::from_millis(1),
        "the first goes at once"
    );
    let second: Vec<Duration> = bus.sent.iter().map(|sent| sent.at).collect();
    let largest = second
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .skip(25)
        .max()
        .unwrap();
    assert!(largest < Duration::from_secs(7), "{largest:?}");
    for unit in 1..=10 {
        assert!(bus.cycles(unit, 0, 12) >= 1, "{unit} says something soon");
    }
}

#[test]
fn samples_straddle_their_mark() {
    // A background exchange takes a third of a second, and one is always due.
    let polls = [sample(60, &[(300, 4), (304, 4)]), always(&[(1000, 120)])];
    let mut bus = Bus::new((1..=16).map(|unit| meter(unit, &polls)).collect());
    bus.run_until(200);
    assert_eq!(bus.marks().len(), 48);
    assert!(bus.marks().iter().all(|mark| mark.2.is_none()));
    let mut offsets: Vec<(u64, i64)> = Vec::new();
    for (_, happening) in &bus.happened {
        let Happening::PollDone {
            mark: Some(mark),
            words,
            ..
        } = happening
        else {
            continue;
        };
        for answered in words {
            let taken = u64::try_from(answered.taken.since_origin().as_millis()).unwrap();
            let at = Timestamp::from_millis(bus.utc_origin + taken);
            offsets.push((mark.seconds() - EPOCH, at.millis_since(*mark)));
        }
    }
    for mark in [60, 120, 180] {
        let of_mark = offsets
            .iter()
            .filter(|offset| offset.0 == mark)
            .map(|offset| offset.1);
        let (first, last) = (of_mark.clone().min().unwrap(), of_mark.max().unwrap());
        assert!(first < 0 && last > 0, "{first} to {last}");
        assert!(
            (first + last).abs() < 80,
            "{first} to {last}: not in the middle"
        );
        assert!(last - first < 1_200, "{first} to {last}: disturbed");
    }
}

#[test]
fn a_silent_meters_mark_is_missed_at_once_or_after_its_probe() {
    let polls = [sample(60, &[(300, 4)]), every(5, WIDE)];
    let meters = vec![meter(1, &polls), meter(2, &polls)];
    let mut bus = Bus::new(meters).dead(1, 10, 400);
    bus.run_until(700);
    let marks = bus.marks();
    let of = |unit: &str| {
        marks
            .iter()
            .filter(|mark| mark.0 == unit)
            .collect::<Vec<_>>()
    };
    assert!(of("m2").iter().all(|mark| mark.2.is_none()));
    assert_eq!(of("m2").len(), of("m1").len());
    for (at, (_, mark, why)) in (1..).zip(of("m1")) {
        assert_eq!(*mark, at * 60, "each mark once, in order");
        if *mark < 400 {
            assert_eq!(*why, Some(Why::Silent), "{mark}");
        }
    }
    assert_eq!(of("m1").last().unwrap().2, None);
}

#[test]
fn a_meter_back_shortly_after_its_mark_is_still_sampled() {
    let polls = [sample(900, &[(300, 4)]), every(5, WIDE)];
    let mut bus = Bus::new(vec![meter(1, &polls)]).dead(1, 870, 897);
    bus.run_until(1000);
    assert_eq!(bus.marks(), [("m1".to_owned(), 900, None)]);
}

#[test]
fn a_gateway_started_shortly_after_a_mark_still_samples_it() {
    let mut bus = Bus::new(vec![meter(1, &[sample(60, &[(300, 4)])])]);
    bus.run_until(10);
    let (at, happening) = &bus.happened[0];
    assert!(*at < Duration::from_secs(1));
    let expected = Some(Timestamp::from_seconds(EPOCH));
    assert!(matches!(happening, Happening::PollDone { mark, .. } if *mark == expected));
}

#[test]
fn a_clock_set_forward_reports_the_marks_it_passed() {
    let mut bus = Bus::new(vec![meter(1, &[sample(60, &[(300, 4)])])]);
    bus.run_until(100);
    bus.utc_origin += 600_000;
    let now = bus.now();
    bus.planner.clock_stepped(now);
    bus.run_until(200);
    let (_, missed) = bus
        .happened
        .iter()
        .find(|(_, h)| matches!(h, Happening::MarkMissed { .. }))
        .unwrap();
    let Happening::MarkMissed {
        first, mark, why, ..
    } = missed
    else {
        panic!("{missed:?}");
    };
    assert_eq!(*why, Why::Clock);
    assert_eq!(first.seconds() - EPOCH, 120);
    assert_eq!(mark.seconds() - EPOCH, 660);
    let sampled: Vec<u64> = bus
        .marks()
        .iter()
        .filter(|m| m.2.is_none())
        .map(|m| m.1)
        .collect();
    assert_eq!(sampled, [60, 720, 780]);
}

#[test]
fn a_clock_set_back_samples_no_mark_twice() {
    let mut bus = Bus::new(vec![meter(1, &[sample(60, &[(300, 4)]), every(5, WIDE)])]);
    bus.run_until(300);
    bus.utc_origin -= 200_000;
    let now = bus.now();
    bus.planner.clock_stepped(now);
    bus.run_until(700);
    let marks: Vec<u64> = bus.marks().iter().map(|mark| mark.1).collect();
    assert_eq!(marks, [60, 120, 180, 240, 300, 360, 420, 480]);
    assert!(bus.marks().iter().all(|mark| mark.2.is_none()));
}

#[test]
fn a_clock_set_back_within_a_burst_begins_it_again_later() {
    let polls = [sample(60, &[(300, 4), (400, 4)])];
    let mut bus = Bus::new((1..=8).map(|unit| meter(unit, &polls)).collect());
    bus.run_until(20);
    let before = bus.sent.len();
    while bus.sent.len() < before + 3 {
        bus.step(Duration::from_mins(1));
    }
    let step = bus.now;
    bus.utc_origin -= 20_000;
    let now = bus.now();
    bus.planner.clock_stepped(now);
    bus.run_until(80);
    let (mut sampled, mut resampled) = (0, 0);
    for (_, happening) in &bus.happened {
        let Happening::PollDone { mark, words, .. } = happening else {
            continue;
        };
        if *mark == Some(Timestamp::from_seconds(EPOCH + 60)) {
            sampled += 1;
            assert_eq!(words.len(), 2);
            let late = words
                .iter()
                .filter(|value| value.taken.since_origin() > step);
            let late = late.count();
            assert_ne!(late, 1, "half of it is of another time");
            resampled += u32::from(late == 2);
        }
    }
    assert_eq!(
        (sampled, resampled),
        (8, 7),
        "one was through before the step"
    );
}

#[test]
fn a_value_hard_to_believe_is_read_again() {
    let mut bus = Bus::new(vec![meter(1, &[sample(60, &[(300, 4)])])]);
    bus.run_until(54);
    let id: MeterId = "m1".parse().unwrap();
    let mark = Timestamp::from_seconds(EPOCH + 60);
    let now = bus.now();
    assert!(bus.planner.read_again(&id, PollId(0), Some(mark), now));
    assert!(
        !bus.planner.read_again(&id, PollId(0), Some(mark), now),
        "one at a time"
    );
    assert!(!bus.planner.read_again(&id, PollId(7), Some(mark), now));
    let old = Timestamp::from_seconds(EPOCH);
    bus.run_until(56);
    assert!(
        !bus.planner
            .read_again(&id, PollId(0), Some(old), Now { utc: mark, ..now })
    );
    bus.run_until(140);
    let marks: Vec<u64> = bus.marks().iter().map(|mark| mark.1).collect();
    assert_eq!(marks, [60, 60, 120]);
    bus.check_lengths();
}

#[test]
fn only_changed_meters_are_disturbed() {
    let polls = [every(5, WIDE), sample(60, &[(300, 4)])];
    let meters: Vec<PlannedMeter> = (1..=3).map(|unit| meter(unit, &polls)).collect();
    let mut bus = Bus::new(meters.clone()).dead(2, 0, u64::MAX);
    bus.run_until(58);
    let before = bus.planner.status();
    let mut changed = meters;
    changed.remove(2);
    changed[0].polls[0].wanted.pop();
    changed.push(meter(4, &polls));
    let now = bus.now();
    bus.command(1, 1);
    bus.planner.replace(changed, now);
    let after = bus.planner.status();
    assert_eq!(
        after.meters[1], before.meters[1],
        "the back-off of an unchanged meter stays"
    );
    bus.run_until(100);
    assert_eq!(bus.cycles(3, 59, 100), 0);
    assert!(bus.cycles(4, 59, 100) >= 8);
    let marks = bus.marks();
    assert_eq!(
        marks
            .iter()
            .filter(|mark| mark.0 == "m1" && mark.1 == 60)
            .count(),
        1
    );
    assert!(bus.happened.iter().any(
        |(_, h)| matches!(h, Happening::CommandDone { failed, .. } if failed[0].1 == Why::Replaced)
    ));
    bus.check_lengths();
    bus.check_only_probes_after_silence();
}

#[test]
fn a_silent_meter_stays_silent_under_new_settings() {
    let meters = vec![meter(1, &[every(5, WIDE)]), meter(2, &[every(5, WIDE)])];
    let mut bus = Bus::new(meters.clone()).dead(2, 0, u64::MAX);
    bus.run_until(30);
    let mut renamed = meters;
    renamed[1].id = "other-name".parse().unwrap();
    let now = bus.now();
    bus.planner.replace(renamed, now);
    bus.run_until(100);
    bus.check_only_probes_after_silence();
}

#[test]
fn an_idle_bus_is_not_looked_at_often() {
    let meters = (1..=8).map(|unit| meter(unit, &[every(60, WIDE), sample(900, WIDE)]));
    let mut bus = Bus::new(meters.collect()).dead(3, 0, u64::MAX);
    bus.run_until(3600);
    assert!(
        bus.looks < bus.sent.len() * 4 + 600,
        "{} looks, {} sent",
        bus.looks,
        bus.sent.len()
    );
}

#[test]
fn a_block_that_is_ignored_does_not_hide_the_others() {
    // A firmware that does not answer at all where it should refuse.
    let mut bus = Bus::new(vec![meter(1, &[every(5, &[(10, 2), (200, 2)])])]);
    let end = Duration::from_mins(10);
    while bus.now < end {
        let Next::Exchange(exchange) = bus.planner.next(bus.now()) else {
            bus.step(end);
            continue;
        };
        let is_ignored = exchange.span.overlaps(span(200, 2));
        let outcome = if is_ignored {
            Outcome::Silent
        } else {
            words(&bus, &exchange)
        };
        bus.run_exchange(&exchange, Duration::from_millis(100), &outcome);
    }
    assert!(bus.cycles(1, 60, 600) > 90, "{}", bus.cycles(1, 60, 600));
    let silent = bus
        .sent
        .iter()
        .filter(|sent| !sent.answered && sent.at.as_secs() > 60);
    assert!(silent.count() <= 3, "left out for a quarter of an hour");
    bus.check_only_probes_after_silence();
}

#[test]
fn a_block_lost_now_and_then_is_not_left_out() {
    let mut bus = Bus::new(vec![meter(1, &[every(5, &[(10, 2), (200, 2)])])]);
    let mut of_block = 0;
    while bus.now < Duration::from_mins(10) {
        let Next::Exchange(exchange) = bus.planner.next(bus.now()) else {
            bus.step(Duration::from_mins(10));
            continue;
        };
        of_block += u32::from(exchange.span.overlaps(span(200, 2)));
        let is_lost = exchange.span.overlaps(span(200, 2)) && of_block % 10 == 0;
        let outcome = if is_lost {
            Outcome::Silent
        } else {
            words(&bus, &exchange)
        };
        bus.run_exchange(&exchange, Duration::from_millis(100), &outcome);
    }
    assert!(of_block > 100, "{of_block}");
}

#[track_caller]
fn check_refusals(code: u8, expected: &[Why]) {
    let mut bus = Bus::new(vec![meter(1, &[every(60, &[(10, 2)])])]);
    while bus.happened.is_empty() && bus.now.as_secs() < 30 {
        match bus.planner.next(bus.now()) {
            Next::Exchange(exchange) => {
                let took = Duration::from_millis(50);
                bus.run_exchange(&exchange, took, &Outcome::Exception(code));
            }
            Next::WaitUntil(until) => bus.now = until.since_origin(),
            Next::Session(turn) => panic!("{turn:?}"),
            Next::Happened(happened) => {
                bus.happened
                    .extend(happened.into_iter().map(|h| (Duration::ZERO, h)));
            }
        }
    }
    let whys: Vec<Why> = bus
        .happened
        .iter()
        .filter_map(|(_, h)| match h {
            Happening::PollDone { failed, .. } => failed.first().map(|entry| entry.1),
            _ => None,
        })
        .collect();
    assert_eq!(whys, expected, "exception {code}");
}

#[test]
fn exceptions_are_handled_by_code() {
    check_refusals(1, &[Why::Refused(1)]);
    check_refusals(2, &[Why::Refused(2)]);
    check_refusals(3, &[Why::Refused(3)]);
    check_refusals(4, &[Why::Exception(4)]);
    check_refusals(6, &[Why::Exception(6)]);
    check_refusals(11, &[Why::Silent]);
}

#[test]
fn exceptions_that_contradict_each_other_are_not_believed() {
    let mut bus = Bus::new(vec![meter(1, &[every(60, &[(10, 2)])])]);
    while bus.happened.is_empty() {
        let Next::Exchange(exchange) = bus.planner.next(bus.now()) else {
            panic!("nothing sent");
        };
        let code = if exchange.is_probe() {
            2
        } else {
            1 + u8::try_from(bus.sent.len() / 2 % 3).unwrap()
        };
        bus.run_exchange(
            &exchange,
            Duration::from_millis(20),
            &Outcome::Exception(code),
        );
    }
    assert!(bus.sent.len() < 24);
    assert!(bus.planner.status().meters[0].refused.is_empty());
}

#[test]
fn a_busy_meter_is_left_alone_for_a_while() {
    let mut bus = Bus::new(vec![meter(1, &[every(60, &[(10, 2)])])]);
    let mut sent = Vec::new();
    while bus.happened.is_empty() {
        match bus.planner.next(bus.now()) {
            Next::Exchange(exchange) => {
                sent.push(bus.now.as_millis());
                bus.run_exchange(&exchange, Duration::ZERO, &Outcome::Exception(6));
            }
            Next::WaitUntil(until) => bus.now = until.since_origin(),
            Next::Session(turn) => panic!("{turn:?}"),
            Next::Happened(_) => {}
        }
    }
    assert_eq!(sent, [0, 500, 1500, 3500]);
}

#[test]
fn a_line_that_is_gone_is_not_hammered_and_blames_no_meter() {
    let polls = [every(1, WIDE), sample(60, &[(300, 4)])];
    let mut bus = Bus::new(vec![meter(1, &polls)]);
    let mut tries = 0;
    while bus.now.as_secs() < 100 {
        match bus.planner.next(bus.now()) {
            Next::Exchange(exchange) => {
                tries += 1;
                bus.run_exchange(&exchange, Duration::ZERO, &Outcome::LineGone);
            }
            Next::WaitUntil(until) => bus.now = until.since_origin(),
            Next::Session(turn) => panic!("{turn:?}"),
            Next::Happened(happened) => {
                let at = bus.now;
                bus.happened.extend(happened.into_iter().map(|h| (at, h)));
            }
        }
    }
    assert!(tries <= 210, "{tries}");
    assert!(matches!(
        bus.planner.status().meters[0].state,
        MeterState::Doubtful { .. }
    ));
    assert!(
        bus.happened
            .iter()
            .all(|(_, h)| !matches!(h, Happening::MeterSilent { .. }))
    );
    assert_eq!(bus.marks(), [("m1".to_owned(), 60, Some(Why::LineGone))]);
    let now = bus.now();
    bus.planner.line_back(now);
    bus.run_until(150);
    assert_eq!(bus.marks().last().unwrap(), &("m1".to_owned(), 120, None));
}

#[test]
fn a_damaged_answer_is_asked_for_once_more() {
    let mut bus = Bus::new(vec![meter(1, &[every(60, &[(10, 2)])])]);
    while bus.happened.is_empty() {
        let Next::Exchange(exchange) = bus.planner.next(bus.now()) else {
            panic!("nothing sent");
        };
        bus.run_exchange(&exchange, Duration::from_millis(50), &Outcome::Damaged);
    }
    assert_eq!(bus.sent.len(), 2);
    bus.check_lengths();
}

#[test]
fn a_slow_meter_is_learned() {
    let slow = Nature {
        slow: true,
        ..Nature::default()
    };
    let mut bus = Bus::new(vec![meter(1, &[every(1, WIDE)])]).with(1, slow);
    bus.run_until(130);
    let learned = bus.planner.status().meters[0].turnaround;
    assert!(learned > Duration::from_millis(140) && learned < Duration::from_millis(160));
    assert!(bus.planner.status().busy_per_mille > 200);
}
