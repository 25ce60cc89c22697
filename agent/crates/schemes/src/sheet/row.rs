//! One entry of a file: a row of a table, or a table of a TOML file. What is wrong with it is told
//! with the words of its file.

use crate::complaint::Notebook;
use std::collections::BTreeMap;

/// Longest cell.
const CELL_OCTETS_MAX: usize = 1_000;

/// What stands in one place, and where that is.
#[derive(Clone)]
pub(crate) struct Cell {
    text: String,
    line: usize,
    place: String,
    /// What is wrong with it has been told.
    is_told: bool,
}

impl Cell {
    /// A cell of a table: its place is its column.
    pub(crate) fn of_table(column: &str, line: usize, text: String) -> Self {
        Self::new(column, line, text)
    }

    /// The value of a key, which a complaint names in full: `register[2].rate`.
    pub(crate) fn new(place: impl Into<String>, line: usize, text: String) -> Self {
        Self {
            text,
            line,
            place: place.into(),
            is_told: false,
        }
    }

    /// The same, about which nothing more is said.
    pub(crate) fn told(self) -> Self {
        Self {
            is_told: true,
            ..self
        }
    }
}

/// One entry that is not empty.
pub(crate) struct Row {
    /// Its line in the file, from 1.
    pub(crate) line: usize,
    /// The name of its table in a TOML file, `register[2]`; nothing in a table of rows.
    path: Option<String>,
    cells: BTreeMap<&'static str, Cell>,
}

impl Row {
    /// A row of a table.
    pub(crate) const fn of_table(line: usize, cells: BTreeMap<&'static str, Cell>) -> Self {
        Self {
            line,
            path: None,
            cells,
        }
    }

    /// A table of a TOML file.
    pub(crate) const fn of_toml(
        line: usize,
        path: String,
        cells: BTreeMap<&'static str, Cell>,
    ) -> Self {
        Self {
            line,
            path: Some(path),
            cells,
        }
    }

    /// The cell of a column, trimmed and without the guard against formulas; empty if there is
    /// none.
    pub(crate) fn cell(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", |cell| cell.text.as_str())
    }

    /// A complaint about the cell of a column, where it stands or should stand.
    pub(crate) fn note(
        &self,
        notes: &mut Notebook<'_>,
        column: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (line, place) = match (self.cells.get(column), &self.path) {
            (Some(cell), _) if cell.is_told => return,
            (Some(cell), _) => (cell.line, cell.place.clone()),
            (None, None) => (self.line, column.to_owned()),
            (None, Some(path)) => (self.line, format!("{path}.{column}")),
        };
        notes.note(line, place, problem, remedy);
    }

    /// How numbers are written in one cell.
    pub(crate) const fn how_to_list(&self) -> &'static str {
        match self.path {
            None => "write the numbers of rates with spaces between them, as 1 3",
            Some(_) => "write each rate once, as [1, 3]",
        }
    }

    /// What to do with a cell that must not be filled.
    pub(crate) const fn how_to_empty(&self) -> &'static str {
        match self.path {
            None => "clear the cell",
            Some(_) => "take the key out",
        }
    }
}

/// A text that a cell can hold; otherwise the problem and the remedy.
pub(crate) fn fit(text: &str) -> Result<&str, (String, &'static str)> {
    if text.chars().any(char::is_control) {
        let problem = "holds a line break or another control character";
        Err((problem.to_owned(), "remove the character"))
    } else if text.len() > CELL_OCTETS_MAX {
        let problem = format!("is longer than {CELL_OCTETS_MAX} octets");
        Err((problem, "shorten it"))
    } else {
        Ok(text)
    }
}

/// Where the lines of a file begin.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(at, octet)| match octet {
            b'\n' => true,
            b'\r' => text.as_bytes().get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = ends.map(|(at, _)| at + 1).collect();
        Self { text, starts }
    }

    /// The line of an octet, from 1.
    pub(crate) fn of_octet(&self, at: usize) -> usize {
        1 + self.starts.partition_point(|start| *start <= at)
    }

    /// The line of the first octet from `at` on that is no line end.
    pub(crate) fn of_text_behind(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        self.of_octet(at + (rest.len() - rest.trim_start_matches(['\r', '\n']).len()))
    }
}
