//! Whatever the line brings, the guard hands over the exact answer or says that there is none,
//! and ends in time.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::{Instant, timeout};

use super::wire::{MS, Meeting, Plays, Words, answer, request, wire_where_octets};
use crate::{Find, LineFault, Pattern, Peer};

/// One thing the wire does after a request.
#[derive(Debug, Clone)]
enum Trouble {
    Answer,
    AnswerOfAnother,
    Truncated(usize),
    Flipped(usize),
    Junk(Vec<u8>),
    Copies(u8),
}

fn trouble() -> impl Strategy<Value = (u16, Trouble)> {
    let kind = prop_oneof![
        3 => Just(Trouble::Answer),
        1 => Just(Trouble::AnswerOfAnother),
        1 => (0usize..30).prop_map(Trouble::Truncated),
        1 => (0usize..240).prop_map(Trouble::Flipped),
        2 => prop::collection::vec(prop_oneof![Just(7u8), Just(3u8), any::<u8>()], 0..60).prop_map(Trouble::Junk),
        1 => (2u8..5).prop_map(Trouble::Copies),
    ];
    (0u16..1200, kind)
}

fn play(kind: &Trouble, asked: &[u8]) -> Vec<u8> {
    let mut octets = answer(asked);
    match kind {
        Trouble::Answer => {}
        Trouble::AnswerOfAnother => octets = answer(&request(9, 1, asked[5])),
        Trouble::Truncated(len) => octets.truncate(*len),
        Trouble::Flipped(bit) => {
            let len = octets.len();
            octets[bit / 8 % len] ^= 1 << (bit % 8);
        }
        Trouble::Junk(junk) => octets.clone_from(junk),
        Trouble::Copies(times) => octets = octets.repeat(usize::from(*times)),
    }
    octets
}

/// The longest an exchange may take: settling, the request, the ceiling, the answer.
const LONGEST: Duration = Duration::from_millis(2_000 + 20 + 9 + 3_000 + 40 + 200);

fn run(days: Vec<Vec<(u16, Trouble)>>, echo: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async move {
        let rounds = u16::try_from(days.len()).unwrap();
        let mut days = days.into_iter();
        let mut wire = wire_where_octets(Meeting::Collide, echo, move |_, asked| -> Plays {
            let day = days.next().unwrap_or_default();
            let plays = day.iter();
            plays
                .map(|(after, kind)| (u32::from(*after) * MS, play(kind, asked)))
                .collect()
        });
        for number in 0..rounds {
            let count = [2, 5, 9][usize::from(number % 3)];
            let pattern = Arc::new(Words { unit: 7, count });
            let octets = request(7, number, count);
            let asked = wire
                .guard
                .exchange(Peer(7), Duration::ZERO, &octets, pattern.clone());
            let begun = Instant::now();
            let outcome = timeout(LONGEST, asked).await;
            let outcome = outcome.unwrap_or_else(|_| panic!("no end after {:?}", begun.elapsed()));
            match outcome {
                Ok(got) => {
                    let len = pattern.longest();
                    assert_eq!(pattern.find(&got.bytes), Find::Found { at: 0, len });
                    assert_eq!(got.bytes.len(), len);
                    assert!(got.arrived_at >= got.left_at);
                }
                Err(
                    LineFault::Silent { .. } | LineFault::Damaged { .. } | LineFault::Busy { .. },
                ) => {}
                Err(fault) => panic!("{fault}"),
            }
        }
        let counters = wire.guard.counters();
        assert_eq!(
            counters.requests,
            counters.answers + counters.silent + counters.damaged
        );
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_guard_returns_the_exact_answer_or_a_fault_in_time(
        days in prop::collection::vec(prop::collection::vec(trouble(), 0..4), 1..12),
        echo in any::<bool>(),
    ) {
        run(days, echo);
    }
}
