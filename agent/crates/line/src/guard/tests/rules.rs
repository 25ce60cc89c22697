//! One test per rule of the guard, at 9600 baud under paused time.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout};

use super::wire::{MS, REQUEST_OCTETS, TestLine, Words, answer, request, timing, wire};
use crate::{GuardSettings, GuardedLine, LineFault, Peer, Remedy};

#[track_caller]
pub(super) fn check_silent(outcome: Result<Vec<u16>, LineFault>) -> Duration {
    match outcome {
        Err(LineFault::Silent { waited, .. }) => waited,
        other => panic!("expected silence, got {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_handed_over_with_its_true_times() {
    let mut wire = wire(false, |_, request| vec![(40 * MS, answer(request))]);
    let octets = request(7, 1, 10);
    let begun = Instant::now();
    let pattern = Arc::new(Words { unit: 7, count: 10 });
    let got = wire
        .guard
        .exchange(Peer(7), Duration::ZERO, &octets, pattern)
        .await
        .unwrap();
    assert_eq!(got.bytes, answer(&octets));
    // Silence of 3.5 characters, rounded up by the paused clock, then the request.
    let left = (got.left_at - begun).as_micros();
    assert!((11_979..13_400).contains(&left), "{left}");
    let took = (got.arrived_at - got.left_at).as_micros();
    assert!((66_041..68_000).contains(&took), "{took}");
    let counters = wire.guard.counters();
    assert_eq!(
        (counters.requests, counters.answers, counters.silent),
        (1, 1, 0)
    );
    assert_eq!(
        (
            counters.stale_octets,
            counters.skipped_octets,
            counters.foreign_octets
        ),
        (0, 0, 0)
    );
    let usual = counters.peers[&Peer(7)].turnaround.usual().unwrap();
    assert!((40 * MS..42 * MS).contains(&usual), "{usual:?}");
    assert_eq!(counters.peers[&Peer(7)].histogram.buckets()[4], 1);
}

/// Each look costs the processor a wake-up.
#[tokio::test(start_paused = true)]
async fn the_rest_of_an_answer_is_waited_for_at_once_and_its_end_is_not_missed() {
    let mut wire = wire(false, |_, asked| vec![(40 * MS, answer(asked))]);
    for number in 1..6 {
        let begun = Instant::now();
        assert_eq!(wire.ask(7, number, 40).await.unwrap(), [number; 40]);
        // Silence, request, 85 octets; the paused clock rounds each of its waits up.
        let took = begun.elapsed();
        let least = timing().silence() + 40 * MS + timing().answer_time(REQUEST_OCTETS + 85);
        assert!((least..least + 3 * MS).contains(&took), "{took:?}");
    }
    let looks = wire.guard.line_mut().looks;
    assert!(looks < 5 * 10, "{looks} looks at five answers of 85 octets");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_ends_at_its_deadline_and_the_next_one_counts() {
    let mut wire = wire(false, |_, asked| {
        let mut octets = answer(asked);
        if asked[3] == 1 {
            octets.truncate(20);
        }
        vec![(40 * MS, octets)]
    });
    let begun = Instant::now();
    check_silent(wire.ask(7, 1, 40).await);
    let deadline = timing().silence() + 300 * MS + timing().answer_time(REQUEST_OCTETS + 85);
    let took = begun.elapsed();
    assert!((deadline..deadline + 4 * MS).contains(&took), "{took:?}");
    assert_eq!(wire.ask(7, 2, 1).await.unwrap(), [2]);
    assert_eq!(wire.guard.counters().stale_octets, 20);
}

#[tokio::test(start_paused = true)]
async fn rule_1_what_does_not_fit_is_skipped_and_counted() {
    let mut wire = wire(false, |_, asked| {
        let mut octets = answer(&request(9, 5, 10));
        octets.extend(answer(&request(7, 5, 9)));
        octets.extend([0xff; 30]);
        let skipped = octets.len();
        assert_eq!(skipped, 25 + 23 + 30);
        octets.extend(answer(asked));
        vec![(30 * MS, octets)]
    });
    assert_eq!(wire.ask(7, 1, 10).await.unwrap(), [1; 10]);
    assert_eq!(wire.guard.counters().skipped_octets, 78);
}

#[tokio::test(start_paused = true)]
async fn rule_2_the_line_is_held_until_the_deadline_and_no_longer() {
    let mut wire = wire(false, |_, _| vec![]);
    let waited = check_silent(wire.ask(7, 1, 10).await);
    // 300 ms and the line time of 25 octets.
    assert!((326 * MS..328 * MS).contains(&waited), "{waited:?}");
    assert_eq!(wire.guard.counters().silent, 1);
}

#[tokio::test(start_paused = true)]
async fn rule_2_a_slow_answer_is_used_and_counted_as_slow() {
    let mut wire = wire(false, |_, asked| {
        let after = if asked[3] == 40 { 250 * MS } else { 20 * MS };
        vec![(after, answer(asked))]
    });
    for number in 1..=40 {
        assert!(wire.ask(7, number, 10).await.is_ok());
    }
    let counters = wire.guard.counters();
    assert_eq!((counters.answers, counters.slow), (40, 1));
    // Twice the longest turnaround is now more than the floor.
    let longest = counters.peers[&Peer(7)].turnaround.longest();
    assert!((250 * MS..252 * MS).contains(&longest));
}

#[tokio::test(start_paused = true)]
async fn rule_2_the_deadline_grows_with_the_longest_turnaround_up_to_its_ceiling() {
    let mut wire = wire(false, |_, asked| match asked[0] {
        7 if asked[3] == 1 => vec![(290 * MS, answer(asked))],
        _ => vec![],
    });
    assert!(wire.ask(7, 1, 10).await.is_ok());
    let waited = check_silent(wire.ask(7, 2, 10).await);
    assert!((606 * MS..612 * MS).contains(&waited), "{waited:?}");
    // Another meter has taught nothing.
    let waited = check_silent(wire.ask(8, 3, 10).await);
    assert!(waited < 328 * MS, "{waited:?}");
    wire.guard
        .counters
        .peer(Peer(7))
        .turnaround
        .learn_late(Duration::from_mins(1));
    let waited = check_silent(wire.ask(7, 4, 10).await);
    assert!((3026 * MS..3028 * MS).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_4_a_late_frame_teaches_and_is_never_handed_over() {
    // Answers come 400 ms after their request, in order; the floor is 300 ms.
    let mut wire = wire(false, |_, asked| vec![(400 * MS, answer(asked))]);
    check_silent(wire.ask(7, 1, 10).await);
    // The probe: its deadline would pass before its answer, but the late frame extends it.
    assert_eq!(wire.ask(7, 2, 1).await.unwrap(), [2]);
    let counters = wire.guard.counters().clone();
    assert_eq!(
        (counters.late_frames, counters.silent, counters.answers),
        (1, 1, 1)
    );
    assert_eq!(counters.peers[&Peer(7)].late_frames, 1);
    let longest = counters.peers[&Peer(7)].turnaround.longest();
    assert!((400 * MS..405 * MS).contains(&longest), "{longest:?}");
    for number in 3..20 {
        assert_eq!(wire.ask(7, number, 10).await.unwrap(), [number; 10]);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_4_a_late_frame_of_another_meter_does_not_extend_this_exchange() {
    let mut wire = wire(false, |_, asked| match asked[0] {
        7 => vec![(400 * MS, answer(asked))],
        _ => vec![],
    });
    check_silent(wire.ask(7, 1, 10).await);
    let waited = check_silent(wire.ask(8, 2, 11).await);
    assert!(waited < 330 * MS, "{waited:?}");
    assert_eq!(wire.guard.counters().late_frames, 1);
}

#[tokio::test(start_paused = true)]
async fn rule_4_a_late_frame_that_nobody_listened_for_does_not_teach_its_whole_age() {
    let mut wire = wire(false, |_, asked| match asked[3] {
        1 => vec![(400 * MS, answer(asked))],
        _ => vec![(20 * MS, answer(asked))],
    });
    check_silent(wire.ask(7, 1, 10).await);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(wire.ask(7, 2, 1).await.unwrap(), [2]);
    let longest = wire.guard.counters().peers[&Peer(7)].turnaround.longest();
    assert!(longest < 660 * MS, "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_4_listening_while_idle_learns_the_true_age() {
    let mut wire = wire(false, |_, asked| vec![(700 * MS, answer(asked))]);
    check_silent(wire.ask(7, 1, 10).await);
    wire.guard
        .listen(Instant::now() + Duration::from_secs(2))
        .await
        .unwrap();
    let longest = wire.guard.counters().peers[&Peer(7)].turnaround.longest();
    assert!((700 * MS..705 * MS).contains(&longest), "{longest:?}");
    assert_eq!(wire.guard.counters().foreign_octets, 0);
}

#[tokio::test(start_paused = true)]
async fn rule_6_octets_from_before_the_request_left_belong_to_nobody() {
    // The very answer, but begun 3 ms after the request's first octet: nobody answers so soon.
    let (near, far) = tokio::io::duplex(4096);
    let mut guard = GuardedLine::new(TestLine::new(near), timing(), GuardSettings::default());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut far = far;
        let mut asked = [0; REQUEST_OCTETS];
        far.read_exact(&mut asked).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut far, &answer(&asked))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(9)).await;
    });
    let pattern = Arc::new(Words { unit: 7, count: 2 });
    let got = guard
        .exchange(Peer(7), Duration::ZERO, &request(7, 1, 2), pattern)
        .await;
    assert!(matches!(got, Err(LineFault::Silent { .. })), "{got:?}");
    guard.send_only(Duration::ZERO, &[1], MS).await.unwrap();
    assert_eq!(guard.counters().stale_octets, 9);
}

#[tokio::test(start_paused = true)]
async fn rule_6_what_lies_in_the_port_before_a_request_is_dropped() {
    let mut wire = wire(false, |_, asked| {
        // The copy ends while the next request waits for its silence.
        let late_copy = (2 * MS, answer(asked));
        vec![(Duration::ZERO, answer(asked)), (27 * MS, late_copy.1)]
    });
    for number in 1..10 {
        assert_eq!(wire.ask(7, number, 10).await.unwrap(), [number; 10]);
        tokio::time::sleep(50 * MS).await;
    }
    assert_eq!(wire.guard.counters().stale_octets, 8 * 25);
    assert_eq!(wire.guard.counters().foreign_octets, 8 * 25);
}

#[tokio::test(start_paused = true)]
async fn rule_7_a_damaged_answer_ends_the_exchange_after_a_short_silence() {
    let mut wire = wire(false, |_, asked| {
        let mut octets = answer(asked);
        octets[9] ^= 4;
        vec![(30 * MS, octets)]
    });
    let begun = Instant::now();
    match wire.ask(7, 1, 10).await {
        Err(fault @ LineFault::Damaged { octets: 25 }) => assert_eq!(fault.remedy(), Remedy::Retry),
        other => panic!("{other:?}"),
    }
    let took = begun.elapsed();
    // Silence, request, turnaround, answer, 20 ms.
    assert!((88 * MS..92 * MS).contains(&took), "{took:?}");
    assert_eq!(wire.guard.counters().damaged, 1);
}

#[tokio::test(start_paused = true)]
async fn rule_7_a_good_answer_right_behind_a_damaged_one_is_used() {
    let mut wire = wire(false, |_, asked| {
        let mut damaged = answer(asked);
        damaged[9] ^= 4;
        vec![(30 * MS, damaged), (30 * MS + 40 * MS, answer(asked))]
    });
    assert_eq!(wire.ask(7, 1, 10).await.unwrap(), [1; 10]);
}

#[tokio::test(start_paused = true)]
async fn rule_7_a_truncated_answer_holds_the_line_because_the_rest_may_come() {
    let mut wire = wire(false, |_, asked| {
        vec![(30 * MS, answer(asked)[..20].to_vec())]
    });
    let waited = check_silent(wire.ask(7, 1, 10).await);
    assert!(waited > 300 * MS);
    // And its rest, late, does not disturb the next.
    assert!(matches!(
        wire.ask(7, 1, 10).await,
        Err(LineFault::Silent { heard: 20, .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn rule_9_an_exchange_dropped_half_way_still_holds_the_line() {
    let mut wire = wire(false, |_, asked| vec![(100 * MS, answer(asked))]);
    let dropped = timeout(50 * MS, wire.ask(7, 1, 10)).await;
    assert!(dropped.is_err());
    let begun = Instant::now();
    assert_eq!(wire.ask(7, 2, 11).await.unwrap(), [2; 11]);
    let counters = wire.guard.counters();
    assert_eq!((counters.abandoned, counters.late_frames), (1, 1));
    // It waited for the deadline of the first, and only then asked.
    assert!(begun.elapsed() > 380 * MS, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_silence_precedes_every_request() {
    let (near, mut far) = tokio::io::duplex(4096);
    let mut guard = GuardedLine::new(TestLine::new(near), timing(), GuardSettings::default());
    let mut tasks = tokio::task::JoinSet::new();
    let gaps = tasks.spawn(async move {
        let mut last = Instant::now();
        for _ in 0..40 {
            let mut asked = [0; REQUEST_OCTETS];
            far.read_exact(&mut asked).await.unwrap();
            assert!(last.elapsed() >= timing().silence(), "{:?}", last.elapsed());
            tokio::time::sleep(timing().request_time(REQUEST_OCTETS) + 5 * MS).await;
            tokio::io::AsyncWriteExt::write_all(&mut far, &answer(&asked))
                .await
                .unwrap();
            last = Instant::now();
        }
    });
    for number in 0..40 {
        let pattern = Arc::new(Words { unit: 7, count: 3 });
        let octets = request(7, number, 3);
        guard
            .exchange(Peer(7), Duration::ZERO, &octets, pattern)
            .await
            .unwrap();
    }
    assert!(tasks.join_next().await.unwrap().is_ok(), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_meter_may_ask_for_more_silence() {
    let mut wire = wire(false, |_, asked| vec![(5 * MS, answer(asked))]);
    assert!(wire.ask(7, 1, 3).await.is_ok());
    let begun = Instant::now();
    let pattern = Arc::new(Words { unit: 7, count: 3 });
    let got = wire
        .guard
        .exchange(Peer(7), 50 * MS, &request(7, 2, 3), pattern)
        .await
        .unwrap();
    assert!(got.left_at - begun >= 58 * MS);
}
