//! What goes, when, and in which order when there is no room.
//!
//! By age: what the configuration no longer asks for. Under pressure, in this order: archived
//! telemetry, unsent telemetry, the oldest archived profiles. What the head-end has not
//! confirmed goes only by its own limits of bytes and age, and every such drop leaves a gap
//! entry in the same commit. The audit chain is never touched before it is confirmed.

mod unsent;

use crate::archive::{PROFILES, TELEMETRY};
use crate::audit::AuditLink;
use crate::chunk::day_of;
use crate::error::{InFile, StoreError};
use crate::hot::{self, AUDIT};
use crate::limits::{
    AUDIT_KEPT, CRITICAL_PROFILE_DAYS_KEPT, DISK_CRITICAL_PERCENT, DISK_LOW_PERCENT,
    RETAIN_DAYS_MAX, TELEMETRY_SLOT_SECONDS,
};
use crate::slot::slot_of;
use crate::{GapReason, Store, StoreFile, Stream};
use metering::{ClockQuality, Timestamp};
use redb::{ReadableTable, ReadableTableMetadata};
use std::time::Duration;

/// How much of one stream may wait for the head-end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxCap {
    /// Bytes in the log.
    pub bytes: u64,
    /// Time since the commit.
    pub age: Duration,
}

/// How long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Days of load profiles in the archive.
    pub profile_days: u16,
    /// Days of telemetry in the archive.
    pub telemetry_days: u16,
    /// Unsent load profiles.
    pub profiles: OutboxCap,
    /// Unsent telemetry.
    pub telemetry: OutboxCap,
    /// Unsent events.
    pub events: OutboxCap,
}

/// 900 days of profiles, 30 of telemetry; unsent profiles and events as long, telemetry a day.
impl Default for RetentionPolicy {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        let days = |days: u64| Duration::from_hours(24 * days);
        let cap = |mib: u64, age| OutboxCap {
            bytes: mib * MIB,
            age,
        };
        Self {
            profile_days: 900,
            telemetry_days: 30,
            profiles: cap(256, days(900)),
            telemetry: cap(64, days(1)),
            events: cap(16, days(900)),
        }
    }
}

/// Room on the partition that holds the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// How pressing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pressure {
    None,
    Low,
    Critical,
}

impl DiskSpace {
    fn pressure(self) -> Pressure {
        let below =
            |percent: u64| self.free.saturating_mul(100) < self.total.saturating_mul(percent);
        if below(DISK_CRITICAL_PERCENT) {
            Pressure::Critical
        } else if below(DISK_LOW_PERCENT) {
            Pressure::Low
        } else {
            Pressure::None
        }
    }
}

/// What went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetentionReport {
    /// Days of profiles of one meter each.
    pub profile_chunks: u64,
    /// Quarters of an hour of telemetry of one meter each.
    pub telemetry_chunks: u64,
    /// Unsent entries, by stream, with first and last number.
    pub dropped: Vec<(Stream, u64, u64, GapReason)>,
    /// Confirmed audit records beyond those kept.
    pub audit_records: u64,
    /// Commands that ended long ago.
    pub commands: u64,
    /// Too little room for telemetry: do not append any until this is false.
    pub stop_telemetry: bool,
    /// There is more to drop; call again.
    pub more: bool,
}

/// The first day and slot that stay in the archive.
struct Cutoffs {
    day: u16,
    slot: u32,
}

impl Store {
    /// Drops what is too old or has no room. Call it every hour, and every minute while the disk
    /// is nearly full. While the clock cannot be trusted, nothing goes by its age; and never
    /// more than two days at a time, so that a clock gone wrong does not empty the archive.
    pub fn retain(
        &mut self,
        policy: &RetentionPolicy,
        space: DiskSpace,
        now: Timestamp,
        clock: ClockQuality,
    ) -> Result<RetentionReport, StoreError> {
        let pressure = space.pressure();
        let mut report = RetentionReport {
            stop_telemetry: pressure == Pressure::Critical,
            ..RetentionReport::default()
        };
        let trusts = clock > ClockQuality::Unsynchronised;
        if let Some(cutoffs) = self.cutoffs(policy, pressure, now, trusts)? {
            self.trim_archive(&cutoffs, &mut report)?;
        }
        for stream in [Stream::Telemetry, Stream::Profiles, Stream::Events] {
            if let Some(drop) = self.surplus(stream, policy, pressure, now, trusts)? {
                self.drop_unsent(&drop, now, clock, &mut report)?;
            }
        }
        report.audit_records = self.prune_audit()?;
        report.commands = self.prune_commands(now, trusts)?;
        self.flush()?;
        Ok(report)
    }

    /// What of the archive goes now, `None` if nothing does.
    fn cutoffs(
        &self,
        policy: &RetentionPolicy,
        pressure: Pressure,
        now: Timestamp,
        trusts: bool,
    ) -> Result<Option<Cutoffs>, StoreError> {
        let transaction = self.archive.read()?;
        let days = transaction.open_table(PROFILES).of(StoreFile::Archive)?;
        let slots = transaction.open_table(TELEMETRY).of(StoreFile::Archive)?;
        let first_day = days.first().of(StoreFile::Archive)?;
        let last_day = days.last().of(StoreFile::Archive)?;
        let first_slot = slots.first().of(StoreFile::Archive)?;
        let first_day = first_day.map_or(u16::MAX, |(key, _)| key.value().0);
        let last_day = last_day.map_or(0, |(key, _)| key.value().0);
        let first_slot = first_slot.map_or(u32::MAX, |(key, _)| key.value().0);
        let slots_a_day = u32::try_from(86_400 / TELEMETRY_SLOT_SECONDS).unwrap_or(u32::MAX);
        let mut cutoffs = Cutoffs { day: 0, slot: 0 };
        if trusts {
            let days = Duration::from_hours(24);
            let oldest = now.before(days.saturating_mul(policy.profile_days.into()));
            let first_kept = first_day.saturating_add(RETAIN_DAYS_MAX);
            cutoffs.day = day_of(oldest).min(first_kept);
            let oldest = now.before(days.saturating_mul(policy.telemetry_days.into()));
            let most = slots_a_day.saturating_mul(u32::from(RETAIN_DAYS_MAX));
            cutoffs.slot = slot_of(oldest).min(first_slot.saturating_add(most));
        }
        let has_telemetry = first_slot < u32::MAX;
        if pressure >= Pressure::Low && has_telemetry {
            cutoffs.slot = cutoffs.slot.max(first_slot.saturating_add(slots_a_day));
        } else if pressure == Pressure::Critical
            && last_day.saturating_sub(first_day) > CRITICAL_PROFILE_DAYS_KEPT
        {
            cutoffs.day = cutoffs.day.max(first_day.saturating_add(1));
        }
        let goes = cutoffs.day > first_day || cutoffs.slot > first_slot;
        Ok(goes.then_some(cutoffs))
    }

    fn trim_archive(
        &mut self,
        cutoffs: &Cutoffs,
        report: &mut RetentionReport,
    ) -> Result<(), StoreError> {
        let transaction = self.archive.write()?;
        {
            let archive = StoreFile::Archive;
            let mut days = transaction.open_table(PROFILES).of(archive)?;
            let before = days.len().of(archive)?;
            days.retain_in(..(cutoffs.day, 0, 0), |_, _| false)
                .of(archive)?;
            report.profile_chunks = before - days.len().of(archive)?;
            let mut slots = transaction.open_table(TELEMETRY).of(archive)?;
            let before = slots.len().of(archive)?;
            slots
                .retain_in(..(cutoffs.slot, 0), |_, _| false)
                .of(archive)?;
            report.telemetry_chunks = before - slots.len().of(archive)?;
        }
        transaction.commit().of(StoreFile::Archive)
    }

    /// Lets the oldest audit records go once the head-end knows a head beyond them.
    fn prune_audit(&mut self) -> Result<u64, StoreError> {
        let state = self.streams.get(Stream::Audit);
        let first_kept = (self.audit_head.number + 1).saturating_sub(AUDIT_KEPT);
        if state.unsent_entries > 0 || first_kept <= 1 {
            return Ok(0);
        }
        let transaction = hot::reading(&self.hot)?;
        let audit = transaction.open_table(AUDIT).of(StoreFile::Hot)?;
        let Some(row) = audit.get(first_kept - 1).of(StoreFile::Hot)? else {
            return Ok(0);
        };
        let base = AuditLink::decode(first_kept - 1, row.value()).map_err(|damage| {
            let what = format!("audit record {}", first_kept - 1);
            StoreError::damaged(StoreFile::Hot, what, damage)
        })?;
        self.write_hot(|transaction, _| {
            let mut audit = transaction.open_table(AUDIT).of(StoreFile::Hot)?;
            let before = audit.len().of(StoreFile::Hot)?;
            audit
                .retain_in(..first_kept, |_, _| false)
                .of(StoreFile::Hot)?;
            let pruned = before - audit.len().of(StoreFile::Hot)?;
            hot::write_audit_base(transaction, base.head()).of(StoreFile::Hot)?;
            Ok(pruned)
        })
    }
}
