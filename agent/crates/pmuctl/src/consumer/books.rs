//! The ledger, and what is kept in memory beside it. What [`Books::take`] has taken is durable
//! when it returns: only then may the broker's copy go.

use super::booking::{Change, Fact, booking};
use super::fleet::Fleet;
use super::intake::{Mail, Record, Sorted, sort};
use super::receipts::ReceiptKeyRing;
use super::tally::Tally;
use super::waiting::Waiting;
use crate::adapters::clock::Now;
use crate::limits::{LISTS_MISSED_MAX, REMARK_CHARS_MAX};
use crate::page::reason_text;
use crate::words::plain;
use head_end::{Body, ImageWish, Presence, RecoveryBirth};
use metering::{Channel, GatewayId, Moment};
use std::collections::BTreeSet;
use std::sync::Arc;
use storage::StoreError;
use storage::ledger::{Delivery, Ledger};

mod commit;
mod lists;
mod proof;
mod summary;
mod told;

/// What is new since the last look.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Blocks that were booked.
    pub(super) changes: Vec<Change>,
    /// What a person should read.
    pub(super) remarks: Vec<String>,
    /// Who wants bytes of an image.
    pub(super) wishes: Vec<(GatewayId, ImageWish)>,
}

/// Ledger and fleet.
#[derive(Debug)]
pub(super) struct Books {
    ledger: Ledger,
    fleet: Fleet,
    waiting: Waiting,
    missed: BTreeSet<(GatewayId, u32)>,
    pub(super) tally: Tally,
    receipt_keys: ReceiptKeyRing,
    refused_told: Option<Moment>,
    forged_told: Option<Moment>,
    requests: u32,
}

impl Books {
    /// Books over a ledger.
    pub(super) fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            fleet: Fleet::default(),
            waiting: Waiting::default(),
            missed: BTreeSet::new(),
            tally: Tally::default(),
            receipt_keys: ReceiptKeyRing::default(),
            refused_told: None,
            forged_told: None,
            requests: 0,
        }
    }

    /// Proves receipts with these keys from now on.
    pub(super) fn prove_with(&mut self, keys: ReceiptKeyRing) {
        self.receipt_keys = keys;
    }

    /// The ledger, to read.
    pub(super) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Closes the ledger.
    pub(super) fn close(self) -> Result<(), StoreError> {
        self.ledger.close()
    }

    /// Books a batch in one transaction. When it returns, the batch may be acknowledged: each
    /// message is booked, or waits for its channel list, or is none of the contract.
    pub(super) fn take(&mut self, batch: &[Mail<'_>], now: Now) -> Result<News, StoreError> {
        let mut news = News::default();
        let mut bookings = Vec::new();
        for mail in batch {
            self.tally.messages += 1;
            self.tally.bytes += u64::try_from(mail.payload.len()).unwrap_or(0);
            match sort(*mail) {
                Ok(Sorted::Presence(gateway, presence)) => {
                    self.presence(&gateway, &presence, &mut news);
                }
                Ok(Sorted::Record(mut record)) => {
                    if !self.prove(&mut record, now, &mut news)? {
                        continue;
                    }
                    let gateway = record.gateway.clone();
                    if let Err(why) = self.prepare(*record, now, &mut bookings)? {
                        self.refuse(gateway.as_str(), &why, now, &mut news);
                    }
                }
                Ok(Sorted::Wish(gateway, wish)) => news.wishes.push((gateway, wish)),
                Err(why) => {
                    let topic = String::from_utf8_lossy(mail.topic);
                    self.refuse(&topic, &why.to_string(), now, &mut news);
                }
            }
        }
        self.commit(bookings, now, &mut news)?;
        Ok(news)
    }

    fn presence(&mut self, gateway: &GatewayId, presence: &Presence, news: &mut News) {
        let Some(state) = self.fleet.meet(gateway) else {
            return;
        };
        if state.presence(presence) {
            let what = match presence {
                Presence::Birth(birth) => format!("connected, version {}", birth.firmware),
                Presence::Recovery(birth) => recovery_text(birth),
                Presence::Will(_) => "lost its connection".to_owned(),
            };
            news.remarks
                .push(plain(&format!("{gateway}: {what}"), REMARK_CHARS_MAX));
        }
    }

    /// Makes bookings of a record and of those that waited for what it brings.
    fn prepare(
        &mut self,
        record: Record,
        now: Now,
        bookings: &mut Vec<(Delivery, Fact)>,
    ) -> Result<Result<(), String>, StoreError> {
        let Some(gateway) = self.fleet.meet(&record.gateway) else {
            return Ok(Err("there are too many gateways".to_owned()));
        };
        let mut ready = Vec::new();
        let mut list = None;
        if let Body::Profile(block) = &record.body {
            let version = block.channels_version;
            if let Some(channels) = &record.message.channels {
                gateway.learn(version, Arc::clone(channels));
                self.waiting.forget(&record);
                list = Some(Arc::clone(channels));
            } else {
                list = self.list_of(&record.gateway, block)?;
            }
            if list.is_none() {
                self.waiting.keep(record);
                return Ok(Ok(()));
            }
            ready.extend(self.waiting.release(&record.gateway, version));
        }
        ready.push(record);
        let mut outcome = Ok(());
        for record in ready {
            match booking(record, list.as_ref(), now.utc) {
                Ok(booking) => bookings.push(booking),
                Err(error) => outcome = Err(error.to_string()),
            }
        }
        Ok(outcome)
    }

    /// The channel list of a block: known, or found in the ledger.
    fn list_of(
        &mut self,
        gateway: &GatewayId,
        block: &head_end::ProfileBlock,
    ) -> Result<Option<Arc<[Channel]>>, StoreError> {
        let version = block.channels_version;
        let known = self
            .fleet
            .get(gateway)
            .and_then(|state| state.list(version));
        if let Some(list) = known {
            return Ok(Some(Arc::clone(list)));
        }
        let key = (gateway.clone(), version);
        if self.missed.contains(&key) {
            return Ok(None);
        }
        let found = lists::find(&self.ledger, gateway, block)?;
        if let (Some(list), Some(state)) = (&found, self.fleet.meet(gateway)) {
            state.learn(version, Arc::clone(list));
            return Ok(found);
        }
        if self.missed.len() >= LISTS_MISSED_MAX {
            self.missed.clear();
        }
        self.missed.insert(key);
        Ok(found)
    }
}

fn recovery_text(birth: &RecoveryBirth) -> String {
    let refused: Vec<String> = birth
        .refused
        .iter()
        .map(|system| {
            format!(
                "slot {} was refused: {}",
                system.slot,
                reason_text(&system.reason)
            )
        })
        .collect();
    let why = match (refused.is_empty(), &birth.reason) {
        (false, _) => refused.join("; "),
        (true, Some(reason)) => reason_text(reason).to_owned(),
        (true, None) => "it does not say why".to_owned(),
    };
    format!("RECOVERY, no meter is read until it has a new system: {why}")
}

#[cfg(test)]
mod tests;
