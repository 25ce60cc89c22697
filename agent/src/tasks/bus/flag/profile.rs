//! The load profile that a meter keeps itself: asked for by need, read in as many sessions as that
//! takes, kept row by row.
//!
//! A window stands as long as a run does: a new session opens it again with the same first day,
//! reads its last packet once more to see that nothing has moved, and goes on behind it.

mod adding_up;
mod keeping;
mod run;

pub(super) use run::ProfileRun;

use super::round::{Round, Sitting, StepEnd};
use crate::tasks::bus::memory::Note;
use crate::tasks::bus::wanted::{CollectWish, Need};
use line::Line;
use metering::{MeterTime, Period, Timestamp};
use meters::catalogue::flag::ProfileModel;
use meters::collection::{CollectGround, Storage, Wanted, plan};
use meters::elster::Content;
use meters::flag::VisitFault;
use std::time::Duration;

/// Channels that are taken for likely where the meter did not say yet.
const LIKELY_CHANNELS: u32 = 4;

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
        let need = self.need();
        let book = &mut *self.book;
        need.by_schedule(&book.known, &mut book.memory).await
    }

    /// What somebody wants of the profile; nothing while the store cannot be asked.
    pub(super) async fn wished(&mut self, wish: CollectWish) -> Option<Wanted> {
        self.need().by_wish(wish, &self.book.known).await
    }

    pub(super) fn need(&self) -> Need {
        Need {
            store: self.desk.store.clone(),
            meter: self.book.settings.id.clone(),
            period: self.period(),
            now: self.desk.clock.now().utc,
            days_max: self.book.flag.collect.days_max,
        }
    }

    /// Whether something that is done now and then is due; notes that it is done.
    pub(super) fn is_due(&mut self, note: Note, every: Duration) -> bool {
        let now = self.desk.clock.now().utc;
        self.book.memory.is_due(note, every, now)
    }

    pub(super) async fn last_row(&self) -> Option<Option<Timestamp>> {
        self.need().last_row().await
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

/// Bits of a mask that are no channels.
fn no_channels(profile: &ProfileModel) -> u16 {
    let daylight = profile.daylight.as_ref().and_then(|place| place.mask_bit);
    let bits = profile.ignored_mask_bits.iter().copied().chain(daylight);
    bits.fold(0, |all, bit| {
        all | 1_u16.checked_shl(u32::from(bit)).unwrap_or(0)
    })
}
