//! Wires behind a TCP port: a serial server, and a Modbus TCP meter.

#![cfg(test)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use simulator::frame::{rtu_frame, tcp_frame};
use simulator::meter::{CountingMeter, ModbusMeter, Refusal};
use simulator::trouble::MeterTroubles;
use simulator::wire::{TcpWire, Wire, WireSettings};

const UNIT: u8 = 4;

fn wire(settings: WireSettings) -> Wire {
    let wire = Wire::new(settings, 1);
    let meter = ModbusMeter::new(UNIT, Arc::new(CountingMeter::new(UNIT)));
    wire.seat(meter, MeterTroubles::healthy(Duration::from_millis(5)));
    wire
}

fn connect(port: &TcpWire) -> TcpStream {
    let stream = TcpStream::connect(port.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream
}

fn ask(stream: &mut TcpStream, request: &[u8], length: usize) -> std::io::Result<Vec<u8>> {
    stream.write_all(request)?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_serial_server_speaks_rtu_with_the_time_of_its_line() {
    let wire = wire(WireSettings {
        minds_settings: false,
        ..WireSettings::serial(9600, 10)
    });
    let port = TcpWire::open(&wire).unwrap();
    let mut stream = connect(&port);
    let begun = wire.now();
    let answer = ask(&mut stream, &rtu_frame(UNIT, &[4, 0, 0, 0, 2]), 9).unwrap();
    assert!(
        wire.now() >= begun + Duration::from_millis(22),
        "17 characters and 5 ms"
    );
    assert_eq!(answer, rtu_frame(UNIT, &answer[1..7]));
    assert!(CountingMeter::owns(
        UNIT,
        wire.answers()[0].span,
        &wire.answers()[0].words
    ));
}

#[test]
fn a_modbus_tcp_meter_keeps_transactions_and_refuses_by_code() {
    let wire = wire(WireSettings::modbus_tcp());
    let port = TcpWire::open(&wire).unwrap();
    let mut stream = connect(&port);
    let requests = [
        tcp_frame(7, UNIT, &[4, 0, 1, 0, 1]),
        tcp_frame(8, UNIT, &[0x2B, 0, 0]),
    ]
    .concat();
    let answers = ask(&mut stream, &requests, 11 + 9).unwrap();
    assert_eq!(answers[..9], tcp_frame(7, UNIT, &[4, 2, 0, 0])[..9]);
    assert_eq!(answers[11..], tcp_frame(8, UNIT, &[0xAB, 1]));

    let absent = ModbusMeter::new(9, Arc::new(CountingMeter::new(9)));
    wire.seat(
        absent.with_refusal(Some(Refusal::Other(11))),
        MeterTroubles::default(),
    );
    let answer = ask(&mut stream, &tcp_frame(9, 9, &[4, 0, 0, 0, 1]), 9).unwrap();
    assert_eq!(answer, tcp_frame(9, 9, &[0x84, 11]));
}

#[test]
fn the_newest_connection_wins_and_unplugging_closes_it() {
    let wire = wire(WireSettings::rtu_stream());
    let port = TcpWire::open(&wire).unwrap();
    let request = rtu_frame(UNIT, &[4, 0, 0, 0, 1]);
    let mut old = connect(&port);
    ask(&mut old, &request, 7).unwrap();
    let mut new = connect(&port);
    ask(&mut new, &request, 7).unwrap();
    assert_eq!(
        old.read(&mut [0; 8]).unwrap_or(0),
        0,
        "the old connection is closed"
    );

    wire.unplug();
    assert_eq!(
        new.read(&mut [0; 8]).unwrap_or(0),
        0,
        "an unplugged server closes"
    );
    wire.replug();
    ask(&mut connect(&port), &request, 7).unwrap();
}
