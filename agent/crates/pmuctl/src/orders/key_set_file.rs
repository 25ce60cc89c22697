//! A key set as a file that people write, before a root key signs it.

use super::spot::{FileComplaint, Source};
use crate::words::from_hex;
use authority::{Algorithm, KeyEntry, KeySetContent, PublicKey, Role};
use metering::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

const SHAPE: &str = "write `version`, `expires` and one [[key]] with `who`, `roles`, `from`, \
                     `until` and `public` for each key";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetFile {
    version: Spanned<u64>,
    issued: Option<Spanned<String>>,
    expires: Spanned<String>,
    key: Vec<KeyFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    who: Spanned<String>,
    roles: Vec<Spanned<String>>,
    from: Spanned<String>,
    until: Spanned<String>,
    #[serde(default)]
    revoked: bool,
    public: Spanned<String>,
}

/// The key set in a file's text. Without `issued` it is of `now`.
pub fn key_set_content(
    file: &str,
    text: &str,
    now: Timestamp,
) -> Result<KeySetContent, FileComplaint> {
    let source = Source { file, text };
    let found: SetFile = source.read(SHAPE)?;
    let issued = found.issued.as_ref();
    let issued = issued
        .map(|value| source.time("issued", value))
        .transpose()?;
    let issued = issued.unwrap_or(now);
    let expires = source.time("expires", &found.expires)?;
    if expires <= issued.max(now) {
        return Err(source.complaint(
            &found.expires.span(),
            "expires",
            "this key set has expired",
            "name a time to come; gateways believe nothing of an expired set",
        ));
    }
    if *found.version.get_ref() == 0 {
        let span = found.version.span();
        let remedy = "count from 1, and up with each set";
        return Err(source.complaint(&span, "version", "0 is no version", remedy));
    }
    let mut keys = Vec::new();
    let mut seen = BTreeMap::new();
    for key in &found.key {
        let entry = key.entry(source)?;
        if let Some(who) = seen.insert(entry.key.id(), entry.who.clone()) {
            return Err(source.complaint(
                &key.public.span(),
                "key.public",
                format!("this key is already that of {who}"),
                "give each person a key of their own",
            ));
        }
        keys.push(entry);
    }
    Ok(KeySetContent {
        version: *found.version.get_ref(),
        issued,
        expires,
        keys,
    })
}

impl KeyFile {
    fn entry(&self, source: Source<'_>) -> Result<KeyEntry, FileComplaint> {
        let who = self.who.get_ref();
        let is_name = (1..=authority::limits::WHO_BYTES_MAX).contains(&who.len())
            && !who.chars().any(char::is_control);
        if !is_name {
            let span = self.who.span();
            let remedy = "write the person's name in 1 to 64 bytes";
            return Err(source.complaint(&span, "key.who", "this is no name", remedy));
        }
        let mut roles = BTreeSet::new();
        for word in &self.roles {
            let role = Role::from_word(word.get_ref()).ok_or_else(|| {
                let problem = format!("`{}` is no role", word.get_ref());
                let remedy = "use viewer, operator, approver or administrator";
                source.complaint(&word.span(), "key.roles", problem, remedy)
            })?;
            roles.insert(role);
        }
        if roles.is_empty() || roles.len() != self.roles.len() {
            let span = self.who.span();
            let problem = format!("{who} has no roles, or one twice");
            let remedy = "name each role once: roles = [\"operator\"]";
            return Err(source.complaint(&span, "key.roles", problem, remedy));
        }
        let not_before = source.time("key.from", &self.from)?;
        let expires = source.time("key.until", &self.until)?;
        if expires <= not_before {
            let span = self.until.span();
            let remedy = "let `until` be later than `from`";
            return Err(source.complaint(&span, "key.until", "the key is never valid", remedy));
        }
        let key = public_key(self.public.get_ref()).map_err(|(problem, remedy)| {
            source.complaint(&self.public.span(), "key.public", problem, remedy)
        })?;
        Ok(KeyEntry {
            key,
            who: who.clone(),
            roles,
            not_before,
            expires,
            is_revoked: self.revoked,
        })
    }
}

/// One public key: a PEM block, or its digits.
fn public_key(text: &str) -> Result<PublicKey, (String, &'static str)> {
    if text.contains("PRIVATE KEY") {
        return Err((
            "this is a private key".to_owned(),
            "remove it, make a new pair, and put the public half here (`pmuctl key show`)",
        ));
    }
    let found = if text.contains("-----BEGIN") {
        PublicKey::from_pem(text)
    } else {
        let algorithm = match text.trim().len() {
            130 => Algorithm::Es256,
            _ => Algorithm::Ed25519,
        };
        PublicKey::new(algorithm, &from_hex(text.trim()).unwrap_or_default())
    };
    found.map_err(|fault| {
        (
            fault.to_string(),
            "write the PEM block, or the 64 (Ed25519) or 130 (P-256) digits of `pmuctl key show`",
        )
    })
}

/// A key set in lines for people.
pub fn key_set_lines(set: &KeySetContent) -> Vec<String> {
    let mut lines = vec![format!(
        "key set {}, made {}, expires {}",
        set.version, set.issued, set.expires
    )];
    for entry in &set.keys {
        let roles: Vec<&str> = entry.roles.iter().map(|role| role.word()).collect();
        let revoked = if entry.is_revoked { "  REVOKED" } else { "" };
        lines.push(format!(
            "  {}  {}  {}  {} to {}{revoked}",
            entry.key.id(),
            entry.who,
            roles.join(", "),
            entry.not_before,
            entry.expires
        ));
    }
    lines
}

#[cfg(test)]
mod tests;
