//! Values of the moment for a person.

use super::super::instants::INSTANT_PACKETS;
use super::super::round::Sitting;
use super::Slice;
use crate::hex::hex;
use desk::{MeterValue, Outcome, Progress};
use line::Line;
use metering::Obis;
use meters::catalogue::flag::InstantModel;
use meters::elster::{InstantReading, InstantRequest, Selected};
use meters::flag::VisitFault;

/// Values that are asked for one request after the other.
#[derive(Debug, Default)]
pub(in super::super) struct Moments {
    next: usize,
    values: Vec<MeterValue>,
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    pub(super) async fn moments(
        &mut self,
        moments: &mut Moments,
        progress: &mut Progress,
    ) -> Result<Slice, VisitFault> {
        let unknown = VisitFault::Unknown("values of the moment");
        let model = self.visit.model().instant.as_ref().ok_or(unknown)?;
        let wanted: Vec<Obis> = if let Some(instant) = &self.book.settings.instant {
            instant.values.clone()
        } else {
            let usual = model.values.iter().filter(|value| value.default);
            usual.map(|value| value.obis).collect()
        };
        let requests = InstantRequest::of_codes(model, &wanted);
        progress.total = u64::try_from(requests.len()).unwrap_or(0);
        while let Some(request) = requests.get(moments.next) {
            progress.done = u64::try_from(moments.next).unwrap_or(0);
            "values of the moment".clone_into(&mut progress.words);
            self.desk.report(progress);
            if !self.has_room(INSTANT_PACKETS) {
                return Ok(Slice::More);
            }
            self.desk.pulse.beat();
            let Some(answers) = self.visit.instants(request).await? else {
                return Ok(Slice::More);
            };
            let shown = answers.values.iter().map(|value| shown(model, value));
            moments.values.extend(shown);
            moments.next += 1;
        }
        let values = std::mem::take(&mut moments.values);
        Ok(Slice::Done(Outcome::Values(values)))
    }
}

fn shown(model: &InstantModel, value: &InstantReading) -> MeterValue {
    let told = match value.selected {
        Selected::Value(quantity) => quantity.to_string(),
        Selected::Order(order) => format!("{order:?}").to_lowercase(),
        Selected::Overflow => "overflow".to_owned(),
        Selected::Absent => "not available".to_owned(),
        Selected::NoNumber => "no number".to_owned(),
    };
    MeterValue {
        group: "values of the moment".to_owned(),
        obis: value.obis.map(|obis| obis.to_string()).unwrap_or_default(),
        name: value.obis.and_then(Obis::words).unwrap_or_default(),
        value: told,
        raw: hex(&value.raw),
        place: format!("{} selector {:02X}", model.result, value.selector),
        remark: String::new(),
    }
}
