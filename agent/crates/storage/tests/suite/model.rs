//! What a store must hold, kept in plain maps, and the comparison with a real one.

use metering::{
    Channel, ChannelKind, ClockQuality, Event, EventCode, Flags, MeterId, MeterReadings, Obis,
    Period, ProfileId, ProfileRows, ProfileShape, Quantity, Reading, Row, Timestamp, Unit,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use storage::{Body, GapRange, Lookup, Store, Stream, VerifyFrom};

pub(crate) const PROFILE: ProfileId = Obis::new([1, 0, 99, 1, 0, 255]);
/// 2026-01-01
pub(crate) const START: u64 = 1_767_225_600;
pub(crate) const PERIOD: u64 = 1800;
pub(crate) const CLOCK: ClockQuality = ClockQuality::Synchronised;
const FOREVER: Timestamp = Timestamp::from_millis(i64::MAX.cast_unsigned());

pub(crate) fn meter(number: u64) -> MeterId {
    format!("feeder-{number}").parse().unwrap()
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

fn digits(seed: u64) -> i64 {
    i64::try_from(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44).unwrap()
}

/// The shape of every profile here: a total and its increment.
pub(crate) fn shape() -> ProfileShape {
    let total = Channel {
        obis: Obis::new([1, 0, 1, 8, 0, 255]),
        exponent: 0,
        unit: Unit::WattHour,
        kind: ChannelKind::Register,
    };
    let increment = Channel {
        obis: total.obis.as_increment(),
        kind: ChannelKind::Increment,
        ..total.clone()
    };
    ProfileShape {
        period: Period::from_seconds(1800).unwrap(),
        channels: Arc::new([total, increment]),
    }
}

/// Some intervals of a meter; `version` makes them differ from others of the same marks.
pub(crate) fn block(owner: u64, first_mark: u64, rows: u64, version: u64) -> ProfileRows {
    let row = |mark: u64| Row {
        end: at((mark + 1) * PERIOD),
        values: vec![
            Some(digits(owner * 1000 + mark)),
            (!mark.is_multiple_of(7)).then(|| digits(mark + 77 * version)),
        ],
        flags: Flags::from_bits(u32::from(version > 0)),
        offset_ms: i32::try_from(mark % 90).unwrap(),
    };
    ProfileRows {
        meter: meter(owner),
        profile: PROFILE,
        shape: shape(),
        clock: CLOCK,
        rows: (first_mark..first_mark + rows).map(row).collect(),
    }
}

pub(crate) fn poll(owner: u64, seconds: u64) -> MeterReadings {
    let value = |index: u8| Reading {
        obis: Obis::new([1, 0, index + 1, 7, 0, 255]),
        quantity: (seconds % 11 != u64::from(index)).then(|| Quantity {
            digits: digits(seconds + u64::from(index)) % 1000,
            exponent: -1,
            unit: Unit::Volt,
        }),
    };
    MeterReadings {
        meter: meter(owner),
        taken_at: at(seconds),
        clock: CLOCK,
        values: (0..3).map(value).collect(),
    }
}

pub(crate) fn event(seconds: u64) -> Event {
    Event {
        at: at(seconds),
        code: EventCode::MeterSilent,
        meter: Some(meter(seconds % 3)),
        detail: format!("no answer at second {seconds}"),
    }
}

/// What was acknowledged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// Every entry ever, by stream and number.
    pub(crate) entries: BTreeMap<(Stream, u64), Body>,
    pub(crate) next: BTreeMap<Stream, u64>,
    /// Watermark as last taken in, and as it is surely on disk.
    pub(crate) confirmed: BTreeMap<Stream, u64>,
    pub(crate) durable: BTreeMap<Stream, u64>,
    /// Numbers confirmed ahead of the watermark.
    pub(crate) islands: BTreeMap<Stream, BTreeSet<u64>>,
    pub(crate) sealed: BTreeMap<Stream, u64>,
    pub(crate) dropped: BTreeSet<(Stream, u64)>,
    pub(crate) rows: BTreeMap<(MeterId, Timestamp), Row>,
    pub(crate) polls: BTreeMap<(MeterId, Timestamp), MeterReadings>,
    pub(crate) state: BTreeMap<(u8, u32), Vec<u8>>,
    pub(crate) audit: u64,
}

impl Model {
    pub(crate) fn next(&self, stream: Stream) -> u64 {
        self.next.get(&stream).copied().unwrap_or(1)
    }

    pub(crate) fn of(map: &BTreeMap<Stream, u64>, stream: Stream) -> u64 {
        map.get(&stream).copied().unwrap_or(0)
    }

    /// Takes in an entry that the store has acknowledged.
    pub(crate) fn entry(&mut self, stream: Stream, number: u64, body: Body) {
        assert_eq!(number, self.next(stream), "numbers have no gaps");
        self.next.insert(stream, number + 1);
        match &body {
            Body::Profile(block) => {
                for row in &block.rows {
                    let key = (block.meter.clone(), row.end);
                    self.rows.insert(key, row.clone());
                }
            }
            Body::Readings(polls) => {
                for poll in polls {
                    let key = (poll.meter.clone(), poll.taken_at);
                    self.polls.insert(key, poll.clone());
                }
            }
            _ => {}
        }
        self.entries.insert((stream, number), body);
    }

    /// Everything confirmed so far is on disk.
    pub(crate) fn persisted(&mut self) {
        self.durable = self.confirmed.clone();
    }
}

/// Compares a store with what was acknowledged before (`old`) and, if an operation was under
/// way, with what it would have acknowledged (`new`).
pub(crate) fn compare(store: &Store, old: &Model, new: &Model) -> Result<(), String> {
    let known = whichever(store, old, new)?;
    for stream in Stream::ALL {
        compare_stream(store, stream, old, new)?;
    }
    // Retention under way takes from the archive before it writes any gap entry.
    let retains = new.rows.len() < old.rows.len() || new.polls.len() < old.polls.len();
    let most = if retains { old } else { known };
    let least = if retains { new } else { known };
    for owner in 0..4 {
        compare_rows(store, &meter(owner), most, least)?;
        compare_polls(store, &meter(owner), most, least)?;
    }
    for (kind, id) in old.state.keys().chain(new.state.keys()) {
        let found = store.state(*kind, *id).map_err(|error| error.to_string())?;
        if found.as_ref() != known.state.get(&(*kind, *id)) {
            return Err(format!("state {kind}/{id} is {found:?}"));
        }
    }
    let verdict = store.verify_audit().map_err(|error| error.to_string())?;
    if verdict.broken_at.is_some() || verdict.last != known.audit {
        return Err(format!("audit chain {verdict:?}, expected {}", known.audit));
    }
    let slice = store.verify(VerifyFrom::default(), usize::MAX);
    let slice = slice.map_err(|error| error.to_string())?;
    if !slice.damaged.is_empty() || slice.next.is_some() {
        return Err(format!("damaged: {:?}", slice.damaged));
    }
    Ok(())
}

/// Whether the operation under way counts: all its entries are there, or none.
fn whichever<'a>(store: &Store, old: &'a Model, new: &'a Model) -> Result<&'a Model, String> {
    let numbers: Vec<u64> = Stream::ALL
        .iter()
        .map(|stream| store.next(*stream))
        .collect();
    let of = |model: &Model| -> Vec<u64> {
        Stream::ALL
            .iter()
            .map(|stream| model.next(*stream))
            .collect()
    };
    let has_state = |model: &Model| {
        let same = |((kind, id), value): (&(u8, u32), &Vec<u8>)| {
            store.state(*kind, *id).ok().flatten().as_ref() == Some(value)
        };
        model.state.iter().all(same)
    };
    if numbers == of(new) && has_state(new) {
        Ok(new)
    } else if numbers == of(old) {
        Ok(old)
    } else if new.dropped.len() > old.dropped.len() {
        // Retention makes one commit a stream: some of its gap entries may be there.
        let between = numbers.iter().zip(of(old)).zip(of(new));
        let fits = between
            .into_iter()
            .all(|((found, low), high)| (low..=high).contains(found));
        if fits {
            Ok(old)
        } else {
            Err(format!("next numbers {numbers:?}"))
        }
    } else {
        let expected = (of(old), of(new));
        Err(format!("next numbers {numbers:?}, expected {expected:?}"))
    }
}

fn compare_stream(store: &Store, stream: Stream, old: &Model, new: &Model) -> Result<(), String> {
    let outbox = store.outbox().map_err(|error| error.to_string())?;
    let outbox = outbox.iter().find(|outbox| outbox.stream == stream);
    let confirmed = outbox.map_or(0, |outbox| outbox.confirmed);
    let low = Model::of(&old.durable, stream);
    let high = Model::of(&new.confirmed, stream);
    if confirmed < low || confirmed > high {
        return Err(format!(
            "{stream} confirmed to {confirmed}, not {low} to {high}"
        ));
    }
    let pending = store
        .pending(stream, 0, usize::MAX)
        .map_err(|error| error.to_string())?;
    if !pending.damaged.is_empty() {
        return Err(format!("{stream} damaged {:?}", pending.damaged));
    }
    let mut pending = pending.entries.into_iter().peekable();
    for number in confirmed + 1..store.next(stream) {
        let found = store
            .entry(stream, number)
            .map_err(|error| error.to_string())?;
        let expected = new
            .entries
            .get(&(stream, number))
            .or(old.entries.get(&(stream, number)));
        match found {
            Lookup::Held(entry) => {
                if Some(&entry.body) != expected {
                    return Err(format!("{stream} {number} is {entry:?}"));
                }
                let is_next = pending.next_if(|waiting| waiting.number == number);
                let island = new
                    .islands
                    .get(&stream)
                    .is_some_and(|set| set.contains(&number));
                match is_next {
                    Some(waiting) if waiting == entry => {}
                    Some(waiting) => return Err(format!("pending {waiting:?}")),
                    None if island => {}
                    None => return Err(format!("{stream} {number} is not pending")),
                }
            }
            Lookup::Dropped(_) if new.dropped.contains(&(stream, number)) => {
                has_gap(store, stream, number)?;
            }
            other => return Err(format!("{stream} {number} is {other:?}")),
        }
    }
    match pending.next() {
        Some(entry) => Err(format!("{stream} {} is pending", entry.number)),
        None => Ok(()),
    }
}

/// A dropped entry is named by a gap entry, unless the head-end has confirmed that one.
fn has_gap(store: &Store, stream: Stream, number: u64) -> Result<(), String> {
    let first = 1;
    for gap in first..store.next(Stream::Gaps) {
        match store
            .entry(Stream::Gaps, gap)
            .map_err(|error| error.to_string())?
        {
            Lookup::Freed => return Ok(()),
            Lookup::Held(entry) => {
                if let Body::Gap(record) = entry.body
                    && let GapRange::Numbers { stream: of, ranges } = record.what
                    && of == stream
                    && ranges.iter().any(|(a, b)| (*a..=*b).contains(&number))
                {
                    return Ok(());
                }
            }
            other => return Err(format!("gap {gap} is {other:?}")),
        }
    }
    Err(format!("{stream} {number} was dropped without a gap entry"))
}

/// Each interval once and right. Retention under way may have taken what it would take.
fn compare_rows(store: &Store, owner: &MeterId, old: &Model, new: &Model) -> Result<(), String> {
    let data = store
        .profile(owner, PROFILE, Timestamp::default(), FOREVER, usize::MAX)
        .map_err(|error| error.to_string())?;
    if data.more || !data.damaged.is_empty() {
        return Err(format!("profile of {owner}: {data:?}"));
    }
    let found: Vec<Row> = data
        .blocks
        .into_iter()
        .flat_map(|block| block.rows)
        .collect();
    let mine = |model: &Model| -> Vec<Row> {
        let rows = model.rows.iter().filter(|((meter, _), _)| meter == owner);
        rows.map(|(_, row)| row.clone()).collect()
    };
    let newest = store
        .last_row(owner, PROFILE)
        .map_err(|error| error.to_string())?;
    if newest.map(|(row, _)| row) != found.last().cloned() {
        return Err(format!("the last row of {owner} is not its last row"));
    }
    let (most, least) = (mine(old), mine(new));
    if found == most || found == least {
        return Ok(());
    }
    let expected: Vec<Timestamp> = most.iter().map(|row| row.end).collect();
    let found: Vec<Timestamp> = found.iter().map(|row| row.end).collect();
    Err(format!("rows of {owner}: {found:?}, expected {expected:?}"))
}

fn compare_polls(store: &Store, owner: &MeterId, old: &Model, new: &Model) -> Result<(), String> {
    let found = store
        .telemetry(owner, Timestamp::default(), FOREVER, usize::MAX)
        .map_err(|error| error.to_string())?;
    let mine = |model: &Model| -> Vec<MeterReadings> {
        let polls = model.polls.iter().filter(|((meter, _), _)| meter == owner);
        polls.map(|(_, poll)| poll.clone()).collect()
    };
    let (most, least) = (mine(old), mine(new));
    let is_between = least.iter().all(|poll| found.contains(poll))
        && found.iter().all(|poll| most.contains(poll))
        && found.is_sorted_by(|a, b| a.taken_at < b.taken_at);
    if found == most || found == least || is_between {
        return Ok(());
    }
    let (found, least, most) = (found.len(), least.len(), most.len());
    Err(format!(
        "{found} polls of {owner}, expected {least} to {most}"
    ))
}
