//! Passwords of low level security, once a command has changed one: which one a meter has, while one
//! replaces another.
//!
//! Until then a meter's password is that of its file, and nothing of it is here. The first change takes
//! it in as the present one; from then on the ring of this meter says which password is tried, and the
//! file is heard again only when somebody writes another one into it.

use super::{KeyHandle, KeyRoom, KeyTrouble, MeterKeys};
use authority::SecretOctets;
use dlms::codec::{AccessResult, Attribute, Data, LogicalName};
use dlms::conversation::{Session, SessionFault};
use dlms::security::CounterKeeper;
use line::Line;
use metering::{MeterId, Timestamp};
use storage::keys::{Choice, KeyKind, KeyNumber, OldKey, Origin, Ring, Verdict};

const KIND: KeyKind = KeyKind::Password;
/// The secret of the association that is open.
const SECRET: Attribute = Attribute {
    class: 15,
    name: LogicalName::ASSOCIATION,
    number: 7,
};

/// The password in a meter's file.
#[derive(Debug, Clone)]
pub struct PasswordFile {
    /// What stands in it.
    pub secret: SecretOctets,
    /// When it was written.
    pub written: Timestamp,
    /// It was taken notice of before.
    pub is_known: bool,
}

/// What may be done now.
#[derive(Debug, Clone)]
pub enum NextPassword {
    /// Use the one of the file: the gateway has never changed it.
    OfFile,
    /// Open one session with this one.
    Try(Box<PasswordAttempt>),
    /// The meter refused what there is: leave it alone until then.
    Rest {
        /// The end of the pause.
        until: Timestamp,
    },
}

/// One session that may be opened, and with what.
#[derive(Debug, Clone)]
pub struct PasswordAttempt {
    meter: MeterId,
    number: KeyNumber,
    /// The password.
    pub secret: SecretOctets,
    /// The meter has this one or another one: a refusal is one of two answers.
    pub is_doubtful: bool,
}

/// What the meter said to a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordSent {
    /// It has taken it, it says. The next session proves it.
    Taken,
    /// It has this one already.
    Same,
    /// It has not.
    Refused(AccessResult),
}

/// Why a change did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum PasswordFault {
    /// The file of keys. The meter was not told.
    #[error(transparent)]
    Keys(#[from] KeyTrouble),
    /// Nothing was sent: this session cannot write.
    #[error("this session cannot write")]
    Unfit(#[source] SessionFault),
    /// The session failed while the password was on its way.
    #[error(
        "the meter was sent a new password, and whether it took it is not known; the next sessions try both"
    )]
    Doubtful(#[source] SessionFault),
}

/// Which password a meter has, when a session has just been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordStand {
    /// This one.
    This,
    /// Another one.
    Other,
}

impl KeyRoom {
    /// The password for the next session, if one may be opened. The attempt is noted before this
    /// returns.
    pub fn password(
        &mut self,
        meter: &MeterId,
        file: &PasswordFile,
        now: Timestamp,
    ) -> Result<NextPassword, KeyTrouble> {
        let ring = match self.password_ring(meter) {
            Ok(Some(ring)) => ring,
            Ok(None) => return Ok(NextPassword::OfFile),
            // Readings go first: the file of keys is of no use to most meters with a password.
            Err(trouble) => {
                let why = trouble.with_causes();
                log::warn!(meter:%; "whether its password was changed cannot be seen, that of its file is used: {why}");
                return Ok(NextPassword::OfFile);
            }
        };
        self.hear_file(meter, &ring, file, now)?;
        let ring = self.with(|keys| keys.ring(meter, KIND))?;
        let number = match ring.choose(now) {
            Choice::Try(number) => number,
            Choice::Rest { until } => return Ok(NextPassword::Rest { until }),
        };
        let secret = self.secret(number)?;
        self.with(|keys| keys.begin(meter, KIND, number, now))?;
        Ok(NextPassword::Try(Box::new(PasswordAttempt {
            meter: meter.clone(),
            number,
            secret,
            is_doubtful: ring.is_doubtful(),
        })))
    }

    /// Somebody has written a password into the file since: it is tried first, and the one that is
    /// here stays until the meter has proven it.
    fn hear_file(
        &mut self,
        meter: &MeterId,
        ring: &Ring,
        file: &PasswordFile,
        now: Timestamp,
    ) -> Result<(), KeyTrouble> {
        let current = ring.current();
        let since = self.with(|keys| Ok(keys.key(current)?.since))?;
        if file.is_known || file.written <= since {
            return Ok(());
        }
        let is_offered = match ring.next().filter(|_| ring.is_doubtful()) {
            Some(next) => self.secret(next)?.reveal() == file.secret.reveal(),
            None => false,
        };
        if is_offered || self.secret(current)?.reveal() == file.secret.reveal() {
            return self.with(|keys| keys.retry_now(meter, KIND));
        }
        if ring.next().is_none() {
            let old = OldKey::StaysUntilProven;
            self.import(meter, KIND, &file.secret, old, now)?;
        }
        Ok(())
    }

    /// Keeps a password that shall replace the meter's present one, which is `old` where nothing is
    /// here yet. The meter has not been told. Says whether there is anything to tell it.
    pub fn begin_password(
        &mut self,
        meter: &MeterId,
        (old, new): (&SecretOctets, &SecretOctets),
        now: Timestamp,
    ) -> Result<bool, KeyTrouble> {
        match self.password_ring(meter)? {
            None => {
                self.import(meter, KIND, old, OldKey::Goes, now)?;
            }
            Some(ring) if ring.is_doubtful() => {
                return Err(KeyTrouble::InDoubt {
                    meter: meter.clone(),
                    doubtful: KIND,
                });
            }
            // The power failed after it was kept and before the meter was told.
            Some(ring) if ring.next().is_some() => {
                self.with(|keys| keys.roll_back(meter, KIND))?;
            }
            Some(_) => {}
        }
        let current = self.with(|keys| keys.ring(meter, KIND))?.current();
        if self.secret(current)?.reveal() == new.reveal() {
            return Ok(false);
        }
        let (number, key) = self.seal(meter, KIND, Origin::Imported, new, now)?;
        self.with(|keys| keys.prepare(number, &key))?;
        Ok(true)
    }

    /// Which password the meter has, where a session was opened just now.
    pub fn password_stand(
        &mut self,
        meter: &MeterId,
        this: &SecretOctets,
    ) -> Result<PasswordStand, KeyTrouble> {
        let Some(ring) = self.password_ring(meter)? else {
            return Ok(PasswordStand::Other);
        };
        if ring.is_doubtful() {
            return Err(KeyTrouble::InDoubt {
                meter: meter.clone(),
                doubtful: KIND,
            });
        }
        if ring.next().is_some() {
            self.with(|keys| keys.roll_back(meter, KIND))?;
        }
        let is_this = self.secret(ring.current())?.reveal() == this.reveal();
        Ok(if is_this {
            PasswordStand::This
        } else {
            PasswordStand::Other
        })
    }

    fn password_ring(&mut self, meter: &MeterId) -> Result<Option<Ring>, KeyTrouble> {
        if !self.has_file() {
            return Ok(None);
        }
        self.ring_if_any(meter, KIND)
    }
}

impl MeterKeys {
    /// The password for the next session, if one may be opened.
    pub async fn password(
        &self,
        meter: &MeterId,
        file: PasswordFile,
        now: Timestamp,
    ) -> Result<NextPassword, KeyTrouble> {
        let meter = meter.clone();
        let next = self.0.ask(move |room| room.password(&meter, &file, now));
        next.await
    }

    /// Notes how the session began. Each attempt is judged once.
    pub async fn judge_password(
        &self,
        attempt: PasswordAttempt,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<(), KeyTrouble> {
        let judged = self.0.ask(move |room| {
            let PasswordAttempt { meter, number, .. } = attempt;
            room.with(|keys| keys.judge(&meter, KIND, number, verdict, now))
        });
        judged.await
    }

    /// Which password the meter has that a session was just opened with.
    pub async fn password_stand(
        &self,
        meter: &MeterId,
        this: &SecretOctets,
    ) -> Result<PasswordStand, KeyTrouble> {
        let (meter, this) = (meter.clone(), this.clone());
        let stand = self.0.ask(move |room| room.password_stand(&meter, &this));
        stand.await
    }

    /// Gives the meter that this session is with a new password: kept, noted as on its way, sent. Close
    /// the session afterwards, whatever came of it.
    pub async fn change_password<L: Line, K: CounterKeeper>(
        &self,
        session: &mut Session<'_, L, K>,
        meter: &MeterId,
        (old, new): (SecretOctets, SecretOctets),
        now: Timestamp,
    ) -> Result<PasswordSent, PasswordFault> {
        let value = Data::OctetString(new.reveal().to_vec());
        let name = meter.clone();
        let begun = self
            .0
            .ask(move |room| room.begin_password(&name, (&old, &new), now));
        if !begun.await? {
            return Ok(PasswordSent::Same);
        }
        let name = meter.clone();
        // From here on the meter may have either.
        self.0
            .ask(move |room| room.with(|keys| keys.send(&name, KIND)))
            .await?;
        match session.set(SECRET, &value).await {
            Ok(AccessResult::Success) => Ok(PasswordSent::Taken),
            Ok(result) => {
                take_back(&self.0, meter).await?;
                Ok(PasswordSent::Refused(result))
            }
            // It was refused on this side: not an octet was sent.
            Err(fault @ SessionFault::NotAgreed { .. }) => {
                take_back(&self.0, meter).await?;
                Err(PasswordFault::Unfit(fault))
            }
            Err(fault) => Err(PasswordFault::Doubtful(fault)),
        }
    }
}

async fn take_back(keys: &KeyHandle, meter: &MeterId) -> Result<(), KeyTrouble> {
    let meter = meter.clone();
    let back = keys.ask(move |room| room.with(|keys| keys.roll_back(&meter, KIND)));
    back.await
}
