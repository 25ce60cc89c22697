//! Complaints about a file whose reader names spans of its text.

use crate::complaint::{Complaints, Notebook as Lines};
use std::ops::Range;

/// Collects complaints about one file and knows its lines.
pub(super) struct Notebook<'a> {
    text: &'a str,
    notes: Lines<'a>,
}

impl<'a> Notebook<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            text,
            notes: Lines::new(file),
        }
    }

    /// A complaint about what stands at `span`.
    pub(super) fn note(
        &mut self,
        span: &Range<usize>,
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let before = self.text.bytes().take(span.start);
        let line = 1 + before.filter(|byte| *byte == b'\n').count();
        self.notes.note(line, place, problem, remedy);
    }

    /// A complaint about the file as a whole.
    pub(super) fn note_file(&mut self, problem: impl Into<String>, remedy: impl Into<String>) {
        self.notes.note(0, "", problem, remedy);
    }

    /// `value`, unless something was wrong.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Complaints> {
        self.notes.finish(Some(value))
    }
}
