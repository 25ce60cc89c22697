//! The keys that may sign commands, as a root key signed them.

use crate::command::Now;
use crate::cose::Purpose;
use crate::limits::{KEY_SET_BYTES_MAX, NUMBER_MAX, OPERATOR_KEYS_MAX, SECONDS_MAX, WHO_BYTES_MAX};
use crate::people::Role;
use crate::public_key::{Algorithm, PublicKey};
use crate::signed_set::{Held, RootKeys, SetFault, judge, prove};
use crate::strict::{self, Map};
use crate::{KeyId, OperatorKey};
use metering::Timestamp;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use std::collections::BTreeSet;

const KEYS: Purpose = Purpose {
    domain: "gw-keys/1",
    content_type: "application/vnd.pmu.gw-keys+cbor",
    bytes_max: KEY_SET_BYTES_MAX,
};

/// A key that may sign commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    /// The key.
    pub key: PublicKey,
    /// The person behind it: two keys of one person are one person.
    pub who: String,
    /// What that person is.
    pub roles: BTreeSet<Role>,
    /// Valid from …
    pub not_before: Timestamp,
    /// … up to.
    pub expires: Timestamp,
    /// Lost or stolen.
    pub is_revoked: bool,
}

/// What a key set says; [`KeySet`] is one that a root key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetContent {
    /// Only rises.
    pub version: u64,
    /// When it was made.
    pub issued: Timestamp,
    /// When the gateway stops believing it: nobody can hold newer ones back for longer.
    pub expires: Timestamp,
    /// The keys.
    pub keys: Vec<KeyEntry>,
}

/// The keys that this gateway believes.
#[derive(Debug, Clone)]
pub struct KeySet {
    content: KeySetContent,
    digest: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    ver: u64,
    iat: u64,
    exp: u64,
    keys: Vec<Map<KeyWire>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyWire {
    kid: ByteArray<8>,
    alg: i64,
    #[serde(rename = "pub")]
    public: ByteBuf,
    who: String,
    roles: Vec<String>,
    nbf: u64,
    exp: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    revoked: bool,
}

impl KeySetContent {
    /// Signs it with a root key.
    pub fn sign(&self, root: &OperatorKey) -> Result<Vec<u8>, SetFault> {
        let keys = self.keys.iter().map(|entry| {
            Map(KeyWire {
                kid: ByteArray::new(entry.key.id().bytes()),
                alg: entry.key.algorithm().number(),
                public: ByteBuf::from(entry.key.bytes()),
                who: entry.who.clone(),
                roles: entry.roles.iter().map(Role::to_string).collect(),
                nbf: entry.not_before.seconds(),
                exp: entry.expires.seconds(),
                revoked: entry.is_revoked,
            })
        });
        let wire = Wire {
            v: 1,
            ver: self.version,
            iat: self.issued.seconds(),
            exp: self.expires.seconds(),
            keys: keys.collect(),
        };
        let payload = strict::encode(&wire).map_err(|_| content("keys"))?;
        Self::decode(&payload)?;
        Ok(KEYS.seal(root, "", &payload)?)
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, SetFault> {
        let wire: Wire = strict::decode(payload).map_err(|_| content("keys"))?;
        check(wire.v == 1, "v")?;
        check((1..=NUMBER_MAX).contains(&wire.ver), "ver")?;
        check(wire.iat < wire.exp && wire.exp <= SECONDS_MAX, "exp")?;
        check(wire.keys.len() <= OPERATOR_KEYS_MAX, "keys")?;
        let keys = wire.keys.into_iter().map(|Map(key)| key.read());
        let keys: Vec<KeyEntry> = keys.collect::<Result<_, _>>()?;
        let ids: BTreeSet<KeyId> = keys.iter().map(|entry| entry.key.id()).collect();
        check(ids.len() == keys.len(), "kid")?;
        Ok(Self {
            version: wire.ver,
            issued: Timestamp::from_seconds(wire.iat),
            expires: Timestamp::from_seconds(wire.exp),
            keys,
        })
    }
}

impl KeyWire {
    fn read(self) -> Result<KeyEntry, SetFault> {
        let algorithm = Algorithm::from_number(self.alg).ok_or(content("alg"))?;
        let key = PublicKey::new(algorithm, &self.public).map_err(|_| content("pub"))?;
        // One key has one name, and nobody can give it that of another.
        check(key.id().bytes() == self.kid.into_array(), "kid")?;
        check((1..=WHO_BYTES_MAX).contains(&self.who.len()), "who")?;
        check(!self.who.chars().any(char::is_control), "who")?;
        check(self.nbf < self.exp && self.exp <= SECONDS_MAX, "exp")?;
        let roles = self.roles.iter().map(|word| Role::from_word(word));
        let roles: Option<BTreeSet<Role>> = roles.collect();
        let roles = roles.filter(|roles| !roles.is_empty() && roles.len() == self.roles.len());
        Ok(KeyEntry {
            key,
            who: self.who,
            roles: roles.ok_or(content("roles"))?,
            not_before: Timestamp::from_seconds(self.nbf),
            expires: Timestamp::from_seconds(self.exp),
            is_revoked: self.revoked,
        })
    }
}

impl KeySet {
    /// Takes a set that came in: signed by a root key, newer than what the gateway has (or the very
    /// same), and not expired.
    pub fn open(
        roots: &RootKeys,
        bytes: &[u8],
        held: Option<Held>,
        now: &Now,
    ) -> Result<Self, SetFault> {
        let set = Self::recall(roots, bytes)?;
        judge(set.held(), set.content.expires, held, now)?;
        Ok(set)
    }

    /// Reads what the gateway itself kept. It may have expired: then it tells which version the
    /// gateway has, and no command is believed by it.
    pub fn recall(roots: &RootKeys, bytes: &[u8]) -> Result<Self, SetFault> {
        let proven = prove(KEYS, roots, bytes)?;
        Ok(Self {
            content: KeySetContent::decode(&proven.payload)?,
            digest: proven.digest,
        })
    }

    /// What later ones are compared with; the birth's `ks` is its version.
    pub const fn held(&self) -> Held {
        Held {
            version: self.content.version,
            digest: self.digest,
        }
    }

    /// What it says.
    pub const fn content(&self) -> &KeySetContent {
        &self.content
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&KeyEntry> {
        self.content.keys.iter().find(|entry| entry.key.id() == id)
    }
}

const fn content(key: &'static str) -> SetFault {
    SetFault::Content { key }
}

const fn check(holds: bool, key: &'static str) -> Result<(), SetFault> {
    if holds { Ok(()) } else { Err(content(key)) }
}

#[cfg(test)]
mod tests;
