//! What is wrong with a configuration, in words an installer can act on at night.

use std::fmt;
use std::ops::Range;

/// One mistake: where it is, what it is, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The file, as it was named on the command line.
    pub file: String,
    /// Line in the file, from 1; 0 if the file as a whole is meant.
    pub line: usize,
    /// The key, `bus.baud` or `meter feeder-1.model`.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

/// Everything that is wrong, so that a person mends it in one go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Complaints(pub Vec<Complaint>);

/// Collects complaints about one file and knows its lines.
pub(crate) struct Notebook<'a> {
    file: &'a str,
    text: &'a str,
    complaints: Vec<Complaint>,
}

impl<'a> Notebook<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            complaints: Vec::new(),
        }
    }

    /// Writes a complaint about the key whose value stands at `span`.
    pub(crate) fn note(
        &mut self,
        span: Range<usize>,
        key: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let line = 1 + self
            .text
            .bytes()
            .take(span.start)
            .filter(|byte| *byte == b'\n')
            .count();
        self.complaints.push(Complaint {
            file: self.file.to_owned(),
            line,
            key: key.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    /// Complaints so far.
    pub(crate) fn count(&self) -> usize {
        self.complaints.len()
    }

    pub(crate) fn add(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }

    /// `value`, unless something was wrong.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Complaints> {
        match value {
            Some(value) if self.complaints.is_empty() => Ok(value),
            _ => Err(Complaints(self.complaints)),
        }
    }
}
