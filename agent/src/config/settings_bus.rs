//! Lines: from the file to what the program trusts.

use super::complaint::Notebook;
use super::file::BusFile;
use super::settings::{BusSettings, name, within};
use super::settings_link::{Place, place};
use metering::BusId;
use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::Spanned;

/// How long one session may hold a line that other meters wait for.
const SESSION_S: u32 = 8;
/// The same where each session costs a call, and nobody else is on the line.
const DIALLED_SESSION_S: u32 = 120;

pub(super) fn buses(files: &[BusFile], notes: &mut Notebook) -> Vec<BusSettings> {
    let mut found: Vec<BusSettings> = Vec::new();
    let mut places: HashMap<String, BusId> = HashMap::new();
    for file in files {
        let Some(id) = name::<BusId>(&file.id, "bus.id", notes) else {
            continue;
        };
        if found.iter().any(|bus| bus.id == id) {
            let remedy = "give each bus a name of its own";
            notes.note(
                file.id.span(),
                "bus.id",
                format!("`{id}` stands twice"),
                remedy,
            );
        }
        let late = within(
            &file.late_after_seconds,
            1..=60,
            "bus.late-after-seconds",
            notes,
        );
        let Some(Place { link, text, span }) = place(file, notes) else {
            continue;
        };
        if let Some(other) = places.insert(text.clone(), id.clone()) {
            notes.note(
                span,
                format!("bus {id}"),
                format!("`{text}` is already the line of bus {other}"),
                "one bus owns one line: put all its meters on one bus",
            );
        }
        let session = if link.is_dialled() {
            DIALLED_SESSION_S
        } else {
            SESSION_S
        };
        let session = Bus(file).number(
            "session-seconds-max",
            file.session_seconds_max.as_ref(),
            8..=120,
            session,
            notes,
        );
        found.push(BusSettings {
            id,
            link,
            late_after: Duration::from_secs(u64::from(late)),
            session_max: Duration::from_secs(u64::from(session)),
            on_demand: false,
        });
    }
    found
}

/// Complaints about one entry of the file.
#[derive(Clone, Copy)]
pub(super) struct Bus<'a>(pub(super) &'a BusFile);

impl Bus<'_> {
    /// Writes a complaint about the key whose value stands at `span`.
    pub(super) fn complain(
        self,
        span: Range<usize>,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
        notes: &mut Notebook,
    ) {
        let key = format!("bus {}.{key}", self.0.id.as_ref());
        notes.note(span, key, problem, remedy);
    }

    /// Complains about a key that is not there.
    pub(super) fn miss(self, key: &str, remedy: &str, notes: &mut Notebook) {
        self.complain(self.0.link.span(), key, "is missing", remedy, notes);
    }

    /// A number within its limits, or the default.
    pub(super) fn number<T>(
        self,
        key: &str,
        value: Option<&Spanned<T>>,
        allowed: RangeInclusive<T>,
        default: T,
        notes: &mut Notebook,
    ) -> T
    where
        T: PartialOrd + Copy + std::fmt::Display,
    {
        let key = format!("bus {}.{key}", self.0.id.as_ref());
        value.map_or(default, |value| within(value, allowed, &key, notes))
    }

    /// One of some words, or the first of them.
    pub(super) fn word<T: Copy>(
        self,
        key: &str,
        value: Option<&Spanned<String>>,
        choice: &[(&str, T)],
        what: &str,
        notes: &mut Notebook,
    ) -> Option<T> {
        let first = choice.first().map(|(_, meaning)| *meaning);
        let Some(value) = value else {
            return first;
        };
        let text = value.as_ref().as_str();
        let found = choice.iter().find(|(word, _)| *word == text);
        if let Some((_, meaning)) = found {
            return Some(*meaning);
        }
        let words: Vec<&str> = choice.iter().map(|(word, _)| *word).collect();
        let problem = format!("`{text}` is not {what}");
        let remedy = format!("use {}", one_of(&words));
        self.complain(value.span(), key, problem, remedy, notes);
        first
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
    }
}
