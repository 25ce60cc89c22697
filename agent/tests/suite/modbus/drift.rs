//! What others change in a Modbus meter, told at the next nightly look.

use super::world::{NAME, SCHEME, in_minutes, plug, set_by_others, site};
use crate::site::program;
use metering::EventCode;
use storage::CommandState;

#[tokio::test(start_paused = true)]
async fn what_others_change_is_told_the_next_night_and_once() {
    let (mut site, meter) = site().await;
    site.put(SCHEME).await;
    let set = site.order(program("demand-30-minutes", &[NAME])).await;
    assert_eq!(site.end(&set).await.0, CommandState::Succeeded);
    assert_eq!(in_minutes(&meter), 30);
    site.live_a_night().await;
    let before = meter.done().len();
    set_by_others(&site, &meter, 20);
    site.live_a_night().await;
    site.bench.kill().await;
    site.bench.start();
    site.live_a_night().await;
    plug(&site, false);
    set_by_others(&site, &meter, 10);
    site.live_a_night().await;
    plug(&site, true);
    site.live_a_night().await;
    set_by_others(&site, &meter, 30);
    site.live_a_night().await;
    assert_eq!(meter.done().len(), before + 3, "a watch writes nothing");
    site.bench.stop().await;
    let told = site.drifts();
    let codes: Vec<EventCode> = told.iter().map(|event| event.code).collect();
    let expected = [
        EventCode::MeterDrifted,
        EventCode::MeterDrifted,
        EventCode::MeterDriftEnded,
    ];
    assert_eq!(codes, expected, "{told:#?}");
    let first = &told[0].detail;
    for words in [
        "scheme demand-30-minutes version 1",
        "changed: demand-period",
        "put it right with scheme.program",
    ] {
        assert!(first.contains(words), "no {words}: {first}");
    }
    // It has no log that could tell who it was.
    assert!(!first.contains("log"), "{first}");
}
