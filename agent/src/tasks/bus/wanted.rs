//! What is wanted of a load profile that a meter keeps itself, by what is stored of it.

use super::known::Known;
use super::memory::{Memory, Note};
use crate::front::GATEWAY_PROFILE;
use crate::limits::{GAP_LOOK_EVERY, OVERLAP_EVERY, PROFILE_ENDS_MAX};
use crate::tasks::storekeeper::{Look, StoreHandle};
use metering::{MeterId, Period, Timestamp};
use meters::collection::{Marks, Wanted, missing_marks};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// What of a profile somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CollectWish {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    /// Also what the store holds already.
    pub(super) again: bool,
}

/// Whose profile it is, and how far back it matters.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) store: StoreHandle,
    pub(super) meter: MeterId,
    pub(super) period: Period,
    pub(super) now: Timestamp,
    pub(super) days_max: u16,
}

impl Need {
    /// What the schedule wants of the profile now; nothing while the store cannot be asked.
    pub(super) async fn by_schedule(&self, known: &Known, memory: &mut Memory) -> Option<Wanted> {
        let now = self.now;
        let first_day = self.first_wanted();
        let Some(last) = self.last_row().await? else {
            return Some(Wanted::Only(vec![Marks {
                first: first_day,
                last: now,
            }]));
        };
        let period = self.period.duration();
        if memory.is_due(Note::GapLook, GAP_LOOK_EVERY, now) {
            let within = Marks {
                first: first_day.max(known.begins().unwrap_or(first_day)),
                last,
            };
            let mut missing = self.missing(within, known).await?;
            if !missing.is_empty() {
                missing.push(Marks {
                    first: last.after(period),
                    last: now,
                });
                return Some(Wanted::Only(missing));
            }
        }
        if memory.is_due(Note::Overlap, OVERLAP_EVERY, now) {
            return Some(Wanted::Since(Some(last.max(first_day))));
        }
        Some(Wanted::Only(vec![Marks {
            first: last.after(period),
            last: now,
        }]))
    }

    /// What somebody wants of the profile; nothing while the store cannot be asked.
    pub(super) async fn by_wish(&self, wish: CollectWish, known: &Known) -> Option<Wanted> {
        let within = Marks {
            first: wish.from.unwrap_or_else(|| self.first_wanted()),
            last: wish.to.unwrap_or(self.now).min(self.now),
        };
        if wish.again {
            return Some(Wanted::Only(vec![within]));
        }
        Some(Wanted::Only(self.missing(within, known).await?))
    }

    /// The first mark that the configuration wants. How far back a meter holds it, it says itself.
    fn first_wanted(&self) -> Timestamp {
        let days = u32::from(self.days_max);
        self.period.mark_after(self.now.before(DAY * days))
    }

    /// Marks that are not stored, and that the meter is not known to lack.
    pub(super) async fn missing(&self, within: Marks, known: &Known) -> Option<Vec<Marks>> {
        let period = self.period;
        let mut ends: Vec<Timestamp> = Vec::new();
        let mut from = within.first.before(period.duration());
        loop {
            let ask = |reply| Look::Profile {
                meter: self.meter.clone(),
                profile: GATEWAY_PROFILE,
                from,
                to: within.last,
                reply,
            };
            let found = self.store.ask(ask).await.ok()?;
            let mut newest = None;
            for block in &found.blocks {
                let rows = &block.rows;
                newest = newest.max(rows.last().map(|row| row.end));
                let covered = rows
                    .iter()
                    .map(|row| marks_of(row.end, block.shape.period, period));
                ends.extend(covered.flatten());
            }
            match newest {
                Some(newest) if found.more && ends.len() < PROFILE_ENDS_MAX => from = newest,
                _ => break,
            }
        }
        let within = Marks {
            first: period.mark_at_or_before(within.first),
            last: period.mark_at_or_before(within.last),
        };
        let missing = missing_marks(ends, known.empty(), within, period);
        Some(missing.stretches)
    }

    /// The end of the newest interval that is stored.
    pub(super) async fn last_row(&self) -> Option<Option<Timestamp>> {
        let ask = |reply| Look::LastRow {
            meter: self.meter.clone(),
            profile: GATEWAY_PROFILE,
            reply,
        };
        let found = self.store.ask(ask).await.ok()?;
        Some(found.map(|(row, _)| row.end))
    }

    /// The end of the newest interval that ends then or before.
    pub(super) async fn last_row_up_to(&self, to: Timestamp) -> Option<Option<Timestamp>> {
        let ask = |reply| Look::LastRowUpTo {
            meter: self.meter.clone(),
            profile: GATEWAY_PROFILE,
            to,
            reply,
        };
        let found = self.store.ask(ask).await.ok()?;
        Some(found.map(|row| row.end))
    }
}

/// The marks of a period that an interval of another one covers.
fn marks_of(end: Timestamp, own: Period, period: Period) -> impl Iterator<Item = Timestamp> {
    let count = (own.seconds() / period.seconds()).max(1);
    (0..count)
        .rev()
        .map(move |back| end.before(period.duration() * back))
}
