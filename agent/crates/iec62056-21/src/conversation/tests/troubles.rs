//! Whatever the line does to answers: no value is booked wrongly, no write is done twice, no password
//! is tried twice, and nothing hangs.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::timeout;

use super::super::{ParityBy, Session, SessionFault, SessionRemedy, Terms};
use super::meter::{CLOCK, Meter, content};
use super::wire::{Manner, Plays, TestLine, Wire};
use super::{session, terms};
use crate::codec::Purpose;
use crate::limits::REOPENINGS_MAX;

/// Requests of one day.
const REQUESTS: u8 = 30;

/// Nothing takes so long.
const HANGS: Duration = Duration::from_mins(15);

/// Repeatable chance.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(u64::try_from(bound).unwrap())).unwrap()
    }

    fn ms(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }
}

/// What the line does to one answer.
fn trouble(dice: &mut Dice, kinds: &[u8], mut plays: Plays) -> Plays {
    let Some((after, octets)) = plays.first().cloned() else {
        return plays;
    };
    let kind = kinds[dice.index(kinds.len())];
    match kind {
        b'l' => plays[0].0 = after + dice.ms(6000),
        b'2' => plays.push((after + dice.ms(2500), octets)),
        b'3' => {
            plays.push((after + dice.ms(700), octets.clone()));
            plays.push((after + dice.ms(4000), octets));
        }
        b'c' => {
            let len = dice.index(octets.len());
            plays[0].1.truncate(len);
        }
        b'f' => {
            let place = dice.index(octets.len());
            plays[0].1[place] ^= 1 << dice.below(8);
        }
        b'j' => {
            // An ACK out of nothing is one: nothing protects it.
            let junk = (0..dice.below(30)).map(|_| dice.below(256).to_le_bytes()[0]);
            let junk: Vec<u8> = junk.filter(|octet| octet & 0x7f != 6).collect();
            plays[0].1 = [junk, octets].concat();
        }
        b's' => plays[0].1 = b"\x01B0\x03\x71".to_vec(),
        b'n' => plays[0].1 = b"\x15".to_vec(),
        _ => plays.clear(),
    }
    plays
}

#[derive(Debug, Default)]
struct Tally {
    opened: u32,
    values: u32,
    faults: u32,
    writes: u32,
}

struct Day {
    seed: u64,
    kinds: &'static [u8],
    /// One answer in so many is troubled.
    one_in: u64,
    manner: Manner,
    parity: ParityBy,
}

impl Day {
    fn new(seed: u64, kinds: &'static [u8], one_in: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut deaf = dice.clone();
        let software_parity = seed % 3 == 1;
        let manner = Manner {
            echo: seed % 4 == 3,
            software_parity,
            trouble: Box::new(move |number, _, plays| {
                // Up to the password all is well: a session would end there.
                if number > 3 && dice.below(one_in) == 0 {
                    trouble(&mut dice, kinds, plays)
                } else {
                    plays
                }
            }),
            is_deaf: Box::new(move |number| number > 3 && deaf.below(one_in * 3) == 0),
            ..Manner::default()
        };
        Self {
            seed,
            kinds,
            one_in,
            manner,
            parity: if software_parity {
                ParityBy::Software
            } else {
                ParityBy::Line
            },
        }
    }
}

/// What may be asked of a meter, in as many sessions as it takes.
async fn live(day: Day, tally: &mut Tally) {
    let Day {
        seed,
        kinds,
        one_in,
        manner,
        parity,
    } = day;
    let mut wire = Wire::new(Meter::new(), manner);
    let meter = Arc::clone(&wire.meter);
    let what = || {
        format!(
            "seed {seed}, kinds {}, one in {one_in}",
            kinds.escape_ascii()
        )
    };
    let mut dice = Dice::new(seed + 1);
    let terms = Terms {
        parity,
        purpose: Purpose::Maker6,
        ..terms()
    };
    let mut number = 0;
    for _ in 0..REOPENINGS_MAX {
        let opened = timeout(HANGS, session(&mut wire.guard, terms.clone())).await;
        let mut session = match opened.unwrap_or_else(|_| panic!("{}: no end", what())) {
            Ok(session) => session,
            Err(SessionFault::PasswordRefused { .. }) => break,
            Err(_) => continue,
        };
        tally.opened += 1;
        while number < REQUESTS {
            number += 1;
            let asked = one_request(&mut session, &meter, &mut dice, number, tally);
            match timeout(HANGS, asked).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => break,
                Ok(Err(problem)) => panic!("{}: {problem}", what()),
                Err(elapsed) => panic!("{}: {elapsed}", what()),
            }
        }
        let closed = timeout(HANGS, session.close()).await;
        assert!(closed.is_ok(), "{}: no end", what());
        if number >= REQUESTS {
            break;
        }
    }
    let meter = meter.lock().unwrap();
    let mut writes: Vec<_> = meter.writes.iter().map(|(_, data)| data.clone()).collect();
    let count = writes.len();
    writes.sort();
    writes.dedup();
    assert_eq!(writes.len(), count, "{}: written twice", what());
}

/// Asks once; tells whether the session can go on.
async fn one_request(
    session: &mut Session<'_, TestLine>,
    meter: &Arc<Mutex<Meter>>,
    dice: &mut Dice,
    number: u8,
    tally: &mut Tally,
) -> Result<bool, String> {
    let heard_before = meter.lock().unwrap().log.len();
    let packet = u16::from(number) + 1;
    let outcome: Result<(), SessionFault> = match dice.below(12) {
        0 => session.read_packet(CLOCK, 1, 7).await.map(|got| {
            let mut count = [0; 8];
            count[..7].copy_from_slice(&got.data);
            let heard = usize::try_from(u64::from_le_bytes(count)).unwrap();
            assert!(heard > heard_before, "an answer from before the request");
        }),
        1 => {
            let first = write(session, meter, [1, number, 1], tally).await?;
            // Its confirmation must not pass for that of the next one.
            match first {
                Ok(()) => write(session, meter, [1, number, 2], tally).await?,
                fault => fault,
            }
        }
        2 => {
            let mut wrong = None;
            let mut take = |number: u16, octets: &[u8]| {
                let first = (number - 1) * 4 + 1;
                let held: Vec<u8> = (first..first + 4)
                    .flat_map(|at| content(550, at, 64))
                    .collect();
                if held != octets {
                    wrong = Some(number);
                }
                ControlFlow::Continue(())
            };
            let read = session.read_stream(550, 1, 4, &mut take).await;
            if let Some(number) = wrong {
                return Err(format!("packet {number} of a stream is wrong"));
            }
            read
        }
        3 => {
            let got = session.read_identity(507, 1, 80).await;
            let held = [content(507, 1, 64), content(507, 2, 16)].concat();
            check(got.map(|got| got.data == held))?
        }
        4 => {
            let got = session.read_packet(724, 1, 4).await;
            check(got.map(|got| got.data == content(724, 1, 4)))?
        }
        _ => {
            let got = session.read_packet(550, packet, 64).await;
            check(got.map(|got| got.data == content(550, packet, 64)))?
        }
    };
    match outcome {
        Ok(()) => {
            tally.values += 1;
            Ok(true)
        }
        Err(SessionFault::PasswordRefused { .. } | SessionFault::Invalid(_)) => {
            Err(format!("{outcome:?}"))
        }
        Err(fault) => {
            tally.faults += 1;
            let is_over = fault.ends_session() || fault.remedy() == SessionRemedy::Reopen;
            Ok(!is_over)
        }
    }
}

async fn write(
    session: &mut Session<'_, TestLine>,
    meter: &Arc<Mutex<Meter>>,
    data: [u8; 3],
    tally: &mut Tally,
) -> Result<Result<(), SessionFault>, String> {
    let before = meter.lock().unwrap().writes.len();
    let written = session.write_packet(605, 1, &data).await;
    let done = meter.lock().unwrap().writes.len() - before;
    match &written {
        Ok(()) if done != 1 => return Err(format!("confirmed, and done {done} times")),
        Ok(()) => tally.writes += 1,
        Err(SessionFault::WriteUnknown { .. }) if done <= 1 => {}
        Err(SessionFault::WriteUnknown { .. }) => return Err("repeated".to_owned()),
        Err(_) if done > 0 => return Err(format!("{written:?}, and done")),
        Err(_) => {}
    }
    Ok(written)
}

fn check(right: Result<bool, SessionFault>) -> Result<Result<(), SessionFault>, String> {
    match right {
        Ok(true) => Ok(Ok(())),
        Ok(false) => Err("a wrong value".to_owned()),
        Err(fault) => Ok(Err(fault)),
    }
}

fn run(kinds: &'static [u8], one_in: u64, seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(live(Day::new(seed, kinds, one_in), &mut tally));
    }
    println!("{} one in {one_in}: {tally:?}", kinds.escape_ascii());
    tally
}

#[test]
fn one_trouble_at_a_time_books_no_wrong_value() {
    for kinds in [&b"l"[..], b"2", b"3", b"c", b"f", b"j", b"x", b"n"] {
        let tally = run(kinds, 4, 0..12);
        assert!(tally.opened >= 12, "{}", kinds.escape_ascii());
        assert!(tally.values > 150, "{}: {tally:?}", kinds.escape_ascii());
    }
}

#[test]
fn all_troubles_together_book_no_wrong_value() {
    let kinds = b"ll223cfjxns";
    let rare = run(kinds, 12, 100..140);
    let often = run(kinds, 3, 200..240);
    assert!(
        rare.values > 800 && often.values > 300,
        "{rare:?} {often:?}"
    );
}
