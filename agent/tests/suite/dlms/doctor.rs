//! What the doctor says of each mistake, through the daemon as it runs.

use super::world::{bench, import, key_octets, plug, seat_low, seat_secured};
use crate::bench::Bench;
use ::dlms::codec::Conformance;
use ::dlms::security::{Keys, Secret, Suite};
use desk::{Outcome, Work};
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsScenario};
use simulator::trouble::FlagTroubles;

fn scenario() -> DlmsScenario {
    DlmsScenario {
        days: 1,
        ..DlmsScenario::new(7, "00012345")
    }
}

fn low() -> DlmsAccess {
    DlmsAccess {
        passwords: vec![(1, Secret::new(b"0001ABCD").unwrap())],
        keys: Vec::new(),
    }
}

/// The code of what a ping and a read say of a meter, and its words.
async fn told(bench: &Bench, meter: &str) -> (String, String) {
    let meter = meter.to_owned();
    let failed = bench
        .failure(Work::Clock {
            meter: meter.clone(),
        })
        .await;
    match bench.outcome(Work::Ping { meter }).await {
        Outcome::Ping(ping) => {
            let pinged = ping.diagnosis.expect("a ping says the same");
            assert_eq!(pinged.code, failed.code);
        }
        other => panic!("{other:?}"),
    }
    (failed.code.clone(), format!("{failed:?}"))
}

/// A meter that is configured with this table, and is there with this access.
async fn check(table: &str, meter: DlmsInstrument, code: &str, words: &str) {
    let mut bench = bench();
    let healthy = FlagTroubles::default;
    seat_low(&mut bench, "beside", 20, scenario(), healthy());
    bench.configure(&format!(
        "[[meter]]\nid = \"meter\"\nbus = \"main\"\nmodel = \"dlms-generic\"\n\
         dlms = {{ lower-address = 17, {table} }}\n"
    ));
    plug(&bench, &meter, 17, healthy());
    bench.start();
    bench.live(1).await;
    let (found, all) = told(&bench, "meter").await;
    assert_eq!(found, code, "{all}");
    assert!(all.contains(words), "no `{words}` in {all}");
    bench.stop().await;
}

const READER: &str = "association = \"reader\", password-file = \"password\"";

#[tokio::test(start_paused = true)]
async fn a_wrong_client_is_told_as_such() {
    let table = format!("client = 77, {READER}");
    let meter = DlmsInstrument::new(scenario(), low());
    check(&table, meter, "D02", "16 is the public").await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_level_is_told_as_such() {
    let (encryption, authentication) = key_octets(Suite::Zero);
    let keys = Keys::new(Suite::Zero, &encryption, &authentication).unwrap();
    let access = DlmsAccess {
        passwords: Vec::new(),
        keys: vec![(1, keys)],
    };
    let meter = DlmsInstrument::new(scenario(), access);
    check(READER, meter, "D08", "another association").await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_address_is_told_as_such() {
    let mut bench = bench();
    seat_low(
        &mut bench,
        "beside",
        20,
        scenario(),
        FlagTroubles::default(),
    );
    bench.configure(&format!(
        "[[meter]]\nid = \"meter\"\nbus = \"main\"\nmodel = \"dlms-generic\"\n\
         dlms = {{ lower-address = 99, {READER} }}\n"
    ));
    bench.start();
    bench.live(1).await;
    let (code, all) = told(&bench, "meter").await;
    assert_eq!(code, "D01", "{all}");
    assert!(all.contains("bus scan BUS --dlms"), "{all}");
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn too_small_a_conformance_is_told_as_such() {
    let meter = DlmsInstrument::new(scenario(), low()).with_conformance(Conformance::SET);
    check(READER, meter, "D06", "conformance").await;
}

/// A public client that says nothing of the counter leaves a session with keys unopened.
#[tokio::test(start_paused = true)]
async fn a_counter_that_nobody_tells_is_told_as_such() {
    let mut bench = bench();
    let meter = seat_secured(&mut bench, ("meter", 17), Suite::Zero, scenario());
    bench.wire.unseat_flag(meter.place);
    let mute = meter.instrument.with_conformance(Conformance::SET);
    plug(&bench, &mute, 17, FlagTroubles::default());
    bench.start();
    import(&bench, "meter", Suite::Zero, key_octets(Suite::Zero)).await;
    let failed = bench
        .failure(Work::Clock {
            meter: "meter".to_owned(),
        })
        .await;
    assert_eq!(failed.code, "D05", "{failed:?}");
    assert!(
        failed.happened.contains("has not agreed to GET"),
        "{failed:?}"
    );
    bench.stop().await;
}
