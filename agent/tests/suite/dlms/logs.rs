//! What a meter tells beside its values.

use super::world::{Meter, bench, check_rows, seat_low};
use crate::bench::Bench;
use metering::{EventCode, MeterReadings};
use simulator::dlms::{ClockSet, DlmsScenario, Nulls, Sorting};
use simulator::trouble::{FlagTroubles, OneIn};
use std::collections::{BTreeMap, BTreeSet};
use storage::{Body, Stream};

const NAME: &str = "dlms-1";

/// How often something was told of the meter.
fn told(bench: &Bench, code: EventCode, words: &str) -> usize {
    let events = bench.events();
    let of = events.iter();
    of.filter(|event| event.code == code && event.detail.contains(words))
        .count()
}

/// The power failed three times, once before and twice behind the first session, and the model does
/// not say what the bit means that the rows have of it.
fn failing() -> DlmsScenario {
    let scenario = DlmsScenario {
        days: 2,
        ..DlmsScenario::new(9, "00012345")
    };
    let outages = [-40_000, 5000, 12_000];
    let outage = |after: &i64| {
        (
            scenario.starts_at + after,
            scenario.starts_at + after + 1200,
        )
    };
    DlmsScenario {
        outages: outages.iter().map(outage).collect(),
        ..scenario
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_bit_without_a_meaning_is_told_once_however_often_it_comes() {
    for (change, expected) in [("", 1), ("other-bits = \"unremarkable\"\n", 0)] {
        let mut bench = bench();
        bench.own_model("dlms-generic", |text| {
            text.replace("other-bits = \"unremarkable\"\n", change)
        });
        let healthy = FlagTroubles::default();
        let meter = seat_low(&mut bench, NAME, 17, failing(), healthy);
        bench.start();
        bench.live(9000).await;
        bench.kill().await;
        bench.start();
        bench.live(9000).await;
        let upto = bench.utc() - 1200;
        bench.stop().await;
        check_rows(&bench, NAME, &meter, upto);
        let code = EventCode::MeterProfileUnknown;
        let words = "status bit 7 has no meaning in the model file";
        assert_eq!(told(&bench, code, words), expected, "{:#?}", bench.events());
        let kept = "status bits that the model file does not name: ";
        let rows = told(&bench, code, kept);
        // Each row with such a bit is kept, and none is told twice.
        assert_eq!(rows > 0, expected > 0, "{:#?}", bench.events());
        let mut changes: Vec<String> = bench
            .events()
            .iter()
            .filter_map(|event| event.detail.split_once(kept))
            .flat_map(|(_, changes)| changes.split("; ").map(str::to_owned))
            .collect();
        let all = changes.len();
        changes.sort();
        changes.dedup();
        assert_eq!(changes.len(), all, "{changes:#?}");
        let failed = failing().outages.len();
        let with_bit = changes
            .iter()
            .filter(|change| change.starts_with("bit 7 from"));
        assert_eq!(with_bit.count(), expected * failed, "{changes:#?}");
    }
}

/// A scenario in which the power fails every so many seconds, from two days before to a day behind
/// the beginning, and the clock is set now and then.
fn eventful(every: i64) -> DlmsScenario {
    let scenario = DlmsScenario {
        days: 2,
        ..DlmsScenario::new(9, "00012345")
    };
    let starts_at = scenario.starts_at;
    let begins = (-20..20).map(|number| starts_at + number * every + 77);
    let sets = [(-5000, 40), (6000, -3), (6010, 2), (14_000, -60)];
    let set = |(at, ahead): (i64, i64)| ClockSet {
        at: starts_at + at,
        ahead,
    };
    DlmsScenario {
        outages: begins.map(|begin| (begin, begin + 61)).collect(),
        clock_sets: sets.map(set).into(),
        ..scenario
    }
}

/// Codes that were told of its log, with what its clock showed, in the order in which they came.
fn entries(bench: &Bench) -> Vec<(String, u8)> {
    let of_log = |detail: &str| {
        let rest = detail.strip_prefix("events (0-0:99.98.0): ")?;
        let (code, rest) = rest.strip_prefix("code ")?.split_once(", at ")?;
        let shown = rest.strip_suffix(" of its clock")?;
        Some((shown.to_owned(), code.parse().ok()?))
    };
    let events = bench.events();
    events
        .iter()
        .filter_map(|event| of_log(&event.detail))
        .collect()
}

/// The same, as they truly came about.
fn truth(meter: &Meter, upto: i64) -> Vec<(String, u8)> {
    let events = meter.instrument.events(upto).into_iter();
    let shown = |(at, code)| {
        let shown = meter.instrument.shown(at) + 7200;
        let shown = metering::MeterTime::from_seconds(u64::try_from(shown).unwrap());
        (shown.to_string(), code)
    };
    events.map(shown).collect()
}

/// Every kind of log, through lost and damaged answers, kills, and a full ring: each entry once.
#[tokio::test(start_paused = true)]
async fn each_entry_of_a_log_becomes_one_event() {
    let kinds = [
        (true, Sorting::OldestFirst, Nulls::Never, 250),
        (true, Sorting::NewestFirst, Nulls::InAnswer, 30),
        (true, Sorting::OldestFirst, Nulls::InBuffer, 30),
        (false, Sorting::NewestFirst, Nulls::Never, 40),
    ];
    for (selects_entries, sorting, nulls, log_capacity) in kinds {
        let mut bench = bench();
        let scenario = DlmsScenario {
            selects_entries,
            sorting,
            nulls,
            log_capacity,
            ..eventful(1500)
        };
        let healthy = FlagTroubles::default();
        let meter = seat_low(&mut bench, NAME, 17, scenario, healthy);
        let begun = truth(&meter, bench.utc());
        bench.start();
        bench.live(4000).await;
        bench.wire.change_flag(meter.place, |troubles| {
            troubles.lost_answers = OneIn::times(15);
            troubles.flipped = OneIn::times(15);
        });
        for _ in 0..3 {
            bench.live(2600).await;
            bench.kill().await;
            bench.start();
        }
        bench
            .wire
            .change_flag(meter.place, |now| *now = FlagTroubles::default());
        bench.live(4000).await;
        let upto = bench.utc() - 1000;
        bench.stop().await;
        let told = entries(&bench);
        // Those that were overwritten before the first look cannot be there.
        let lost = begun.len().saturating_sub(log_capacity);
        let expected = &truth(&meter, upto)[lost..];
        assert!(expected.len() > 40, "{}", expected.len());
        let found = told.get(..expected.len());
        assert_eq!(
            found,
            Some(expected),
            "{selects_entries} {sorting:?} {nulls:?}"
        );
    }
}

/// Without the gateway a log of ten entries is overwritten; that is told, and what is there comes.
#[tokio::test(start_paused = true)]
async fn what_a_log_has_lost_is_told() {
    let mut bench = bench();
    let scenario = DlmsScenario {
        log_capacity: 10,
        ..eventful(1500)
    };
    let healthy = FlagTroubles::default();
    let meter = seat_low(&mut bench, NAME, 17, scenario, healthy);
    bench.start();
    bench.live(1000).await;
    bench.kill().await;
    let before = entries(&bench).len();
    tokio::time::sleep(std::time::Duration::from_secs(16_000)).await;
    bench.start();
    bench.live(1000).await;
    let now = bench.utc();
    bench.stop().await;
    let torn = told(&bench, EventCode::MeterLogTorn, "does not hold any more");
    assert_eq!(torn, 1, "{:#?}", bench.events());
    let all = truth(&meter, now);
    let behind = entries(&bench).split_off(before);
    assert!((9..=12).contains(&behind.len()), "{behind:?}");
    assert!(all.ends_with(&behind), "{behind:?}");
}

/// Values of billing sets among readings: OBIS code, when, digits.
fn of_sets(readings: &[MeterReadings]) -> Vec<((String, u64), i64)> {
    let values = readings.iter().flat_map(|reading| {
        let at = reading.taken_at.seconds();
        reading.values.iter().map(move |value| (at, value))
    });
    let values = values.map(|(at, value)| {
        let digits = value.quantity.map_or(-1, |quantity| quantity.digits);
        ((value.obis.to_string(), at), digits)
    });
    values.filter(|((obis, _), _)| obis.contains('*')).collect()
}

/// Those that are not sealed yet: none was written twice.
#[track_caller]
fn must_be_once(bench: &Bench) {
    let entries = bench.entries(Stream::Telemetry).into_iter();
    let readings = entries.flat_map(|entry| match entry.body {
        Body::Readings(readings) => readings,
        _ => Vec::new(),
    });
    let mut seen = BTreeSet::new();
    for (key, _) in of_sets(&readings.collect::<Vec<_>>()) {
        assert!(seen.insert(key.clone()), "{key:?} twice");
    }
}

#[tokio::test(start_paused = true)]
async fn each_billing_set_is_kept_once_with_its_maximum_at_its_time() {
    for (selects_entries, sorting) in [(true, Sorting::OldestFirst), (false, Sorting::NewestFirst)]
    {
        let mut bench = bench();
        let scenario = DlmsScenario {
            days: 2,
            billing_every_s: 6 * 3600,
            billing_capacity: 3,
            selects_entries,
            sorting,
            ..DlmsScenario::new(9, "00012345")
        };
        let healthy = FlagTroubles::default();
        let meter = seat_low(&mut bench, NAME, 17, scenario, healthy);
        let mut truth: BTreeMap<i64, _> = BTreeMap::new();
        let hold = |utc: i64, truth: &mut BTreeMap<i64, ([u32; 3], i64)>| {
            let sets = meter.instrument.billed(utc).into_iter();
            truth.extend(sets.map(|(end, values, at)| (end, (values, at))));
        };
        bench.start();
        hold(bench.utc(), &mut truth);
        for _ in 0..3 {
            bench.live(40_000).await;
            hold(bench.utc() - 1000, &mut truth);
            bench.kill().await;
            must_be_once(&bench);
            bench.start();
        }
        bench.live(1000).await;
        bench.stop().await;
        must_be_once(&bench);
        let kept: BTreeMap<_, _> = of_sets(&bench.readings()).into_iter().collect();
        for (end, ([import, export, highest], at)) in &truth {
            let month = (2026 * 12 + 5) % 100;
            let of = |code: &str, at: i64| {
                let key = (format!("{code}*{month}"), u64::try_from(at).unwrap());
                kept.get(&key).copied()
            };
            let total = of("1-0:1.8.0", *end);
            assert_eq!(total, Some((*import).into()), "{end} {:?}", kept.keys());
            assert_eq!(of("1-0:2.8.0", *end), Some((*export).into()));
            assert_eq!(of("1-0:1.6.0", *at), Some((*highest).into()));
        }
        assert!(truth.len() >= 8, "{}", truth.len());
        assert_eq!(kept.len(), truth.len() * 3, "{kept:#?}");
    }
}
