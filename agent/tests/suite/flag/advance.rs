//! A load profile against the advance of the registers.

use crate::bench::{Bench, Seat};
use metering::{Event, EventCode};
use simulator::elster::{ElsterModel, Incident, Scenario, What};

const DAY: u64 = 86_400;

fn scenario(seed: u64) -> Scenario {
    Scenario {
        days: 2,
        load_mw: 2_000_000,
        ..Scenario::new(seed, "90123456")
    }
}

/// Days of collections; what was said of sums and coding.
async fn said(model: ElsterModel, scenario: Scenario, days: u64) -> Vec<Event> {
    let (mut bench, _) = begun(model, scenario);
    bench.live(days * DAY).await;
    bench.stop().await;
    told(&bench)
}

fn begun(model: ElsterModel, scenario: Scenario) -> (Bench, Seat) {
    let mut bench = Bench::new(&scenario);
    let keys = "collect = { every-seconds = 14400, days-max = 3 }";
    let seat = bench.seat("elster-1", model, scenario, keys);
    bench.start();
    (bench, seat)
}

fn told(bench: &Bench) -> Vec<Event> {
    let is_of_sums = |event: &Event| {
        matches!(
            event.code,
            EventCode::MeterSumDiffers | EventCode::MeterCodingInDoubt
        ) && event.detail.starts_with("L02")
    };
    bench.events().into_iter().filter(is_of_sums).collect()
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_counts_right_is_not_doubted() {
    for model in [ElsterModel::A1140, ElsterModel::A1700, ElsterModel::As230] {
        let seen = said(model, scenario(31), 2).await;
        assert_eq!(seen, Vec::new(), "{model:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_befall_a_meter_does_not_make_its_sums_doubtful() {
    let starts_at = scenario(0).starts_at;
    let befalls = [
        (8 * 3600 + 700, What::PowerCut { seconds: 7200 }),
        (20 * 3600 + 400, What::ClockSet { seconds: 40 }),
        (
            40 * 3600 + 100,
            What::ProfileChange {
                mask: [0x00, 0x0f],
                minutes: 15,
            },
        ),
        (60 * 3600 + 100, What::BillingReset { trigger: 3 }),
    ];
    let incidents = befalls.into_iter().map(|(after, what)| Incident {
        at: starts_at + after,
        what,
    });
    let scenario = Scenario {
        incidents: incidents.collect(),
        ..scenario(32)
    };
    let seen = said(ElsterModel::A1140, scenario, 4).await;
    assert_eq!(seen, Vec::new());
}

#[tokio::test(start_paused = true)]
async fn values_that_are_plain_numbers_are_told_once_and_stay_told() {
    let scenario = Scenario {
        has_plain_numbers: true,
        ..scenario(33)
    };
    let (mut bench, _) = begun(ElsterModel::A1140, scenario);
    bench.live(2 * DAY).await;
    bench.kill().await;
    bench.start();
    bench.live(2 * DAY).await;
    let status = bench.meters().await.remove(0);
    bench.stop().await;
    let seen = told(&bench);
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(seen[0].code, EventCode::MeterCodingInDoubt);
    let words = &seen[0].detail;
    assert!(
        words.contains("agree with its register when they are read as plain numbers"),
        "{words}"
    );
    let found = status.found.iter().find(|found| found.code == "L02");
    assert!(found.is_some(), "{status:#?}");
    // One a channel that values are no digits, however many there are.
    let doubts = bench.events().into_iter();
    let doubts = doubts.filter(|event| event.code == EventCode::MeterCodingInDoubt);
    assert!(doubts.count() <= 3);
}

#[tokio::test(start_paused = true)]
async fn rows_that_the_meter_has_lost_are_told_with_their_energy() {
    let scenario = scenario(34);
    let incident = Incident {
        at: scenario.starts_at + 14 * 3600 + 300,
        what: What::UnknownMark {
            octets: vec![0xf1, 1, 2, 3, 4],
        },
    };
    let scenario = Scenario {
        incidents: vec![incident],
        ..scenario
    };
    let seen = said(ElsterModel::A1140, scenario, 4).await;
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(seen[0].code, EventCode::MeterSumDiffers);
    assert!(
        seen[0].detail.contains("intervals are missing"),
        "{seen:#?}"
    );
}
