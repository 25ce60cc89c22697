//! What the owner of a store may rely on.

use crate::disk::Disk;
use crate::model::{CLOCK, Model, PROFILE, at, block, compare, event, meter, poll};
use metering::{ClockQuality, Timestamp};
use std::time::Duration;
use storage::limits::AUDIT_KEPT;
use storage::{
    AuditRecord, Batch, Body, DiskSpace, FileState, GapRange, GapReason, Lookup, Remedy,
    RetentionPolicy, Store, StoreError, StoreFile, StoreOptions, Stream, VerifyFrom, set_aside,
};

const FOREVER: Timestamp = Timestamp::from_millis(i64::MAX.cast_unsigned());
const ROOM: DiskSpace = DiskSpace {
    free: 50,
    total: 100,
};

fn options() -> StoreOptions {
    StoreOptions::new([7; 8])
}

fn fresh() -> (Disk, Store) {
    let disk = Disk::default();
    let (store, _) = Store::open_on(&disk, &options()).unwrap();
    (disk, store)
}

fn append(store: &mut Store, body: Body, seconds: u64) -> u64 {
    let mut batch = Batch::new();
    batch.push(body, at(seconds), CLOCK);
    let given = store.append(batch).unwrap();
    given.first().unwrap().1
}

fn readings(store: &mut Store, seconds: u64) -> u64 {
    append(store, Body::Readings(vec![poll(0, seconds)]), seconds)
}

fn record(detail: &str) -> AuditRecord {
    AuditRecord {
        at: at(1),
        who: "installer".to_owned(),
        what: "configuration-applied".to_owned(),
        detail: detail.to_owned(),
    }
}

fn seal_all(store: &mut Store) {
    while store.seal().unwrap().more {}
}

fn ends(store: &Store, after: Timestamp, upto: Timestamp, limit: usize) -> (Vec<Timestamp>, bool) {
    let data = store
        .profile(&meter(0), PROFILE, after, upto, limit)
        .unwrap();
    let rows = data.blocks.iter().flat_map(|block| &block.rows);
    (rows.map(|row| row.end).collect(), data.more)
}

#[test]
fn a_folder_holds_the_store_across_openings() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, report) = Store::open(folder.path(), &options()).unwrap();
    assert_eq!(
        (report.hot, report.archive),
        (FileState::Fresh, FileState::Fresh)
    );
    assert!(!report.unclean_stop);
    append(&mut store, Body::Profile(block(0, 0, 3, 0)), 1);
    let again = Store::open(folder.path(), &options());
    assert!(matches!(&again, Err(StoreError::InUse { .. })), "{again:?}");
    seal_all(&mut store);
    append(&mut store, Body::Profile(block(0, 3, 2, 0)), 2);
    store.close().unwrap();

    let other = StoreOptions::new([9; 8]);
    let (store, report) = Store::open(folder.path(), &other).unwrap();
    assert_eq!(
        (report.hot, report.archive),
        (FileState::Existing, FileState::Existing)
    );
    assert!(!report.unclean_stop);
    assert_eq!(store.epoch(), [7; 8], "the epoch belongs to the file");
    assert_eq!(store.next(Stream::Profiles), 3);
    assert_eq!(ends(&store, Timestamp::default(), FOREVER, 99).0.len(), 5);
    drop(store);

    let (_, report) = Store::open(folder.path(), &other).unwrap();
    assert!(report.unclean_stop, "it was dropped, not closed");
}

#[test]
fn a_broken_file_is_set_aside_once_and_the_other_one_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), &options()).unwrap();
    append(&mut store, Body::Profile(block(0, 0, 3, 0)), 1);
    seal_all(&mut store);
    append(&mut store, Body::Profile(block(0, 3, 2, 0)), 2);
    store.close().unwrap();

    let path = folder.path().join("hot.redb");
    std::fs::write(&path, vec![0x55; 100_000]).unwrap();
    let other = StoreOptions::new([9; 8]);
    let (mut store, report) = Store::open(folder.path(), &other).unwrap();
    let FileState::SetAside { name, why } = report.hot else {
        panic!("{report:?}");
    };
    assert_eq!(name, "hot.redb.broken-1");
    assert!(why.contains("hot.redb cannot be used"), "{why}");
    assert_eq!(report.archive, FileState::Existing);
    assert_eq!(
        std::fs::read(folder.path().join(name)).unwrap().len(),
        100_000
    );
    assert_eq!(store.epoch(), [9; 8], "numbers begin anew in a new epoch");
    assert_eq!(store.next(Stream::Profiles), 1);
    assert_eq!(ends(&store, Timestamp::default(), FOREVER, 99).0.len(), 3);
    append(&mut store, Body::Profile(block(0, 3, 2, 0)), 2);
    seal_all(&mut store);
    assert_eq!(ends(&store, Timestamp::default(), FOREVER, 99).0.len(), 5);
    store.close().unwrap();

    let aside = set_aside(folder.path(), StoreFile::Archive).unwrap();
    assert_eq!(aside.as_deref(), Some("archive.redb.broken-1"));
    let third = StoreOptions::new([11; 8]);
    let (mut store, report) = Store::open(folder.path(), &third).unwrap();
    assert_eq!(report.archive, FileState::Fresh);
    let found = ends(&store, Timestamp::default(), FOREVER, 99).0;
    assert_eq!(found.len(), 2, "what the log still has is sealed once more");
    seal_all(&mut store);
    assert_eq!(ends(&store, Timestamp::default(), FOREVER, 99).0, found);
    for n in 0..5 {
        std::fs::write(&path, vec![n; 50_000]).unwrap();
        set_aside(folder.path(), StoreFile::Hot).unwrap();
    }
    let broken = std::fs::read_dir(folder.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("hot.redb.broken")
    });
    assert_eq!(broken.count(), 3, "no more than three are kept");
}

#[test]
fn after_a_disk_error_nothing_or_all_of_the_batch_is_there() {
    for fails_after in 0..25 {
        let (disk, mut store) = fresh();
        readings(&mut store, 10);
        disk.fail_after(Some(fails_after));
        let mut batch = Batch::new();
        batch.push(Body::Readings(vec![poll(0, 20)]), at(20), CLOCK);
        batch.push(Body::Event(event(20)), at(20), CLOCK);
        let outcome = store.append(batch.clone());
        if let Err(error) = &outcome {
            assert_eq!(error.remedy(), Remedy::Reopen, "{error:?}");
        }
        drop(store);
        disk.fail_after(None);
        let (mut store, report) = Store::open_on(&disk, &options()).unwrap();
        assert!(report.unclean_stop);
        let next = (store.next(Stream::Telemetry), store.next(Stream::Events));
        if outcome.is_ok() {
            assert_eq!(next, (3, 2));
        } else if next == (2, 1) {
            store.append(batch).unwrap();
        } else {
            assert_eq!(next, (3, 2), "a batch is never torn");
        }
        assert_eq!(
            store.telemetry(&meter(0), at(0), FOREVER, 9).unwrap().len(),
            2
        );
        assert_eq!(store.events(9).unwrap().len(), 1);
    }
}

#[test]
fn a_watermark_frees_and_islands_are_not_sent_again() {
    let (disk, mut store) = fresh();
    for n in 1..=9 {
        readings(&mut store, n * 10);
    }
    let freed = store.confirm(Stream::Telemetry, 3, &[(5, 6)]).unwrap();
    assert_eq!(freed.entries, 5);
    let numbers = |store: &Store, after| -> Vec<u64> {
        let pending = store.pending(Stream::Telemetry, after, 99).unwrap();
        pending.entries.iter().map(|entry| entry.number).collect()
    };
    assert_eq!(numbers(&store, 0), [4, 7, 8, 9]);
    assert_eq!(numbers(&store, 7), [8, 9]);
    assert_eq!(store.confirm(Stream::Telemetry, 3, &[]).unwrap().entries, 0);
    let beyond = store.confirm(Stream::Telemetry, 10, &[]);
    assert_eq!(beyond.unwrap_err().remedy(), Remedy::FixCaller);
    let outbox = store.outbox().unwrap();
    let outbox = outbox
        .iter()
        .find(|outbox| outbox.stream == Stream::Telemetry)
        .unwrap();
    assert_eq!((outbox.entries, outbox.oldest), (4, Some(4)));
    assert_eq!(outbox.oldest_at, Some(at(40)));

    // Confirmed and sealed: the row goes. Confirmed alone: it stays for the archive.
    assert!(matches!(
        store.entry(Stream::Telemetry, 2).unwrap(),
        Lookup::Held(_)
    ));
    seal_all(&mut store);
    assert_eq!(store.entry(Stream::Telemetry, 2).unwrap(), Lookup::Freed);
    assert!(matches!(
        store.entry(Stream::Telemetry, 4).unwrap(),
        Lookup::Held(_)
    ));
    assert_eq!(
        store.entry(Stream::Telemetry, 10).unwrap(),
        Lookup::NotWritten
    );

    drop(store);
    let (store, _) = Store::open_on(&disk, &options()).unwrap();
    assert_eq!(
        numbers(&store, 0),
        [4, 7, 8, 9],
        "sealing made the watermark durable"
    );
    let after = store.outbox().unwrap();
    let after = after
        .iter()
        .find(|outbox| outbox.stream == Stream::Telemetry)
        .unwrap();
    assert_eq!((after.entries, after.bytes), (outbox.entries, outbox.bytes));
}

#[test]
fn watermarks_reach_the_disk_once_a_minute_not_with_every_commit() {
    let (_disk, mut store) = fresh();
    readings(&mut store, 1);
    let mut bytes = Vec::new();
    for n in 1..20 {
        store.confirm(Stream::Telemetry, n, &[]).unwrap();
        let before = store.stats().unwrap().hot.written_bytes;
        readings(&mut store, n * 10);
        bytes.push(store.stats().unwrap().hot.written_bytes - before);
    }
    let most = bytes.iter().max().unwrap();
    let carried = bytes.iter().filter(|bytes| *bytes == most).count();
    assert!(carried <= 5, "{bytes:?}");
}

#[test]
fn a_profile_is_read_page_by_page_from_archive_and_log() {
    let (_disk, mut store) = fresh();
    append(&mut store, Body::Profile(block(0, 0, 100, 0)), 1);
    append(&mut store, Body::Profile(block(1, 0, 100, 0)), 1);
    seal_all(&mut store);
    append(&mut store, Body::Profile(block(0, 90, 20, 5)), 2);
    let all = ends(&store, Timestamp::default(), FOREVER, 999);
    assert_eq!((all.0.len(), all.1), (110, false));
    assert!(all.0.is_sorted_by(|a, b| a < b));
    let mut paged = Vec::new();
    let mut after = Timestamp::default();
    loop {
        let (page, more) = ends(&store, after, FOREVER, 7);
        assert!(page.len() <= 7);
        after = *page.last().unwrap();
        paged.extend(page);
        if !more {
            break;
        }
    }
    assert_eq!(paged, all.0);
    let corrected = store
        .profile(&meter(0), PROFILE, all.0[89], all.0[90], 9)
        .unwrap();
    assert_eq!(
        corrected.blocks[0].rows,
        [block(0, 90, 1, 5).rows[0].clone()]
    );
    let (narrow, _) = ends(&store, all.0[3], all.0[5], 99);
    assert_eq!(narrow, all.0[4..6], "`after` is excluded, `upto` included");
    let nobody = store
        .profile(&meter(9), PROFILE, Timestamp::default(), FOREVER, 9)
        .unwrap();
    assert!(nobody.blocks.is_empty());
    let (last, shape) = store.last_row(&meter(0), PROFILE).unwrap().unwrap();
    assert_eq!((last.end, shape), (all.0[109], crate::model::shape()));
    seal_all(&mut store);
    assert_eq!(store.last_row(&meter(0), PROFILE).unwrap().unwrap().0, last);
    assert_eq!(store.last_row(&meter(9), PROFILE).unwrap(), None);
}

#[test]
fn poison_is_set_aside_counted_and_released() {
    let (disk, mut store) = fresh();
    for n in 1..=3 {
        readings(&mut store, n);
    }
    store
        .quarantine(Stream::Telemetry, 2, "refused four times", at(9))
        .unwrap();
    drop(store);
    let (mut store, _) = Store::open_on(&disk, &options()).unwrap();
    let pending = store.pending(Stream::Telemetry, 0, 9).unwrap();
    assert_eq!(pending.entries.len(), 2);
    let aside = store.quarantined().unwrap();
    assert_eq!(aside.len(), 1);
    assert_eq!(
        (aside[0].number, aside[0].why.as_str()),
        (2, "refused four times")
    );
    assert_eq!(
        store.entry(Stream::Telemetry, 2).unwrap(),
        Lookup::SetAside,
        "who asks for it by number shall not get it as if nothing were wrong"
    );
    store.release(Stream::Telemetry, 2).unwrap();
    assert!(matches!(
        store.entry(Stream::Telemetry, 2).unwrap(),
        Lookup::Held(_)
    ));
    assert_eq!(
        store
            .pending(Stream::Telemetry, 0, 9)
            .unwrap()
            .entries
            .len(),
        3
    );
    assert!(store.quarantined().unwrap().is_empty());
    store
        .quarantine(Stream::Telemetry, 2, "again", at(9))
        .unwrap();
    store.confirm(Stream::Telemetry, 3, &[]).unwrap();
    store.flush().unwrap();
    assert!(
        store.quarantined().unwrap().is_empty(),
        "the head-end has it"
    );
}

#[test]
fn the_audit_chain_grows_and_tells_the_head_end() {
    let (disk, mut store) = fresh();
    for n in 0..3 {
        let mut batch = Batch::new();
        batch.audit(record(&format!("{n}a")), CLOCK);
        batch.audit(record(&format!("{n}b")), CLOCK);
        let given = store.append(batch).unwrap();
        assert_eq!(
            given,
            [(Stream::Audit, n + 1)],
            "one entry for both records"
        );
    }
    let entry = store.entry(Stream::Audit, 3).unwrap();
    let Lookup::Held(entry) = entry else {
        panic!("{entry:?}");
    };
    assert_eq!(entry.body, Body::Audit(store.audit_head()));
    drop(store);
    let (store, _) = Store::open_on(&disk, &options()).unwrap();
    let verdict = store.verify_audit().unwrap();
    assert_eq!(
        (verdict.first, verdict.last, verdict.broken_at),
        (1, 6, None)
    );
    let links = store.audit_records(5, 9).unwrap();
    assert_eq!(links.len(), 2);
    assert!(links[1].follows(links[0].head()));
    assert_eq!(links[1].record.detail, "2b");
}

#[test]
fn old_audit_records_go_only_once_the_head_end_knows_what_follows() {
    let (disk, mut store) = fresh();
    let mut batch = Batch::new();
    for n in 1..=AUDIT_KEPT + 50 {
        batch.audit(record(&n.to_string()), CLOCK);
    }
    store.append(batch).unwrap();
    let full = DiskSpace {
        free: 0,
        total: 100,
    };
    let policy = RetentionPolicy::default();
    let far = at(86_400 * 4000);
    let report = store.retain(&policy, full, far, CLOCK).unwrap();
    assert_eq!(report.audit_records, 0, "nobody else has them");
    store.confirm(Stream::Audit, 1, &[]).unwrap();
    let report = store.retain(&policy, full, far, CLOCK).unwrap();
    assert_eq!(report.audit_records, 50);
    drop(store);
    let (store, _) = Store::open_on(&disk, &options()).unwrap();
    let chain = store.verify_audit().unwrap();
    let (first, last) = (51, AUDIT_KEPT + 50);
    assert_eq!(
        (chain.first, chain.last, chain.broken_at),
        (first, last, None)
    );
}

#[test]
fn state_is_kept_with_the_batch_and_removed_by_an_empty_value() {
    let (disk, mut store) = fresh();
    store.set_state(3, 4, b"position").unwrap();
    drop(store);
    let (mut store, _) = Store::open_on(&disk, &options()).unwrap();
    assert_eq!(
        store.state(3, 4).unwrap().as_deref(),
        Some(b"position".as_slice())
    );
    assert_eq!(store.state(3, 5).unwrap(), None);
    store.set_state(3, 4, b"").unwrap();
    assert_eq!(store.state(3, 4).unwrap(), None);
    let too_long = store.set_state(3, 4, &[0; 5000]);
    assert_eq!(too_long.unwrap_err().remedy(), Remedy::FixCaller);
}

#[test]
fn unsent_entries_go_by_their_own_limits_and_leave_a_gap() {
    let (_disk, mut store) = fresh();
    for n in 0..100 {
        readings(&mut store, n);
        append(&mut store, Body::Profile(block(0, n, 1, 0)), n);
    }
    store.confirm(Stream::Telemetry, 10, &[(20, 30)]).unwrap();
    let mut policy = RetentionPolicy::default();
    policy.telemetry.bytes = 3_000;
    policy.profiles.bytes = 3_000;
    let report = store.retain(&policy, ROOM, at(200), CLOCK).unwrap();
    let dropped: Vec<_> = report.dropped.iter().map(|(stream, ..)| *stream).collect();
    assert_eq!(
        dropped,
        [Stream::Telemetry, Stream::Telemetry],
        "profiles stay until they are sealed: {report:?}"
    );
    let (first, second) = (report.dropped[0], report.dropped[1]);
    assert_eq!((first.1, first.2, second.1), (11, 19, 31));
    assert_eq!(first.3, GapReason::OutboxFull);
    let outbox = store.outbox().unwrap();
    assert!(
        outbox
            .iter()
            .all(|outbox| outbox.stream == Stream::Profiles || outbox.bytes <= 3_000)
    );
    let gap = store.pending(Stream::Gaps, 0, 9).unwrap().entries.remove(0);
    let Body::Gap(gap) = gap.body else {
        panic!("{gap:?}");
    };
    let ranges = vec![(11, 19), (31, second.2)];
    let stream = Stream::Telemetry;
    assert_eq!(gap.what, GapRange::Numbers { stream, ranges });
    let lookup = store.entry(Stream::Telemetry, 12).unwrap();
    assert_eq!(lookup, Lookup::Dropped(GapReason::OutboxFull));

    seal_all(&mut store);
    let report = store.retain(&policy, ROOM, at(300), CLOCK).unwrap();
    assert!(
        report
            .dropped
            .iter()
            .all(|(stream, ..)| *stream == Stream::Profiles)
    );
    assert!(!report.dropped.is_empty());
    let (rows, _) = ends(&store, Timestamp::default(), FOREVER, 999);
    assert_eq!(rows.len(), 100, "the archive has them all the same");
    let report = store.retain(&policy, ROOM, at(300), CLOCK).unwrap();
    assert!(report.dropped.is_empty());
}

#[test]
fn old_entries_go_only_by_a_clock_that_can_be_trusted() {
    let (_disk, mut store) = fresh();
    readings(&mut store, 1);
    append(&mut store, Body::Event(event(1)), 1);
    seal_all(&mut store);
    let later = at(86_400 * 40);
    let policy = RetentionPolicy::default();
    let doubtful = ClockQuality::Unsynchronised;
    let report = store.retain(&policy, ROOM, later, doubtful).unwrap();
    assert!(
        report.dropped.is_empty() && report.telemetry_chunks == 0,
        "{report:?}"
    );
    let report = store.retain(&policy, ROOM, later, CLOCK).unwrap();
    assert_eq!(
        report.dropped,
        [(Stream::Telemetry, 1, 1, GapReason::TooOld)]
    );
    assert_eq!(report.telemetry_chunks, 1);
    assert_eq!(
        store.pending(Stream::Events, 0, 9).unwrap().entries.len(),
        1
    );
}

#[test]
fn a_clock_gone_wrong_does_not_empty_the_archive() {
    let (_disk, mut store) = fresh();
    append(&mut store, Body::Profile(block(0, 0, 48 * 20, 0)), 1);
    seal_all(&mut store);
    let far = at(86_400 * 4000);
    let report = store
        .retain(&RetentionPolicy::default(), ROOM, far, CLOCK)
        .unwrap();
    assert_eq!(report.profile_chunks, 2);
    assert_eq!(
        ends(&store, Timestamp::default(), FOREVER, 9999).0.len(),
        48 * 18
    );
}

#[test]
fn a_nearly_full_disk_takes_telemetry_first_and_old_profiles_last() {
    let (_disk, mut store) = fresh();
    append(&mut store, Body::Profile(block(0, 0, 48 * 60, 0)), 1);
    for day in 0..4 {
        readings(&mut store, day * 86_400);
    }
    append(&mut store, Body::Event(event(1)), 1);
    let mut batch = Batch::new();
    batch.audit(record("one"), CLOCK);
    store.append(batch).unwrap();
    seal_all(&mut store);
    let policy = RetentionPolicy {
        telemetry: storage::OutboxCap {
            bytes: u64::MAX,
            age: Duration::from_hours(2400),
        },
        ..RetentionPolicy::default()
    };
    let now = at(86_400 * 4);
    let low = DiskSpace {
        free: 9,
        total: 100,
    };
    let report = store.retain(&policy, low, now, CLOCK).unwrap();
    assert_eq!((report.telemetry_chunks, report.profile_chunks), (1, 0));
    assert!(report.dropped.is_empty() && !report.stop_telemetry);

    let critical = DiskSpace {
        free: 4,
        total: 100,
    };
    let report = store.retain(&policy, critical, now, CLOCK).unwrap();
    assert_eq!((report.telemetry_chunks, report.profile_chunks), (1, 0));
    assert!(report.stop_telemetry);
    assert_eq!(
        report.dropped,
        [(Stream::Telemetry, 1, 4, GapReason::DiskNearlyFull)]
    );
    let mut days = Vec::new();
    for _ in 0..40 {
        let report = store.retain(&policy, critical, now, CLOCK).unwrap();
        assert!(report.dropped.is_empty());
        days.push((report.telemetry_chunks, report.profile_chunks));
    }
    assert_eq!(
        days[..3],
        [(1, 0), (1, 0), (0, 1)],
        "profiles after the last telemetry"
    );
    let (rows, _) = ends(&store, Timestamp::default(), FOREVER, 99_999);
    assert!(rows.len() >= 48 * 40, "a billing month stays");
    let outbox = store.outbox().unwrap();
    let of = |stream| {
        outbox
            .iter()
            .find(|outbox| outbox.stream == stream)
            .unwrap()
    };
    assert_eq!(of(Stream::Events).entries, 1);
    assert!(
        of(Stream::Profiles).entries > 0,
        "unsent profiles stay in the outbox"
    );
    assert_eq!(of(Stream::Audit).entries, 1);
    let chain = store.verify_audit().unwrap();
    assert_eq!((chain.first, chain.last, chain.broken_at), (1, 1, None));
}

#[test]
fn damage_is_found_reported_and_never_believed() {
    let (disk, mut store) = fresh();
    for n in 0..40 {
        append(&mut store, Body::Profile(block(n % 4, n * 20, 20, 0)), n);
        readings(&mut store, n * 700);
    }
    seal_all(&mut store);
    readings(&mut store, 90_000);
    let mut model = Vec::new();
    for owner in 0..4 {
        let data = store
            .profile(&meter(owner), PROFILE, at(0), FOREVER, 9999)
            .unwrap();
        model.extend(data.blocks);
    }
    store.close().unwrap();
    let mut found = 0;
    let length = disk.images().get(StoreFile::Archive).len();
    for offset in (5_000..length).step_by(97) {
        let copy = Disk::with(disk.images());
        copy.damage(StoreFile::Archive, offset);
        // redb may refuse, or panic on a page it cannot make sense of; only values count here.
        let looked = std::panic::catch_unwind(|| {
            let (store, _) = Store::open_on(&copy, &options()).unwrap();
            for owner in 0..4 {
                let data = store
                    .profile(&meter(owner), PROFILE, at(0), FOREVER, 9999)
                    .unwrap();
                for row in data.blocks.iter().flat_map(|block| &block.rows) {
                    let owner = meter(owner);
                    let known = model.iter().filter(|block| block.meter == owner);
                    assert!(
                        known
                            .flat_map(|block| &block.rows)
                            .any(|known| known == row)
                    );
                }
            }
            let slice = store.verify(VerifyFrom::default(), usize::MAX).unwrap();
            slice.damaged.len()
        });
        found += looked.unwrap_or(0);
    }
    assert!(
        found > 10,
        "only {found} of the damaged chunks were noticed"
    );
}

#[test]
fn a_check_goes_slice_by_slice_through_everything() {
    let (_disk, mut store) = fresh();
    for n in 0..30 {
        append(&mut store, Body::Profile(block(n % 3, n * 50, 20, 0)), n);
        readings(&mut store, n * 2000);
    }
    seal_all(&mut store);
    let stats = store.stats().unwrap();
    let (mut from, mut checked) = (Some(VerifyFrom::default()), 0);
    while let Some(here) = from {
        let slice = store.verify(here, 7).unwrap();
        assert!(slice.checked <= 7 && slice.damaged.is_empty());
        checked += slice.checked;
        from = slice.next;
    }
    let rows = stats.log_rows + stats.profile_chunks + stats.telemetry_chunks;
    assert_eq!(u64::try_from(checked).unwrap(), rows);
    assert!(stats.hot.syncs > 60 && stats.hot.written_bytes > 0 && stats.archive.length > 0);
    assert!(stats.profile_bytes > 0 && stats.profile_values > 0);
}

#[test]
fn sealing_in_slices_loses_nothing() {
    let (_disk, mut store) = fresh();
    let mut model = Model::default();
    for n in 0..3 {
        let polls: Vec<_> = (0..4000).map(|second| poll(n, n * 4000 + second)).collect();
        for part in polls.chunks(1000) {
            let mut batch = Batch::new();
            batch.push(Body::Readings(part.to_vec()), at(n), CLOCK);
            for (stream, number) in store.append(batch).unwrap() {
                let Lookup::Held(entry) = store.entry(stream, number).unwrap() else {
                    panic!("{stream} {number}");
                };
                model.entry(stream, number, entry.body);
            }
        }
    }
    let mut reports = vec![store.seal().unwrap()];
    while reports.last().unwrap().more {
        reports.push(store.seal().unwrap());
    }
    let entries: u64 = reports.iter().map(|report| report.entries).sum();
    assert_eq!(entries, store.next(Stream::Telemetry) - 1);
    assert_eq!(model.polls.len(), 12_000);
    compare(&store, &model, &model).unwrap();
    assert_eq!(store.seal().unwrap().entries, 0);
}

/// Whoever filled the disk did so at every moment of a store's life, and then the power failed.
#[test]
fn a_store_killed_on_a_full_disk_opens_and_reads() {
    let (disk, mut store) = fresh();
    let mut model = Model::default();
    for n in 1..60 {
        let body = Body::Profile(block(n % 4, n * 3, 3, 0));
        let number = append(&mut store, body.clone(), n * 600);
        model.entry(Stream::Profiles, number, body);
        if n % 20 == 0 {
            seal_all(&mut store);
            model.sealed.insert(Stream::Profiles, number);
        }
        let copy = Disk::with(disk.images());
        copy.fill(true);
        let (mut filled, report) = Store::open_on(&copy, &options()).unwrap();
        assert!(report.unclean_stop);
        compare(&filled, &model, &model).unwrap();
        let mut told = 0;
        for more in 0..1000 {
            let mut batch = Batch::new();
            let body = Body::Profile(block(1, 1000 + more * 400, 400, more));
            batch.push(body, at(9), CLOCK);
            let Err(error) = filled.append(batch) else {
                continue;
            };
            assert!(error.is_disk_full(), "{error:?}");
            told += 1;
            drop(filled);
            (filled, _) = Store::open_on(&copy, &options()).unwrap();
            break;
        }
        assert_eq!(told, 1, "the disk was never full");
        copy.fill(false);
        append(&mut filled, Body::Event(event(1)), 1);
    }
}
