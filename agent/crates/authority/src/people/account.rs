//! People with an account on this gateway.

use super::{
    Argon2Cost, Attempts, Claim, ClaimFault, PasswordFault, PasswordHash, Patience, Right, Role,
    RoleRights, Session,
};
use crate::limits::PEOPLE_MAX;
use metering::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// One person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    name: String,
    role: Role,
    password: PasswordHash,
}

impl Account {
    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What that person is.
    pub const fn role(&self) -> Role {
        self.role
    }
}

/// All accounts of a gateway, and how often somebody guessed.
#[derive(Debug, Clone, Default)]
pub struct People {
    accounts: Vec<Account>,
    attempts: BTreeMap<String, Attempts>,
    /// Guesses at names that are none, together: names are not told apart by how they fail.
    strangers: Attempts,
}

/// Somebody who has just proven who he is. Nothing else makes a session.
#[derive(Debug)]
pub struct SignedIn {
    pub(super) name: String,
    pub(super) role: Role,
}

/// Why an account does not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountFault {
    /// Name or password; which of them is not told.
    #[error("name or password is wrong; try again")]
    Wrong,
    /// Too many guesses.
    #[error("too many wrong passwords; try again in {0:?}")]
    Pause(Duration),
    /// Far too many.
    #[error("too many wrong passwords; locked for {0:?}, and the attempts are in the audit log")]
    Locked(Duration),
    /// Who asks may not.
    #[error("this takes the right `people`; ask an administrator")]
    NotPermitted,
    /// Not a name.
    #[error("a person's name has 1 to 40 of a-z, 0-9 and -; write it so")]
    Name,
    /// Only in key sets.
    #[error("an account is a viewer's, operator's or administrator's; choose one of these")]
    Role,
    /// Already there.
    #[error("this person has an account already; change it, or choose another name")]
    Exists,
    /// Not there.
    #[error("nobody of this name has an account; look at the list")]
    Unknown,
    /// Enough.
    #[error("there are {PEOPLE_MAX} accounts already; remove one that is no longer used")]
    Full,
    /// Nobody would be left.
    #[error("this is the last administrator; make another one first")]
    LastAdministrator,
    /// The password is no good.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The claim is no good.
    #[error(transparent)]
    Claim(#[from] ClaimFault),
    /// The file does not read.
    #[error("line {line} of the accounts is damaged; remove it and give the person a new account")]
    Damaged {
        /// Which.
        line: usize,
    },
}

impl People {
    /// All accounts.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The first account, an administrator's, by the claim code; works once. Guesses are slowed down
    /// like those of passwords.
    pub fn claim(
        &mut self,
        claim: &Claim,
        code: &str,
        name: &str,
        password: &str,
        salt: [u8; 16],
        now: Moment,
    ) -> Result<(), AccountFault> {
        if !self.accounts.is_empty() {
            return Err(ClaimFault::Claimed.into());
        }
        be_patient(self.strangers, now)?;
        if !claim.is(code) {
            self.strangers.fail(now);
            return Err(ClaimFault::WrongCode.into());
        }
        self.insert(name, Role::Administrator, password, salt)?;
        self.strangers.succeed();
        Ok(())
    }

    /// Proves who somebody is. An unknown name takes as long as a wrong password.
    pub fn sign_in(
        &mut self,
        name: &str,
        password: &str,
        now: Moment,
    ) -> Result<SignedIn, AccountFault> {
        let Some(account) = self.accounts.iter().find(|account| account.name == name) else {
            be_patient(self.strangers, now)?;
            PasswordHash::spend_as_much(password);
            self.strangers.fail(now);
            return Err(AccountFault::Wrong);
        };
        let attempts = self.attempts.entry(account.name.clone()).or_default();
        be_patient(*attempts, now)?;
        if !account.password.is(password) {
            attempts.fail(now);
            return Err(AccountFault::Wrong);
        }
        attempts.succeed();
        Ok(SignedIn {
            name: account.name.clone(),
            role: account.role,
        })
    }

    /// Gives somebody an account.
    pub fn add(
        &mut self,
        by: &Session,
        rights: &RoleRights,
        (name, role): (&str, Role),
        password: &str,
        salt: [u8; 16],
    ) -> Result<(), AccountFault> {
        may(by, rights)?;
        self.insert(name, role, password, salt)
    }

    /// Takes somebody's account away. The caller ends that person's sessions.
    pub fn remove(
        &mut self,
        by: &Session,
        rights: &RoleRights,
        name: &str,
    ) -> Result<(), AccountFault> {
        may(by, rights)?;
        let place = self.accounts.iter().position(|one| one.name == name);
        let place = place.ok_or(AccountFault::Unknown)?;
        let is_left = |(at, one): (usize, &Account)| at != place && one.role == Role::Administrator;
        if !self.accounts.iter().enumerate().any(is_left) {
            return Err(AccountFault::LastAdministrator);
        }
        self.accounts.remove(place);
        self.attempts.remove(name);
        Ok(())
    }

    /// Changes a password: one's own, or with the right `people` anybody's. The caller ends that
    /// person's other sessions.
    pub fn change_password(
        &mut self,
        by: &Session,
        rights: &RoleRights,
        name: &str,
        password: &str,
        salt: [u8; 16],
    ) -> Result<(), AccountFault> {
        if by.who() != name {
            may(by, rights)?;
        }
        let account = self.accounts.iter_mut().find(|one| one.name == name);
        let account = account.ok_or(AccountFault::Unknown)?;
        account.password = PasswordHash::new(name, password, salt, Argon2Cost::GATEWAY)?;
        self.attempts.remove(name);
        Ok(())
    }

    fn insert(
        &mut self,
        name: &str,
        role: Role,
        password: &str,
        salt: [u8; 16],
    ) -> Result<(), AccountFault> {
        if !is_name(name) {
            return Err(AccountFault::Name);
        }
        if !Role::LOCAL.contains(&role) {
            return Err(AccountFault::Role);
        }
        if self.accounts.iter().any(|one| one.name == name) {
            return Err(AccountFault::Exists);
        }
        if self.accounts.len() >= PEOPLE_MAX {
            return Err(AccountFault::Full);
        }
        let password = PasswordHash::new(name, password, salt, Argon2Cost::GATEWAY)?;
        let name = name.to_owned();
        self.accounts.push(Account {
            name,
            role,
            password,
        });
        Ok(())
    }

    /// One line an account, for a file that only the gateway reads.
    pub fn to_text(&self) -> String {
        let line =
            |one: &Account| format!("{} {} {}\n", one.name, one.role, one.password.to_text());
        self.accounts.iter().map(line).collect()
    }

    /// Reads that file.
    pub fn parse(text: &str) -> Result<Self, AccountFault> {
        let mut people = Self::default();
        for (line, number) in text.lines().zip(1..) {
            let account = read_line(line).filter(|one| {
                people.accounts.len() < PEOPLE_MAX
                    && people.accounts.iter().all(|other| other.name != one.name)
            });
            let damaged = AccountFault::Damaged { line: number };
            people.accounts.push(account.ok_or(damaged)?);
        }
        Ok(people)
    }
}

fn read_line(line: &str) -> Option<Account> {
    let mut words = line.split(' ');
    let (name, role, password) = (words.next()?, words.next()?, words.next()?);
    let role = Role::from_word(role).filter(|role| Role::LOCAL.contains(role))?;
    let account = Account {
        name: name.to_owned(),
        role,
        password: PasswordHash::parse(password).ok()?,
    };
    (words.next().is_none() && is_name(name)).then_some(account)
}

fn is_name(name: &str) -> bool {
    name.parse::<metering::MeterId>().is_ok()
}

fn may(by: &Session, rights: &RoleRights) -> Result<(), AccountFault> {
    if rights.has(by.role(), Right::People) {
        Ok(())
    } else {
        Err(AccountFault::NotPermitted)
    }
}

fn be_patient(attempts: Attempts, now: Moment) -> Result<(), AccountFault> {
    match attempts.patience(now) {
        Patience::Open => Ok(()),
        Patience::Pause(left) => Err(AccountFault::Pause(left)),
        Patience::Locked(left) => Err(AccountFault::Locked(left)),
    }
}

#[cfg(test)]
mod tests;
