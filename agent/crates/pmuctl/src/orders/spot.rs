//! Where in a file something is wrong.

use crate::words::plain;
use metering::Timestamp;
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;

/// One mistake in a file that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {key}{problem}; {remedy}")]
pub struct FileComplaint {
    /// The file, as it was named.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// The key, with a colon and a blank behind it; empty if there is none.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

/// Characters of foreign text in a complaint.
const WORDS_MAX: usize = 120;

/// A text, and its name in complaints.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// A complaint about what stands at `span`.
    pub(super) fn complaint(
        &self,
        span: &Range<usize>,
        key: &str,
        problem: impl AsRef<str>,
        remedy: impl Into<String>,
    ) -> FileComplaint {
        let before = self.text.bytes().take(span.start);
        FileComplaint {
            file: plain(self.file, WORDS_MAX),
            line: 1 + before.filter(|byte| *byte == b'\n').count(),
            key: if key.is_empty() {
                String::new()
            } else {
                format!("{key}: ")
            },
            problem: plain(problem.as_ref(), WORDS_MAX),
            remedy: remedy.into(),
        }
    }

    /// The text as TOML of this shape.
    pub(super) fn read<T: DeserializeOwned>(&self, remedy: &str) -> Result<T, FileComplaint> {
        toml::from_str(self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            self.complaint(&span, "", error.message(), remedy)
        })
    }

    /// A time, as people write it.
    pub(super) fn time(
        &self,
        key: &str,
        value: &Spanned<String>,
    ) -> Result<Timestamp, FileComplaint> {
        let found = crate::words::parse_time(value.get_ref());
        found.map_err(|_| {
            let problem = format!("`{}` is not a time", value.get_ref());
            let remedy = "write \"2026-11-23\" or \"2026-11-23T04:30:00Z\"";
            self.complaint(&value.span(), key, problem, remedy)
        })
    }
}
