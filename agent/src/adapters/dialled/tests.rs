//! What modem and PAD have in common: one harness for both, and the whole way on a kernel pty.

use super::*;
use crate::adapters::lead::{Circuit, Simulated};
use crate::adapters::port::Port;
use crate::config::{CallSettings, CommandLine, Dialling, HangUp, PadPlace};
use line::{DataBits, GuardSettings, GuardedLine, LineSettings, LineTiming, Parity, StopBits};
use meters::modbus::read_registers;
use meters::{Span, Table};
use simulator::link::{
    Answer, Answering, Link, Modem, ModemEvent, ModemTroubles, Pad, PadAnswer, PadEvent,
    PadTroubles, Peer, Probe, PtyLink,
};
use simulator::meter::{CountingMeter, ModbusMeter};
use simulator::trouble::MeterTroubles;
use simulator::wire::{Wire, WireSettings};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(in crate::adapters) fn plain_line() -> LineSettings {
    LineSettings {
        baud: 9600,
        parity: Parity::None,
        data_bits: DataBits::Eight,
        stop_bits: StopBits::One,
    }
}

pub(in crate::adapters) fn calls() -> CallSettings {
    CallSettings {
        retries: 2,
        retry_after: Duration::from_secs(30),
        answer_within: Duration::from_secs(40),
        call_max: Duration::from_mins(5),
    }
}

pub(in crate::adapters) fn modem_settings() -> ModemSettings {
    ModemSettings {
        device: "/dev/modem".into(),
        line: plain_line(),
        init: vec![CommandLine::new("ATX4".to_owned())],
        dialling: Dialling::Tone,
        hang_up: HangUp::Escape,
        calls: calls(),
    }
}

pub(in crate::adapters) fn pad_settings() -> PadSettings {
    let line = |text: &str| CommandLine::new(text.to_owned());
    PadSettings {
        place: PadPlace::Device("/dev/pad".into()),
        line: plain_line(),
        prompt: "*".to_owned(),
        setup: vec![line("SET 1:1,2:0,3:0,4:1,5:0,6:5,7:8,12:0,13:0")],
        call: line("{number}"),
        connected: "COM".to_owned(),
        recall: Recall::Dle,
        clear: "CLR".to_owned(),
        calls: calls(),
    }
}

pub(in crate::adapters) fn number(text: &str) -> Number {
    LinkSettings::Modem(modem_settings()).number(text).unwrap()
}

/// A lead into a simulated link, circuits included.
pub(in crate::adapters) fn lead(link: &Link) -> Lead {
    let circuits = link.clone();
    Lead::Simulated(Simulated::with_circuits(
        Box::new(link.line()),
        move |circuit| {
            use simulator::link::Circuit as Turned;
            match circuit {
                Circuit::Dtr(on) => circuits.turn(Turned::Dtr(on)),
                Circuit::Rts(on) => circuits.turn(Turned::Rts(on)),
                Circuit::Break(on) => circuits.turn(Turned::Break(on)),
                Circuit::Carrier => {}
            }
            circuits.carrier()
        },
    ))
}

/// A meter that returns what it hears.
pub(in crate::adapters) fn mirror() -> Answering {
    Answering::new(Duration::from_millis(20), <[u8]>::to_vec)
}

/// Sends octets and reads as many back.
pub(in crate::adapters) async fn reflect<L: Line + Circuits>(
    port: &mut Dialled<L>,
    octets: &[u8],
) -> io::Result<Vec<u8>> {
    port.write_all(octets).await?;
    let mut heard = vec![0; octets.len()];
    port.read_exact(&mut heard).await?;
    Ok(heard)
}

#[track_caller]
pub(in crate::adapters) fn check_lost(found: io::Result<Vec<u8>>, expected: &str) {
    let error = found.expect_err("the call is over");
    assert_eq!(error.to_string(), expected);
}

const SPAN: Span = Span {
    table: Table::Input,
    address: 0,
    count: 10,
};

fn modem_before(meter: impl Peer + 'static) -> Modem {
    let modem = Modem::new(ModemTroubles::default());
    modem.seat("01785", Answer::connects(), meter);
    modem
}

#[tokio::test(start_paused = true)]
async fn a_modbus_meter_is_read_through_a_modem_and_the_guard() {
    let wire = Wire::new(WireSettings::serial(9600, 10), 1);
    let meter = ModbusMeter::new(7, Arc::new(CountingMeter::new(7)));
    wire.seat(meter, MeterTroubles::healthy(Duration::from_millis(40)));
    let modem = modem_before(wire.clone());
    let link = LinkSettings::Modem(modem_settings());
    let Lead::Simulated(line) = lead(&Link::new(modem.clone())) else {
        panic!("a simulated line")
    };
    let port = Port::simulated(&link, line);
    let timing = LineTiming::serial_server(&plain_line(), Duration::ZERO);
    let mut guard = GuardedLine::new(port, timing, GuardSettings::default());
    guard.line_mut().connect(&number("01785")).await.unwrap();
    for address in 1..10 {
        let span = Span { address, ..SPAN };
        let answer = read_registers(&mut guard, 7, span, Duration::ZERO).await;
        let now = wire.now();
        let words = answer.unwrap().words;
        let earlier = now.saturating_sub(Duration::from_secs(2));
        assert!(wire.held(7, span, &words, earlier, now));
    }
    guard.line_mut().hang_up().await.unwrap();
    assert!(!modem.is_in_call());
    let answer = read_registers(&mut guard, 7, SPAN, Duration::ZERO).await;
    assert!(answer.is_err(), "nobody answers without a call");
}

#[tokio::test(start_paused = true)]
async fn only_a_dialled_port_calls() {
    let direct = LinkSettings::SerialServer {
        address: "10.0.0.7:4001".to_owned(),
        line: plain_line(),
    };
    let mut port = Port::simulated(
        &direct,
        Simulated::new(Box::new(Link::new(mirror()).line())),
    );
    assert!(port.is_connected());
    let called = port.connect(&number("1")).await;
    assert!(matches!(called, Err(CallFault::NotDialled)), "{called:?}");
    assert!(port.hang_up().await.is_ok());
    assert!(port.set_dtr(true).is_err(), "this line has no circuits");
}

#[tokio::test(start_paused = true)]
async fn an_optical_head_is_fed_as_configured() {
    for (dtr, rts) in [(true, true), (false, true), (true, false)] {
        let head = Probe::new(mirror()).wants_dtr(dtr).wants_rts(rts);
        let Lead::Simulated(line) = lead(&Link::new(head)) else {
            panic!("a simulated line")
        };
        let settings = crate::config::OpticalSettings {
            device: "/dev/head".into(),
            line: plain_line(),
            dtr: if dtr {
                crate::config::Dtr::Auto
            } else {
                crate::config::Dtr::Off
            },
            rts,
        };
        let mut port = Port::simulated(&LinkSettings::Optical(settings), line);
        port.write_all(b"/?!\r\n").await.unwrap();
        let mut heard = [0; 5];
        port.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"/?!\r\n");
        port.set_dtr(!dtr).unwrap();
        port.write_all(b"/?!\r\n").await.unwrap();
        let silent = tokio::time::timeout(Duration::from_secs(5), port.read(&mut heard)).await;
        assert!(silent.is_err(), "a dark head says nothing");
    }
}

/// The kernel's pty has no DTR: only the escape can end this call.
#[tokio::test]
async fn a_meter_is_called_read_and_left_on_a_kernel_pty() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("modem");
    let modem = modem_before(mirror());
    modem.answer(
        "01785",
        Answer::Connects {
            after: Duration::from_millis(200),
            rate: 2400,
            drops_after: None,
        },
    );
    let pty = PtyLink::open(&Link::new(modem.clone()), &name).unwrap();
    let link = LinkSettings::Modem(ModemSettings {
        device: pty.name().to_owned(),
        ..modem_settings()
    });
    let (mut port, _) = Port::open(&link).await.unwrap();
    assert!(!port.is_connected());
    let connected = port.connect(&number("01785")).await.unwrap();
    assert_eq!((connected.rate, connected.tries), (Some(2400), 1));
    let octets: Vec<u8> = (0..=255).collect();
    port.write_all(&octets).await.unwrap();
    let mut heard = vec![0; octets.len()];
    port.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, octets);
    assert!(modem.is_in_call());
    port.close().await.unwrap();
    assert!(!modem.is_in_call());
    let dialled = modem
        .life()
        .into_iter()
        .filter(|event| matches!(event, ModemEvent::Dialled(_)));
    assert_eq!(dialled.count(), 1);
}

#[tokio::test]
async fn a_meter_is_called_through_a_pad_behind_a_tcp_port() {
    let pad = Pad::new(PadTroubles::default());
    pad.seat("2342", PadAnswer::connects(), mirror());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut line = Link::new(pad.clone()).line();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(tokio::io::copy_bidirectional(&mut stream, &mut line).await);
    });
    let settings = PadSettings {
        place: PadPlace::Address(address),
        ..pad_settings()
    };
    let link = LinkSettings::Pad(settings);
    let (mut port, _) = Port::open(&link).await.unwrap();
    port.connect(&link.number("2342").unwrap()).await.unwrap();
    let octets: Vec<u8> = (0..=255).collect();
    port.write_all(&octets).await.unwrap();
    let mut heard = vec![0; octets.len()];
    port.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, octets);
    port.close().await.unwrap();
    assert!(
        pad.life().ends_with(&[PadEvent::Cleared]),
        "{:?}",
        pad.life()
    );
}

#[tokio::test]
async fn seven_data_bits_are_asked_of_the_port() {
    // A pty keeps eight whatever it is asked for, and carries octets all the same.
    let folder = tempfile::tempdir().unwrap();
    let pty = PtyLink::open(&Link::new(mirror()), &folder.path().join("head")).unwrap();
    let seven = LineSettings {
        data_bits: DataBits::Seven,
        parity: Parity::Even,
        ..plain_line()
    };
    let settings = crate::config::OpticalSettings {
        device: pty.name().to_owned(),
        line: LineSettings { baud: 300, ..seven },
        dtr: crate::config::Dtr::On,
        rts: true,
    };
    let (mut port, remarks) = Port::open(&LinkSettings::Optical(settings)).await.unwrap();
    let about_dtr = remarks.iter().filter(|remark| remark.contains("DTR"));
    assert_eq!(about_dtr.count(), 1, "a pty has no DTR: {remarks:?}");
    port.set(seven).await.unwrap();
    port.write_all(b"/?!\r\n").await.unwrap();
    let mut heard = [0; 5];
    port.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"/?!\r\n");
}

#[test]
fn every_fault_says_what_to_do() {
    let gone = || CallFault::from(io::Error::from(io::ErrorKind::BrokenPipe));
    for (fault, remedy, code) in [
        (CallFault::Busy, CallRemedy::Redial, "C09"),
        (CallFault::NoCarrier, CallRemedy::Redial, "C09"),
        (CallFault::NoDialTone, CallRemedy::Later, "C09"),
        (CallFault::ModemSilent, CallRemedy::AskInstaller, "C09"),
        (CallFault::PadSilent, CallRemedy::AskInstaller, "C10"),
        (CallFault::Lost, CallRemedy::Redial, "C08"),
        (CallFault::TooLong, CallRemedy::Later, "C08"),
        (CallFault::NotHungUp, CallRemedy::Reopen, "C09"),
        (gone(), CallRemedy::Reopen, "C01"),
    ] {
        assert_eq!((fault.remedy(), fault.code()), (remedy, code), "{fault}");
    }
}
