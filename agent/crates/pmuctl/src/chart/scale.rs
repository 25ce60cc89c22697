//! The columns of a chart, and how long a bar is.

use super::letters::mark;
use super::{Line, short};
use crate::console::Look;
use crate::limits::COLUMNS_MIN;
use crate::words::{counted, plain};
use desk::ProfileRow;

/// What all lines have in common: their columns, and what a full bar is.
pub(super) struct Scale {
    /// The largest value, as a count of the smallest step.
    most: i128,
    pub(super) most_text: String,
    decimals: usize,
    time_width: usize,
    letters_width: usize,
    value_width: usize,
    bar_width: usize,
}

/// Longest value that is shown whole.
const VALUE_WIDTH_MAX: usize = 20;

impl Scale {
    pub(super) fn of(lines: &[Line<'_>], look: Look) -> Self {
        let bars = || {
            lines.iter().filter_map(|line| match line {
                Line::Bar { row, value } => Some((*row, *value)),
                Line::Gap { .. } => None,
            })
        };
        let decimals = bars().map(|(_, value)| decimals(value)).max().unwrap_or(0);
        let largest = bars()
            .filter_map(|(_, value)| Some((count(value, decimals)?, value)))
            .max_by_key(|(count, _)| *count);
        let (most, most_text) = largest.unwrap_or((0, "0"));
        let widest = |width: &dyn Fn(&ProfileRow, &str) -> usize| {
            bars().map(|(row, value)| width(row, value)).max()
        };
        let time_width = widest(&|row, _| short(&row.end).chars().count()).unwrap_or(0);
        let letters_width = widest(&|row, _| mark(&row.flags).letters.chars().count());
        let letters_width = letters_width.unwrap_or(0).max(1);
        let value_width = widest(&|_, value| value.chars().count()).unwrap_or(0);
        let value_width = value_width.clamp(1, VALUE_WIDTH_MAX);
        let taken = time_width + letters_width + value_width + 3;
        let bar_width = look.columns.max(COLUMNS_MIN).saturating_sub(taken).max(4);
        Self {
            most,
            most_text: plain(most_text, VALUE_WIDTH_MAX),
            decimals,
            time_width,
            letters_width,
            value_width,
            bar_width,
        }
    }

    pub(super) fn line(&self, line: &Line<'_>, look: Look) -> String {
        let (text, is_red) = match line {
            Line::Gap { count, first, last } => {
                let words = if *count == 1 {
                    format!("{first} - gap: this interval is not stored")
                } else {
                    let gap = counted(*count, "interval");
                    format!("{first} - gap: {gap} up to {last} are not stored")
                };
                (words, true)
            }
            Line::Bar { row, value } => {
                let mark = mark(&row.flags);
                let (bar, shown) = match count(value, self.decimals) {
                    Some(count) => (self.bar(count, look), plain(value, VALUE_WIDTH_MAX)),
                    None if value.is_empty() => ("no value".to_owned(), "-".to_owned()),
                    None => (String::new(), plain(value, VALUE_WIDTH_MAX)),
                };
                let words = format!(
                    "{:<time$} {:<letters$} {shown:>value$} {bar}",
                    short(&row.end),
                    mark.letters,
                    time = self.time_width,
                    letters = self.letters_width,
                    value = self.value_width,
                );
                (words, mark.is_red)
            }
        };
        let text = text.trim_end();
        if is_red && look.has_colour {
            format!("\x1b[31m{text}\x1b[0m\n")
        } else {
            format!("{text}\n")
        }
    }

    fn bar(&self, count: i128, look: Look) -> String {
        let width = i128::try_from(self.bar_width).unwrap_or(0);
        if count <= 0 || self.most <= 0 {
            return String::new();
        }
        if look.is_utf8 {
            // Eighths of a character, and never nothing for what is something.
            let eighths = (count.saturating_mul(width * 8) / self.most).max(1);
            let whole = usize::try_from(eighths / 8).unwrap_or(0);
            let rest = match eighths % 8 {
                1 => "▏",
                2 => "▎",
                3 => "▍",
                4 => "▌",
                5 => "▋",
                6 => "▊",
                7 => "▉",
                _ => "",
            };
            format!("{}{rest}", "█".repeat(whole))
        } else {
            let whole = count.saturating_mul(width) / self.most;
            match usize::try_from(whole) {
                Ok(0) | Err(_) => ".".to_owned(),
                Ok(whole) => "#".repeat(whole),
            }
        }
    }
}

/// Digits behind the point.
fn decimals(value: &str) -> usize {
    value.split_once('.').map_or(0, |(_, behind)| behind.len())
}

/// A decimal text as a count of steps of so many decimals: exact, as everything that is billed.
pub(super) fn count(value: &str, decimals: usize) -> Option<i128> {
    let (whole, behind) = value.split_once('.').unwrap_or((value, ""));
    let zeros = decimals.checked_sub(behind.len())?;
    let bare = whole.strip_prefix('-').unwrap_or(whole);
    let is_number = !bare.is_empty() && [bare, behind].concat().bytes().all(|b| b.is_ascii_digit());
    let digits = format!("{whole}{behind}{}", "0".repeat(zeros.min(40)));
    digits.parse().ok().filter(|_| is_number)
}
