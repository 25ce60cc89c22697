//! Values of the moment, and totals sampled for a profile that the gateway makes.

use super::round::{Sitting, StepEnd};
use crate::tasks::bus::sampled::{Rows, Sample};
use line::Line;
use metering::{Moment, Reading, Timestamp};
use meters::catalogue::flag::FlagIdentity;
use meters::elster::{Content, InstantRequest, Selected};
use meters::flag::VisitFault;
use meters::planner::Why;
use meters::profile_maker::SampledTotal;

/// Packets that one request of values of the moment takes at least: it is written, looked at and
/// fetched.
pub(super) const INSTANT_PACKETS: u16 = 4;

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// The values that the configuration wants.
    pub(super) async fn instants(&mut self) -> Result<StepEnd, VisitFault> {
        let Some(wanted) = self.book.settings.instant.clone() else {
            return Ok(StepEnd::Done);
        };
        let Some(model) = &self.visit.model().instant else {
            return Ok(StepEnd::Done);
        };
        let requests = InstantRequest::of_codes(model, &wanted.values);
        self.see_clock().await?;
        while let Some(request) = requests.get(self.book.next_instant) {
            if !self.has_room(INSTANT_PACKETS) {
                return Ok(StepEnd::Later);
            }
            self.desk.pulse.beat();
            let Some(answers) = self.visit.instants(request).await? else {
                return Ok(StepEnd::Later);
            };
            self.book.next_instant += 1;
            let at = self.desk.clock.moment(answers.taken_at);
            let values = answers.values.iter().filter_map(|value| {
                let quantity = match value.selected {
                    Selected::Value(quantity) => Some(quantity),
                    Selected::Order(_) => return None,
                    Selected::Overflow | Selected::Absent | Selected::NoNumber => None,
                };
                let obis = value.obis?;
                Some(Reading { obis, quantity })
            });
            let values = values.collect();
            self.keep_readings(self.desk.clock.utc_at(at), values);
        }
        self.book.next_instant = 0;
        Ok(StepEnd::Done)
    }

    /// The totals of a meter that keeps no profile, at an interval's end. What is hard to believe is
    /// read twice in the same session.
    pub(super) async fn sample(&mut self, mark: Option<Timestamp>) -> Result<StepEnd, VisitFault> {
        let Some(mark) = mark else {
            return Ok(StepEnd::Done);
        };
        for _ in 0..2 {
            let sample = self.sample_once(mark).await?;
            let mut rows = Rows::default();
            let trust = self.book.trust();
            self.book
                .sampled
                .hear(sample, trust, self.desk.clock, &mut rows);
            let again = !rows.read_again.is_empty();
            self.said.take(rows);
            if !again {
                return Ok(StepEnd::Done);
            }
        }
        let rows = self.book.sampled.cannot_read_again(mark, self.desk.clock);
        self.said.records.extend(rows);
        Ok(StepEnd::Done)
    }

    async fn sample_once(&mut self, mark: Timestamp) -> Result<Sample, VisitFault> {
        let model = self.visit.model();
        let wanted = self.book.settings.profile.clone();
        let wanted = wanted.map(|profile| profile.totals).unwrap_or_default();
        let rows: Vec<&FlagIdentity> = model
            .identities_of(&self.visit.variant().id)
            .filter(|row| Self::is_of_totals(&row.layout))
            .collect();
        let mut found = Vec::new();
        let mut latest: Option<Moment> = None;
        for row in rows {
            let Some(raw) = self.read(row).await? else {
                continue;
            };
            let taken = self.desk.clock.moment(raw.taken_at());
            latest = latest.max(Some(taken));
            if let Ok(Content::Registers(values)) = self.reader().read(row, &raw.octets) {
                found.extend(values);
            }
        }
        let total = |obis: &metering::Obis| {
            let value = found.iter().find(|value| value.obis == Some(*obis))?;
            let quantity = value.quantity?;
            Some(SampledTotal {
                digits: quantity.digits,
                exponent: quantity.exponent,
                is_coarse: false,
            })
        };
        let totals: Vec<Option<SampledTotal>> = wanted.iter().map(total).collect();
        let failed = totals.iter().filter(|total| total.is_none());
        let failed = failed.map(|_| Why::NotReadable);
        let clock = self.desk.clock;
        Ok(match latest {
            Some(taken) => Sample::new(mark, totals.clone(), taken, failed, clock),
            None => Sample::missing(mark, std::iter::once(Why::Late), clock),
        })
    }
}
