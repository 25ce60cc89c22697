//! Each trouble of a wire in memory, seen in plain octets at the gateway's end.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use meters::{Span, Table};
use simulator::frame::{rtu_frame, tcp_frame};
use simulator::meter::{CountingMeter, ModbusMeter};
use simulator::trouble::{Doubled, Late, MeterTroubles, OneIn, Spread, WhileThinking};
use simulator::wire::{MemoryLine, Wire, WireSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout_at};

/// 9600 baud, ten bits: a character takes 1.0417 ms.
const SETTINGS: WireSettings = WireSettings::serial(9600, 10);
const UNIT: u8 = 7;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn troubled(troubles: MeterTroubles) -> Wire {
    let wire = Wire::new(SETTINGS, 42);
    wire.seat(
        ModbusMeter::new(UNIT, Arc::new(CountingMeter::new(UNIT))),
        troubles,
    );
    wire
}

fn healthy() -> MeterTroubles {
    MeterTroubles::healthy(ms(20))
}

fn request(address: u8, count: u8) -> Vec<u8> {
    rtu_frame(UNIT, &[4, 0, address, 0, count])
}

/// Everything that arrives within `wait`, and when each stretch of it did.
async fn listen(line: &mut MemoryLine, wait: Duration) -> Vec<(u128, Vec<u8>)> {
    let begun = Instant::now();
    let mut heard = Vec::new();
    let mut buffer = [0; 300];
    while let Ok(count) = timeout_at(begun + wait, line.read(&mut buffer)).await {
        let count = count.unwrap();
        if count == 0 {
            break;
        }
        heard.push((begun.elapsed().as_millis(), buffer[..count].to_vec()));
    }
    heard
}

async fn ask(line: &mut MemoryLine, request: &[u8], wait: Duration) -> Vec<u8> {
    line.write_all(request).await.unwrap();
    listen(line, wait)
        .await
        .into_iter()
        .flat_map(|(_, octets)| octets)
        .collect()
}

/// The answer that the meter really meant.
fn truth(wire: &Wire, nth: usize) -> Vec<u8> {
    let answered = wire.answers()[nth].clone();
    let mut pdu = vec![4, u8::try_from(answered.words.len() * 2).unwrap()];
    pdu.extend(answered.words.iter().flat_map(|word| word.to_be_bytes()));
    rtu_frame(answered.unit, &pdu)
}

#[tokio::test(start_paused = true)]
async fn octets_take_their_time_in_both_directions() {
    let wire = troubled(healthy());
    let mut line = wire.line();
    line.write_all(&request(0, 10)).await.unwrap();
    let heard = listen(&mut line, ms(200)).await;
    // 8 characters, 20 ms of thinking, the first octet one character later; the last of 25.
    assert_eq!(heard.first().unwrap().0, 30);
    assert_eq!(heard.last().unwrap().0, 55);
    assert!(heard.len() >= 25, "octets arrive one by one");
    let octets: Vec<u8> = heard.into_iter().flat_map(|(_, octets)| octets).collect();
    assert_eq!(octets, truth(&wire, 0));
    let answered = &wire.answers()[0];
    assert!(answered.asked_at <= ms(9) && answered.sampled_at == answered.asked_at);
    assert_eq!(answered.due_at, Some(answered.asked_at + ms(20)));
}

#[tokio::test(start_paused = true)]
async fn the_truth_knows_what_was_held_when() {
    let wire = troubled(healthy());
    let span = Span {
        table: Table::Input,
        address: 0,
        count: 2,
    };
    let words = wire.words(UNIT, span, ms(500)).unwrap().unwrap();
    assert!(wire.held(UNIT, span, &words, ms(400), ms(600)));
    assert!(!wire.held(UNIT, span, &words, ms(600), ms(700)));
    assert!(!wire.held(UNIT, Span { address: 4, ..span }, &words, ms(400), ms(600)));
    assert!(!wire.held(UNIT + 1, span, &words, ms(400), ms(600)));
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_comes_late() {
    let late = Late {
        thinks: Spread::fixed(ms(400)),
        happens: OneIn::ALWAYS,
    };
    let wire = troubled(MeterTroubles {
        late: Some(late),
        ..healthy()
    });
    let mut line = wire.line();
    assert_eq!(ask(&mut line, &request(0, 10), ms(300)).await, []);
    assert_eq!(
        ask(&mut line, &request(100, 10), ms(300)).await,
        truth(&wire, 0)
    );
    assert_eq!(
        listen(&mut line, ms(500)).await.concat_octets(),
        truth(&wire, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn late_answers_can_be_random_and_rare() {
    let thinks = Spread::between(ms(100), ms(300));
    let late = Late {
        thinks,
        happens: OneIn::times(4),
    };
    let wire = troubled(MeterTroubles {
        late: Some(late),
        ..healthy()
    });
    let mut line = wire.line();
    for _ in 0..200 {
        ask(&mut line, &request(0, 2), ms(500)).await;
    }
    let waits: Vec<Duration> = wire
        .answers()
        .iter()
        .map(|answered| answered.due_at.unwrap().saturating_sub(answered.asked_at))
        .collect();
    let late: Vec<_> = waits.iter().filter(|wait| **wait >= ms(100)).collect();
    assert!(
        (30..70).contains(&late.len()),
        "{} of 200 were late",
        late.len()
    );
    assert!(late.iter().all(|wait| **wait <= ms(300)));
    assert!(late.iter().any(|wait| **wait < ms(200)) && late.iter().any(|wait| **wait > ms(200)));
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_thinks_queues_or_is_deaf() {
    let thinking = MeterTroubles::healthy(ms(60));
    for (while_thinking, answers) in [(WhileThinking::Queues, 2), (WhileThinking::Deaf, 1)] {
        let wire = troubled(MeterTroubles {
            while_thinking,
            ..thinking.clone()
        });
        let mut line = wire.line();
        ask(&mut line, &request(0, 10), ms(30)).await;
        ask(&mut line, &request(100, 10), ms(500)).await;
        assert_eq!(wire.answers().len(), answers);
        assert_eq!(wire.counters().missed, 2 - u64::try_from(answers).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubled_answer_comes_twice_even_into_the_next_request() {
    for after in [0, 5, 20, 60] {
        let doubled = Doubled {
            after: ms(after),
            happens: OneIn::ALWAYS,
        };
        let wire = troubled(MeterTroubles {
            doubled: Some(doubled),
            ..healthy()
        });
        let mut line = wire.line();
        line.write_all(&request(0, 10)).await.unwrap();
        let heard = listen(&mut line, ms(500)).await;
        let answer = truth(&wire, 0);
        assert_eq!(heard.concat_octets(), [answer.clone(), answer].concat());
        let times: Vec<u128> = heard
            .iter()
            .flat_map(|(at, octets)| std::iter::repeat_n(*at, octets.len()))
            .collect();
        let pause = times[25] - times[24];
        assert!(
            (after.into()..=u128::from(after) + 3).contains(&pause),
            "{pause} ms of {after}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn requests_and_answers_get_lost() {
    let wire = troubled(MeterTroubles {
        lost_requests: OneIn::ALWAYS,
        ..healthy()
    });
    assert_eq!(ask(&mut wire.line(), &request(0, 2), ms(200)).await, []);
    assert_eq!((wire.answers().len(), wire.counters().missed), (0, 1));

    let wire = troubled(MeterTroubles {
        lost_answers: OneIn::ALWAYS,
        ..healthy()
    });
    assert_eq!(ask(&mut wire.line(), &request(0, 2), ms(200)).await, []);
    assert_eq!(wire.answers()[0].due_at, None);
}

#[tokio::test(start_paused = true)]
async fn answers_arrive_truncated_flipped_and_after_junk() {
    let wire = troubled(MeterTroubles {
        truncated: OneIn::ALWAYS,
        ..healthy()
    });
    let heard = ask(&mut wire.line(), &request(0, 10), ms(200)).await;
    assert!(!heard.is_empty() && heard.len() < 25 && truth(&wire, 0).starts_with(&heard));

    let wire = troubled(MeterTroubles {
        flipped: OneIn::ALWAYS,
        ..healthy()
    });
    let heard = ask(&mut wire.line(), &request(0, 10), ms(200)).await;
    let differing: u32 = heard
        .iter()
        .zip(truth(&wire, 0))
        .map(|(one, two)| (one ^ two).count_ones())
        .sum();
    assert_eq!((heard.len(), differing), (25, 1));

    let wire = troubled(MeterTroubles {
        junk: Some(1..=40),
        ..healthy()
    });
    let mut line = wire.line();
    let mut lengths = std::collections::BTreeSet::new();
    for nth in 0..20 {
        let heard = ask(&mut line, &request(0, 10), ms(200)).await;
        assert!(heard.ends_with(&truth(&wire, nth)));
        lengths.insert(heard.len() - 25);
    }
    assert!(lengths.iter().all(|length| (1..=40).contains(length)) && lengths.len() > 5);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_answer_is_well_formed() {
    let wire = troubled(MeterTroubles {
        foreign: OneIn::ALWAYS,
        ..healthy()
    });
    let heard = ask(&mut wire.line(), &request(0, 10), ms(200)).await;
    let (foreign, answer) = heard.split_at(25);
    assert_eq!(answer, truth(&wire, 0));
    assert_eq!(foreign[..3], [UNIT + 1, 4, 20]);
    assert_eq!(foreign, rtu_frame(UNIT + 1, &foreign[1..23]));
}

#[tokio::test(start_paused = true)]
async fn noise_and_echo_belong_to_the_wire() {
    let wire = troubled(healthy());
    wire.change_wire(|troubles| troubles.echo = true);
    let heard = ask(&mut wire.line(), &request(0, 10), ms(200)).await;
    assert_eq!(heard, [request(0, 10), truth(&wire, 0)].concat());

    let wire = troubled(healthy());
    wire.change_wire(|troubles| troubles.noise = OneIn::times(20));
    let mut line = wire.line();
    for _ in 0..100 {
        ask(&mut line, &request(0, 10), ms(200)).await;
    }
    let counters = wire.counters();
    assert!(
        (30..200).contains(&counters.flipped),
        "{} flipped",
        counters.flipped
    );
    assert!(
        counters.damaged > 10 && counters.answers > 30,
        "{counters:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn dead_absent_and_unplugged_are_silent_in_their_ways() {
    let wire = troubled(MeterTroubles::dead());
    let mut line = wire.line();
    assert_eq!(ask(&mut line, &request(0, 2), ms(1000)).await, []);
    assert_eq!(
        ask(&mut line, &rtu_frame(9, &[4, 0, 0, 0, 2]), ms(1000)).await,
        []
    );
    assert_eq!(wire.counters().unanswered, 2);
    wire.change_meter(UNIT, |troubles| *troubles = healthy());
    assert_eq!(ask(&mut line, &request(0, 2), ms(200)).await.len(), 9);

    line.write_all(&request(0, 2)).await.unwrap();
    wire.unplug();
    assert_eq!(line.read(&mut [0; 10]).await.unwrap(), 0);
    assert!(line.write_all(&request(0, 2)).await.is_err());
    wire.replug();
    assert_eq!(listen(&mut line, ms(200)).await, []);
    assert_eq!(ask(&mut line, &request(0, 2), ms(200)).await.len(), 9);
}

#[tokio::test(start_paused = true)]
async fn unplugging_wakes_a_waiting_reader() {
    let wire = troubled(healthy());
    let mut line = wire.line();
    let pull = async {
        sleep(ms(50)).await;
        wire.unplug();
    };
    let mut buffer = [0; 10];
    let (count, ()) = tokio::join!(line.read(&mut buffer), pull);
    assert_eq!(count.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn silence_is_measured_and_a_strict_meter_asks_for_it() {
    let wire = troubled(MeterTroubles {
        needs_silence: true,
        ..healthy()
    });
    let mut line = wire.line();
    line.write_all(&request(0, 2)).await.unwrap();
    assert_eq!(listen(&mut line, ms(40)).await.concat_octets().len(), 9);
    // The answer's last octet ended 37.7 ms after the request began; this is 2.2 characters later.
    line.write_all(&request(0, 2)).await.unwrap();
    assert_eq!(listen(&mut line, ms(200)).await.concat_octets().len(), 0);
    line.write_all(&request(0, 2)).await.unwrap();
    assert_eq!(listen(&mut line, ms(200)).await.concat_octets().len(), 9);
    let silences = wire.silences();
    let character = SETTINGS.character_time();
    assert_eq!(silences.count, 2);
    assert_eq!(silences.shortest_centicharacters(character), Some(220));
    assert_eq!((wire.counters().missed, silences.talked_over), (1, 0));
    assert_eq!(wire.requests().len(), 3);
    assert_eq!(wire.requests()[0].asked.unwrap().words, Some((0, 2)));
}

#[tokio::test(start_paused = true)]
async fn a_pause_within_a_request_breaks_it() {
    let wire = troubled(healthy());
    let mut line = wire.line();
    line.write_all(&request(0, 2)[..4]).await.unwrap();
    sleep(ms(7)).await;
    assert_eq!(ask(&mut line, &request(0, 2)[4..], ms(200)).await, []);
    assert_eq!(ask(&mut line, &request(0, 2), ms(200)).await.len(), 9);
    assert_eq!(wire.counters().damaged, 2);
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_world() {
    let mut worlds = Vec::new();
    for seed in [1, 1, 2] {
        let wire = Wire::new(SETTINGS, seed);
        let late = Late {
            thinks: Spread::between(ms(20), ms(600)),
            happens: OneIn::times(3),
        };
        let troubles = MeterTroubles {
            late: Some(late),
            flipped: OneIn::times(5),
            junk: Some(0..=9),
            ..healthy()
        };
        wire.seat(
            ModbusMeter::new(UNIT, Arc::new(CountingMeter::new(UNIT))),
            troubles,
        );
        let mut line = wire.line();
        let mut heard = Vec::new();
        for _ in 0..20 {
            line.write_all(&request(0, 4)).await.unwrap();
            heard.push(listen(&mut line, ms(300)).await);
        }
        worlds.push(heard);
    }
    assert_eq!(worlds[0], worlds[1]);
    assert_ne!(worlds[0], worlds[2]);
}

#[tokio::test(start_paused = true)]
async fn modbus_tcp_answers_carry_their_transaction() {
    let wire = Wire::new(WireSettings::modbus_tcp(), 1);
    let doubled = Doubled {
        after: ms(1),
        happens: OneIn::ALWAYS,
    };
    let troubles = MeterTroubles {
        doubled: Some(doubled),
        foreign: OneIn::ALWAYS,
        ..healthy()
    };
    wire.seat(
        ModbusMeter::new(UNIT, Arc::new(CountingMeter::new(UNIT))),
        troubles,
    );
    let mut line = wire.line();
    let request = tcp_frame(0x0102, UNIT, &[4, 0, 0, 0, 1]);
    let heard = ask(&mut line, &request, ms(100)).await;
    let tag = CountingMeter::tag(UNIT, Table::Input, 0).to_be_bytes();
    let answer = tcp_frame(0x0102, UNIT, &[4, 2, tag[0], tag[1]]);
    assert_eq!(heard.len(), 33);
    assert_eq!(heard[..2], [0x5B, 0x5C]);
    assert_eq!(heard[11..], [answer.clone(), answer].concat());
}

trait ConcatOctets {
    fn concat_octets(&self) -> Vec<u8>;
}

impl ConcatOctets for Vec<(u128, Vec<u8>)> {
    fn concat_octets(&self) -> Vec<u8> {
        self.iter().flat_map(|(_, octets)| octets.clone()).collect()
    }
}
