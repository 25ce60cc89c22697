//! A meter's password: the new one is kept before the meter is told, and proven by a new session.
//!
//! Nothing of it is in the journal: the command has it sealed for this gateway, and which password the
//! meter has is told by the file of keys behind the next session. So a stop leaves nothing to repeat.

use super::Dispatch;
use super::hands::Hands;
use super::outcome::{MeterEnd, Outcome};
use super::programming::{STAND_AGAIN, STANDS_MAX, code_of};
use crate::tasks::bus::program::{
    PasswordAsk, PasswordFound, ProgramAnswer, ProgramAsk, ProgramTrouble,
};
use authority::{Action, CommandState, PasswordPlace, SecretOctets};
use metering::MeterId;
use std::sync::Arc;
use std::time::Duration;

/// A password of which a stop hid how its trial ended is tried again after an hour, so that no meter is
/// locked: until then it is looked this often.
const PROVE_AGAIN: Duration = Duration::from_mins(5);
/// And so often in all: two hours.
const PROOFS_MAX: u8 = STANDS_MAX + 24;

impl Hands {
    /// Carries it out. Nothing where the gateway stops in between.
    pub(super) async fn change_password(&self, dispatch: &Arc<Dispatch>) -> Option<Outcome> {
        let Action::PasswordChange { meter, level, .. } = &dispatch.command().action else {
            return None;
        };
        let note = "opening the sealed password";
        if !self.step(dispatch, (0, 1), note, Vec::new()).await {
            return None;
        }
        if dispatch.command().precondition.is_some() {
            let words = "a password has no fingerprint; leave `pre` out";
            return Some(failed(meter, "precondition", words));
        }
        let new = match self.opened(dispatch) {
            Ok(new) => new,
            Err(words) => return Some(failed(meter, "bad-seal", words)),
        };
        let note = format!("giving {meter} its new password");
        if !self.step(dispatch, (1, 1), &note, Vec::new()).await {
            return None;
        }
        if let Err((code, words)) = self.late(dispatch) {
            return Some(failed(meter, code, words));
        }
        let level = *level;
        let change = PasswordAsk::Change {
            level,
            new: new.clone(),
        };
        let asked = self
            .ask(dispatch, meter, ProgramAsk::Password(change))
            .await;
        Some(match asked {
            Ok(ProgramAnswer::Password(PasswordFound::Same)) => {
                let words = "the meter has this password already; nothing was written";
                ended(meter, CommandState::Succeeded, "", words)
            }
            Ok(ProgramAnswer::Password(PasswordFound::Refused(words))) => {
                failed(meter, "refused", words)
            }
            Err(ProgramTrouble::Dropped) if self.shutdown.is_cancelled() => return None,
            // Its session may have been on its way when it was dropped.
            Ok(_) | Err(ProgramTrouble::Dropped) => {
                self.prove_password(dispatch, meter, &new).await?
            }
            Err(trouble) => failed(meter, code_of(&trouble), trouble.to_string()),
        })
    }

    /// What became of a change that a stop interrupted.
    pub(super) async fn found_password(&self, dispatch: &Arc<Dispatch>) -> Option<Outcome> {
        let meter = dispatch.command().action.meter()?;
        match self.opened(dispatch) {
            Ok(new) => self.prove_password(dispatch, meter, &new).await,
            Err(words) => Some(failed(meter, "bad-seal", words)),
        }
    }

    fn opened(&self, dispatch: &Dispatch) -> Result<SecretOctets, String> {
        let Action::PasswordChange {
            meter,
            level,
            sealed,
        } = &dispatch.command().action
        else {
            return Err("no password is sealed in it".to_owned());
        };
        let Some(key) = &self.sealing else {
            let words = "this gateway has no key that opens sealed passwords; look at its log";
            return Err(words.to_owned());
        };
        let place = PasswordPlace {
            gateway: &dispatch.command().gateway,
            meter,
            level: *level,
        };
        key.open(sealed, place).map_err(|fault| fault.to_string())
    }

    /// By a new session: the meter is only read.
    async fn prove_password(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        new: &SecretOctets,
    ) -> Option<Outcome> {
        let mut last = String::new();
        for attempt in 0..PROOFS_MAX {
            let ask = ProgramAsk::Password(PasswordAsk::Prove(new.clone()));
            match self.ask(dispatch, meter, ask).await {
                Ok(ProgramAnswer::Password(PasswordFound::This)) => {
                    let words = "the new password is proven by a session";
                    return Some(ended(meter, CommandState::Succeeded, "", words));
                }
                Ok(_) => {
                    let words = "the meter goes on with the password it had";
                    return Some(failed(meter, "not-written", words));
                }
                Err(trouble @ (ProgramTrouble::Misfits(_) | ProgramTrouble::NoMeter)) => {
                    last = trouble.to_string();
                    break;
                }
                Err(trouble) => last = trouble.to_string(),
            }
            let again = if attempt < STANDS_MAX {
                STAND_AGAIN
            } else {
                PROVE_AGAIN
            };
            if self.pause(again).await {
                return None;
            }
        }
        let words = format!(
            "which password the meter has is not known: {last}; its next sessions try both, once each"
        );
        Some(ended(meter, CommandState::Unknown, "unknown", words))
    }
}

fn failed(meter: &MeterId, code: &str, words: impl Into<String>) -> Outcome {
    ended(meter, CommandState::Failed, code, words)
}

fn ended(meter: &MeterId, state: CommandState, code: &str, words: impl Into<String>) -> Outcome {
    let mut end = MeterEnd::without_report(meter, state, code, words);
    end.code = Some(code.to_owned()).filter(|code| !code.is_empty());
    Outcome::of_meters(vec![end])
}
