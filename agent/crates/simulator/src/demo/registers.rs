//! Judges registers of meters that keep their load profiles themselves, as the broker hands them to the head-end.

use std::collections::BTreeMap;

use head_end::{Body, Message};
use metering::{MeterReadings, Timestamp};
use simulator::broker::Overheard;
use tokio::sync::mpsc;

use super::keeper::Keeper;
use super::limits::WRONG_KEPT_MAX;
use super::outcome::Outcome;

/// Where they go.
pub(crate) const TOPICS: &str = "gw/v1/+/up/tm";

/// Hears them and compares them.
#[derive(Debug)]
pub(crate) struct Registers {
    heard: mpsc::Receiver<Overheard>,
    /// Values compared with what the meter held, by meter.
    compared: BTreeMap<&'static str, u64>,
    /// Values that the meter did not hold.
    wrong: Vec<String>,
    /// Messages that could not be read.
    unread: u64,
}

impl Registers {
    /// Judges what is heard from now on.
    pub(crate) const fn new(heard: mpsc::Receiver<Overheard>) -> Self {
        Self {
            heard,
            compared: BTreeMap::new(),
            wrong: Vec::new(),
            unread: 0,
        }
    }

    /// Takes what came since the last look. `shown` is a time of the gateway by a meter's clock.
    pub(crate) fn follow(
        &mut self,
        keepers: &[&dyn Keeper],
        shown: impl Fn(&dyn Keeper, Timestamp) -> Timestamp,
    ) {
        while let Ok(heard) = self.heard.try_recv() {
            let body = Message::decode(&heard.payload).and_then(|message| message.open());
            let Ok(Body::Readings(readings)) = body else {
                self.unread += 1;
                continue;
            };
            for reading in &readings {
                let mut keepers = keepers.iter().copied();
                let keeper = keepers.find(|keeper| keeper.id() == reading.meter.as_str());
                if let Some(keeper) = keeper {
                    self.judge(keeper, reading, &shown);
                }
            }
        }
    }

    /// Says what came of it.
    pub(crate) fn tell(&self, outcome: &mut Outcome) {
        for meter in &mut outcome.own {
            meter.registers = self.compared_of(meter.meter);
        }
        outcome.refused += self.unread;
        outcome.verdict.wrong.extend(self.wrong.iter().cloned());
    }

    /// Values compared with what a meter held.
    pub(crate) fn compared_of(&self, meter: &str) -> u64 {
        self.compared.get(meter).copied().unwrap_or_default()
    }

    /// The same of all meters.
    pub(crate) fn compared(&self) -> u64 {
        self.compared.values().sum()
    }

    fn judge(
        &mut self,
        keeper: &dyn Keeper,
        readings: &MeterReadings,
        shown: &impl Fn(&dyn Keeper, Timestamp) -> Timestamp,
    ) {
        for reading in &readings.values {
            let Some(quantity) = reading.quantity else {
                continue;
            };
            let (obis, at) = (reading.obis, readings.taken_at);
            // A maximum stands under the time at which the meter says it was; all else under ours.
            let [_, _, _, kind, ..] = obis.groups();
            let at_meter = if kind == 6 { at } else { shown(keeper, at) };
            let Some(is_right) = keeper.showed(obis, quantity, at_meter) else {
                continue;
            };
            *self.compared.entry(keeper.id()).or_default() += 1;
            if !is_right && self.wrong.len() < WRONG_KEPT_MAX {
                let meter = keeper.id();
                let words = format!(
                    "{meter} {at}: register {obis} came as {quantity}, which the meter did not show"
                );
                self.wrong.push(words);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use metering::{ClockQuality, Obis, Quantity, Reading, Unit};
    use simulator::wire::{Wire, WireSettings};

    use super::super::{dlms, elster};
    use super::*;

    const BEGAN: Timestamp = Timestamp::from_seconds(1_795_428_000);

    fn telemetry(meter: &str, digits: i64) -> Overheard {
        let obis: Obis = "1-0:1.8.0".parse().unwrap();
        let quantity = Quantity {
            digits,
            exponent: -3,
            unit: Unit::WattHour,
        };
        let readings = MeterReadings {
            meter: meter.parse().unwrap(),
            taken_at: BEGAN,
            clock: ClockQuality::Synchronised,
            values: vec![Reading {
                obis,
                quantity: Some(quantity),
            }],
        };
        let body = Body::Readings(vec![readings]);
        let message = Message::new([1; 8], 1, BEGAN, ClockQuality::Synchronised, &body).unwrap();
        Overheard {
            topic: "gw/v1/pmu-demo/up/tm".to_owned(),
            payload: message.encode().unwrap(),
        }
    }

    /// What is found in messages: compared, wrong, not read.
    fn found(messages: Vec<Overheard>) -> (u64, usize, u64) {
        let wire = Wire::new(WireSettings::serial(9600, 10), 1);
        let elsters = elster::seat(&wire, BEGAN, 1).unwrap();
        let dlms = dlms::seat(&wire, BEGAN, 1).unwrap();
        let keepers: [&dyn Keeper; 4] = [&elsters[0], &elsters[1], &dlms[0], &dlms[1]];
        let (sender, heard) = mpsc::channel(8);
        for message in messages {
            sender.try_send(message).unwrap();
        }
        let mut registers = Registers::new(heard);
        registers.follow(&keepers, |_, at| at);
        (
            registers.compared(),
            registers.wrong.len(),
            registers.unread,
        )
    }

    #[test]
    fn registers_of_such_meters_are_compared_and_others_are_not() {
        let wire = Wire::new(WireSettings::serial(9600, 10), 1);
        let elsters = elster::seat(&wire, BEGAN, 1).unwrap();
        let held = elsters[0].import(BEGAN);
        assert_eq!(found(vec![telemetry("elster-1", held)]), (1, 0, 0));
        assert_eq!(
            found(vec![telemetry("elster-1", held + 9_000_000)]),
            (1, 1, 0)
        );
        assert_eq!(found(vec![telemetry("elster-2", held)]), (1, 1, 0));
        assert_eq!(found(vec![telemetry("dlms-2", held)]), (1, 1, 0));
        assert_eq!(found(vec![telemetry("feeder-1", held)]), (0, 0, 0));
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let mut broken = telemetry("elster-1", 1);
        broken.payload.truncate(9);
        assert_eq!(found(vec![broken]), (0, 0, 1));
    }
}
