//! The file of a backup: JSON that a person can read, with a hash for each identity and one over
//! all, so that a damaged file is noticed and named before anything is compared.

use crate::limits::BACKUP_IDENTITIES_MAX;
use crate::words::hex;
use desk::BackupResult;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Name and edition of the format.
const FORM: &str = "pmu-meter-backup-1";
/// The edition that also says how a protocol was used, and what values mean.
const FORM_WITH_PROTOCOL: &str = "pmu-meter-backup-2";

/// What could be read of a meter at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Backup {
    /// Name of the meter.
    pub meter: String,
    /// Its model.
    pub model: String,
    /// What it says of itself.
    pub identification: String,
    /// Its serial number.
    pub serial: String,
    /// UTC when the backup was begun.
    pub taken: String,
    /// Access level of the session, if the meter has levels.
    pub level: Option<u8>,
    /// How a DLMS meter was read; none of other meters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// In the order of the model.
    pub identities: Vec<Identity>,
}

/// How a DLMS meter was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Protocol {
    /// `dlms`.
    pub name: String,
    /// The association of its model.
    pub association: String,
    /// Its client.
    pub client: u16,
    /// Where the meter was on its line.
    pub place: String,
}

/// One identity of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// Where it stands in the meter.
    pub place: String,
    /// What it is.
    pub name: String,
    /// Whether it counts or runs by itself: a difference is no change of settings.
    pub runs: bool,
    /// Its octets, hexadecimal; empty where it could not be read.
    pub hex: String,
    /// SHA-256 of the octets, hexadecimal; empty where it could not be read.
    pub sha256: String,
    /// Why it could not be read; empty where it was.
    pub refused: String,
    /// Why it was left out on purpose; empty where it was not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub left_out: String,
    /// What the octets say, in words; empty where there are none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

/// The edition is looked at before anything else: another one may have other keys.
#[derive(Deserialize)]
struct Edition {
    form: String,
}

#[derive(Serialize)]
struct Written<'a> {
    form: &'a str,
    backup: &'a Backup,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    form: String,
    backup: Backup,
    sha256: String,
}

/// What is wrong with a backup. It is never used.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    /// No JSON, or another kind of it.
    #[error("this is no backup; name a file that `pmuctl meter backup` wrote")]
    Strange(#[source] serde_json::Error),
    /// Written by another version.
    #[error("a backup of the form `{0}` cannot be read; use the pmuctl that wrote it")]
    Form(String),
    /// More than any meter has.
    #[error("more than {BACKUP_IDENTITIES_MAX} identities; this is no backup of a meter")]
    TooMany,
    /// The octets of an identity are not those that were read.
    #[error("damaged: identity {place} does not fit its hash; take another copy of the file")]
    Identity {
        /// Which.
        place: String,
    },
    /// Something else was altered.
    #[error("damaged: the file does not fit its hash; take another copy of it")]
    Whole,
}

impl Backup {
    /// A backup from the gateway's answer, once each of its hashes is proven.
    pub fn taken(result: &BackupResult) -> Result<Self, BackupFault> {
        let identities = result.identities.iter().map(|identity| Identity {
            place: identity.place.clone(),
            name: identity.name.clone(),
            runs: identity.is_running,
            hex: identity.hex.to_ascii_lowercase(),
            sha256: identity.sha256.to_ascii_lowercase(),
            refused: identity.refused.clone(),
            left_out: identity.left_out.clone(),
            words: identity.words.clone(),
        });
        let backup = Self {
            meter: result.meter.clone(),
            model: result.model.clone(),
            identification: result.identification.clone(),
            serial: result.serial.clone(),
            taken: result.taken.clone(),
            level: result.level,
            protocol: result.protocol.as_ref().map(|protocol| Protocol {
                name: protocol.name.clone(),
                association: protocol.association.clone(),
                client: protocol.client,
                place: protocol.place.clone(),
            }),
            identities: identities.collect(),
        };
        backup.check()?;
        Ok(backup)
    }

    /// Reads a file, and proves every hash in it.
    pub fn parse(text: &str) -> Result<Self, BackupFault> {
        let edition: Edition = serde_json::from_str(text).map_err(BackupFault::Strange)?;
        if ![FORM, FORM_WITH_PROTOCOL].contains(&edition.form.as_str()) {
            return Err(BackupFault::Form(crate::plain(&edition.form, 40)));
        }
        let read: Read = serde_json::from_str(text).map_err(BackupFault::Strange)?;
        if read.form != read.backup.form() {
            return Err(BackupFault::Whole);
        }
        read.backup.check()?;
        let hash = read.backup.hash().map_err(BackupFault::Strange)?;
        if hash == read.sha256 {
            Ok(read.backup)
        } else {
            Err(BackupFault::Whole)
        }
    }

    /// The text of its file.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        let written = Written {
            form: self.form(),
            backup: self,
            sha256: self.hash()?,
        };
        Ok(serde_json::to_string_pretty(&written)? + "\n")
    }

    fn form(&self) -> &'static str {
        match self.protocol {
            None => FORM,
            Some(_) => FORM_WITH_PROTOCOL,
        }
    }

    /// SHA-256 of its values as JSON without any space: how the file is laid out does not count.
    fn hash(&self) -> Result<String, serde_json::Error> {
        Ok(hex(&Sha256::digest(serde_json::to_vec(self)?)))
    }

    fn check(&self) -> Result<(), BackupFault> {
        if self.identities.len() > BACKUP_IDENTITIES_MAX {
            return Err(BackupFault::TooMany);
        }
        let damaged = self.identities.iter().find(|identity| !identity.is_sound());
        match damaged {
            None => Ok(()),
            Some(identity) => Err(BackupFault::Identity {
                place: crate::plain(&identity.place, 40),
            }),
        }
    }
}

impl Identity {
    /// Whether it was read.
    pub fn was_read(&self) -> bool {
        self.refused.is_empty() && self.left_out.is_empty()
    }

    fn is_sound(&self) -> bool {
        if self.was_read() {
            octets(&self.hex).is_some_and(|octets| hex(&Sha256::digest(octets)) == self.sha256)
        } else {
            self.hex.is_empty()
        }
    }
}

/// Octets from lower-case hexadecimal digits.
fn octets(digits: &str) -> Option<Vec<u8>> {
    let is_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if !digits.len().is_multiple_of(2) || !digits.as_bytes().iter().all(is_hex) {
        return None;
    }
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// For the fuzzer: a file to the parser. Panics only on a defect: what was taken says something
/// else when it is written and read again.
///
/// # Panics
/// On a defect.
pub fn fuzz_backup(text: &str) {
    let Ok(backup) = Backup::parse(text) else {
        return;
    };
    let again = backup.text().ok().map(|text| Backup::parse(&text));
    assert!(
        again.is_some_and(|again| again.is_ok_and(|again| again == backup)),
        "a backup that was read is written and read again"
    );
}

#[cfg(test)]
pub(crate) mod tests;
