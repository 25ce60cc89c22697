//! What a meter tells beside its values.

use super::world::{bench, check_rows, seat_low};
use crate::bench::Bench;
use metering::EventCode;
use simulator::dlms::DlmsScenario;
use simulator::trouble::FlagTroubles;

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
    }
}
