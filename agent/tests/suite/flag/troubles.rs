//! Days of sessions on bad lines: whatever goes wrong, no value is wrong, and in the end nothing is
//! missing.

use super::profiles::check;
use crate::bench::{Bench, Seat};
use metering::{MeterReadings, Obis};
use simulator::dice::Dice;
use simulator::elster::{ElsterModel, Scenario, Source};
use simulator::trouble::{Doubled, FlagTroubles, Late, OneIn, Spread};
use std::time::Duration;

/// Worlds of every run.
const SEEDS: u64 = 2;
/// Hours of troubles in each.
const HOURS: u64 = 24;

/// What one world came to.
#[derive(Debug, Default)]
struct Figures {
    sessions: u64,
    broken: u64,
    values: usize,
    intervals: usize,
}

fn troubles(dice: &mut Dice) -> FlagTroubles {
    let millis = Duration::from_millis;
    let often = |dice: &mut Dice| match dice.index(3) {
        0 => OneIn::NEVER,
        _ => OneIn::times(u32::try_from(dice.between(&(60..=400))).unwrap()),
    };
    FlagTroubles {
        late: Some(Late {
            thinks: Spread::between(millis(1500), millis(6000)),
            happens: often(dice),
        }),
        doubled: Some(Doubled {
            after: millis(dice.between(&(20..=3000))),
            happens: often(dice),
        }),
        lost_octets: OneIn::times(20_000),
        lost_answers: often(dice),
        truncated: often(dice),
        flipped: often(dice),
        wrong_check: often(dice),
        signs_off: often(dice),
        junk: (dice.index(4) == 0).then_some(1..=6),
        ..FlagTroubles::default()
    }
}

/// A total that was read was on the meter about then: it thinks for up to six seconds.
#[track_caller]
fn check_readings(readings: &[MeterReadings], name: &str, seat: &Seat) -> usize {
    let total: Obis = "1-0:1.8.0".parse().unwrap();
    let mut checked = 0;
    for reading in readings.iter().filter(|found| found.meter.as_str() == name) {
        let utc = i64::try_from(reading.taken_at.seconds()).unwrap();
        let Some(value) = reading.values.iter().find(|value| value.obis == total) else {
            continue;
        };
        let quantity = value.quantity.expect("a number");
        let truth = |utc| {
            let shown = seat.meter.total(Source::Import, utc) / 3600;
            i128::try_from(shown).unwrap() * seat.ratio
        };
        let places = u32::try_from(quantity.exponent + 3).unwrap();
        let digits = i128::from(quantity.digits) * 10_i128.pow(places);
        assert!(
            (truth(utc - 5)..=truth(utc + 5)).contains(&digits),
            "{name} at {}: {quantity}, not {} to {} (10^-3 Wh)",
            reading.taken_at,
            truth(utc - 5),
            truth(utc + 5)
        );
        checked += 1;
    }
    checked
}

async fn world(seed: u64) -> Figures {
    let mut dice = Dice::new(seed);
    let scenario = |serial: &str, number: u64| Scenario {
        days: 2,
        ..Scenario::new(seed * 10 + number, serial)
    };
    let models = [
        ElsterModel::A1140,
        ElsterModel::A1700,
        ElsterModel::As230,
        ElsterModel::A1700Late,
    ];
    let mut bench = Bench::new(&scenario("1", 0));
    let keys = "collect = { every-seconds = 900, days-max = 10 }";
    let mut seats = Vec::new();
    for (model, number) in models.into_iter().zip(1..) {
        let name = format!("elster-{number}");
        let serial = format!("9000010{number}");
        let scenario = scenario(&serial, number);
        seats.push((name.clone(), bench.seat(&name, model, scenario, keys)));
    }
    bench.start();
    let mut sessions = Figures::default();
    for _ in 0..HOURS {
        for (_, seat) in &seats {
            let troubles = troubles(&mut dice);
            bench.wire.change_flag(seat.place, |now| *now = troubles);
        }
        let echo = dice.index(3) == 0;
        bench.wire.change_wire(|wire| {
            wire.echo = echo;
            wire.noise = OneIn::times(9000);
        });
        bench.live(dice.between(&(1800..=5400))).await;
        if dice.index(4) == 0 {
            sessions.add(&bench);
            bench.kill().await;
            // Nobody fetches them here, so they are not kept for long.
            sessions.check_readings(&bench, &seats);
            bench.start();
        }
    }
    for (_, seat) in &seats {
        let calm = FlagTroubles::default();
        bench.wire.change_flag(seat.place, |now| *now = calm);
    }
    bench.wire.change_wire(|wire| {
        wire.echo = false;
        wire.noise = OneIn::NEVER;
    });
    // A meter that was taken for dead is tried within the hour; a password that seemed to be
    // refused, within a day.
    bench.live(30 * 3600).await;
    let until = bench.utc();
    sessions.add(&bench);
    bench.stop().await;
    sessions.check_readings(&bench, &seats);
    for (name, seat) in &seats {
        let begun = seat.meter.begun();
        sessions.intervals += check(&bench, name, seat, begun, until - 2 * 3600);
    }
    sessions
}

impl Figures {
    fn check_readings(&mut self, bench: &Bench, seats: &[(String, Seat)]) {
        let readings = bench.readings();
        for (name, seat) in seats {
            self.values += check_readings(&readings, name, seat);
        }
    }

    fn add(&mut self, bench: &Bench) {
        for totals in bench.session_totals() {
            self.sessions += totals.sessions;
            self.broken += totals.broken + totals.silent;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_trouble_of_the_line_makes_a_wrong_value() {
    let mut sum = Figures::default();
    for seed in 1..=SEEDS {
        let one = world(seed).await;
        eprintln!("seed {seed}: {one:?}");
        sum.sessions += one.sessions;
        sum.broken += one.broken;
        sum.values += one.values;
        sum.intervals += one.intervals;
    }
    eprintln!("{sum:?}");
    assert!(sum.sessions >= 1000 && sum.broken > 20, "{sum:?}");
    assert!(sum.values > 1500 && sum.intervals > 1000, "{sum:?}");
}
