//! Commands as the gateway keeps them, with those who stand behind them, so that they can go on
//! after a restart. Sealed with the gateway's own key: whoever can only write its disk makes none.

use crate::command::Command;
use crate::cose::{CoseFault, Purpose};
use crate::gates::{AuthenticCommand, Author, Door};
use crate::limits::{JOURNAL_BYTES_MAX, SIGNERS_MAX};
use crate::people::Role;
use crate::receipt::ReceiptKeys;
use crate::strict::{self, Map};
use crate::{KeyId, SigningKey};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use std::collections::BTreeSet;

const JOURNAL: Purpose = Purpose {
    domain: "gw-journal/1",
    content_type: "application/vnd.pmu.gw-journal+cbor",
    bytes_max: JOURNAL_BYTES_MAX,
};

/// Why a row of the journal is not a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JournalFault {
    /// This gateway did not write it.
    #[error("nothing proves that this gateway wrote the row: {0}; end the command as unknown")]
    NotProven(CoseFault),
    /// Damaged, or of a program that was newer.
    #[error("the row cannot be read; end the command as unknown")]
    Unreadable,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    door: String,
    by: Vec<Map<AuthorWire>>,
    env: ByteArray<32>,
    cmd: ByteBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorWire {
    who: String,
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<ByteArray<8>>,
}

impl AuthenticCommand {
    /// The row for the journal, sealed for this gateway.
    pub fn to_journal(&self, key: &SigningKey) -> Result<Vec<u8>, JournalFault> {
        let authors = self.authors().iter().map(|author| {
            Map(AuthorWire {
                who: author.who().to_owned(),
                roles: author.roles().iter().map(Role::to_string).collect(),
                kid: author.key().map(|key| ByteArray::new(key.bytes())),
            })
        });
        let wire = Wire {
            door: self.door().word().to_owned(),
            by: authors.collect(),
            env: ByteArray::new(self.envelope_digest()),
            cmd: ByteBuf::from(self.payload()),
        };
        let payload = strict::encode(&wire).map_err(|_| JournalFault::Unreadable)?;
        JOURNAL
            .seal(key, self.command().gateway.as_str(), &payload)
            .map_err(JournalFault::NotProven)
    }
}

impl ReceiptKeys {
    /// A command from the gateway's own journal. It passes [`crate::authorise`] once more, like any
    /// other.
    pub fn open_journalled(&self, bytes: &[u8]) -> Result<AuthenticCommand, JournalFault> {
        let (payload, _) = self
            .prove(JOURNAL, bytes)
            .map_err(JournalFault::NotProven)?;
        read(&payload).ok_or(JournalFault::Unreadable)
    }
}

fn read(payload: &[u8]) -> Option<AuthenticCommand> {
    let wire: Wire = strict::decode(payload).ok()?;
    let authors = wire.by.into_iter().map(|Map(author)| {
        let roles = author.roles.iter().map(|word| Role::from_word(word));
        let roles: Option<BTreeSet<Role>> = roles.collect();
        let key = author.kid.map(|kid| KeyId::new(kid.into_array()));
        Some(Author::stored(author.who, roles?, key))
    });
    let authors: Option<Vec<Author>> = authors.collect();
    let authors = authors.filter(|authors| (1..=SIGNERS_MAX).contains(&authors.len()))?;
    let payload = wire.cmd.into_vec();
    Some(AuthenticCommand::stored(
        Command::decode(&payload).ok()?,
        Door::from_word(&wire.door)?,
        authors,
        wire.env.into_array(),
        payload,
    ))
}
