//! What all meters have that are read in sessions: a clock, and how they are collected.

use super::complaint::Notebook;
use super::file::MeterFile;
use super::flag_meter::{CollectSettings, MeterClock};
use super::settings::within;
use metering::MeterId;
use meters::ClockBasis;
use std::time::Duration;
use toml::Spanned;

/// Registers, events and the profile are looked at once an hour.
const COLLECT_S: u32 = 3600;
/// The longest profile of a meter in our sources: an A1700 with its option.
const DAYS_MAX: u16 = 900;
/// What most half-hourly codes allow a meter's clock.
const TOLERANCE_S: u32 = 20;

/// The keys `clock` and `collect` of a meter.
pub(super) struct SessionKeys<'a> {
    pub(super) file: &'a MeterFile,
    pub(super) id: &'a MeterId,
    pub(super) demonstration: bool,
}

impl SessionKeys<'_> {
    /// Its clock. `can_adjust`: its model knows how.
    pub(super) fn clock(
        &self,
        model: &str,
        can_adjust: bool,
        notes: &mut Notebook,
    ) -> Option<MeterClock> {
        let id = self.id;
        let file = self.file.clock.as_ref().map(Spanned::as_ref);
        let seconds = file.and_then(|file| file.tolerance_seconds.as_ref());
        let key = format!("meter {id}.clock.tolerance-seconds");
        let seconds = seconds.map_or(TOLERANCE_S, |value| within(value, 1..=900, &key, notes));
        let basis = match file.and_then(|file| file.basis.as_ref()) {
            None => ClockBasis::utc(),
            Some(text) => match text.as_ref().parse::<ClockBasis>() {
                Ok(basis) => basis,
                Err(error) => {
                    let words = error.to_string();
                    let (problem, remedy) = words.split_once("; ").unwrap_or((&words, ""));
                    let key = format!("meter {id}.clock.basis");
                    notes.note(text.span(), key, problem, remedy);
                    return None;
                }
            },
        };
        let adjusts = file.is_some_and(|file| file.adjust);
        if adjusts && !can_adjust {
            notes.note(
                self.file.clock.as_ref().map_or(0..0, Spanned::span),
                format!("meter {id}.clock.adjust"),
                format!("{model} is not known to take an adjustment"),
                "remove adjust; setting its clock waits for a person's command",
            );
        }
        Some(MeterClock {
            basis,
            adjusts,
            adjusts_unproven: file.is_some_and(|file| file.adjust_unproven),
            tolerance: Duration::from_secs(u64::from(seconds)),
        })
    }

    /// How it is collected.
    pub(super) fn collect(&self, notes: &mut Notebook) -> CollectSettings {
        let file = self.file.collect.as_ref().map(Spanned::as_ref);
        let key = |key: &str| format!("meter {}.collect.{key}", self.id);
        let every = file.and_then(|file| file.every_seconds.as_ref());
        let shortest = if self.demonstration { 2 } else { 60 };
        let every = every.map_or(COLLECT_S, |value| {
            within(value, shortest..=86_400, &key("every-seconds"), notes)
        });
        let days = file.and_then(|file| file.days_max.as_ref());
        let days = days.map_or(DAYS_MAX, |value| {
            within(value, 1..=DAYS_MAX, &key("days-max"), notes)
        });
        CollectSettings {
            every: Duration::from_secs(u64::from(every)),
            days_max: days,
        }
    }
}
