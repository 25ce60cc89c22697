//! The troubles that were measured on other libraries: none may book a wrong value.

use std::time::Duration;

use tokio::time::Instant;

use super::wire::{MS, Plays, Wire, answer, request, wire};
use crate::LineFault;

/// What came of many requests to one meter.
#[derive(Debug, Default)]
struct Outcome {
    answered: u32,
    wrong: u32,
    lost: u32,
    damaged: u32,
}

/// Asks like a planner that keeps its two rules: blocks of three lengths in turn, and after an
/// unanswered request only a probe.
async fn poll(wire: &mut Wire, rounds: u16) -> Outcome {
    let mut outcome = Outcome::default();
    let mut probing = false;
    for number in 0..rounds {
        let count = if probing {
            1
        } else {
            [10, 11, 12][usize::from(number % 3)]
        };
        match wire.ask(7, number, count).await {
            Ok(words) => {
                // What a probe brings proves that the meter lives; it is not booked.
                if !probing {
                    outcome.answered += 1;
                    outcome.wrong += u32::from(words.iter().any(|word| *word != number));
                }
                probing = false;
            }
            Err(LineFault::Silent { .. }) => {
                outcome.lost += 1;
                probing = true;
            }
            Err(LineFault::Damaged { .. }) => outcome.damaged += 1,
            Err(fault) => panic!("{fault}"),
        }
    }
    outcome
}

/// A meter that works on one request after the other.
fn in_turn(mut think: impl FnMut(&[u8]) -> Duration) -> impl FnMut(Instant, &[u8]) -> Plays {
    let mut free_at: Option<Instant> = None;
    move |left_at, asked| {
        let begins = free_at.map_or(left_at, |free_at| free_at.max(left_at));
        let answers = begins + think(asked);
        free_at = Some(answers);
        vec![(answers - left_at, answer(asked))]
    }
}

/// A meter that does not hear a request while it works on another.
fn deaf(think: Duration) -> impl FnMut(Instant, &[u8]) -> Plays {
    let mut free_at: Option<Instant> = None;
    move |left_at, asked| {
        if free_at.is_some_and(|free_at| free_at > left_at) {
            return vec![];
        }
        free_at = Some(left_at + think);
        vec![(think, answer(asked))]
    }
}

#[tokio::test(start_paused = true)]
async fn answers_after_60_and_90_ms_are_all_used() {
    for think in [60, 90] {
        let mut wire = wire(false, in_turn(move |_| think * MS));
        let outcome = poll(&mut wire, 160).await;
        assert_eq!(
            (outcome.answered, outcome.wrong, outcome.lost),
            (160, 0, 0),
            "{think} ms"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_is_deaf_while_it_thinks_loses_nothing() {
    let mut wire = wire(false, deaf(60 * MS));
    let outcome = poll(&mut wire, 160).await;
    assert_eq!((outcome.answered, outcome.wrong, outcome.lost), (160, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_meter_slower_than_the_deadline_costs_one_request() {
    let mut wire = wire(false, in_turn(|_| 400 * MS));
    let outcome = poll(&mut wire, 100).await;
    assert_eq!((outcome.answered, outcome.wrong, outcome.lost), (98, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_deaf_meter_slower_than_the_deadline_is_never_booked_wrongly() {
    let mut wire = wire(false, deaf(400 * MS));
    let outcome = poll(&mut wire, 100).await;
    assert_eq!(outcome.wrong, 0);
    assert!(outcome.answered >= 97, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn one_slow_answer_in_ten_is_never_booked_wrongly() {
    let think = |asked: &[u8]| {
        if asked[3] % 10 == 9 {
            400 * MS
        } else {
            30 * MS
        }
    };
    let mut wire = wire(false, in_turn(think));
    let outcome = poll(&mut wire, 180).await;
    assert_eq!(outcome.wrong, 0);
    assert!(outcome.lost <= 1, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_twice_are_used_once() {
    for later in [0, 5, 20, 60] {
        let mut wire = wire(false, move |_, asked| {
            let octets = answer(asked);
            let second = 30 * MS + Duration::from_micros(1042) * 29 + later * MS;
            vec![(30 * MS, octets.clone()), (second, octets)]
        });
        let outcome = poll(&mut wire, 150).await;
        assert_eq!(
            (outcome.wrong, outcome.damaged),
            (0, 0),
            "{later} ms: {outcome:?}"
        );
        assert!(outcome.answered >= 145, "{later} ms: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn junk_before_each_answer_costs_nothing() {
    let mut wire = wire(false, |_, asked| {
        let mut octets = vec![0x5a; 1 + usize::from(asked[3] % 40)];
        octets.extend(answer(asked));
        vec![(30 * MS, octets)]
    });
    let outcome = poll(&mut wire, 152).await;
    assert_eq!((outcome.answered, outcome.wrong, outcome.lost), (152, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn another_units_answer_before_each_costs_nothing() {
    let mut wire = wire(false, |_, asked| {
        let mut octets = answer(&request(9, 77, asked[5]));
        octets.extend(answer(asked));
        vec![(30 * MS, octets)]
    });
    let outcome = poll(&mut wire, 142).await;
    assert_eq!((outcome.answered, outcome.wrong, outcome.lost), (142, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn one_flipped_bit_in_ten_answers_costs_these_answers_only() {
    let mut wire = wire(false, |_, asked| {
        let mut octets = answer(asked);
        if asked[3] % 10 == 9 {
            octets[8] ^= 0x10;
        }
        vec![(30 * MS, octets)]
    });
    let outcome = poll(&mut wire, 150).await;
    assert_eq!(
        (
            outcome.answered,
            outcome.wrong,
            outcome.lost,
            outcome.damaged
        ),
        (135, 0, 0, 15)
    );
}
