//! What conversations of many exchanges need: patience, marked ends, messages that nobody asked
//! for, a promised end, listening only.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::wire::{
    MS, Plays, REQUEST_OCTETS, TestLine, Wire, answer, request, settings, timing, wire,
};
use crate::limits::INTERRUPTION_MAX;
use crate::{
    Answer, Exchange, Find, GuardSettings, GuardedLine, Interruption, LineFault, LineSettings,
    Mask, Parting, Patience, Pattern, Peer, Run, Use,
};

const GAP: Duration = Duration::from_millis(1500);
const QUIET: Duration = Duration::from_millis(50);

fn patience() -> Patience {
    Patience {
        floor: GAP,
        ceiling: 2 * GAP,
        character_gap: GAP,
        longest: Duration::from_mins(1),
        quiet: QUIET,
    }
}

/// From `<` to `>`; only noise of zeros may stand behind it.
#[derive(Debug)]
struct Marked;

impl Pattern for Marked {
    fn find(&self, heard: &[u8]) -> Find {
        let at = heard.iter().position(|octet| *octet == b'<');
        let end = heard.iter().position(|octet| *octet == b'>');
        match (at, end) {
            (Some(at), Some(end)) if at < end => Find::Found {
                at,
                len: end + 1 - at,
            },
            _ => Find::NotYet,
        }
    }

    fn longest(&self) -> usize {
        5000
    }

    fn is_marked(&self) -> bool {
        true
    }

    fn find_settled(&self, heard: &[u8]) -> Find {
        match self.find(heard) {
            Find::Found { at, len } if heard[at + len..].iter().any(|octet| *octet != 0) => {
                Find::Damaged { at, len }
            }
            found => found,
        }
    }

    fn find_late(&self, _heard: &[u8]) -> Find {
        Find::NotYet
    }
}

fn exchange(octets: &[u8]) -> Exchange<'_> {
    Exchange {
        peer: Peer(7),
        min_gap: Duration::ZERO,
        request: octets,
        answer: Arc::new(Marked),
        patience: Some(patience()),
        then: None,
    }
}

fn asked() -> Vec<u8> {
    request(7, 1, 1)
}

/// One exchange whose answer is played so.
async fn carry_out(plays: Plays) -> (Wire, Result<Answer, LineFault>) {
    let mut plays = Some(plays);
    let mut wire = wire(false, move |_, _| plays.take().unwrap_or_default());
    let answer = wire.guard.carry_out(&exchange(&asked())).await;
    (wire, answer)
}

#[tokio::test(start_paused = true)]
async fn an_exchange_may_have_its_own_patience() {
    let (mut wire, answer) = carry_out(vec![(1400 * MS, b"<1>".to_vec())]).await;
    assert_eq!(answer.unwrap().bytes, b"<1>");
    let begun = Instant::now();
    let fault = wire.guard.carry_out(&exchange(&asked())).await;
    assert!(matches!(fault, Err(LineFault::Silent { heard: 0, .. })));
    // Twice the longest turnaround.
    assert!((2800 * MS..2830 * MS).contains(&begun.elapsed()));
    // Another meter, in the old way.
    let begun = Instant::now();
    assert!(wire.ask(8, 1, 1).await.is_err());
    assert!(begun.elapsed() < 400 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_marked_answer_counts_when_the_line_is_silent_behind_it() {
    let (wire, answer) = carry_out(vec![(100 * MS, b"..<12>\0".to_vec())]).await;
    let answer = answer.unwrap();
    assert_eq!(answer.bytes, b"<12>");
    // It arrived when its last octet did, not when it was believed.
    assert!(Instant::now() - answer.arrived_at >= QUIET);
    assert_eq!(wire.guard.counters().skipped_octets, 2);
    assert_eq!(wire.guard.unused(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_mark_within_an_answer_does_not_end_it() {
    let (mut wire, answer) = carry_out(vec![(100 * MS, b"<12>34>".to_vec())]).await;
    assert!(matches!(answer, Err(LineFault::Damaged { octets: 4 })));
    assert_eq!(wire.guard.counters().damaged, 1);
    // The rest after a pause that is shorter than the silence.
    let rest = (130 * MS, b"4>".to_vec());
    let (_, answer) = carry_out(vec![(100 * MS, b"<1>".to_vec()), rest]).await;
    assert!(answer.is_err());
    assert!(wire.ask(8, 1, 1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_goes_on_while_octets_keep_coming() {
    let long = [b"<".as_slice(), &[b'x'; 4000], b">"].concat();
    let (_, answer) = carry_out(vec![(100 * MS, long.clone())]).await;
    assert_eq!(answer.unwrap().bytes, long);
    let slow = (1..).zip(b"<23456.>");
    let slow = slow.map(|(count, octet)| (count * 1400 * MS, vec![*octet]));
    let (_, answer) = carry_out(slow.collect()).await;
    assert_eq!(answer.unwrap().bytes, b"<23456.>");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_ends_after_the_longest_gap() {
    let begun = Instant::now();
    let (_, answer) = carry_out(vec![(200 * MS, b"<12".to_vec())]).await;
    assert!(matches!(answer, Err(LineFault::Silent { heard: 3, .. })));
    assert!((1700 * MS..1730 * MS).contains(&begun.elapsed()));
    // And whatever drips: the exchange has an end.
    let drips = (1..200).map(|count| (count * 1000 * MS, vec![b'x']));
    let begun = Instant::now();
    let (_, answer) = carry_out(drips.collect()).await;
    assert!(matches!(answer, Err(LineFault::Silent { .. })));
    assert!(begun.elapsed() < Duration::from_secs(61));
}

#[tokio::test(start_paused = true)]
async fn several_messages_may_follow_one_request() {
    let plays = vec![(100 * MS, b"<1>".to_vec()), (400 * MS, b"<2>".to_vec())];
    let (mut wire, first) = carry_out(plays).await;
    assert_eq!(first.unwrap().bytes, b"<1>");
    let marked: Arc<dyn Pattern> = Arc::new(Marked);
    let second = wire.guard.hear(Peer(7), &marked, patience()).await;
    assert_eq!(second.unwrap().bytes, b"<2>");
    let begun = Instant::now();
    let third = wire.guard.hear(Peer(7), &marked, patience()).await;
    assert!(matches!(third, Err(LineFault::Silent { .. })));
    assert!((GAP..GAP + 5 * MS).contains(&begun.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn the_speed_of_the_answer_is_set_when_the_request_has_left() {
    let faster = LineSettings {
        baud: 19_200,
        ..settings()
    };
    let mut wire = wire(false, |_, _| vec![(100 * MS, b"<1>".to_vec())]);
    let octets = asked();
    let exchange = Exchange {
        then: Some(faster),
        ..exchange(&octets)
    };
    let answer = wire.guard.carry_out(&exchange).await.unwrap();
    let [(at, set)] = wire.guard.line.set[..] else {
        panic!("set once")
    };
    assert_eq!((set, answer.bytes.len()), (faster, 3));
    assert!(at >= answer.left_at, "whatever the port itself believes");
    assert!(wire.guard.timing().silence() < timing().silence());
}

fn parting(restore: Option<LineSettings>) -> Parting {
    Parting {
        interruption: None,
        min_gap: 20 * MS,
        octets: request(7, 99, 1),
        delay: 200 * MS,
        restore,
        late: Duration::from_secs(3),
    }
}

/// A meter that remembers the numbers it was asked for.
fn remembering() -> (Wire, Arc<Mutex<Vec<u8>>>) {
    let numbers = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&numbers);
    let wire = wire(false, move |_, asked| {
        heard.lock().unwrap().push(asked[3]);
        match asked[3] {
            99 => vec![],
            _ => vec![(30 * MS, answer(asked))],
        }
    });
    (wire, numbers)
}

#[tokio::test(start_paused = true)]
async fn what_was_promised_is_sent_before_anybody_else_uses_the_line() {
    let (mut wire, numbers) = remembering();
    wire.guard.promise(Some(parting(Some(settings()))));
    // The conversation itself goes on, and is dropped half-way.
    let octets = request(7, 5, 1);
    let dropped = timeout(40 * MS, wire.guard.carry_out(&exchange(&octets))).await;
    assert!(dropped.is_err());
    assert!(wire.guard.is_promised());
    assert_eq!(wire.ask(8, 1, 1).await.unwrap(), [1]);
    assert_eq!(wire.ask(8, 2, 1).await.unwrap(), [2]);
    assert_eq!(*numbers.lock().unwrap(), [5, 99, 1, 2]);
    assert_eq!(wire.guard.line.set.len(), 1);
    assert!(!wire.guard.is_promised());
    assert!(wire.guard.late_until() > Instant::now());
    wire.guard.promise(Some(parting(None)));
    wire.guard.promise(None);
    assert_eq!(wire.ask(8, 3, 1).await.unwrap(), [3]);
    assert_eq!(numbers.lock().unwrap().last(), Some(&3));
}

#[tokio::test(start_paused = true)]
async fn a_promise_waits_for_a_line_that_talks_without_a_pause() {
    let mut wire = wire(false, |_, asked| match asked[3] {
        1 => vec![(30 * MS, vec![b'x'; 9600])],
        _ => vec![(30 * MS, answer(asked))],
    });
    wire.guard.promise(Some(parting(None)));
    let octets = request(7, 1, 1);
    let dropped = timeout(60 * MS, wire.guard.carry_out(&exchange(&octets))).await;
    assert!(dropped.is_err());
    let busy = wire.ask(8, 2, 1).await;
    assert!(matches!(busy, Err(LineFault::Busy { .. })), "{busy:?}");
    assert!(wire.guard.is_promised());
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(wire.ask(8, 3, 1).await.unwrap(), [3]);
    assert!(!wire.guard.is_promised());
}

#[tokio::test(start_paused = true)]
async fn an_interruption_ends_when_the_line_is_silent() {
    let interruption = |number| Interruption {
        octets: request(7, number, 1),
        silence: Duration::from_secs(3),
    };
    let mut wire = wire(false, |_, asked| match asked[3] {
        1 => vec![(30 * MS, vec![b'x'; 960])],
        2 => vec![(Duration::ZERO, vec![b'x'; 48_000])],
        _ => vec![],
    });
    let begun = Instant::now();
    wire.guard.interrupt(&interruption(1)).await.unwrap();
    let took = begun.elapsed();
    assert!(
        (4000 * MS..4100 * MS).contains(&took),
        "1 s of octets, then silence: {took:?}"
    );
    assert_eq!(wire.guard.counters().skipped_octets, 960);
    let busy = wire.guard.interrupt(&interruption(2)).await;
    assert!(matches!(busy, Err(LineFault::Busy { .. })), "{busy:?}");
    assert!(begun.elapsed() < INTERRUPTION_MAX + 5 * GAP);
}

/// Hides what it was told, and every `S`.
#[derive(Debug, Default)]
struct Stars(Vec<u8>);

impl Mask for Stars {
    fn hide(&mut self, outward: bool, octets: &mut [u8]) {
        for octet in octets {
            if *octet == b'S' || self.0.contains(octet) && !outward {
                *octet = b'*';
            }
        }
    }

    fn learn(&mut self, secret: &[u8]) {
        self.0.extend(secret);
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_conversation_is_recorded_in_runs_and_nothing_is_sent() {
    let (mut wire, answer) = carry_out(vec![
        (100 * MS, b"<1>".to_vec()),
        (300 * MS, b"foreign".to_vec()),
        (400 * MS, b"SECRET".to_vec()),
        (600 * MS, vec![b'x'; 1500]),
    ])
    .await;
    assert!(answer.is_ok());
    let trace = wire.guard.trace().clone();
    trace.wear(|| Box::new(Stars::default()));
    trace.switch(true);
    wire.guard.promise(Some(parting(None)));
    let mut runs = Vec::new();
    let until = Instant::now() + Duration::from_secs(5);
    let mut take = |run: Run| {
        runs.push(run);
        ControlFlow::Continue(())
    };
    wire.guard.overhear(until, QUIET, &mut take).await.unwrap();
    assert_eq!(Instant::now(), until);
    let shown: Vec<(usize, bool)> = runs
        .iter()
        .map(|run| (run.octets.len(), run.is_whole))
        .collect();
    assert_eq!(shown, [(7, true), (6, true), (1024, false), (476, true)]);
    assert_eq!(runs[1].octets, b"*ECRET");
    let pause = runs[1].began_at - runs[0].ended_at;
    assert!((90 * MS..102 * MS).contains(&pause), "{pause:?}");
    assert!(runs[0].began_at < runs[0].ended_at);
    let records = trace.since(0);
    assert_eq!(records.len(), 4);
    assert!(records.iter().all(|record| record.used == Use::Overheard));
    assert_eq!(wire.guard.counters().requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_mask_is_worn_by_every_record_and_keeps_what_it_has_learned() {
    let mut wire = wire(true, |_, _| vec![(100 * MS, b"<qS>".to_vec())]);
    let trace = wire.guard.trace().clone();
    trace.keep_secret(b"x");
    trace.switch(true);
    trace.wear(|| Box::new(Stars::default()));
    trace.keep_secret(b"q");
    trace.wear(|| Box::new(Stars::default()));
    let octets = b"SSSSqqqq";
    assert_eq!(octets.len(), REQUEST_OCTETS);
    let answer = wire.guard.carry_out(&exchange(octets)).await.unwrap();
    assert_eq!(answer.bytes, b"<qS>");
    let shown: Vec<(Use, Vec<u8>)> = trace
        .since(0)
        .into_iter()
        .map(|record| (record.used, record.octets))
        .collect();
    assert_eq!(
        shown,
        [
            (Use::Request, b"****qqqq".to_vec()),
            (Use::Echo, b"********".to_vec()),
            (Use::Answer, b"<**>".to_vec()),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pattern_may_refuse_to_be_found_late() {
    let (mut wire, answer) = carry_out(vec![(5000 * MS, b"<1>".to_vec())]).await;
    assert!(answer.is_err());
    wire.guard
        .listen(Instant::now() + Duration::from_secs(9))
        .await
        .unwrap();
    assert_eq!(wire.guard.counters().late_frames, 0);
    assert_eq!(wire.guard.unused(), b"<1>");
}

#[tokio::test(start_paused = true)]
async fn a_request_of_one_octet_is_not_taken_for_its_echo_within_an_answer() {
    let (near, far) = tokio::io::duplex(4096);
    let mut guard = GuardedLine::new(TestLine::new(near), timing(), GuardSettings::default());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut far = far;
        for echo in [&b""[..], b"\x06"] {
            let mut asked = [0; 1];
            far.read_exact(&mut asked).await.unwrap();
            far.write_all(echo).await.unwrap();
            tokio::time::sleep(100 * MS).await;
            far.write_all(b"<1\x06>").await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(9)).await;
    });
    for echoes in [false, true] {
        let answer = guard.carry_out(&exchange(b"\x06")).await.unwrap();
        assert_eq!(answer.bytes, b"<1\x06>");
        assert_eq!(guard.counters().echoes, Some(echoes));
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_shows_nothing_of_its_request() {
    let told = format!("{:?}", exchange(b"SECRET"));
    assert!(!told.contains("SECRET") && !told.contains("83"), "{told}");
    assert!(told.contains("request_octets: 6"), "{told}");
}
