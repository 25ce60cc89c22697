//! Passwords: which level they open, what a wrong one brings, and when they lapse.

use std::time::Duration;

use super::machine::{Machine, Said, Session, State};
use super::settings::{Lapse, WrongPassword};
use super::store::{Level, Refused, Store};
use crate::codec::{Answer, Password, PasswordAnswer};

impl<S: Store> Machine<S> {
    /// P1.
    pub(super) fn plain_password(&mut self, given: &Password, at: Duration) -> Option<Said> {
        if !self.settings.security.takes_plain {
            return Some(self.refuse(Refused::Command, at));
        }
        let known = self.settings.security.passwords.iter();
        let level = known
            .filter(|(_, password)| password == given)
            .map(|(level, _)| *level)
            .max();
        self.judge(level, at)
    }

    /// P2.
    pub(super) fn password_answer(&mut self, given: &PasswordAnswer, at: Duration) -> Option<Said> {
        let State::Open(session) = &self.state else {
            return None;
        };
        let security = &self.settings.security;
        if !security.takes_answers {
            return Some(self.refuse(Refused::Command, at));
        }
        if security.has_public && *given == PasswordAnswer::public() {
            // It is no attempt at a password, so it neither counts nor clears wrong ones.
            return Some(self.grant(Level::Public, at));
        }
        let seed = session.seed;
        let fits = |password| PasswordAnswer::elster(password, seed).as_ref() == Ok(given);
        let known = security.passwords.iter();
        let level = known
            .filter(|(_, password)| fits(password))
            .map(|(level, _)| *level)
            .max();
        self.judge(level, at)
    }

    fn judge(&mut self, level: Option<Level>, at: Duration) -> Option<Said> {
        if self.locked_until.is_some_and(|until| at >= until) {
            self.locked_until = None;
            self.failures = 0;
        }
        match level {
            Some(level) if self.locked_until.is_none() => {
                self.failures = 0;
                Some(self.grant(level, at))
            }
            _ => self.reject(at),
        }
    }

    fn grant(&mut self, level: Level, at: Duration) -> Said {
        if let State::Open(session) = &mut self.state {
            session.level = Some(level);
            session.proven_at = at;
        }
        self.answer(&Answer::Acknowledged, at)
    }

    fn reject(&mut self, at: Duration) -> Option<Said> {
        self.failures = self.failures.saturating_add(1);
        if let Some(lockout) = self.settings.security.lockout
            && self.failures >= lockout.after
            && self.locked_until.is_none()
        {
            self.locked_until = Some(at + lockout.lasts);
        }
        match self.settings.security.wrong {
            WrongPassword::Nak => Some(self.answer(&Answer::NotAcknowledged, at)),
            WrongPassword::SignOff => {
                let said = self.answer(&Answer::SignOff, at);
                self.rest();
                Some(said)
            }
            WrongPassword::Refusal => Some(self.refuse(Refused::Command, at)),
            WrongPassword::Silence => None,
        }
    }

    /// The level that counts now: none before a password or when it has lapsed.
    pub(super) fn valid_level(&self, at: Duration) -> Result<Level, Refused> {
        let State::Open(session) = &self.state else {
            return Err(Refused::Locked);
        };
        let security = &self.settings.security;
        let lapse_after = security.lapse_after;
        let lapsed = lapse_after.is_some_and(|lapse| at >= session.proven_at + lapse);
        let proven = session.level.filter(|_| !lapsed);
        proven.max(security.unasked).ok_or(Refused::Locked)
    }

    /// When the session ends because its password lapses.
    pub(super) fn lapses_at(&self, session: &Session) -> Option<Duration> {
        let security = &self.settings.security;
        let ends = security.lapse == Lapse::SignsOff && session.level.is_some();
        let lapse_after = security.lapse_after.filter(|_| ends)?;
        Some(session.proven_at + lapse_after)
    }
}
