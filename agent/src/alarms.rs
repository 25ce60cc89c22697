//! What a person should act on: the newest events that are more than a note.

use crate::limits::ALARMS_SHOWN_MAX;
use metering::{Event, Severity};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// A short list, written by the store handle and read by the front desk.
///
/// The one lock between tasks: it guards a list of at most twenty lines that is copied at once.
#[derive(Debug, Clone, Default)]
pub struct Alarms(Arc<Mutex<VecDeque<String>>>);

impl Alarms {
    /// Notes an event, if a person should act on it.
    pub fn note(&self, event: &Event) {
        if event.code.severity() == Severity::Note {
            return;
        }
        let meter = event
            .meter
            .as_ref()
            .map(|meter| format!(" {meter}"))
            .unwrap_or_default();
        let line = format!("{} {}{meter}: {}", event.at, event.code, event.detail);
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() >= ALARMS_SHOWN_MAX {
            list.pop_front();
        }
        list.push_back(line);
    }

    /// The list, newest last.
    pub fn newest(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}
