//! Judges registers of Elster meters as the broker hands them to the head-end.

use head_end::{Body, Message};
use metering::{MeterReadings, Timestamp};
use simulator::broker::Overheard;
use tokio::sync::mpsc;

use super::elster::Elster;
use super::limits::WRONG_KEPT_MAX;
use super::outcome::Outcome;

/// Where they go.
pub(crate) const TOPICS: &str = "gw/v1/+/up/tm";

/// Hears them and compares them.
#[derive(Debug)]
pub(crate) struct Registers {
    heard: mpsc::Receiver<Overheard>,
    /// Values compared with what the meter held.
    pub(crate) compared: u64,
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
            compared: 0,
            wrong: Vec::new(),
            unread: 0,
        }
    }

    /// Takes what came since the last look. `shown` is a time of the gateway by a meter's clock.
    pub(crate) fn follow(
        &mut self,
        elsters: &[Elster],
        shown: impl Fn(&Elster, Timestamp) -> Timestamp,
    ) {
        while let Ok(heard) = self.heard.try_recv() {
            let body = Message::decode(&heard.payload).and_then(|message| message.open());
            let Ok(Body::Readings(readings)) = body else {
                self.unread += 1;
                continue;
            };
            for reading in &readings {
                let named = |elster: &&Elster| elster.id == reading.meter.as_str();
                if let Some(elster) = elsters.iter().find(named) {
                    self.judge(elster, reading, &shown);
                }
            }
        }
    }

    /// Says what came of it.
    pub(crate) fn tell(&self, outcome: &mut Outcome) {
        outcome.registers = self.compared;
        outcome.refused += self.unread;
        outcome.verdict.wrong.extend(self.wrong.iter().cloned());
    }

    fn judge(
        &mut self,
        elster: &Elster,
        readings: &MeterReadings,
        shown: &impl Fn(&Elster, Timestamp) -> Timestamp,
    ) {
        for reading in &readings.values {
            let Some(quantity) = reading.quantity else {
                continue;
            };
            let (obis, at) = (reading.obis, readings.taken_at);
            // A maximum stands under the time at which the meter says it was; all else under ours.
            let [_, _, _, kind, ..] = obis.groups();
            let at_meter = if kind == 6 { at } else { shown(elster, at) };
            let Some(is_right) = elster.showed(obis, quantity, at_meter) else {
                continue;
            };
            self.compared += 1;
            if !is_right && self.wrong.len() < WRONG_KEPT_MAX {
                let meter = elster.id;
                let words = format!(
                    "{meter} {at}: register {obis} came as {quantity}, which the meter did not show"
                );
                self.wrong.push(words);
            }
        }
    }
}
