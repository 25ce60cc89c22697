//! The password: one try, and its renewal.

use line::Line;
use tokio::time::Instant;

use super::fault::{PasswordRefusal, SessionFault, Step};
use super::session::{Heard, Inquiry, Session, Standing};
use super::terms::LogOn;
use super::track::Mark;
use crate::codec::{Command, ExpectedAnswer, PasswordAnswer, Seed};
use std::time::Duration;

impl<L: Line> Session<'_, L> {
    /// Proves a password, as the meter wants it.
    ///
    /// A session tries **one** password, once: a second one is refused without sending anything,
    /// and no fault of the line makes it send one again. The public level needs none.
    pub async fn log_on(&mut self, log_on: &LogOn) -> Result<(), SessionFault> {
        match log_on {
            LogOn::None => Ok(()),
            LogOn::Public => self.ask_public_level().await,
            LogOn::Plain(password) => {
                self.try_once()?;
                self.voice
                    .line
                    .trace()
                    .keep_secret(password.reveal().as_bytes());
                self.prove(&Command::PlainPassword(password.clone()))
                    .await?;
                self.standing = Standing::Proven;
                Ok(())
            }
            LogOn::Elster {
                password,
                public_first,
            } => {
                if self.has_tried {
                    return Err(SessionFault::PasswordTried);
                }
                let answer = PasswordAnswer::elster(password, Seed::parse(&self.operand)?)?;
                if *public_first {
                    self.ask_public_level().await?;
                }
                self.try_once()?;
                self.voice
                    .line
                    .trace()
                    .keep_secret(answer.reveal().as_bytes());
                self.prove(&Command::PasswordAnswer(answer.clone())).await?;
                self.proof = Some((answer, Instant::now()));
                self.standing = Standing::Proven;
                Ok(())
            }
        }
    }

    fn try_once(&mut self) -> Result<(), SessionFault> {
        if std::mem::replace(&mut self.has_tried, true) {
            return Err(SessionFault::PasswordTried);
        }
        Ok(())
    }

    async fn ask_public_level(&mut self) -> Result<(), SessionFault> {
        let answer = PasswordAnswer::public();
        self.prove(&Command::PasswordAnswer(answer.clone())).await?;
        if self.standing < Standing::Public {
            self.standing = Standing::Public;
            self.proof = Some((answer, Instant::now()));
        }
        Ok(())
    }

    async fn prove(&mut self, command: &Command<'_>) -> Result<(), SessionFault> {
        self.make_ready().await?;
        self.keep_apart().await?;
        match self.give(command).await? {
            None => Ok(()),
            Some(how) => Err(SessionFault::PasswordRefused { how }),
        }
    }

    /// Gives the last proof again, before it lapses.
    pub(super) async fn renew(&mut self) -> Result<(), SessionFault> {
        let mut how = PasswordRefusal::Silent;
        for _ in 0..self.terms.attempts.get() {
            if !self.track.is_in_step() {
                self.fall_in().await?;
            }
            self.keep_apart().await?;
            match self.prove_again().await? {
                None => return Ok(()),
                Some(refusal) => how = refusal,
            }
        }
        Err(SessionFault::NotRenewed { how })
    }

    /// Gives the last proof again, once. It was taken before: repeating it locks no meter.
    pub(super) async fn prove_again(&mut self) -> Result<Option<PasswordRefusal>, SessionFault> {
        let Some((answer, _)) = self.proof.clone() else {
            return Ok(None);
        };
        let refusal = self.give(&Command::PasswordAnswer(answer.clone())).await?;
        if refusal.is_none() {
            self.proof = Some((answer, Instant::now()));
        }
        Ok(refusal)
    }

    /// Sends a password once. Tells how the meter refused it, if it did.
    async fn give(
        &mut self,
        command: &Command<'_>,
    ) -> Result<Option<PasswordRefusal>, SessionFault> {
        let Some(expected) = ExpectedAnswer::to_command(command) else {
            return Ok(None);
        };
        let inquiry = Inquiry {
            step: Step::LogOn,
            request: command.encode(),
            expected,
            mark: Mark::Nothing,
        };
        let was_in_step = self.track.is_in_step();
        let heard = match self.ask_once(&inquiry, Duration::ZERO).await {
            Err(SessionFault::SignedOff) => return Ok(Some(PasswordRefusal::SignedOff)),
            heard => heard?,
        };
        if was_in_step && matches!(heard, Heard::Confirmed | Heard::Refused(_)) {
            self.track.answered();
        }
        Ok(match heard {
            Heard::Confirmed => None,
            Heard::NotAcknowledged => Some(PasswordRefusal::NotAcknowledged),
            Heard::Refused(refusal) => Some(PasswordRefusal::Refused(refusal)),
            Heard::Missed(SessionFault::Garbled { .. }) | Heard::Data(_) => {
                Some(PasswordRefusal::Garbled)
            }
            Heard::Missed(_) => Some(PasswordRefusal::Silent),
        })
    }
}
