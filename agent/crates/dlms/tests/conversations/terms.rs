//! How the tests talk to the meter.

use dlms::conversation::{Access, Ciphering, Road, Scope, Terms};
use dlms::hdlc::{Address, Parameters};
use dlms::security::{Secret, SystemTitle};
use dlms::wrapper::Ports;
use line::Peer;

use crate::meter::{self, LOW, PASSWORD, PROOF_ONLY, PUBLIC};
use crate::wire;

pub(crate) const OWN_TITLE: SystemTitle = SystemTitle(*b"PMU\0\0\0\0\x01");

/// Over the wrapper.
pub(crate) fn wrapper(client: u16) -> Terms {
    let ports = Ports {
        source: client,
        destination: 1,
    };
    with(client, Road::Wrapper(ports))
}

/// Over HDLC, with a window of this many frames.
pub(crate) fn hdlc(client: u16, window: u8) -> Terms {
    let road = Road::Hdlc {
        client: Address::one(u8::try_from(client).unwrap()).unwrap(),
        server: wire::address(),
        parameters: Parameters {
            transmit_octets: 256,
            receive_octets: 256,
            transmit_window: 1,
            receive_window: window,
        },
    };
    with(client, road)
}

fn with(client: u16, road: Road) -> Terms {
    let public = Terms::public(Peer(17), road);
    let gmac = |scope| Terms {
        access: Access::Gmac,
        ciphering: Some(Ciphering {
            scope,
            ..Ciphering::new(meter::keys(client), OWN_TITLE)
        }),
        ..public.clone()
    };
    match client {
        PUBLIC => public.clone(),
        LOW => Terms {
            access: Access::Low(Secret::new(PASSWORD).unwrap()),
            ..public.clone()
        },
        PROOF_ONLY => gmac(Scope::ProofOnly),
        _ => gmac(Scope::Everything),
    }
}
