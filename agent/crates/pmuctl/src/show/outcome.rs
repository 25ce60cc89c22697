//! What a piece of work brought.

use super::{diagnosis, dry_run, objects, scan, trace, values};
use crate::limits::COLUMNS;
use crate::plain;
use crate::table::{Side, Table};
use crate::words::{bytes_text, counted, wrapped, wrapped_item};
use desk::{
    BackupResult, ClockResult, CollectResult, GatherResult, KeyChangeEnd, KeyChanged, Outcome,
    PingResult,
};

pub(crate) fn text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Scan(result) => scan::text(result, &scan::Suggestion::for_bus("BUS")),
        Outcome::Ping(result) => ping(result),
        Outcome::Values(found) => values::text(found),
        Outcome::Events(result) => values::events(result),
        Outcome::Collected(result) => collected(result),
        Outcome::Gathered(result) => gathered(result),
        Outcome::Clock(result) => clock(result),
        Outcome::KeysChanged(found) => keys_changed(found),
        Outcome::DryRun(found) => dry_run::text(found),
        Outcome::Objects(found) => objects::text(found),
        Outcome::Backup(result) => backup(result),
        Outcome::GoldenPages(result) => result.image.clone(),
        Outcome::Heard(lines) => trace::text(lines),
    }
}

fn ping(result: &PingResult) -> String {
    let mut table = Table::new(&[
        ("LAYER", Side::Left),
        ("", Side::Left),
        ("WHAT WAS SEEN", Side::Left),
    ]);
    for layer in &result.layers {
        let mark = if layer.is_well { "well" } else { "FAILS" };
        // Long words go below their line: they are what an installer came for.
        let room = 50;
        if layer.words.chars().count() <= room {
            table.row(&[layer.name.clone(), mark.to_owned(), layer.words.clone()]);
        } else {
            table.row(&[layer.name.clone(), mark.to_owned(), String::new()]);
            table.note(&layer.words);
        }
    }
    let mut text = table.to_string();
    if let Some(found) = &result.diagnosis {
        text.push('\n');
        text.push_str(&diagnosis::text(found));
    }
    text
}

fn gathered(result: &GatherResult) -> String {
    let mut text = String::new();
    for (count, what) in [
        (result.values, "register value"),
        (result.billing_sets, "new billing set"),
        (result.events, "new event"),
    ] {
        if let Some(count) = count {
            text.push_str(&counted(count, what));
            text.push('\n');
        }
    }
    text.push_str(&items("not read:", &result.cannot));
    text.push_str(&items("to be looked at:", &result.remarks));
    text
}

fn collected(result: &CollectResult) -> String {
    let mut text = format!(
        "{} read: {}, {} of them new\n{} on the line, both ways\n",
        counted(result.days, "day"),
        counted(result.intervals, "interval"),
        result.new,
        bytes_text(result.octets)
    );
    if result.conflicts > 0 {
        let words = format!(
            "{} not as stored before; both are kept, and the events say which",
            counted(result.conflicts, "interval")
        );
        text.push_str(&wrapped(&words, "", COLUMNS));
    }
    let is_told = |code: &str| result.found.iter().any(|found| found.code == code);
    if let Some(days) = result.days_until_overwrite.filter(|_| !is_told("L04")) {
        let days = counted(days, "day");
        let words = format!("the meter overwrites what was not read in {days}\n");
        text.push_str(&words);
    }
    // A message says more of a gap than a line does; only beyond some there are lines alone.
    let told = result.found.iter().filter(|found| found.code == "L01");
    if told.count() < result.gaps.len() {
        text.push_str(&items("the meter does not have:", &result.gaps));
    }
    text.push_str(&items("to be looked at:", &result.remarks));
    for found in &result.found {
        text.push('\n');
        text.push_str(&diagnosis::text(found));
    }
    text
}

fn keys_changed(found: &[KeyChanged]) -> String {
    let line = |changed: &KeyChanged| {
        let end = match changed.end {
            KeyChangeEnd::Rotated => "rotated",
            KeyChangeEnd::Refused => "the meter refused; the old key stays",
            KeyChangeEnd::InDoubt => "in doubt: both are tried once each at the next session",
        };
        let words = plain(&changed.words, 200);
        let behind = if words.is_empty() { "" } else { " - " };
        let text = format!("{}: {end}{behind}{words}", plain(&changed.kind, 40));
        wrapped(&text, "", COLUMNS)
    };
    found.iter().map(line).collect()
}

fn items(heading: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let items = lines
        .iter()
        .map(|line| wrapped_item("-", &plain(line, 500)));
    format!("{heading}\n{}", items.collect::<String>())
}

fn clock(result: &ClockResult) -> String {
    let line = |name: &str, words: &str| format!("{name:<14}{}\n", plain(words, 60));
    let error = format!(
        "{} s, known to {} s",
        milliseconds(result.error_ms),
        milliseconds(i64::try_from(result.uncertainty_ms).unwrap_or(i64::MAX))
    );
    let mut text = [
        line("meter shows", &result.meter),
        line("that is", &result.meter_utc),
        line("gateway", &result.gateway_utc),
        line("meter is off", &error),
        line("our clock", &result.gateway_clock),
    ]
    .concat();
    let action = match result.action.as_str() {
        "none" => "nothing to do",
        "adjust" => "an adjustment is called for",
        "approve-set" => "it has to be set, and a person has to approve that",
        "alarm" => "too far off to be handled automatically",
        "blocked" => "nothing may be done about it now",
        other => other,
    };
    let words = format!("{}: {}", plain(action, 100), plain(&result.why, 500));
    text.push_str(&wrapped(&words, "", COLUMNS));
    text
}

/// Thousandths, with a sign where it is negative.
fn milliseconds(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    format!("{sign}{}.{:03}", size / 1000, size % 1000)
}

fn backup(result: &BackupResult) -> String {
    let refused = result
        .identities
        .iter()
        .filter(|identity| !identity.refused.is_empty())
        .count();
    let words = format!(
        "{} identities of {} were read, {refused} were refused; `pmuctl meter backup` writes \
         them to a file",
        result.identities.len() - refused,
        plain(&result.meter, 40)
    );
    wrapped(&words, "", COLUMNS)
}

#[cfg(test)]
mod tests;
