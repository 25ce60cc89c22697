//! One interval in the ledger: its channels, each with the revision it came by.

use super::{Booked, INTERVALS, VERSION};
use crate::StoreFile;
use crate::error::{InFile, StoreError};
use crate::limits::COLUMNS_MAX;
use crate::shape::{read_channel, write_channel};
use crate::wire::{Damage, Reader, Writer, place};
use metering::{Channel, ClockQuality, Flags, ProfileRows, Row};
use redb::{ReadableTable, WriteTransaction};

/// What is booked of an interval.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Interval {
    pub(crate) period_seconds: u32,
    pub(crate) flags: Flags,
    pub(crate) clock: ClockQuality,
    pub(crate) offset_ms: i32,
    pub(crate) values: Vec<(Channel, Option<i64>, u32)>,
}

impl Interval {
    /// Takes in a row. What is known stays unless the row is a later revision or fills in what
    /// was missing.
    fn take(&mut self, block: &ProfileRows, row: &Row, rev: u32, booked: &mut Booked) -> bool {
        let mut is_changed = false;
        for (channel, value) in block.shape.channels.iter().zip(&row.values) {
            let same_kind = |known: &&mut (Channel, _, _)| {
                known.0.obis == channel.obis && known.0.kind == channel.kind
            };
            let Some(known) = self.values.iter_mut().find(same_kind) else {
                self.values.push((channel.clone(), *value, rev));
                booked.new += 1;
                is_changed = true;
                continue;
            };
            let fills = known.1.is_none() && value.is_some() && rev >= known.2;
            if rev > known.2 || fills {
                *known = (channel.clone(), *value, rev);
                booked.replaced += 1;
                is_changed = true;
            } else if (&known.0, known.1) == (channel, *value) {
                booked.same += 1;
            } else {
                booked.differing += 1;
            }
        }
        if is_changed {
            self.period_seconds = block.shape.period.seconds();
            self.flags = row.flags;
            self.clock = block.clock;
            self.offset_ms = row.offset_ms;
        }
        is_changed
    }

    fn encode(&self, place: &[u8]) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.varint(u64::from(self.period_seconds));
        out.varint(u64::from(self.flags.bits()));
        out.byte(self.clock.level());
        out.zigzag(i64::from(self.offset_ms));
        out.count(self.values.len());
        for (channel, value, rev) in &self.values {
            write_channel(channel, &mut out);
            out.varint(u64::from(*rev));
            match value {
                None => out.byte(0),
                Some(value) => {
                    out.byte(1);
                    out.zigzag(*value);
                }
            }
        }
        out.finish(place)
    }

    pub(crate) fn decode(row: &[u8], place: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::open(row, place, VERSION)?;
        let small = |value: u64| u32::try_from(value).map_err(|_| Damage::Content("number"));
        let mut interval = Self {
            period_seconds: small(reader.varint()?)?,
            flags: Flags::from_bits(small(reader.varint()?)?),
            clock: ClockQuality::from_level(reader.byte()?),
            offset_ms: i32::try_from(reader.zigzag()?).map_err(|_| Damage::Content("offset"))?,
            values: Vec::new(),
        };
        for _ in 0..reader.count(COLUMNS_MAX)? {
            let channel = read_channel(&mut reader)?;
            let rev = small(reader.varint()?)?;
            let value = match reader.byte()? {
                0 => None,
                _ => Some(reader.zigzag()?),
            };
            interval.values.push((channel, value, rev));
        }
        reader.end()?;
        Ok(interval)
    }
}

/// What the checksum of an interval covers beside its bytes.
pub(crate) fn interval_place(key: (u16, u16, [u8; 6], u64)) -> Vec<u8> {
    let (gateway, meter, profile, end) = key;
    let mut bytes = place(b'I', u64::from(gateway) << 16 | u64::from(meter), end).to_vec();
    bytes.extend_from_slice(&profile);
    bytes
}

/// Books the rows of a block.
pub(super) fn block(
    transaction: &WriteTransaction,
    owner: (u16, u16),
    block: &ProfileRows,
    rev: u32,
    booked: &mut Booked,
) -> Result<(), StoreError> {
    let ledger = StoreFile::Ledger;
    let mut table = transaction.open_table(INTERVALS).of(ledger)?;
    for row in &block.rows {
        let key = (owner.0, owner.1, block.profile.groups(), row.end.millis());
        let place = interval_place(key);
        let known = table.get(key).of(ledger)?;
        let known = known.map(|known| Interval::decode(known.value(), &place));
        let mut interval = known.transpose().map_err(|damage| {
            let what = format!("interval {} of {}", row.end, block.meter);
            StoreError::damaged(ledger, what, damage)
        })?;
        let interval = interval.get_or_insert_default();
        if interval.take(block, row, rev, booked) {
            let value = interval.encode(&place);
            table.insert(key, value.as_slice()).of(ledger)?;
        }
    }
    Ok(())
}
