//! FLAG and DLMS meters behind a kernel pty and behind a TCP port.

#![cfg(test)]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use dlms::hdlc::{Address, Control, Frame, Parameters};
use iec62056_21::codec::{Baud, parity};
use iec62056_21::meter::{Opening, ParityBy};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{InputModes, OptionalActions, tcgetattr, tcsetattr};
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsPlace, DlmsScenario};
use simulator::elster::{ElsterMeter, ElsterModel, Scenario};
use simulator::trouble::FlagTroubles;
use simulator::wire::{PtyWire, TcpWire, Wire, WireSettings};

const SIGN_ON: &[u8] = b"/?345!\r\n";
const IDENT: &[u8] = b"/GEC5120510010401@000\r\n";
/// A busy machine may be slow; nothing here waits so long when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

fn meter() -> ElsterMeter {
    ElsterMeter::new(ElsterModel::A1140, Scenario::new(3, "00012345"))
}

fn on(settings: WireSettings) -> Wire {
    let wire = Wire::new(settings, 42);
    wire.seat_flag(meter().on_wire().unwrap(), FlagTroubles::default());
    wire
}

/// Opens the pty as a port that checks parity or does not; the kernel keeps no more of it.
fn open(link: &Path, baud: u32, has_parity: bool) -> File {
    let port = OpenOptions::new()
        .read(true)
        .write(true)
        .open(link)
        .unwrap();
    set(&port, baud, has_parity);
    port
}

fn set(port: &File, baud: u32, has_parity: bool) {
    let mut settings = tcgetattr(port).unwrap();
    settings.make_raw();
    settings.set_speed(baud).unwrap();
    settings.input_modes.set(InputModes::INPCK, has_parity);
    tcsetattr(port, OptionalActions::Now, &settings).unwrap();
}

/// So many octets, or fewer if nothing comes any more.
fn take(port: &mut File, count: usize) -> Vec<u8> {
    let mut heard = vec![0; count];
    let mut have = 0;
    let timeout = Timespec::try_from(PATIENCE).unwrap();
    while have < count {
        let mut fds = [PollFd::new(port, PollFlags::IN)];
        if poll(&mut fds, Some(&timeout)).unwrap() == 0 {
            break;
        }
        have += port.read(&mut heard[have..]).unwrap();
    }
    heard.truncate(have);
    heard
}

#[test]
fn a_port_with_parity_has_seven_bits_and_one_without_sees_the_parity() {
    let folder = tempfile::tempdir().unwrap();
    let wire = on(WireSettings::flag(9600));
    let pty = PtyWire::open(&wire, &folder.path().join("meter")).unwrap();
    let mut port = open(pty.link(), 9600, true);
    port.write_all(SIGN_ON).unwrap();
    assert_eq!(take(&mut port, IDENT.len()), IDENT);
    drop(port);
    let mut port = open(pty.link(), 9600, false);
    port.write_all(&parity::send(b"\x01B0\x03\x71")).unwrap();
    port.write_all(&parity::send(SIGN_ON)).unwrap();
    assert_eq!(take(&mut port, IDENT.len()), parity::send(IDENT));
}

#[test]
fn a_port_may_change_its_speed_while_the_meter_thinks() {
    let folder = tempfile::tempdir().unwrap();
    let wire = Wire::new(WireSettings::flag(300), 1);
    let meter = meter();
    let mut settings = meter.settings().unwrap();
    settings.opening = Opening::Negotiated(Baud::B300);
    settings.reaction = Duration::from_secs(2);
    wire.seat_flag(meter.on_wire_as(settings), FlagTroubles::default());
    let pty = PtyWire::open(&wire, &folder.path().join("meter")).unwrap();
    let mut port = open(pty.link(), 300, true);
    port.write_all(SIGN_ON).unwrap();
    assert_eq!(take(&mut port, IDENT.len()), IDENT);
    port.write_all(b"\x06051\r\n").unwrap();
    // After 200 ms the six characters have left; the meter thinks for two seconds.
    let left = Timespec::try_from(Duration::from_millis(400)).unwrap();
    poll(&mut [], Some(&left)).unwrap();
    set(&port, 9600, true);
    assert!(take(&mut port, 24).starts_with(b"\x01P0\x02("));
}

fn ask(stream: &mut TcpStream, request: &[u8], count: usize) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = vec![0; count];
    stream.read_exact(&mut answer).unwrap();
    answer
}

#[test]
fn a_serial_server_keeps_its_own_settings() {
    let seven = WireSettings {
        minds_settings: false,
        ..WireSettings::flag(9600)
    };
    let wire = on(seven);
    let port = TcpWire::open(&wire).unwrap();
    let mut stream = TcpStream::connect(port.address()).unwrap();
    assert_eq!(ask(&mut stream, SIGN_ON, IDENT.len()), IDENT);

    let eight = WireSettings {
        minds_settings: false,
        ..WireSettings::plain(9600)
    };
    let wire = on(eight);
    let port = TcpWire::open(&wire).unwrap();
    let mut stream = TcpStream::connect(port.address()).unwrap();
    let heard = ask(&mut stream, &parity::send(SIGN_ON), IDENT.len());
    assert_eq!(heard, parity::send(IDENT));
}

#[test]
fn the_maker_s_own_ethernet_module_has_neither_speed_nor_parity() {
    let wire = Wire::new(WireSettings::rtu_stream(), 1);
    let meter = meter();
    let mut settings = meter.settings().unwrap();
    settings.opening = Opening::Fixed(0);
    settings.parity = ParityBy::Nobody;
    wire.seat_flag(meter.on_wire_as(settings), FlagTroubles::default());
    let port = TcpWire::open_at(&wire, "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut stream = TcpStream::connect(port.address()).unwrap();
    assert_eq!(ask(&mut stream, SIGN_ON, IDENT.len()), IDENT);
    let operand = ask(&mut stream, b"\x06056\r\n", 24);
    assert!(operand.starts_with(b"\x01P0\x02("));
}

/// A request for a link with a DLMS meter at 1/17, and the answer to it.
fn link() -> (Vec<u8>, Vec<u8>) {
    let (meter, client) = (Address::two(1, 17).unwrap(), Address::one(16).unwrap());
    let request = Frame::bare(meter, client, Control::SetNormalResponseMode);
    let answer = Frame::bare(client, meter, Control::UnnumberedAcknowledge);
    let answer = answer.with(&Parameters::default());
    (request.encode(), answer.encode())
}

fn dlms_on(settings: WireSettings) -> Wire {
    let wire = Wire::new(settings, 42);
    let scenario = DlmsScenario::new(3, "00012345");
    let meter = DlmsInstrument::new(scenario, DlmsAccess::default());
    let meter = meter.on_hdlc(DlmsPlace::alone(17)).unwrap();
    wire.seat_dlms(meter, FlagTroubles::default());
    wire
}

#[test]
fn a_dlms_meter_answers_on_a_port_of_eight_bits_and_behind_a_serial_server() {
    let (request, answer) = link();
    let folder = tempfile::tempdir().unwrap();
    let wire = dlms_on(WireSettings::plain(9600));
    let pty = PtyWire::open(&wire, &folder.path().join("meter")).unwrap();
    let mut port = open(pty.link(), 9600, false);
    port.write_all(&request).unwrap();
    assert_eq!(take(&mut port, answer.len()), answer);
    drop(port);
    // At another speed nothing is understood.
    let mut port = open(pty.link(), 1200, false);
    port.write_all(&request).unwrap();
    let left = Timespec::try_from(Duration::from_millis(600)).unwrap();
    let mut fds = [PollFd::new(&port, PollFlags::IN)];
    assert_eq!(poll(&mut fds, Some(&left)).unwrap(), 0);

    let wire = dlms_on(WireSettings {
        minds_settings: false,
        ..WireSettings::plain(9600)
    });
    let port = TcpWire::open(&wire).unwrap();
    let mut stream = TcpStream::connect(port.address()).unwrap();
    assert_eq!(ask(&mut stream, &request, answer.len()), answer);
}
