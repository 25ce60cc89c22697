//! Where each profile goes on: after its last interval, or, where the clock was set back, between
//! the intervals that are there already.

use super::Bus;
use super::book::Said;
use super::sampled::{Begin, Sampled, passed_mark};
use crate::front::GATEWAY_PROFILE;
use crate::limits::LOOK_AHEAD_MARKS;
use crate::state::StateKey;
use crate::tasks::storekeeper::{Ask, Look, Record, StoreGone, Urgency};
use metering::{MeterId, Period, ProfileShape, Row, Timestamp};
use meters::profile_maker::ProfileMaker;
use std::time::Duration;

/// What the store holds of a profile.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The interval that ends last.
    pub(super) newest: Option<(Row, ProfileShape)>,
    /// What lies on both sides of now, where the clock was set back.
    pub(super) astride: Option<Astride>,
}

/// Intervals on both sides of now.
#[derive(Debug)]
pub(super) struct Astride {
    /// From here on marks without a row are accounted for; `None` if there is no row before now.
    pub(super) after: Option<Timestamp>,
    /// The rows after it.
    pub(super) ahead: Ahead,
}

/// Ends of intervals that are there already.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) rows: Vec<Timestamp>,
    /// Beyond this there may be more.
    pub(super) looked_up_to: Option<Timestamp>,
}

impl Bus {
    /// The profile of a meter goes on after its last stored interval.
    pub(super) async fn begin_profile(&self, sampled: &mut Sampled, begin: Begin) {
        let Some(period) = sampled.period() else {
            return;
        };
        let place = match self.place(sampled, period).await {
            Ok(place) => place,
            Err(error) => {
                if sampled.unplaced.is_none() {
                    log::error!(error:%; "the last interval cannot be read; what is sampled waits");
                }
                sampled.begin_later(begin);
                return;
            }
        };
        let late_after = self.parts.settings.late_after;
        let records = sampled.begin(&place, late_after, begin, &self.parts.clock);
        self.keep_around(sampled, records).await;
    }

    async fn place(&self, sampled: &mut Sampled, period: Period) -> Result<Place, StoreGone> {
        let (meter, profile) = (sampled.meter().clone(), GATEWAY_PROFILE);
        let (kind, id) = StateKey::ProfileBehind(meter.clone()).key();
        let ask = |reply| Look::State { kind, id, reply };
        let noted = self.parts.store.ask(ask).await?;
        sampled.is_noted_behind = noted.is_some_and(|noted| !noted.is_empty());
        let ask = |reply| Look::LastRow {
            meter,
            profile,
            reply,
        };
        let newest = self.parts.store.ask(ask).await?;
        let now = self.parts.clock.now().utc;
        let mut astride = None;
        if let Some((row, _)) = &newest
            && (sampled.is_noted_behind || row.end > period.mark_after(now))
        {
            let passed = passed_mark(period, now);
            astride = Some(
                self.astride(sampled.meter(), period, passed, row.end)
                    .await?,
            );
        }
        Ok(Place { newest, astride })
    }

    async fn astride(
        &self,
        meter: &MeterId,
        period: Period,
        passed: Timestamp,
        newest: Timestamp,
    ) -> Result<Astride, StoreGone> {
        let from = passed.before(ProfileMaker::reach(period));
        let ask = |reply| Look::LastRowUpTo {
            meter: meter.clone(),
            profile: GATEWAY_PROFILE,
            to: from,
            reply,
        };
        let before = self.parts.store.ask(ask).await?;
        let ahead = self.rows(meter, period, (from, passed), newest).await?;
        let first = ahead.rows.first().filter(|first| **first <= passed);
        let after = before.map(|row| row.end).or(first.copied());
        Ok(Astride { after, ahead })
    }

    /// The ends of the rows after `from`, up to some time after `passed`.
    async fn rows(
        &self,
        meter: &MeterId,
        period: Period,
        (from, passed): (Timestamp, Timestamp),
        newest: Timestamp,
    ) -> Result<Ahead, StoreGone> {
        let to = passed.after(look_ahead(period));
        let mut rows: Vec<Timestamp> = Vec::new();
        loop {
            let ask = |reply| Look::Profile {
                meter: meter.clone(),
                profile: GATEWAY_PROFILE,
                from: rows.last().copied().unwrap_or(from),
                to,
                reply,
            };
            let found = self.parts.store.ask(ask).await?;
            let blocks = found.blocks.iter().flat_map(|block| &block.rows);
            rows.extend(blocks.map(|row| row.end));
            if !found.more {
                break;
            }
        }
        let looked_up_to = (newest > to).then_some(to);
        Ok(Ahead { rows, looked_up_to })
    }

    /// After the clock was set back: marks that come again keep their rows, and marks that have
    /// none are made.
    pub(super) async fn continue_before_now(&mut self) {
        let now = self.parts.clock.now().utc;
        let mut books = std::mem::take(&mut self.books);
        let mut flags = std::mem::take(&mut self.flags);
        let polled = books.iter_mut().map(|book| &mut book.sampled);
        let read = flags.iter_mut().map(|book| &mut book.sampled);
        for sampled in polled.chain(read) {
            let Some(period) = sampled.period() else {
                continue;
            };
            let newest = sampled.newest();
            let Some(newest) = newest.filter(|newest| *newest > period.mark_after(now)) else {
                continue;
            };
            let passed = passed_mark(period, now);
            let found = self
                .rows(sampled.meter(), period, (passed, passed), newest)
                .await;
            match found {
                Ok(ahead) => {
                    let records = sampled.continue_after(passed, &ahead, &self.parts.clock);
                    self.keep_around(sampled, records).await;
                }
                Err(error) => log::error!(error:%; "intervals around now cannot be read"),
            }
        }
        self.books = books;
        self.flags = flags;
    }

    /// Learns of rows ahead before their marks come, and where profiles go on that could not begin.
    pub(super) async fn look_ahead(&mut self) {
        let now = self.parts.clock.now().utc;
        let mut books = std::mem::take(&mut self.books);
        let mut flags = std::mem::take(&mut self.flags);
        let mut said = Vec::new();
        let polled = books.iter_mut();
        let polled = polled.map(|book| (book.trust(), &mut book.sampled));
        let read = flags.iter_mut();
        let read = read.map(|book| (book.trust(), &mut book.sampled));
        for (trust, sampled) in polled.chain(read) {
            let Some(period) = sampled.period() else {
                continue;
            };
            if let Some(begin) = sampled.unplaced {
                self.begin_profile(sampled, begin).await;
                if sampled.unplaced.is_none() {
                    let rows = sampled.hear_held(trust, &self.parts.clock);
                    said.push((sampled.meter().clone(), Said::from(rows)));
                }
            }
            let passed = passed_mark(period, now);
            let soon = passed.after(look_ahead(period) / 2);
            let looked = sampled.looked_up_to().zip(sampled.newest());
            if let Some((looked, newest)) = looked.filter(|(looked, _)| *looked < soon) {
                let from = looked.max(passed.before(ProfileMaker::reach(period)));
                match self
                    .rows(sampled.meter(), period, (from, passed), newest)
                    .await
                {
                    Ok(ahead) => sampled.saw_ahead(&ahead),
                    Err(error) => log::error!(error:%; "intervals ahead cannot be read"),
                }
            }
            self.note_behind(sampled).await;
        }
        self.books = books;
        self.flags = flags;
        for (meter, said) in said {
            self.do_what(&meter, said, self.now()).await;
        }
    }

    /// The note comes before the first row that lies before others, and goes after the last.
    async fn keep_around(&self, sampled: &mut Sampled, records: Vec<Record>) {
        if sampled.is_behind() {
            self.note_behind(sampled).await;
        }
        self.parts.store.keep(records, Urgency::Soon).await;
        self.note_behind(sampled).await;
    }

    /// After a restart nothing but this note tells that marks between stored rows have none.
    async fn note_behind(&self, sampled: &mut Sampled) {
        if sampled.is_behind() == sampled.is_noted_behind {
            return;
        }
        let meter = sampled.meter().clone();
        let (kind, id) = StateKey::ProfileBehind(meter.clone()).key();
        if sampled.is_noted_behind {
            // Asking makes durable what was made: the note must not go before the rows are there.
            let profile = GATEWAY_PROFILE;
            let ask = |reply| Look::LastRow {
                meter,
                profile,
                reply,
            };
            if self.parts.store.ask(ask).await.is_err() {
                return;
            }
        }
        let value = Vec::from_iter(sampled.is_behind().then_some(1));
        let ask = |reply| Ask::SetState {
            kind,
            id,
            value,
            reply,
        };
        match self.parts.store.ask(ask).await {
            Ok(()) => sampled.is_noted_behind = sampled.is_behind(),
            Err(error) => log::debug!(error:%; "that the clock was set back is noted later"),
        }
    }
}

fn look_ahead(period: Period) -> Duration {
    period.duration() * LOOK_AHEAD_MARKS
}
