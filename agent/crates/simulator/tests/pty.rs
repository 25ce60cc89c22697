//! A wire behind a pty, read as a program would read its serial port.

#![cfg(test)]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use simulator::frame::rtu_frame;
use simulator::meter::{CountingMeter, ModbusMeter};
use simulator::trouble::MeterTroubles;
use simulator::wire::{PtyWire, Wire, WireSettings};
use tokio::time::Instant;

const UNIT: u8 = 3;

/// Two ptys at once disturb each other's timing on a small machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn wire(baud: u32, turnaround_ms: u64) -> Wire {
    let wire = Wire::new(WireSettings::serial(baud, 10), 1);
    let meter = ModbusMeter::new(UNIT, Arc::new(CountingMeter::new(UNIT)));
    wire.seat(
        meter,
        MeterTroubles::healthy(Duration::from_millis(turnaround_ms)),
    );
    wire
}

fn open(link: &Path, baud: u32) -> File {
    let port = OpenOptions::new()
        .read(true)
        .write(true)
        .open(link)
        .unwrap();
    let mut settings = tcgetattr(&port).unwrap();
    settings.make_raw();
    settings.set_speed(baud).unwrap();
    tcsetattr(&port, OptionalActions::Now, &settings).unwrap();
    port
}

/// Reads `length` octets, or what came until nothing more does for the wait.
fn read(port: &mut File, length: usize, wait: Duration) -> std::io::Result<Vec<u8>> {
    let mut heard = Vec::new();
    let timeout = Timespec::try_from(wait).unwrap();
    while heard.len() < length {
        let mut ready = [PollFd::new(port, PollFlags::IN)];
        if poll(&mut ready, Some(&timeout))? == 0 {
            break;
        }
        let mut buffer = [0; 256];
        match port.read(&mut buffer)? {
            0 => break,
            count => heard.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(heard)
}

/// Waits as a precise port would: asleep at first, then watching the clock.
fn wait_until(instant: Instant) {
    if let Some(rest) = instant.checked_duration_since(Instant::now() + Duration::from_micros(300))
    {
        let timeout = Timespec::try_from(rest).unwrap();
        poll(&mut [], Some(&timeout)).unwrap();
    }
    while Instant::now() < instant {
        std::hint::spin_loop();
    }
}

#[test]
fn a_program_reads_a_meter_through_the_name_of_the_pty() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let wire = wire(9600, 10);
    let pty = PtyWire::open(&wire, &folder.path().join("bus1")).unwrap();
    let mut port = open(pty.link(), 9600);
    let begun = Instant::now();
    port.write_all(&rtu_frame(UNIT, &[4, 0, 0, 0, 10])).unwrap();
    let heard = read(&mut port, 25, Duration::from_millis(500)).unwrap();
    // 33 characters of 1.04 ms and 10 ms of thinking.
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(44),
        "{took:?} is shorter than the line time"
    );
    assert!(
        took < Duration::from_millis(150),
        "{took:?} is much longer than the line time"
    );
    let answered = &wire.answers()[0];
    assert!(CountingMeter::owns(UNIT, answered.span, &answered.words));
    let mut pdu = vec![4, 20];
    pdu.extend(answered.words.iter().flat_map(|word| word.to_be_bytes()));
    assert_eq!(heard, rtu_frame(UNIT, &pdu));

    let link = pty.link().to_path_buf();
    drop(pty);
    assert!(!link.exists(), "the name goes with the pty");
}

#[test]
fn another_baud_rate_reads_garbage() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let wire = wire(9600, 10);
    let pty = PtyWire::open(&wire, &folder.path().join("bus1")).unwrap();
    let mut port = open(pty.link(), 19_200);
    port.write_all(&rtu_frame(UNIT, &[4, 0, 0, 0, 1])).unwrap();
    assert_eq!(read(&mut port, 7, Duration::from_millis(200)).unwrap(), []);
    assert_eq!(wire.counters().requests, 0);
}

#[test]
fn unplugging_ends_the_port_and_replugging_brings_it_back() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let wire = wire(9600, 10);
    let pty = PtyWire::open(&wire, &folder.path().join("bus1")).unwrap();
    let mut port = open(pty.link(), 9600);
    wire.unplug();
    let gone = read(&mut port, 1, Duration::from_secs(2));
    assert!(
        gone.is_err() || gone.unwrap().is_empty(),
        "a vanished port reads as nothing"
    );
    assert!(
        port.write_all(&[1]).is_err(),
        "a vanished port takes nothing"
    );
    assert!(!pty.link().exists());

    wire.replug();
    let until = Instant::now() + Duration::from_secs(2);
    while !pty.link().exists() && Instant::now() < until {
        std::thread::yield_now();
    }
    let mut port = open(pty.link(), 9600);
    port.write_all(&rtu_frame(UNIT, &[4, 0, 0, 0, 1])).unwrap();
    assert_eq!(
        read(&mut port, 7, Duration::from_millis(500))
            .unwrap()
            .len(),
        7
    );
}

/// How exactly the wire measures the silence before a request: the program waits for a known
/// time after the last octet, to the microsecond, and the wire's record is compared.
#[test]
fn silence_is_measured_to_a_fifth_of_a_character() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    // At twice the baud rate the same latencies weigh twice as much.
    for (baud, fifths) in [(9600, 1), (19_200, 2)] {
        let wire = wire(baud, 5);
        let pty = PtyWire::open(&wire, &folder.path().join("bus1")).unwrap();
        let mut port = open(pty.link(), baud);
        let character = wire.settings().character_time();
        let mut meant = Vec::new();
        let mut last = None;
        for nth in 0..60_u32 {
            if let Some(last) = last {
                // 3.5 to 6.4 characters.
                let silence = character * (70 + nth) / 20;
                wait_until(last + silence);
                meant.push(Instant::now() - last);
            }
            port.write_all(&rtu_frame(UNIT, &[4, 0, 0, 0, 2])).unwrap();
            assert_eq!(
                read(&mut port, 9, Duration::from_millis(500))
                    .unwrap()
                    .len(),
                9
            );
            last = Some(Instant::now());
        }
        let seen: Vec<Duration> = wire.requests().iter().filter_map(|r| r.silence).collect();
        assert_eq!(seen.len(), meant.len());
        let mut errors: Vec<Duration> = seen
            .iter()
            .zip(&meant)
            .map(|(seen, meant)| seen.abs_diff(*meant))
            .collect();
        let short = seen
            .iter()
            .zip(&meant)
            .map(|(seen, meant)| meant.saturating_sub(*seen))
            .max();
        errors.sort();
        let (median, worst) = (errors[errors.len() / 2], errors[errors.len() - 1]);
        println!(
            "{baud} baud: character {character:?}, error median {median:?}, worst {worst:?}, too short by at most {short:?}"
        );
        assert!(
            median < character * fifths / 5,
            "{median:?} of a character of {character:?}"
        );
    }
}
