//! When a list falls due.

use super::calendar::{dates, instant, instant_of, local_date, shifted};
use super::rule::{Rule, Until};
use super::window::Openings;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use metering::Timestamp;
use std::time::Duration;

/// When a list falls due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recurrence {
    /// Whenever its window opens.
    EachWindow,
    /// After equal spans of real time, whatever the local clock does.
    Every {
        /// The span.
        period: Duration,
        /// The first time, by the local clock.
        start: DateTime,
    },
    /// At these minutes of every local day.
    Times(Vec<u16>),
    /// By a rule of iCalendar.
    Rule {
        /// The rule.
        rule: Box<Rule>,
        /// Where it begins (DTSTART).
        start: DateTime,
    },
}

impl Recurrence {
    /// The instants after `after`, up to and with `until`, in order, each once.
    pub(super) fn between(
        &self,
        zone: &TimeZone,
        openings: Option<&Openings>,
        after: Timestamp,
        until: Timestamp,
    ) -> Vec<Timestamp> {
        let first = shifted(local_date(zone, after), -2);
        let last = shifted(local_date(zone, until), 2);
        let mut found: Vec<Timestamp> = match self {
            Self::EachWindow => {
                let openings = openings.map_or(&[][..], Openings::all);
                openings.iter().map(|opening| opening.from).collect()
            }
            Self::Every { period, start } => {
                let Some(anchor) = instant(zone, *start) else {
                    return Vec::new();
                };
                return every(anchor, *period, after, until);
            }
            Self::Times(minutes) => dates(first, last)
                .flat_map(|date| {
                    minutes
                        .iter()
                        .filter_map(move |minute| instant_of(zone, date, *minute))
                })
                .collect(),
            Self::Rule { rule, start } => {
                let local = rule.between(*start, first, last);
                let instants = local.into_iter().filter_map(|local| instant(zone, local));
                let end = match rule.until() {
                    Some(Until::Instant(end)) => end,
                    _ => Timestamp::from_millis(u64::MAX),
                };
                instants.filter(|at| *at <= end).collect()
            }
        };
        found.retain(|at| after < *at && *at <= until);
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn every(
    anchor: Timestamp,
    period: Duration,
    after: Timestamp,
    until: Timestamp,
) -> Vec<Timestamp> {
    let period_ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
    // The first mark after `after`.
    let gone = after.millis().checked_sub(anchor.millis());
    let steps = gone.map_or(0, |gone| gone / period_ms + 1);
    let first = steps
        .checked_mul(period_ms)
        .and_then(|ahead| anchor.millis().checked_add(ahead));
    let marks = std::iter::successors(first, |mark| mark.checked_add(period_ms));
    marks
        .map(Timestamp::from_millis)
        .take_while(|mark| *mark <= until)
        .collect()
}
