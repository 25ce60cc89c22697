//! The load profile that a meter keeps itself: asked for by need, read in as many sessions as that
//! takes, kept row by row.
//!
//! A window stands as long as a run does: a new session opens it again with the same first day,
//! reads its last packet once more to see that nothing has moved, and goes on behind it.

mod adding_up;
mod keeping;
mod known;
mod run;

pub(super) use known::Known;
pub(super) use run::ProfileRun;

use super::memory::Note;
use super::round::{Round, Sitting, StepEnd};
use crate::front::GATEWAY_PROFILE;
use crate::limits::{GAP_LOOK_EVERY, OVERLAP_EVERY, PROFILE_ENDS_MAX};
use crate::tasks::storekeeper::Look;
use line::Line;
use metering::{MeterTime, Period, Timestamp};
use meters::catalogue::flag::ProfileModel;
use meters::collection::{CollectGround, Marks, Storage, Wanted, missing_marks, plan};
use meters::elster::Content;
use meters::flag::VisitFault;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// Channels that are taken for likely where the meter did not say yet.
const LIKELY_CHANNELS: u32 = 4;

/// What of a profile somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct CollectWish {
    pub(in super::super) from: Option<Timestamp>,
    pub(in super::super) to: Option<Timestamp>,
    /// Also what the store holds already.
    pub(in super::super) again: bool,
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// The profile's part of a round.
    pub(super) async fn profile(&mut self, round: &mut Round) -> Result<StepEnd, VisitFault> {
        if round.profile.is_none() {
            let Some(wanted) = self.wanted().await else {
                return Ok(StepEnd::Later);
            };
            round.profile = Some(self.new_run(&wanted));
        }
        let Some(run) = &mut round.profile else {
            return Ok(StepEnd::Done);
        };
        let end = self.run_profile(run).await?;
        if end == StepEnd::Done {
            self.book.brought.days = run.days();
            round.profile = None;
        }
        Ok(end)
    }

    /// What the schedule wants of the profile now; nothing while the store cannot be asked.
    async fn wanted(&mut self) -> Option<Wanted> {
        let now = self.desk.clock.now().utc;
        let first_day = self.first_wanted(now);
        let Some(last) = self.last_row().await? else {
            return Some(Wanted::Only(vec![Marks {
                first: first_day,
                last: now,
            }]));
        };
        let period = self.period().duration();
        if self.is_due(Note::GapLook, GAP_LOOK_EVERY) {
            let within = Marks {
                first: first_day.max(self.book.known.begins().unwrap_or(first_day)),
                last,
            };
            let mut missing = self.missing(within).await?;
            if !missing.is_empty() {
                missing.push(Marks {
                    first: last.after(period),
                    last: now,
                });
                return Some(Wanted::Only(missing));
            }
        }
        if self.is_due(Note::Overlap, OVERLAP_EVERY) {
            return Some(Wanted::Since(Some(last.max(first_day))));
        }
        Some(Wanted::Only(vec![Marks {
            first: last.after(period),
            last: now,
        }]))
    }

    /// What somebody wants of the profile; nothing while the store cannot be asked.
    pub(super) async fn wished(&mut self, wish: CollectWish) -> Option<Wanted> {
        let now = self.desk.clock.now().utc;
        let within = Marks {
            first: wish.from.unwrap_or_else(|| self.first_wanted(now)),
            last: wish.to.unwrap_or(now).min(now),
        };
        if wish.again {
            return Some(Wanted::Only(vec![within]));
        }
        Some(Wanted::Only(self.missing(within).await?))
    }

    /// The first mark that the configuration wants. How far back a meter holds it, it says itself.
    fn first_wanted(&self, now: Timestamp) -> Timestamp {
        let days = u32::from(self.book.flag.collect.days_max);
        self.period().mark_after(now.before(DAY * days))
    }

    /// Whether something that is done now and then is due; notes that it is done.
    pub(super) fn is_due(&mut self, note: Note, every: Duration) -> bool {
        let now = self.desk.clock.now().utc;
        let done = self.book.memory.number(note).map(Timestamp::from_millis);
        let is_fresh = done.is_some_and(|done| done <= now && now < done.after(every));
        if !is_fresh {
            self.book.memory.set_number(note, now.millis());
        }
        !is_fresh
    }

    /// Marks that are not stored, and that the meter is not known to lack.
    async fn missing(&self, within: Marks) -> Option<Vec<Marks>> {
        let period = self.period();
        let mut ends: Vec<Timestamp> = Vec::new();
        let mut from = within.first.before(period.duration());
        loop {
            let ask = |reply| Look::Profile {
                meter: self.book.settings.id.clone(),
                profile: GATEWAY_PROFILE,
                from,
                to: within.last,
                reply,
            };
            let found = self.desk.store.ask(ask).await.ok()?;
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
        let missing = missing_marks(ends, self.book.known.empty(), within, period);
        Some(missing.stretches)
    }

    pub(super) async fn last_row(&self) -> Option<Option<Timestamp>> {
        let ask = |reply| Look::LastRow {
            meter: self.book.settings.id.clone(),
            profile: GATEWAY_PROFILE,
            reply,
        };
        let found = self.desk.store.ask(ask).await.ok()?;
        Some(found.map(|(row, _)| row.end))
    }

    pub(super) fn new_run(&self, wanted: &Wanted) -> ProfileRun {
        let Some(profile) = &self.visit.model().profile else {
            return ProfileRun::default();
        };
        let ground = CollectGround {
            profile,
            basis: &self.book.flag.clock.basis,
            shown_now: self.shown_now(),
            channels: self.channels(),
            period: self.period(),
        };
        ProfileRun::new(plan(wanted, &ground))
    }

    /// What the meter's clock shows now, as far as it was measured.
    pub(super) fn shown_now(&self) -> MeterTime {
        let now = self.desk.clock.now().utc;
        let error = self.book.clock_error_ms.unwrap_or(0);
        let by = Duration::from_millis(error.unsigned_abs());
        let theirs = if error < 0 {
            now.before(by)
        } else {
            now.after(by)
        };
        self.book.flag.clock.basis.shown_at(theirs)
    }

    pub(super) fn storage(&self) -> Option<Storage> {
        let profile = self.visit.model().profile.as_ref()?;
        Some(Storage::of(profile, self.channels(), self.period()))
    }

    /// How many channels the profile has, as its mask said last.
    fn channels(&self) -> usize {
        let profile = self.visit.model().profile.as_ref();
        let mask = profile.and_then(|profile| {
            let octets = self.book.memory.identity(profile.mask?)?;
            let mask = octets.first_chunk().map(|mask| u16::from_be_bytes(*mask))?;
            Some((mask & !no_channels(profile)).count_ones())
        });
        let count = mask.unwrap_or(LIKELY_CHANNELS).max(1);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// The profile's period, as the meter said it last.
    pub(super) fn period(&self) -> Period {
        let said = || {
            let profile = self.visit.model().profile.as_ref()?;
            let row = self.visit.row(profile.period?)?;
            let octets = self.book.memory.identity(row.number)?;
            let Ok(Content::Periods(periods)) = self.reader().read(row, octets) else {
                return None;
            };
            Period::from_seconds(u32::from(periods.profile?) * 60).ok()
        };
        said()
            .or(self.book.known.period())
            .unwrap_or(Period::HALF_HOUR)
    }
}

/// The marks of a period that an interval of another one covers.
fn marks_of(end: Timestamp, own: Period, period: Period) -> impl Iterator<Item = Timestamp> {
    let count = (own.seconds() / period.seconds()).max(1);
    (0..count)
        .rev()
        .map(move |back| end.before(period.duration() * back))
}

/// Bits of a mask that are no channels.
fn no_channels(profile: &ProfileModel) -> u16 {
    let daylight = profile.daylight.as_ref().and_then(|place| place.mask_bit);
    let bits = profile.ignored_mask_bits.iter().copied().chain(daylight);
    bits.fold(0, |all, bit| {
        all | 1_u16.checked_shl(u32::from(bit)).unwrap_or(0)
    })
}
