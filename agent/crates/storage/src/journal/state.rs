//! How far a command has come, in the words of the contract, and what may follow what.

use std::fmt;

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandState {
    /// It was read and is not journalled: held for want of its predecessor.
    Received,
    /// It is journalled and will not be forgotten.
    Accepted,
    /// A side effect is under way, or the next one.
    Executing,
    /// Some steps are proven done, others proven not; it waits for a decision.
    Partial,
    /// Nobody knows whether the last step happened; it must be read back first.
    Unknown,
    /// Proven done.
    Succeeded,
    /// Proven not done, or undone.
    Failed,
    /// Its time passed before the first side effect.
    Expired,
    /// It was refused.
    Rejected,
}

/// State, number on disk, word of the contract, and the states that may follow it.
const STATES: [(CommandState, u8, &str, &[CommandState]); 9] = {
    use CommandState as S;
    [
        (
            S::Received,
            1,
            "received",
            &[S::Accepted, S::Rejected, S::Expired],
        ),
        // What forbids it may show before the first side effect, and only by reading the meter.
        (
            S::Accepted,
            2,
            "accepted",
            &[S::Executing, S::Expired, S::Rejected],
        ),
        (
            S::Executing,
            3,
            "executing",
            &[
                S::Executing,
                S::Succeeded,
                S::Failed,
                S::Unknown,
                S::Partial,
            ],
        ),
        // Resume or restore execute again; what was restored from outside has failed.
        (S::Partial, 4, "partial", &[S::Executing, S::Failed]),
        // Only a reading back leads out of here: never straight to another step.
        (
            S::Unknown,
            5,
            "unknown",
            &[S::Succeeded, S::Failed, S::Partial],
        ),
        (S::Succeeded, 6, "succeeded", &[]),
        (S::Failed, 7, "failed", &[]),
        (S::Expired, 8, "expired", &[]),
        (S::Rejected, 9, "rejected", &[]),
    ]
};

impl CommandState {
    /// Every state, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        STATES.iter().map(|row| row.0)
    }

    /// The number kept on disk.
    pub fn code(self) -> u8 {
        STATES
            .iter()
            .find(|row| row.0 == self)
            .map_or(0, |row| row.1)
    }

    /// The state behind a number on disk.
    pub fn from_code(code: u8) -> Option<Self> {
        STATES.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// The word of the contract.
    pub fn word(self) -> &'static str {
        STATES
            .iter()
            .find(|row| row.0 == self)
            .map_or("", |row| row.2)
    }

    /// The state behind a word of the contract.
    pub fn from_word(word: &str) -> Option<Self> {
        STATES.iter().find(|row| row.2 == word).map(|row| row.0)
    }

    /// Whether a command in this state may come to `next`.
    pub fn may_follow(self, next: Self) -> bool {
        STATES
            .iter()
            .any(|row| row.0 == self && row.3.contains(&next))
    }

    /// Whether it ends a command: nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Expired | Self::Rejected
        )
    }
}

impl fmt::Display for CommandState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, next: &str) {
        let state = |word: &str| CommandState::from_word(word).unwrap();
        let followers = CommandState::all().filter(|next| state(from).may_follow(*next));
        let words: Vec<&str> = followers.map(CommandState::word).collect();
        assert_eq!(words.join(" "), next, "after {from}");
    }

    #[test]
    fn what_may_follow_what_is_the_contracts_picture() {
        check("received", "accepted expired rejected");
        check("accepted", "executing expired rejected");
        check("executing", "executing partial unknown succeeded failed");
        check("partial", "executing failed");
        check("unknown", "partial succeeded failed");
        for word in ["succeeded", "failed", "expired", "rejected"] {
            check(word, "");
        }
    }

    #[test]
    fn every_state_survives_code_and_word() {
        for (code, state) in (1..).zip(CommandState::all()) {
            assert_eq!(state.code(), code);
            assert_eq!(CommandState::from_code(code), Some(state));
            assert_eq!(CommandState::from_word(state.word()), Some(state));
            let ends = !CommandState::all().any(|next| state.may_follow(next));
            assert_eq!(state.is_final(), ends, "{state}");
        }
        assert_eq!(CommandState::from_code(0), None);
        assert_eq!(CommandState::from_word("done"), None);
    }
}
