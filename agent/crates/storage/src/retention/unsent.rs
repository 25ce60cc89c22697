//! Unsent entries that have to go: which, and the gap entry they leave.

use super::{Pressure, RetentionPolicy, RetentionReport};
use crate::append::Plan;
use crate::batch::Batch;
use crate::error::{InFile, StoreError};
use crate::hot::{self, DROPS, QUARANTINE, StreamState};
use crate::limits::{CRITICAL_TELEMETRY_KEPT, DROP_ROWS_MAX, DROPS_KEPT};
use crate::{Body, GapRange, GapReason, GapRecord, Store, StoreFile, Stream, codec};
use metering::{ClockQuality, Timestamp};
use redb::{ReadableTableMetadata, WriteTransaction};

impl Store {
    /// The unsent entries of a stream that have to go, oldest first.
    pub(super) fn surplus(
        &self,
        stream: Stream,
        policy: &RetentionPolicy,
        pressure: Pressure,
        now: Timestamp,
        trusts: bool,
    ) -> Result<Option<Drop>, StoreError> {
        let cap = match stream {
            Stream::Profiles => policy.profiles,
            Stream::Telemetry => policy.telemetry,
            _ => policy.events,
        };
        let state = self.streams.get(stream);
        let is_critical = pressure == Pressure::Critical && stream == Stream::Telemetry;
        let (kept, why) = if is_critical && cap.age > CRITICAL_TELEMETRY_KEPT {
            (CRITICAL_TELEMETRY_KEPT, GapReason::DiskNearlyFull)
        } else {
            (cap.age, GapReason::TooOld)
        };
        let oldest = now.before(kept);
        // Profiles stay until the archive has them, whatever the limits say.
        let last = match stream {
            Stream::Profiles => state.cursor.sealed,
            _ => state.cursor.newest(),
        };
        let mut drop = Drop::new(stream);
        let transaction = hot::reading(&self.hot)?;
        let log = transaction
            .open_table(hot::log(stream))
            .of(StoreFile::Hot)?;
        let first = state.cursor.confirmed + 1;
        if first > last {
            return Ok(None);
        }
        for row in log.range(first..=last).of(StoreFile::Hot)? {
            let (key, value) = row.of(StoreFile::Hot)?;
            let number = key.value();
            if state.cursor.is_confirmed(number) {
                continue;
            }
            let is_over = state.unsent_bytes - drop.bytes.min(state.unsent_bytes) > cap.bytes;
            let is_old = || {
                let at = codec::decode_at(stream, number, value.value());
                trusts && at.is_ok_and(|at| at < oldest)
            };
            if is_over {
                drop.add(number, value.value().len(), GapReason::OutboxFull);
            } else if is_old() {
                drop.add(number, value.value().len(), why);
            } else {
                break;
            }
            if drop.entries >= DROP_ROWS_MAX {
                drop.more = true;
                break;
            }
        }
        Ok((drop.entries > 0).then_some(drop))
    }

    pub(super) fn drop_unsent(
        &mut self,
        drop: &Drop,
        now: Timestamp,
        clock: ClockQuality,
        report: &mut RetentionReport,
    ) -> Result<(), StoreError> {
        let mut gap = Batch::new();
        let record = GapRecord {
            what: GapRange::Numbers {
                stream: drop.stream,
                ranges: drop.ranges.clone(),
            },
            why: drop.why,
            request: Vec::new(),
        };
        gap.push(Body::Gap(record), now, clock);
        let mut head = self.audit_head;
        self.write_hot(|transaction, streams| {
            let plan = Plan::of(gap, streams, head)?;
            plan.write(transaction).of(StoreFile::Hot)?;
            drop.write(transaction).of(StoreFile::Hot)?;
            plan.applied(streams, &mut head);
            drop.applied(streams.get_mut(drop.stream));
            Ok(())
        })?;
        let code = drop.stream.code();
        self.quarantined
            .retain(|(stream, number)| *stream != code || !drop.has(*number));
        for (first, last) in &drop.ranges {
            report.dropped.push((drop.stream, *first, *last, drop.why));
        }
        report.more |= drop.more;
        Ok(())
    }
}

/// Unsent entries that go together.
pub(super) struct Drop {
    stream: Stream,
    ranges: Vec<(u64, u64)>,
    entries: usize,
    bytes: u64,
    why: GapReason,
    more: bool,
}

impl Drop {
    const fn new(stream: Stream) -> Self {
        Self {
            stream,
            ranges: Vec::new(),
            entries: 0,
            bytes: 0,
            why: GapReason::TooOld,
            more: false,
        }
    }

    fn add(&mut self, number: u64, bytes: usize, why: GapReason) {
        if self.entries == 0 {
            self.why = why;
        }
        self.entries += 1;
        self.bytes += u64::try_from(bytes).unwrap_or(0);
        match self.ranges.last_mut() {
            Some(open) if open.1 + 1 == number => open.1 = number,
            _ => self.ranges.push((number, number)),
        }
    }

    fn has(&self, number: u64) -> bool {
        let within = |(first, last): &(u64, u64)| (*first..=*last).contains(&number);
        self.ranges.iter().any(within)
    }

    fn write(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        let code = self.stream.code();
        let mut log = transaction.open_table(hot::log(self.stream))?;
        let mut quarantine = transaction.open_table(QUARANTINE)?;
        let mut drops = transaction.open_table(DROPS)?;
        for (first, last) in &self.ranges {
            log.retain_in(*first..=*last, |_, _| false)?;
            quarantine.retain_in((code, *first)..=(code, *last), |_, _| false)?;
            drops.insert((code, *first), (*last, self.why.number()))?;
        }
        let surplus = drops.len()?.saturating_sub(DROPS_KEPT);
        for _ in 0..surplus {
            drops.pop_first()?;
        }
        Ok(())
    }

    fn applied(&self, state: &mut StreamState) {
        let entries = u64::try_from(self.entries).unwrap_or(0);
        state.unsent_entries = state.unsent_entries.saturating_sub(entries);
        state.unsent_bytes = state.unsent_bytes.saturating_sub(self.bytes);
    }
}
