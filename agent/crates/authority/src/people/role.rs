//! Roles and rights.

use std::fmt;

/// What somebody may do. Control is apart from edit: who runs things need not change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Look.
    View,
    /// Let the gateway do something with meters: read, program what is stored, run lists.
    Control,
    /// Change what is stored: schemes, meter lists, meters.
    Edit,
    /// Touch what protects the gateway: passwords, keys, configuration, images.
    Secure,
    /// Be the second person.
    Approve,
    /// Give and take accounts.
    People,
}

impl Right {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::View,
        Self::Control,
        Self::Edit,
        Self::Secure,
        Self::Approve,
        Self::People,
    ];

    /// The word in `roles.toml`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Control => "control",
            Self::Edit => "edit",
            Self::Secure => "secure",
            Self::Approve => "approve",
            Self::People => "people",
        }
    }

    /// The right behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.word() == word)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What somebody is, in a key set or in the gateway's accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Works.
    Operator,
    /// Is the second person. Only in key sets: an account that approves is an administrator's.
    Approver,
    /// Looks after the gateway, and can stand in for the others.
    Administrator,
}

impl Role {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::Viewer,
        Self::Operator,
        Self::Approver,
        Self::Administrator,
    ];

    /// Those of people with an account.
    pub const LOCAL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// The word in key sets, policies and files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Administrator => "administrator",
        }
    }

    /// The role behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether who has this role can stand where `needed` is asked for.
    pub const fn stands_for(self, needed: Self) -> bool {
        matches!(
            (self, needed),
            (Self::Administrator, _)
                | (_, Self::Viewer)
                | (Self::Operator, Self::Operator)
                | (Self::Approver, Self::Approver)
        )
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
