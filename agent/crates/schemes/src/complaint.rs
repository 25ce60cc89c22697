//! What is wrong with a file that a person wrote, in words that person can act on.

use std::fmt;

/// Complaints kept about one file; a thousand rows of one mistake are one mistake.
pub(crate) const COMPLAINTS_MAX: usize = 100;

/// One mistake: where it is, what it is, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The file, as the caller named it.
    pub file: String,
    /// Line in the file, from 1; 0 if the file as a whole is meant.
    pub line: usize,
    /// The column of a table, or the key of a TOML file, as `calendar.season[2].start`; empty if the
    /// whole line is meant.
    pub place: String,
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
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

/// Everything that is wrong with a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}", .all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), more(*.further))]
pub struct Complaints {
    /// The first of them.
    pub all: Vec<Complaint>,
    /// How many there are beyond these.
    pub further: usize,
}

fn more(further: usize) -> String {
    match further {
        0 => String::new(),
        _ => format!("\nand {further} more; mend these first"),
    }
}

/// Collects complaints about one file.
pub(crate) struct Notebook<'a> {
    file: &'a str,
    all: Vec<Complaint>,
    further: usize,
}

impl<'a> Notebook<'a> {
    pub(crate) fn new(file: &'a str) -> Self {
        Self {
            file,
            all: Vec::new(),
            further: 0,
        }
    }

    pub(crate) fn note(
        &mut self,
        line: usize,
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.all.len() == COMPLAINTS_MAX {
            self.further = self.further.saturating_add(1);
            return;
        }
        self.all.push(Complaint {
            file: self.file.to_owned(),
            line,
            place: place.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    /// `value`, unless something was wrong.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Complaints> {
        match value {
            Some(value) if self.all.is_empty() => Ok(value),
            _ => {
                let mut all = self.all;
                all.sort_by_key(|complaint| complaint.line);
                // A name that several entries share is told once.
                all.dedup();
                Err(Complaints {
                    all,
                    further: self.further,
                })
            }
        }
    }
}

/// Foreign text as a message may show it: short, and without characters that move a cursor.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let mut shown: String = text
        .chars()
        .take(CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
