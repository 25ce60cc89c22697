//! A DLMS meter's event log and billing sets are at the head-end, each entry once, through `kill -9`
//! of the gateway; what the log's ring has lost is told.
#![cfg(test)]

use std::collections::BTreeMap;
use std::time::Duration;

use dlms::security::Secret;
use head_end::{Body, EventRecord, Message};
use hil_tests::agent::Agent;
use hil_tests::binaries;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, utc, wait_until};
use hil_tests::dlms::{READER, dlms_scenario, entry, private, seat_with, wait_for_meters};
use hil_tests::listener::Listener;
use hil_tests::world::{World, wait_for_delivery};
use metering::{EventCode, MeterReadings, MeterTime, Timestamp};
use serde_json::Value;
use simulator::dlms::{ClockSet, DlmsAccess, DlmsInstrument, DlmsScenario, Sorting};

const GATEWAY: &str = "pmu-logs";
const PASSWORD: &str = "0001ABCD";
/// Its log has room for more than befalls it.
const ROOMY: (&str, u16, usize) = ("feeder-17", 17, 250);
/// Its log is overwritten while nobody reads it for a quarter of a minute.
const TIGHT: (&str, u16, usize) = ("feeder-18", 18, 12);
/// Longer than the tight log lasts, by some entries.
const AWAY: Duration = Duration::from_secs(17);
const WITHIN: Duration = Duration::from_mins(1);
/// Seconds of a period of its load profile, and of a billing period.
const PERIODS: (u32, i64) = (4, 12);

/// Twenty failures of the power before, and from now on one each two seconds: an entry a second. The
/// clock was set once and is ahead since.
fn eventful(bus: &Bus, seed: u16, log_capacity: usize, sorting: Sorting) -> DlmsScenario {
    let scenario = dlms_scenario(bus, u64::from(seed), &format!("000{seed}77"));
    let now = scenario.starts_at + i64::try_from(bus.wire.now().as_secs()).unwrap();
    let before = (1..=20).rev().map(|number| now - number * 1500);
    // From odd seconds on: the power is back at the end of each period, so that it has a row.
    let from_now = (0..90).map(|number| (now | 1) + 2 * number);
    DlmsScenario {
        outages: before.chain(from_now).map(|at| (at, at + 1)).collect(),
        clock_sets: vec![ClockSet {
            at: now - 5000,
            ahead: 2,
        }],
        period_s: PERIODS.0,
        capacity: 24,
        billing_every_s: PERIODS.1,
        billing_capacity: 30,
        log_capacity,
        sorting,
        ..scenario
    }
}

/// A meter, and what is known of it from outside.
struct Watched {
    name: &'static str,
    holds: DlmsInstrument,
    log_capacity: usize,
    /// Its billing sets before anybody read them.
    begun: Vec<(i64, [u32; 3], i64)>,
}

impl Watched {
    fn seat(bus: &Bus, (name, lower, capacity): (&'static str, u16, usize), by: Sorting) -> Self {
        let password = Secret::new(PASSWORD.as_bytes()).unwrap();
        let access = DlmsAccess {
            passwords: vec![(READER, password)],
            keys: Vec::new(),
        };
        let scenario = eventful(bus, lower, capacity, by);
        let (holds, _) = seat_with(bus, lower, scenario, access);
        let begun = holds.billed(holds.utc(bus.wire.now()));
        Self {
            name,
            holds,
            log_capacity: capacity,
            begun,
        }
    }

    /// The entries of its log up to a moment, overwritten or not, as its clock shows them. Its seconds
    /// begin when it was seated: another meter's do not say how many entries it has.
    fn entries(&self, moment: Duration) -> Vec<(String, u8)> {
        let events = self.holds.events(self.holds.utc(moment)).into_iter();
        let shown = |at| calendar(self.holds.shown(at)).to_string();
        events.map(|(at, code)| (shown(at), code)).collect()
    }
}

fn calendar(seconds: i64) -> MeterTime {
    MeterTime::from_seconds(u64::try_from(seconds).unwrap())
}

/// What came from the gateway, by stream and number as the head-end books it: what is sent again
/// counts once.
#[derive(Default)]
struct Booked {
    events: Vec<EventRecord>,
    readings: Vec<MeterReadings>,
}

fn booked(listener: &Listener) -> Booked {
    let records = ["ev", "tm"].map(|word| listener.heard_on(&format!("/up/{word}")));
    let mut by_number = BTreeMap::new();
    for heard in records.into_iter().flatten() {
        let message = Message::decode(&heard.payload).expect("a message of the contract");
        let key = (heard.topic, message.epoch, message.number);
        by_number.insert(key, message.open().expect("a record"));
    }
    let mut booked = Booked::default();
    for body in by_number.into_values() {
        match body {
            Body::Event(event) => booked.events.push(event),
            Body::Readings(readings) => booked.readings.extend(readings),
            _ => {}
        }
    }
    booked
}

/// What is said of a log.
#[derive(Debug, PartialEq)]
enum Said {
    Entry(String, u8),
    /// Entries were lost.
    Torn(String),
}

fn said_of_log(events: &[EventRecord], name: &str) -> Vec<Said> {
    let own = events.iter().filter(|event| {
        let meter = event.meter.as_ref();
        meter.is_some_and(|meter| meter.as_str() == name)
    });
    let said = own.filter_map(|event| {
        if event.code == EventCode::MeterLogTorn.word() {
            return Some(Said::Torn(event.detail.clone()));
        }
        let rest = event.detail.strip_prefix("events (0-0:99.98.0): code ")?;
        let (code, rest) = rest.split_once(", at ").expect("a time");
        let shown = rest.strip_suffix(" of its clock").expect("a time");
        Some(Said::Entry(shown.to_owned(), code.parse().unwrap()))
    });
    said.collect()
}

/// How an overwritten log came through.
#[derive(Debug, Default)]
struct LogVerdict {
    entries: usize,
    lost: usize,
    told: usize,
}

/// Every entry up to `upto` once and in order; between two that are not neighbours the loss is told,
/// with where it ends. Of a log that was first read by `looked` nothing newer than it held then is
/// missing at the beginning.
#[track_caller]
fn judge_log(
    meter: &Watched,
    booked: &Booked,
    (looked, upto, now): (Duration, Duration, Duration),
) -> LogVerdict {
    let name = meter.name;
    let truth = meter.entries(now);
    let begins = meter.entries(looked).len();
    let begins = begins.saturating_sub(meter.log_capacity);
    let mut verdict = LogVerdict::default();
    let (mut next, mut torn) = (None, None);
    for said in said_of_log(&booked.events, name) {
        let (shown, code) = match said {
            Said::Torn(words) => {
                assert_eq!(torn.replace(words), None, "{name}: told twice");
                verdict.told += 1;
                continue;
            }
            Said::Entry(shown, code) => (shown, code),
        };
        let known = (shown, code);
        let place = truth.iter().position(|entry| *entry == known);
        let place = place.unwrap_or_else(|| panic!("{name}: {known:?} never came about"));
        match (next, torn.take()) {
            (None, None) => assert!(place <= begins, "{name}: begins at {known:?}"),
            (Some(next), None) => assert_eq!(place, next, "{name}: {known:?} is not next"),
            (Some(next), Some(words)) => {
                assert!(place >= next, "{name}: {known:?} again");
                assert!(words.contains(&known.0), "{name}: {known:?}, but {words}");
                verdict.lost += place - next;
            }
            (None, Some(words)) => panic!("{name}: nothing was read yet, but {words}"),
        }
        next = Some(place + 1);
        verdict.entries += 1;
    }
    assert_eq!(torn, None, "{name}");
    let (reached, due) = (next.unwrap_or(0), meter.entries(upto).len());
    assert!(reached >= due, "{name}: {reached} of {due} entries");
    verdict
}

/// Values of a billing set as they are booked: code and when, and the value.
fn values_of((end, values, highest_at): (i64, [u32; 3], i64)) -> [((String, u64), String); 3] {
    let (year, month, _) = calendar(end).date();
    let storage = (year * 12 + month) % 100;
    let [import, export, highest] = values;
    let value = |code: &str, at, number: u32, unit: &str| {
        let key = (format!("{code}*{storage}"), u64::try_from(at).unwrap());
        let text = format!("{}.{:03} {unit}", number / 1000, number % 1000);
        (key, text)
    };
    [
        value("1-0:1.8.0", end, import, "kWh"),
        value("1-0:2.8.0", end, export, "kWh"),
        value("1-0:1.6.0", highest_at, highest, "kW"),
    ]
}

/// Every set that the meter had at the beginning or later, up to `upto`, once and right; nothing
/// else. How many sets.
#[track_caller]
fn judge_billing(meter: &Watched, booked: &Booked, (upto, now): (Duration, Duration)) -> usize {
    let name = meter.name;
    let [upto, now] = [upto, now].map(|moment| meter.holds.utc(moment));
    let mut found = BTreeMap::new();
    for readings in &booked.readings {
        let own = readings.values.iter().filter(|value| {
            readings.meter.as_str() == name && value.obis.to_string().contains('*')
        });
        for value in own {
            let key = (value.obis.to_string(), readings.taken_at.seconds());
            let quantity = value.quantity.expect("a value").to_string();
            let before = found.insert(key.clone(), quantity);
            assert_eq!(before, None, "{name}: {key:?} twice");
        }
    }
    // A set that was overwritten before the first look may be missing; it is not by then.
    let due = meter.holds.billed(upto);
    let every = meter.begun.iter().copied().chain(meter.holds.billed(now));
    let every: BTreeMap<_, _> = every.flat_map(values_of).collect();
    for (key, value) in due.iter().copied().flat_map(values_of) {
        assert_eq!(found.get(&key), Some(&value), "{name}: {key:?} of {due:?}");
    }
    for (key, value) in &found {
        assert_eq!(every.get(key), Some(value), "{name}: {key:?} was booked");
    }
    assert_eq!(found.len() % 3, 0, "{name}: a part of a set\n{found:#?}");
    let begun = meter.begun.last().map_or(0, |(end, ..)| *end);
    let later = due.iter().filter(|(end, ..)| *end > begun).count();
    assert!(later >= 2, "{name}: {later} sets while it was read");
    found.len() / 3
}

/// Kills the gateway, and starts it again after a while; how much befell the meter meanwhile.
fn kill_for(agent: &mut Agent, away: Duration, (meter, bus): (&Watched, &Bus)) -> usize {
    let count = || meter.entries(bus.wire.now()).len();
    agent.kill();
    let before = count();
    pause(away);
    let meanwhile = count() - before;
    agent.start();
    meanwhile
}

/// What was heard is what the head-end says that it booked.
#[track_caller]
fn must_be_booked(booked: &Booked, summary: &Value) {
    let figure = |name: &str| summary[name].as_u64().and_then(|n| usize::try_from(n).ok());
    assert_eq!(Some(booked.events.len()), figure("events"), "{summary}");
    assert_eq!(Some(booked.readings.len()), figure("readings"), "{summary}");
}

#[test]
fn each_entry_and_each_set_is_at_the_head_end_once_and_a_loss_is_told() {
    let Some(mut world) = World::new("logs of DLMS meters") else {
        return;
    };
    // The meters' time runs: nothing is built in it.
    let _built = binaries::agent();
    let bus = Bus::serial("main", world.folder(), 115_200, 6);
    let roomy = Watched::seat(&bus, ROOMY, Sorting::OldestFirst);
    let tight = Watched::seat(&bus, TIGHT, Sorting::NewestFirst);
    let now = || bus.wire.now();
    let mut agent = world.gateway(GATEWAY, &[&bus], 60);
    let password = world.folder().join("password");
    private(&password, PASSWORD.as_bytes());
    let table = format!(
        "association = \"reader\", password-file = \"{}\"",
        password.display()
    );
    for (name, lower, _) in [ROOMY, TIGHT] {
        let often = entry(name, lower, &table)
            .replace("every-seconds = 40", "every-seconds = 5, days-max = 1");
        agent.file.more.push_str(&often);
    }
    let filters = ["gw/v1/+/up/#"];
    let listener = Listener::start(world.folder(), &world.broker, &world.listener, &filters);
    world.head_end.start();
    agent.start();

    // Within the first look at the log.
    wait_until("an entry is at the head-end", WITHIN, || {
        !said_of_log(&booked(&listener).events, ROOMY.0).is_empty()
    });
    let mut befell = vec![kill_for(&mut agent, Duration::from_secs(2), (&roomy, &bus))];
    wait_for_meters(&agent, 2, Timestamp::default(), WITHIN);
    // Collected is not durable yet: what is at the head-end is.
    wait_until("an entry of the other log is there too", WITHIN, || {
        !said_of_log(&booked(&listener).events, TIGHT.0).is_empty()
    });
    let looked = now();
    befell.push(kill_for(&mut agent, AWAY, (&roomy, &bus)));
    assert!(befell.iter().all(|entries| *entries > 0), "{befell:?}");
    pause(Duration::from_secs(3));
    befell.push(kill_for(
        &mut agent,
        Duration::from_millis(100),
        (&roomy, &bus),
    ));
    let upto = now();
    // A round that goes on now may be behind the log already.
    for _ in 0..2 {
        wait_for_meters(&agent, 2, utc(), WITHIN);
    }
    wait_for_delivery(&agent, WITHIN);
    agent.stop();
    let summary = world.head_end.stop();
    world.must_agree(&summary);

    let booked = booked(&listener);
    must_be_booked(&booked, &summary);
    println!("entries that came about while the gateway was down: {befell:?}");
    let logs = [&roomy, &tight].map(|meter| {
        let log = judge_log(meter, &booked, (looked, upto, now()));
        let sets = judge_billing(meter, &booked, (upto, now()));
        println!("{}: {log:?}, {sets} billing sets", meter.name);
        log
    });
    let [roomy, tight] = logs;
    assert_eq!((roomy.lost, roomy.told), (0, 0), "{roomy:?}");
    assert!(roomy.entries > 70, "{roomy:?}");
    assert!(tight.lost > 0 && tight.told > 0, "{tight:?}");
}
