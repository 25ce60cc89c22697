//! People with an account on the gateway: what may be asked of them, and what is said. Passwords go in,
//! and none comes out.

use crate::{KeyText, Request};
use serde::{Deserialize, Serialize};

/// What is to be done about people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "people", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PeopleWish {
    /// Say who has an account.
    List,
    /// Make the code with which the first administrator claims the gateway; the old one is void.
    Code {
        /// Although there are accounts: all of them are taken away.
        #[serde(default)]
        anew: bool,
    },
    /// Make the first account, an administrator's.
    Claim {
        /// The code.
        code: KeyText,
        /// Whose account.
        name: String,
        /// The password.
        password: KeyText,
    },
    /// Begin a session.
    SignIn {
        /// Who.
        name: String,
        /// The password.
        password: KeyText,
    },
    /// End the session in which this is asked.
    SignOut,
    /// Give somebody an account.
    Add {
        /// Whom.
        name: String,
        /// `viewer`, `operator`, `administrator`.
        role: String,
        /// The password.
        password: KeyText,
    },
    /// Take somebody's account away.
    Remove {
        /// Whose.
        name: String,
    },
    /// Change a password.
    Password {
        /// Whose; one's own if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The new one.
        password: KeyText,
    },
}

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name.
    pub name: String,
    /// `viewer`, `operator`, `administrator`.
    pub role: String,
}

/// A session that has just begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOpened {
    /// Whose.
    pub name: String,
    /// What that person is.
    pub role: String,
    /// 64 hexadecimal digits that stand for it. The gateway keeps their hash alone.
    pub session: KeyText,
}

/// A question of somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedIn {
    /// The session.
    pub session: KeyText,
    /// The session of a second person, who was shown the same order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<KeyText>,
    /// What is asked.
    pub request: Box<Request>,
}
