//! Blocks whose channel list has not come yet. Pure.
//!
//! They are not committed and no watermark speaks of them, so forgetting one costs a resend and
//! nothing else.

use super::intake::Record;
use crate::limits::{WAITING_BLOCKS_MAX, WAITING_BYTES_MAX};
use head_end::{Body, Epoch};
use metering::GatewayId;
use std::collections::BTreeMap;

type Key = (GatewayId, Epoch, u64);

/// The blocks that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    blocks: BTreeMap<Key, Record>,
    bytes: usize,
}

impl Waiting {
    /// Keeps a block. `false`: no room, or it waits already.
    pub(super) fn keep(&mut self, record: Record) -> bool {
        let key = key(&record);
        let bytes = record.message.body.len();
        let of_gateway = self.of_gateway(&record.gateway).count();
        let has_room = of_gateway < WAITING_BLOCKS_MAX
            && self.bytes.saturating_add(bytes) <= WAITING_BYTES_MAX;
        if !has_room || self.blocks.contains_key(&key) {
            return false;
        }
        self.bytes += bytes;
        self.blocks.insert(key, record);
        true
    }

    /// Takes out the blocks that a channel list was waited for with.
    pub(super) fn release(&mut self, gateway: &GatewayId, version: u32) -> Vec<Record> {
        let fits = |body: &Body| match body {
            Body::Profile(block) => block.channels_version == version,
            _ => false,
        };
        let keys: Vec<Key> = self
            .of_gateway(gateway)
            .filter(|(_, record)| fits(&record.body))
            .map(|(key, _)| key.clone())
            .collect();
        keys.iter().filter_map(|key| self.take(key)).collect()
    }

    /// Forgets a block that came again in a form that can be booked. One with another content
    /// stays, so that the ledger finds the conflict.
    pub(super) fn forget(&mut self, record: &Record) {
        let key = key(record);
        let waits = self.blocks.get(&key);
        if waits.is_some_and(|waits| waits.message.body == record.message.body) {
            drop(self.take(&key));
        }
    }

    /// Numbers of the blocks of one store that wait.
    pub(super) fn numbers(&self, gateway: &GatewayId, epoch: Epoch) -> Vec<u64> {
        let mine = self.of_gateway(gateway).filter(|(key, _)| key.1 == epoch);
        mine.map(|(key, _)| key.2).collect()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    fn take(&mut self, key: &Key) -> Option<Record> {
        let record = self.blocks.remove(key)?;
        self.bytes = self.bytes.saturating_sub(record.message.body.len());
        Some(record)
    }

    fn of_gateway(&self, gateway: &GatewayId) -> impl Iterator<Item = (&Key, &Record)> {
        let first = (gateway.clone(), [0; 8], 0);
        let last = (gateway.clone(), [u8::MAX; 8], u64::MAX);
        self.blocks.range(first..=last)
    }
}

fn key(record: &Record) -> Key {
    (
        record.gateway.clone(),
        record.message.epoch,
        record.message.number,
    )
}
