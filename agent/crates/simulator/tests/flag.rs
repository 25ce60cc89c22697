//! FLAG meters on a wire in memory, seen in plain octets at the gateway's end.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use iec62056_21::codec::{
    Command, DataSet, Form, Frame, Password, PasswordAnswer, Seed, StreamPacket, hex_of, octets_of,
    parity,
};
use iec62056_21::meter::{Opening, ParityBy, SignOnInSession};
use line::{DataBits, Line, LineSettings, Parity, StopBits};
use simulator::elster::{ElsterMeter, ElsterModel, Scenario, Source, What};
use simulator::frame::rtu_frame;
use simulator::meter::{CountingMeter, ModbusMeter};
use simulator::trouble::{
    Doubled, FlagTroubles, Late, MeterTroubles, OneIn, Spread, WhileThinking,
};
use simulator::wire::{MemoryLine, Wire, WireSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

const IDENT: &[u8] = b"/GEC5120510010401@000\r\n";
const NAK: &[u8] = b"\x15";
const B0: &[u8] = b"\x01B0\x03\x71";
const WAIT: Duration = Duration::from_secs(2);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn port(baud: u32, data_bits: DataBits, parity: Parity) -> LineSettings {
    LineSettings {
        baud,
        parity,
        data_bits,
        stop_bits: StopBits::One,
    }
}

const SEVEN: LineSettings = port(9600, DataBits::Seven, Parity::Even);
const EIGHT: LineSettings = port(9600, DataBits::Eight, Parity::None);

fn meter() -> ElsterMeter {
    ElsterMeter::new(ElsterModel::A1140, Scenario::new(3, "00012345"))
}

fn on(settings: WireSettings, troubles: FlagTroubles) -> (Wire, ElsterMeter) {
    let wire = Wire::new(settings, 42);
    let meter = meter();
    wire.seat_flag(meter.on_wire().unwrap(), troubles);
    (wire, meter)
}

/// Everything that arrives within `wait`.
async fn listen(line: &mut MemoryLine, wait: Duration) -> Vec<u8> {
    let end = Instant::now() + wait;
    let mut heard = Vec::new();
    let mut buffer = [0; 300];
    while let Ok(count) = timeout_at(end, line.read(&mut buffer)).await {
        heard.extend(&buffer[..count.unwrap()]);
    }
    heard
}

async fn ask(line: &mut MemoryLine, request: &[u8]) -> Vec<u8> {
    line.write_all(request).await.unwrap();
    listen(line, WAIT).await
}

fn read(address: &str) -> Frame {
    let set = DataSet::parse(address).unwrap();
    Command::Read(Form::Plain, set).encode()
}

fn log_on(operand: &[u8], password: &str) -> Frame {
    // SOH P0 STX ( sixteen digits ) ETX and the block check.
    let seed = Seed::parse(std::str::from_utf8(&operand[5..21]).unwrap()).unwrap();
    let password = Password::new(password).unwrap();
    Command::PasswordAnswer(PasswordAnswer::elster(&password, seed).unwrap()).encode()
}

/// Signs on, selects and logs on at level three.
async fn open(line: &mut MemoryLine) {
    assert_eq!(ask(line, b"/?345!\r\n").await, IDENT);
    let operand = ask(line, b"\x06051\r\n").await;
    assert_eq!(
        ask(line, log_on(&operand, "FEDC0003").octets()).await,
        b"\x06"
    );
}

/// The octets of an answer with one bare value.
fn data(answer: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(&answer[2..answer.len() - 3]).unwrap();
    octets_of(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_session_brings_what_the_meter_holds() {
    let (wire, meter) = on(WireSettings::flag(9600), FlagTroubles::default());
    let mut line = wire.line();
    open(&mut line).await;
    let before = wire.now();
    let answer = ask(&mut line, read("507001(08)").octets()).await;
    let shown = data(&answer);
    let at = before + ms(20);
    let reversed: Vec<u8> = shown.iter().rev().copied().collect();
    let total = meter.total(Source::Import, meter.utc(at)) / 3600;
    assert_eq!(hex_of(&reversed), format!("{total:016}"));
    assert_eq!(ask(&mut line, B0).await, b"");
    assert_eq!(ask(&mut line, read("507001(08)").octets()).await, b"");
    assert_eq!(wire.counters().flag_messages, 4);
}

#[tokio::test(start_paused = true)]
async fn octets_take_the_time_of_seven_bits_and_parity() {
    let (wire, _) = on(WireSettings::flag(9600), FlagTroubles::default());
    let mut line = wire.line();
    let begun = Instant::now();
    line.write_all(b"/?345!\r\n").await.unwrap();
    let mut first = [0; 1];
    line.read_exact(&mut first).await.unwrap();
    // Eight characters, 200 ms of thinking, one more character of 1.04 ms.
    assert_eq!(begun.elapsed().as_millis(), 210);
    let mut rest = vec![0; IDENT.len() - 1];
    line.read_exact(&mut rest).await.unwrap();
    assert_eq!(begun.elapsed().as_millis(), 233);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_set_otherwise_hears_something_else() {
    let (wire, _) = on(WireSettings::flag(9600), FlagTroubles::default());
    let mut line = wire.line();
    line.set(EIGHT).await.unwrap();
    assert_eq!(
        ask(&mut line, b"/?345!\r\n").await,
        b"",
        "half the characters are damaged"
    );
    let heard = ask(&mut line, &parity::send(b"/?345!\r\n")).await;
    assert_eq!(heard, parity::send(IDENT), "parity may be made by software");
    line.set(port(1200, DataBits::Seven, Parity::Even))
        .await
        .unwrap();
    assert_eq!(ask(&mut line, b"/?345!\r\n").await, b"");
    line.set(port(9600, DataBits::Seven, Parity::Odd))
        .await
        .unwrap();
    assert_eq!(ask(&mut line, b"/?345!\r\n").await, b"");
    line.set(SEVEN).await.unwrap();
    line.write_all(b"/?345!\r\n").await.unwrap();
    listen(&mut line, ms(5)).await;
    line.set(port(9600, DataBits::Seven, Parity::Odd))
        .await
        .unwrap();
    let heard = listen(&mut line, WAIT).await;
    assert_eq!(
        heard,
        vec![0; IDENT.len()],
        "a kernel gives zeros for wrong parity"
    );
    line.set(SEVEN).await.unwrap();
    assert_eq!(ask(&mut line, b"/?345!\r\n").await, IDENT);
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_is_opened_slowly_goes_on_fast() {
    let wire = Wire::new(WireSettings::flag(300), 1);
    let meter = meter();
    let mut settings = meter.settings().unwrap();
    settings.opening = Opening::Negotiated(iec62056_21::codec::Baud::B300);
    settings.sign_on_in_session = SignOnInSession::Silence;
    wire.seat_flag(meter.on_wire_as(settings), FlagTroubles::default());
    let mut line = wire.line();
    assert_eq!(ask(&mut line, b"/?!\r\n").await, IDENT);
    let begun = Instant::now();
    line.write_all(b"\x06051\r\n").await.unwrap();
    line.set(SEVEN).await.unwrap();
    assert_eq!(
        begun.elapsed().as_millis(),
        200,
        "six characters of 33 ms have left"
    );
    let operand = listen(&mut line, WAIT).await;
    assert_eq!(
        ask(&mut line, log_on(&operand, "0001ABCD").octets()).await,
        b"\x06"
    );
    line.set(port(300, DataBits::Seven, Parity::Even))
        .await
        .unwrap();
    assert_eq!(ask(&mut line, read("798001(10)").octets()).await, b"");
    line.set(SEVEN).await.unwrap();
    assert_eq!(
        data(&ask(&mut line, read("798001(10)").octets()).await),
        b"0000000000012345"
    );
    ask(&mut line, B0).await;
    assert_eq!(
        ask(&mut line, b"/?!\r\n").await,
        b"",
        "it listens slowly again"
    );
    line.set(port(300, DataBits::Seven, Parity::Even))
        .await
        .unwrap();
    assert_eq!(ask(&mut line, b"/?!\r\n").await, IDENT);
}

#[tokio::test(start_paused = true)]
async fn modbus_and_flag_meters_share_a_bus() {
    let (wire, _) = on(WireSettings::plain(9600), FlagTroubles::default());
    let modbus = ModbusMeter::new(7, Arc::new(CountingMeter::new(7)));
    wire.seat(modbus, MeterTroubles::healthy(ms(20)));
    let mut line = wire.line();
    let request = rtu_frame(7, &[4, 0, 8, 0, 2]);
    for _ in 0..3 {
        line.set(EIGHT).await.unwrap();
        assert_eq!(ask(&mut line, &request).await.len(), 9);
        line.set(SEVEN).await.unwrap();
        open(&mut line).await;
        assert_eq!(
            data(&ask(&mut line, read("798001(10)").octets()).await).len(),
            16
        );
        ask(&mut line, B0).await;
    }
    let counters = wire.counters();
    assert_eq!(
        (counters.requests, counters.damaged, counters.collided),
        (3, 0, 0)
    );
    assert_eq!(counters.flag_messages, 3 * 4);
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_eight_bits() {
    let wire = Wire::new(WireSettings::plain(9600), 1);
    let meter = meter();
    let mut settings = meter.settings().unwrap();
    settings.parity = ParityBy::Software;
    wire.seat_flag(meter.on_wire_as(settings), FlagTroubles::default());
    let mut line = wire.line();
    let send = |octets: &[u8]| parity::send(octets);
    assert_eq!(ask(&mut line, &send(b"/?345!\r\n")).await, send(IDENT));
    let operand = parity::receive(&ask(&mut line, &send(b"\x06056\r\n")).await);
    ask(&mut line, &send(log_on(&operand, "0001ABCD").octets())).await;
    let window = Command::Write(Form::Plain, DataSet::parse("551001(0200)").unwrap()).encode();
    assert_eq!(ask(&mut line, &send(window.octets())).await, b"\x06");
    let stream = Command::ReadStream(DataSet::parse("550001(2)").unwrap()).encode();
    let begun = Instant::now();
    let heard = ask(&mut line, &send(stream.octets())).await;
    let (first, second) = heard.split_at(263);
    let first = StreamPacket::decode(first).unwrap();
    let second = StreamPacket::decode(second).unwrap();
    assert_eq!((first.number(), second.number()), (1, 2));
    assert_eq!(first.data()[0], 0xe4);
    assert!(begun.elapsed() <= WAIT + ms(1));
}

/// What a meter with a trouble answers to a sign-on.
async fn troubled(troubles: FlagTroubles) -> (Vec<u8>, Wire) {
    let (wire, _) = on(WireSettings::flag(9600), troubles);
    let mut line = wire.line();
    (ask(&mut line, b"/?345!\r\n").await, wire)
}

#[tokio::test(start_paused = true)]
async fn every_trouble_shows_in_the_octets() {
    let usual = FlagTroubles::default;
    let always = OneIn::ALWAYS;
    let lost = FlagTroubles {
        lost_answers: always,
        ..usual()
    };
    assert_eq!(troubled(lost).await.0, b"");
    let deaf = FlagTroubles {
        lost_octets: always,
        ..usual()
    };
    assert_eq!(troubled(deaf).await.0, b"");
    let dead = FlagTroubles {
        dead: true,
        ..usual()
    };
    assert_eq!(troubled(dead).await.0, b"");
    let cut = troubled(FlagTroubles {
        truncated: always,
        ..usual()
    })
    .await
    .0;
    assert!(!cut.is_empty() && cut.len() < IDENT.len() && IDENT.starts_with(&cut));
    let flipped = troubled(FlagTroubles {
        flipped: always,
        ..usual()
    })
    .await
    .0;
    let differ = flipped
        .iter()
        .zip(IDENT)
        .filter(|(one, other)| one != other)
        .count();
    assert_eq!((flipped.len(), differ), (IDENT.len(), 1));
    let doubled = Doubled {
        after: ms(50),
        happens: always,
    };
    let twice = troubled(FlagTroubles {
        doubled: Some(doubled),
        ..usual()
    })
    .await
    .0;
    assert_eq!(twice, [IDENT, IDENT].concat());
    let junk = troubled(FlagTroubles {
        junk: Some(3..=3),
        ..usual()
    })
    .await
    .0;
    assert_eq!(junk.len(), IDENT.len() + 3);
    assert!(junk.ends_with(IDENT));
    let late = Late {
        thinks: Spread::fixed(ms(1_900)),
        happens: always,
    };
    let late = troubled(FlagTroubles {
        late: Some(late),
        ..usual()
    })
    .await
    .0;
    assert_eq!(late, IDENT);
}

#[tokio::test(start_paused = true)]
async fn slow_characters_come_one_by_one() {
    let pause = FlagTroubles {
        pause: ms(100),
        ..FlagTroubles::default()
    };
    let (wire, _) = on(WireSettings::flag(9600), pause);
    let mut line = wire.line();
    line.write_all(b"/?345!\r\n").await.unwrap();
    let heard = listen(&mut line, ms(1_250)).await;
    assert_eq!(heard, IDENT[..11]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_block_check_and_a_sign_off_come_in_a_session() {
    let (wire, meter) = on(WireSettings::flag(9600), FlagTroubles::default());
    let place = wire.seat_flag(
        {
            let mut settings = meter.settings().unwrap();
            settings.address = Some("7".parse_address());
            settings.answers_empty = false;
            meter.on_wire_as(settings)
        },
        FlagTroubles::default(),
    );
    let mut line = wire.line();
    ask(&mut line, b"/?7!\r\n").await;
    let operand = ask(&mut line, b"\x06051\r\n").await;
    ask(&mut line, log_on(&operand, "0001ABCD").octets()).await;
    let right = ask(&mut line, read("798001(10)").octets()).await;
    wire.change_flag(place, |troubles| troubles.wrong_check = OneIn::ALWAYS);
    let wrong = ask(&mut line, read("798001(10)").octets()).await;
    assert_eq!(wrong[..wrong.len() - 1], right[..right.len() - 1]);
    assert_ne!(wrong, right);
    wire.change_flag(place, |troubles| *troubles = FlagTroubles::default());
    assert_eq!(
        ask(&mut line, NAK).await,
        right,
        "the meter remembers what it meant"
    );
    wire.change_flag(place, |troubles| troubles.signs_off = OneIn::ALWAYS);
    assert_eq!(ask(&mut line, read("798001(10)").octets()).await, B0);
    assert!(!wire.sign_off(place));
}

/// A short way to an address.
trait ParseAddress {
    fn parse_address(&self) -> iec62056_21::codec::MeterAddress;
}

impl ParseAddress for str {
    fn parse_address(&self) -> iec62056_21::codec::MeterAddress {
        iec62056_21::codec::MeterAddress::new(self).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_signs_off_unasked_and_when_nobody_speaks() {
    let (wire, meter) = on(WireSettings::flag(9600), FlagTroubles::default());
    let mut line = wire.line();
    open(&mut line).await;
    let silent = listen(&mut line, Duration::from_secs(117)).await;
    assert_eq!(silent, b"");
    assert_eq!(listen(&mut line, WAIT).await, B0);
    let place = wire.seat_flag(meter.on_wire().unwrap(), FlagTroubles::default());
    wire.change_flag(place, |troubles| troubles.dead = true);
    assert!(!wire.sign_off(place));
    wire.unseat_flag(place);
    assert!(!wire.change_flag(place, |_| {}));
}

#[tokio::test(start_paused = true)]
async fn two_meters_with_one_address_garble_each_other() {
    let (wire, _) = on(WireSettings::flag(9600), FlagTroubles::default());
    let other = ElsterMeter::new(ElsterModel::A1700, Scenario::new(9, "00099345"));
    wire.seat_flag(other.on_wire().unwrap(), FlagTroubles::default());
    let mut line = wire.line();
    let heard = ask(&mut line, b"/?345!\r\n").await;
    assert!(!heard.is_empty() && heard != IDENT);
    assert!(wire.counters().collided > 20);
    // One that is slower answers behind the other.
    let (wire, _) = on(WireSettings::flag(9600), FlagTroubles::default());
    let slow = FlagTroubles {
        turnaround: Some(Spread::fixed(ms(400))),
        ..FlagTroubles::default()
    };
    wire.seat_flag(other.on_wire().unwrap(), slow);
    let heard = ask(&mut wire.line(), b"/?345!\r\n").await;
    assert_eq!(heard, [IDENT, b"/GEC5090100140400@000\r\n"].concat());
    assert_eq!(wire.counters().collided, 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_followed_by_the_one_to_the_repetition() {
    let late = Late {
        thinks: Spread::fixed(ms(3_000)),
        happens: OneIn::ALWAYS,
    };
    for (habit, answers) in [(WhileThinking::Queues, 2), (WhileThinking::Deaf, 1)] {
        let (wire, meter) = on(WireSettings::flag(9600), FlagTroubles::default());
        let place = wire.seat_flag(
            {
                let mut settings = meter.settings().unwrap();
                settings.address = Some("7".parse_address());
                settings.yields = false;
                meter.on_wire_as(settings)
            },
            FlagTroubles {
                while_thinking: habit,
                ..FlagTroubles::default()
            },
        );
        let mut line = wire.line();
        ask(&mut line, b"/?7!\r\n").await;
        let operand = ask(&mut line, b"\x06051\r\n").await;
        ask(&mut line, log_on(&operand, "0001ABCD").octets()).await;
        wire.change_flag(place, |troubles| troubles.late = Some(late));
        let request = read("798001(10)");
        line.write_all(request.octets()).await.unwrap();
        assert_eq!(listen(&mut line, ms(2_000)).await, b"");
        let mut heard = ask(&mut line, request.octets()).await;
        heard.extend(listen(&mut line, WAIT * 3).await);
        assert_eq!(heard.len(), 37 * answers, "{habit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_adapter_may_return_what_was_sent() {
    let (wire, _) = on(WireSettings::flag(9600), FlagTroubles::default());
    wire.change_wire(|troubles| troubles.echo = true);
    let heard = ask(&mut wire.line(), b"/?345!\r\n").await;
    assert_eq!(heard, [b"/?345!\r\n", IDENT].concat());
}

#[tokio::test(start_paused = true)]
async fn noise_is_seen_by_parity() {
    let (wire, _) = on(WireSettings::flag(9600), FlagTroubles::default());
    wire.change_wire(|troubles| troubles.noise = OneIn::times(10));
    let mut line = wire.line();
    let mut heard = Vec::new();
    for _ in 0..60 {
        heard.extend(ask(&mut line, b"/?345!\r\n").await);
    }
    assert!(heard.contains(&0), "a damaged character reads as zero");
    let wrong = |octet: &&u8| **octet != 0 && !IDENT.contains(octet);
    assert_eq!(
        heard.iter().filter(wrong).count(),
        0,
        "and nothing else is wrong"
    );
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_silences_the_meter_and_ends_its_session() {
    let (wire, meter) = on(WireSettings::flag(9600), FlagTroubles::default());
    let mut line = wire.line();
    open(&mut line).await;
    meter.happen(wire.now(), What::PowerCut { seconds: 10 });
    assert_eq!(ask(&mut line, read("798001(10)").octets()).await, b"");
    listen(&mut line, Duration::from_secs(10)).await;
    assert_eq!(ask(&mut line, read("798001(10)").octets()).await, b"");
    open(&mut line).await;
}

#[tokio::test(start_paused = true)]
async fn a_meter_without_power_forgets_its_session() {
    let (wire, meter) = on(WireSettings::flag(9600), FlagTroubles::default());
    let place = wire.seat_flag(
        {
            let mut settings = meter.settings().unwrap();
            settings.address = Some("7".parse_address());
            meter.on_wire_as(settings)
        },
        FlagTroubles::default(),
    );
    let mut line = wire.line();
    ask(&mut line, b"/?7!\r\n").await;
    ask(&mut line, b"\x06051\r\n").await;
    wire.change_flag(place, |troubles| troubles.dead = true);
    assert_eq!(ask(&mut line, read("798001(10)").octets()).await, b"");
    wire.change_flag(place, |troubles| troubles.dead = false);
    assert_eq!(ask(&mut line, read("798001(10)").octets()).await, b"");
    assert_eq!(ask(&mut line, b"/?7!\r\n").await, IDENT);
    wire.unplug();
    wire.replug();
    assert!(wire.change_flag_settings(place, |settings| settings.reaction = ms(20)));
    let begun = Instant::now();
    line.write_all(b"\x06051\r\n").await.unwrap();
    let mut first = [0; 1];
    line.read_exact(&mut first).await.unwrap();
    assert!(
        begun.elapsed() < ms(40),
        "what the meter was in the middle of survives the plug"
    );
}
