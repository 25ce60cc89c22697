//! Commands of which it is proven who orders them.

use super::Door;
use crate::KeyId;
use crate::command::Command;
use crate::key_set::KeyEntry;
use crate::people::{Orderer, Role, Session};
use crate::rejection::CommandRejection;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Who orders something, or approves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    who: String,
    roles: BTreeSet<Role>,
    key: Option<KeyId>,
}

impl Author {
    pub(super) fn of_key(id: KeyId, entry: &KeyEntry) -> Self {
        Self {
            who: entry.who.clone(),
            roles: entry.roles.clone(),
            key: Some(id),
        }
    }

    fn of_person(person: &Orderer) -> Self {
        Self {
            who: person.who().to_owned(),
            roles: BTreeSet::from([person.role()]),
            key: None,
        }
    }

    pub(crate) fn stored(who: String, roles: BTreeSet<Role>, key: Option<KeyId>) -> Self {
        Self { who, roles, key }
    }

    /// The person; two keys of one person are one.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// What that person is.
    pub const fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// The key that signed, if one did.
    pub const fn key(&self) -> Option<KeyId> {
        self.key
    }
}

/// A command, and proof who orders it. Not yet that they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticCommand {
    command: Command,
    door: Door,
    authors: Vec<Author>,
    envelope_digest: [u8; 32],
    payload: Vec<u8>,
}

impl AuthenticCommand {
    pub(super) const fn signed(
        command: Command,
        authors: Vec<Author>,
        envelope_digest: [u8; 32],
        payload: Vec<u8>,
    ) -> Self {
        Self {
            command,
            door: Door::HeadEnd,
            authors,
            envelope_digest,
            payload,
        }
    }

    /// What a person orders who is signed in. The command must be one of the contract, like any
    /// other.
    pub fn by_session(command: &Command, session: &Session) -> Result<Self, CommandRejection> {
        Self::by_person(command, &session.orderer())
    }

    /// The same, for one who was signed in when he ordered it.
    pub fn by_person(command: &Command, person: &Orderer) -> Result<Self, CommandRejection> {
        Self::local(command, person.door(), vec![Author::of_person(person)])
    }

    /// Adds a second person who is signed in and was shown the same command. What was signed is
    /// approved by a signature, not by a session.
    pub fn approved_by(self, session: &Session) -> Result<Self, CommandRejection> {
        self.approved_by_person(&session.orderer())
    }

    /// The same, for one who was signed in when the command was ordered.
    pub fn approved_by_person(mut self, person: &Orderer) -> Result<Self, CommandRejection> {
        if !self.door.is_for_people() {
            return Err(CommandRejection::NotByThisDoor {
                operation: self.command.action.operation().word(),
                door: person.door().word(),
            });
        }
        self.authors.push(Author::of_person(person));
        Ok(self)
    }

    /// What a meter list does when its time has come, in the name of those who put the list: where
    /// two people had to put it, two stand behind each run.
    pub fn by_list(
        command: &Command,
        put: &super::AuthorisedCommand,
    ) -> Result<Self, CommandRejection> {
        if put.command().action.operation() != crate::Operation::ListPut {
            return Err(CommandRejection::BadArguments { key: "op" });
        }
        Self::local(command, Door::Schedule, put.authors().to_vec())
    }

    /// What the gateway does by itself because its configuration says so.
    pub fn by_configuration(command: &Command) -> Result<Self, CommandRejection> {
        let author = Author {
            who: "configuration".to_owned(),
            roles: BTreeSet::from([Role::Operator]),
            key: None,
        };
        Self::local(command, Door::Configuration, vec![author])
    }

    fn local(
        command: &Command,
        door: Door,
        authors: Vec<Author>,
    ) -> Result<Self, CommandRejection> {
        let payload = command.encode()?;
        Ok(Self {
            command: Command::decode(&payload)?,
            door,
            authors,
            envelope_digest: Sha256::digest(&payload).into(),
            payload,
        })
    }

    pub(crate) fn stored(
        command: Command,
        door: Door,
        authors: Vec<Author>,
        envelope_digest: [u8; 32],
        payload: Vec<u8>,
    ) -> Self {
        Self {
            command,
            door,
            authors,
            envelope_digest,
            payload,
        }
    }

    /// What is ordered.
    pub const fn command(&self) -> &Command {
        &self.command
    }

    /// Where it came in.
    pub const fn door(&self) -> Door {
        self.door
    }

    /// Who orders it; the first one numbers.
    pub fn authors(&self) -> &[Author] {
        &self.authors
    }

    /// The key whose numbers it goes by; zeros where none signed these very bytes, as for what a list
    /// orders in the name of those who signed the list.
    pub fn numbered_by(&self) -> KeyId {
        let is_signed = self.door == Door::HeadEnd;
        let first = self.authors.first().filter(|_| is_signed);
        let key = first.and_then(Author::key);
        key.unwrap_or(KeyId::new([0; 8]))
    }

    /// SHA-256 of the envelope as received.
    pub const fn envelope_digest(&self) -> [u8; 32] {
        self.envelope_digest
    }

    /// SHA-256 of what was signed. The same id with another one is a replay; another envelope around
    /// the same bytes is the same command.
    pub fn payload_digest(&self) -> [u8; 32] {
        Sha256::digest(&self.payload).into()
    }

    /// The bytes that were signed, or would have been.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}
