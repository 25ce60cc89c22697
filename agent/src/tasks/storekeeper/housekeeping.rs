//! What the storekeeper does when nothing presses: sealing, retention, the check after an
//! unclean stop.

use super::Storekeeper;
use metering::EventCode;
use std::time::Duration;
use storage::{DamagedItem, DiskSpace, OutboxCap, RetentionPolicy, RetentionReport};
use tokio::time::Instant;

/// Sealing and retention: a quarter of an hour is a slot of the archive's instantaneous values.
const EVERY: Duration = Duration::from_mins(15);
/// The first run comes early, so that a box that is restarted every hour still seals.
pub(super) const FIRST_AFTER: Duration = Duration::from_mins(2);
/// Disk space is looked at more often than it can vanish.
const DISK_LOOK_EVERY: Duration = Duration::from_mins(1);
/// The first look makes the reserve, and shall not hold up the first requests on the lines.
pub(super) const DISK_LOOK_FIRST_AFTER: Duration = Duration::from_secs(4);
/// Rows checked between two commits after an unclean stop.
const VERIFY_ROWS: usize = 64;
/// Runs of sealing and of retention in a row, each bounded by itself.
const ROUNDS_MAX: usize = 1000;
const DAY: u64 = 86_400;

impl Storekeeper {
    pub(super) fn look_at_disk(&mut self) {
        self.disk_look_at = Instant::now() + DISK_LOOK_EVERY;
        let Ok(space) = self.parts.partition.space() else {
            return;
        };
        if self.telemetry_stopped || space.free < space.total / 10 {
            self.retain();
        }
        if !self.failing {
            self.keep_reserve(space.free);
        }
    }

    fn keep_reserve(&mut self, free: u64) {
        match self.shelf.make_reserve_whole(free) {
            Ok(true) => {
                if std::mem::take(&mut self.reserve_spent) {
                    log::info!("there is room again: the reserve for a full disk is whole again");
                }
            }
            Ok(false) => {}
            Err(error) => {
                log::warn!(error:%; "no room can be kept back for a full disk; tried again later");
            }
        }
    }

    /// Spends a step of the reserve on a full disk, and says so the first time.
    pub(super) fn spends_reserve(&mut self) -> bool {
        let spends = self.shelf.spend();
        if spends && !std::mem::replace(&mut self.reserve_spent, true) {
            let detail = "the disk is full: the store goes on with room that was kept back, until \
                          that is used up too; make room";
            self.note(EventCode::DiskNearlyFull, detail.to_owned());
        }
        spends
    }

    pub(super) fn housekeeping(&mut self) {
        self.housekeeping_at = Instant::now() + EVERY;
        self.commit();
        for _ in 0..ROUNDS_MAX {
            match self.shelf.write(storage::Store::seal) {
                Ok(report) if report.more => self.parts.pulse.beat(),
                Ok(_) => break,
                Err(error) if error.is_disk_full() && self.spends_reserve() => {}
                Err(error) => {
                    log::error!(error:%; "intervals could not be moved to the archive; tried again later");
                    return;
                }
            }
        }
        self.retain();
    }

    /// Also tried while nothing can be stored: it may be what makes room.
    pub(super) fn retain(&mut self) {
        let Ok(space) = self.parts.partition.space() else {
            return;
        };
        let policy = self.policy();
        let space = DiskSpace {
            free: space.free,
            total: space.total,
        };
        for _ in 0..ROUNDS_MAX {
            let now = self.parts.clock.now();
            let kept = self
                .shelf
                .write_now(|store| store.retain(&policy, space, now.utc, now.quality));
            match kept {
                Ok(report) => {
                    self.say(&report);
                    if !report.more {
                        break;
                    }
                    self.parts.pulse.beat();
                }
                Err(error) if error.is_disk_full() && self.spends_reserve() => {}
                Err(error) => {
                    if !self.failing {
                        log::error!(error:%; "retention failed; tried again later");
                    }
                    break;
                }
            }
        }
        self.publish();
    }

    fn policy(&self) -> RetentionPolicy {
        let settings = &self.parts.settings;
        let days = |time: Duration| u16::try_from(time.as_secs() / DAY).unwrap_or(u16::MAX);
        let cap = |bytes, age| OutboxCap { bytes, age };
        RetentionPolicy {
            profile_days: days(settings.keep_profile),
            telemetry_days: days(settings.keep_readings),
            profiles: cap(settings.outbox_bytes / 2, settings.keep_profile),
            telemetry: cap(settings.outbox_bytes / 4, Duration::from_secs(DAY)),
            events: cap(settings.outbox_bytes / 8, settings.keep_profile),
        }
    }

    fn say(&mut self, report: &RetentionReport) {
        if report.stop_telemetry != self.telemetry_stopped {
            self.telemetry_stopped = report.stop_telemetry;
            if report.stop_telemetry {
                let detail = "the disk is nearly full: instantaneous values are no longer stored, \
                              load profiles still are; make room";
                self.note(EventCode::DiskNearlyFull, detail.to_owned());
            } else {
                log::info!("there is room again: instantaneous values are stored");
            }
        }
        if report.stop_telemetry && report.profile_chunks > 0 {
            let days = report.profile_chunks;
            log::warn!(days; "the disk is nearly full: the oldest day of load profiles was deleted ({days} meters)");
        }
        for (stream, first, last, why) in &report.dropped {
            let detail = format!(
                "{stream} {first} to {last} were dropped before the head-end had them ({}); a gap \
                 record says so",
                why.word()
            );
            self.note(EventCode::EntriesDropped, detail);
        }
    }

    /// Files that were found broken when the store was opened anew.
    pub(super) fn say_news(&mut self) {
        for words in self.shelf.news() {
            self.note(EventCode::StoreFileSetAside, words);
        }
    }

    pub(super) fn verify_slice(&mut self) {
        let Some(from) = self.verifying.take() else {
            return;
        };
        match self.shelf.with(|store| store.verify(from, VERIFY_ROWS)) {
            Ok(slice) => {
                for item in slice.damaged {
                    self.note(EventCode::StoreFileSetAside, damage_words(&item));
                }
                self.verifying = slice.next;
            }
            Err(error) => log::error!(error:%; "the check after an unclean stop could not go on"),
        }
    }
}

/// What is damaged, for a person.
pub(super) fn damage_words(item: &DamagedItem) -> String {
    let whose = |meter: &Option<metering::MeterId>| {
        meter
            .as_ref()
            .map_or_else(|| "a meter".to_owned(), ToString::to_string)
    };
    match item {
        DamagedItem::Entry { stream, number } => {
            format!("entry {number} of {stream} is damaged on the disk")
        }
        DamagedItem::Command { order } => {
            format!("command {order} of the journal is damaged on the disk")
        }
        DamagedItem::Profile { meter, day } => {
            format!(
                "the load profile of {} from {day} for a day is damaged on the disk",
                whose(meter)
            )
        }
        DamagedItem::Telemetry { meter, slot } => {
            format!(
                "values of {} from {slot} for a quarter of an hour are damaged",
                whose(meter)
            )
        }
    }
}
