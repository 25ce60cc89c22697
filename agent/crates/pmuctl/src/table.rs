//! Plain tables for a person at a serial console.

use crate::limits::COLUMNS;
use crate::words::{plain, wrapped};
use std::fmt;

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings, as wide as their widest cell; words are shortened where a line would
/// otherwise be too long, numbers never.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
enum Row {
    Cells(Vec<String>),
    Note(String),
}

/// Between two columns.
const GAP: &str = "  ";
/// A shortened column keeps at least this.
const WORDS_MIN: usize = 6;

impl Table {
    /// A table without rows.
    pub fn new(columns: &[(&'static str, Side)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: &[String; N]) {
        let cells = cells.iter().map(|cell| plain(cell, COLUMNS));
        self.rows.push(Row::Cells(cells.collect()));
    }

    /// Adds a remark to the row above.
    pub fn note(&mut self, text: &str) {
        self.rows.push(Row::Note(plain(text, 10 * COLUMNS)));
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| column.0.len()).collect();
        for row in &self.rows {
            if let Row::Cells(cells) = row {
                for (width, cell) in widths.iter_mut().zip(cells) {
                    *width = (*width).max(cell.chars().count());
                }
            }
        }
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        loop {
            let total = widths.iter().sum::<usize>() + gaps;
            let words = widths.iter_mut().zip(&self.columns);
            let widest = words
                .filter(|(width, column)| column.1 == Side::Left && **width > WORDS_MIN)
                .max_by_key(|(width, _)| **width);
            match widest {
                Some((width, _)) if total > COLUMNS => *width -= 1,
                _ => return widths,
            }
        }
    }

    fn line<'a>(&self, widths: &[usize], cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for ((width, column), cell) in widths.iter().zip(&self.columns).zip(cells) {
            let cell = plain(cell, *width);
            if !line.is_empty() {
                line.push_str(GAP);
            }
            let padded = match column.1 {
                Side::Left => format!("{cell:<width$}"),
                Side::Right => format!("{cell:>width$}"),
            };
            line.push_str(&padded);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let headings = self.columns.iter().map(|column| column.0);
        writeln!(f, "{}", self.line(&widths, headings))?;
        for row in &self.rows {
            match row {
                Row::Cells(cells) => {
                    let cells = cells.iter().map(String::as_str);
                    writeln!(f, "{}", self.line(&widths, cells))?;
                }
                Row::Note(text) => f.write_str(&wrapped(text, "    ", COLUMNS))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Table {
        let mut table = Table::new(&[("METER", Side::Left), ("READ", Side::Right)]);
        table.row(&[name.to_owned(), "1234567".to_owned()]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let mut table = table("feeder-1");
        table.note("wants a look");
        let expected = "METER        READ\nfeeder-1  1234567\n    wants a look\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn words_give_way_and_numbers_do_not() {
        let text = table(&"x".repeat(200)).to_string();
        assert!(
            text.lines().all(|line| line.chars().count() <= COLUMNS),
            "{text}"
        );
        assert!(text.contains("~  1234567"), "{text}");
    }

    #[test]
    fn cells_cannot_command_the_terminal() {
        assert!(!table("\x1b[31mred").to_string().contains('\x1b'));
    }
}
