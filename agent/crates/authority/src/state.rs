//! How far a command has come.

use std::fmt;

/// How far a command has come, in the words of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandState {
    /// It is here, and others are missing before it.
    Received,
    /// It is in the journal and will be done.
    Accepted,
    /// Its steps are being done.
    Executing,
    /// Some steps are proven done, others not: somebody must resume or restore.
    Partial,
    /// Something may have been written; the meter is read before anything else.
    Unknown,
    /// Done, and proven by reading back.
    Succeeded,
    /// Not done, and the meter proven as before.
    Failed,
    /// Too late before the first side effect.
    Expired,
    /// Refused.
    Rejected,
}

impl CommandState {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Received,
        Self::Accepted,
        Self::Executing,
        Self::Partial,
        Self::Unknown,
        Self::Succeeded,
        Self::Failed,
        Self::Expired,
        Self::Rejected,
    ];

    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Accepted => "accepted",
            Self::Executing => "executing",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
        }
    }

    /// The state behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether the command ends with it. Exactly one such state ends a command.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Expired | Self::Rejected
        )
    }

    /// Whether a command in this state may come to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        use CommandState::{
            Accepted, Executing, Expired, Failed, Partial, Received, Rejected, Succeeded, Unknown,
        };
        match self {
            Received => matches!(next, Accepted | Expired | Rejected),
            // The precondition is looked at once it is in the journal.
            Accepted => matches!(next, Executing | Expired | Rejected),
            // Each step is written down before it is done.
            Executing => matches!(next, Executing | Partial | Unknown | Succeeded | Failed),
            // Never back to executing: what happened is read from the meter first.
            Unknown => matches!(next, Partial | Succeeded | Failed),
            // Resumed, or restored.
            Partial => matches!(next, Executing | Failed),
            Succeeded | Failed | Expired | Rejected => false,
        }
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
    use proptest::prelude::*;

    /// Row: from. Column: to, in the order of `ALL`.
    const TABLE: [(&str, &str); 9] = [
        ("received", ".x.....xx"),
        ("accepted", "..x....xx"),
        ("executing", "..xxxxx.."),
        ("partial", "..x...x.."),
        ("unknown", "...x.xx.."),
        ("succeeded", "........."),
        ("failed", "........."),
        ("expired", "........."),
        ("rejected", "........."),
    ];

    #[test]
    fn the_relation_is_the_table_of_the_contract() {
        for (word, row) in TABLE {
            let from = CommandState::from_word(word).unwrap();
            let found: String = CommandState::ALL
                .map(|to| if from.may_become(to) { 'x' } else { '.' })
                .into_iter()
                .collect();
            assert_eq!(found, row, "{word}");
        }
    }

    proptest! {
        #[test]
        fn a_walk_ends_once_and_never_writes_without_reading_back(
            choices in prop::collection::vec(any::<prop::sample::Index>(), 0..40)
        ) {
            let mut state = CommandState::Received;
            let mut walk = vec![state];
            for choice in choices {
                let open: Vec<_> = CommandState::ALL.into_iter().filter(|to| state.may_become(*to)).collect();
                prop_assert_eq!(open.is_empty(), state.is_final());
                if open.is_empty() {
                    break;
                }
                state = *choice.get(&open);
                walk.push(state);
            }
            let ends = walk.iter().filter(|state| state.is_final()).count();
            prop_assert!(ends <= 1);
            for pair in walk.windows(2) {
                // From "unknown" there is no way to a further write before a decision.
                prop_assert!(pair != [CommandState::Unknown, CommandState::Executing]);
                // Nothing that had side effects expires or is rejected.
                if matches!(pair[1], CommandState::Expired | CommandState::Rejected) {
                    prop_assert!(matches!(pair[0], CommandState::Received | CommandState::Accepted));
                }
            }
        }
    }
}
