//! Intervals that were kept against the registers that were read beside them.

use super::super::round::Sitting;
use line::Line;
use metering::{EventCode, Obis, Timestamp};
use meters::elster::RegisterValue;
use meters::elster::profile::{AdvanceResult, RegisterLook};
use std::time::Duration;

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// The registers were read. Without a look at the clock their intervals cannot be told.
    pub(in super::super) fn look_at_advance(&mut self, at: Timestamp, values: &[RegisterValue]) {
        let Some(error) = self.book.clock_error_ms else {
            return;
        };
        let model = self.visit.model();
        if model.profile.is_none() {
            return;
        }
        let channels = model.measured.iter();
        let channels = channels.filter(|item| item.mask_bit.is_some());
        let channels: Vec<Obis> = channels.map(|item| item.obis).collect();
        let by = Duration::from_millis(error.unsigned_abs());
        let at = if error < 0 {
            at.before(by)
        } else {
            at.after(by)
        };
        let total = |value: &RegisterValue| {
            let obis = value.obis.filter(|obis| channels.contains(obis))?;
            Some((obis, value.quantity?.digits))
        };
        let totals: Vec<_> = values.iter().filter_map(total).collect();
        if totals.is_empty() {
            return;
        }
        self.book.advance.look(RegisterLook { at, totals });
    }

    /// Whether the intervals that were kept add up to what the registers counted. A person is told
    /// once; what is stored stays as it is.
    pub(in super::super) fn judge_advance(&mut self) {
        let Some(unit) = self.register_unit() else {
            return;
        };
        let empty = self.book.known.empty();
        let is_empty = |first: Timestamp, last: Timestamp| {
            empty
                .iter()
                .any(|known| known.first <= first && last <= known.last)
        };
        let Some((verdict, is_news)) = self.book.advance.verdict(unit, is_empty) else {
            return;
        };
        log::debug!(meter:% = self.book.id(), verdict:?; "intervals against registers");
        let finding = verdict.finding(self.visit.model());
        if let Some(message) = finding.message()
            && is_news
        {
            let code = match verdict.result {
                AdvanceResult::OtherCoding { .. } => EventCode::MeterCodingInDoubt,
                _ => EventCode::MeterSumDiffers,
            };
            self.tell(code, message.line());
        }
    }

    /// The last digit of a register in the profile's unit of demand times seconds.
    fn register_unit(&self) -> Option<i128> {
        let model = self.visit.model();
        let places = model.energy_exponent.checked_sub(model.demand_exponent)?;
        let tens = 10_i128.checked_pow(u32::try_from(places).ok()?)?;
        tens.checked_mul(3600)
    }
}
