//! A list in one form, and its fingerprint.

use super::calendar::minute_text;
use super::window::DAYS;
use super::{Choice, LastPart, MeterList, Recurrence, Schedule, WindowChoice, WindowRule};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};

impl MeterList {
    /// The list as a file in one form: it reads back as the same list, and two files that mean the
    /// same have the same.
    pub fn canonical_text(&self) -> String {
        let mut text = String::new();
        let written = self.write(&mut text);
        debug_assert!(written.is_ok(), "writing into memory does not fail");
        text
    }

    /// SHA-256 of the canonical text.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.canonical_text()).into()
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "version = 1\nname = {}", quoted(self.name.as_str()))?;
        if !self.note.is_empty() {
            writeln!(text, "note = {}", quoted(&self.note))?;
        }
        writeln!(text, "action = {}", quoted(self.action.word()))?;
        writeln!(text, "life-minutes = {}", self.life.as_secs() / 60)?;
        match self.last_part {
            LastPart::Percent(percent) => writeln!(text, "no-write-last-percent = {percent}")?,
            LastPart::Minutes(minutes) => writeln!(text, "no-write-last-minutes = {minutes}")?,
        }
        for pair in &self.pairs {
            writeln!(
                text,
                "\n[[pair]]\nscheme = {}",
                quoted(pair.scheme.as_str())
            )?;
            match &pair.meters {
                Choice::Named(names) => {
                    let names = names.iter().map(|name| quoted(name.as_str()));
                    writeln!(text, "meters = [{}]", names.collect::<Vec<_>>().join(", "))?;
                }
                Choice::Folder {
                    folder,
                    protocol,
                    model,
                } => {
                    writeln!(text, "folder = {}", quoted(&folder.to_string()))?;
                    if let Some(protocol) = protocol {
                        writeln!(text, "protocol = {}", quoted(protocol.word()))?;
                    }
                    if let Some(model) = model {
                        writeln!(text, "model = {}", quoted(model.as_str()))?;
                    }
                }
            }
        }
        if let Some(schedule) = &self.schedule {
            write_schedule(schedule, text)?;
        }
        let retry = &self.retry;
        writeln!(text, "\n[retry]\nquick = {}", retry.quick)?;
        writeln!(
            text,
            "quick-pause-seconds = {}",
            retry.quick_pause.as_secs()
        )?;
        writeln!(text, "back-off-seconds = {}", retry.back_off.as_secs())?;
        writeln!(
            text,
            "back-off-max-seconds = {}",
            retry.back_off_max.as_secs()
        )
    }
}

fn write_schedule(schedule: &Schedule, text: &mut String) -> fmt::Result {
    writeln!(text, "\n[schedule]\nzone = {}", quoted(&schedule.zone))?;
    let window = match &schedule.window {
        WindowChoice::Always => quoted("always"),
        WindowChoice::OffPeak => quoted("off-peak"),
        WindowChoice::OutOfHours => quoted("out-of-hours"),
        WindowChoice::Own(rules) => {
            let rules: Vec<String> = rules.iter().copied().map(window_rule).collect();
            format!("[{}]", rules.join(", "))
        }
    };
    writeln!(text, "window = {window}")?;
    match &schedule.recurrence {
        Recurrence::EachWindow => {}
        Recurrence::Every { period, start } => {
            writeln!(text, "every-minutes = {}", period.as_secs() / 60)?;
            writeln!(text, "start = \"{}\"", start.strftime("%Y-%m-%dT%H:%M"))?;
        }
        Recurrence::Times(minutes) => {
            let times: Vec<String> = minutes
                .iter()
                .map(|minute| quoted(&minute_text(*minute)))
                .collect();
            writeln!(text, "times = [{}]", times.join(", "))?;
        }
        Recurrence::Rule { rule, start } => {
            writeln!(text, "rrule = \"{rule}\"")?;
            writeln!(text, "start = \"{}\"", start.strftime("%Y-%m-%dT%H:%M"))?;
        }
    }
    writeln!(text, "offset-seconds = {}", schedule.offset.as_secs())
}

fn window_rule(rule: WindowRule) -> String {
    let days = DAYS
        .iter()
        .enumerate()
        .filter(|(day, _)| rule.days & (1 << day) != 0);
    let days: Vec<String> = days.map(|(_, word)| quoted(word)).collect();
    let (from, to) = (minute_text(rule.from), minute_text(rule.to));
    format!(
        "{{ days = [{}], from = \"{from}\", to = \"{to}\" }}",
        days.join(", ")
    )
}

/// A TOML string, always in the same form.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if letter.is_control() => {
                quoted.push_str("\\u");
                quoted.extend(hex_digits(u32::from(letter)));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Four hexadecimal digits; control characters need no more.
fn hex_digits(code: u32) -> impl Iterator<Item = char> {
    [12, 8, 4, 0]
        .into_iter()
        .filter_map(move |shift| char::from_digit(code >> shift & 15, 16))
}
