//! The meter's clock against the gateway's.

use super::memory::Note;
use super::round::{Sitting, StepEnd};
use line::Line;
use metering::EventCode;
use meters::elster::Content;
use meters::flag::VisitFault;

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Measures the clock.
    pub(super) async fn look_at_clock(&mut self) -> Result<StepEnd, VisitFault> {
        let Some(clock) = &self.visit.model().clock else {
            return Ok(StepEnd::Done);
        };
        let Some(row) = self.visit.row(clock.identity) else {
            return Ok(StepEnd::Done);
        };
        let Some(raw) = self.read(row).await? else {
            return Ok(StepEnd::Later);
        };
        let stamp = match self.reader().read(row, &raw.octets) {
            Ok(Content::Clock(stamp)) => stamp,
            Ok(_) => return Ok(StepEnd::Done),
            Err(fault) => {
                let words = format!("its clock is not a time: {fault}");
                if self.is_new_note(Note::Clock, &words) {
                    let event =
                        self.book
                            .event(EventCode::MeterClockInvalid, words, self.desk.clock);
                    self.said.events.push(event);
                }
                return Ok(StepEnd::Done);
            }
        };
        let sent = self.desk.clock.utc_at(self.desk.clock.moment(raw.left_at));
        let came = self
            .desk
            .clock
            .utc_at(self.desk.clock.moment(raw.arrived_at));
        let middle = sent.millis() + came.millis().saturating_sub(sent.millis()) / 2;
        let shown = self.instant(stamp.time);
        let error = shown.millis_since(metering::Timestamp::from_millis(middle));
        self.book.clock_error_ms = Some(error);
        Ok(StepEnd::Done)
    }
}
