use super::*;
use crate::CommandState;
use crate::codec::tests::block;
use crate::limits::LEDGER_ASIDE_MAX;

fn delivery(number: u64, rows: u64) -> Delivery {
    Delivery {
        gateway: "pmu-001".parse().unwrap(),
        epoch: [1; 8],
        stream: Stream::Profiles,
        number,
        hash: [u8::try_from(number).unwrap(); 32],
        rows: vec![block("feeder-1", number * 1800 * 100, rows, 2)],
        rev: 0,
        lost: Vec::new(),
        receipt: None,
        at: Timestamp::from_seconds(1),
    }
}

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    (folder, ledger)
}

#[track_caller]
fn check_watermark(ledger: &Ledger, upto: u64, islands: &[(u64, u64)]) {
    let gateway = "pmu-001".parse().unwrap();
    let found = ledger
        .watermark(&gateway, [1; 8], Stream::Profiles)
        .unwrap();
    assert_eq!((found.upto, found.islands.as_slice()), (upto, islands));
}

const fn booked(new: u64, replaced: u64, same: u64, differing: u64) -> Outcome {
    Outcome::New(Booked {
        new,
        replaced,
        same,
        differing,
    })
}

#[test]
fn a_delivery_is_booked_once() {
    let (folder, mut ledger) = ledger();
    assert_eq!(ledger.commit(&delivery(1, 3)).unwrap(), booked(6, 0, 0, 0));
    assert_eq!(ledger.commit(&delivery(1, 3)).unwrap(), Outcome::Duplicate);
    let mut forged = delivery(1, 4);
    forged.hash = [99; 32];
    assert_eq!(ledger.commit(&forged).unwrap(), Outcome::Conflict);
    let again = ledger
        .commit_all(&[delivery(2, 1), delivery(2, 1)])
        .unwrap();
    assert_eq!(again, [booked(2, 0, 0, 0), Outcome::Duplicate]);
    ledger.close().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    assert_eq!(ledger.commit(&delivery(1, 3)).unwrap(), Outcome::Duplicate);
    check_watermark(&ledger, 2, &[]);
}

#[test]
fn after_an_epoch_change_the_natural_key_prevents_double_counting() {
    let (_folder, mut ledger) = ledger();
    ledger.commit(&delivery(1, 3)).unwrap();
    let mut reborn = delivery(1, 3);
    reborn.epoch = [2; 8];
    assert_eq!(ledger.commit(&reborn).unwrap(), booked(0, 0, 6, 0));
    let sums = ledger.sums(&"pmu-001".parse().unwrap()).unwrap();
    assert_eq!(sums.iter().map(|sum| sum.values).sum::<u64>(), 6);
}

#[test]
fn only_a_higher_revision_replaces_a_value() {
    let (_folder, mut ledger) = ledger();
    ledger.commit(&delivery(1, 1)).unwrap();
    let corrected = |number, rev, value| {
        let mut delivery = delivery(1, 1);
        delivery.number = number;
        delivery.rev = rev;
        delivery.rows[0].rows[0].values[0] = value;
        delivery
    };
    assert_eq!(
        ledger.commit(&corrected(2, 0, Some(77))).unwrap(),
        booked(0, 0, 1, 1)
    );
    assert_eq!(
        ledger.commit(&corrected(3, 2, None)).unwrap(),
        booked(0, 2, 0, 0)
    );
    assert_eq!(
        ledger.commit(&corrected(4, 1, Some(78))).unwrap(),
        booked(0, 0, 1, 1)
    );
    assert_eq!(
        ledger.commit(&corrected(5, 2, Some(79))).unwrap(),
        booked(0, 1, 1, 0)
    );
    let gateway = "pmu-001".parse().unwrap();
    let always = (Timestamp::default(), Timestamp::from_millis(u64::MAX));
    let page = ledger
        .intervals(&gateway, None, always.0, always.1, None)
        .unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.rows[0].values[0].value, Some(79));
}

#[test]
fn the_watermark_stops_at_a_hole_until_it_is_filled_or_declared_lost() {
    let (_folder, mut ledger) = ledger();
    for number in [1, 2, 5, 6, 9] {
        ledger.commit(&delivery(number, 1)).unwrap();
    }
    check_watermark(&ledger, 2, &[(5, 6), (9, 9)]);
    let gateway: GatewayId = "pmu-001".parse().unwrap();
    let holes = ledger.holes(&gateway).unwrap();
    let ranges: Vec<_> = holes.iter().map(|hole| (hole.from, hole.to)).collect();
    assert_eq!(ranges, [(3, 4), (7, 8)]);
    let mut gap = delivery(1, 0);
    gap.stream = Stream::Gaps;
    gap.rows.clear();
    gap.lost = vec![(Stream::Profiles, 3, 4)];
    ledger.commit(&gap).unwrap();
    check_watermark(&ledger, 6, &[(9, 9)]);
    assert_eq!(ledger.lost(&gateway).unwrap().len(), 1);
    ledger.commit(&delivery(8, 1)).unwrap();
    ledger.commit(&delivery(7, 1)).unwrap();
    check_watermark(&ledger, 9, &[]);
    assert!(ledger.holes(&gateway).unwrap().is_empty());
}

#[test]
fn intervals_come_in_order_and_by_meter() {
    let (_folder, mut ledger) = ledger();
    let mut other = delivery(2, 2);
    other.rows[0].meter = "feeder-2".parse().unwrap();
    ledger
        .commit_all(&[delivery(3, 2), other, delivery(1, 2)])
        .unwrap();
    let gateway = "pmu-001".parse().unwrap();
    let meter = "feeder-1".parse().unwrap();
    let always = (Timestamp::default(), Timestamp::from_millis(u64::MAX));
    let mine = ledger
        .intervals(&gateway, Some(&meter), always.0, always.1, None)
        .unwrap();
    assert_eq!(mine.rows.len(), 4);
    assert!(mine.rows.is_sorted_by_key(|row| row.end));
    let narrow = (mine.rows[0].end, mine.rows[2].end);
    let some = ledger
        .intervals(&gateway, Some(&meter), narrow.0, narrow.1, None)
        .unwrap();
    assert_eq!(some.rows, mine.rows[1..3]);
    let nobody = "feeder-9".parse().unwrap();
    let none = ledger
        .intervals(&gateway, Some(&nobody), always.0, always.1, None)
        .unwrap();
    assert!(none.rows.is_empty());
}

#[test]
fn sums_add_increments_and_span_totals() {
    let (_folder, mut ledger) = ledger();
    ledger.commit(&delivery(1, 4)).unwrap();
    let sums = ledger.sums(&"pmu-001".parse().unwrap()).unwrap();
    assert_eq!(sums.len(), 2);
    let values: Vec<i64> = delivery(1, 4).rows[0]
        .rows
        .iter()
        .map(|row| row.values[0].unwrap())
        .collect();
    assert_eq!(sums[0].sum, i128::from(values.iter().sum::<i64>()));
    assert_eq!(sums[0].travelled(), Some(values[3] - values[0]));
}

fn receipt(number: u64, id: u8, state: CommandState) -> Delivery {
    let mut delivery = delivery(number, 0);
    delivery.stream = Stream::Receipts;
    delivery.rows.clear();
    let said = StateOfCommand {
        id: [id; 16],
        state,
        at: Timestamp::from_seconds(number),
    };
    delivery.receipt = Some(ReceivedReceipt {
        said,
        is_proven: false,
        signed: vec![u8::try_from(number).unwrap(); 9],
    });
    delivery
}

fn proven(mut delivery: Delivery) -> Delivery {
    delivery.receipt.as_mut().unwrap().is_proven = true;
    delivery
}

#[test]
fn every_receipt_is_kept_once_and_a_proven_one_goes_before_others() {
    use CommandState::{Executing, Failed, Succeeded};
    let (folder, mut ledger) = ledger();
    let gateway: GatewayId = "pmu-001".parse().unwrap();
    ledger.commit(&receipt(1, 1, Executing)).unwrap();
    ledger.commit(&receipt(2, 1, Failed)).unwrap();
    // The same receipt under another number, as a gateway sends it when it is asked again.
    let mut again = receipt(2, 1, Failed);
    again.number = 3;
    assert_eq!(ledger.commit(&again).unwrap(), booked(0, 0, 1, 0));
    assert_eq!(ledger.receipts_of(&gateway, [1; 16]).unwrap().len(), 2);
    // Nobody had proven that it failed; what is proven takes its place, and stays.
    let end = proven(receipt(4, 1, Succeeded));
    assert_eq!(ledger.commit(&end).unwrap(), booked(0, 1, 0, 0));
    assert_eq!(
        ledger.commit(&receipt(5, 1, Failed)).unwrap(),
        booked(0, 0, 0, 1)
    );
    // One that is proven later counts as proven, and is still one.
    let mut later = proven(receipt(1, 1, Executing));
    later.number = 6;
    ledger.commit(&later).unwrap();
    ledger.close().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let found = ledger.receipt(&gateway, [1; 16]).unwrap().unwrap();
    assert!(found.is_proven && found.said.state == Succeeded);
    let kept = ledger.receipts_of(&gateway, [1; 16]).unwrap();
    let proven: Vec<(u8, bool)> = kept
        .iter()
        .map(|one| (one.signed[0], one.is_proven))
        .collect();
    assert_eq!(proven, [(1, true), (2, false), (4, true), (5, false)]);
}

#[test]
fn what_is_set_aside_is_kept_once_confirms_nothing_and_has_a_limit() {
    let (_folder, mut ledger) = ledger();
    let gateway: GatewayId = "pmu-001".parse().unwrap();
    for _ in 0..2 {
        assert!(
            ledger
                .set_aside_receipt(&gateway, [7; 32], b"forged")
                .unwrap()
        );
    }
    assert_eq!(
        ledger.receipts_aside(&gateway).unwrap(),
        [b"forged".to_vec()]
    );
    let mark = ledger
        .watermark(&gateway, [1; 8], Stream::Receipts)
        .unwrap();
    assert_eq!(mark, Watermark::default());
    // The true receipt of that number is booked when it comes.
    let end = proven(receipt(1, 1, CommandState::Succeeded));
    assert_eq!(ledger.commit(&end).unwrap(), booked(1, 0, 0, 0));
    for number in 1..LEDGER_ASIDE_MAX {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        assert!(ledger.set_aside_receipt(&gateway, hash, b"").unwrap());
    }
    assert!(
        !ledger
            .set_aside_receipt(&gateway, [9; 32], b"one more")
            .unwrap()
    );
}

#[test]
fn a_command_is_booked_once_and_its_end_stays() {
    use CommandState::{Executing, Failed, Partial, Succeeded};
    let (folder, mut ledger) = ledger();
    let mut take = |number, id, state| ledger.commit(&receipt(number, id, state)).unwrap();
    assert_eq!(take(2, 1, Executing), booked(1, 0, 0, 0));
    assert_eq!(take(1, 1, Partial), booked(0, 0, 1, 0), "it was overtaken");
    assert_eq!(take(4, 1, Succeeded), booked(0, 1, 0, 0));
    assert_eq!(
        take(3, 1, Executing),
        booked(0, 0, 1, 0),
        "nothing follows an end"
    );
    assert_eq!(take(5, 1, Succeeded), booked(0, 0, 1, 0));
    assert_eq!(take(6, 1, Failed), booked(0, 0, 0, 1), "somebody must look");
    assert_eq!(take(6, 1, Failed), Outcome::Duplicate);
    assert_eq!(take(7, 2, Failed), booked(1, 0, 0, 0));
    ledger.close().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let gateway: GatewayId = "pmu-001".parse().unwrap();
    let found = ledger.receipt(&gateway, [1; 16]).unwrap().unwrap();
    assert_eq!(
        (found.said.state, found.number, found.epoch),
        (Succeeded, 4, [1; 8])
    );
    let states = |after| -> Vec<CommandState> {
        let found = ledger.receipts(&gateway, after).unwrap();
        found.iter().map(|booked| booked.said.state).collect()
    };
    assert_eq!(states(None), [Succeeded, Failed]);
    assert_eq!(states(Some([1; 16])), [Failed]);
    assert!(
        ledger
            .receipt(&"pmu-002".parse().unwrap(), [1; 16])
            .unwrap()
            .is_none()
    );
}
