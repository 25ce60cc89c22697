//! What the owner of the command journal may rely on.

use crate::disk::Disk;
use crate::model::{CLOCK, at};
use storage::limits::{COMMANDS_KEPT, COMMANDS_OPEN_MAX, PROOF_BYTES_MAX};
use storage::{
    Acceptance, AcceptedCommand, AuditRecord, Batch, Body, CommandEnd, CommandRecord, CommandState,
    CommandStep, DiskSpace, Judgement, Lookup, Remedy, Remembered, RetentionPolicy, Store,
    StoreError, StoreFile, StoreOptions, Stream, VerifyFrom, verify_segment,
};

pub(crate) const ANNA: [u8; 8] = *b"anna-key";
pub(crate) const BEN: [u8; 8] = *b"ben--key";
/// The gateway's own people have noughts.
pub(crate) const LOCAL: [u8; 8] = [0; 8];

/// A command of which all is told by its signer and number.
pub(crate) fn command(signer: [u8; 8], number: u64) -> AcceptedCommand {
    let mut id = [7; 16];
    let (first, last) = id.split_at_mut(8);
    first.copy_from_slice(&signer);
    last.copy_from_slice(&number.to_be_bytes());
    let envelope = format!("envelope {number} of {signer:?}").into_bytes();
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&id);
    AcceptedCommand {
        id,
        signer,
        number,
        digest,
        envelope,
        door: 1,
        who: "anna".to_owned(),
        what: "tariff.set".to_owned(),
        at: at(number),
    }
}

pub(crate) fn step(state: CommandState, step: u32, steps: u32) -> CommandStep {
    CommandStep {
        state,
        step,
        steps,
        at: at(1000 + u64::from(step)),
        note: format!("step {step}"),
        proof: None,
    }
}

pub(crate) fn end(state: CommandState, receipt: &str) -> CommandEnd {
    CommandEnd {
        state,
        at: at(2000),
        note: String::new(),
        proof: None,
        receipt: receipt.as_bytes().to_vec(),
    }
}

fn options(epoch: u8) -> StoreOptions {
    StoreOptions::new([epoch; 8])
}

fn fresh() -> (Disk, Store) {
    let disk = Disk::default();
    let (store, _) = Store::open_on(&disk, &options(7)).unwrap();
    (disk, store)
}

pub(crate) fn accept(store: &mut Store, signer: [u8; 8], number: u64) -> Acceptance {
    let command = command(signer, number);
    store.accept(command, CLOCK, Batch::new()).unwrap()
}

fn advance(store: &mut Store, id: [u8; 16], next: CommandStep) -> Result<(), StoreError> {
    store.advance(id, next, CLOCK, Batch::new())
}

fn finish(store: &mut Store, id: [u8; 16], end: CommandEnd) -> Result<u64, StoreError> {
    store.finish(id, end, CLOCK, Batch::new())
}

fn state(store: &Store, id: [u8; 16]) -> CommandState {
    store.command(id).unwrap().unwrap().progress.state
}

fn not(judgement: Judgement) -> Acceptance {
    Acceptance::Not(judgement)
}

#[test]
fn each_signer_counts_by_itself_and_without_gaps() {
    let (_, mut store) = fresh();
    assert_eq!(
        accept(&mut store, ANNA, 1),
        Acceptance::Accepted { order: 1 }
    );
    assert_eq!(
        accept(&mut store, BEN, 2),
        not(Judgement::Gap { expected: 1 })
    );
    assert_eq!(
        accept(&mut store, BEN, 1),
        Acceptance::Accepted { order: 2 }
    );
    assert_eq!(
        accept(&mut store, ANNA, 3),
        not(Judgement::Gap { expected: 2 })
    );
    assert_eq!(
        accept(&mut store, ANNA, 2),
        Acceptance::Accepted { order: 3 }
    );
    assert_eq!(
        accept(&mut store, LOCAL, 1),
        Acceptance::Accepted { order: 4 }
    );
    let mut used = command(ANNA, 1);
    used.id = [1; 16];
    let used = store.accept(used, CLOCK, Batch::new()).unwrap();
    assert_eq!(used, not(Judgement::Replay { last: 2 }));
    let mut nought = command(ANNA, 0);
    nought.id = [2; 16];
    let nought = store.accept(nought, CLOCK, Batch::new()).unwrap();
    assert_eq!(nought, not(Judgement::Replay { last: 2 }));
    assert_eq!(store.last_number(ANNA).unwrap(), 2);
    assert_eq!(store.last_number(*b"unknown-").unwrap(), 0);
    assert_eq!(
        store.last_numbers().unwrap(),
        [(LOCAL, 1), (ANNA, 2), (BEN, 1)]
    );
    let newest = store.newest_commands(2).unwrap();
    let orders: Vec<u64> = newest.iter().map(|record| record.order).collect();
    assert_eq!(orders, [4, 3]);
    let second = store.command_numbered(ANNA, 2).unwrap().unwrap();
    assert_eq!(second.command, command(ANNA, 2));
    assert!(store.command_numbered(ANNA, 3).unwrap().is_none());
}

#[test]
fn the_same_id_again_is_answered_from_the_store() {
    let (_, mut store) = fresh();
    accept(&mut store, ANNA, 1);
    let id = command(ANNA, 1).id;
    let known = |store: &Store| Box::new(store.command(id).unwrap().unwrap());
    let stored = known(&store);
    assert_eq!(accept(&mut store, ANNA, 1), not(Judgement::Known(stored)));
    advance(&mut store, id, step(CommandState::Executing, 1, 1)).unwrap();
    finish(&mut store, id, end(CommandState::Succeeded, "signed")).unwrap();
    let stored = known(&store);
    assert_eq!(stored.progress.receipt, b"signed");
    assert_eq!(accept(&mut store, ANNA, 1), not(Judgement::Known(stored)));
    let mut other = command(ANNA, 1);
    other.digest = [9; 32];
    let head = store.audit_head();
    let other = store.accept(other, CLOCK, Batch::new()).unwrap();
    assert_eq!(other, not(Judgement::Conflict));
    assert_eq!(
        store.audit_head(),
        head,
        "what is not accepted writes nothing"
    );
}

#[test]
fn a_command_goes_through_its_steps_to_one_end() {
    let (_, mut store) = fresh();
    accept(&mut store, ANNA, 1);
    let id = command(ANNA, 1).id;
    for number in 1..=12 {
        advance(&mut store, id, step(CommandState::Executing, number, 12)).unwrap();
    }
    let mut beside = Batch::new();
    beside.set_state(1, 2, vec![3]);
    beside.push(Body::Receipt(b"of another".to_vec()), at(1999), CLOCK);
    let mut last = end(CommandState::Succeeded, "signed");
    last.proof = Some(vec![5; PROOF_BYTES_MAX]);
    let number = store.finish(id, last, CLOCK, beside).unwrap();
    assert_eq!(number, 2, "the receipt comes behind what came beside");
    let record = store.command(id).unwrap().unwrap();
    assert_eq!((record.progress.step, record.progress.steps), (12, 12));
    assert_eq!((record.progress.entry, record.progress.at), (2, at(2000)));
    assert_eq!(store.state(1, 2).unwrap(), Some(vec![3]));
    let Lookup::Held(entry) = store.entry(Stream::Receipts, 2).unwrap() else {
        panic!("the receipt waits for the head-end");
    };
    assert_eq!(entry.body, Body::Receipt(b"signed".to_vec()));
    assert!(store.open_commands().unwrap().is_empty());
    let words: Vec<_> = store.audit_records(1, 9).unwrap();
    let words: Vec<&str> = words.iter().map(|link| link.record.what.as_str()).collect();
    assert_eq!(words, ["command accepted", "command succeeded"]);

    for again in [CommandState::Succeeded, CommandState::Failed] {
        let again = finish(&mut store, id, end(again, "signed")).unwrap_err();
        assert!(matches!(again, StoreError::WrongState { .. }), "{again}");
        assert_eq!(again.remedy(), Remedy::FixCaller);
    }
    let again = advance(&mut store, id, step(CommandState::Executing, 12, 12));
    assert!(matches!(again, Err(StoreError::WrongState { .. })));
    assert_eq!(store.next(Stream::Receipts), 3);
}

#[track_caller]
fn check_refused(store: &mut Store, id: [u8; 16], next: CommandStep) {
    let before = store.command(id).unwrap();
    let refused = advance(store, id, next).unwrap_err();
    assert_eq!(refused.remedy(), Remedy::FixCaller, "{refused}");
    assert_eq!(store.command(id).unwrap(), before);
}

#[test]
fn what_the_contract_does_not_draw_is_refused() {
    use CommandState::{Accepted, Executing, Failed, Partial, Succeeded, Unknown};
    let (_, mut store) = fresh();
    let nobody = advance(&mut store, [9; 16], step(Executing, 1, 1)).unwrap_err();
    assert!(
        matches!(nobody, StoreError::NoSuchCommand { .. }),
        "{nobody}"
    );
    accept(&mut store, ANNA, 1);
    let id = command(ANNA, 1).id;
    check_refused(&mut store, id, step(Partial, 1, 2));
    check_refused(&mut store, id, step(Accepted, 0, 0));
    check_refused(&mut store, id, step(Executing, 2, 1));
    check_refused(&mut store, id, step(Succeeded, 1, 1));
    assert!(
        finish(&mut store, id, end(Succeeded, "signed")).is_err(),
        "nothing was executed"
    );
    advance(&mut store, id, step(Executing, 2, 3)).unwrap();
    check_refused(&mut store, id, step(Executing, 1, 3));
    check_refused(&mut store, id, step(Executing, 3, 4));
    let mut proven = step(Executing, 3, 3);
    proven.proof = Some(vec![0; PROOF_BYTES_MAX + 1]);
    check_refused(&mut store, id, proven);
    assert!(
        finish(&mut store, id, end(Partial, "signed")).is_err(),
        "that is no end"
    );
    let empty = finish(&mut store, id, end(Failed, "")).unwrap_err();
    assert!(
        matches!(empty, StoreError::Unfit { .. }),
        "an end has a receipt: {empty}"
    );
    advance(&mut store, id, step(Unknown, 2, 3)).unwrap();
    check_refused(&mut store, id, step(Executing, 2, 3));
    advance(&mut store, id, step(Partial, 2, 3)).unwrap();
    advance(&mut store, id, step(Executing, 1, 5)).unwrap();
    finish(&mut store, id, end(Succeeded, "signed")).unwrap();
    let words: Vec<_> = store.audit_records(1, 9).unwrap();
    let words: Vec<&str> = words.iter().map(|link| link.record.what.as_str()).collect();
    assert_eq!(
        words,
        [
            "command accepted",
            "command unknown",
            "command partial",
            "command succeeded"
        ]
    );
}

#[test]
fn after_a_stop_what_was_under_way_is_named() {
    let (disk, mut store) = fresh();
    let id = |number| command(ANNA, number).id;
    for number in 1..=4 {
        accept(&mut store, ANNA, number);
    }
    for number in 2..=4 {
        advance(&mut store, id(number), step(CommandState::Executing, 1, 2)).unwrap();
    }
    advance(&mut store, id(3), step(CommandState::Partial, 1, 2)).unwrap();
    finish(&mut store, id(4), end(CommandState::Failed, "signed")).unwrap();
    drop(store);
    let (store, report) = Store::open_on(&disk, &options(7)).unwrap();
    assert!(report.unclean_stop);
    let names = |records: Vec<CommandRecord>| -> Vec<u64> {
        records.iter().map(|record| record.command.number).collect()
    };
    assert_eq!(names(store.interrupted().unwrap()), [2]);
    assert_eq!(names(store.open_commands().unwrap()), [1, 2, 3]);
}

/// The gate above refuses an envelope of another epoch; here its numbers are unknown anyway.
#[test]
fn a_lost_store_counts_anew_under_a_new_epoch() {
    let (disk, mut store) = fresh();
    for number in 1..=3 {
        accept(&mut store, ANNA, number);
    }
    let value = Remembered {
        version: 4,
        bytes: vec![1],
    };
    store.remember("key-set", value, Batch::new()).unwrap();
    assert_eq!(store.epoch(), [7; 8]);
    drop(store);
    for offset in 0..8 {
        disk.damage(StoreFile::Hot, offset);
    }
    let (mut store, _) = Store::open_on(&disk, &options(8)).unwrap();
    assert_eq!(disk.set_aside_files(), [StoreFile::Hot]);
    assert_eq!(store.epoch(), [8; 8]);
    assert_eq!(store.last_number(ANNA).unwrap(), 0);
    assert!(store.newest_commands(9).unwrap().is_empty());
    assert_eq!(store.recall("key-set").unwrap(), None);
    assert_eq!(
        accept(&mut store, ANNA, 4),
        not(Judgement::Gap { expected: 1 })
    );
    assert_eq!(
        accept(&mut store, ANNA, 1),
        Acceptance::Accepted { order: 1 }
    );
}

#[test]
fn too_many_open_commands_are_told_to_wait() {
    let (_, mut store) = fresh();
    for number in 1..=COMMANDS_OPEN_MAX {
        accept(&mut store, ANNA, number);
    }
    assert_eq!(accept(&mut store, BEN, 1), not(Judgement::Busy));
    assert_eq!(store.last_number(BEN).unwrap(), 0, "its number is not used");
    let first = command(ANNA, 1).id;
    finish(&mut store, first, end(CommandState::Expired, "signed")).unwrap();
    assert_eq!(
        accept(&mut store, BEN, 1),
        Acceptance::Accepted {
            order: COMMANDS_OPEN_MAX + 1
        }
    );
}

#[test]
fn old_commands_go_when_they_have_ended_and_never_come_back() {
    let (_, mut store) = fresh();
    accept(&mut store, BEN, 1);
    let total = COMMANDS_KEPT + 40;
    for number in 1..=total {
        accept(&mut store, ANNA, number);
        let id = command(ANNA, number).id;
        finish(&mut store, id, end(CommandState::Expired, "signed")).unwrap();
    }
    let first = command(ANNA, 1);
    assert!(store.command(first.id).unwrap().is_none());
    assert_eq!(
        accept(&mut store, ANNA, 1),
        not(Judgement::Replay { last: total })
    );
    assert!(store.command_numbered(ANNA, 1).unwrap().is_none());
    assert_eq!(state(&store, command(BEN, 1).id), CommandState::Accepted);
    assert!(store.command(command(ANNA, total).id).unwrap().is_some());
    let slice = store.verify(VerifyFrom::default(), usize::MAX).unwrap();
    assert!(slice.damaged.is_empty());
    let journal = slice.checked - usize::try_from(store.next(Stream::Receipts)).unwrap() + 1
        - usize::try_from(store.next(Stream::Audit)).unwrap()
        + 1;
    let kept = usize::try_from(COMMANDS_KEPT).unwrap();
    assert!((kept..=kept + 2).contains(&journal), "{journal}");

    // By age, all but the open one and the newest.
    let room = DiskSpace {
        free: 50,
        total: 100,
    };
    let later = at(1001 * 86_400);
    let mut gone = 0;
    loop {
        let report = store
            .retain(&RetentionPolicy::default(), room, later, CLOCK)
            .unwrap();
        gone += report.commands;
        if report.commands == 0 {
            break;
        }
    }
    assert!(gone > 900, "{gone}");
    let left: Vec<u64> = store
        .newest_commands(9)
        .unwrap()
        .iter()
        .map(|record| record.order)
        .collect();
    assert_eq!(left, [total + 1, 1]);
    assert_eq!(
        accept(&mut store, ANNA, total + 1),
        Acceptance::Accepted { order: total + 2 }
    );
    // Receipts that the head-end has not confirmed are never dropped.
    let outbox = store.outbox().unwrap();
    let receipts = outbox
        .iter()
        .find(|outbox| outbox.stream == Stream::Receipts);
    assert_eq!(receipts.map(|outbox| outbox.entries), Some(total));
}

#[test]
fn named_values_are_kept_with_the_rest_or_not_at_all() {
    let (disk, mut store) = fresh();
    let value = |version, length| Remembered {
        version,
        bytes: vec![5; length],
    };
    accept(&mut store, ANNA, 1);
    let id = command(ANNA, 1).id;
    advance(&mut store, id, step(CommandState::Executing, 1, 1)).unwrap();
    let mut beside = Batch::new();
    beside.remember("key-set", value(4, 300));
    beside.remember("scheme/day-night", value(0, 9000));
    store
        .finish(id, end(CommandState::Succeeded, "signed"), CLOCK, beside)
        .unwrap();
    drop(store);
    let (mut store, _) = Store::open_on(&disk, &options(7)).unwrap();
    assert_eq!(store.recall("key-set").unwrap(), Some(value(4, 300)));
    assert_eq!(
        store.remembered_names("scheme/").unwrap(),
        [("scheme/day-night".to_owned(), 0)]
    );
    assert_eq!(store.recall("policy").unwrap(), None);
    // A command that is not accepted leaves no trace, and neither does a value too many.
    let mut beside = Batch::new();
    beside.remember("key-set", value(5, 1));
    store.accept(command(ANNA, 9), CLOCK, beside).unwrap();
    assert_eq!(store.recall("key-set").unwrap(), Some(value(4, 300)));
    let mut full = 0;
    let refused = loop {
        let name = format!("list/{full:03}");
        match store.remember(&name, value(1, 262_144), Batch::new()) {
            Ok(()) => full += 1,
            Err(refused) => break refused,
        }
    };
    assert!(full > 60, "{full}");
    assert_eq!(refused.remedy(), Remedy::FixCaller, "{refused}");
    assert!(store.recall(&format!("list/{full:03}")).unwrap().is_none());
    let mut beside = Batch::new();
    for number in 0..full {
        beside.forget(&format!("list/{number:03}"));
    }
    store.append(beside).unwrap();
    store
        .remember("list/one", value(1, 262_144), Batch::new())
        .unwrap();
    let large = store.remember("list/two", value(1, 262_145), Batch::new());
    assert!(matches!(large, Err(StoreError::Unfit { .. })));
    let unnamed = store.remember("", value(1, 1), Batch::new());
    assert!(matches!(unnamed, Err(StoreError::Unfit { .. })));
}

#[test]
fn a_piece_of_the_audit_chain_is_checked_without_the_store() {
    let (_, mut store) = fresh();
    for number in 0..9 {
        let mut batch = Batch::new();
        let record = AuditRecord {
            at: at(number),
            who: "installer".to_owned(),
            what: "configuration applied".to_owned(),
            detail: number.to_string(),
        };
        batch.audit(record, CLOCK);
        store.append(batch).unwrap();
    }
    let head = store.audit_head();
    for (from, first) in [(0, 1), (1, 1), (2, 2), (9, 9)] {
        let piece = store.audit_segment(from, 99).unwrap();
        assert_eq!(piece.links.first().map(|link| link.number), Some(first));
        assert_eq!(verify_segment(&piece, Some(head)), Ok(head));
    }
    let some = store.audit_segment(3, 2).unwrap();
    let reached = verify_segment(&some, None).unwrap();
    assert_eq!((reached.number, some.links.len()), (4, 2));
    for beyond in [10, u64::MAX] {
        let none = store.audit_segment(beyond, 99).unwrap();
        assert_eq!((none.before, none.links.len()), (head, 0));
    }
}

/// A file as it was before there was a journal.
fn made_older(folder: &std::path::Path) {
    use redb::{ReadableDatabase as _, TableHandle as _};
    let file = folder.join("hot.redb");
    let database = redb::Database::open(file).unwrap();
    let transaction = database.begin_write().unwrap();
    let tables: Vec<_> = transaction.list_tables().unwrap().collect();
    let is_newer =
        |name: &str| name.starts_with("command") || name == "log-rs" || name == "remembered";
    let mut gone = 0;
    for table in tables {
        if is_newer(table.name()) {
            transaction.delete_table(table).unwrap();
            gone += 1;
        }
    }
    let mut cursors = transaction
        .open_table(redb::TableDefinition::<u8, &[u8]>::new("cursors"))
        .unwrap();
    cursors.remove(6).unwrap();
    drop(cursors);
    transaction.commit().unwrap();
    assert_eq!(gone, 8);
    let left = database
        .begin_read()
        .unwrap()
        .list_tables()
        .unwrap()
        .count();
    assert_eq!(left, 11, "what an older program wrote");
}

#[test]
fn a_store_from_before_the_journal_opens_and_keeps_all_it_had() {
    for is_clean in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(folder.path(), &options(7)).unwrap();
        let mut batch = Batch::new();
        batch.set_state(1, 2, vec![3]);
        batch.push(Body::Event(crate::model::event(5)), at(5), CLOCK);
        store.append(batch).unwrap();
        if is_clean {
            store.close().unwrap();
        } else {
            drop(store);
        }
        made_older(folder.path());

        let (mut store, report) = Store::open(folder.path(), &options(8)).unwrap();
        assert_eq!(report.hot, storage::FileState::Existing);
        assert_eq!(report.unclean_stop, !is_clean);
        assert_eq!(store.epoch(), [7; 8]);
        assert_eq!(store.events(9).unwrap().len(), 1);
        assert_eq!(store.state(1, 2).unwrap(), Some(vec![3]));
        assert!(store.interrupted().unwrap().is_empty());
        assert_eq!(store.recall("key-set").unwrap(), None);
        let clean = store.verify(VerifyFrom::default(), usize::MAX).unwrap();
        assert_eq!(clean.damaged, []);
        assert_eq!(
            accept(&mut store, ANNA, 1),
            Acceptance::Accepted { order: 1 }
        );
        let first = command(ANNA, 1).id;
        finish(&mut store, first, end(CommandState::Expired, "signed")).unwrap();
        store.close().unwrap();
        let (store, _) = Store::open(folder.path(), &options(8)).unwrap();
        assert_eq!(state(&store, first), CommandState::Expired);
        assert_eq!(store.next(Stream::Receipts), 2);
    }
}

/// Written by the program of the day before, and not closed.
#[test]
fn a_file_that_an_older_program_wrote_opens() {
    let folder = tempfile::tempdir().unwrap();
    let older = include_bytes!("../stores/before-journal.redb");
    std::fs::write(folder.path().join("hot.redb"), older).unwrap();
    let (mut store, report) = Store::open(folder.path(), &options(9)).unwrap();
    assert_eq!(report.hot, storage::FileState::Existing);
    assert!(report.unclean_stop);
    assert_eq!(store.epoch(), [7; 8]);
    assert_eq!(store.events(9).unwrap().len(), 1);
    assert_eq!(store.state(1, 2).unwrap(), Some(vec![3]));
    let verdict = store.verify_audit().unwrap();
    assert_eq!((verdict.last, verdict.broken_at), (1, None));
    assert_eq!(
        accept(&mut store, ANNA, 1),
        Acceptance::Accepted { order: 1 }
    );
    assert_eq!(store.audit_head().number, 2);
}
