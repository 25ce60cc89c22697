//! One side of a protected association.

use super::cipher::{Cipher, Protection, TAG_OCTETS};
use super::fault::SecurityFault;
use super::key::{Key, Keys, SystemTitle};
use super::wrap::{self, Form};
use crate::codec::Reader;

/// Protects what this side sends, and believes of what comes only what is protected as agreed and
/// new.
///
/// Which key opens an APDU is never left to the APDU. Each key has a counter of its own on the
/// peer's side; one that is not above the highest one heard is refused.
#[derive(Debug)]
pub struct Channel {
    keys: Keys,
    own: SystemTitle,
    peer: Option<SystemTitle>,
    protection: Protection,
    form: Form,
    dedicated: Option<Key>,
    is_on_dedicated: bool,
    heard: Option<u32>,
    heard_on_dedicated: Option<u32>,
}

impl Channel {
    /// A channel that has heard nothing yet, or this counter before.
    pub fn new(
        keys: Keys,
        own: SystemTitle,
        protection: Protection,
        form: Form,
        heard: Option<u32>,
    ) -> Self {
        Self {
            keys,
            own,
            peer: None,
            protection,
            form,
            dedicated: None,
            is_on_dedicated: false,
            heard,
            heard_on_dedicated: None,
        }
    }

    /// Who the peer says it is. Only a right tag proves it.
    pub fn set_peer(&mut self, peer: SystemTitle) {
        self.peer = Some(peer);
    }

    /// The peer's highest counter under the global key.
    pub fn heard(&self) -> Option<u32> {
        self.heard
    }

    /// Counters up to this one were heard.
    pub fn set_heard(&mut self, heard: Option<u32>) {
        self.heard = heard;
    }

    /// The key of this association alone; it is used from [`Self::switch`] on.
    pub fn set_dedicated(&mut self, key: Key) {
        self.dedicated = Some(key);
    }

    /// From now on the dedicated key counts, if there is one.
    pub fn switch(&mut self) {
        self.is_on_dedicated = self.dedicated.is_some();
    }

    /// How the next APDU shows itself.
    pub fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    fn key(&self) -> &Key {
        match (&self.dedicated, self.is_on_dedicated) {
            (Some(key), true) => key,
            _ => &self.keys.encryption,
        }
    }

    fn cipher(&self, title: SystemTitle, counter: u32) -> Cipher<'_> {
        Cipher {
            suite: self.keys.suite(),
            key: self.key(),
            authentication: &self.keys.authentication,
            protection: self.protection,
            title,
            counter,
        }
    }

    /// A protected APDU. The counter must never have been used with this key.
    pub fn protect(&self, plain: &[u8], counter: u32) -> Result<Vec<u8>, SecurityFault> {
        let text = self.cipher(self.own, counter).seal(plain)?;
        let mut body = Vec::with_capacity(text.len() + 5);
        body.push(self.protection.control(self.keys.suite()));
        body.extend_from_slice(&counter.to_be_bytes());
        body.extend_from_slice(&text);
        let tag = plain.first().copied().unwrap_or_default();
        Ok(wrap::wrap(
            tag,
            self.form,
            self.is_on_dedicated,
            self.own,
            &body,
        ))
    }

    /// The plain APDU and the form it came in, if it is the peer's and new.
    pub fn open(&mut self, apdu: &[u8]) -> Result<(Vec<u8>, Form), SecurityFault> {
        let wrapped = wrap::unwrap(apdu)?;
        if wrapped.is_dedicated != self.is_on_dedicated {
            return Err(SecurityFault::Weak);
        }
        let control = wrapped.control;
        if control != self.protection.control(self.keys.suite()) {
            return Err(SecurityFault::Control { control });
        }
        let peer = self.peer.ok_or(SecurityFault::NoTitle)?;
        if wrapped.title.is_some_and(|title| title != peer) {
            return Err(SecurityFault::Title);
        }
        let heard = if self.is_on_dedicated {
            self.heard_on_dedicated
        } else {
            self.heard
        };
        let counter = wrapped.counter;
        if let Some(heard) = heard
            && counter <= heard
        {
            return Err(SecurityFault::Old { counter, heard });
        }
        let plain = self.cipher(peer, counter).open(wrapped.text)?;
        if wrapped.tag.is_some() && wrapped.tag != plain.first().copied() {
            return Err(SecurityFault::Tag);
        }
        // Only now: a forged counter must not lock the peer out.
        if self.is_on_dedicated {
            self.heard_on_dedicated = Some(counter);
        } else {
            self.heard = Some(counter);
        }
        Ok((plain, wrapped.form))
    }

    /// The answer to a challenge: control, counter, tag.
    pub fn prove(&self, challenge: &[u8], counter: u32) -> Result<Vec<u8>, SecurityFault> {
        let cipher = self.proof(self.own, counter);
        let mut proof = vec![cipher.protection.control(cipher.suite)];
        proof.extend_from_slice(&counter.to_be_bytes());
        proof.extend_from_slice(&cipher.mac(challenge)?);
        Ok(proof)
    }

    /// Whether it is the peer's answer to this challenge.
    pub fn check_proof(&self, challenge: &[u8], proof: &[u8]) -> Result<(), SecurityFault> {
        let peer = self.peer.ok_or(SecurityFault::NoTitle)?;
        let mut reader = Reader::new(proof);
        let control = reader.u8("the security control")?;
        let counter = reader.u32("the invocation counter")?;
        let tag = reader.array::<TAG_OCTETS>("the proof")?;
        reader.end()?;
        let cipher = self.proof(peer, counter);
        if control != cipher.protection.control(cipher.suite) {
            return Err(SecurityFault::Control { control });
        }
        cipher.check_mac(challenge, &tag)
    }

    /// Always with the global key: it is part of the opening.
    fn proof(&self, title: SystemTitle, counter: u32) -> Cipher<'_> {
        Cipher {
            key: &self.keys.encryption,
            protection: Protection::Authenticated,
            ..self.cipher(title, counter)
        }
    }
}
