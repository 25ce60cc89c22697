//! The storekeeper on disks that fail.

use super::shelf::Appended;
use super::{Ask, Look, Record, Shelf, Storekeeper, StorekeeperParts, Urgency};
use crate::adapters::clock::{Clock, SystemClock};
use crate::adapters::disk::{Partition, Space};
use crate::alarms::Alarms;
use crate::config::StoreSettings;
use crate::front::GATEWAY_PROFILE;
use crate::health::{Pulse, STOREKEEPER};
use metering::{
    Channel, ChannelKind, ClockQuality, Event, EventCode, Flags, Obis, Period, ProfileRows,
    ProfileShape, Row, Timestamp, Unit,
};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use storage::{
    BackendError, Batch, Body, Folder, Medium, StorageBackend, Store, StoreFile, StoreOptions,
    Stream,
};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::advance;
use tokio_util::sync::CancellationToken;

const SOUND: u8 = 0;
/// Every sync happens, and is then said to have failed.
const LIES: u8 = 1;
/// What was never written cannot be written any more.
const FULL: u8 = 2;
/// As `LIES`, until the file is opened anew.
const LIES_ONCE: u8 = 3;
const PAGE: u64 = 4096;

#[derive(Debug, Clone)]
struct Disk {
    folder: PathBuf,
    state: Arc<AtomicU8>,
}

impl Disk {
    fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            state: Arc::default(),
        }
    }

    fn becomes(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
    }

    fn shelf(&self) -> Shelf {
        let (disk, options) = (self.clone(), StoreOptions::new([7; 8]));
        let open = move || Ok(Store::open_on(&disk, &options)?.0);
        Shelf::opened_by(open().unwrap(), Box::new(open))
    }
}

impl Medium for Disk {
    fn open(&self, file: StoreFile) -> io::Result<Box<dyn StorageBackend>> {
        if self.state.load(Ordering::Relaxed) == LIES_ONCE {
            self.becomes(SOUND);
        }
        Ok(Box::new(OpenFile {
            inner: Folder::new(&self.folder).open(file)?,
            state: Arc::clone(&self.state),
        }))
    }

    fn created(&self, file: StoreFile) -> io::Result<()> {
        Folder::new(&self.folder).created(file)
    }

    fn set_aside(&self, file: StoreFile) -> io::Result<Option<String>> {
        Folder::new(&self.folder).set_aside(file)
    }

    fn place(&self) -> PathBuf {
        self.folder.clone()
    }
}

#[derive(Debug)]
struct OpenFile {
    inner: Box<dyn StorageBackend>,
    state: Arc<AtomicU8>,
}

impl OpenFile {
    fn is(&self, state: u8) -> bool {
        self.state.load(Ordering::Relaxed) == state
    }

    fn is_hole(&self, page: u64) -> io::Result<bool> {
        let from = page * PAGE;
        let left = self.inner.len()?.saturating_sub(from).min(PAGE);
        let mut bytes = vec![0; usize::try_from(left).unwrap()];
        self.inner.read(from, &mut bytes)?;
        Ok(bytes.iter().all(|byte| *byte == 0))
    }
}

impl StorageBackend for OpenFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.inner.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()?;
        if self.is(LIES) || self.is(LIES_ONCE) {
            return Err(io::Error::other("so it says"));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset + u64::try_from(data.len()).unwrap();
        if self.is(FULL) {
            for page in offset / PAGE..end.div_ceil(PAGE) {
                if self.is_hole(page)? {
                    return Err(io::ErrorKind::StorageFull.into());
                }
            }
        }
        self.inner.write(offset, data)
    }

    fn try_lock_range(&self, from: Bound<u64>, to: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(from, to)
    }

    fn unlock_range(&self, from: Bound<u64>, to: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(from, to)
    }
}

fn event(detail: &str) -> Event {
    Event {
        at: Timestamp::from_seconds(1_780_000_000),
        code: EventCode::MeterSilent,
        meter: None,
        detail: detail.to_owned(),
    }
}

/// More than a fresh file has room for.
fn many_events() -> impl Iterator<Item = Event> {
    (0..400).map(|n| event(&format!("{n} {}", "x".repeat(900))))
}

fn batch_of(events: impl IntoIterator<Item = Event>) -> Batch {
    let mut batch = Batch::new();
    for event in events {
        let at = event.at;
        batch.push(Body::Event(event), at, ClockQuality::Synchronised);
    }
    batch
}

fn batch(detail: &str) -> Batch {
    batch_of([event(detail)])
}

fn rows() -> ProfileRows {
    let row = |n: u64| Row {
        end: Timestamp::from_seconds(1_780_002_000 + n * 900),
        values: vec![i64::try_from(n).ok()],
        flags: Flags::NONE,
        offset_ms: 0,
    };
    let channel = Channel {
        obis: Obis::new([1, 0, 1, 8, 0, 255]),
        exponent: 0,
        unit: Unit::WattHour,
        kind: ChannelKind::Register,
    };
    ProfileRows {
        meter: "feeder-7".parse().unwrap(),
        profile: GATEWAY_PROFILE,
        shape: ProfileShape {
            period: Period::from_seconds(900).unwrap(),
            channels: [channel].into(),
        },
        clock: ClockQuality::Synchronised,
        rows: (0..3).map(row).collect(),
    }
}

fn details(shelf: &mut Shelf) -> Vec<String> {
    let found = shelf.with(|store| store.pending(Stream::Events, 0, 1000));
    let entries = found.unwrap().entries.into_iter();
    let details = entries.filter_map(|entry| match entry.body {
        Body::Event(event) => Some(event.detail),
        _ => None,
    });
    details.collect()
}

#[track_caller]
fn must_not_work_now(appended: &Appended) {
    assert!(matches!(appended, Appended::NotNow(_)), "{appended:?}");
}

#[track_caller]
fn must_be_done(appended: &Appended) {
    assert!(matches!(appended, Appended::Done), "{appended:?}");
}

#[tokio::test(start_paused = true)]
async fn what_landed_in_spite_of_a_fault_is_not_written_twice() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let mut shelf = disk.shelf();
    disk.becomes(LIES);
    must_not_work_now(&shelf.append(&batch("one")));
    disk.becomes(SOUND);
    // Retention numbers its gap records in between.
    shelf.write_now(|store| store.append(batch("gap"))).unwrap();
    advance(Duration::from_secs(5)).await;
    must_be_done(&shelf.append(&batch("one")));
    must_be_done(&shelf.append(&batch("two")));
    assert_eq!(details(&mut shelf), ["one", "gap", "two"]);
}

#[tokio::test(start_paused = true)]
async fn what_did_not_land_is_written_whatever_moved_the_numbers_since() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let mut shelf = disk.shelf();
    disk.becomes(FULL);
    must_not_work_now(&shelf.append(&batch_of(many_events())));
    disk.becomes(SOUND);
    shelf.write_now(|store| store.append(batch("gap"))).unwrap();
    advance(Duration::from_secs(5)).await;
    must_be_done(&shelf.append(&batch_of(many_events())));
    assert_eq!(details(&mut shelf).len(), 401);
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_while_nothing_can_be_written() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let mut shelf = disk.shelf();
    must_be_done(&shelf.append(&batch("stored")));
    disk.becomes(FULL);
    for _ in 0..3 {
        let appended = shelf.append(&batch_of(many_events()));
        must_not_work_now(&appended);
        if let Appended::NotNow(error) = appended {
            assert!(error.is_disk_full(), "{error:?}");
        }
        assert_eq!(details(&mut shelf), ["stored"]);
        must_not_work_now(&shelf.append(&batch("at once again")));
        assert_eq!(details(&mut shelf), ["stored"]);
        advance(Duration::from_secs(5)).await;
    }
}

fn keeper(disk: &Disk) -> (Storekeeper, Alarms) {
    let settings = StoreSettings {
        commit_every: Duration::from_secs(10),
        cache_bytes: 4 * 1024 * 1024,
        keep_profile: Duration::from_hours(24 * 900),
        keep_readings: Duration::from_hours(24 * 30),
        outbox_bytes: 64 * 1024 * 1024,
    };
    let parts = StorekeeperParts {
        settings,
        partition: Partition::of(|| {
            Ok(Space {
                free: 1 << 33,
                total: 1 << 34,
            })
        }),
        clock: Clock::new(Arc::new(SystemClock)),
        shutdown: CancellationToken::new(),
        pulse: Pulse::new(STOREKEEPER),
    };
    let alarms = Alarms::default();
    let (keeper, _) = Storekeeper::new(disk.shelf(), parts, false, alarms.clone());
    (keeper, alarms)
}

#[tokio::test(start_paused = true)]
async fn what_arrives_after_a_commit_of_unknown_end_is_kept_too() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let (mut keeper, _) = keeper(&disk);
    disk.becomes(LIES);
    keeper.answer(Ask::Keep(vec![Record::Event(event("one"))], Urgency::Soon));
    keeper.commit();
    assert!(keeper.failing);
    keeper.answer(Ask::Keep(vec![Record::Event(event("two"))], Urgency::Soon));
    disk.becomes(SOUND);
    advance(Duration::from_secs(5)).await;
    keeper.commit();
    assert!(!keeper.failing && keeper.unstored() == 0);
    assert_eq!(details(&mut keeper.shelf), ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_told_from_a_broken_one() {
    for (way, is_full) in [(LIES, false), (FULL, true)] {
        let folder = TempDir::new().unwrap();
        let disk = Disk::new(folder.path());
        let (mut keeper, _) = keeper(&disk);
        disk.becomes(way);
        let records = many_events().map(Record::Event).collect();
        keeper.answer(Ask::Keep(records, Urgency::Soon));
        keeper.commit();
        let said = keeper.announce.borrow().clone();
        assert_eq!((said.failing, said.disk_full), (true, is_full));
        disk.becomes(SOUND);
        advance(Duration::from_secs(5)).await;
        keeper.commit();
        let said = keeper.announce.borrow().clone();
        assert_eq!((said.failing, said.disk_full), (false, false));
    }
}

#[tokio::test(start_paused = true)]
async fn an_interval_that_waits_in_memory_is_not_begun_again() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let (mut keeper, _) = keeper(&disk);
    disk.becomes(FULL);
    keeper.answer(Ask::Keep(
        many_events().map(Record::Event).collect(),
        Urgency::Soon,
    ));
    keeper.commit();
    assert!(keeper.failing);
    let rows = rows();
    let (meter, profile) = (rows.meter.clone(), rows.profile);
    let last = rows.rows.last().unwrap().end;
    keeper.answer(Ask::Keep(vec![Record::Rows(rows)], Urgency::Soon));
    let (reply, mut answer) = oneshot::channel();
    let look = Look::LastRow {
        meter: meter.clone(),
        profile,
        reply,
    };
    keeper.answer(look.into());
    let found = answer.try_recv().unwrap().unwrap();
    assert_eq!(found.map(|(row, _)| row.end), Some(last));
    let (reply, mut answer) = oneshot::channel();
    let to = last.before(Duration::from_secs(1));
    let look = Look::LastRowUpTo {
        meter,
        profile,
        to,
        reply,
    };
    keeper.answer(look.into());
    let found = answer.try_recv().unwrap().unwrap();
    assert_eq!(
        found.map(|row| row.end),
        Some(last.before(Duration::from_mins(15)))
    );
}

#[tokio::test(start_paused = true)]
async fn an_interval_that_waits_in_memory_is_not_called_missing() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let (mut keeper, _) = keeper(&disk);
    disk.becomes(FULL);
    let records = many_events().map(Record::Event).collect();
    keeper.answer(Ask::Keep(records, Urgency::Soon));
    keeper.commit();
    assert!(keeper.failing);
    let rows = rows();
    let (meter, profile) = (rows.meter.clone(), rows.profile);
    let first = rows.rows.first().unwrap().end;
    keeper.answer(Ask::Keep(vec![Record::Rows(rows)], Urgency::Soon));
    let mut ask = |to| {
        let (reply, mut answer) = oneshot::channel();
        let look = Look::Profile {
            meter: meter.clone(),
            profile,
            from: Timestamp::default(),
            to,
            reply,
        };
        keeper.answer(look.into());
        answer.try_recv().unwrap()
    };
    assert!(ask(first).is_err());
    let before = first.before(Duration::from_secs(1));
    assert!(ask(before).unwrap().blocks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn people_see_what_the_storekeeper_notes() {
    let folder = TempDir::new().unwrap();
    let (mut keeper, alarms) = keeper(&Disk::new(folder.path()));
    keeper.note(EventCode::DiskNearlyFull, "make room".to_owned());
    let newest = alarms.newest();
    assert!(
        newest.iter().any(|alarm| alarm.contains("make room")),
        "{newest:?}"
    );
}

mod journal;
