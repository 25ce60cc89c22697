//! The table: a figure, its limit, what was measured, and a peer of the same run.

use std::fmt;

/// What a figure should reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    /// The median, at most.
    AtMost(f64),
    /// The median, at least.
    AtLeast(f64),
    /// The worst of all, at most.
    NeverAbove(f64),
    /// The worst of all, at least.
    AlwaysAtLeast(f64),
}

/// Several measurements of one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
    pub(crate) count: usize,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) figure: String,
    pub(crate) limit: Limit,
    pub(crate) measured: Spread,
    pub(crate) unit: &'static str,
    /// What somebody else reached in this run.
    pub(crate) peer: String,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let count = values.len();
        Self {
            least: at(0),
            median: at(count / 2),
            most: at(count.saturating_sub(1)),
            count,
        }
    }

    pub(crate) fn one(value: f64) -> Self {
        Self::of(vec![value])
    }
}

impl Limit {
    /// What was measured, of what should be reached; nothing where that is zero.
    fn ratio(self, measured: Spread) -> Option<f64> {
        let (value, limit) = match self {
            Self::AtMost(limit) | Self::AtLeast(limit) => (measured.median, limit),
            Self::NeverAbove(limit) => (measured.most, limit),
            Self::AlwaysAtLeast(limit) => (measured.least, limit),
        };
        (limit != 0.0).then_some(value / limit)
    }

    fn holds(self, measured: Spread) -> bool {
        match self {
            Self::AtMost(limit) => measured.median <= limit,
            Self::AtLeast(limit) => measured.median >= limit,
            Self::NeverAbove(limit) => measured.most <= limit,
            Self::AlwaysAtLeast(limit) => measured.least >= limit,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "<= {}", plain(*limit)),
            Self::AtLeast(limit) => write!(f, ">= {}", plain(*limit)),
            Self::NeverAbove(limit) => write!(f, "always <= {}", plain(*limit)),
            Self::AlwaysAtLeast(limit) => write!(f, "always >= {}", plain(*limit)),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", short(self.median))?;
        if self.count > 1 {
            let (least, most) = (short(self.least), short(self.most));
            write!(f, " ({least} to {most}, {} runs)", self.count)?;
        }
        Ok(())
    }
}

/// A limit as it was written; one that was measured, in short.
fn plain(limit: f64) -> String {
    let text = limit.to_string();
    if text.len() <= 4 { text } else { short(limit) }
}

/// Three digits that count.
pub(crate) fn short(value: f64) -> String {
    let decimals = match value.abs() {
        size if size == 0.0 || size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

impl Row {
    fn cells(&self) -> [String; 6] {
        let ratio = self.limit.ratio(self.measured);
        let limit = format!("{} {}", self.limit, self.unit);
        let verdict = if self.limit.holds(self.measured) {
            "ok"
        } else {
            "MISSED"
        };
        [
            self.figure.clone(),
            limit.trim_end().to_owned(),
            self.measured.to_string(),
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            self.peer.clone(),
            verdict.to_owned(),
        ]
    }
}

/// Prints the rows so that they can be read here and pasted into a page. Returns how many limits
/// were missed.
pub(crate) fn print(rows: &[Row]) -> usize {
    let head = ["figure", "limit", "measured", "ratio", "peer, same run", ""].map(str::to_owned);
    let lines: Vec<[String; 6]> = std::iter::once(head)
        .chain(rows.iter().map(Row::cells))
        .collect();
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..6).map(|column| width(column).unwrap_or(0)).collect();
    println!();
    for (number, line) in lines.iter().enumerate() {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!(" {cell:<width$} "));
        println!("|{}|", cells.collect::<Vec<_>>().join("|"));
        if number == 0 {
            let rules = widths.iter().map(|width| "-".repeat(width + 2));
            println!("|{}|", rules.collect::<Vec<_>>().join("|"));
        }
    }
    let missed = rows
        .iter()
        .filter(|row| !row.limit.holds(row.measured))
        .count();
    println!("\n{} figures, {missed} missed", rows.len());
    missed
}
