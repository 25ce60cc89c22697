//! A load profile as bars, one line an interval. What is flagged is red, and has letters as well:
//! colour is never needed to understand it.

mod letters;
mod scale;

use crate::console::Look;
use crate::words::{counted, plain, wrapped};
use desk::ProfileRow;
use letters::{Letters, mark};
use metering::{Obis, Timestamp};
use scale::Scale;
use std::collections::BTreeMap;
use std::time::Duration;

/// Stored intervals of one list of channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Names of the columns, `1-0:1.29.0 increment Wh`.
    pub channels: Vec<String>,
    /// The intervals, oldest first.
    pub rows: Vec<ProfileRow>,
}

/// Which channel, and which time, a chart shows.
#[derive(Debug, Clone, Copy)]
pub struct ChartWish {
    /// By OBIS code; the first that is no total if none.
    pub channel: Option<Obis>,
    /// Intervals that end after this …
    pub from: Timestamp,
    /// … up to and with this.
    pub to: Timestamp,
}

/// The chart. An error says which channels there are.
pub fn chart(profile: &Profile, wish: &ChartWish, look: Look) -> Result<String, String> {
    if profile.rows.is_empty() {
        return Ok("no interval is stored in this time\n".to_owned());
    }
    let column = column(&profile.channels, wish.channel)?;
    let lines = lines(profile, column, wish);
    let scale = Scale::of(&lines, look);
    let name = profile.channels.get(column).map_or("", String::as_str);
    let mut text = wrapped(&plain(name, 100), "", look.columns);
    let full = format!("a full bar is {}\n\n", scale.most_text);
    text.push_str(&full);
    let mut letters = Letters::default();
    for line in &lines {
        text.push_str(&scale.line(line, look));
        if let Line::Bar { row, .. } = line {
            letters.add(&row.flags);
        }
    }
    text.push('\n');
    text.push_str(&letters.legend(look.columns));
    text.push_str(&summary(&lines));
    Ok(text)
}

/// The channel with this code; a total would only show a staircase.
fn column(channels: &[String], wanted: Option<Obis>) -> Result<usize, String> {
    let found = if let Some(obis) = wanted {
        let code = obis.to_string();
        let is_wanted = |name: &String| name.split(' ').next() == Some(&code);
        channels.iter().position(is_wanted)
    } else {
        let is_total = |name: &String| name.split(' ').nth(1) == Some("total");
        let other = channels.iter().position(|name| !is_total(name));
        other.or((!channels.is_empty()).then_some(0))
    };
    found.ok_or_else(|| {
        let names: Vec<String> = channels.iter().map(|name| plain(name, 60)).collect();
        let wanted = wanted.map_or_else(String::new, |obis| format!(" {obis}"));
        format!(
            "the profile has no channel{wanted}; it has: {}",
            names.join("; ")
        )
    })
}

/// A line of the chart.
enum Line<'a> {
    Bar {
        row: &'a ProfileRow,
        value: &'a str,
    },
    /// Intervals that are not there: how many, and their first and last end.
    Gap {
        count: u64,
        first: String,
        last: String,
    },
}

fn lines<'a>(profile: &'a Profile, column: usize, wish: &ChartWish) -> Vec<Line<'a>> {
    let ends: Vec<Option<u64>> = profile.rows.iter().map(|row| seconds(&row.end)).collect();
    let period = period(&ends);
    let mut lines = Vec::new();
    // The grid ends before the first wanted interval, and behind the last.
    let mut before = period
        .zip(ends.first().copied().flatten())
        .map(|(period, first)| {
            let steps = first.saturating_sub(wish.from.seconds()).saturating_sub(1) / period;
            first - (steps + 1).min(first / period) * period
        });
    for (row, end) in profile.rows.iter().zip(&ends) {
        if let (Some(before), Some(end), Some(period)) = (before, *end, period) {
            lines.extend(gap(before, end, period));
        }
        before = end.or(before);
        let value = row.values.get(column).map_or("", String::as_str);
        lines.push(Line::Bar { row, value });
    }
    if let (Some(before), Some(period)) = (before, period) {
        let steps = wish.to.seconds().saturating_sub(before) / period;
        lines.extend(gap(before, before + (steps + 1) * period, period));
    }
    lines
}

/// What lies between two ends that do not follow each other.
fn gap<'a>(before: u64, after: u64, period: u64) -> Option<Line<'a>> {
    let count = after.checked_sub(before)?.div_ceil(period).checked_sub(1)?;
    (count > 0).then(|| Line::Gap {
        count,
        first: time_text(before + period),
        last: time_text(before + count * period),
    })
}

/// The step that most intervals keep.
fn period(ends: &[Option<u64>]) -> Option<u64> {
    let mut counts = BTreeMap::new();
    let steps = ends.iter().zip(ends.iter().skip(1));
    for step in steps.filter_map(|(a, b)| b.as_ref()?.checked_sub((*a)?)) {
        *counts.entry(step).or_insert(0_u32) += 1;
    }
    let steps = counts.into_iter().filter(|(step, _)| *step > 0);
    // Of two equally frequent ones the shorter: the longer one holds a gap.
    steps
        .max_by_key(|(step, count)| (*count, std::cmp::Reverse(*step)))
        .map(|(step, _)| step)
}

fn seconds(end: &str) -> Option<u64> {
    crate::words::parse_time(end).ok().map(Timestamp::seconds)
}

/// `2026-11-23 05:00`, with seconds where they matter.
fn time_text(seconds: u64) -> String {
    short(&Timestamp::from_seconds(seconds).to_string())
}

fn short(end: &str) -> String {
    let text = plain(end, 24).replacen('T', " ", 1);
    let text = text.strip_suffix('Z').unwrap_or(&text);
    text.strip_suffix(":00").unwrap_or(text).to_owned()
}

fn summary(lines: &[Line<'_>]) -> String {
    let (mut bars, mut red, mut gaps) = (0_u64, 0_u64, 0_u64);
    for line in lines {
        match line {
            Line::Gap { count, .. } => gaps += count,
            Line::Bar { row, .. } => {
                bars += 1;
                red += u64::from(mark(&row.flags).is_red);
            }
        }
    }
    let bars = counted(bars, "interval");
    format!("{bars}, {red} of them doubtful, {gaps} not stored; ends in UTC\n")
}

/// How long a person's `--from` and `--to` reach where they name only one of them.
pub(crate) const DAY: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests;
