//! The store's figures, each with its limit. Run with `cargo bench -p storage`; with
//! `-- --quick` the large store is a tenth of its size.
#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a table of ratios for people"
)]

use metering::{
    Channel, ChannelKind, ClockQuality, Flags, MeterId, MeterReadings, Obis, Period, ProfileRows,
    ProfileShape, Quantity, Reading, Row, Timestamp, Unit,
};
use std::path::Path;
use std::sync::Arc;
use storage::{
    AcceptedCommand, Batch, Body, CommandEnd, CommandState, CommandStep, Store, StoreError,
    StoreOptions, StoreStats, Stream,
};

const CLOCK: ClockQuality = ClockQuality::Synchronised;
/// 2026-01-01
const START: u64 = 1_767_225_600;
const METERS: u64 = 250;
const DAY: u64 = 86_400;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    match arguments
        .find(|argument| argument == "--fill" || argument == "--quick")
        .as_deref()
    {
        Some("--fill") => {
            let rest: Vec<String> = arguments.collect();
            let [folder, days] = rest.as_slice() else {
                return Err("--fill needs a folder and a number of days".into());
            };
            fill(Path::new(folder), days.parse()?)
        }
        quick => {
            println!(
                "{:<52}{:>12}{:>12}{:>8}",
                "figure", "measured", "limit", "ratio"
            );
            telemetry(4)?;
            commands(500)?;
            for (name, kind) in [
                ("as in the reference", Mix::Reference),
                ("gateway-made", Mix::Made),
            ] {
                archive(name, kind)?;
            }
            reopen(if quick.is_some() { 90 } else { 900 })
        }
    }
}

fn line(name: &str, measured: f64, limit: f64, unit: &str) {
    let (shown, most) = (format!("{measured:.3} {unit}"), format!("{limit} {unit}"));
    println!("{name:<52}{shown:>12}{most:>12}{:>8.2}", measured / limit);
}

/// Noise that is the same every time.
fn dice(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}

fn roll(seed: u64, sides: u64) -> i64 {
    i64::try_from(dice(seed) % sides).unwrap_or(0)
}

fn meter(number: u64) -> Result<MeterId, metering::InvalidName> {
    format!("feeder-{number:03}").parse()
}

/// 25 readings a second of 8 values each: every meter once in 10 s.
fn poll(owner: &MeterId, number: u64, second: u64) -> MeterReadings {
    let seed = number << 32 | second;
    let hours = i64::try_from(second).unwrap_or(0);
    let load = 200 + roll(number, 3000) + roll(seed ^ 9, 60);
    let base = roll(number ^ 0x77, 90_000_000);
    let value = |index: u8, digits: i64, exponent: i8, unit: Unit| Reading {
        obis: Obis::new([1, 0, index, 7, 0, 255]),
        quantity: Some(Quantity {
            digits,
            exponent,
            unit,
        }),
    };
    let volt = |phase: u64| 2300 + roll(seed ^ phase, 30) + roll(number + phase, 20);
    MeterReadings {
        meter: owner.clone(),
        taken_at: Timestamp::from_millis((START + second) * 1000 + dice(seed) % 900),
        clock: CLOCK,
        values: vec![
            value(1, base + load * hours / 3600, 1, Unit::WattHour),
            value(3, base / 5 + load * hours / 18_000, 1, Unit::VarHour),
            value(16, load, 0, Unit::Watt),
            value(32, volt(1), -1, Unit::Volt),
            value(52, volt(2), -1, Unit::Volt),
            value(72, volt(3), -1, Unit::Volt),
            value(31, load * 1000 / 690 + roll(seed ^ 5, 9), -3, Unit::Ampere),
            value(14, 49_980 + roll(second / 10, 40), -3, Unit::Hertz),
        ],
    }
}

fn command(number: u64, at: Timestamp) -> AcceptedCommand {
    let mut id = [0; 16];
    let (early, late) = id.split_at_mut(8);
    early.copy_from_slice(&at.millis().to_be_bytes());
    late.copy_from_slice(&dice(number).to_be_bytes());
    AcceptedCommand {
        id,
        signer: [1; 8],
        number,
        digest: [2; 32],
        envelope: vec![3; 600],
        door: 1,
        who: "anna, ben".to_owned(),
        what: "tariff.set".to_owned(),
        at,
    }
}

/// What a command costs the card from its acceptance to its end: twelve steps, each written before
/// its side effect.
fn commands(lives: u64) -> Result<(), Box<dyn std::error::Error>> {
    const STEPS: u32 = 12;
    let folder = tempfile::tempdir()?;
    let (mut store, _) = Store::open(folder.path(), &StoreOptions::new([1; 8]))?;
    let mut parts = [0; 3];
    let before = store.stats()?.hot;
    let mut written = before.written_bytes;
    let mut count = |store: &Store, part: usize| -> Result<(), StoreError> {
        let now = store.stats()?.hot.written_bytes;
        if let Some(part) = parts.get_mut(part) {
            *part += now - written;
        }
        written = now;
        Ok(())
    };
    for number in 1..=lives {
        let at = Timestamp::from_seconds(START + number * 60);
        let command = command(number, at);
        let id = command.id;
        store.accept(command, CLOCK, Batch::new())?;
        count(&store, 0)?;
        for step in 1..=STEPS {
            let next = CommandStep {
                state: CommandState::Executing,
                step,
                steps: STEPS,
                at,
                note: "writes the day profiles".to_owned(),
                proof: Some(vec![4; 32]),
            };
            store.advance(id, next, CLOCK, Batch::new())?;
        }
        count(&store, 1)?;
        let end = CommandEnd {
            state: CommandState::Succeeded,
            at,
            note: String::new(),
            proof: None,
            receipt: vec![5; 400],
        };
        store.finish(id, end, CLOCK, Batch::new())?;
        count(&store, 2)?;
        for stream in [Stream::Receipts, Stream::Audit] {
            store.confirm(stream, store.next(stream) - 1, &[])?;
        }
        if number.is_multiple_of(15) {
            store.flush()?;
            count(&store, 2)?;
        }
    }
    let syncs = (store.stats()?.hot.syncs - before.syncs) as f64 / lives as f64;
    let each = parts.map(|part: u64| part as f64 / 1e3 / lives as f64);
    let [accept, steps, finish] = each;
    line(
        "written a command: accepted, 12 steps, ended",
        accept + steps + finish,
        600.0,
        "kB",
    );
    println!(
        "    accepted {accept:.1} kB, a step {:.1} kB, ended {finish:.1} kB",
        steps / f64::from(STEPS)
    );
    line("syncs a command", syncs, 16.0, "");
    store.close()?;
    Ok(())
}

/// Bytes handed to the medium in a day, from some simulated hours: a commit every 10 s, the
/// burst of each half-hour at once, sealing every quarter of an hour, a watermark every 2 s.
fn telemetry(hours: u64) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (mut store, _) = Store::open(folder.path(), &StoreOptions::new([1; 8]))?;
    let owners: Vec<MeterId> = (0..METERS).map(meter).collect::<Result<_, _>>()?;
    let before = store.stats()?;
    let mut windows = 0;
    let mut profiles = Profiles::new(Mix::Made);
    for window in 1..=hours * 360 {
        let second = window * 10;
        let at = Timestamp::from_seconds(START + second);
        let mut batch = Batch::new();
        let polls = owners
            .iter()
            .zip(0..)
            .map(|(owner, n)| poll(owner, n, second - n % 10));
        batch.push(Body::Readings(polls.collect()), at, CLOCK);
        let so_far = store.stats()?.hot.written_bytes;
        store.append(batch)?;
        windows += store.stats()?.hot.written_bytes - so_far;
        if second.is_multiple_of(1800) {
            let mut burst = Batch::new();
            for (owner, number) in owners.iter().zip(0..) {
                let rows = profiles.rows(owner, number, second / 1800, 1);
                burst.push(Body::Profile(rows), at, CLOCK);
            }
            store.append(burst)?;
        }
        for stream in [Stream::Telemetry, Stream::Profiles] {
            store.confirm(stream, store.next(stream) - 1, &[])?;
        }
        if second.is_multiple_of(900) {
            seal_all(&mut store)?;
        }
    }
    let after = store.stats()?;
    let of =
        |pick: fn(&StoreStats) -> u64| (pick(&after) - pick(&before)) as f64 * 24.0 / hours as f64;
    let hot = of(|stats| stats.hot.written_bytes);
    let archive = of(|stats| stats.archive.written_bytes);
    line(
        "written a day, 25 readings/s, 10 s window",
        (hot + archive) / 1e9,
        0.35,
        "GB",
    );
    println!(
        "    hot file {:.3} GB, archive {:.3} GB a day; {} B a window's commit",
        hot / 1e9,
        archive / 1e9,
        windows / (hours * 360)
    );
    let syncs = of(|stats| stats.hot.syncs) + of(|stats| stats.archive.syncs);
    line("syncs a day", syncs, 10_000.0, "");
    let coded = after.telemetry_bytes as f64 / after.telemetry_values as f64;
    line("telemetry chunk bytes a value (90 polls)", coded, 1.0, "B");
    store.close()?;
    Ok(())
}

fn seal_all(store: &mut Store) -> Result<(), StoreError> {
    while store.seal()?.more {}
    Ok(())
}

/// What the eight channels are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mix {
    /// Two totals, two increments of other quantities, an export that stays zero, maximum
    /// demand, voltage, current; samples without offset, flags now and then.
    Reference,
    /// Four totals, each with its increment; samples some milliseconds off the mark.
    Made,
}

/// Loads of meters as they go through their days.
struct Profiles {
    mix: Mix,
    shape: ProfileShape,
    totals: Vec<[i64; 4]>,
}

impl Profiles {
    fn new(mix: Mix) -> Self {
        let channel = |index: u8| {
            let kind = match (mix, index % 2) {
                (Mix::Made, 0) => ChannelKind::Register,
                (Mix::Reference, _) if index < 2 => ChannelKind::Register,
                _ => ChannelKind::Increment,
            };
            Channel {
                obis: Obis::new([1, 0, index / 2 + 1, 8 + 21 * (index % 2), 0, 255]),
                exponent: 0,
                unit: Unit::WattHour,
                kind,
            }
        };
        let period = Period::from_seconds(1800).unwrap_or_else(|_| unreachable!());
        Self {
            mix,
            shape: ProfileShape {
                period,
                channels: (0..8).map(channel).collect::<Arc<[_]>>(),
            },
            totals: (0..METERS).map(|n| [roll(n, 90_000_000); 4]).collect(),
        }
    }

    fn rows(&mut self, owner: &MeterId, number: u64, first: u64, count: u64) -> ProfileRows {
        let rows = (first..first + count)
            .map(|mark| self.row(number, mark))
            .collect();
        ProfileRows {
            meter: owner.clone(),
            profile: Obis::new([1, 0, 99, 1, 0, 255]),
            shape: self.shape.clone(),
            clock: CLOCK,
            rows,
        }
    }

    /// A household or a shop: a level of its own, a daily curve, noise, some idle nights.
    fn row(&mut self, number: u64, mark: u64) -> Row {
        let seed = number << 32 | mark;
        let hour = mark % 48;
        let curve = [2, 1, 1, 2, 4, 6, 5, 5, 6, 5, 7, 9];
        let curve = curve
            .into_iter()
            .nth(usize::try_from(hour / 4).unwrap_or(0));
        let curve = curve.unwrap_or(1);
        let level = 20 + roll(number, 60);
        let energy = level * curve / 4 + roll(seed, u64::try_from(level).unwrap_or(1));
        let reactive = energy / 4 + roll(seed ^ 2, 8);
        let index = usize::try_from(number).unwrap_or(0);
        let mut values = Vec::with_capacity(8);
        if let Some(totals) = self.totals.get_mut(index) {
            let grown = [energy, reactive, 0, energy / 30 + roll(seed ^ 3, 3)];
            for (total, more) in totals.iter_mut().zip(grown) {
                *total += more;
            }
            let [import, other_total, ..] = *totals;
            match self.mix {
                Mix::Made => {
                    let pairs = totals.iter().zip(grown);
                    values.extend(pairs.flat_map(|(total, more)| [Some(*total), Some(more)]));
                }
                Mix::Reference => {
                    let demand = energy * 2 + roll(seed ^ 4, 30);
                    let volt = 2300 + roll(seed ^ 5, 24) - curve;
                    let ampere = energy * 10 / 23 + roll(seed ^ 6, 6);
                    let other = energy * 3 / 5 + roll(seed ^ 7, 12);
                    let row = [
                        import,
                        other_total,
                        reactive,
                        other,
                        0,
                        demand,
                        volt,
                        ampere,
                    ];
                    values.extend(row.map(Some));
                }
            }
        }
        let offset = match self.mix {
            Mix::Made => 30 + number * 4 + dice(seed ^ 8) % 12,
            Mix::Reference => 0,
        };
        Row {
            end: Timestamp::from_seconds(START + (mark + 1) * 1800),
            values,
            flags: Flags::from_bits(u32::from(dice(seed ^ 0x10).is_multiple_of(400))),
            offset_ms: i32::try_from(offset).unwrap_or(0),
        }
    }
}

/// Bytes an interval value takes in the archive: chunks, and chunks with the pages they lie in.
fn archive(name: &str, mix: Mix) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (mut store, _) = Store::open(folder.path(), &StoreOptions::new([1; 8]))?;
    let owners: Vec<MeterId> = (0..METERS).map(meter).collect::<Result<_, _>>()?;
    let mut profiles = Profiles::new(mix);
    let days = 60;
    let before = store.stats()?.archive.written_bytes;
    for day in 0..days {
        append_day(&mut store, &owners, &mut profiles, day)?;
        seal_all(&mut store)?;
    }
    let stats = store.stats()?;
    let values = stats.profile_values as f64;
    line(
        &format!("chunk bytes a value, 8 x 48, {name}"),
        stats.profile_bytes as f64 / values,
        0.85,
        "B",
    );
    let written = (stats.archive.written_bytes - before) as f64 / values;
    line(
        &format!("archive bytes written a value, {name}"),
        written,
        1.5,
        "B",
    );
    let live = store.profile_page_bytes()? as f64 / values;
    line(
        &format!("live archive bytes a value, {name}"),
        live,
        0.85,
        "B",
    );
    store.close()?;
    Ok(())
}

fn append_day(
    store: &mut Store,
    owners: &[MeterId],
    profiles: &mut Profiles,
    day: u64,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for (owner, number) in owners.iter().zip(0..) {
        let rows = profiles.rows(owner, number, day * 48, 48);
        batch.push(
            Body::Profile(rows),
            Timestamp::from_seconds(START + (day + 1) * DAY),
            CLOCK,
        );
    }
    store.append(batch)?;
    store.confirm(Stream::Profiles, store.next(Stream::Profiles) - 1, &[])?;
    Ok(())
}

/// Fills a store, says so, and waits to be killed.
fn fill(folder: &Path, days: u64) -> Result<(), Box<dyn std::error::Error>> {
    let (mut store, _) = Store::open(folder, &StoreOptions::new([1; 8]))?;
    let owners: Vec<MeterId> = (0..METERS).map(meter).collect::<Result<_, _>>()?;
    let mut profiles = Profiles::new(Mix::Reference);
    for day in 0..days {
        append_day(&mut store, &owners, &mut profiles, day)?;
        seal_all(&mut store)?;
    }
    // A day without a head-end: telemetry waits in the log.
    for window in 1..=8640 {
        let second = days * DAY + window * 10;
        let polls = owners
            .iter()
            .zip(0..)
            .map(|(owner, n)| poll(owner, n, second));
        let mut batch = Batch::new();
        let at = Timestamp::from_seconds(START + second);
        batch.push(Body::Readings(polls.collect()), at, CLOCK);
        store.append(batch)?;
        if second.is_multiple_of(900) {
            seal_all(&mut store)?;
        }
    }
    println!("filled");
    loop {
        std::thread::park();
    }
}

/// Time to open a full store whose process was killed, from start to an answered question.
#[expect(
    clippy::disallowed_methods,
    reason = "a wall clock is what is measured here"
)]
fn reopen(days: u64) -> Result<(), Box<dyn std::error::Error>> {
    use std::io::BufRead as _;
    let folder = tempfile::tempdir()?;
    let mut child = std::process::Command::new(std::env::current_exe()?)
        .arg("--fill")
        .arg(folder.path())
        .arg(days.to_string())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    if let Some(output) = child.stdout.take() {
        std::io::BufReader::new(output).read_line(&mut said)?;
    }
    child.kill()?;
    child.wait()?;
    if said.trim() != "filled" {
        return Err("the child did not fill the store".into());
    }
    let begin = std::time::Instant::now();
    let (store, report) = Store::open(folder.path(), &StoreOptions::new([2; 8]))?;
    let (owner, profile) = (meter(7)?, Obis::new([1, 0, 99, 1, 0, 255]));
    let last = store.last_row(&owner, profile)?;
    let took = begin.elapsed().as_secs_f64();
    if last.is_none() || !report.unclean_stop {
        return Err("the store is not what was filled".into());
    }
    line(
        &format!("reopen after kill, {days} days x {METERS} meters"),
        took,
        1.0,
        "s",
    );
    let stats = store.stats()?;
    println!(
        "    hot file {:.1} MB with {} entries, archive {:.1} MB with {} chunks, repaired: {:?}",
        stats.hot.length as f64 / 1e6,
        stats.log_rows,
        stats.archive.length as f64 / 1e6,
        stats.profile_chunks,
        report.repaired
    );
    let begin = std::time::Instant::now();
    let always = (
        Timestamp::default(),
        Timestamp::from_seconds(START + 90 * 365 * DAY),
    );
    let data = store.profile(&owner, profile, always.0, always.1, usize::MAX)?;
    let rows: usize = data.blocks.iter().map(|block| block.rows.len()).sum();
    let took = begin.elapsed().as_secs_f64();
    line(&format!("all {rows} intervals of a meter"), took, 1.0, "s");
    store.close()?;
    Ok(())
}
