//! What the meters really said and held: against this every stored value is judged.

use std::collections::VecDeque;
use std::time::Duration;

use meters::Span;

use crate::limits::{ANSWERS_KEPT_MAX, SEARCH_MAX};
use crate::meter::ModbusMeter;

/// One answer with data, as the meter meant it, whatever the wire made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The unit address of the meter.
    pub unit: u8,
    /// Which registers.
    pub span: Span,
    /// What they held.
    pub words: Vec<u16>,
    /// When the last octet of the request arrived.
    pub asked_at: Duration,
    /// When the meter read its registers.
    pub sampled_at: Duration,
    /// When its answer was due on the wire; nothing if the answer was lost.
    pub due_at: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct Truth {
    answers: VecDeque<Answered>,
}

impl Truth {
    pub(super) fn note(&mut self, answered: Answered) {
        if self.answers.len() >= ANSWERS_KEPT_MAX {
            self.answers.pop_front();
        }
        self.answers.push_back(answered);
    }

    pub(super) fn answers(&self) -> Vec<Answered> {
        self.answers.iter().cloned().collect()
    }
}

/// Register sources change at whole milliseconds only, so looking once per millisecond (and at
/// both ends) sees every value they had.
pub(super) fn held(
    meter: &ModbusMeter,
    span: Span,
    words: &[u16],
    from: Duration,
    to: Duration,
) -> bool {
    let to = to.min(from.saturating_add(SEARCH_MAX));
    let mut at = from;
    loop {
        if meter.words(span, at).is_ok_and(|held| held == words) {
            return true;
        }
        if at >= to {
            return false;
        }
        at = at.saturating_add(Duration::from_millis(1)).min(to);
    }
}
