//! What the simulated head-end has booked: the model against which the gateway is judged.

use head_end::{
    Body, Epoch, EventRecord, Gap, GapRange, GapReason, Mark, Message, Range, Stream, Wanted,
    WatermarkTracker, Watermarks,
};
use metering::{Channel, MeterReadings, ProfileRows, Timestamp};
use simulator::dice::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A deliberate mistake, to prove that it would be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    None,
    /// One digit of one register is booked differently.
    WrongDigit,
    /// One record is confirmed and not booked.
    DroppedEntry,
    /// One record is booked, and comes again with other bytes.
    OtherContent,
    /// One interval is booked without the flag that says why it has no value.
    LostFlag,
}

/// A record and the answer that leaves it out may pass each other on the way.
const SETTLED_AFTER: Duration = Duration::from_mins(1);

/// One record by name.
pub(super) type Name = (Epoch, Stream, u64);

/// A booked block.
#[derive(Debug, Clone)]
pub(super) struct BookedRows {
    pub(super) number: u64,
    /// When the gateway had made it durable.
    at: Timestamp,
    pub(super) rows: ProfileRows,
}

#[derive(Debug)]
pub(super) struct Books {
    pub(super) epochs: Vec<Epoch>,
    hashes: BTreeMap<Name, [u8; 32]>,
    trackers: BTreeMap<(Epoch, Stream), WatermarkTracker>,
    lists: BTreeMap<u32, Arc<[Channel]>>,
    waiting: BTreeMap<Name, Message>,
    pub(super) rows: Vec<BookedRows>,
    pub(super) readings: Vec<MeterReadings>,
    pub(super) events: Vec<EventRecord>,
    pub(super) lost: BTreeSet<Name>,
    /// The highest number that a signed watermark ever named.
    said: BTreeMap<(Epoch, Stream), u64>,
    pub(super) duplicates: u64,
    /// Blocks that came because somebody asked for their time.
    pub(super) told_by_time: u64,
    pub(super) complaints: Vec<String>,
    sabotage: Sabotage,
    sabotaged: bool,
}

impl Books {
    pub(super) fn new(sabotage: Sabotage) -> Self {
        Self {
            epochs: Vec::new(),
            hashes: BTreeMap::new(),
            trackers: BTreeMap::new(),
            lists: BTreeMap::new(),
            waiting: BTreeMap::new(),
            rows: Vec::new(),
            readings: Vec::new(),
            events: Vec::new(),
            lost: BTreeSet::new(),
            said: BTreeMap::new(),
            duplicates: 0,
            told_by_time: 0,
            complaints: Vec::new(),
            sabotage,
            sabotaged: false,
        }
    }

    pub(super) fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    /// A message came in.
    pub(super) fn take(&mut self, stream: Stream, bytes: &[u8]) {
        let message = match Message::decode(bytes) {
            Ok(message) if message.stream == stream => message,
            Ok(message) => {
                return self.complain(format!(
                    "a {} came on the topic of {stream}",
                    message.stream
                ));
            }
            Err(fault) => return self.complain(format!("a message cannot be read: {fault}")),
        };
        if !self.epochs.contains(&message.epoch) {
            self.epochs.push(message.epoch);
        }
        if let (Some(channels), Ok(Body::Profile(block))) = (&message.channels, message.open()) {
            self.lists
                .insert(block.channels_version, Arc::clone(channels));
        }
        self.book(message);
        let explained: Vec<Name> = self
            .waiting
            .iter()
            .filter(|(_, message)| self.is_explained(message))
            .map(|(name, _)| *name)
            .collect();
        for name in explained {
            if let Some(message) = self.waiting.remove(&name) {
                self.book(message);
            }
        }
    }

    fn is_explained(&self, message: &Message) -> bool {
        match message.open() {
            Ok(Body::Profile(block)) => self.lists.contains_key(&block.channels_version),
            _ => true,
        }
    }

    fn book(&mut self, message: Message) {
        let name = (message.epoch, message.stream, message.number);
        let mut hash = message.body_hash();
        if let Some(known) = self.hashes.get(&name) {
            if self.sabotage == Sabotage::OtherContent && !self.sabotaged {
                self.sabotaged = true;
                hash = [0; 32];
            }
            if *known == hash {
                self.duplicates += 1;
            } else {
                self.complain(format!(
                    "{} {} came twice with different content",
                    name.1, name.2
                ));
            }
            return;
        }
        if !self.is_explained(&message) {
            self.waiting.insert(name, message);
            return;
        }
        match message.open() {
            Ok(body) => self.keep(name, hash, message.at, body),
            Err(fault) => self.complain(format!("{} {} cannot be read: {fault}", name.1, name.2)),
        }
    }

    fn keep(&mut self, name: Name, hash: [u8; 32], at: Timestamp, body: Body) {
        let (epoch, stream, number) = name;
        self.trackers
            .entry((epoch, stream))
            .or_default()
            .commit(number);
        if self.sabotage == Sabotage::DroppedEntry && !self.sabotaged && number > 5 {
            self.sabotaged = true;
            return;
        }
        self.hashes.insert(name, hash);
        match body {
            Body::Profile(block) => {
                let Some(list) = self.lists.get(&block.channels_version).cloned() else {
                    return;
                };
                match block.into_rows(&list) {
                    Ok(mut rows) => {
                        self.spoil(&mut rows);
                        self.rows.push(BookedRows { number, at, rows });
                    }
                    Err(fault) => self.complain(format!("block {number}: {fault}")),
                }
            }
            Body::Readings(readings) => self.readings.extend(readings),
            Body::Event(event) => self.events.push(event),
            Body::Audit(_) | Body::Receipt(_) => {}
            Body::Gap(gap) => {
                self.look_at_held(&gap, at);
                if let GapRange::Numbers { stream, ranges, .. } = &gap.range
                    && gap.reason.is_lost()
                {
                    for (first, last) in ranges {
                        self.lost
                            .extend((*first..=*last).map(|number| (epoch, *stream, number)));
                        self.trackers
                            .entry((epoch, *stream))
                            .or_default()
                            .settle(*first, *last);
                    }
                }
            }
        }
    }

    /// What was stored well before the gap was declared is held.
    fn look_at_held(&mut self, gap: &Gap, at: Timestamp) {
        let GapRange::Intervals {
            meter, from, to, ..
        } = &gap.range
        else {
            return;
        };
        self.told_by_time += u64::from(gap.reason == GapReason::Sent);
        if !gap.reason.is_lost() {
            return;
        }
        let mine = self
            .rows
            .iter()
            .filter(|block| block.rows.meter == *meter && block.at < at.before(SETTLED_AFTER));
        let known = mine.flat_map(|block| &block.rows.rows);
        let held = known.map(|row| row.end).find(|end| from < end && end <= to);
        if let Some(end) = held {
            let why = &gap.reason;
            self.complain(format!("{meter} {end}: {why:?} from {from} to {to}"));
        }
    }

    /// Some time of some meter: around intervals it has, as likely as not with holes.
    pub(super) fn some_intervals(&self, dice: &mut Dice) -> Option<Wanted> {
        let block = self.rows.get(dice.index(self.rows.len().max(1)))?;
        let end = block.rows.rows.first()?.end;
        let whole = Timestamp::from_seconds(end.seconds());
        let mut away = || Duration::from_secs(dice.between(&(1..=7200)));
        Some(Wanted::Intervals {
            meter: block.rows.meter.clone(),
            profile: block.rows.profile,
            from: whole.before(away()),
            to: whole.after(away()),
        })
    }

    fn spoil(&mut self, rows: &mut ProfileRows) {
        if self.sabotaged || rows.rows.is_empty() {
            return;
        }
        let row = rows.rows.last_mut();
        match (self.sabotage, row) {
            (Sabotage::WrongDigit, Some(row)) if row.flags.is_good() => {
                if let Some(Some(value)) = row.values.first_mut() {
                    *value += 1_000_000;
                    self.sabotaged = true;
                }
            }
            (Sabotage::LostFlag, Some(row)) if row.values.iter().all(Option::is_none) => {
                row.flags = metering::Flags::NONE;
                self.sabotaged = true;
            }
            _ => {}
        }
    }

    /// Whether the head-end has this record, or was told that nobody has.
    pub(super) fn has(&self, name: &Name) -> bool {
        self.hashes.contains_key(name) || self.lost.contains(name)
    }

    /// The highest number that came of a stream.
    pub(super) fn highest(&self, epoch: Epoch, stream: Stream) -> u64 {
        let range = (epoch, stream, 0)..=(epoch, stream, u64::MAX);
        self.hashes
            .range(range)
            .next_back()
            .map_or(0, |(name, _)| name.2)
    }

    /// How many records came.
    pub(super) fn count(&self) -> usize {
        self.hashes.len()
    }

    /// The watermark of the newest store.
    pub(super) fn watermark(&mut self) -> Option<Watermarks> {
        let epoch = *self.epochs.last()?;
        let mut marks: BTreeMap<Stream, Mark> = BTreeMap::new();
        for stream in Stream::ALL {
            let Some(tracker) = self.trackers.get(&(epoch, stream)) else {
                continue;
            };
            let mark = tracker.mark();
            let highest = mark.islands.last().map_or(mark.upto, |island| island.1);
            let said = self.said.entry((epoch, stream)).or_default();
            *said = (*said).max(highest);
            marks.insert(stream, mark);
        }
        Some(Watermarks { epoch, marks })
    }

    /// The highest number that the gateway may have freed.
    pub(super) fn said(&self, epoch: Epoch, stream: Stream) -> u64 {
        self.said.get(&(epoch, stream)).copied().unwrap_or(0)
    }

    /// What to ask for: holes, and blocks that nothing explains.
    pub(super) fn wanted(&self) -> Option<(Epoch, Stream, Vec<Range>)> {
        let epoch = *self.epochs.last()?;
        let waiting: Vec<Range> = self
            .waiting
            .keys()
            .take(20)
            .map(|name| (name.2, name.2))
            .collect();
        if !waiting.is_empty() {
            return Some((epoch, Stream::Profile, waiting));
        }
        Stream::ALL.into_iter().find_map(|stream| {
            let holes: Vec<Range> = self
                .trackers
                .get(&(epoch, stream))?
                .holes()
                .take(20)
                .collect();
            (!holes.is_empty()).then_some((epoch, stream, holes))
        })
    }

    /// Blocks that wait for their channel list.
    pub(super) fn unexplained(&self) -> usize {
        self.waiting.len()
    }
}
