//! What gateways are told and asked, from what the ledger holds.

use super::Books;
use crate::adapters::clock::Now;
use crate::consumer::booking::stored;
use crate::consumer::patience::joined;
use crate::consumer::waiting::Waiting;
use head_end::{Epoch, Mark, Range, Request, RequestId, Stream, Wanted, Watermarks};
use metering::{GatewayId, Moment};
use std::collections::BTreeMap;
use std::time::Duration;
use storage::StoreError;
use storage::ledger::Ledger;

impl Books {
    /// Gateways that a watermark is due for. `every` zero: all that have not been told all.
    pub(in crate::consumer) fn marks_due(&self, now: Moment, every: Duration) -> Vec<GatewayId> {
        let due = self
            .fleet
            .iter()
            .filter(|(_, state)| state.is_due(now, every));
        due.map(|(gateway, _)| gateway.clone()).collect()
    }

    /// Whether some gateway has not been told all.
    pub(in crate::consumer) fn owes_marks(&self) -> bool {
        self.fleet.iter().any(|(_, state)| state.owes())
    }

    /// What the ledger holds of a gateway's present store. `None`: nothing.
    pub(in crate::consumer) fn watermarks(
        &self,
        gateway: &GatewayId,
    ) -> Result<Option<Watermarks>, StoreError> {
        let Some(epoch) = self
            .fleet
            .get(gateway)
            .and_then(crate::consumer::fleet::Gateway::epoch)
        else {
            return Ok(None);
        };
        let mut marks = BTreeMap::new();
        for stream in Stream::ALL {
            let found = self.ledger.watermark(gateway, epoch, stored(stream))?;
            if found.upto > 0 || !found.islands.is_empty() {
                marks.insert(
                    stream,
                    Mark {
                        upto: found.upto,
                        islands: found.islands,
                    },
                );
            }
        }
        Ok((!marks.is_empty()).then_some(Watermarks { epoch, marks }))
    }

    /// A gateway was told, or there is nothing to tell it.
    pub(in crate::consumer) fn marked(&mut self, gateway: &GatewayId, now: Moment) {
        if let Some(state) = self.fleet.meet(gateway) {
            state.marked(now);
        }
    }

    /// What is to be asked for: numbers missing for longer than `patience`, and blocks that wait
    /// for their channel list.
    pub(in crate::consumer) fn requests(
        &mut self,
        now: Now,
        patience: Duration,
    ) -> Result<Vec<(GatewayId, Request)>, StoreError> {
        let mut requests = Vec::new();
        for (gateway, state) in self.fleet.iter_mut() {
            let Some(epoch) = state.epoch().filter(|_| !state.is_away()) else {
                continue;
            };
            let missing = missing(&self.ledger, &self.waiting, gateway, epoch)?;
            for (stream, ranges) in state.patience.due(&missing, now.moment, patience) {
                self.requests = self.requests.wrapping_add(1);
                let wanted = Wanted::Numbers {
                    epoch,
                    stream,
                    ranges,
                };
                if let Ok(id) = request_id(now, self.requests) {
                    requests.push((gateway.clone(), Request { id, wanted }));
                }
            }
        }
        Ok(requests)
    }
}

/// Unlike any other request of this consumer, also after its restart.
fn request_id(now: Now, count: u32) -> Result<RequestId, head_end::DecodeError> {
    let (millis, count) = (now.utc.millis().to_be_bytes(), count.to_be_bytes());
    RequestId::new(&[millis.as_slice(), count.as_slice()].concat())
}

fn missing(
    ledger: &Ledger,
    waiting: &Waiting,
    gateway: &GatewayId,
    epoch: Epoch,
) -> Result<BTreeMap<Stream, Vec<Range>>, StoreError> {
    let mut missing: BTreeMap<Stream, Vec<Range>> = BTreeMap::new();
    for hole in ledger
        .holes(gateway)?
        .iter()
        .filter(|hole| hole.epoch == epoch)
    {
        let stream = Stream::ALL
            .into_iter()
            .find(|stream| stored(*stream) == hole.stream);
        if let Some(stream) = stream {
            missing
                .entry(stream)
                .or_default()
                .push((hole.from, hole.to));
        }
    }
    let waits = waiting.numbers(gateway, epoch);
    if !waits.is_empty() {
        let runs = missing.entry(Stream::Profile).or_default();
        runs.extend(waits.iter().map(|number| (*number, *number)));
        *runs = joined(std::mem::take(runs));
    }
    Ok(missing)
}
