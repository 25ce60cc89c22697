//! Where a profile begins, and where it goes on after a break.

use super::{Begin, Sampled, passed_mark};
use crate::adapters::clock::Clock;
use crate::tasks::bus::place::{Ahead, Place};
use crate::tasks::storekeeper::Record;
use metering::{Flag, Flags, Timestamp};
use meters::profile_maker::{ProfileMaker, ProfileSettings, TotalChannel};
use std::time::Duration;

impl Begin {
    fn flag(self) -> Flag {
        match self {
            Self::Start => Flag::GatewayRestart,
            Self::Change => Flag::ConfigChanged,
        }
    }
}

impl Sampled {
    /// Begins, or begins anew, to make a profile where `place` is; rows for the marks that passed
    /// meanwhile.
    pub(in super::super) fn begin(
        &mut self,
        place: &Place,
        late_after: Duration,
        begin: Begin,
        clock: &Clock,
    ) -> Vec<Record> {
        self.unplaced = None;
        let Some(period) = self.period().filter(|_| !self.totals.is_empty()) else {
            return Vec::new();
        };
        let channels = self.totals.iter().map(|total| TotalChannel {
            obis: total.obis,
            exponent: total.exponent,
            unit: total.unit,
            modulus: total.modulus,
            max_per_interval: self.max_per_interval(total.exponent, period.seconds()),
        });
        let settings = ProfileSettings { late_after };
        let channels: Vec<TotalChannel> = channels.collect();
        let passed = passed_mark(period, clock.now().utc);
        // What is held has come already.
        let held = self.held.first();
        let passed = held.map_or(passed, |held| {
            passed.min(held.mark.before(period.duration()))
        });
        let newest = place.newest.as_ref();
        // Of rows on both sides of now nobody knows which was made last.
        let known = newest.filter(|_| place.astride.is_none());
        let known = known.map(|(row, _)| row);
        let mut maker = ProfileMaker::new(channels.clone(), period, settings, known);
        let is_same = newest.is_some_and(|(_, shape)| *shape == maker.shape());
        if !is_same {
            // Other totals or another period: a new profile begins, after the old one.
            maker = ProfileMaker::new(channels, period, settings, None);
            if let Some((row, _)) = newest {
                maker.continue_after(row.end.max(passed), &[]);
            }
        }
        if let Some(astride) = &place.astride {
            let after = astride.after.filter(|_| is_same);
            maker.continue_after(after.unwrap_or(passed), &astride.ahead.rows);
        }
        let mut flags = Flags::from(begin.flag());
        if place.astride.is_some() {
            maker.clock_stepped();
            flags = flags.with(Flag::TimeSet);
        }
        let rows = if is_same {
            self.told(maker.fill_gap(passed, flags))
        } else {
            Vec::new()
        };
        match begin {
            Begin::Start => maker.restarted(),
            Begin::Change => maker.reconfigured(),
        }
        self.maker = Some(maker);
        self.newest = newest.map(|(row, _)| row.end);
        let ahead = place.astride.as_ref().map(|astride| &astride.ahead);
        self.looked_up_to = ahead.and_then(|ahead| ahead.looked_up_to);
        self.records(&rows, clock)
    }

    /// Where the profile goes on cannot be read now: samples wait until it can.
    pub(in super::super) fn begin_later(&mut self, begin: Begin) {
        self.unplaced = Some(begin);
    }

    /// The gateway's clock was set back: marks that come again keep their rows, and those that
    /// have none are made.
    pub(in super::super) fn continue_after(
        &mut self,
        passed: Timestamp,
        ahead: &Ahead,
        clock: &Clock,
    ) -> Vec<Record> {
        let Some(maker) = &mut self.maker else {
            return Vec::new();
        };
        let gap = maker.fill_gap(passed, Flags::from(Flag::TimeSet));
        maker.continue_after(passed, &ahead.rows);
        self.looked_up_to = ahead.looked_up_to;
        let rows = self.told(gap);
        self.records(&rows, clock)
    }

    /// More rows after now are known.
    pub(in super::super) fn saw_ahead(&mut self, ahead: &Ahead) {
        if let Some(maker) = &mut self.maker {
            maker.has_rows(&ahead.rows);
        }
        self.looked_up_to = ahead.looked_up_to;
    }
}
