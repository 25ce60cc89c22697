//! When a list is to be run, and what is owed after a gateway was off.

use super::calendar::S_PER_DAY;
use super::hours::guard;
use super::window::{Openings, REACH};
use super::{MeterList, Schedule};
use jiff::tz::TimeZone;
use metering::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How far [`due`] looks at one time; ask again from there.
pub const SPAN_DAYS_MAX: u64 = 400;
/// How many it finds at one time; ask again from the last one's start.
pub const DUES_MAX: usize = 1_000;

/// One run that a schedule asks for. Its start is what tells it from the others of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The time of the recurrence; the last one, if several wait for one window.
    pub occurrence: Timestamp,
    /// How many times of the recurrence this run is for.
    pub occurrences: u32,
    /// When the run begins.
    pub starts: Timestamp,
    /// When the window closes in which it begins; nothing if meters may be spoken to at any time.
    pub window_closes: Option<Timestamp>,
    /// From when on no write begins in that window.
    pub no_write_from: Option<Timestamp>,
    /// When what is not done by then is given up.
    pub gives_up: Timestamp,
}

/// The runs that begin after `after`, up to and with `until`, in order. Whoever asks for a span in
/// two parts gets the same as for the whole. `zone` is the one that the schedule names.
pub fn due(list: &MeterList, zone: &TimeZone, after: Timestamp, until: Timestamp) -> Vec<Due> {
    let Some(schedule) = &list.schedule else {
        return Vec::new();
    };
    let until = until.min(after.after(Duration::from_secs(SPAN_DAYS_MAX * S_PER_DAY)));
    if until <= after {
        return Vec::new();
    }
    // An occurrence may wait for its window that long.
    let early = after.before(REACH).before(schedule.offset);
    let rules = schedule.window.rules();
    let openings = (!rules.is_empty()).then(|| Openings::between(rules, zone, early, until));
    // A recurrence at 1970 itself is none: no gateway was there.
    let occurrences = schedule
        .recurrence
        .between(zone, openings.as_ref(), early, until);
    let mut found: BTreeMap<Timestamp, Due> = BTreeMap::new();
    for occurrence in occurrences {
        let Some(next) = due_of(list, schedule, openings.as_ref(), occurrence) else {
            continue;
        };
        if next.starts <= after || next.starts > until {
            continue;
        }
        found
            .entry(next.starts)
            .and_modify(|known| {
                known.occurrence = occurrence;
                known.occurrences = known.occurrences.saturating_add(1);
            })
            .or_insert(next);
    }
    found.into_values().take(DUES_MAX).collect()
}

fn due_of(
    list: &MeterList,
    schedule: &Schedule,
    openings: Option<&Openings>,
    occurrence: Timestamp,
) -> Option<Due> {
    let wanted = occurrence.after(schedule.offset);
    let opening = match openings {
        Some(openings) => Some(openings.at_or_after(wanted)?),
        None => None,
    };
    let starts = match opening {
        Some(opening) if opening.from > wanted => {
            // Gateways that wait for one window do not all begin at its opening.
            let shifted = opening.from.after(schedule.offset);
            if shifted < opening.to {
                shifted
            } else {
                opening.from
            }
        }
        _ => wanted,
    };
    Some(Due {
        occurrence,
        occurrences: 1,
        starts,
        window_closes: opening.map(|opening| opening.to),
        no_write_from: opening.map(|opening| guard(list.last_part, opening)),
        gives_up: starts.after(list.life),
    })
}

/// What a gateway owes that looked at its lists for the last time at `handled`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUp {
    /// The run to begin now.
    pub run: Option<Due>,
    /// Runs that were not made and will not be: a later one took their place, or their life is
    /// over.
    pub missed: Vec<Due>,
    /// What to hand in as `handled` the next time; to be stored together with the run's begin.
    pub handled: Timestamp,
}

/// The newest run that fell due since `handled` and is still alive. It is begun at most once, even
/// if the clock was set back in between: then nothing is due until `handled` is passed again.
pub fn catch_up(list: &MeterList, zone: &TimeZone, handled: Timestamp, now: Timestamp) -> CatchUp {
    let mut missed = due(list, zone, handled, now);
    let looked_until = handled
        .after(Duration::from_secs(SPAN_DAYS_MAX * S_PER_DAY))
        .min(now);
    let handled = match missed.last() {
        // More than one look finds: go on from the last.
        Some(last) if missed.len() == DUES_MAX => last.starts,
        _ => looked_until.max(handled),
    };
    let alive = missed.last().is_some_and(|newest| newest.gives_up > now);
    let run = if alive { missed.pop() } else { None };
    CatchUp {
        run,
        missed,
        handled,
    }
}

#[cfg(test)]
mod tests;
