//! Values of registers become readings.

use super::session::{PartEnd, Sitting};
use crate::tasks::storekeeper::Record;
use desk::MeterValue;
use line::Line;
use metering::{MeterReadings, Obis, Reading, Timestamp};
use meters::Instants;
use meters::catalogue::dlms::{DlmsRegister, RegisterClass};
use meters::cosem::{CosemTime, RegisterReading};
use meters::dlms::DlmsFault;

/// Registers that are asked for at once.
pub(super) const AT_ONCE: usize = 8;

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Registers that the model reads by default, kept.
    pub(super) async fn keep_registers(&mut self) -> Result<(), DlmsFault> {
        let wanted: Vec<&DlmsRegister> = self.model.default_registers().collect();
        self.read_and_keep(&wanted).await
    }

    /// Values of the moment that the configuration names.
    pub(super) async fn instants(&mut self) -> Result<PartEnd, DlmsFault> {
        let Some(instant) = &self.book.settings.instant else {
            return Ok(PartEnd::Done);
        };
        let named = instant.values.clone();
        let wanted = self.model.registers.iter();
        let wanted: Vec<&DlmsRegister> = wanted
            .filter(|register| named.contains(&register.code()))
            .collect();
        self.read_and_keep(&wanted).await?;
        Ok(PartEnd::Done)
    }

    async fn read_and_keep(&mut self, wanted: &[&DlmsRegister]) -> Result<(), DlmsFault> {
        for some in wanted.chunks(AT_ONCE) {
            self.keep_some(some).await?;
        }
        Ok(())
    }

    /// Some registers, kept; how many of them the meter has.
    pub(super) async fn keep_some(&mut self, some: &[&DlmsRegister]) -> Result<u64, DlmsFault> {
        self.desk.pulse.beat();
        let (readings, taken) = self.read_some(some).await?;
        let mut values = Vec::new();
        let mut count = 0;
        for (register, reading) in some.iter().zip(readings) {
            match reading {
                Ok(reading) => {
                    self.place_reading(register, &reading, &mut values);
                    count += 1;
                }
                // A model names more than each meter has.
                Err(DlmsFault::Refused { .. }) => {}
                Err(fault) => self.book.remark(format!("{}: {fault}", register.name)),
            }
        }
        self.keep_readings(taken, values);
        Ok(count)
    }

    /// Some registers, and when the meter had them.
    async fn read_some(
        &mut self,
        some: &[&DlmsRegister],
    ) -> Result<(Vec<Result<RegisterReading, DlmsFault>>, Timestamp), DlmsFault> {
        let begun = tokio::time::Instant::now();
        let readings = self.visit.registers(some, &mut self.book.scalers).await?;
        let middle = begun + begun.elapsed() / 2;
        let taken = self.desk.clock.utc_at(self.desk.clock.moment(middle));
        Ok((readings, taken))
    }

    /// A maximum goes where it happened; the rest is of now.
    fn place_reading(
        &mut self,
        register: &DlmsRegister,
        reading: &RegisterReading,
        values: &mut Vec<Reading>,
    ) {
        let value = Reading {
            obis: reading.obis,
            quantity: reading.quantity,
        };
        let at = reading
            .at
            .filter(|_| register.class == RegisterClass::Extended);
        match at {
            Some(at) => {
                let at = self.instant(at);
                self.keep_readings(at, vec![value]);
            }
            None => values.push(value),
        }
    }

    pub(super) fn keep_readings(&mut self, at: Timestamp, values: Vec<Reading>) {
        if values.is_empty() {
            return;
        }
        self.said.records.push(Record::Readings(MeterReadings {
            meter: self.book.settings.id.clone(),
            taken_at: at,
            clock: self.desk.clock.now().quality,
            values,
        }));
    }

    /// When the meter's clock showed a time; of an hour that came twice, the first.
    pub(super) fn instant(&self, shown: CosemTime) -> Timestamp {
        let basis = &self.book.dlms.clock.basis;
        match shown.instants(basis, self.model.clock.deviation) {
            Instants::Once(at) | Instants::Never(at) | Instants::Twice(at, _) => at,
        }
    }

    /// Registers for a person: all of the model, or those that the configuration names.
    pub(super) async fn show_registers(
        &mut self,
        only: Option<&[Obis]>,
    ) -> Result<Vec<MeterValue>, DlmsFault> {
        let wanted = self.model.registers.iter();
        let wanted: Vec<&DlmsRegister> = wanted
            .filter(|register| only.is_none_or(|only| only.contains(&register.code())))
            .collect();
        let mut values = Vec::new();
        for some in wanted.chunks(AT_ONCE) {
            self.desk.pulse.beat();
            let (readings, _) = self.read_some(some).await?;
            let shown = some.iter().zip(readings);
            values.extend(shown.filter_map(|(register, reading)| shown_value(register, reading)));
        }
        Ok(values)
    }
}

/// A register that the meter has not is left out: a model names more than each meter has.
fn shown_value(
    register: &DlmsRegister,
    reading: Result<RegisterReading, DlmsFault>,
) -> Option<MeterValue> {
    let place = format!("{} class {}", register.name, register.class.number());
    let code = register.code();
    let name = code.words().unwrap_or_default();
    let value = |value: String, raw: String, remark: String| MeterValue {
        group: "registers".to_owned(),
        obis: code.to_string(),
        name,
        value,
        raw,
        place,
        remark,
    };
    match reading {
        Ok(reading) => {
            let at = reading.at.map(|at| format!("of {}", at.shown));
            let shown = match reading.quantity {
                Some(quantity) => quantity.to_string(),
                None => format!("{} (unit code {})", reading.text, reading.unit_code),
            };
            Some(value(shown, reading.text, at.unwrap_or_default()))
        }
        Err(DlmsFault::Refused { .. }) => None,
        Err(fault) => Some(value(
            "not understood".to_owned(),
            String::new(),
            fault.to_string(),
        )),
    }
}
