//! How good a line is.

use line::{GuardedLine, Line};

/// What a line did with answers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quality {
    pub(super) answers: u64,
    pub(super) damaged: u64,
    pub(super) silent: u64,
}

impl Quality {
    pub(super) fn of<L: Line>(line: &GuardedLine<L>) -> Self {
        let counters = line.counters();
        Self {
            answers: counters.answers,
            damaged: counters.damaged,
            silent: counters.silent,
        }
    }

    pub(super) fn with(self, more: Self) -> Self {
        Self {
            answers: self.answers + more.answers,
            damaged: self.damaged + more.damaged,
            silent: self.silent + more.silent,
        }
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            answers: self.answers - before.answers,
            damaged: self.damaged - before.damaged,
            silent: self.silent - before.silent,
        }
    }
}
