//! The file of keys with the master key that opens them.

use authority::{MasterKey, SealFault, SealPlace, SecretOctets};
use dlms::security::{Keys, SecurityFault, Suite, SystemTitle};
use metering::{MeterId, Timestamp};
use std::path::PathBuf;
use storage::keys::{
    Choice, KeyError, KeyFile, KeyKind, KeyNumber, OldKey, Origin, SealedKey, UNIQUE_OCTETS,
    Verdict,
};
use storage::{Remedy, StoreError, StoreFile};

/// The two keys of a session, in the order in which they are tried.
const SESSION: [KeyKind; 2] = [KeyKind::Encryption, KeyKind::Authentication];

/// How the gateway's system title begins, in place of a manufacturer's three letters.
const TITLE_LETTERS: [u8; 3] = *b"PMU";

/// Why a key cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrouble {
    /// The file of keys, or where a change stands.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The seal.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// The key does not fit the meter's suite.
    #[error(transparent)]
    Fit(#[from] SecurityFault),
    /// A change of the other key is in doubt: two doubts cannot be told apart.
    #[error("a change of the {doubtful} of {meter} is not settled; wait until it is")]
    InDoubt {
        /// Whose.
        meter: MeterId,
        /// Which.
        doubtful: KeyKind,
    },
    /// Nothing would prove that a meter has taken it.
    #[error("the {0} is not replaced by the gateway; change it in the meter, and import it")]
    NotReplaceable(KeyKind),
    /// There is no source of random octets.
    #[error("no random octets to be had")]
    NoRandom,
    /// The gateway stops.
    #[error("the gateway is stopping")]
    Stopped,
}

impl KeyTrouble {
    /// What happened, and why, and why that.
    pub fn with_causes(&self) -> String {
        let mut words = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            words = format!("{words}: {source}");
            cause = source.source();
        }
        words
    }
}

impl From<StoreError> for KeyTrouble {
    fn from(error: StoreError) -> Self {
        Self::Keys(error.into())
    }
}

/// One session that may be opened, and with what.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// With whom.
    pub meter: MeterId,
    /// The keys themselves.
    pub keys: Keys,
    /// Whose counters count.
    pub encryption: KeyNumber,
    authentication: KeyNumber,
}

/// What may be done now.
#[derive(Debug, Clone)]
pub enum NextKeys {
    /// Open one session.
    Try(Box<Attempt>),
    /// The meter refused its keys: leave it alone until then.
    Rest {
        /// The end of the pause.
        until: Timestamp,
    },
}

/// The file of keys with the master key that opens them.
#[derive(Debug)]
pub struct KeyRoom {
    folder: PathBuf,
    file: Option<KeyFile>,
    master: Result<MasterKey, SealFault>,
}

impl KeyRoom {
    /// The keys in a folder. Without a master key nothing can be sealed or opened, and each question
    /// says how to make one.
    pub fn new(folder: PathBuf, master: Result<MasterKey, SealFault>) -> Self {
        Self {
            folder,
            file: None,
            master,
        }
    }

    /// What is wrong with the master key, if anything is.
    pub fn master_fault(&self) -> Option<SealFault> {
        self.master.as_ref().err().copied()
    }

    /// Whether there is a file of keys. Looking for a key that nobody has brought shall not make one.
    pub fn has_file(&self) -> bool {
        self.file.is_some() || self.folder.join(StoreFile::Keys.name()).exists()
    }

    /// Does something with the file. After a failed write it is opened anew for the next question.
    pub fn with<T>(
        &mut self,
        work: impl FnOnce(&mut KeyFile) -> Result<T, KeyError>,
    ) -> Result<T, KeyTrouble> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => KeyFile::open(&self.folder)?,
        };
        let result = work(&mut file);
        let is_spent = matches!(
            &result,
            Err(KeyError::Store(error)) if error.remedy() == Remedy::Reopen
        );
        self.file = (!is_spent).then_some(file);
        Ok(result?)
    }

    /// The gateway's own system title, the same for all of its meters and over restarts.
    ///
    /// Its five unique octets are random and live with the keys, not made from the gateway's name: a
    /// nonce is this title and a counter, so a file that is lost takes its nonces with it. A box that
    /// replaces another one of the same name cannot use one of them again with the same key, even if
    /// somebody names it a counter that is too low.
    pub fn title(&mut self) -> Result<SystemTitle, KeyTrouble> {
        let known = self.with(|file| file.unique())?;
        let mut unique = known.unwrap_or_default();
        if known.is_none() {
            getrandom::fill(&mut unique).map_err(|_| KeyTrouble::NoRandom)?;
            self.with(|file| file.set_unique(unique))?;
        }
        let mut title = [0; TITLE_LETTERS.len() + UNIQUE_OCTETS];
        let (letters, rest) = title.split_at_mut(TITLE_LETTERS.len());
        letters.copy_from_slice(&TITLE_LETTERS);
        rest.copy_from_slice(&unique);
        Ok(SystemTitle(title))
    }

    /// Takes in a key that a meter has.
    pub fn import(
        &mut self,
        meter: &MeterId,
        kind: KeyKind,
        secret: &SecretOctets,
        old: OldKey,
        now: Timestamp,
    ) -> Result<KeyNumber, KeyTrouble> {
        let (number, key) = self.seal(meter, kind, Origin::Imported, secret, now)?;
        self.with(|file| file.import(number, &key, old))?;
        Ok(number)
    }

    /// Makes a key that shall replace the meter's present one. The meter has not been told.
    pub fn prepare(
        &mut self,
        meter: &MeterId,
        kind: KeyKind,
        suite: Suite,
        now: Timestamp,
    ) -> Result<KeyNumber, KeyTrouble> {
        for other in SESSION.into_iter().filter(|other| *other != kind) {
            if self.with(|file| file.ring(meter, other))?.is_doubtful() {
                return Err(KeyTrouble::InDoubt {
                    meter: meter.clone(),
                    doubtful: other,
                });
            }
        }
        let key = dlms::security::Key::generate(suite)?;
        let secret = SecretOctets::new(key.reveal())?;
        let (number, key) = self.seal(meter, kind, Origin::Generated, &secret, now)?;
        self.with(|file| file.prepare(number, &key))?;
        Ok(number)
    }

    pub(super) fn seal(
        &mut self,
        meter: &MeterId,
        kind: KeyKind,
        origin: Origin,
        secret: &SecretOctets,
        now: Timestamp,
    ) -> Result<(KeyNumber, SealedKey), KeyTrouble> {
        let number = self.with(|file| Ok(file.next_number()))?;
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(|_| KeyTrouble::NoRandom)?;
        let place = place(meter, kind, number);
        let master = self.master.as_ref().map_err(|fault| *fault)?;
        let key = SealedKey {
            meter: meter.clone(),
            kind,
            origin,
            since: now,
            sealed: master.seal(secret, place, nonce)?,
        };
        Ok((number, key))
    }

    /// Opens a key.
    pub fn secret(&mut self, number: KeyNumber) -> Result<SecretOctets, KeyTrouble> {
        let key = self.with(|file| file.key(number))?;
        let master = self.master.as_ref().map_err(|fault| *fault)?;
        Ok(master.open(&key.sealed, place(&key.meter, key.kind, number))?)
    }

    /// The keys for the next session, if one may be opened. The attempt is noted before this
    /// returns.
    pub fn attempt(
        &mut self,
        meter: &MeterId,
        suite: Suite,
        now: Timestamp,
    ) -> Result<NextKeys, KeyTrouble> {
        let mut numbers = Vec::new();
        for kind in SESSION {
            match self.with(|file| file.ring(meter, kind))?.choose(now) {
                Choice::Try(number) => numbers.push(number),
                Choice::Rest { until } => return Ok(NextKeys::Rest { until }),
            }
        }
        let &[encryption, authentication] = numbers.as_slice() else {
            return Err(KeyTrouble::Stopped);
        };
        let (one, two) = (self.secret(encryption)?, self.secret(authentication)?);
        let keys = Keys::new(suite, one.reveal(), two.reveal())?;
        self.with(|file| file.begin(meter, KeyKind::Encryption, encryption, now))?;
        self.with(|file| file.begin(meter, KeyKind::Authentication, authentication, now))?;
        Ok(NextKeys::Try(Box::new(Attempt {
            meter: meter.clone(),
            keys,
            encryption,
            authentication,
        })))
    }

    /// Notes how a session with these keys began.
    ///
    /// A proof is one of both keys. A refusal does not say of which: it counts for those in doubt, or
    /// else for the first.
    pub fn judge(
        &mut self,
        attempt: &Attempt,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<(), KeyTrouble> {
        let numbers = [attempt.encryption, attempt.authentication];
        let mut is_noted = false;
        for (kind, number) in SESSION.into_iter().zip(numbers) {
            let is_doubtful = self
                .with(|file| file.ring(&attempt.meter, kind))?
                .is_doubtful();
            if is_doubtful || verdict == Verdict::Proven {
                self.with(|file| file.judge(&attempt.meter, kind, number, verdict, now))?;
                is_noted = true;
            }
        }
        if !is_noted {
            let kind = KeyKind::Encryption;
            let number = attempt.encryption;
            self.with(|file| file.judge(&attempt.meter, kind, number, verdict, now))?;
        }
        Ok(())
    }

    /// Writes what is not durable yet.
    pub fn close(self) -> Result<(), KeyTrouble> {
        match self.file {
            Some(file) => Ok(file.close()?),
            None => Ok(()),
        }
    }
}

fn place(meter: &MeterId, kind: KeyKind, number: KeyNumber) -> SealPlace<'_> {
    SealPlace {
        meter,
        kind: kind.code(),
        number: number.0,
    }
}
