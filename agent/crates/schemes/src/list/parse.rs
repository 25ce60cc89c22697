//! From the file to the list.

mod schedule;

use super::file::{ListFile, PairFile, RetryFile};
use super::{Choice, LastPart, ListAction, MeterList, Pair, RetryPlan};
use crate::complaint::{Notebook, shown};
use crate::site::{Complaints, ListName, Unfit};
use metering::MeterId;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;
use std::time::Duration;
use toml::Spanned;

/// Largest file that is looked at.
const FILE_OCTETS_MAX: usize = 1 << 20;
const PAIRS_MAX: usize = 1_000;
const METERS_MAX: usize = 20_000;
const NOTE_CHARS_MAX: usize = 1_000;
const LIFE_DEFAULT: Duration = Duration::from_hours(48);
const LAST_PART_DEFAULT: LastPart = LastPart::Percent(20);

/// Complaints about a text whose values know their octets.
struct Page<'a> {
    text: &'a str,
    notes: Notebook<'a>,
}

impl Page<'_> {
    fn note(
        &mut self,
        span: &Range<usize>,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let before = self.text.get(..span.start).unwrap_or_default();
        self.notes
            .note(before.split('\n').count(), key, problem, remedy);
    }

    /// What a reader makes of a value.
    fn read<T>(
        &mut self,
        key: &str,
        value: &Spanned<String>,
        read: impl FnOnce(&str) -> Result<T, Unfit>,
    ) -> Option<T> {
        match read(value.get_ref()) {
            Ok(found) => Some(found),
            Err(unfit) => {
                self.note(&value.span(), key, unfit.problem, unfit.remedy);
                None
            }
        }
    }

    fn parse<T: FromStr<Err = Unfit>>(&mut self, key: &str, value: &Spanned<String>) -> Option<T> {
        self.read(key, value, str::parse)
    }

    fn parse_if<T: FromStr<Err = Unfit>>(
        &mut self,
        key: &str,
        value: Option<&Spanned<String>>,
    ) -> Option<T> {
        value.and_then(|value| self.parse(key, value))
    }

    /// A number within its range, or the default.
    fn number<T: PartialOrd + Display + Copy>(
        &mut self,
        key: &str,
        value: Option<&Spanned<T>>,
        range: RangeInclusive<T>,
        default: T,
    ) -> T {
        let Some(value) = value else { return default };
        let found = *value.get_ref();
        if range.contains(&found) {
            return found;
        }
        let remedy = format!("use {} to {}", range.start(), range.end());
        self.note(
            &value.span(),
            key,
            format!("{found} is out of range"),
            remedy,
        );
        default
    }
}

impl MeterList {
    /// Reads a file; `file` is its name in complaints. Whether the zone exists, the map has the
    /// meters, and the library the schemes, is for whoever has these.
    pub fn parse(file: &str, text: &str) -> Result<Self, Complaints> {
        let mut page = Page {
            text,
            notes: Notebook::new(file),
        };
        if text.len() > FILE_OCTETS_MAX {
            page.notes.note(
                0,
                "",
                "the file has more than 1 MiB",
                "make several lists, or use folders",
            );
            return page.notes.finish(None);
        }
        let list = match toml::from_str::<ListFile>(text) {
            Ok(written) => list(&written, &mut page),
            Err(error) => {
                let problem = error.message().trim().replace('\n', ", ");
                page.note(
                    &error.span().unwrap_or_default(),
                    "",
                    problem,
                    "see docs/how-to/run-a-meter-list.md",
                );
                None
            }
        };
        page.notes.finish(list)
    }
}

fn list(written: &ListFile, page: &mut Page<'_>) -> Option<MeterList> {
    if *written.version.get_ref() != 1 {
        let problem = format!("version {} is not known", written.version.get_ref());
        page.note(
            &written.version.span(),
            "version",
            problem,
            "write version = 1, or update the gateway",
        );
    }
    let name: Option<ListName> = page.parse("name", &written.name);
    let note = written.note.as_ref().map_or("", |note| note.get_ref());
    if note.chars().count() > NOTE_CHARS_MAX || note.contains('\r') {
        let span = written.note.as_ref().map(Spanned::span).unwrap_or_default();
        let problem = format!("has more than {NOTE_CHARS_MAX} characters, or a carriage return");
        page.note(&span, "note", problem, "shorten it");
    }
    let action = page.read("action", &written.action, |word| {
        let known = [ListAction::Read, ListAction::Program, ListAction::Tariff];
        let found = known.into_iter().find(|known| known.word() == word);
        found.ok_or_else(|| Unfit {
            problem: format!("`{}` is not an action", shown(word)),
            remedy: "use read, program or tariff".to_owned(),
        })
    });
    let pairs = pairs(&written.pair, page);
    let schedule = match &written.schedule {
        Some(written) => Some(schedule::schedule(written, page)?),
        None => None,
    };
    let last_part = last_part(written, page);
    let life = page.number(
        "life-minutes",
        written.life_minutes.as_ref(),
        5..=14 * 1440,
        0,
    );
    let retry = written
        .retry
        .as_ref()
        .map_or_else(RetryPlan::default, |retry| retry_plan(retry, page));
    Some(MeterList {
        name: name?,
        note: note.to_owned(),
        action: action?,
        pairs,
        schedule,
        last_part,
        retry,
        life: if life == 0 {
            LIFE_DEFAULT
        } else {
            Duration::from_secs(u64::from(life) * 60)
        },
    })
}

fn last_part(written: &ListFile, page: &mut Page<'_>) -> LastPart {
    match (
        &written.no_write_last_percent,
        &written.no_write_last_minutes,
    ) {
        (Some(_), Some(minutes)) => {
            let problem = "stands beside no-write-last-percent";
            page.note(
                &minutes.span(),
                "no-write-last-minutes",
                problem,
                "keep one of them",
            );
            LAST_PART_DEFAULT
        }
        (percent @ Some(_), None) => {
            LastPart::Percent(page.number("no-write-last-percent", percent.as_ref(), 0..=90, 0))
        }
        (None, minutes @ Some(_)) => {
            LastPart::Minutes(page.number("no-write-last-minutes", minutes.as_ref(), 0..=720, 0))
        }
        (None, None) => LAST_PART_DEFAULT,
    }
}

fn retry_plan(written: &RetryFile, page: &mut Page<'_>) -> RetryPlan {
    let mut seconds = |key: &str, value: Option<&Spanned<u32>>, max: u32, default: Duration| {
        let default = u32::try_from(default.as_secs()).unwrap_or(max);
        Duration::from_secs(u64::from(page.number(key, value, 1..=max, default)))
    };
    let shipped = RetryPlan::default();
    let quick_pause = written.quick_pause_seconds.as_ref();
    let quick_pause = seconds(
        "retry.quick-pause-seconds",
        quick_pause,
        600,
        shipped.quick_pause,
    );
    let back_off = seconds(
        "retry.back-off-seconds",
        written.back_off_seconds.as_ref(),
        3600,
        shipped.back_off,
    );
    let longest = written.back_off_max_seconds.as_ref();
    let back_off_max = seconds(
        "retry.back-off-max-seconds",
        longest,
        86_400,
        shipped.back_off_max.max(back_off),
    );
    if back_off_max < back_off {
        let span = longest.map(Spanned::span).unwrap_or_default();
        page.note(
            &span,
            "retry.back-off-max-seconds",
            "is shorter than back-off-seconds",
            "make it longer",
        );
    }
    RetryPlan {
        quick: page.number("retry.quick", written.quick.as_ref(), 0..=20, shipped.quick),
        quick_pause,
        back_off,
        back_off_max,
    }
}

fn pairs(written: &[Spanned<PairFile>], page: &mut Page<'_>) -> Vec<Pair> {
    if written.is_empty() {
        page.note(
            &(0..0),
            "pair",
            "there is none",
            "write a [[pair]] with scheme, and meters or folder",
        );
    }
    if written.len() > PAIRS_MAX {
        page.note(
            &(0..0),
            "pair",
            format!("there are more than {PAIRS_MAX}"),
            "use folders",
        );
    }
    let pairs = written.iter().take(PAIRS_MAX);
    pairs
        .filter_map(|written| pair(written.get_ref(), &written.span(), page))
        .collect()
}

fn pair(written: &PairFile, span: &Range<usize>, page: &mut Page<'_>) -> Option<Pair> {
    let scheme = page.parse("pair.scheme", &written.scheme);
    let meters = match (&written.meters, &written.folder) {
        (Some(_), Some(_)) | (None, None) => {
            page.note(
                span,
                "pair",
                "needs either meters or a folder",
                "write one of the two",
            );
            None
        }
        (Some(names), None) => {
            for (key, filter) in [("protocol", &written.protocol), ("model", &written.model)] {
                if let Some(filter) = filter {
                    page.note(
                        &filter.span(),
                        &format!("pair.{key}"),
                        "filters a folder only",
                        "take it out",
                    );
                }
            }
            named(names, page)
        }
        (None, Some(folder)) => {
            let folder = page.parse("pair.folder", folder);
            let protocol = page.parse_if("pair.protocol", written.protocol.as_ref());
            let model = page.parse_if("pair.model", written.model.as_ref());
            folder.map(|folder| Choice::Folder {
                folder,
                protocol,
                model,
            })
        }
    };
    Some(Pair {
        scheme: scheme?,
        meters: meters?,
    })
}

fn named(names: &Spanned<Vec<Spanned<String>>>, page: &mut Page<'_>) -> Option<Choice> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    if names.get_ref().is_empty() || names.get_ref().len() > METERS_MAX {
        let problem = format!("{} names", names.get_ref().len());
        page.note(
            &names.span(),
            "pair.meters",
            problem,
            format!("name 1 to {METERS_MAX} meters"),
        );
        return None;
    }
    for name in names.get_ref() {
        match name.get_ref().parse::<MeterId>() {
            Ok(meter) if seen.insert(meter.clone()) => found.push(meter),
            Ok(meter) => page.note(
                &name.span(),
                "pair.meters",
                format!("{meter} stands twice"),
                "name it once",
            ),
            Err(_) => {
                let problem = format!("`{}` is not the name of a meter", shown(name.get_ref()));
                let remedy = "use 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit";
                page.note(&name.span(), "pair.meters", problem, remedy);
            }
        }
    }
    Some(Choice::Named(found))
}

#[cfg(test)]
mod tests;
