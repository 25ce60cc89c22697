//! A new password for a meter: one session gives it the password, the next one proves which it has.

use super::DlmsBook;
use super::ends::SessionTrouble;
use super::session::Sitting;
use crate::config::{DlmsPassword, DlmsProof};
use crate::tasks::bus::memory::Note;
use crate::tasks::bus::program::{
    PasswordAsk, PasswordFound, ProgramAnswer, ProgramTrouble, no_password,
};
use crate::tasks::keykeeper::{
    KeyTrouble, MeterKeys, NextPassword, PasswordFault, PasswordFile, PasswordSent, PasswordStand,
};
use crate::tasks::storekeeper::{Record, Urgency};
use authority::SecretOctets;
use line::Line;
use metering::Timestamp;
use meters::program::Misfit;

const NANOS_PER_MS: i128 = 1_000_000;
/// An association has one password; levels are a thing of other meters.
const LEVEL: u8 = 1;

impl DlmsBook {
    /// The password that the next session is opened with.
    pub(super) async fn next_password(
        &mut self,
        password: &DlmsPassword,
        keys: &MeterKeys,
        now: Timestamp,
    ) -> Result<NextPassword, SessionTrouble> {
        // An empty password is none that anybody changes.
        let Ok(secret) = SecretOctets::new(password.secret.reveal()) else {
            return Ok(NextPassword::OfFile);
        };
        let mark = self.password_mark();
        let written = u64::try_from(password.written / NANOS_PER_MS).unwrap_or_default();
        let file = PasswordFile {
            secret,
            written: Timestamp::from_millis(written),
            is_known: self.memory.note(Note::PasswordFile) == Some(mark.as_slice()),
        };
        let next = keys.password(self.id(), file, now).await?;
        self.has_doubtful_password = match &next {
            NextPassword::Try(attempt) => attempt.is_doubtful,
            NextPassword::OfFile | NextPassword::Rest { .. } => false,
        };
        if !matches!(next, NextPassword::OfFile) {
            self.memory.set_note(Note::PasswordFile, &mark);
        }
        Ok(next)
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// What a command wants of the meter's password.
    pub(super) async fn password_for_command(
        &mut self,
        ask: &PasswordAsk,
        keys: &MeterKeys,
    ) -> Result<ProgramAnswer, ProgramTrouble> {
        let DlmsProof::Password(present) = &self.book.dlms.proof else {
            let problem = "the gateway does not open this meter with a password";
            let remedy = "order `key.rotate` where it has keys";
            return Err(misfit(problem, remedy));
        };
        let meter = self.book.id().clone();
        let found = match ask {
            PasswordAsk::Change { level, .. } if *level != LEVEL => {
                let problem = "an association of a DLMS meter has one password";
                return Err(misfit(problem, "order it for level 1"));
            }
            PasswordAsk::Change { new, .. } => {
                let Ok(old) = SecretOctets::new(present.secret.reveal()) else {
                    return Err(no_password("a meter with an empty password"));
                };
                self.audit_password("change begun").await;
                let now = self.desk.clock.now().utc;
                let session = self.visit.session();
                let sent = keys.change_password(session, &meter, (old, new.clone()), now);
                match sent.await {
                    Ok(PasswordSent::Taken) => PasswordFound::Sent,
                    Ok(PasswordSent::Same) => PasswordFound::Same,
                    Ok(PasswordSent::Refused(result)) => PasswordFound::Refused(format!(
                        "the meter says {result}; nothing was changed"
                    )),
                    Err(PasswordFault::Doubtful(fault)) => {
                        log::warn!(meter:%, fault:%; "whether it took its new password is not known");
                        PasswordFound::Sent
                    }
                    Err(PasswordFault::Unfit(fault)) => PasswordFound::Refused(fault.to_string()),
                    Err(PasswordFault::Keys(trouble)) => return Err(untouched(&trouble)),
                }
            }
            PasswordAsk::Prove(this) => match keys.password_stand(&meter, this).await {
                Ok(PasswordStand::This) => PasswordFound::This,
                Ok(PasswordStand::Other) => PasswordFound::Other,
                Err(trouble) => return Err(untouched(&trouble)),
            },
        };
        self.audit_password(found.words()).await;
        Ok(ProgramAnswer::Password(found))
    }

    async fn audit_password(&self, what: &str) {
        let record = Record::Audit {
            who: "gateway".to_owned(),
            what: format!("password: {what}"),
            detail: self.book.id().to_string(),
        };
        self.desk.store.keep(vec![record], Urgency::Soon).await;
    }
}

fn misfit(problem: &str, remedy: &str) -> ProgramTrouble {
    ProgramTrouble::Misfits(vec![Misfit::new("password", problem, remedy)])
}

/// Before the meter was told anything.
fn untouched(trouble: &KeyTrouble) -> ProgramTrouble {
    misfit(
        &format!("the file of keys: {}", trouble.with_causes()),
        "nothing was written; `pmuctl doctor` looks at the gateway",
    )
}
