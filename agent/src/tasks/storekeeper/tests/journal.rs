//! Commands by way of the storekeeper, on disks that fail.

use super::{Disk, FULL, LIES, LIES_ONCE, SOUND, details, event, keeper, many_events};
use crate::tasks::storekeeper::handle::Reply;
use crate::tasks::storekeeper::journal::{JournalAsk, JournalLook};
use crate::tasks::storekeeper::{Ask, Beside, Record, Storekeeper, Urgency};
use metering::Timestamp;
use std::time::Duration;
use storage::{
    Acceptance, AcceptedCommand, CommandEnd, CommandRecord, CommandState, CommandStep, Judgement,
    Remembered, StoreError, Stream, verify_segment,
};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::advance;

const ID: [u8; 16] = [4; 16];

fn command(number: u64) -> AcceptedCommand {
    let id = number.to_be_bytes();
    AcceptedCommand {
        id: if number == 1 {
            ID
        } else {
            [id, id].concat().try_into().unwrap()
        },
        signer: [1; 8],
        number,
        digest: [2; 32],
        envelope: vec![3; 400],
        door: 1,
        who: "anna".to_owned(),
        what: "tariff.set".to_owned(),
        at: Timestamp::from_seconds(1_780_000_000 + number),
    }
}

fn step(number: u32) -> CommandStep {
    CommandStep {
        state: CommandState::Executing,
        step: number,
        steps: 3,
        at: Timestamp::from_seconds(1_780_000_100),
        note: String::new(),
        proof: None,
    }
}

fn end() -> CommandEnd {
    CommandEnd {
        state: CommandState::Succeeded,
        at: Timestamp::from_seconds(1_780_000_200),
        note: String::new(),
        proof: None,
        receipt: b"signed".to_vec(),
    }
}

/// Asks and has the answer at once.
fn ask<T, A: Into<Ask>>(
    keeper: &mut Storekeeper,
    make: impl FnOnce(Reply<T>) -> A,
) -> Result<T, StoreError> {
    let (reply, mut answer) = oneshot::channel();
    keeper.answer(make(reply).into());
    answer.try_recv().unwrap()
}

fn accept(keeper: &mut Storekeeper, number: u64) -> Result<Acceptance, StoreError> {
    let (command, beside) = (Box::new(command(number)), Beside::default());
    ask(keeper, |reply| JournalAsk::Accept {
        command,
        beside,
        reply,
    })
}

fn advance_to(keeper: &mut Storekeeper, next: CommandStep) -> Result<(), StoreError> {
    ask(keeper, |reply| JournalAsk::Advance {
        id: ID,
        next,
        beside: Beside::default(),
        reply,
    })
}

fn finish(keeper: &mut Storekeeper, beside: Beside) -> Result<u64, StoreError> {
    ask(keeper, |reply| JournalAsk::Finish {
        id: ID,
        end: Box::new(end()),
        beside,
        reply,
    })
}

fn found(keeper: &mut Storekeeper) -> Option<CommandRecord> {
    ask(keeper, |reply| JournalLook::Command(ID, reply)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_command_lives_and_ends_and_its_receipt_is_announced() {
    let folder = TempDir::new().unwrap();
    let (mut keeper, _) = keeper(&Disk::new(folder.path()));
    let judged = ask(&mut keeper, |reply| JournalAsk::Judge {
        id: ID,
        digest: [2; 32],
        signer: [1; 8],
        number: 2,
        reply,
    });
    assert_eq!(judged.unwrap(), Judgement::Gap { expected: 1 });
    assert_eq!(
        accept(&mut keeper, 1).unwrap(),
        Acceptance::Accepted { order: 1 }
    );
    assert!(matches!(
        accept(&mut keeper, 1).unwrap(),
        Acceptance::Not(Judgement::Known(_))
    ));
    assert_eq!(
        accept(&mut keeper, 2).unwrap(),
        Acceptance::Accepted { order: 2 }
    );
    advance_to(&mut keeper, step(1)).unwrap();
    let interrupted = ask(&mut keeper, JournalLook::Interrupted).unwrap();
    assert_eq!(interrupted.len(), 1);
    let value = Remembered {
        version: 3,
        bytes: vec![9],
    };
    let beside = Beside {
        records: vec![
            Record::Receipt(b"executing".to_vec()),
            Record::Event(event("beside")),
        ],
        values: vec![("key-set".to_owned(), Some(value.clone()))],
    };
    assert_eq!(finish(&mut keeper, beside).unwrap(), 2);
    let said = keeper.announce.borrow().clone();
    let receipts = said
        .outbox
        .iter()
        .find(|outbox| outbox.stream == Stream::Receipts);
    assert_eq!(receipts.map(|outbox| outbox.entries), Some(2));
    assert_eq!(details(&mut keeper.shelf), ["beside"]);
    let recalled = ask(&mut keeper, |reply| {
        JournalLook::Recall("key-set".to_owned(), reply)
    });
    assert_eq!(recalled.unwrap(), Some(value));
    let names = ask(&mut keeper, |reply| {
        JournalLook::Names("key".to_owned(), reply)
    });
    assert_eq!(names.unwrap(), [("key-set".to_owned(), 3)]);
    let open = ask(&mut keeper, JournalLook::Open).unwrap();
    let newest = ask(&mut keeper, |reply| JournalLook::Newest(1, reply)).unwrap();
    assert_eq!(open, newest, "the second one is not ended");
    let numbers = ask(&mut keeper, JournalLook::Numbers).unwrap();
    assert_eq!(numbers, [([1; 8], 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_let_go_is_gone() {
    let folder = TempDir::new().unwrap();
    let (mut keeper, _) = keeper(&Disk::new(folder.path()));
    let wish = |value| Beside {
        records: Vec::new(),
        values: vec![("key-set".to_owned(), value)],
    };
    for value in [Some(Remembered::default()), None] {
        let beside = wish(value.clone());
        ask(&mut keeper, |reply| JournalAsk::Remember { beside, reply }).unwrap();
        let recalled = ask(&mut keeper, |reply| {
            JournalLook::Recall("key-set".to_owned(), reply)
        });
        assert_eq!(recalled.unwrap(), value);
    }
}

/// The first commit after opening marks the file before it writes: only later ones can land in
/// spite of their fault.
async fn settle(keeper: &mut Storekeeper) {
    advance(Duration::from_secs(5)).await;
    keeper.answer(Ask::Keep(vec![Record::Event(event(""))], Urgency::Soon));
    keeper.commit();
    assert!(!keeper.failing);
}

/// A sync happens, and is said to have failed: what landed is found, and nothing runs twice.
#[tokio::test(start_paused = true)]
async fn what_landed_in_spite_of_a_fault_is_answered_as_done() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let (mut keeper, _) = keeper(&disk);
    disk.becomes(LIES_ONCE);
    let accepted = accept(&mut keeper, 1).unwrap();
    assert_eq!(accepted, Acceptance::Accepted { order: 1 });
    settle(&mut keeper).await;
    disk.becomes(LIES_ONCE);
    advance_to(&mut keeper, step(1)).unwrap();
    settle(&mut keeper).await;
    disk.becomes(LIES_ONCE);
    assert_eq!(finish(&mut keeper, Beside::default()).unwrap(), 1);
    settle(&mut keeper).await;
    let record = found(&mut keeper).unwrap();
    assert_eq!(record.progress.receipt, b"signed");
    assert!(matches!(
        accept(&mut keeper, 1).unwrap(),
        Acceptance::Not(Judgement::Known(_))
    ));
    assert_eq!(
        accept(&mut keeper, 2).unwrap(),
        Acceptance::Accepted { order: 2 }
    );
}

/// The doubt lasts longer than the answer: whoever asks again is told what is.
#[tokio::test(start_paused = true)]
async fn an_end_that_landed_unheard_is_told_when_it_comes_again() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let (mut keeper, _) = keeper(&disk);
    accept(&mut keeper, 1).unwrap();
    advance_to(&mut keeper, step(1)).unwrap();
    disk.becomes(LIES);
    assert!(finish(&mut keeper, Beside::default()).is_err());
    assert!(finish(&mut keeper, Beside::default()).is_err());
    disk.becomes(SOUND);
    advance(Duration::from_secs(5)).await;
    assert_eq!(finish(&mut keeper, Beside::default()).unwrap(), 1);
    let next = keeper.shelf.with(|store| Ok(store.next(Stream::Receipts)));
    assert_eq!(next.unwrap(), 2, "there is one receipt");
    let other = CommandEnd {
        receipt: b"another".to_vec(),
        ..end()
    };
    let other = ask(&mut keeper, |reply| JournalAsk::Finish {
        id: ID,
        end: Box::new(other),
        beside: Beside::default(),
        reply,
    });
    assert!(matches!(other, Err(StoreError::WrongState { .. })));
}

#[tokio::test(start_paused = true)]
async fn what_did_not_land_is_refused_and_accepted_later() {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let (mut keeper, _) = keeper(&disk);
    disk.becomes(FULL);
    let records: Vec<Record> = many_events().map(Record::Event).collect();
    keeper.answer(Ask::Keep(records, Urgency::Soon));
    keeper.commit();
    assert!(keeper.failing);
    let large = |keeper: &mut Storekeeper| {
        let mut command = command(1);
        command.envelope = vec![3; 16 * 1024];
        ask(keeper, |reply| JournalAsk::Accept {
            command: Box::new(command),
            beside: Beside {
                records: many_events().map(Record::Event).collect(),
                values: Vec::new(),
            },
            reply,
        })
    };
    advance(Duration::from_secs(5)).await;
    let refused = large(&mut keeper).unwrap_err();
    assert!(refused.is_disk_full(), "{refused}");
    assert_eq!(found(&mut keeper), None);
    let resting = accept(&mut keeper, 1).unwrap_err();
    assert!(matches!(resting, StoreError::Resting { .. }), "{resting}");
    disk.becomes(SOUND);
    advance(Duration::from_secs(5)).await;
    assert_eq!(
        large(&mut keeper).unwrap(),
        Acceptance::Accepted { order: 1 }
    );
    keeper.commit();
    assert_eq!(keeper.unstored(), 0);
    assert_eq!(details(&mut keeper.shelf).len(), 800);
}

#[tokio::test(start_paused = true)]
async fn an_audit_line_that_waits_is_in_the_piece_that_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let (mut keeper, _) = keeper(&Disk::new(folder.path()));
    accept(&mut keeper, 1).unwrap();
    let line = Record::Audit {
        who: "ben".to_owned(),
        what: "key set taken".to_owned(),
        detail: "version 3".to_owned(),
    };
    let too_long = Record::Receipt(vec![0; 9000]);
    keeper.answer(Ask::Keep(vec![line, too_long], Urgency::Window));
    let piece = ask(&mut keeper, |reply| JournalLook::Audit(1, 9, reply)).unwrap();
    let words = piece.links.iter().map(|link| link.record.what.as_str());
    assert_eq!(
        words.collect::<Vec<_>>(),
        ["command accepted", "key set taken"]
    );
    assert!(verify_segment(&piece, None).is_ok());
}
