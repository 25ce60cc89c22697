//! What a gateway that is configured so hears in each broken set-up.

#![cfg(test)]

use std::time::Duration;

use iec62056_21::codec::{
    Answer, Command, DataSet, Form, Identification, Password, PasswordAnswer, Seed, octets_of,
};
use simulator::broken::{Broken, SetUp};
use simulator::wire::MemoryLine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// How far a conversation came, and what stopped it.
#[derive(Debug, PartialEq, Eq)]
enum Reached {
    /// Not an octet came back.
    Nothing,
    /// What was sent came back, and nothing else.
    Echo,
    /// Something came that is no identification.
    Garbage,
    /// The answer to the password was not an acknowledgement.
    Password,
    /// A read was refused.
    Refused,
    /// Reads failed now and then.
    Sometimes,
    /// Another meter.
    Serial,
    /// Everything was read: serial number, clock, sizes of two days.
    All { year: u8, has_profile: bool },
}

async fn ask(line: &mut MemoryLine, request: &[u8]) -> Vec<u8> {
    line.write_all(request).await.unwrap();
    let end = Instant::now() + Duration::from_millis(2_500);
    let mut heard = Vec::new();
    let mut buffer = [0; 300];
    while let Ok(count) = timeout_at(end, line.read(&mut buffer)).await {
        heard.extend(&buffer[..count.unwrap()]);
    }
    heard
}

/// The octets of an answer with one bare value.
fn data(heard: &[u8]) -> Option<Vec<u8>> {
    match Answer::decode(heard).ok()? {
        Answer::Data(block) => octets_of(DataSet::parse(block.payload()).ok()?.value()).ok(),
        _ => None,
    }
}

async fn try_all(set_up: &SetUp) -> Reached {
    let mut line = set_up.wire.line();
    let configured = &set_up.configured;
    let sign_on = format!("/?{}!\r\n", configured.address);
    let heard = ask(&mut line, sign_on.as_bytes()).await;
    if heard.is_empty() {
        return Reached::Nothing;
    }
    if heard == sign_on.as_bytes() {
        return Reached::Echo;
    }
    if Identification::decode(&heard).is_err() {
        return Reached::Garbage;
    }
    let operand = ask(&mut line, b"\x06051\r\n").await;
    let Ok(Answer::Operand(operand)) = Answer::decode(&operand) else {
        return Reached::Sometimes;
    };
    let seed = Seed::parse(operand.value()).unwrap();
    let password = Password::new(&configured.password).unwrap();
    let answer = PasswordAnswer::elster(&password, seed).unwrap();
    let answer = Command::PasswordAnswer(answer).encode();
    match ask(&mut line, answer.octets()).await.as_slice() {
        b"\x06" => {}
        b"\x15" => return Reached::Password,
        _ => return Reached::Sometimes,
    }
    let mut reads = Vec::new();
    for text in ["798001(10)", "861001(07)", "507001(40)"].repeat(5) {
        let set = DataSet::parse(text).unwrap();
        let request = Command::Read(Form::Plain, set).encode();
        let heard = ask(&mut line, request.octets()).await;
        if text.starts_with('5') && matches!(Answer::decode(&heard), Ok(Answer::Refused(_))) {
            return Reached::Refused;
        }
        reads.push(data(&heard));
    }
    let Some(reads) = reads.into_iter().collect::<Option<Vec<_>>>() else {
        return Reached::Sometimes;
    };
    if reads[0] != configured.serial.as_bytes() {
        return Reached::Serial;
    }
    let window = Command::Write(Form::Plain, DataSet::parse("551001(0200)").unwrap()).encode();
    ask(&mut line, window.octets()).await;
    let sizes = Command::Read(Form::Plain, DataSet::parse("551001(04)").unwrap()).encode();
    let sizes = data(&ask(&mut line, sizes.octets()).await).unwrap();
    Reached::All {
        year: reads[1][6],
        has_profile: sizes[..2] != [0, 0],
    }
}

#[track_caller]
fn expected(broken: Broken) -> Reached {
    let all = Reached::All {
        year: 0x26,
        has_profile: true,
    };
    match broken {
        Broken::WrongBaud
        | Broken::WrongFraming
        | Broken::OpensSlowly
        | Broken::Silent
        | Broken::Late
        | Broken::WrongAddress => Reached::Nothing,
        Broken::EchoOnly => Reached::Echo,
        Broken::NoParity | Broken::TwoOnOneAddress => Reached::Garbage,
        Broken::WrongPassword | Broken::LockedOut => Reached::Password,
        Broken::LevelTooLow => Reached::Refused,
        Broken::Noise | Broken::WrongCheck | Broken::LinkDrops | Broken::SignsOff => {
            Reached::Sometimes
        }
        Broken::WrongSerial => Reached::Serial,
        Broken::ClockOff => all,
        Broken::ClockInvalid => Reached::All {
            year: 0x00,
            has_profile: false,
        },
        Broken::ProfileMissing => Reached::All {
            year: 0x26,
            has_profile: false,
        },
    }
}

#[tokio::test(start_paused = true)]
async fn every_set_up_is_broken_in_its_own_way() {
    for broken in Broken::ALL {
        let set_up = broken.set_up(5).unwrap();
        let mut reached = try_all(&set_up).await;
        // What happens now and then may happen to the very first message.
        let is_fickle = expected(broken) == Reached::Sometimes;
        if is_fickle && matches!(reached, Reached::Nothing | Reached::Garbage) {
            reached = Reached::Sometimes;
        }
        assert_eq!(reached, expected(broken), "{}", broken.name());
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_off_by_twenty_minutes() {
    let off = Broken::ClockOff.set_up(1).unwrap();
    let now = off.meter.utc(off.wire.now());
    assert_eq!(off.meter.clock_error(now), 1200);
    let invalid = Broken::ClockInvalid.set_up(1).unwrap();
    assert!(invalid.meter.clock_error(now) < -20 * 365 * 86_400);
}
