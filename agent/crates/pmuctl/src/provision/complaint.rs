//! What is wrong with what was brought on a stick, in words that its bringer can act on.

use crate::words::plain;
use std::fmt;
use std::ops::Range;

/// Characters of one part of a complaint: what stands on a stick may be anything.
const WORDS_MAX: usize = 300;

/// One mistake: where it is, what it is, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// The file.
    pub file: String,
    /// Line in the file, from 1; 0 if the file as a whole is meant.
    pub line: usize,
    /// The key, `broker.port`; empty if the file as a whole is meant.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Complaint {
    /// About a file as a whole.
    pub fn whole(file: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            key: String::new(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(&self.file, WORDS_MAX))?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", plain(&self.key, WORDS_MAX))?;
        }
        let [problem, remedy] = [&self.problem, &self.remedy].map(|words| plain(words, WORDS_MAX));
        write!(f, "{problem}; {remedy}")
    }
}

/// Everything that is wrong, so that one walk to the stick mends it.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Complaints(pub Vec<Complaint>);

/// Collects complaints about one text and knows its lines.
pub(super) struct Notes<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Complaint>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
        }
    }

    /// Writes a complaint about the key whose value stands at `span`.
    pub(super) fn note(
        &mut self,
        span: &Range<usize>,
        key: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let before = self.text.bytes().take(span.start);
        let line = 1 + before.filter(|byte| *byte == b'\n').count();
        self.found.push(Complaint {
            line,
            key: key.into(),
            ..Complaint::whole(self.file, problem, remedy)
        });
    }

    /// Nothing was wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// `value`, unless something was wrong; complaints in the order of the lines.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, Complaints> {
        self.found.sort_by_key(|complaint| complaint.line);
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(Complaints(self.found)),
        }
    }
}
