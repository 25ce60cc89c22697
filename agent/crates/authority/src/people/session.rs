//! Sessions of people who signed in.

use super::{Role, SignedIn};
use crate::gates::Door;
use crate::limits::SESSIONS_MAX;
use metering::Moment;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Without work a session ends after this.
const IDLE_MAX: Duration = Duration::from_mins(15);
/// And in any case after this: a working day.
const LIFE_MAX: Duration = Duration::from_hours(10);

/// The hash of a session's token. The token itself is nowhere on the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Of a token of 32 bytes of the caller's randomness.
    pub fn of(token: &[u8; 32]) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// Somebody who signed in and has not been idle for too long. It cannot be copied: it is looked up
/// each time it is needed.
#[derive(Debug)]
pub struct Session {
    who: String,
    role: Role,
    door: Door,
    token: TokenHash,
    begun: Moment,
    used: Moment,
}

impl Session {
    /// Who.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// What that person is.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// By which door.
    pub const fn door(&self) -> Door {
        self.door
    }

    /// This person, for an order that is made a little later than asked for.
    pub fn orderer(&self) -> Orderer {
        Orderer {
            who: self.who.clone(),
            role: self.role,
            door: self.door,
        }
    }

    fn is_over(&self, now: Moment) -> bool {
        now.since(self.begun) >= LIFE_MAX || now.since(self.used) >= IDLE_MAX
    }
}

/// Somebody who was signed in when he ordered something. Only a session makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orderer {
    who: String,
    role: Role,
    door: Door,
}

impl Orderer {
    /// Who.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// What that person is.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// By which door.
    pub const fn door(&self) -> Door {
        self.door
    }
}

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionFault {
    /// Never begun, idle for too long, or at its end.
    #[error("the session is over; sign in again")]
    Over,
    /// Too many people at once.
    #[error("there are {SESSIONS_MAX} sessions already; end one, or wait a quarter of an hour")]
    Full,
    /// Nobody signs in there.
    #[error("nobody signs in by this door; use the local socket, the web page or the console")]
    Door,
}

/// All sessions of a gateway. They do not survive a restart.
#[derive(Debug, Default)]
pub struct Sessions(Vec<Session>);

impl Sessions {
    /// Begins one for somebody who has just proven who he is.
    pub fn begin(
        &mut self,
        proof: SignedIn,
        door: Door,
        token: TokenHash,
        now: Moment,
    ) -> Result<(), SessionFault> {
        if !door.is_for_people() {
            return Err(SessionFault::Door);
        }
        self.0.retain(|session| !session.is_over(now));
        if self.0.len() >= SESSIONS_MAX {
            return Err(SessionFault::Full);
        }
        self.0.push(Session {
            who: proof.name,
            role: proof.role,
            door,
            token,
            begun: now,
            used: now,
        });
        Ok(())
    }

    /// The session of a token; being looked up counts as work.
    pub fn find(&mut self, token: TokenHash, now: Moment) -> Result<&Session, SessionFault> {
        self.0.retain(|session| !session.is_over(now));
        let found = self.0.iter_mut().find(|session| session.token == token);
        let found = found.ok_or(SessionFault::Over)?;
        found.used = now;
        Ok(found)
    }

    /// Two sessions at once, for a command that takes two people.
    pub fn find_two(
        &mut self,
        tokens: [TokenHash; 2],
        now: Moment,
    ) -> Result<[&Session; 2], SessionFault> {
        let [first, second] = tokens;
        self.find(first, now)?;
        self.find(second, now)?;
        let find = |token| self.0.iter().find(|session| session.token == token);
        match (find(first), find(second)) {
            (Some(first), Some(second)) => Ok([first, second]),
            _ => Err(SessionFault::Over),
        }
    }

    /// Ends one.
    pub fn end(&mut self, token: TokenHash) {
        self.0.retain(|session| session.token != token);
    }

    /// Ends all of one person: the password changed, or the account is gone.
    pub fn end_all_of(&mut self, who: &str) {
        self.0.retain(|session| session.who != who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::new(Duration::from_secs(seconds))
    }

    fn begin(sessions: &mut Sessions, token: u8, now: u64) -> Result<(), SessionFault> {
        let proof = SignedIn {
            name: format!("p{}", token % 2),
            role: Role::Viewer,
        };
        let token = TokenHash::of(&[token; 32]);
        sessions.begin(proof, Door::Web, token, at(now))
    }

    #[track_caller]
    fn check(steps: &[u64], expected: Result<(), SessionFault>) {
        let mut sessions = Sessions::default();
        begin(&mut sessions, 1, 0).unwrap();
        let mut last = Ok(());
        for now in steps {
            last = sessions.find(TokenHash::of(&[1; 32]), at(*now)).map(|_| ());
        }
        assert_eq!(last, expected, "{steps:?}");
    }

    #[test]
    fn a_session_ends_when_idle_and_in_any_case_in_the_evening() {
        check(&[899], Ok(()));
        check(&[900], Err(SessionFault::Over));
        check(&[899, 1798], Ok(()));
        let busy: Vec<u64> = (0..36_000).step_by(800).collect();
        check(&busy, Ok(()));
        check(
            &[busy.as_slice(), &[36_000]].concat(),
            Err(SessionFault::Over),
        );
        // An end is an end, whatever the clock of the caller does.
        check(&[900, 10], Err(SessionFault::Over));
    }

    #[test]
    fn sessions_are_counted_ended_and_never_begun_by_a_machine() {
        let mut sessions = Sessions::default();
        for token in 0..32 {
            begin(&mut sessions, token, 0).unwrap();
        }
        assert_eq!(begin(&mut sessions, 40, 0), Err(SessionFault::Full));
        sessions.end_all_of("p1");
        assert!(sessions.find(TokenHash::of(&[1; 32]), at(1)).is_err());
        sessions.end(TokenHash::of(&[2; 32]));
        assert!(sessions.find(TokenHash::of(&[2; 32]), at(1)).is_err());
        assert!(sessions.find(TokenHash::of(&[4; 32]), at(1)).is_ok());
        let tokens = [4, 6].map(|token| TokenHash::of(&[token; 32]));
        assert!(sessions.find_two(tokens, at(1)).is_ok());
        let proof = SignedIn {
            name: "list".to_owned(),
            role: Role::Operator,
        };
        let token = TokenHash::of(&[50; 32]);
        let found = sessions.begin(proof, Door::Schedule, token, at(1));
        assert_eq!(found, Err(SessionFault::Door));
    }
}
