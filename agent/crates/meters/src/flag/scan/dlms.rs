//! DLMS meters: whether one answers, and what it says of itself to whoever proves nothing.

use super::stations::{PUBLIC, Station};
use crate::cosem::identity_text;
use crate::flag::limits::{STATION_HOLD_MAX, STATION_PEER, STATION_RESPONSE};
use crate::flag::site::Site;
use ::dlms::codec::{Attribute, LogicalName};
use ::dlms::conversation::{Road, Session, SessionFault, Step, Terms, reach};
use ::dlms::hdlc::{Address, Parameters};
use ::dlms::security::NoKeys;
use ::dlms::wrapper::Ports;
use line::{Line, LineFault};
use std::num::NonZeroU8;

/// What a look brought.
#[derive(Debug)]
pub(super) enum Looked {
    /// Nothing.
    Silent,
    /// Octets that are no frame.
    Garbled { octets: usize },
    /// A meter answered.
    Meter(Seen),
    /// The line cannot be used.
    Fault(LineFault),
}

/// A meter that answered.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Its logical device name, if it tells it.
    pub(super) name: Option<String>,
    /// Its serial number, if it tells it.
    pub(super) serial: Option<String>,
    /// What stood in the way.
    pub(super) remark: String,
}

/// Looks who is at a place. No password and no key is tried.
pub(super) async fn look<L: Line>(site: &mut Site<'_, L>, station: Station) -> Looked {
    let Some(terms) = terms(station) else {
        return Looked::Silent;
    };
    let mut keeper = NoKeys;
    let is_public = match station {
        Station::Hdlc { client, .. } => client == PUBLIC,
        // Only an association asks anything there.
        Station::Wrapper { .. } => true,
    };
    if !is_public {
        return match reach(site.line, &terms).await {
            Ok(()) => met("it answers, and does not know the public client (16)"),
            Err(fault) => judge(station, fault),
        };
    }
    match Session::open(site.line, &mut keeper, &terms).await {
        Ok(session) => Looked::Meter(ask(session).await),
        Err(fault) => judge(station, fault),
    }
}

fn terms(station: Station) -> Option<Terms> {
    let road = match station {
        Station::Hdlc { client, address } => Road::Hdlc {
            client: Address::one(u8::try_from(client).ok()?)?,
            server: address,
            parameters: Parameters::default(),
        },
        Station::Wrapper { client, server } => Road::Wrapper(Ports {
            source: client,
            destination: server,
        }),
    };
    let mut terms = Terms::public(STATION_PEER, road);
    terms.attempts = NonZeroU8::MIN;
    terms.response = STATION_RESPONSE;
    terms.hold_max = STATION_HOLD_MAX;
    Some(terms)
}

fn met(remark: &str) -> Looked {
    Looked::Meter(Seen {
        remark: remark.to_owned(),
        ..Seen::default()
    })
}

/// Whoever refuses is there.
fn judge(station: Station, fault: SessionFault) -> Looked {
    let SessionFault::Line { step, fault } = fault else {
        return match fault {
            SessionFault::NoLink { step: Step::Link } => {
                met("it answers, and has no link for this client")
            }
            SessionFault::Refused { diagnostic } => met(&format!(
                "it answers, and tells nothing to this client: {diagnostic}"
            )),
            other => met(&format!("it answers, and tells nothing: {other}")),
        };
    };
    match fault {
        LineFault::Gone(_) | LineFault::Settings(_) => Looked::Fault(fault),
        // Whoever took the link has answered; behind the wrapper there is none.
        _ if step != Step::Link && matches!(station, Station::Hdlc { .. }) => {
            met("it has a link for this client, and no association")
        }
        LineFault::Silent { heard: 0, .. } | LineFault::EchoUnknown => Looked::Silent,
        LineFault::Silent { heard: octets, .. }
        | LineFault::Damaged { octets }
        | LineFault::Busy { octets, .. } => Looked::Garbled { octets },
    }
}

/// What everybody may read.
async fn ask<L: Line>(mut session: Session<'_, L, NoKeys>) -> Seen {
    let mut seen = Seen::default();
    let serial = LogicalName([0, 0, 96, 1, 0, 255]);
    for name in [LogicalName::DEVICE_NAME, serial] {
        let attribute = Attribute {
            class: 1,
            name,
            number: 2,
        };
        let text = match session.get(attribute).await {
            Ok(Ok(data)) => identity_text(&data),
            Ok(Err(_)) => None,
            Err(fault) => {
                seen.remark = format!("it answers, and broke off: {fault}");
                break;
            }
        };
        if name == serial {
            seen.serial = text;
        } else {
            seen.name = text;
        }
    }
    session.close().await;
    seen
}
