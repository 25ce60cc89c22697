use super::*;
use proptest::prelude::*;

const CHUNK: u64 = 64 * 1024;
const TOTAL: u64 = 4096 + 10 * CHUNK + 100;

struct Case {
    pull: Pull,
    start: Instant,
}

fn case(from: u64) -> Case {
    let start = Instant::now();
    Case {
        pull: Pull::new(ImageId::new([1; 32]), TOTAL, from, start),
        start,
    }
}

fn chunk(at: u64, bytes: u64) -> ImageChunk {
    ImageChunk {
        at,
        total: TOTAL,
        bytes: vec![u8::try_from(at % 251).unwrap(); usize::try_from(bytes).unwrap()],
    }
}

impl Case {
    fn now(&self, second: u64) -> Instant {
        self.start + Duration::from_secs(second)
    }

    #[track_caller]
    fn asks(&mut self, second: u64, room: usize, window: usize, expected: Option<(u64, u64)>) {
        let wish = self.pull.wish(room, window, self.now(second));
        let found = wish.map(|wish| (wish.from, wish.length));
        assert_eq!(found, expected, "at {second} s");
    }

    #[track_caller]
    fn takes(&mut self, at: u64, bytes: u64, expected: Taking) {
        assert_eq!(self.pull.take(chunk(at, bytes), self.start), expected);
    }

    #[track_caller]
    fn hands_on(&mut self, expected: &[u64]) {
        let lengths = std::iter::from_fn(|| self.pull.ready()).map(|bytes| bytes.len());
        let lengths: Vec<u64> = lengths.map(|it| u64::try_from(it).unwrap()).collect();
        assert_eq!(lengths, expected);
    }
}

#[test]
fn the_manifest_is_asked_for_alone_and_then_a_window_in_order() {
    let mut case = case(0);
    case.asks(0, 4, 4, Some((0, 4096)));
    case.asks(0, 4, 4, None);
    case.takes(0, 4096, Taking::Taken);
    case.asks(0, 4, 4, None);
    case.hands_on(&[4096]);
    case.asks(0, 4, 4, Some((4096, 4 * CHUNK)));
    case.takes(4096 + CHUNK, CHUNK, Taking::Taken);
    case.hands_on(&[]);
    case.takes(4096, CHUNK, Taking::Taken);
    case.hands_on(&[CHUNK, CHUNK]);
    case.asks(0, 4, 4, Some((4096 + 4 * CHUNK, 2 * CHUNK)));
}

#[test]
fn no_more_is_under_way_than_can_be_handed_on() {
    let mut case = case(4096);
    case.asks(0, 0, 4, None);
    case.asks(0, 1, 4, Some((4096, CHUNK)));
    case.asks(0, 1, 4, None);
    case.asks(0, 2, 4, None);
    case.asks(0, 3, 4, Some((4096 + CHUNK, 2 * CHUNK)));
    let mut narrow = self::case(4096);
    narrow.asks(0, 4, 1, Some((4096, CHUNK)));
    narrow.asks(0, 4, 1, None);
    narrow.takes(4096, CHUNK, Taking::Taken);
    narrow.asks(0, 4, 1, None);
    narrow.hands_on(&[CHUNK]);
    narrow.asks(0, 4, 1, Some((4096 + CHUNK, CHUNK)));
}

#[test]
fn what_does_not_come_is_asked_for_again_with_growing_patience() {
    let mut case = case(4096);
    case.asks(0, 4, 4, Some((4096, 4 * CHUNK)));
    case.asks(19, 4, 4, None);
    case.asks(20, 4, 4, Some((4096, 4 * CHUNK)));
    case.asks(59, 4, 4, None);
    case.takes(4096, CHUNK, Taking::Taken);
    // A sign of life makes it patient again: 20 s after the last chunk.
    case.asks(20, 4, 4, Some((4096 + CHUNK, 3 * CHUNK)));
    case.asks(59, 4, 4, None);
    case.asks(60, 4, 4, Some((4096 + CHUNK, 3 * CHUNK)));
    case.asks(139, 4, 4, None);
    case.asks(140, 4, 4, Some((4096 + CHUNK, 3 * CHUNK)));
    for second in [300, 600, 900] {
        case.asks(second, 4, 4, Some((4096 + CHUNK, 3 * CHUNK)));
    }
}

#[test]
fn a_new_connection_asks_at_once_for_what_was_under_way() {
    let mut case = case(4096);
    case.asks(0, 4, 4, Some((4096, 4 * CHUNK)));
    case.takes(4096 + 3 * CHUNK, CHUNK, Taking::Taken);
    case.pull.connected(case.now(5));
    case.asks(5, 4, 4, Some((4096, 4 * CHUNK)));
    case.asks(6, 4, 4, None);
}

#[test]
fn what_was_not_asked_for_is_dropped() {
    let mut case = case(CHUNK);
    let unasked = Taking::Refused("a chunk that nobody asked for was dropped");
    let length = Taking::Refused("a chunk of another length than was asked for was dropped");
    case.takes(CHUNK, CHUNK, unasked);
    case.asks(0, 4, 4, Some((CHUNK, 4 * CHUNK)));
    case.takes(5 * CHUNK, CHUNK, unasked);
    case.takes(CHUNK, CHUNK - 1, length);
    case.takes(CHUNK + 1, CHUNK, Taking::Late);
    case.takes(0, CHUNK, Taking::Late);
    case.takes(CHUNK, CHUNK, Taking::Taken);
    case.takes(CHUNK, CHUNK, Taking::Late);
    let mut other = chunk(2 * CHUNK, CHUNK);
    other.total += 1;
    let other = case.pull.take(other, case.start);
    let expected = "a chunk of an image of another length was dropped";
    assert_eq!(other, Taking::Refused(expected));
}

#[test]
fn the_end_is_what_is_left() {
    let mut case = case(TOTAL - CHUNK - 5);
    case.asks(0, 4, 4, Some((TOTAL - CHUNK - 5, CHUNK + 5)));
    case.takes(TOTAL - 5, 5, Taking::Taken);
    assert!(!case.pull.is_complete());
    case.takes(TOTAL - CHUNK - 5, CHUNK, Taking::Taken);
    case.hands_on(&[CHUNK, 5]);
    assert!(case.pull.is_complete());
    case.asks(100, 4, 4, None);
}

proptest! {
    /// A road that drops, doubles, delays and reorders brings all bytes once and in order, and no
    /// more than the window is ever held.
    #[test]
    fn a_bad_road_brings_every_byte_once(
        from in 0..TOTAL,
        seed: u64,
    ) {
        let mut dice = seed | 1;
        let mut roll = |below: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % below
        };
        let mut case = case(from);
        let mut road: Vec<(u64, usize)> = Vec::new();
        let (mut second, mut got) = (0, from);
        while second < 40_000 {
            second += 1;
            let chance = roll(10);
            if let Some(wish) = case.pull.wish(4, 4, case.now(second)) {
                prop_assert!(wish.encode().is_ok(), "{:?}", wish);
                road.extend(wish.chunks());
            }
            prop_assert!(case.pull.missing.len() + case.pull.held.len() <= 4);
            if !road.is_empty() {
                let (at, length) = road.remove(usize::try_from(roll(u64::try_from(road.len()).unwrap())).unwrap());
                let now = case.now(second);
                let chunk = chunk(at, u64::try_from(length).unwrap());
                match chance {
                    0..3 => {}
                    3 => road.push((at, length)),
                    4 => {
                        case.pull.take(chunk.clone(), now);
                        case.pull.take(chunk, now);
                    }
                    _ => { case.pull.take(chunk, now); }
                }
            }
            while let Some(bytes) = case.pull.ready() {
                prop_assert!(bytes.iter().all(|byte| u64::from(*byte) == got % 251));
                got += u64::try_from(bytes.len()).unwrap();
            }
            if case.pull.is_complete() {
                break;
            }
        }
        prop_assert_eq!(got, TOTAL);
    }
}
