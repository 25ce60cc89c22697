//! What the forecast says that sessions cost is about what they take.

use super::world::{bench, import, key_octets, seat_low, seat_secured};
use crate::bench::Bench;
use ::dlms::security::Suite;
use pmu_agent::plan::{COLLECT, session_meter};
use simulator::dlms::DlmsScenario;
use simulator::trouble::{FlagTroubles, Spread};
use std::time::Duration;

const NAME: &str = "dlms-1";

/// Per cent that the sessions of some hours take of what is said.
async fn taken(bench: &mut Bench, suite: Option<Suite>) -> u64 {
    bench.start();
    if let Some(suite) = suite {
        import(bench, NAME, suite, key_octets(suite)).await;
    }
    // The first round reads all that the meter holds.
    bench
        .live_until(2400, |meter| meter.last_collected.is_some())
        .await;
    bench.live(900).await;
    let totals = |bench: &Bench| {
        let totals = bench.session_totals();
        (totals[0].sessions, totals[0].held_ms, totals[0].octets)
    };
    let before = totals(bench);
    bench.live(6 * 3600).await;
    let after = totals(bench);
    let sessions = after.0 - before.0;
    assert!((20..=30).contains(&sessions), "{sessions}");
    let each = (after.1 - before.1) / sessions;
    // A session is octets, and rests between them.
    let octets_ms = (after.2 - before.2) * 1000 / 960 / sessions;
    assert!(
        (each / 4..=each).contains(&octets_ms),
        "{octets_ms} of {each}"
    );
    let settings = bench.settings();
    let planned = session_meter(&settings.meters[0], &settings.buses[0]).unwrap();
    let said = planned.polls.iter().find(|poll| poll.id == COLLECT);
    let said = u64::try_from(said.unwrap().cost.as_millis()).unwrap();
    println!("{suite:?}: {each} ms a session, {said} ms said");
    each * 100 / said
}

#[tokio::test(start_paused = true)]
async fn sessions_take_about_what_the_forecast_says() {
    let scenario = || DlmsScenario::new(7, "00012345");
    for suite in [None, Some(Suite::Zero), Some(Suite::Two)] {
        let mut bench = bench();
        let meter = match suite {
            None => seat_low(&mut bench, NAME, 17, scenario(), FlagTroubles::default()),
            Some(suite) => seat_secured(&mut bench, (NAME, 17), suite, scenario()),
        };
        bench.wire.change_flag(meter.place, |troubles| {
            troubles.turnaround = Some(Spread::fixed(Duration::from_millis(100)));
        });
        let percent = taken(&mut bench, suite).await;
        assert!((60..=110).contains(&percent), "{suite:?}: {percent} %");
    }
}
