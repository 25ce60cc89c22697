//! What is counted of commands since the start.

use authority::CommandState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that the desk and its hands share; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct CommandCounts(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    accepted: AtomicU64,
    refused: AtomicU64,
    ended: [AtomicU64; FINAL.len()],
    open: AtomicU64,
}

/// Every state that ends a command.
const FINAL: [CommandState; 4] = [
    CommandState::Succeeded,
    CommandState::Failed,
    CommandState::Expired,
    CommandState::Rejected,
];

impl CommandCounts {
    pub(super) fn accepted(&self) {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Of nobody that is known, or of somebody at the wrong time.
    pub(super) fn refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, state: CommandState) {
        let found = FINAL.iter().zip(&self.0.ended).find(|it| *it.0 == state);
        if let Some((_, cell)) = found {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn open(&self, commands: usize) {
        let commands = u64::try_from(commands).unwrap_or(u64::MAX);
        self.0.open.store(commands, Ordering::Relaxed);
    }

    /// Commands that were journalled as allowed.
    pub(crate) fn all_accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Messages that were no command which could be taken.
    pub(crate) fn all_refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Commands that wait or are carried out.
    pub(crate) fn all_open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Ends, by state.
    pub(crate) fn all_ended(&self) -> impl Iterator<Item = (CommandState, u64)> + '_ {
        let cells = FINAL.into_iter().zip(&self.0.ended);
        cells.map(|(state, cell)| (state, cell.load(Ordering::Relaxed)))
    }
}
