//! What others change in an Elster meter, told at the next nightly look.

use super::world::{NAME, PROGRAMS, Programmed, RATE_SOURCES, plug};
use crate::site::{program, read};
use metering::EventCode;
use storage::CommandState;

#[tokio::test(start_paused = true)]
async fn what_others_change_is_told_the_next_night_with_the_meters_own_log() {
    let Programmed { mut site, seat } = Programmed::with(PROGRAMS).await;
    let set = site.order(program("two-rate-registers", &[NAME])).await;
    assert_eq!(site.end(&set).await.0, CommandState::Succeeded);
    let ours = seat.meter.holds(RATE_SOURCES, site.bench.wire.now());
    let ours = ours.expect("such a page");
    let written = seat.meter.programmed().len();
    site.live_a_night().await;
    let others = |octets: &[u8], at| {
        let name = "OTHER CO";
        assert!(seat.meter.program_by_others(RATE_SOURCES, octets, name, at));
    };
    others(&[3, 3], site.bench.wire.now());
    site.live_a_night().await;
    // It is told no second time, not even by another run of the daemon.
    site.bench.kill().await;
    site.bench.start();
    site.live_a_night().await;
    // A meter that cannot be had is left for the next night.
    plug(&site.bench, &seat, false);
    others(&[4, 4], site.bench.wire.now());
    site.live_a_night().await;
    plug(&site.bench, &seat, true);
    site.live_a_night().await;
    others(&ours, site.bench.wire.now());
    site.live_a_night().await;
    assert_eq!(
        seat.meter.programmed().len(),
        written,
        "a watch writes nothing"
    );
    // The watch and a person see the same.
    let looked = site.order(read("two-rate-registers", &[NAME])).await;
    site.bench.stop().await;
    assert!(site.well(&looked).contains("equals the scheme"));
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
        "scheme two-rate-registers version 1",
        "changed: rate-sources",
        "its counter of programmings: 1, now 2",
        "its log: ",
        "OTHER CO",
    ] {
        assert!(first.contains(words), "no {words}: {first}");
    }
    assert!(told[1].detail.contains(", now 3"), "{}", told[1].detail);
}

/// A programming that leaves all of the scheme as it was is no drift: the meter's log has it.
#[tokio::test(start_paused = true)]
async fn a_programming_that_changes_nothing_of_the_scheme_is_no_drift() {
    let Programmed { mut site, seat } = Programmed::with(PROGRAMS).await;
    let set = site.order(program("two-rate-registers", &[NAME])).await;
    assert_eq!(site.end(&set).await.0, CommandState::Succeeded);
    let now = site.bench.wire.now();
    let ours = seat.meter.holds(RATE_SOURCES, now).expect("such a page");
    assert!(
        seat.meter
            .program_by_others(RATE_SOURCES, &ours, "OTHER CO", now)
    );
    site.live_a_night().await;
    site.bench.stop().await;
    assert_eq!(site.drifts(), []);
    let logged = site.bench.events().into_iter();
    let logged = logged.filter(|event| event.detail.contains("OTHER CO"));
    assert_eq!(logged.count(), 1);
}
