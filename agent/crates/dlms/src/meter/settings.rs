//! How a meter behaves.

use std::time::Duration;

use crate::codec::Conformance;
use crate::hdlc::{Address, Parameters};
use crate::limits::{INACTIVITY, INTER_OCTET, PDU_OCTETS};
use crate::security::{Keys, Secret, SystemTitle};

/// What a client must prove.
#[derive(Debug, Clone)]
pub enum Level {
    /// Nothing.
    Public,
    /// A password.
    Low(Secret),
    /// That it has the keys.
    Gmac,
}

/// A client that the meter knows.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its address on HDLC, its port in the wrapper.
    pub address: u16,
    /// What it must prove.
    pub level: Level,
    /// The keys it has.
    pub keys: Option<Keys>,
    /// Whether its APDUs must be ciphered.
    pub is_ciphered: bool,
    /// What it may use.
    pub conformance: Conformance,
}

impl Client {
    /// Everybody, who may use everything.
    pub fn public(address: u16) -> Self {
        Self {
            address,
            level: Level::Public,
            keys: None,
            is_ciphered: false,
            conformance: Conformance::ALL,
        }
    }
}

/// How a meter behaves above its link.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its system title.
    pub title: SystemTitle,
    /// The clients that it knows.
    pub clients: Vec<Client>,
    /// Octets of the longest APDU that it takes.
    pub pdu_octets: u16,
    /// The last invocation counter that it has used.
    pub counter: u32,
}

impl Settings {
    /// A meter with these clients.
    pub fn new(title: SystemTitle, clients: Vec<Client>) -> Self {
        Self {
            title,
            clients,
            pdu_octets: PDU_OCTETS,
            counter: 0,
        }
    }
}

/// How it behaves on HDLC.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    /// The addresses that it answers to.
    pub addresses: Vec<Address>,
    /// What it can take.
    pub parameters: Parameters,
    /// From the last octet of a frame to the first of its answer.
    pub reaction: Duration,
    /// Two octets of a frame follow each other within this time.
    pub inter_octet: Duration,
    /// It gives a link up after this silence.
    pub inactivity: Duration,
}

impl LinkSettings {
    /// A meter with this address and the defaults of the standard.
    pub fn new(address: Address) -> Self {
        Self {
            addresses: vec![address],
            parameters: Parameters::default(),
            reaction: Duration::from_millis(20),
            inter_octet: INTER_OCTET,
            inactivity: INACTIVITY,
        }
    }
}
