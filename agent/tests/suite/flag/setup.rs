//! Meters that are set up otherwise than before: each change is one event.

use crate::bench::{Bench, Seat};
use iec62056_21::codec::Identification;
use metering::{Event, EventCode};
use simulator::elster::{ElsterModel, Incident, Port, Scenario, What};

const MODELS: [ElsterModel; 3] = [ElsterModel::A1140, ElsterModel::A1700, ElsterModel::As230];

fn scenario() -> Scenario {
    Scenario {
        days: 2,
        ..Scenario::new(41, "90123456")
    }
}

/// A meter that was read once or more.
async fn settled(model: ElsterModel, scenario: Scenario) -> (Bench, Seat) {
    let mut bench = Bench::new(&scenario);
    let keys = "collect = { every-seconds = 1200, days-max = 2 }";
    let seat = bench.seat("elster-1", model, scenario, keys);
    bench.start();
    bench
        .live_until(1000, |meter| meter.last_collected.is_some())
        .await;
    (bench, seat)
}

/// What was said of who the meter is and how it is set up.
fn changes(bench: &Bench) -> Vec<Event> {
    let is_of_setup = |event: &Event| {
        matches!(
            event.code,
            EventCode::MeterSetupChanged
                | EventCode::MeterRatioChanged
                | EventCode::MeterIdentityChanged
                | EventCode::MeterProgrammed
                | EventCode::MeterProfileReconfigured
                | EventCode::MeterEvent
                | EventCode::WrongMeter
        )
    };
    bench.events().into_iter().filter(is_of_setup).collect()
}

/// One event, and nothing else of the kind, over an hour and a restart.
async fn check(mut bench: Bench, code: EventCode, words: &str) {
    bench.live(3600).await;
    bench.kill().await;
    bench.start();
    bench.live(3600).await;
    bench.stop().await;
    let found = changes(&bench);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, code, "{found:#?}");
    assert!(found[0].detail.contains(words), "{found:#?}");
}

/// The same meter with something in it changed.
async fn check_exchange(
    model: ElsterModel,
    change: impl FnOnce(&mut Scenario),
    code: EventCode,
    words: &str,
) {
    let (bench, seat) = settled(model, scenario()).await;
    let mut other = scenario();
    change(&mut other);
    bench.exchange(&seat, model, other);
    check(bench, code, words).await;
}

async fn check_incident(model: ElsterModel, what: What, code: EventCode, words: &str) {
    let incident = Incident {
        at: scenario().starts_at + 1500,
        what,
    };
    let scenario = Scenario {
        incidents: vec![incident],
        ..scenario()
    };
    let (bench, _) = settled(model, scenario).await;
    check(bench, code, words).await;
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_stays_as_it_is_changes_nothing() {
    for model in MODELS {
        let (mut bench, _) = settled(model, scenario()).await;
        bench.live(7200).await;
        bench.stop().await;
        assert_eq!(changes(&bench), Vec::new(), "{model:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_scheme_is_one_event() {
    for model in MODELS {
        let other = |scenario: &mut Scenario| scenario.scheme = "OTHER002".to_owned();
        let words = "scheme (`SIMUL001`, now `OTHER002`) changed since the last reading";
        check_exchange(model, other, EventCode::MeterSetupChanged, words).await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_serial_number_is_one_event() {
    for model in MODELS {
        let other = |scenario: &mut Scenario| scenario.serial = "80000456".to_owned();
        check_exchange(model, other, EventCode::WrongMeter, "80000456").await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_ratio_is_one_event() {
    // An AS230 keeps none.
    for model in [ElsterModel::A1140, ElsterModel::A1700] {
        let change = What::CtChange { primary: 40_000 };
        check_incident(model, change, EventCode::MeterRatioChanged, "now 400").await;
    }
    let other = |scenario: &mut Scenario| scenario.vt = (2_200_000, 11_000);
    let (model, code) = (ElsterModel::A1700, EventCode::MeterRatioChanged);
    check_exchange(model, other, code, "now 22000").await;
}

/// The meter says of itself that it has another version.
fn sign_on_as(bench: &Bench, seat: &Seat, line: &str) {
    let line = format!("{line}\r\n");
    let identification = Identification::decode(line.as_bytes()).unwrap();
    bench.wire.change_flag_settings(seat.place, |settings| {
        settings.identification = identification;
    });
}

#[tokio::test(start_paused = true)]
async fn another_identification_is_one_event_and_one_that_was_damaged_is_none() {
    let (mut bench, seat) = settled(ElsterModel::A1140, scenario()).await;
    let right = ElsterModel::A1140.identification();
    let other = right.replace("0401", "0501");
    assert_ne!(right, other);
    // One session only sees it.
    sign_on_as(&bench, &seat, &other);
    let before = bench.session_totals()[0].sessions;
    while bench.session_totals()[0].sessions == before {
        bench.live_ms(20).await;
    }
    sign_on_as(&bench, &seat, right);
    bench.live(3600).await;
    bench.stop().await;
    assert_eq!(changes(&bench), Vec::new());
    bench.start();
    bench.live(5).await;
    sign_on_as(&bench, &seat, &other);
    bench.live(3600).await;
    let words = format!("`{right}`, now `{other}`");
    check(bench, EventCode::MeterIdentityChanged, &words).await;
}

#[tokio::test(start_paused = true)]
async fn programming_is_one_event() {
    for model in MODELS {
        let change = What::Programming {
            port: Port::Optical,
            name: "JOHN".to_owned(),
        };
        check_incident(model, change, EventCode::MeterProgrammed, "programming").await;
    }
}
