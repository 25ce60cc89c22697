use super::*;
use crate::limits::WAITING_BLOCKS_MAX;
use head_end::{Birth, EventRecord, Gap, GapRange, GapReason, Message, Origin, Stream, Wanted};
use metering::{
    ChannelKind, ClockQuality, Event, EventCode, Flags, Obis, Period, ProfileRows, ProfileShape,
    Row, Timestamp, Unit,
};
use std::collections::BTreeMap;
use std::time::Duration;

const EPOCH: [u8; 8] = [7; 8];

fn block(meter: &str, mark: u64, total: i64) -> ProfileRows {
    let obis: Obis = "1-0:1.8.0".parse().unwrap();
    let channel = Channel {
        obis,
        exponent: 1,
        unit: Unit::WattHour,
        kind: ChannelKind::Register,
    };
    ProfileRows {
        meter: meter.parse().unwrap(),
        profile: "1-0:99.1.0".parse().unwrap(),
        shape: ProfileShape {
            period: Period::from_seconds(900).unwrap(),
            channels: vec![channel].into(),
        },
        clock: ClockQuality::Synchronised,
        rows: vec![Row {
            end: Timestamp::from_seconds(1_795_392_000 + 900 * mark),
            values: vec![Some(total)],
            flags: Flags::NONE,
            offset_ms: 0,
        }],
    }
}

fn record(number: u64, body: &Body) -> Message {
    let at = Timestamp::from_seconds(1_795_392_000);
    Message::new(EPOCH, number, at, ClockQuality::Synchronised, body).unwrap()
}

fn profile(number: u64, total: i64, with_list: bool) -> Message {
    let rows = block("feeder-1", number, total);
    let mut message = record(
        number,
        &Body::of_profile(&rows, Origin::Gateway, 0).unwrap(),
    );
    message.channels = with_list.then(|| Arc::clone(&rows.shape.channels));
    message
}

fn birth() -> Vec<u8> {
    let birth = Birth {
        session: 3,
        boots: 1,
        at: Timestamp::default(),
        clock: ClockQuality::Synchronised,
        firmware: "0.1.0".to_owned(),
        hardware: "test".to_owned(),
        epoch: EPOCH,
        outbox: BTreeMap::new(),
        capabilities: Vec::new(),
        set_aside: 0,
        key_set: 0,
        accepted: BTreeMap::new(),
    };
    birth.encode().unwrap()
}

fn at(second: u64) -> Now {
    let moment = Moment::new(Duration::from_secs(second));
    Now {
        moment,
        utc: Timestamp::from_seconds(1_795_392_000 + second),
    }
}

struct World {
    folder: tempfile::TempDir,
    books: Books,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::new(Ledger::open(folder.path()).unwrap());
        Self { folder, books }
    }

    /// As after a restart: the ledger is all that stays.
    fn again(self) -> Self {
        self.books.close().unwrap();
        let books = Books::new(Ledger::open(self.folder.path()).unwrap());
        Self {
            folder: self.folder,
            books,
        }
    }

    fn send(&mut self, word: &str, payload: &[u8]) -> News {
        let topic = format!("gw/v1/pmu-001/up/{word}");
        let mail = Mail {
            topic: topic.as_bytes(),
            payload,
            is_retained: word == "st",
        };
        self.books.take(&[mail], at(0)).unwrap()
    }

    fn take(&mut self, message: &Message) -> News {
        self.send(message.stream.word(), &message.encode().unwrap())
    }

    fn mark(&self) -> Option<(u64, Vec<(u64, u64)>)> {
        let marks = self
            .books
            .watermarks(&"pmu-001".parse().unwrap())
            .unwrap()?;
        let mark = marks.marks.get(&Stream::Profile)?;
        Some((mark.upto, mark.islands.clone()))
    }
}

#[test]
fn a_block_waits_for_its_channel_list_and_nothing_says_it_is_committed() {
    let mut world = World::new();
    world.send("st", &birth());
    let news = world.take(&profile(1, 100, false));
    assert!(news.changes.is_empty());
    assert_eq!(world.mark(), None);
    world.take(&profile(2, 110, false));
    world.take(&profile(2, 110, false));
    let news = world.take(&profile(3, 120, true));
    assert_eq!(news.changes.len(), 3);
    assert_eq!(world.mark(), Some((3, Vec::new())));
    assert_eq!(
        (world.books.tally.intervals, world.books.tally.duplicates),
        (3, 0)
    );
}

#[test]
fn a_list_is_found_in_the_ledger_after_a_restart() {
    let mut world = World::new();
    world.take(&profile(1, 100, true));
    let mut world = world.again();
    let news = world.take(&profile(2, 110, false));
    assert_eq!(news.changes.len(), 1);
    assert_eq!(news.changes[0].value, "1.10 kWh");
    assert_eq!(world.mark(), Some((2, Vec::new())));
}

#[test]
fn a_number_is_booked_once_and_another_content_is_an_alarm() {
    let mut world = World::new();
    world.take(&profile(1, 100, true));
    world.take(&profile(1, 100, true));
    let news = world.take(&profile(1, 101, true));
    assert!(
        news.remarks[0].starts_with("ALARM pmu-001: lp 1"),
        "{:?}",
        news.remarks
    );
    let tally = &world.books.tally;
    assert_eq!(
        (tally.intervals, tally.duplicates, tally.conflicts),
        (1, 1, 1)
    );
    let summary = world.books.summary().unwrap();
    assert_eq!(
        (summary.ledger_intervals, summary.meters, summary.gaps),
        (1, 1, 0)
    );
}

#[test]
fn another_number_with_the_same_interval_adds_nothing() {
    let mut world = World::new();
    world.take(&profile(1, 100, true));
    let rows = block("feeder-1", 1, 100);
    world.take(&record(
        2,
        &Body::of_profile(&rows, Origin::Gateway, 0).unwrap(),
    ));
    let rows = block("feeder-1", 1, 999);
    let news = world.take(&record(
        3,
        &Body::of_profile(&rows, Origin::Gateway, 0).unwrap(),
    ));
    assert!(news.remarks[0].starts_with("ALARM"), "{:?}", news.remarks);
    let tally = &world.books.tally;
    assert_eq!((tally.intervals, tally.same, tally.differing), (1, 1, 1));
}

#[test]
fn holes_are_asked_for_until_the_gateway_says_they_are_lost() {
    let mut world = World::new();
    world.send("st", &birth());
    world.take(&profile(1, 100, true));
    world.take(&profile(5, 140, false));
    let patience = Duration::from_mins(2);
    assert!(world.books.requests(at(0), patience).unwrap().is_empty());
    let requests = world.books.requests(at(120), patience).unwrap();
    assert_eq!(requests.len(), 1);
    let Wanted::Numbers {
        epoch,
        stream,
        ranges,
    } = &requests[0].1.wanted
    else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (*epoch, *stream, ranges.as_slice()),
        (EPOCH, Stream::Profile, &[(2, 4)][..])
    );
    let gap = |reason| {
        Body::Gap(Gap {
            range: GapRange::Numbers {
                epoch: None,
                stream: Stream::Profile,
                ranges: vec![(2, 4)],
            },
            reason,
            request: Some(requests[0].1.id.clone()),
        })
    };
    world.take(&record(1, &gap(GapReason::Busy)));
    assert_eq!(world.mark(), Some((1, vec![(5, 5)])));
    world.take(&record(2, &gap(GapReason::NotHeld)));
    assert_eq!(world.mark(), Some((5, Vec::new())));
    assert_eq!(world.books.summary().unwrap().lost, 3);
}

#[test]
fn a_gap_about_another_store_settles_nothing_here() {
    let mut world = World::new();
    world.take(&profile(5, 140, true));
    let gap = Gap {
        range: GapRange::Numbers {
            epoch: Some([9; 8]),
            stream: Stream::Profile,
            ranges: vec![(1, 4)],
        },
        reason: GapReason::OtherEpoch,
        request: None,
    };
    world.take(&record(1, &Body::Gap(gap)));
    assert_eq!(world.mark(), Some((0, vec![(5, 5)])));
}

#[test]
fn a_block_that_waits_is_asked_for() {
    let mut world = World::new();
    world.send("st", &birth());
    world.take(&profile(1, 100, false));
    world.take(&profile(2, 100, false));
    assert!(
        world
            .books
            .requests(at(0), Duration::from_secs(1))
            .unwrap()
            .is_empty()
    );
    let requests = world.books.requests(at(2), Duration::from_secs(1)).unwrap();
    let Wanted::Numbers { ranges, .. } = &requests[0].1.wanted else {
        panic!("{requests:?}")
    };
    assert_eq!(ranges.as_slice(), [(1, 2)]);
}

#[test]
fn bytes_of_strangers_change_nothing() {
    let mut world = World::new();
    world.take(&profile(1, 100, true));
    let day = profile(2, 110, true).encode().unwrap();
    for cut in 0..day.len() {
        world.send("lp", &day[..cut]);
    }
    world.send("ev", &day);
    world.send("st", &day);
    assert_eq!(
        world.books.tally.refused,
        u64::try_from(day.len()).unwrap() + 2
    );
    assert_eq!(world.mark(), Some((1, Vec::new())));
    assert_eq!(world.books.tally.booked, 1);
}

#[test]
fn what_waits_is_bounded() {
    let mut world = World::new();
    for number in 1..=u64::try_from(WAITING_BLOCKS_MAX).unwrap() + 10 {
        world.take(&profile(number, 100, false));
    }
    assert_eq!(world.books.waiting.len(), WAITING_BLOCKS_MAX);
}

#[test]
fn an_event_is_shown_without_its_control_characters() {
    let mut world = World::new();
    let event = EventRecord::from(&Event {
        at: Timestamp::default(),
        code: EventCode::MeterSilent,
        meter: Some("feeder-3".parse().unwrap()),
        detail: "look at \x1b[2J its wiring".to_owned(),
    });
    let news = world.take(&record(1, &Body::Event(event)));
    let expected = "pmu-001 feeder-3: meter-silent (act): look at ?[2J its wiring";
    assert_eq!(news.remarks, [expected]);
    assert_eq!(
        world
            .books
            .marks_due(at(0).moment, Duration::from_secs(2))
            .len(),
        1
    );
}

mod receipts {
    use super::*;
    use authority::{
        CommandId, CommandState, Door, Proof, Receipt, ReceiptKeys, SigningKey, sign_receipt,
    };
    use storage::ledger::Watermark;

    fn key(mark: u8) -> SigningKey {
        SigningKey::from_seed(&[mark; 32])
    }

    fn signed(by: &SigningKey, name: &str, state: &str) -> Vec<u8> {
        let at = Timestamp::from_seconds(1_795_392_000);
        let proof = Proof {
            who: vec!["anna".to_owned()],
            door: Door::HeadEnd,
            begun: at,
            ended: at,
            meters: Vec::new(),
        };
        let receipt = Receipt {
            next_key: None,
            id: CommandId::new([5; 16]),
            number: 1,
            state: CommandState::from_word(state).unwrap(),
            at,
            step: 0,
            steps: 0,
            code: None,
            text: None,
            now: None,
            evidence: None,
            proof: (state == "succeeded").then_some(proof),
        };
        sign_receipt(by, &name.parse().unwrap(), &receipt).unwrap()
    }

    fn letter(number: u64, signed: Vec<u8>) -> Vec<u8> {
        record(number, &Body::Receipt(signed)).encode().unwrap()
    }

    fn proving(mut world: World) -> World {
        let mut ring = ReceiptKeyRing::default();
        let keys = vec![key(1).public_key()];
        ring.add(ReceiptKeys::of_gateway("pmu-001".parse().unwrap(), keys));
        world.books.prove_with(ring);
        world
    }

    fn mark(world: &World) -> Watermark {
        let gateway = "pmu-001".parse().unwrap();
        let ledger = world.books.ledger();
        ledger
            .watermark(&gateway, EPOCH, storage::Stream::Receipts)
            .unwrap()
    }

    /// The state in the ledger, whether it is proven, and how many receipts are kept.
    fn booked(world: &World) -> Option<(String, bool, usize)> {
        let gateway = "pmu-001".parse().unwrap();
        let ledger = world.books.ledger();
        let found = ledger.receipt(&gateway, [5; 16]).unwrap()?;
        let kept = ledger.receipts_of(&gateway, [5; 16]).unwrap().len();
        Some((found.said.state.to_string(), found.is_proven, kept))
    }

    #[test]
    fn a_proven_receipt_is_booked_once_confirmed_and_there_after_a_restart() {
        let mut world = proving(World::new());
        world.send("st", &birth());
        let said = world.send("rs", &letter(1, signed(&key(1), "pmu-001", "executing")));
        assert!(
            said.remarks[0].contains("pmu-001: receipt 2026-"),
            "{said:?}"
        );
        let end = signed(&key(1), "pmu-001", "succeeded");
        world.send("rs", &letter(2, end.clone()));
        world.send("rs", &letter(2, end.clone()));
        world.send("rs", &letter(3, end));
        let tally = world.books.tally.clone();
        assert_eq!((tally.duplicates, tally.unproven, tally.forged), (1, 0, 0));
        let mut world = proving(world.again());
        assert_eq!(booked(&world), Some(("succeeded".to_owned(), true, 2)));
        assert_eq!(mark(&world).upto, 3);
        world.send("st", &birth());
        let gateway = "pmu-001".parse().unwrap();
        let marks = world.books.watermarks(&gateway).unwrap().unwrap();
        assert_eq!(
            marks.marks[&Stream::Receipt].upto,
            3,
            "and the gateway is told"
        );
    }

    /// Another key, another gateway's receipt, a changed octet, no receipt at all.
    #[test]
    fn a_forged_receipt_is_set_aside_told_and_never_confirmed() {
        let mut changed = signed(&key(1), "pmu-001", "succeeded");
        let last = changed.len() - 1;
        changed[last] ^= 1;
        let forged = [
            signed(&key(2), "pmu-001", "succeeded"),
            signed(&key(1), "pmu-002", "succeeded"),
            changed,
            b"nothing".to_vec(),
        ];
        for octets in forged {
            let mut world = proving(World::new());
            world.send("st", &birth());
            let said = world.send("rs", &letter(1, octets.clone()));
            assert!(
                said.remarks[0].starts_with("ALARM pmu-001: receipt 1 is not believed (1 so far)"),
                "{said:?}"
            );
            assert!(
                world
                    .send("rs", &letter(1, octets.clone()))
                    .remarks
                    .is_empty()
            );
            assert_eq!((world.books.tally.forged, booked(&world)), (2, None));
            assert_eq!(mark(&world), Watermark::default());
            let aside = world
                .books
                .ledger()
                .receipts_aside(&"pmu-001".parse().unwrap());
            assert_eq!(aside.unwrap(), [octets]);
            // The true one of that number is booked all the same.
            let said = world.send("rs", &letter(1, signed(&key(1), "pmu-001", "failed")));
            assert!(said.remarks[0].contains("failed"), "{said:?}");
            assert_eq!(booked(&world), Some(("failed".to_owned(), true, 1)));
            assert_eq!(mark(&world).upto, 1);
        }
    }

    #[test]
    fn without_the_gateways_key_a_receipt_is_kept_and_marked() {
        let mut world = World::new();
        world.send("st", &birth());
        let said = world.send("rs", &letter(1, signed(&key(2), "pmu-001", "succeeded")));
        assert!(said.remarks[0].contains("receipt (not proven)"), "{said:?}");
        let said = world.send("rs", &letter(2, b"of a later version".to_vec()));
        assert!(said.remarks[0].contains("does not know"), "{said:?}");
        assert_eq!(booked(&world), Some(("succeeded".to_owned(), false, 1)));
        assert_eq!((mark(&world).upto, world.books.tally.unproven), (2, 1));
        // Once the key is there, what it proves takes the place.
        let mut world = proving(world.again());
        world.send("rs", &letter(3, signed(&key(1), "pmu-001", "failed")));
        assert_eq!(booked(&world), Some(("failed".to_owned(), true, 2)));
    }
}
