//! Which window of a meter's load profile to ask for.

use super::Marks;
use super::capacity::Storage;
use crate::catalogue::flag::ProfileModel;
use crate::clock_basis::{ClockBasis, Instants};
use crate::elster::ProfileWindow;
use crate::limits::{COLLECT_DAYS_MAX, COLLECT_PLANS_MAX, WINDOW_OCTETS_MAX};
use metering::{MeterTime, Period, Timestamp};
use std::time::Duration;

const DAY_S: u64 = 86_400;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Everything since the last good row, with a day of overlap; everything where there is none.
    Since(Option<Timestamp>),
    /// These marks only.
    Only(Vec<Marks>),
    /// Everything the meter has.
    All,
}

/// What a plan rests on.
#[derive(Debug, Clone)]
pub struct CollectGround<'a> {
    /// The profile of the meter's model.
    pub profile: &'a ProfileModel,
    /// The calendar of its clock.
    pub basis: &'a ClockBasis,
    /// What its clock shows now: it counts days by that.
    pub shown_now: MeterTime,
    /// Its channels.
    pub channels: usize,
    /// Its period.
    pub period: Period,
}

/// One window to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectPlan {
    /// What to write to the meter.
    pub window: ProfileWindow,
    /// The identity to write it to.
    pub identity: u16,
    /// The first day of it, at midnight of the meter's clock; nothing for all there is.
    pub from: Option<MeterTime>,
    /// Days of it.
    pub days: u64,
    /// Reading may end with the interval that ends here; nothing: with the profile.
    pub until: Option<Timestamp>,
    /// Octets that are to be expected, without markers of disturbances.
    pub octets: u64,
}

/// The windows for what is wanted, oldest first. A meter that only counts days back from today has
/// one window at most; one that takes two times has one for each stretch of days.
pub fn plan(wanted: &Wanted, ground: &CollectGround<'_>) -> Vec<CollectPlan> {
    let storage = Storage::of(ground.profile, ground.channels, ground.period);
    let holds = storage.days_at_most.unwrap_or(COLLECT_DAYS_MAX);
    let today = ground.shown_now.day();
    // A meter may hold more than the smallest of its kind: it knows itself where its profile begins.
    let oldest = today.saturating_sub(COLLECT_DAYS_MAX.saturating_sub(1));
    let stretches = match wanted {
        Wanted::All | Wanted::Since(None) => return vec![ground.everything(&storage, holds)],
        Wanted::Since(Some(last)) => {
            let overlap = last.before(Duration::from_secs(DAY_S));
            vec![Days {
                first: ground.basis.shown_at(overlap).day().max(oldest),
                last: today,
                until: None,
            }]
        }
        Wanted::Only(marks) => days_of(marks, ground, oldest, today),
    };
    let takes_times = ground.profile.dates.is_some();
    let is_old = stretches.iter().any(|days| days.last < today);
    let is_long = stretches.iter().any(|days| {
        let count = days.last + 1 - days.first;
        storage.octets(count) > WINDOW_OCTETS_MAX
    });
    if takes_times && (ground.profile.prefers_dates || is_old || is_long) {
        let windows = stretches
            .iter()
            .flat_map(|days| CollectGround::parts(*days, &storage));
        let plans = windows.filter_map(|days| ground.between(&days, &storage));
        return plans.take(COLLECT_PLANS_MAX).collect();
    }
    // What lies further back than packets have numbers cannot be had from such a meter.
    let reach = (WINDOW_OCTETS_MAX / storage.day_octets.max(1)).max(1);
    let nearest = today.saturating_sub(reach - 1);
    let first = stretches.iter().map(|days| days.first.max(nearest)).min();
    let until = match stretches.last() {
        Some(days) if days.last < today => days.until,
        _ => None,
    };
    let back = first.map(|first| ground.back_from(today, first, until, &storage));
    back.into_iter().collect()
}

/// Days of the meter's calendar, by their number since 1970.
#[derive(Debug, Clone, Copy)]
struct Days {
    first: u64,
    last: u64,
    until: Option<Timestamp>,
}

/// The days of marks; days that touch become one stretch.
fn days_of(marks: &[Marks], ground: &CollectGround<'_>, oldest: u64, today: u64) -> Vec<Days> {
    let mut sorted = marks.to_vec();
    sorted.sort_by_key(|stretch| stretch.first);
    let mut found: Vec<Days> = Vec::new();
    for stretch in sorted {
        // An interval that ends at midnight belongs to the day before.
        let day = |mark: Timestamp| {
            let within = mark.before(Duration::from_secs(1));
            ground.basis.shown_at(within).day()
        };
        let days = Days {
            first: day(stretch.first).max(oldest),
            last: day(stretch.last).min(today),
            until: Some(stretch.last),
        };
        if days.last < days.first {
            continue;
        }
        match found.last_mut().filter(|last| last.last + 1 >= days.first) {
            Some(last) => {
                last.last = last.last.max(days.last);
                last.until = last.until.max(days.until);
            }
            None => found.push(days),
        }
    }
    found
}

impl CollectGround<'_> {
    fn everything(&self, storage: &Storage, days: u64) -> CollectPlan {
        CollectPlan {
            window: ProfileWindow::All,
            identity: self.profile.window,
            from: None,
            days,
            until: None,
            octets: storage.octets(days),
        }
    }

    fn back_from(
        &self,
        today: u64,
        first: u64,
        until: Option<Timestamp>,
        storage: &Storage,
    ) -> CollectPlan {
        let days = today.saturating_sub(first) + 1;
        let window = u16::try_from(days).map_or(ProfileWindow::All, ProfileWindow::Days);
        CollectPlan {
            window,
            identity: self.profile.window,
            from: Some(midnight(first)),
            days,
            until,
            octets: storage.octets(days),
        }
    }

    /// The days in stretches whose packets can be numbered, with room for what disturbs them.
    fn parts(days: Days, storage: &Storage) -> impl Iterator<Item = Days> + use<> {
        let step = (WINDOW_OCTETS_MAX / storage.day_octets.max(1)).max(1);
        let starts = (days.first..=days.last).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        starts.map(move |first| {
            let last = (first + step - 1).min(days.last);
            let until = days.until.filter(|_| last == days.last);
            Days { first, last, until }
        })
    }

    fn between(&self, days: &Days, storage: &Storage) -> Option<CollectPlan> {
        let (from, to) = (midnight(days.first), midnight(days.last + 1));
        let count = days.last - days.first + 1;
        Some(CollectPlan {
            window: ProfileWindow::Between(from, to),
            identity: self.profile.dates?,
            from: Some(from),
            days: count,
            until: days.until,
            octets: storage.octets(count),
        })
    }

    /// The instant of a midnight of the meter's clock.
    pub fn instant(&self, shown: MeterTime) -> Timestamp {
        match self.basis.instants_of(shown) {
            Instants::Once(at) | Instants::Twice(at, _) | Instants::Never(at) => at,
        }
    }
}

fn midnight(day: u64) -> MeterTime {
    MeterTime::from_seconds(day.saturating_mul(DAY_S))
}
