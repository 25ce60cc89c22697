//! Echo, ports that fail, noise, broadcasts, and the trace.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout};

use super::rules::check_silent;
use super::wire::{
    MS, REQUEST_OCTETS, TestLine, Words, answer, request, settings, summed, timing, wire,
};
use crate::limits::HEARD_OCTETS_MAX;
use crate::{Find, GuardSettings, GuardedLine, LineFault, LineTiming, Pattern, Peer, Remedy, Use};

/// The request itself, as a write is confirmed.
#[derive(Debug)]
struct Copy(Vec<u8>);

impl Pattern for Copy {
    fn find(&self, heard: &[u8]) -> Find {
        let len = self.0.len();
        let at = heard.windows(len).position(|window| window == self.0);
        at.map_or(Find::NotYet, |at| Find::Found { at, len })
    }

    fn longest(&self) -> usize {
        self.0.len()
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_is_detected_once_and_taken_out() {
    let mut wire = wire(true, |_, asked| vec![(30 * MS, answer(asked))]);
    assert_eq!(wire.guard.counters().echoes, None);
    for number in 1..6 {
        assert_eq!(wire.ask(7, number, 10).await.unwrap(), [number; 10]);
    }
    let counters = wire.guard.counters();
    assert_eq!((counters.echoes, counters.echo_octets), (Some(true), 40));
    assert_eq!((counters.stale_octets, counters.skipped_octets), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_echo_never_passes_for_the_confirmation_of_a_write() {
    // The write is never answered; all that comes back is its echo.
    let mut wire = wire(true, |_, asked| match asked[1] {
        3 => vec![(30 * MS, answer(asked))],
        _ => vec![],
    });
    let write = summed(vec![7, 6, 0, 1, 0, 2]);
    let confirmed = || Arc::new(Copy(write.clone()));
    let got = wire
        .guard
        .exchange(Peer(7), Duration::ZERO, &write, confirmed())
        .await;
    assert!(matches!(got, Err(LineFault::EchoUnknown)), "{got:?}");
    assert_eq!(wire.guard.counters().requests, 0);
    assert!(wire.ask(7, 1, 10).await.is_ok());
    let got = wire
        .guard
        .exchange(Peer(7), Duration::ZERO, &write, confirmed())
        .await;
    assert!(
        matches!(got, Err(LineFault::Silent { heard: 0, .. })),
        "{got:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_is_confirmed_on_lines_with_and_without_echo() {
    for echo in [false, true] {
        let mut wire = wire(echo, |_, asked| match asked[1] {
            3 => vec![(30 * MS, answer(asked))],
            _ => vec![(30 * MS, asked.to_vec())],
        });
        assert!(wire.ask(7, 1, 10).await.is_ok());
        assert_eq!(wire.guard.counters().echoes, Some(echo));
        let write = summed(vec![7, 6, 0, 1, 0, 2]);
        let pattern = Arc::new(Copy(write.clone()));
        let got = wire
            .guard
            .exchange(Peer(7), Duration::ZERO, &write, pattern)
            .await
            .unwrap();
        assert_eq!(got.bytes, write);
        assert!(got.arrived_at - got.left_at > 30 * MS);
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_ends_is_noticed() {
    let mut wire = wire(true, |_, asked| vec![(30 * MS, answer(asked))]);
    assert!(wire.ask(7, 1, 10).await.is_ok());
    assert_eq!(wire.guard.counters().echoes, Some(true));
    let (near, mut far) = tokio::io::duplex(4096);
    wire.guard.line = TestLine::new(near);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        loop {
            let mut asked = [0; REQUEST_OCTETS];
            far.read_exact(&mut asked).await.unwrap();
            tokio::time::sleep(30 * MS).await;
            tokio::io::AsyncWriteExt::write_all(&mut far, &answer(&asked))
                .await
                .unwrap();
        }
    });
    for number in 2..=5 {
        assert!(wire.ask(7, number, 10).await.is_ok());
    }
    assert_eq!(wire.guard.counters().echoes, Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_written_in_as_many_parts_as_the_port_takes() {
    let (near, mut far) = tokio::io::duplex(3);
    let mut guard = GuardedLine::new(
        TestLine::new(near),
        LineTiming::stream(),
        GuardSettings::default(),
    );
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut asked = [0; REQUEST_OCTETS];
        far.read_exact(&mut asked).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut far, &answer(&asked))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(9)).await;
    });
    let pattern = Arc::new(Words { unit: 7, count: 10 });
    let got = guard
        .exchange(Peer(7), Duration::ZERO, &request(7, 1, 10), pattern)
        .await;
    assert_eq!(got.unwrap().bytes, answer(&request(7, 1, 10)));
}

#[tokio::test(start_paused = true)]
async fn a_port_that_takes_nothing_is_gone() {
    let (near, _far) = tokio::io::duplex(3);
    let mut guard = GuardedLine::new(TestLine::new(near), timing(), GuardSettings::default());
    let pattern = Arc::new(Words { unit: 7, count: 10 });
    let got = guard
        .exchange(Peer(7), Duration::ZERO, &request(7, 1, 10), pattern)
        .await;
    assert!(matches!(got, Err(LineFault::Gone(_))), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unplugged_port_is_gone_at_once_and_for_good() {
    let (near, far) = tokio::io::duplex(64);
    let mut guard = GuardedLine::new(TestLine::new(near), timing(), GuardSettings::default());
    drop(far);
    let begun = Instant::now();
    for _ in 0..3 {
        let pattern = Arc::new(Words { unit: 7, count: 10 });
        let got = guard
            .exchange(Peer(7), Duration::ZERO, &request(7, 1, 10), pattern)
            .await;
        match got {
            Err(fault @ LineFault::Gone(_)) => assert_eq!(fault.remedy(), Remedy::Reopen),
            other => panic!("{other:?}"),
        }
        assert!(guard.listen(Instant::now() + MS).await.is_err());
    }
    assert!(begun.elapsed() < 10 * MS);
    // Not even if the handle came back to life: somebody else may have used the line meanwhile.
    let (near, _far) = tokio::io::duplex(64);
    guard.line = TestLine::new(near);
    let gone = guard.listen(Instant::now() + MS).await;
    assert!(matches!(gone, Err(LineFault::Gone(_))), "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn much_junk_is_not_kept_and_the_answer_behind_it_is_found() {
    let junk = || {
        wire(false, |_, asked| {
            let mut octets = vec![0x55; 2500];
            octets.extend(answer(asked));
            vec![(10 * MS, octets)]
        })
    };
    // 2500 octets take 2.6 s; the meter is known to be slow.
    let mut dropped = junk();
    let slow = Duration::from_secs(2);
    dropped
        .guard
        .counters
        .peer(Peer(7))
        .turnaround
        .learn_late(slow);
    assert!(timeout(slow, dropped.ask(7, 1, 10)).await.is_err());
    let kept = dropped.guard.heard.len();
    assert_eq!(kept, HEARD_OCTETS_MAX);
    let mut wire = junk();
    wire.guard
        .counters
        .peer(Peer(7))
        .turnaround
        .learn_late(slow);
    assert_eq!(wire.ask(7, 1, 10).await.unwrap(), [1; 10]);
    assert_eq!(wire.guard.counters().skipped_octets, 2500);
}

#[tokio::test(start_paused = true)]
async fn what_a_meter_answers_ends_everything_it_was_asked_before() {
    // The first request is never answered; what comes at the end only looks like its answer.
    let mut wire = wire(false, |_, asked| match asked[3] {
        1 => vec![],
        2 => vec![(30 * MS, answer(asked))],
        _ => vec![(
            30 * MS,
            [answer(&request(7, 1, 10)), answer(asked)].concat(),
        )],
    });
    check_silent(wire.ask(7, 1, 10).await);
    assert_eq!(wire.ask(7, 2, 1).await.unwrap(), [2]);
    assert_eq!(wire.ask(7, 3, 11).await.unwrap(), [3; 11]);
    assert_eq!(wire.guard.counters().late_frames, 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_fault_the_line_must_be_quiet_for_longer() {
    let mut wire = wire(false, |_, asked| match asked[3] {
        // Ends just before the deadline.
        1 => vec![(322 * MS, vec![0x55; 2])],
        _ => vec![(30 * MS, answer(asked))],
    });
    check_silent(wire.ask(7, 1, 10).await);
    let quiet_since = wire.guard.quiet_since();
    let pattern = Arc::new(Words { unit: 7, count: 1 });
    let octets = request(7, 2, 1);
    let got = wire
        .guard
        .exchange(Peer(7), Duration::ZERO, &octets, pattern)
        .await
        .unwrap();
    let gap = got.left_at - timing().request_time(REQUEST_OCTETS) - quiet_since;
    assert!(gap >= 20 * MS, "{gap:?}");
}

#[tokio::test(start_paused = true)]
async fn an_echo_far_behind_junk_is_no_confirmation_either() {
    let mut wire = wire(true, |_, asked| match asked[1] {
        3 => vec![(30 * MS, answer(asked))],
        _ => vec![],
    });
    assert!(wire.ask(7, 1, 10).await.is_ok());
    // From now on the echo comes late, and behind more junk than an echo can.
    let (near, mut far) = tokio::io::duplex(4096);
    wire.guard.line = TestLine::new(near);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut asked = [0; REQUEST_OCTETS];
        far.read_exact(&mut asked).await.unwrap();
        tokio::time::sleep(20 * MS).await;
        let octets = [&[0x55; 100][..], &asked[..]].concat();
        tokio::io::AsyncWriteExt::write_all(&mut far, &octets)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(9)).await;
    });
    let write = summed(vec![7, 6, 0, 1, 0, 2]);
    let pattern = Arc::new(Copy(write.clone()));
    let got = wire
        .guard
        .exchange(Peer(7), Duration::ZERO, &write, pattern)
        .await;
    assert!(
        matches!(got, Err(LineFault::Silent { heard: 108, .. })),
        "{got:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_never_silent_is_not_used() {
    let (near, mut far) = tokio::io::duplex(4096);
    let mut guard = GuardedLine::new(TestLine::new(near), timing(), GuardSettings::default());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        loop {
            tokio::time::sleep(2 * MS).await;
            tokio::io::AsyncWriteExt::write_all(&mut far, b"x")
                .await
                .unwrap();
        }
    });
    let pattern = Arc::new(Words { unit: 7, count: 10 });
    let got = guard
        .exchange(Peer(7), Duration::ZERO, &request(7, 1, 10), pattern)
        .await;
    assert!(matches!(got, Err(LineFault::Busy { .. })), "{got:?}");
    assert_eq!((guard.counters().requests, guard.counters().busy), (0, 1));
    assert!(guard.counters().foreign_octets > 900);
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_waits_for_no_answer() {
    let mut wire = wire(true, |_, _| vec![]);
    let begun = Instant::now();
    let left_at = wire
        .guard
        .send_only(Duration::ZERO, &request(0, 1, 1), 150 * MS)
        .await
        .unwrap();
    assert!(left_at - begun < 14 * MS);
    assert!(
        (161 * MS..164 * MS).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
    let counters = wire.guard.counters();
    assert_eq!(
        (counters.requests, counters.silent, counters.echoes),
        (1, 0, Some(true))
    );
}

#[tokio::test(start_paused = true)]
async fn the_trace_says_what_became_of_each_octet() {
    let mut wire = wire(true, |_, asked| {
        let mut octets = vec![0xee; 2];
        octets.extend(answer(asked));
        vec![(30 * MS, octets)]
    });
    assert!(wire.ask(7, 1, 2).await.is_ok());
    let trace = wire.guard.trace().clone();
    assert!(trace.since(0).is_empty());
    trace.switch(true);
    assert!(wire.ask(7, 2, 2).await.is_ok());
    let seen: Vec<(Use, usize)> = trace
        .since(0)
        .iter()
        .map(|record| (record.used, record.octets.len()))
        .collect();
    let expected = [
        (Use::Request, 8),
        (Use::Echo, 8),
        (Use::Skipped, 2),
        (Use::Answer, 9),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn new_settings_bring_new_timing() {
    let mut wire = wire(false, |_, asked| vec![(30 * MS, answer(asked))]);
    let faster = crate::LineSettings {
        baud: 19_200,
        ..settings()
    };
    wire.guard.set(faster).await.unwrap();
    assert_eq!(
        wire.guard.timing(),
        LineTiming::serial(&faster, Duration::ZERO)
    );
}
