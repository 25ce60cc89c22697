//! Opening and releasing an association: AARQ, AARE, RLRQ, RLRE, in the part of BER that they use.

mod field;
#[cfg(test)]
mod tests;

use std::fmt;

use zeroize::Zeroizing;

use self::field::{Fields, object_identifier, write_field, write_whole};
use super::fault::DecodeFault;
use crate::limits::{APDU_OCTETS_MAX, SECRET_OCTETS_MAX};

/// The tag of an AARQ.
pub const AARQ: u8 = 0x60;
/// The tag of an AARE.
pub const AARE: u8 = 0x61;
/// The tag of an RLRQ.
pub const RLRQ: u8 = 0x62;
/// The tag of an RLRE.
pub const RLRE: u8 = 0x63;

/// How objects are named, and whether APDUs are ciphered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Logical names, plain.
    Plain,
    /// Logical names, ciphered.
    Ciphered,
}

/// How the client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Low level security: a password.
    Low,
    /// High level security by GMAC.
    Gmac,
}

/// The client asks for an association.
#[derive(Clone, PartialEq, Eq)]
pub struct Aarq {
    /// What it wants.
    pub context: Context,
    /// Its system title.
    pub title: Option<[u8; 8]>,
    /// How it proves who it is; none: not at all.
    pub mechanism: Option<Mechanism>,
    /// The password, or the challenge.
    pub proof: Option<Zeroizing<Vec<u8>>>,
    /// The initiate request, perhaps ciphered.
    pub user_information: Vec<u8>,
}

/// Does not show the password.
impl fmt::Debug for Aarq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aarq")
            .field("context", &self.context)
            .field("title", &self.title)
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

/// The meter answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aare {
    /// What it agrees to.
    pub context: Context,
    /// 0: accepted; 1: refused; 2: refused for now.
    pub result: u8,
    /// Why.
    pub diagnostic: Diagnostic,
    /// Its system title.
    pub title: Option<[u8; 8]>,
    /// How it wants the client to prove who it is.
    pub mechanism: Option<Mechanism>,
    /// Its challenge.
    pub challenge: Option<Vec<u8>>,
    /// The initiate response, perhaps ciphered, or an error.
    pub user_information: Option<Vec<u8>>,
}

/// Why an association was accepted or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Diagnostic {
    /// Nothing to say.
    None,
    /// No reason given.
    NoReason,
    /// The context is not served here.
    Context,
    /// The mechanism is not known.
    MechanismUnknown,
    /// A mechanism is wanted.
    MechanismWanted,
    /// The proof is wrong.
    Authentication,
    /// The proof is still to come: the first pass of high level security.
    AuthenticationRequired,
    /// Another reason of the user.
    Other(u8),
    /// A reason of the provider.
    Provider(u8),
}

impl Diagnostic {
    fn of_user(code: u8) -> Self {
        match code {
            0 => Self::None,
            1 => Self::NoReason,
            2 => Self::Context,
            11 => Self::MechanismUnknown,
            12 => Self::MechanismWanted,
            13 => Self::Authentication,
            14 => Self::AuthenticationRequired,
            other => Self::Other(other),
        }
    }

    /// The choice and the code.
    fn code(self) -> (u8, u8) {
        match self {
            Self::None => (0xa1, 0),
            Self::NoReason => (0xa1, 1),
            Self::Context => (0xa1, 2),
            Self::MechanismUnknown => (0xa1, 11),
            Self::MechanismWanted => (0xa1, 12),
            Self::Authentication => (0xa1, 13),
            Self::AuthenticationRequired => (0xa1, 14),
            Self::Other(code) => (0xa1, code),
            Self::Provider(code) => (0xa2, code),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no diagnostic"),
            Self::NoReason => f.write_str("no reason given"),
            Self::Context => f.write_str("ciphering (or its absence) not served here"),
            Self::MechanismUnknown => f.write_str("level of security not known"),
            Self::MechanismWanted => f.write_str("a level of security is wanted"),
            Self::Authentication => f.write_str("password or key wrong"),
            Self::AuthenticationRequired => f.write_str("authentication required"),
            Self::Other(code) => write!(f, "diagnostic {code}"),
            Self::Provider(code) => write!(f, "diagnostic {code} of the provider"),
        }
    }
}

/// That only logical names are spoken is in both.
fn context_octets(context: Context) -> [u8; 9] {
    let kind = match context {
        Context::Plain => 1,
        Context::Ciphered => 3,
    };
    object_identifier(1, kind)
}

fn context_of(value: &[u8]) -> Result<Context, DecodeFault> {
    [Context::Plain, Context::Ciphered]
        .into_iter()
        .find(|context| context_octets(*context) == value)
        .ok_or(DecodeFault::Unexpected {
            part: "the context",
            value: value.last().copied().unwrap_or_default(),
        })
}

fn mechanism_octets(mechanism: Mechanism) -> [u8; 9] {
    let kind = match mechanism {
        Mechanism::Low => 1,
        Mechanism::Gmac => 5,
    };
    object_identifier(2, kind)
}

/// The mechanism; none for "lowest level".
fn mechanism_of(value: &[u8]) -> Result<Option<Mechanism>, DecodeFault> {
    let is = |mechanism| mechanism_octets(mechanism).get(2..) == Some(value);
    match value.last() {
        _ if is(Mechanism::Low) => Ok(Some(Mechanism::Low)),
        _ if is(Mechanism::Gmac) => Ok(Some(Mechanism::Gmac)),
        Some(0) => Ok(None),
        other => Err(DecodeFault::Unexpected {
            part: "the mechanism",
            value: other.copied().unwrap_or_default(),
        }),
    }
}

/// That authentication is wanted: one bit, seven unused.
const WITH_AUTHENTICATION: [u8; 2] = [0x07, 0x80];

impl Aarq {
    /// As octets.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut body = Zeroizing::new(Vec::with_capacity(256));
        write_field(&mut body, 0xa1, &context_octets(self.context));
        if let Some(title) = &self.title {
            write_field(&mut body, 0xa6, &field::octet_string(title));
        }
        if let Some(mechanism) = self.mechanism {
            write_field(&mut body, 0x8a, &WITH_AUTHENTICATION);
            let octets = mechanism_octets(mechanism);
            write_field(&mut body, 0x8b, octets.get(2..).unwrap_or_default());
        }
        if let Some(proof) = &self.proof {
            let mut value = Zeroizing::new(Vec::with_capacity(proof.len() + 4));
            write_field(&mut value, 0x80, proof);
            write_field(&mut body, 0xac, &value);
        }
        let information = field::octet_string(&self.user_information);
        write_field(&mut body, 0xbe, &information);
        write_whole(AARQ, &body)
    }

    /// From octets.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeFault> {
        let mut fields = Fields::of(AARQ, octets)?;
        let context = context_of(fields.need(0xa1, "the context")?)?;
        let title = fields.octets(0xa6, 8)?.map(field::title).transpose()?;
        fields.skip(0x8a);
        let mechanism = match fields.find(0x8b) {
            Some(value) => mechanism_of(value)?,
            None => None,
        };
        let proof = fields.wrapped(0xac, 0x80, SECRET_OCTETS_MAX)?;
        let information = fields
            .octets(0xbe, APDU_OCTETS_MAX)?
            .ok_or(DecodeFault::Short {
                part: "the user information",
            })?;
        Ok(Self {
            context,
            title,
            mechanism,
            proof: proof.map(|proof| Zeroizing::new(proof.to_vec())),
            user_information: information.to_vec(),
        })
    }
}

impl Aare {
    /// As octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(256);
        write_field(&mut body, 0xa1, &context_octets(self.context));
        write_field(&mut body, 0xa2, &[2, 1, self.result]);
        let (choice, code) = self.diagnostic.code();
        write_field(&mut body, 0xa3, &[choice, 3, 2, 1, code]);
        if let Some(title) = &self.title {
            write_field(&mut body, 0xa4, &field::octet_string(title));
        }
        if let Some(mechanism) = self.mechanism {
            write_field(&mut body, 0x88, &WITH_AUTHENTICATION);
            let octets = mechanism_octets(mechanism);
            write_field(&mut body, 0x89, octets.get(2..).unwrap_or_default());
        }
        if let Some(challenge) = &self.challenge {
            let mut value = Vec::with_capacity(challenge.len() + 4);
            write_field(&mut value, 0x80, challenge);
            write_field(&mut body, 0xaa, &value);
        }
        if let Some(information) = &self.user_information {
            write_field(&mut body, 0xbe, &field::octet_string(information));
        }
        write_whole(AARE, &body).to_vec()
    }

    /// From octets.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeFault> {
        let mut fields = Fields::of(AARE, octets)?;
        let context = context_of(fields.need(0xa1, "the context")?)?;
        let result = match fields.need(0xa2, "the result")? {
            [2, 1, result] => *result,
            _ => return Err(DecodeFault::Length { part: "the result" }),
        };
        let part = "the diagnostic";
        let diagnostic = match fields.need(0xa3, part)? {
            [0xa1, 3, 2, 1, code] => Diagnostic::of_user(*code),
            [0xa2, 3, 2, 1, code] => Diagnostic::Provider(*code),
            _ => return Err(DecodeFault::Length { part }),
        };
        let title = fields.octets(0xa4, 8)?.map(field::title).transpose()?;
        fields.skip(0x88);
        let mechanism = match fields.find(0x89) {
            Some(value) => mechanism_of(value)?,
            None => None,
        };
        let challenge = fields.wrapped(0xaa, 0x80, SECRET_OCTETS_MAX)?;
        let information = fields.octets(0xbe, APDU_OCTETS_MAX)?;
        Ok(Self {
            context,
            result,
            diagnostic,
            title,
            mechanism,
            challenge: challenge.map(<[u8]>::to_vec),
            user_information: information.map(<[u8]>::to_vec),
        })
    }
}

/// The release of an association, for the normal reason.
pub fn release_request() -> Vec<u8> {
    vec![RLRQ, 3, 0x80, 1, 0]
}

/// The answer to it.
pub fn release_response() -> Vec<u8> {
    vec![RLRE, 3, 0x80, 1, 0]
}

/// Whether it is a release, whatever its reason.
pub fn is_release(tag: u8, octets: &[u8]) -> bool {
    Fields::of(tag, octets).is_ok()
}
