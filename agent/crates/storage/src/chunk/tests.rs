use super::*;
use crate::codec::tests::{block, poll};
use metering::{Flag, Flags};
use proptest::prelude::*;

fn day(rows: u64, channels: u8) -> Day {
    let start = day_start(2000).seconds();
    let block = block("m", start, rows, channels);
    let mut day = Day::default();
    for row in block.rows {
        day.put(&block.shape, block.clock, row);
    }
    day
}

#[track_caller]
fn check(day: &Day, bytes_max: usize) {
    let place = day_place(2000, 1, 7);
    let chunk = day.encode(2000, &place, |_| Some(3));
    assert!(chunk.len() <= bytes_max, "{} > {bytes_max}", chunk.len());
    let mut form = Writer::default();
    if let Some(shape) = day.shapes.first() {
        write_profile_shape(shape, &mut form);
    }
    let found = Day::decode(&chunk, 2000, &place, |number| {
        (number == 3).then_some(form.0.as_slice())
    });
    assert_eq!(found.as_ref(), Ok(day));
    assert!(Day::decode(&chunk, 2000, &day_place(2001, 1, 7), |_| None).is_err());
    let alone = day.encode(2000, &place, |_| None);
    assert_eq!(
        Day::decode(&alone, 2000, &place, |_| None).as_ref(),
        Ok(day)
    );
}

#[test]
fn days_begin_after_midnight_and_end_with_it() {
    let midnight = day_start(2000);
    assert_eq!(day_of(midnight), 1999);
    assert_eq!(day_of(Timestamp::from_millis(midnight.millis() + 1)), 2000);
    assert_eq!(day_of(Timestamp::default()), 0);
    assert_eq!(day_of(Timestamp::from_millis(u64::MAX)), u16::MAX);
    assert_eq!(day_start(0).to_string(), "2020-01-01T00:00:00Z");
}

#[test]
fn a_day_survives() {
    check(&day(48, 8), 330);
    check(&day(1, 1), 40);
    check(&Day::default(), 6);
}

#[test]
fn holes_flags_and_crooked_ends_survive() {
    let mut day = day(48, 3);
    let ends: Vec<Timestamp> = day.rows.keys().copied().collect();
    day.rows.remove(&ends[5]);
    day.rows.get_mut(&ends[6]).unwrap().row.flags = Flags::from(Flag::Short);
    day.rows.get_mut(&ends[7]).unwrap().row.values = vec![None, Some(i64::MIN), None];
    day.rows.get_mut(&ends[8]).unwrap().clock = ClockQuality::Unsynchronised;
    check(&day, 330);
    let mut row = day.rows.get(&ends[9]).unwrap().row.clone();
    row.end = Timestamp::from_millis(ends[9].millis() + 17);
    let shape = day.shapes[0].clone();
    day.put(&shape, ClockQuality::Holdover, row);
    check(&day, 430);
}

#[test]
fn two_shapes_in_a_day_are_kept_apart() {
    let mut day = day(20, 3);
    let start = day_start(2000).seconds();
    let other = block("m", start + 20 * 1800, 5, 4);
    for row in other.rows {
        day.put(&other.shape, other.clock, row);
    }
    let place = day_place(2000, 0, 0);
    let chunk = day.encode(2000, &place, |_| None);
    assert_eq!(Day::decode(&chunk, 2000, &place, |_| None), Ok(day.clone()));
    let again = block("m", start, 1, 4);
    day.put(&again.shape, again.clock, again.rows[0].clone());
    assert_eq!(day.rows.len(), 25, "the later row replaces the earlier one");
}

#[test]
fn sealing_again_gives_the_same_bytes() {
    let day = day(48, 8);
    let place = day_place(2000, 0, 0);
    let first = day.encode(2000, &place, |_| None);
    let mut again = Day::decode(&first, 2000, &place, |_| None).unwrap();
    for kept in day.rows.values() {
        again.put(&day.shapes[0], kept.clock, kept.row.clone());
    }
    assert_eq!(again.encode(2000, &place, |_| None), first);
}

#[test]
fn a_slot_of_telemetry_survives() {
    let start = crate::slot::slot_start(2_000_000).seconds();
    let mut slot = Slot::default();
    let polls: Vec<_> = (0..90).map(|n| poll("m", start + n * 10, 8)).collect();
    for poll in &polls {
        slot.put(poll);
    }
    let place = crate::slot::slot_place(2_000_000, 4);
    let chunk = slot.encode(2_000_000, &place, |_| None);
    assert!(chunk.len() < 900, "{}", chunk.len());
    let found = Slot::decode(&chunk, 2_000_000, &place, |_| None).unwrap();
    assert_eq!(found.readings(&"m".parse().unwrap()), Ok(polls.clone()));
    let mut again = found.clone();
    for poll in &polls {
        again.put(poll);
    }
    assert_eq!(again.encode(2_000_000, &place, |_| None), chunk);
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
        fuzz_chunk(&bytes);
    }

    #[test]
    fn damage_behind_a_good_checksum_is_an_error_or_another_day(
        rows in 1_u64..30,
        channels in 1_u8..6,
        position: prop::sample::Index,
        byte: u8,
    ) {
        let chunk = day(rows, channels).encode(1, &[], |_| None);
        let mut content = chunk[1..chunk.len() - 4].to_vec();
        let at = position.index(content.len());
        content[at] = byte;
        fuzz_chunk(&content);
    }

    #[test]
    fn every_damaged_byte_is_noticed(position: prop::sample::Index, bit in 0_u8..8) {
        let place = day_place(2000, 1, 7);
        let mut chunk = day(48, 8).encode(2000, &place, |_| None);
        let at = position.index(chunk.len());
        chunk[at] ^= 1 << bit;
        prop_assert!(Day::decode(&chunk, 2000, &place, |_| None).is_err());
    }

    #[test]
    fn a_chunk_says_the_same_as_a_plain_map(
        puts in prop::collection::vec((0_u64..60, 1_u8..4, any::<i64>()), 0..80),
    ) {
        let start = day_start(2000).seconds();
        let mut day = Day::default();
        let mut plain = BTreeMap::new();
        for (mark, channels, value) in puts {
            let block = block("m", start + mark * 1800, 1, channels);
            let mut row = block.rows[0].clone();
            row.values[0] = Some(value);
            plain.insert(row.end, (block.shape.clone(), row.clone()));
            let place = day_place(2000, 1, 7);
            day.put(&block.shape, block.clock, row);
            let chunk = day.encode(2000, &place, |_| None);
            day = Day::decode(&chunk, 2000, &place, |_| None).unwrap();
        }
        prop_assert_eq!(day.rows.len(), plain.len());
        for (end, (shape, row)) in plain {
            let kept = &day.rows[&end];
            prop_assert_eq!(&kept.row, &row);
            prop_assert_eq!(&day.shapes[kept.shape], &shape);
        }
    }
}
