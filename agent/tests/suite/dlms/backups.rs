//! Backups of such meters: everything that can be read, and what is not said to be so.

use super::world::{Meter, bench, seat_low};
use crate::bench::Bench;
use desk::{BackupIdentity, BackupResult, Outcome, Work};
use simulator::dlms::DlmsScenario;
use simulator::trouble::{FlagTroubles, OneIn};

fn scenario() -> DlmsScenario {
    DlmsScenario {
        days: 1,
        ..DlmsScenario::new(7, "00012345")
    }
}

async fn at_work() -> (Bench, Meter) {
    let mut bench = bench();
    let healthy = FlagTroubles::default();
    let meter = seat_low(&mut bench, "dlms-1", 17, scenario(), healthy);
    bench.start();
    bench.live(5).await;
    (bench, meter)
}

async fn backup(bench: &Bench) -> BackupResult {
    let meter = "dlms-1".to_owned();
    match bench.outcome(Work::Backup { meter }).await {
        Outcome::Backup(result) => result,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn at<'b>(backup: &'b BackupResult, place: &str) -> &'b BackupIdentity {
    let mut identities = backup.identities.iter();
    let found = identities.find(|identity| identity.place == place);
    found.unwrap_or_else(|| panic!("no {place} in {backup:#?}"))
}

#[tokio::test(start_paused = true)]
async fn a_backup_holds_settings_and_names_what_it_leaves_out() {
    let (mut bench, meter) = at_work().await;
    let first = backup(&bench).await;
    assert_eq!(first.serial, "00012345");
    assert_eq!(first.identification, "PMU0000000012345");
    let protocol = first.protocol.clone().expect("it says how it was read");
    assert_eq!(
        (protocol.association.as_str(), protocol.client),
        ("reader", 1)
    );
    let period = at(&first, "1-0:99.1.0 class 7 attribute 4");
    assert_eq!((period.words.as_str(), period.is_running), ("900", false));
    assert_eq!(period.hex, "0600000384");
    let captured = at(&first, "1-0:99.1.0 class 7 attribute 3");
    assert!(
        captured.words.contains("1-0:1.8.0 class 3 attribute 2"),
        "{captured:?}"
    );
    let total = at(&first, "1-0:1.8.0 class 3 attribute 2");
    assert!(total.is_running && !total.hex.is_empty(), "{total:?}");
    let rows = at(&first, "1-0:99.1.0 class 7 attribute 2");
    assert!(
        rows.hex.is_empty() && rows.left_out.contains("collected"),
        "{rows:?}"
    );
    let secret = at(&first, "0-0:40.0.0 class 15 attribute 7");
    assert!(
        secret.hex.is_empty() && secret.left_out.contains("secret"),
        "{secret:?}"
    );
    let refused = at(&first, "0-0:43.0.0 class 64 attribute 6");
    assert!(refused.refused.contains("the meter says"), "{refused:?}");

    meter.instrument.change(|scenario| scenario.period_s = 1800);
    let second = backup(&bench).await;
    let setting = |identity: &&BackupIdentity| !identity.is_running;
    let pairs = first.identities.iter().zip(&second.identities);
    let differs = pairs.filter(|(one, two)| setting(one) && one.hex != two.hex);
    let differs: Vec<&str> = differs.map(|(one, _)| one.place.as_str()).collect();
    // The scenario's period is also that of the demand registers.
    let expected = [
        "1-0:1.4.0 class 5 attribute 8",
        "1-0:2.4.0 class 5 attribute 8",
        "1-0:99.1.0 class 7 attribute 4",
    ];
    let mut sorted = differs;
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    bench.stop().await;
}

/// Each place comes once, however often a session breaks.
#[tokio::test(start_paused = true)]
async fn a_backup_survives_sessions_that_break() {
    let (mut bench, meter) = at_work().await;
    let whole = backup(&bench).await;
    bench.wire.change_flag(meter.place, |troubles| {
        troubles.lost_answers = OneIn::times(4);
    });
    let broken = backup(&bench).await;
    let places = |backup: &BackupResult| -> Vec<String> {
        let identities = backup.identities.iter();
        identities.map(|identity| identity.place.clone()).collect()
    };
    assert_eq!(places(&broken), places(&whole));
    let read = |backup: &BackupResult| {
        let identities = backup.identities.iter();
        identities
            .filter(|identity| !identity.hex.is_empty())
            .count()
    };
    assert_eq!(read(&broken), read(&whole));
    bench.stop().await;
}
