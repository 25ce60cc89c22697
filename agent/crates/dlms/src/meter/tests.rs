//! What a meter answers, octet by octet.

use std::time::Duration;

use super::*;
use crate::codec::{AccessResult, ActionResult, Asked, Data, Method, Outcome};
use crate::hdlc::{Address, Control, Frame, LLC_COMMAND, Parameters};
use crate::security::SystemTitle;

struct Long;

impl Store for Long {
    fn get(&mut self, _: u16, _: &Asked, _: Duration) -> Outcome {
        Ok(Data::OctetString(vec![0x55; 300]))
    }

    fn set(&mut self, _: u16, _: &Asked, _: &Data, _: Duration) -> AccessResult {
        AccessResult::Success
    }

    fn act(
        &mut self,
        _: u16,
        _: Method,
        _: Option<&Data>,
        _: Duration,
    ) -> (ActionResult, Option<Outcome>) {
        (ActionResult::Success, None)
    }

    fn challenge(&mut self, _: Duration) -> [u8; 16] {
        [7; 16]
    }
}

struct Bench {
    station: Station<Long>,
    now: Duration,
}

fn meter() -> Address {
    Address::one(1).unwrap()
}

fn client() -> Address {
    Address::one(16).unwrap()
}

impl Bench {
    fn new() -> Self {
        let settings = Settings::new(SystemTitle([1; 8]), vec![Client::public(16)]);
        let link = LinkSettings {
            parameters: Parameters {
                transmit_window: 3,
                ..Parameters::default()
            },
            ..LinkSettings::new(meter())
        };
        Self {
            station: Station::new(link, Device::new(settings, Long)),
            now: Duration::ZERO,
        }
    }

    fn say(&mut self, frame: &Frame) -> Vec<u8> {
        self.hear(&frame.encode())
    }

    fn hear(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        for octet in octets {
            self.now += Duration::from_millis(1);
            if let Some(one) = self.station.hear(*octet, self.now) {
                said.extend(one.octets);
            }
        }
        said
    }

    fn control(&mut self, control: Control) -> Vec<u8> {
        self.say(&Frame::bare(meter(), client(), control))
    }

    fn information(&mut self, send: u8, receive: u8, apdu: &[u8]) -> Vec<u8> {
        let control = Control::Information {
            send,
            receive,
            is_final: true,
        };
        self.say(&Frame {
            information: [&LLC_COMMAND, apdu].concat(),
            ..Frame::bare(meter(), client(), control)
        })
    }

    /// A link with an association: one message each way.
    fn associated(window: u8) -> Self {
        let mut bench = Self::new();
        let offered = Parameters {
            receive_window: window,
            ..Parameters::default()
        };
        let snrm = Frame::bare(meter(), client(), Control::SetNormalResponseMode);
        bench.say(&snrm.with(&offered));
        let aarq = [
            0x60, 0x1d, 0xa1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 0x01, 0xbe,
            0x10, 0x04, 0x0e, 0x01, 0x00, 0x00, 0x00, 0x06, 0x5f, 0x1f, 0x04, 0x00, 0x18, 0x1f,
            0x1d, 0x04, 0xb0,
        ];
        let aare = bench.information(0, 0, &aarq);
        assert_eq!(aare[11], 0x61, "{aare:02x?}");
        bench
    }
}

const GET: [u8; 13] = [0xc0, 1, 0xc1, 0, 1, 0, 0, 42, 0, 0, 255, 2, 0];

/// The numbers of the frames in `octets`, and whether each gives the line over.
fn numbers(octets: &[u8]) -> Vec<(u8, bool)> {
    let mut numbers = Vec::new();
    let mut rest = octets;
    while let [0x7e, behind @ ..] = rest {
        let crate::hdlc::Seen::Whole(len, frame) = crate::hdlc::seen(behind) else {
            break;
        };
        if let Control::Information { send, is_final, .. } = frame.control {
            numbers.push((send, is_final));
        }
        rest = &behind[len + 1..];
    }
    numbers
}

#[test]
fn a_link_opens_and_closes() {
    let mut bench = Bench::new();
    let dm = Frame::bare(client(), meter(), Control::DisconnectedMode).encode();
    let ua = Frame::bare(client(), meter(), Control::UnnumberedAcknowledge);
    assert_eq!(bench.control(Control::Disconnect), dm);
    assert_eq!(bench.information(0, 0, &GET), dm);
    let opened = bench.control(Control::SetNormalResponseMode);
    assert_eq!(opened, ua.clone().with(&Parameters::default()).encode());
    assert_eq!(bench.control(Control::Disconnect), ua.encode());
    assert!(!bench.station.is_linked());
}

#[test]
fn a_repeated_request_gets_the_repeated_answer() {
    let mut bench = Bench::associated(1);
    let first = bench.information(1, 1, &GET);
    assert_eq!(numbers(&first), [(1, true)]);
    assert_eq!(bench.information(1, 1, &GET), first);
    let ready = |receive| Control::ReceiveReady {
        receive,
        is_final: true,
    };
    assert_eq!(bench.control(ready(1)), first);
    let second = bench.control(ready(2));
    assert_eq!(numbers(&second), [(2, true)]);
    assert_eq!(bench.control(ready(2)), second);
}

#[test]
fn a_window_gives_the_line_over_with_its_last_frame() {
    let mut bench = Bench::associated(3);
    let window = bench.information(1, 1, &GET);
    assert_eq!(numbers(&window), [(1, false), (2, false), (3, true)]);
    // The second was lost: it comes again, with what was sent behind it.
    let again = bench.control(Control::ReceiveReady {
        receive: 2,
        is_final: true,
    });
    assert_eq!(numbers(&again), [(2, false), (3, true)]);
}

#[test]
fn silence_and_foreign_clients_get_nothing() {
    let mut bench = Bench::associated(1);
    let mut damaged = Frame::bare(meter(), client(), Control::Disconnect).encode();
    damaged[5] ^= 1;
    assert_eq!(bench.hear(&damaged), []);
    let other = Address::one(99).unwrap();
    let elsewhere = Frame::bare(other, client(), Control::SetNormalResponseMode);
    assert_eq!(bench.say(&elsewhere), []);
    let stranger = Frame::bare(meter(), other, Control::SetNormalResponseMode);
    let dm = Frame::bare(other, meter(), Control::DisconnectedMode).encode();
    assert_eq!(bench.say(&stranger), dm);
    assert!(bench.station.is_linked());
    bench.now += Duration::from_secs(121);
    bench.station.wake(bench.now);
    assert!(!bench.station.is_linked());
}

#[test]
fn noise_before_a_frame_does_no_harm() {
    let mut bench = Bench::new();
    let snrm = Frame::bare(meter(), client(), Control::SetNormalResponseMode).encode();
    let noisy = [&[0x00, 0x7e, 0x55, 0x7e][..], &snrm].concat();
    assert!(!bench.hear(&noisy).is_empty());
}
