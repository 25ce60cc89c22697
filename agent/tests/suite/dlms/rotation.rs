//! New keys for meters, with the line or the power cut where it hurts most.

use super::world::{
    Meter, bench, check_rows, import, import_master, key_octets, plug, seat_secured,
};
use crate::bench::Bench;
use ::dlms::security::Suite;
use desk::{JobState, KeyChangeEnd, Outcome, Work};
use metering::MeterId;
use simulator::dlms::DlmsScenario;
use simulator::trouble::FlagTroubles;
use storage::keys::{KeyKind, Origin, Standing};

const NAME: &str = "dlms-1";

fn work() -> Work {
    Work::ChangeKeys {
        meter: NAME.to_owned(),
        encryption: true,
        authentication: true,
    }
}

/// A meter with keys whose first round is over.
async fn settled(suite: Suite) -> (Bench, Meter) {
    let mut bench = bench();
    let scenario = DlmsScenario {
        days: 2,
        ..DlmsScenario::new(9, "00012345")
    };
    let meter = seat_secured(&mut bench, (NAME, 17), suite, scenario);
    bench.start();
    import(&bench, NAME, suite, key_octets(suite)).await;
    bench
        .live_until(2400, |meter| meter.last_collected.is_some())
        .await;
    (bench, meter)
}

/// The settled keys of a session: where from. None is in doubt, and none was refused.
async fn origins(bench: &Bench) -> Vec<(KeyKind, Origin)> {
    let meter: MeterId = NAME.parse().unwrap();
    let now = metering::Timestamp::from_seconds(u64::try_from(bench.utc()).unwrap());
    let infos = bench.keys().ask(move |room| room.infos(Some(&meter), now));
    let infos = infos.await.unwrap();
    let session = infos.iter().filter(|info| info.kind != KeyKind::Wrapping);
    let told = session.map(|info| {
        assert_eq!(info.standing, Standing::Current, "{infos:#?}");
        assert_eq!(info.refusals, 0, "{infos:#?}");
        (info.kind, info.origin)
    });
    told.collect()
}

/// Lives until the meter has taken a key, and not a moment longer: its answer is still to come.
async fn live_until_taken(bench: &Bench, meter: &Meter) {
    for _ in 0..600_000 {
        if meter.instrument.transfers() > 0 {
            return;
        }
        bench.live_ms(2).await;
    }
    panic!("no key came");
}

/// Refused sessions so far.
fn refused(bench: &Bench) -> u64 {
    bench.session_totals().iter().map(|one| one.refused).sum()
}

#[tokio::test(start_paused = true)]
async fn both_keys_are_replaced_one_after_the_other() {
    for suite in [Suite::Zero, Suite::Two] {
        let (bench, meter) = settled(suite).await;
        import_master(&bench, NAME, suite).await;
        let Outcome::KeysChanged(changed) = bench.outcome(work()).await else {
            panic!("keys");
        };
        let ends: Vec<KeyChangeEnd> = changed.iter().map(|one| one.end).collect();
        assert_eq!(ends, [KeyChangeEnd::Rotated; 2], "{changed:#?}");
        assert_eq!(meter.instrument.transfers(), 2);
        let expected = [
            (KeyKind::Encryption, Origin::Generated),
            (KeyKind::Authentication, Origin::Generated),
        ];
        assert_eq!(origins(&bench).await, expected);
        goes_on(bench, &meter).await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_master_key_nothing_is_sent() {
    let (bench, meter) = settled(Suite::Zero).await;
    let told = bench.failure(work()).await;
    assert_eq!(told.code, "D04", "{told:#?}");
    let words = told.next.concat();
    assert!(words.contains("--key-encryption-key-file"), "{told:#?}");
    assert_eq!(meter.instrument.transfers(), 0);
    goes_on(bench, &meter).await;
}

/// The meter has the new key, and the gateway never heard it say so.
#[tokio::test(start_paused = true)]
async fn a_line_cut_before_the_answer_is_settled_by_the_next_sessions() {
    let (bench, mut meter) = settled(Suite::Two).await;
    import_master(&bench, NAME, Suite::Two).await;
    let before = refused(&bench);
    let number = bench.begin(work()).await;
    live_until_taken(&bench, &meter).await;
    bench.wire.unseat_flag(meter.place);
    let JobState::Done(outcome) = bench.end_of(number, 600).await.state else {
        panic!("it ends in doubt");
    };
    let Outcome::KeysChanged(changed) = *outcome else {
        panic!("keys");
    };
    assert_eq!(changed[0].end, KeyChangeEnd::InDoubt, "{changed:#?}");
    meter.place = plug(&bench, &meter.instrument, 17, FlagTroubles::default());
    bench.live(2400).await;
    let origins = origins(&bench).await;
    assert!(origins.contains(&(KeyKind::Encryption, Origin::Generated)));
    assert!(origins.contains(&(KeyKind::Authentication, Origin::Imported)));
    assert!(refused(&bench) <= before + 1, "each key is tried once");
    goes_on(bench, &meter).await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_killed_before_the_answer_finds_out_which_key_the_meter_has() {
    let (mut bench, meter) = settled(Suite::Zero).await;
    import_master(&bench, NAME, Suite::Zero).await;
    bench.begin(work()).await;
    live_until_taken(&bench, &meter).await;
    bench.kill().await;
    bench.start();
    bench.live(2400).await;
    let origins = origins(&bench).await;
    assert!(origins.contains(&(KeyKind::Encryption, Origin::Generated)));
    assert!(refused(&bench) <= 1, "each key is tried once");
    goes_on(bench, &meter).await;
}

/// It is read as before, and no row is lost.
async fn goes_on(mut bench: Bench, meter: &Meter) {
    bench.live(2000).await;
    let upto = bench.utc() - 1000;
    bench.stop().await;
    check_rows(&bench, NAME, meter, upto);
}
