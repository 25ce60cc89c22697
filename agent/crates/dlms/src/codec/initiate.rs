//! What both sides offer each other when an association opens.

use std::fmt;

use super::conformance::Conformance;
use super::fault::DecodeFault;
use super::reader::{Reader, write_length};
use crate::limits::SECRET_OCTETS_MAX;
use zeroize::Zeroizing;

/// The only version there is.
const VERSION: u8 = 6;

/// What an association by logical names is called in the answer.
const LOGICAL_NAMES: u16 = 7;

/// What the client offers.
#[derive(Clone, PartialEq, Eq)]
pub struct InitiateRequest {
    /// A key for this association alone; only where the request is encrypted.
    pub dedicated_key: Option<Zeroizing<Vec<u8>>>,
    /// What it can do.
    pub conformance: Conformance,
    /// Octets of the longest APDU that it takes; 0 means no limit.
    pub pdu_octets: u16,
}

/// Does not show the key.
impl fmt::Debug for InitiateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InitiateRequest")
            .field("has_dedicated_key", &self.dedicated_key.is_some())
            .field("conformance", &self.conformance)
            .field("pdu_octets", &self.pdu_octets)
            .finish()
    }
}

/// What the meter agrees to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitiateResponse {
    /// What both can do.
    pub conformance: Conformance,
    /// Octets of the longest APDU that it takes; 0 means no limit.
    pub pdu_octets: u16,
}

impl InitiateRequest {
    /// Its tag.
    pub const TAG: u8 = 0x01;

    /// As octets.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(64));
        out.push(Self::TAG);
        match &self.dedicated_key {
            None => out.push(0),
            Some(key) => {
                out.push(1);
                write_length(&mut out, key.len());
                out.extend_from_slice(key);
            }
        }
        // An answer is wanted, and no quality of service.
        out.extend_from_slice(&[0, 0, VERSION]);
        self.conformance.write(&mut out);
        out.extend_from_slice(&self.pdu_octets.to_be_bytes());
        out
    }

    /// From octets.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeFault> {
        let mut reader = Reader::new(octets);
        expect(&mut reader, "the tag", Self::TAG)?;
        let dedicated_key = if reader.flag("the dedicated key")? {
            let key = reader.counted("the dedicated key", SECRET_OCTETS_MAX)?;
            Some(Zeroizing::new(key.to_vec()))
        } else {
            None
        };
        if reader.flag("response-allowed")? {
            reader.flag("response-allowed")?;
        }
        if reader.flag("the quality of service")? {
            reader.u8("the quality of service")?;
        }
        expect(&mut reader, "the version", VERSION)?;
        let conformance = Conformance::read(&mut reader)?;
        let pdu_octets = reader.u16("the length of an APDU")?;
        reader.end()?;
        Ok(Self {
            dedicated_key,
            conformance,
            pdu_octets,
        })
    }
}

impl InitiateResponse {
    /// Its tag.
    pub const TAG: u8 = 0x08;

    /// As octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![Self::TAG, 0, VERSION];
        self.conformance.write(&mut out);
        out.extend_from_slice(&self.pdu_octets.to_be_bytes());
        out.extend_from_slice(&LOGICAL_NAMES.to_be_bytes());
        out
    }

    /// From octets.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeFault> {
        let mut reader = Reader::new(octets);
        expect(&mut reader, "the tag", Self::TAG)?;
        if reader.flag("the quality of service")? {
            reader.u8("the quality of service")?;
        }
        expect(&mut reader, "the version", VERSION)?;
        let conformance = Conformance::read(&mut reader)?;
        let pdu_octets = reader.u16("the length of an APDU")?;
        let [high, low] = reader.array("the kind of names")?;
        if u16::from_be_bytes([high, low]) != LOGICAL_NAMES {
            let part = "the kind of names";
            return Err(DecodeFault::Unexpected { part, value: low });
        }
        reader.end()?;
        Ok(Self {
            conformance,
            pdu_octets,
        })
    }
}

fn expect(reader: &mut Reader<'_>, part: &'static str, wanted: u8) -> Result<(), DecodeFault> {
    match reader.u8(part)? {
        value if value == wanted => Ok(()),
        value => Err(DecodeFault::Unexpected { part, value }),
    }
}
