//! What a scheme reads of an Elster meter: kept as the schedule keeps it, and nothing twice.

use crate::bench::{Bench, Seat};
use crate::site::{Site, read};
use authority::{Action, Document};
use simulator::elster::{ElsterModel, Scenario, What};
use std::collections::BTreeMap;
use storage::CommandState;

const NAME: &str = "elster-1";
const SCHEME: &str = r#"format = 1
name = "daily"
purpose = "read"
meter-type = "elster-a1700"
author = "PMU"
version = 1

[reads]
registers = true
billing-sets = 2
load-profile-days = 2
instrumentation-profile-days = 1
events = true
settings = true
"#;

/// A gateway with a meter that has some months behind it.
async fn site(is_read: bool) -> (Site, Seat) {
    let scenario = Scenario {
        days: 100,
        ..Scenario::new(41, "90123456")
    };
    let mut bench = Bench::new(&scenario);
    // The schedule reads it once, and then not for a day.
    let keys = "collect = { every-seconds = 86400, days-max = 1 }";
    let seat = bench.seat(NAME, ElsterModel::A1700, scenario, keys);
    if !is_read {
        plug(&bench, &seat, false);
    }
    let mut site = Site::open(bench, is_read).await;
    site.put(SCHEME).await;
    (site, seat)
}

fn plug(bench: &Bench, seat: &Seat, is_in: bool) {
    bench
        .wire
        .change_flag(seat.place, |troubles| troubles.dead = !is_in);
}

#[tokio::test(start_paused = true)]
async fn a_scheme_reads_what_its_page_asks_and_brings_nothing_twice() {
    let (mut site, seat) = site(true).await;
    site.bench.live(2 * 3600).await;
    for what in [
        What::PowerCut { seconds: 20 },
        What::BillingReset { trigger: 1 },
    ] {
        assert!(seat.meter.happen(site.bench.wire.now(), what));
        site.bench.live(60).await;
    }
    let first = site.order(read("daily", &[NAME])).await;
    let second = site.order(read("daily", &[NAME])).await;
    site.bench.stop().await;
    let words = site.well(&first);
    for expected in [
        "registers: ",
        "billing sets: 1 new",
        "load profile of 2 days: ",
        "not read: an instrumentation profile of model elster-a1700",
        "names no settings to compare",
    ] {
        assert!(words.contains(expected), "no {expected}: {words}");
    }
    assert!(!words.contains("registers: 0"), "{words}");
    assert!(!words.contains("events: 0"), "{words}");
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
    let mut frozen = BTreeMap::new();
    for cut_s in [1, 4, 8, 13, 20, 40] {
        let (mut site, seat) = site(false).await;
        let order = site.send(read("daily", &[NAME]));
        plug(&site.bench, &seat, true);
        site.bench.live(cut_s).await;
        plug(&site.bench, &seat, false);
        site.bench.live(40).await;
        plug(&site.bench, &seat, true);
        crate::dlms::commands::live_until_final(&site.bench, &order).await;
        if cut_s % 2 == 0 {
            // What is not on the disk yet is read again; what is, is not.
            site.bench.kill().await;
            site.bench.start();
            site.bench.live(60).await;
        }
        let again = site.order(read("daily", &[NAME])).await;
        let (state, note) = site.end(&again).await;
        assert_eq!(state, CommandState::Succeeded, "{cut_s}: {note}");
        site.bench.live(3600).await;
        site.bench.stop().await;
        site.check_nothing_twice(&format!("cut after {cut_s} s"));
        *frozen.entry(site.frozen(NAME)).or_insert(0) += 1;
    }
    // All that the meter has, whenever it was cut.
    assert_eq!(frozen.len(), 1, "{frozen:?}");
}

const LIST: &str = r#"version = 1
name = "morning"
action = "read"

[[pair]]
scheme = "daily"
meters = ["elster-1"]
"#;

#[tokio::test(start_paused = true)]
async fn a_list_reads_by_its_scheme() {
    let (mut site, _seat) = site(true).await;
    site.bench.live(3 * 3600).await;
    let document = Document::Inline(LIST.to_owned());
    let put = site.order(Action::ListPut { document }).await;
    assert_eq!(site.end(&put).await.0, CommandState::Succeeded);
    let before = u64::try_from(site.bench.utc()).expect("a time");
    let list = "morning".parse().expect("a name");
    let run = site.order(Action::ListRun { list }).await;
    assert_eq!(site.end(&run).await.0, CommandState::Succeeded);
    site.bench.stop().await;
    let newest = site.bench.rows().into_iter();
    let newest = newest.flat_map(|block| block.rows).map(|row| row.end);
    let newest = newest.max().expect("intervals").seconds();
    assert!(newest + 1800 > before, "{newest} before {before}");
    let receipts = site.bench.receipts();
    let own = receipts.iter().filter_map(|one| one.text.as_deref());
    let told = own.filter(|text| text.contains("load profile of 2 days"));
    assert!(told.count() > 0, "{receipts:#?}");
}
