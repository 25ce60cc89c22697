//! Frames that are lost, damaged, doubled, late and split: no wrong value is ever booked.

use std::time::Duration;

use dlms::codec::{Asked, Data, Selection};
use dlms::conversation::{Session, SessionFault, Terms};
use line::LineFault;

use crate::keeper::Keeper;
use crate::meter::{ENERGY, LOW, PROFILE, ROWS, SUITE_TWO, row};
use crate::terms;
use crate::wire::{Far, Plays, Wire};

/// Numbers that look like chance, and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

impl Chance {
    fn place(&mut self, end: usize) -> usize {
        usize::try_from(self.below(u64::try_from(end).unwrap())).unwrap()
    }
}

/// One in `rarity` of what the meter says is in trouble, of each kind.
fn trouble(seed: u64, rarity: u64) -> Box<dyn FnMut(usize, Plays) -> Plays + Send> {
    let mut chance = Chance(seed);
    Box::new(move |_, plays| {
        let mut played = Vec::new();
        for (after, mut octets) in plays {
            match chance.below(rarity * 5) {
                0 => {}
                1 if !octets.is_empty() => {
                    let place = chance.place(octets.len());
                    octets[place] ^= 1 << chance.below(8);
                    played.push((after, octets));
                }
                2 => {
                    played.push((after, octets.clone()));
                    let late = Duration::from_millis(chance.below(4000));
                    played.push((after + Duration::from_secs(1) + late, octets));
                }
                3 => {
                    let late = Duration::from_millis(chance.below(9000));
                    played.push((after + late, octets));
                }
                4 => {
                    let cut = chance.place(octets.len() + 1);
                    played.push((after, octets[..cut].to_vec()));
                }
                _ => played.push((after, octets)),
            }
        }
        played
    })
}

fn rows(from: u32, to: u32) -> (Asked, Data) {
    let asked = Asked {
        attribute: PROFILE,
        selection: Some(Selection::entries(from, to)),
    };
    (asked, Data::Array((from..=to).map(row).collect()))
}

struct Tally {
    sessions: usize,
    values: usize,
    faults: usize,
}

/// Sessions over a line in trouble. Every value must be the one that was asked for.
async fn survive(client: u16, sessions: u64, rarity: u64, is_ordered: bool) -> Tally {
    let mut tally = Tally {
        sessions: 0,
        values: 0,
        faults: 0,
    };
    let mut keeper = Keeper::default();
    let deaf = {
        let mut chance = Chance(client.into());
        Box::new(move |_| chance.below(40) == 0)
    };
    let trouble = trouble(client.into(), rarity);
    let mut wire = if is_ordered {
        Wire::with(Far::hdlc(300), trouble, deaf)
    } else {
        Wire::disordered(Far::hdlc(300), trouble, deaf)
    };
    let mut chance = Chance(77);
    for number in 0..sessions {
        let window = if number % 2 == 0 { 1 } else { 3 };
        let terms = Terms {
            pdu_octets: 300,
            ..terms::hdlc(client, window)
        };
        tally.sessions += 1;
        let Ok(mut session) = Session::open(&mut wire.guard, &mut keeper, &terms).await else {
            tally.faults += 1;
            continue;
        };
        for _ in 0..4 {
            let from = u32::try_from(chance.below(u64::from(ROWS) - 40)).unwrap() + 1;
            let to = from + u32::try_from(chance.below(30)).unwrap();
            let (asked, wanted) = rows(from, to);
            if let Ok(got) = session.get(asked).await {
                assert_eq!(got, Ok(wanted), "session {number}");
                tally.values += 1;
            } else {
                tally.faults += 1;
                break;
            }
        }
        drop(session.close().await);
    }
    tally
}

#[tokio::test(start_paused = true)]
async fn no_session_on_a_bad_line_books_a_wrong_value() {
    for client in [LOW, SUITE_TWO] {
        let tally = survive(client, 300, 8, true).await;
        assert_eq!(tally.sessions, 300);
        // A line this bad: most of it gets through all the same.
        assert!(tally.values > 300 * 4 * 3 / 4, "{} values", tally.values);
        assert!(tally.faults > 0, "the line was not bad enough");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_hold_even_where_frames_overtake_each_other() {
    // A frame that comes eight frames late has the number of the one that is awaited. Only what is
    // authenticated shows it.
    let tally = survive(SUITE_TWO, 300, 4, false).await;
    assert!(tally.values > 300, "{} values", tally.values);
}

#[tokio::test(start_paused = true)]
async fn a_lost_frame_is_sent_again_and_nothing_is_done_twice() {
    for lost in 1..12 {
        let deaf = Box::new(move |number| number == lost);
        let mut wire = Wire::with(Far::hdlc(300), Box::new(|_, plays| plays), deaf);
        let mut keeper = Keeper::default();
        let terms = terms::hdlc(LOW, 1);
        let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
            .await
            .unwrap();
        for _ in 0..4 {
            session.get(ENERGY).await.unwrap().unwrap();
        }
        assert!(session.close().await.fault.is_none());
        assert_eq!(wire.log().len(), 4, "request {lost} was lost");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_repeated_and_nothing_is_done_twice() {
    for lost in 1..12 {
        let trouble =
            Box::new(move |number, plays: Plays| if number == lost { Vec::new() } else { plays });
        let mut wire = Wire::with(Far::hdlc(300), trouble, Box::new(|_| false));
        let mut keeper = Keeper::default();
        let terms = terms::hdlc(SUITE_TWO, 1);
        let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
            .await
            .unwrap();
        for _ in 0..4 {
            session.get(ENERGY).await.unwrap().unwrap();
        }
        assert!(session.close().await.fault.is_none());
        assert_eq!(wire.log().len(), 4, "answer {lost} was lost");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_over_tcp_ends_the_session_and_is_no_other_sessions_answer() {
    // The fourth answer comes twelve seconds late.
    let trouble = Box::new(move |number, plays: Plays| match number {
        4 => plays
            .into_iter()
            .map(|(after, octets)| (after + Duration::from_secs(12), octets))
            .collect(),
        _ => plays,
    });
    let mut wire = Wire::with(Far::wrapper(1024), trouble, Box::new(|_| false));
    let mut keeper = Keeper::default();
    let terms = terms::wrapper(LOW);
    let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
        .await
        .unwrap();
    for row_number in 1..=2 {
        let (asked, wanted) = rows(row_number, row_number);
        assert_eq!(session.get(asked).await.unwrap(), Ok(wanted));
    }
    let (asked, _) = rows(3, 3);
    let fault = session.get(asked).await.unwrap_err();
    let is_silent = matches!(
        fault,
        SessionFault::Line {
            fault: LineFault::Silent { .. },
            ..
        }
    );
    assert!(is_silent, "{fault:?}");
    let (asked, _) = rows(4, 4);
    assert!(matches!(session.get(asked).await, Err(SessionFault::Over)));
    drop(session.close().await);
    assert!(wire.guard.is_promised(), "the next session must wait");
    // Sessions on the same connection, before and after the late answer: none takes it.
    let mut booked = 0;
    for _ in 0..12 {
        let Ok(mut session) = Session::open(&mut wire.guard, &mut keeper, &terms).await else {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        for number in 100..110 {
            let (asked, wanted) = rows(number, number);
            if let Ok(got) = session.get(asked).await {
                assert_eq!(got, Ok(wanted));
                booked += 1;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        drop(session.close().await);
    }
    assert!(booked > 50, "{booked}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_another_invoke_id_ends_the_session() {
    let trouble = Box::new(move |number, mut plays: Plays| {
        if number == 3 {
            // The wrapper's header has eight octets, then tag, kind, invoke id.
            plays[0].1[10] ^= 1;
        }
        plays
    });
    let mut wire = Wire::with(Far::wrapper(1024), trouble, Box::new(|_| false));
    let mut keeper = Keeper::default();
    let terms = terms::wrapper(LOW);
    let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
        .await
        .unwrap();
    session.get(ENERGY).await.unwrap().unwrap();
    let fault = session.get(ENERGY).await.unwrap_err();
    assert!(matches!(fault, SessionFault::Unmatched { .. }), "{fault:?}");
    assert!(matches!(session.get(ENERGY).await, Err(SessionFault::Over)));
}

#[tokio::test(start_paused = true)]
async fn a_plain_answer_in_a_ciphered_session_is_not_believed() {
    let trouble = Box::new(move |number, mut plays: Plays| {
        if number == 3 {
            let octets = &mut plays[0].1;
            octets.truncate(8);
            octets[6..8].copy_from_slice(&[0, 9]);
            octets.extend([0xc4, 1, 0xc1, 0, 6, 0, 0, 0, 1]);
        }
        plays
    });
    let mut wire = Wire::with(Far::wrapper(1024), trouble, Box::new(|_| false));
    let mut keeper = Keeper::default();
    let terms = terms::wrapper(SUITE_TWO);
    let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
        .await
        .unwrap();
    let fault = session.get(ENERGY).await.unwrap_err();
    assert!(matches!(fault, SessionFault::Security { .. }), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn a_block_out_of_turn_ends_the_session() {
    let trouble = Box::new(move |number, mut plays: Plays| {
        if number == 4 {
            // Behind the header: tag, kind, invoke id, last, number.
            plays[0].1[15] = 9;
        }
        plays
    });
    let mut wire = Wire::with(Far::wrapper(300), trouble, Box::new(|_| false));
    let mut keeper = Keeper::default();
    let terms = Terms {
        pdu_octets: 300,
        ..terms::wrapper(LOW)
    };
    let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
        .await
        .unwrap();
    let fault = session.get(PROFILE).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "a read: block 9 came where block 3 was wanted"
    );
    assert!(matches!(session.get(ENERGY).await, Err(SessionFault::Over)));
}
