//! What a scheme reads of a Modbus meter: its registers; what it does not have is told in words.

use super::world::{MODEL, NAME, plug, site};
use crate::dlms::commands::live_until_final;
use crate::site::read;
use std::collections::BTreeMap;
use storage::CommandState;

fn scheme() -> String {
    format!(
        "format = 1\nname = \"daily\"\npurpose = \"read\"\nmeter-type = \"{MODEL}\"\nauthor = \"PMU\"\n\
         version = 1\n[reads]\nregisters = true\nbilling-sets = 3\nload-profile-days = 2\n\
         instrumentation-profile-days = 1\nevents = true\nsettings = true\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_scheme_reads_registers_and_says_what_the_meter_cannot_give() {
    let (mut site, _meter) = site().await;
    site.put(&scheme()).await;
    let ordered_at = u64::try_from(site.bench.utc()).expect("a time");
    let order = site.order(read("daily", &[NAME])).await;
    site.bench.live(60).await;
    site.bench.stop().await;
    let words = site.well(&order);
    for expected in [
        "registers: ",
        "model siemens-pac3200 has no billing sets",
        "model siemens-pac3200 has no event counters or logs",
        "model siemens-pac3200 keeps no load profile; the gateway makes one",
        "model siemens-pac3200 has no instrumentation profile",
        "names no settings to compare",
    ] {
        assert!(words.contains(expected), "no {expected}: {words}");
    }
    let kept = site.values().into_iter();
    let kept = kept.filter(|(_, obis, at)| obis.contains(".8.") && *at >= ordered_at);
    let count = format!("registers: {} value", kept.count());
    assert!(
        words.contains(&count) && !words.contains("registers: 0"),
        "{count}: {words}"
    );
    site.check_nothing_twice("one order");
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_is_cut_off_has_failed_and_the_next_order_reads_it() {
    let mut ends = BTreeMap::new();
    for cut_ms in [0, 20, 60, 120, 300] {
        let (mut site, _meter) = site().await;
        site.put(&scheme()).await;
        let order = site.send(read("daily", &[NAME]));
        site.bench.live_ms(cut_ms).await;
        plug(&site, false);
        live_until_final(&site.bench, &order).await;
        *ends.entry(site.end(&order).await.0.word()).or_insert(0) += 1;
        plug(&site, true);
        site.bench.live(600).await;
        let again = site.order(read("daily", &[NAME])).await;
        let (state, note) = site.end(&again).await;
        assert_eq!(state, CommandState::Succeeded, "{cut_ms}: {note}");
        site.bench.stop().await;
        site.check_nothing_twice(&format!("cut after {cut_ms} ms"));
    }
    assert!(ends.contains_key("failed"), "{ends:?}");
}
