//! What is wrong with a model file, in words an installer can act on.

use std::fmt;
use std::ops::Range;

/// One mistake: where it is, what it is, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The file, as it was named.
    pub file: String,
    /// Line in the file, from 1; 0 if the file as a whole is meant.
    pub line: usize,
    /// The key, `line.baud` or `register 1-0:1.8.0`.
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

    /// A complaint about what stands at `span`.
    pub(crate) fn note(
        &mut self,
        span: &Range<usize>,
        key: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let before = self.text.bytes().take(span.start);
        let line = 1 + before.filter(|byte| *byte == b'\n').count();
        self.push(line, key.into(), problem.into(), remedy.into());
    }

    /// A complaint about the first place where `word` stands.
    pub(crate) fn note_word(
        &mut self,
        word: &str,
        key: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let at = self.text.find(word).unwrap_or(self.text.len());
        self.note(&(at..at), key, problem, remedy);
    }

    /// A complaint about the file as a whole.
    pub(crate) fn note_file(&mut self, problem: impl Into<String>, remedy: impl Into<String>) {
        self.push(0, String::new(), problem.into(), remedy.into());
    }

    fn push(&mut self, line: usize, key: String, problem: String, remedy: String) {
        self.complaints.push(Complaint {
            file: self.file.to_owned(),
            line,
            key,
            problem,
            remedy,
        });
    }

    /// What the TOML reader found; it stops at its first mistake.
    pub(crate) fn note_toml(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        let quoted = || message.split('`').nth(1).unwrap_or_default().to_owned();
        let (key, remedy) = if message.starts_with("missing field") {
            (quoted(), "add the key; the other model files show how")
        } else if message.starts_with("unknown field") {
            (quoted(), "correct its spelling or remove it")
        } else {
            let key = key_before(self.text, span.start);
            (key, "write it as the other model files do")
        };
        self.note(&span, key, message, remedy);
    }

    pub(crate) fn into_complaints(self) -> Vec<Complaint> {
        self.complaints
    }
}

/// The key whose value stands at `offset`: the last bare word before an equals sign of that line.
fn key_before(text: &str, offset: usize) -> String {
    // The reader may point at the equals sign itself.
    let sign = text.get(offset..).is_some_and(|rest| rest.starts_with('='));
    let before = text.get(..offset + usize::from(sign)).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let Some((key, _)) = line.rsplit_once('=') else {
        return String::new();
    };
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let word = key.trim_end().rsplit(|c| !bare(c)).next();
    word.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_word_before_the_value() {
        assert_eq!(key_before("maker = 3", 8), "maker");
        assert_eq!(key_before("a = 1\nline = { baud = \"x\" }", 22), "baud");
        assert_eq!(key_before("nothing", 3), "");
        assert_eq!(key_before("short", 99), "");
    }

    #[test]
    fn a_complaint_reads_as_one_line() {
        let mut notes = Notebook::new("x.toml", "a\nb\nc");
        notes.note(&(4..5), "line.baud", "1 is no speed", "use 9600");
        notes.note_file("empty", "remove it");
        let lines: Vec<String> = notes
            .into_complaints()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "x.toml:3: line.baud: 1 is no speed; use 9600",
                "x.toml: empty; remove it"
            ]
        );
    }
}
