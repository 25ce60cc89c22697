//! What a scheme reads of a DLMS meter: kept as the schedule keeps it, and nothing twice.

use super::commands::{NAME, live_until_final, plug};
use super::world::{Meter, bench, seat_low};
use crate::site::{Site, read};
use simulator::dlms::DlmsScenario;
use simulator::trouble::FlagTroubles;
use std::collections::BTreeMap;
use storage::CommandState;

const SCHEME: &str = r#"format = 1
name = "daily"
purpose = "read"
meter-type = "dlms-generic"
author = "PMU"
version = 1

[reads]
registers = true
billing-sets = 3
load-profile-days = 2
instrumentation-profile-days = 1
events = true
"#;

/// The power fails now and then, and a billing period ends every two hours.
fn scenario() -> DlmsScenario {
    let scenario = DlmsScenario {
        days: 2,
        billing_every_s: 7200,
        ..DlmsScenario::new(9, "00012345")
    };
    let outages = (-20..20).map(|number| scenario.starts_at + number * 1700 + 77);
    DlmsScenario {
        outages: outages.map(|begin| (begin, begin + 61)).collect(),
        ..scenario
    }
}

/// A gateway with a meter that the schedule reads once, and then not for a day.
async fn site(is_read: bool) -> (Site, Meter) {
    let mut bench = bench();
    let meter = seat_low(&mut bench, NAME, 17, scenario(), FlagTroubles::default());
    bench.reword("every-seconds = 900", "every-seconds = 86400");
    if !is_read {
        plug(&bench, &meter, false);
    }
    let mut site = Site::open(bench, is_read).await;
    site.put(SCHEME).await;
    (site, meter)
}

#[tokio::test(start_paused = true)]
async fn a_scheme_reads_what_its_page_asks_and_brings_nothing_twice() {
    let (mut site, _meter) = site(true).await;
    site.bench.live(5 * 3600).await;
    let first = site.order(read("daily", &[NAME])).await;
    let second = site.order(read("daily", &[NAME])).await;
    site.bench.stop().await;
    let words = site.well(&first);
    for expected in [
        "registers: ",
        "billing sets: 2 new",
        "load profile of 2 days: ",
        "not read: an instrumentation profile of model dlms-generic",
    ] {
        assert!(words.contains(expected), "no {expected}: {words}");
    }
    for unexpected in ["registers: 0", "events: 0", ", 0 new", "settings"] {
        assert!(!words.contains(unexpected), "{unexpected}: {words}");
    }
    let words = site.well(&second);
    for expected in ["billing sets: 0 new", "events: 0 new", "intervals, 0 new"] {
        assert!(words.contains(expected), "no {expected}: {words}");
    }
    site.check_nothing_twice("two orders");
    assert!(site.rows(NAME) >= 96, "{} rows", site.rows(NAME));
}

/// The schedule and the order come to a meter of which nothing is known at the same time, and the line
/// is cut in between.
#[tokio::test(start_paused = true)]
async fn a_line_that_is_cut_in_the_middle_brings_nothing_twice() {
    let mut ends = BTreeMap::new();
    for cut_ms in [400, 1200, 2000, 3500, 5000, 7000, 10_000, 15_000] {
        let (mut site, meter) = site(false).await;
        let order = site.send(read("daily", &[NAME]));
        plug(&site.bench, &meter, true);
        site.bench.live_ms(cut_ms).await;
        plug(&site.bench, &meter, false);
        site.bench.live(40).await;
        plug(&site.bench, &meter, true);
        live_until_final(&site.bench, &order).await;
        *ends.entry(site.end(&order).await.0.word()).or_insert(0) += 1;
        if cut_ms % 1000 == 0 {
            site.bench.kill().await;
            site.bench.start();
            site.bench.live(60).await;
        }
        let again = site.order(read("daily", &[NAME])).await;
        let (state, note) = site.end(&again).await;
        assert_eq!(state, CommandState::Succeeded, "{cut_ms}: {note}");
        site.bench.live(600).await;
        site.bench.stop().await;
        site.check_nothing_twice(&format!("cut after {cut_ms} ms"));
        assert!(site.rows(NAME) >= 90, "{} rows", site.rows(NAME));
    }
    println!("cut at 8 moments of a reading: {ends:?}");
}
