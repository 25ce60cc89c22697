//! What the fuzz targets call: octets as anybody may send them.

use std::time::Duration;

use line::{Find, Pattern};

use crate::codec::acse::{Aare, Aarq};
use crate::codec::{
    AccessResult, ActionResult, Asked, Data, InitiateRequest, InitiateResponse, Method, Outcome,
    Request, Response, decode_all,
};
use crate::hdlc::{Address, Awaited, ExpectedFrame, FLAG, Frame, Parameters, Seen, seen};
use crate::meter::{Client, Device, Level, LinkSettings, Settings, Station, Store, WrapperServer};
use crate::security::{Channel, Form, Keys, Protection, Secret, Suite, SystemTitle};
use crate::wrapper::{Begins, ExpectedApdu, Ports, begins, wrap};

/// Frames, what a line heard, and the parameters of a link.
///
/// # Panics
///
/// When what was found is not what is written again, or lies outside what was heard.
pub fn fuzz_hdlc(heard: &[u8]) {
    if let Seen::Whole(len, frame) = seen(heard) {
        let wire = heard.get(..len).unwrap_or_default();
        assert_eq!(frame.encode(), [&[FLAG], wire, &[FLAG]].concat());
    }
    if let Some(parameters) = Parameters::decode(heard) {
        assert_eq!(Parameters::decode(&parameters.encode()), Some(parameters));
    }
    let (Some(own), Some(peer)) = (Address::one(16), Address::two(1, 17)) else {
        return;
    };
    for awaited in [
        Awaited::Unnumbered,
        Awaited::Numbered {
            receive: 0,
            sent: 0,
        },
        Awaited::Information {
            receive: 0,
            send: 1,
        },
    ] {
        let expected = ExpectedFrame {
            own,
            peer,
            awaited,
            longest: 2048,
        };
        if let Find::Found { at, len } = expected.find(heard) {
            let wire = heard.get(at..at + len);
            assert!(wire.is_some(), "an answer lies within what was heard");
            let wire = wire.unwrap_or_default();
            let wire = wire.strip_prefix(&[FLAG]).unwrap_or(wire);
            let wire = wire.strip_suffix(&[FLAG]).unwrap_or(wire);
            assert!(Frame::decode(wire).is_ok(), "what is found can be decoded");
        }
    }
}

/// A stream of wrapped APDUs.
///
/// # Panics
///
/// When what was found is not what is written again, or lies outside what was heard.
pub fn fuzz_wrapper(heard: &[u8]) {
    let most = 4096;
    if let Begins::Whole(ports, apdu, len) = begins(heard, most) {
        assert_eq!(wrap(ports, apdu).as_deref(), heard.get(..len));
    }
    let ports = Ports {
        source: 1,
        destination: 16,
    };
    let expected = ExpectedApdu { ports, most };
    if let Find::Found { at, len } = expected.find(heard) {
        assert!(
            heard.get(at..at + len).is_some(),
            "an APDU lies within what was heard"
        );
    }
}

/// APDUs of all kinds, protected ones included.
///
/// # Panics
///
/// When an APDU that was read reads otherwise when it is written again, or when one is believed that
/// nobody has protected.
pub fn fuzz_apdu(octets: &[u8]) {
    if let Ok(request) = Request::decode(octets) {
        same(
            &Request::decode(&request.encode()).as_ref().ok(),
            &Some(&request),
        );
    }
    if let Ok(response) = Response::decode(octets) {
        same(
            &Response::decode(&response.encode()).as_ref().ok(),
            &Some(&response),
        );
    }
    if let Ok(aarq) = Aarq::decode(octets) {
        assert_eq!(Aarq::decode(&aarq.encode()), Ok(aarq));
    }
    if let Ok(aare) = Aare::decode(octets) {
        assert_eq!(Aare::decode(&aare.encode()), Ok(aare));
    }
    if let Ok(initiate) = InitiateRequest::decode(octets) {
        assert_eq!(InitiateRequest::decode(&initiate.encode()), Ok(initiate));
    }
    if let Ok(initiate) = InitiateResponse::decode(octets) {
        assert_eq!(InitiateResponse::decode(&initiate.encode()), Ok(initiate));
    }
    if let Ok(keys) = Keys::new(Suite::Zero, &[0x5a; 16], &[0xa5; 16]) {
        let own = SystemTitle(*b"PMU\0\0\0\0\x01");
        let mut channel = Channel::new(keys, own, Protection::Both, Form::Service, None);
        channel.set_peer(SystemTitle(*b"MTR\0\0\0\0\x01"));
        assert!(channel.open(octets).is_err(), "nobody has these keys");
    }
}

/// Values.
///
/// # Panics
///
/// When a value that was read reads otherwise when it is written again.
pub fn fuzz_data(octets: &[u8]) {
    let Ok(data) = decode_all(octets) else { return };
    if let Some(Ok(date_time)) = data.date_time() {
        let again = Data::DateTime(date_time.encode());
        assert_eq!(again.date_time(), Some(Ok(date_time)));
    }
    let again = decode_all(&data.encode());
    same(&again.as_ref().ok(), &Some(&data));
}

/// Compares by what is shown: a float may be no number, which equals nothing.
fn same<T: std::fmt::Debug>(one: &T, other: &T) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

/// A store that takes everything.
struct Anything;

impl Store for Anything {
    fn get(&mut self, _: u16, asked: &Asked, _: Duration) -> Outcome {
        match asked.attribute.number {
            ..=1 => Err(AccessResult::ObjectUndefined),
            number => Ok(Data::OctetString(vec![
                0xa5;
                usize::try_from(number).unwrap_or(0)
                    * 16
            ])),
        }
    }

    fn set(&mut self, _: u16, _: &Asked, _: &Data, _: Duration) -> AccessResult {
        AccessResult::Success
    }

    fn act(
        &mut self,
        _: u16,
        _: Method,
        parameter: Option<&Data>,
        _: Duration,
    ) -> (ActionResult, Option<Outcome>) {
        (ActionResult::Success, parameter.cloned().map(Ok))
    }

    fn challenge(&mut self, at: Duration) -> [u8; 16] {
        at.as_nanos().to_be_bytes()
    }
}

/// A meter, as the octets of its line or connection reach it: the first octet says which. Nobody
/// who has not the password reads anything of client 2.
pub fn fuzz_meter(octets: &[u8]) {
    let [kind, octets @ ..] = octets else { return };
    let Ok(secret) = Secret::new(b"not to be guessed") else {
        return;
    };
    let low = Client {
        level: Level::Low(secret),
        ..Client::public(2)
    };
    let clients = vec![Client::public(16), low];
    let settings = Settings::new(SystemTitle(*b"MTR\0\0\0\0\x01"), clients);
    let mut device = Device::new(settings, Anything);
    if kind & 1 == 0 {
        let mut server = WrapperServer::new(1);
        for (place, chunk) in (1..).zip(octets.chunks(64)) {
            if server
                .hear(&mut device, chunk, Duration::from_millis(place))
                .is_none()
            {
                break;
            }
        }
        server.close(&mut device);
        return;
    }
    let Some(address) = Address::two(1, 17) else {
        return;
    };
    let mut station = Station::new(LinkSettings::new(address), device);
    for (place, octet) in (1..).zip(octets) {
        drop(station.hear(*octet, Duration::from_millis(place)));
    }
}
