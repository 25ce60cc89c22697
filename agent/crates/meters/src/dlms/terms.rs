//! From a meter's model and settings to the terms of an association.

use super::fault::DlmsFault;
use crate::catalogue::dlms::{AssociationModel, DlmsModel, HdlcModel, LevelModel};
use ::dlms::conversation::{Access, Ciphering, Road, Terms};
use ::dlms::hdlc::{Address, Parameters};
use ::dlms::security::{Keys, Secret, SystemTitle};
use ::dlms::wrapper::Ports;
use line::Peer;
use std::time::Duration;

/// Which way a meter is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DlmsPlace {
    /// Over HDLC.
    Hdlc {
        /// The lower address of this meter; without it the model's counts.
        lower: Option<u16>,
    },
    /// Behind the wrapper.
    Wrapper,
}

/// What one session should be like.
#[derive(Debug, Clone)]
pub struct DlmsWish {
    /// Whose turnaround the line learns.
    pub peer: Peer,
    /// Which way the meter is reached.
    pub place: DlmsPlace,
    /// The association of the model.
    pub association: String,
    /// Its client, where this meter has another one than its model says.
    pub client: Option<u16>,
    /// The longest time that it may take.
    pub hold_max: Duration,
    /// Octets of the longest APDU that is taken; without it the usual ones.
    pub pdu_octets: Option<u16>,
}

/// What the gateway proves itself with.
#[derive(Debug, Clone)]
pub enum DlmsCredentials {
    /// Nothing.
    None,
    /// A password.
    Password(Secret),
    /// Keys, and the gateway's own system title.
    Keys(Keys, SystemTitle),
}

/// The terms of a session with a meter of this model.
pub fn dlms_terms(
    model: &DlmsModel,
    wish: &DlmsWish,
    credentials: &DlmsCredentials,
) -> Result<Terms, DlmsFault> {
    let name = &wish.association;
    let association = model.association(name).ok_or_else(|| DlmsFault::Unknown {
        what: format!("association `{name}`"),
        remedy: "use one of the model's associations",
    })?;
    let client = wish.client.unwrap_or(association.client);
    let road = road(model, wish, client)?;
    let mut terms = Terms::public(wish.peer, road);
    terms.hold_max = wish.hold_max;
    if let Some(octets) = wish.pdu_octets {
        terms.pdu_octets = octets;
    }
    prove(&mut terms, association, credentials)?;
    Ok(terms)
}

fn road(model: &DlmsModel, wish: &DlmsWish, client: u16) -> Result<Road, DlmsFault> {
    let unknown = |what: &str, remedy| DlmsFault::Unknown {
        what: what.to_owned(),
        remedy,
    };
    match (wish.place, &model.hdlc, &model.wrapper) {
        (DlmsPlace::Wrapper, _, Some(place)) => Ok(Road::Wrapper(Ports {
            source: client,
            destination: place.server,
        })),
        (DlmsPlace::Hdlc { lower }, Some(place), _) => {
            let remedy = "give the meter's lower address in its settings";
            let server = place
                .address(lower)
                .ok_or_else(|| unknown("the HDLC address of the meter", remedy))?;
            let client = u8::try_from(client).ok().and_then(Address::one);
            let client =
                client.ok_or_else(|| unknown("an HDLC address of the client", "use 1 to 127"))?;
            Ok(Road::Hdlc {
                client,
                server,
                parameters: parameters(place),
            })
        }
        (DlmsPlace::Wrapper, _, None) => Err(unknown(
            "the port in the wrapper",
            "add `wrapper` to the model file",
        )),
        (DlmsPlace::Hdlc { .. }, None, _) => {
            Err(unknown("the place on HDLC", "add `hdlc` to the model file"))
        }
    }
}

/// Both sides say what they can take; the smaller counts.
fn parameters(place: &HdlcModel) -> Parameters {
    Parameters {
        transmit_octets: place.information_octets,
        receive_octets: place.information_octets,
        transmit_window: 1,
        receive_window: place.window,
    }
}

fn prove(
    terms: &mut Terms,
    association: &AssociationModel,
    credentials: &DlmsCredentials,
) -> Result<(), DlmsFault> {
    let name = &association.name;
    let lacking = |what: &str, remedy| DlmsFault::Unknown {
        what: format!("{what} for association `{name}`"),
        remedy,
    };
    match (association.level, credentials) {
        (LevelModel::None, _) => {}
        (LevelModel::Low, DlmsCredentials::Password(secret)) => {
            terms.access = Access::Low(secret.clone());
        }
        (LevelModel::Low, _) => return Err(lacking("a password", "give the meter's password")),
        (LevelModel::Gmac, DlmsCredentials::Keys(keys, title)) => {
            if !association.suites.contains(&keys.suite().number()) {
                let remedy = "use keys of a suite that the model's association has";
                return Err(lacking("a key of the right suite", remedy));
            }
            terms.access = Access::Gmac;
            terms.ciphering = Some(Ciphering::new(keys.clone(), *title));
        }
        (LevelModel::Gmac, _) => return Err(lacking("keys", "import the meter's keys")),
    }
    Ok(())
}
