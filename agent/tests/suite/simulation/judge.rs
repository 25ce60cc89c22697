//! The checkers: what must hold at every step, and what must be true at the end.

use super::gateway::{Gateway, options};
use super::life::Figures;
use super::truth::Truth;
use super::world::World;
use head_end::Epoch;
use metering::{ChannelKind, Flag, ProfileRows, ProfileShape, Row, Timestamp};
use pmu_agent::adapters::clock::WallClock;
use pmu_agent::limits::{ALARMS_SHOWN_MAX, UNCOMMITTED_MAX};
use pmu_agent::tasks::storekeeper::Announcement;
use std::collections::{BTreeMap, BTreeSet};
use storage::{Store, StoreError, Stream, VerifyFrom};

/// Marks that may wait for a meter's identity, and the one under way.
const HELD_MARKS: u32 = 5;

/// Complaints kept; one is enough to fail, some more help to see why.
const COMPLAINTS_MAX: usize = 12;

#[derive(Debug, Default)]
pub(super) struct Judge {
    complaints: Vec<String>,
    epoch: Option<Epoch>,
    /// What the daemon said to be durable: the next number of each stream.
    next: BTreeMap<Stream, u64>,
    set_aside: BTreeMap<Stream, u64>,
    goal: BTreeMap<Stream, u64>,
}

/// One row as booked, with what its block says.
struct Booked {
    number: u64,
    row: Row,
}

fn contract(stream: Stream) -> head_end::Stream {
    match stream {
        Stream::Profiles => head_end::Stream::Profile,
        Stream::Events => head_end::Stream::Event,
        Stream::Telemetry => head_end::Stream::Telemetry,
        Stream::Audit => head_end::Stream::Audit,
        Stream::Gaps => head_end::Stream::Gap,
        Stream::Receipts => head_end::Stream::Receipt,
    }
}

impl Judge {
    pub(super) fn complain(&mut self, what: String) {
        if self.complaints.len() < COMPLAINTS_MAX && !self.complaints.contains(&what) {
            self.complaints.push(what);
        }
    }

    pub(super) fn complaints(self, world: &World) -> Vec<String> {
        let mut all = self.complaints;
        world
            .head_end
            .books(|books| all.append(&mut books.complaints));
        all.truncate(COMPLAINTS_MAX);
        all
    }

    /// Remembers what the daemon said to be durable.
    pub(super) fn note(&mut self, announced: &Announcement) {
        if announced.outbox.is_empty() {
            return;
        }
        if self.epoch.is_some_and(|known| known != announced.epoch) {
            self.complain("the store has another epoch although no file was broken".to_owned());
        }
        self.epoch = Some(announced.epoch);
        for state in &announced.outbox {
            let known = self.next.get(&state.stream).copied().unwrap_or(0);
            if state.next < known {
                let (stream, next) = (state.stream, state.next);
                self.complain(format!("{stream}: {known} was next, and now {next} is"));
            }
            self.next.insert(state.stream, state.next.max(known));
            self.set_aside.insert(state.stream, state.set_aside);
        }
    }

    /// What must hold at every step.
    pub(super) fn step(&mut self, world: &World, gateway: &Gateway) {
        let announced = gateway.store.announced();
        self.note(&announced);
        for state in &announced.outbox {
            let (stream, name) = (state.stream, contract(state.stream));
            let (said, highest) = world.head_end.books(|books| {
                (
                    books.said(announced.epoch, name),
                    books.highest(announced.epoch, name),
                )
            });
            if state.confirmed > said + state.set_aside
                && !self.all_lost(world, state.confirmed, stream)
            {
                let confirmed = state.confirmed;
                self.complain(format!(
                    "{stream}: freed up to {confirmed}, told only {said}"
                ));
            }
            if highest >= state.next {
                let next = state.next;
                self.complain(format!("{stream} {highest} was sent, but {next} is next"));
            }
            let held = state.next.saturating_sub(1).saturating_sub(state.confirmed);
            if state.entries > held {
                let entries = state.entries;
                self.complain(format!(
                    "{stream}: {entries} wait, more than the {held} there are"
                ));
            }
        }
        if let Some(stuck) = gateway.pulses.iter().find(|pulse| !pulse.is_beating()) {
            self.complain(format!("{} makes no progress", stuck.name()));
        }
        self.limits(world, gateway);
    }

    fn all_lost(&self, world: &World, upto: u64, stream: Stream) -> bool {
        let Some(epoch) = self.epoch else {
            return false;
        };
        let name = contract(stream);
        world
            .head_end
            .books(|books| (1..=upto).all(|number| books.has(&(epoch, name, number))))
    }

    fn limits(&mut self, world: &World, gateway: &Gateway) {
        let uncommitted =
            usize::try_from(gateway.uplink.borrow().uncommitted).unwrap_or(usize::MAX);
        if uncommitted > UNCOMMITTED_MAX {
            self.complain(format!("{uncommitted} messages wait for a watermark"));
        }
        if gateway.alarms.newest().len() > ALARMS_SHOWN_MAX {
            self.complain("more alarms than a list shows".to_owned());
        }
        let window = world
            .settings
            .uplink
            .as_ref()
            .map_or(0, |uplink| usize::from(uplink.window));
        let unanswered = world.head_end.traffic().unanswered_max;
        // The birth goes along.
        if unanswered > window + 1 {
            self.complain(format!(
                "{unanswered} messages in flight through a window of {window}"
            ));
        }
        for bus in &gateway.buses {
            let view = bus.view.borrow();
            if view.busy_per_mille > 1000 {
                self.complain(format!(
                    "bus {} is busy {} per mille",
                    view.bus, view.busy_per_mille
                ));
            }
        }
    }

    /// What was written by now must arrive.
    pub(super) fn set_goal(&mut self) {
        self.goal.clone_from(&self.next);
    }

    /// Streams with records that the head-end neither has nor was told to do without.
    pub(super) fn open_records(&mut self, world: &World, gateway: &Gateway) -> Vec<String> {
        self.note(&gateway.store.announced());
        self.open(world, &self.goal)
    }

    fn open(&self, world: &World, goal: &BTreeMap<Stream, u64>) -> Vec<String> {
        let Some(epoch) = self.epoch else {
            return vec!["nothing was ever stored".to_owned()];
        };
        let mut open = Vec::new();
        for (stream, next) in goal {
            let name = contract(*stream);
            let missing: Vec<u64> = world.head_end.books(|books| {
                (1..*next)
                    .filter(|number| !books.has(&(epoch, name, *number)))
                    .collect()
            });
            let aside = self.set_aside.get(stream).copied().unwrap_or(0);
            if u64::try_from(missing.len()).unwrap_or(u64::MAX) > aside {
                let first = missing
                    .iter()
                    .take(5)
                    .map(u64::to_string)
                    .collect::<Vec<_>>();
                open.push(format!(
                    "{} of {} {stream}, first {} ({aside} set aside)",
                    missing.len(),
                    next - 1,
                    first.join(" ")
                ));
            }
        }
        let unexplained = world.head_end.books(|books| books.unexplained());
        if unexplained > 0 {
            open.push(format!(
                "{unexplained} blocks came without their channel list"
            ));
        }
        open
    }

    /// What must be true at the end, after a proper stop.
    pub(super) fn last(&mut self, world: &World, figures: &mut Figures) {
        let open = self.open(world, &self.goal);
        for record in open {
            self.complain(format!("lost: {record}"));
        }
        figures.set_aside = self.set_aside.values().sum();
        world.head_end.books(|books| {
            figures.records = u64::try_from(books.count()).unwrap_or(0);
            figures.duplicates = books.duplicates;
        });
        match Store::open_on(&world.disk, &options(world)) {
            Ok((store, _)) => {
                self.values(world, &store, figures);
                self.store(world, &store);
            }
            Err(error) => self.complain(format!("the store does not open again: {error}")),
        }
    }

    /// Intervals that the store holds and the head-end cannot have: they were set aside.
    fn add_set_aside(
        &self,
        store: &Store,
        booked: &mut BTreeMap<Timestamp, Vec<Booked>>,
        shapes: &mut BTreeMap<u64, ProfileShape>,
        meter: &metering::MeterId,
    ) {
        if self.set_aside.get(&Stream::Profiles).copied() > Some(0) {
            for block in held(store, meter).unwrap_or_default() {
                shapes.insert(0, block.shape);
                for row in block.rows {
                    let number = 0;
                    booked
                        .entry(row.end)
                        .or_insert_with(|| vec![Booked { number, row }]);
                }
            }
        }
    }

    /// The store agrees with what it sent, and with itself.
    fn store(&mut self, world: &World, store: &Store) {
        for (stream, known) in self.next.clone() {
            let next = store.next(stream);
            if next < known {
                self.complain(format!(
                    "{stream}: {known} was next, and after the stop {next} is"
                ));
            }
        }
        let mut from = Some(VerifyFrom::default());
        while let Some(at) = from {
            match store.verify(at, 10_000) {
                Ok(slice) => {
                    for item in slice.damaged {
                        self.complain(format!("damaged in the store: {item:?}"));
                    }
                    from = slice.next;
                }
                Err(error) => {
                    return self.complain(format!("the store cannot be checked: {error}"));
                }
            }
        }
        match store.verify_audit() {
            Ok(verdict) if verdict.broken_at.is_none() => {}
            other => self.complain(format!("the audit chain is broken: {other:?}")),
        }
        for seat in &world.seats {
            self.same_in_store(world, store, &seat.id);
        }
    }

    fn same_in_store(&mut self, world: &World, store: &Store, meter: &metering::MeterId) {
        let booked = booked_rows(world, meter);
        let held: BTreeMap<Timestamp, Row> = match held(store, meter) {
            Ok(blocks) => blocks
                .into_iter()
                .flat_map(|block| block.rows)
                .map(|row| (row.end, row))
                .collect(),
            Err(error) => return self.complain(format!("{meter} cannot be read: {error}")),
        };
        for (end, rows) in &booked {
            let newest = rows.iter().max_by_key(|booked| booked.number);
            if newest.is_some_and(|newest| held.get(end) != Some(&newest.row)) {
                let (held, sent) = (held.get(end), newest.map(|newest| &newest.row));
                return self.complain(format!("{meter} {end}: stored {held:?}, sent {sent:?}"));
            }
        }
    }

    /// Every value was on its meter at its instant, and every value that is missing says so.
    fn values(&mut self, world: &World, store: &Store, figures: &mut Figures) {
        let truth = Truth::new(world);
        for (index, seat) in world.seats.iter().enumerate() {
            let mut booked = booked_rows(world, &seat.id);
            let mut shapes = world.head_end.books(|books| {
                let mine = books
                    .rows
                    .iter()
                    .filter(|block| block.rows.meter == seat.id);
                mine.map(|block| (block.number, block.rows.shape.clone()))
                    .collect::<BTreeMap<_, _>>()
            });
            let period = world
                .settings
                .meters
                .iter()
                .find(|meter| meter.id == seat.id)
                .and_then(|meter| meter.profile.as_ref())
                .map(|profile| profile.period);
            let Some(period) = period else { continue };
            self.add_set_aside(store, &mut booked, &mut shapes, &seat.id);
            self.marks(world, &seat.id, &booked, period);
            let mut before: Option<&Row> = None;
            for rows in booked.values() {
                for found in rows {
                    let row = &found.row;
                    figures.intervals += 1;
                    figures.flagged += u64::from(!row.flags.is_good());
                    let channels = &shapes[&found.number].channels;
                    let is_first = before.is_none();
                    if row.flags.has(Flag::ClockUnsynchronised) && !world.clock_doubted.get() {
                        let end = row.end;
                        self.complain(format!("{} {end}: the clock was synchronised", seat.id));
                    }
                    for (value, channel) in row.values.iter().zip(channels.iter()) {
                        match (value, channel.kind) {
                            (Some(digits), ChannelKind::Register) => {
                                figures.values_checked += 1;
                                let complaint = truth.register(index, channel, *digits, row);
                                match complaint {
                                    Ok(away) => figures.furthest = figures.furthest.max(away),
                                    Err(complaint) => {
                                        self.complain(format!(
                                            "{} {}: {complaint}",
                                            seat.id, row.end
                                        ));
                                    }
                                }
                            }
                            (None, ChannelKind::Register) if row.flags.is_good() => {
                                let obis = channel.obis;
                                self.complain(format!(
                                    "{} {}: no {obis} and no flag",
                                    seat.id, row.end
                                ));
                            }
                            (None, _) if row.flags.is_good() && !is_first => {
                                self.complain(format!(
                                    "{} {}: no increment, no flag",
                                    seat.id, row.end
                                ));
                            }
                            _ => {}
                        }
                    }
                    self.increments(&seat.id, &booked, row, period);
                    before = Some(row);
                }
            }
        }
        self.readings(world, &truth, figures);
    }

    fn marks(
        &mut self,
        world: &World,
        meter: &metering::MeterId,
        booked: &BTreeMap<Timestamp, Vec<Booked>>,
        period: metering::Period,
    ) {
        if super::is_loud() {
            for (end, rows) in booked {
                for found in rows {
                    eprintln!(
                        "{meter} {end} lp {} {} {}",
                        found.number, found.row.flags, found.row.offset_ms
                    );
                }
            }
        }
        let mut expected = booked.keys().next().copied();
        for (end, rows) in booked {
            // What lies ahead after the clock was set back is still to come, and so are the last
            // marks of a meter that is silent before it has said who it is.
            if let Some(mark) = expected
                && mark != *end
                && mark < world.clock.utc().before(period.duration() * HELD_MARKS)
            {
                self.complain(format!(
                    "{meter}: no interval ends from {mark} to before {end}"
                ));
            }
            expected = Some(end.after(period.duration()));
            let contents: BTreeSet<String> =
                rows.iter().map(|row| format!("{:?}", row.row)).collect();
            // Marks are lived through twice after the clock was set back, and made once; who asks
            // for them by time gets the same again.
            if contents.len() > 1 {
                self.complain(format!("{meter} {end}: two intervals {contents:?}"));
            }
        }
    }

    fn increments(
        &mut self,
        meter: &metering::MeterId,
        booked: &BTreeMap<Timestamp, Vec<Booked>>,
        row: &Row,
        period: metering::Period,
    ) {
        // After the clock was set back a mark may have two rows; either may be the one before.
        let before = booked.get(&row.end.before(period.duration()));
        let (pairs, _) = row.values.as_chunks::<2>();
        for (index, pair) in pairs.iter().enumerate() {
            let [Some(register), Some(increment)] = pair else {
                continue;
            };
            let earlier: Vec<i64> = before
                .into_iter()
                .flatten()
                .filter_map(|before| before.row.values.get(index * 2).copied().flatten())
                .collect();
            if row.flags.has(Flag::Rollover) {
                continue;
            }
            if !earlier.contains(&(register - increment)) {
                let end = row.end;
                self.complain(format!(
                    "{meter} {end}: {register} after {earlier:?} is no increment of {increment}"
                ));
            }
        }
    }

    fn readings(&mut self, world: &World, truth: &Truth, figures: &mut Figures) {
        let readings = world.head_end.books(|books| books.readings.clone());
        for poll in readings {
            figures.readings += 1;
            let Some(index) = world.seats.iter().position(|seat| seat.id == poll.meter) else {
                self.complain(format!(
                    "readings of {}, which nobody configured",
                    poll.meter
                ));
                continue;
            };
            for value in &poll.values {
                let Some(quantity) = value.quantity else {
                    continue;
                };
                figures.values_checked += 1;
                match truth.reading(index, value.obis, quantity, poll.taken_at) {
                    Ok(away) => figures.reading_furthest = figures.reading_furthest.max(away),
                    Err(complaint) => {
                        self.complain(format!("{} {}: {complaint}", poll.meter, poll.taken_at));
                    }
                }
            }
        }
    }
}

fn booked_rows(world: &World, meter: &metering::MeterId) -> BTreeMap<Timestamp, Vec<Booked>> {
    let mut rows: BTreeMap<Timestamp, Vec<Booked>> = BTreeMap::new();
    world.head_end.books(|books| {
        for block in books.rows.iter().filter(|block| block.rows.meter == *meter) {
            for row in &block.rows.rows {
                let booked = Booked {
                    number: block.number,
                    row: row.clone(),
                };
                rows.entry(row.end).or_default().push(booked);
            }
        }
    });
    for rows in rows.values_mut() {
        rows.sort_by_key(|booked| booked.number);
    }
    rows
}

fn held(store: &Store, meter: &metering::MeterId) -> Result<Vec<ProfileRows>, StoreError> {
    let forever = Timestamp::from_millis(u64::MAX / 4);
    let profile = pmu_agent::front::GATEWAY_PROFILE;
    let found = store.profile(meter, profile, Timestamp::default(), forever, 1_000_000)?;
    Ok(found.blocks)
}
