//! How the lists stand, for whoever counts.

use super::kept::Kept;
use jiff::tz::TimeZone;
use metering::Timestamp;
use schemes::list::{MeterList, Run, RunCounts, due};
use std::collections::BTreeMap;
use std::time::Duration;

/// One list, and how far its run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListView {
    /// Its name.
    pub list: String,
    /// A run goes on.
    pub is_running: bool,
    /// The meters of that run, or of the last one.
    pub meters: RunCounts,
    /// When its schedule begins the next run; nothing where it has none, or the clock is not set.
    pub next_due: Option<Timestamp>,
}

/// How far ahead the next run is looked for: near at first, because most lists run often.
const AHEAD_DAYS: [u64; 3] = [2, 40, 366];
/// A list without a next run is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_hours(1);

/// What was found of a list's schedule.
struct Found {
    fingerprint: [u8; 32],
    at: Timestamp,
    next: Option<Timestamp>,
}

/// The next run of each list. A schedule is laid out only when that may have changed.
#[derive(Default)]
pub(super) struct NextRuns(BTreeMap<String, Found>);

impl NextRuns {
    /// How the lists stand. `now`: nothing where the clock is not set.
    pub(super) fn views(&mut self, lists: &[Kept], now: Option<Timestamp>) -> Vec<ListView> {
        let known = |name: &String| lists.iter().any(|kept| kept.list.name.as_str() == name);
        self.0.retain(|name, _| known(name));
        let view = |kept: &Kept| ListView {
            list: kept.list.name.as_str().to_owned(),
            is_running: kept.is_running(),
            meters: kept
                .record
                .run
                .as_ref()
                .map(Run::counts)
                .unwrap_or_default(),
            next_due: now.and_then(|now| self.next(&kept.list, &kept.zone, now)),
        };
        lists.iter().map(view).collect()
    }

    fn next(&mut self, list: &MeterList, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        list.schedule.as_ref()?;
        let fingerprint = list.fingerprint();
        let name = list.name.as_str();
        if let Some(found) = self
            .0
            .get(name)
            .filter(|found| found.fingerprint == fingerprint)
        {
            let is_ahead = found.next.is_some_and(|next| next > now);
            let was_just_looked_for = found.next.is_none() && now < found.at.after(LOOK_AGAIN);
            // A clock that went back may have brought an earlier run before us.
            if now >= found.at && (is_ahead || was_just_looked_for) {
                return found.next;
            }
        }
        let day = Duration::from_hours(24);
        let spans = AHEAD_DAYS.iter().map(|days| {
            let days = u32::try_from(*days).unwrap_or(1);
            due(list, zone, now, now.after(day.saturating_mul(days)))
        });
        let mut spans = spans.filter_map(|found| found.first().map(|first| first.starts));
        let next = spans.next();
        let found = Found {
            fingerprint,
            at: now,
            next,
        };
        self.0.insert(name.to_owned(), found);
        next
    }
}
