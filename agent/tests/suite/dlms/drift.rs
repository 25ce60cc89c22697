//! Meters looked at by a scheme, and watched for what others change in them.

use super::commands::{
    IN_FORCE, NAME, SCHEME, in_force, live_until_final, named, offer, plug, put, road, tariff,
    world, writes,
};
use super::world::Meter;
use crate::site::Site;
use ::dlms::codec::Method;
use authority::{Action, CommandState, ObjectState, Receipt};
use metering::EventCode;

fn read() -> Action {
    Action::SchemeRead {
        scheme: "two-rate-all-year".parse().expect("a name"),
        meters: vec![NAME.parse().expect("a name")],
    }
}

/// Which attributes a text says would be written.
fn would_write(receipts: &[&Receipt]) -> Vec<String> {
    let texts = receipts.iter().filter_map(|one| one.text.as_deref());
    let lines = texts.flat_map(str::lines);
    let writes = lines.filter_map(|line| line.strip_prefix("would write: "));
    writes.map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_meter_is_read_by_a_scheme_and_the_digest_is_a_precondition() {
    let (mut bench, meter, mut office) = world().await;
    let put = office.command(&bench, put());
    let before = office.command(&bench, read());
    offer(&bench, office.signed(&put));
    offer(&bench, office.signed(&before));
    live_until_final(&bench, &before).await;
    assert_eq!(writes(&meter), 0, "a look writes nothing");
    bench.stop().await;
    let receipts = bench.receipts();
    assert_eq!(
        road(&receipts, &before).last().map(String::as_str),
        Some("succeeded")
    );
    let own: Vec<&Receipt> = receipts.iter().filter(|one| one.id == before.id).collect();
    let last = own.last().expect("a receipt");
    let proof = last.proof.as_ref().expect("a proof");
    let held = proof.meters[0].after.expect("a digest");
    assert_eq!(proof.meters[0].before, Some(held));
    let planned = would_write(&own);
    assert!(
        last.text
            .as_deref()
            .expect("a text")
            .contains("differs from the scheme")
    );
    bench.start();
    bench.live(60).await;
    // The digest is what the next command may expect.
    let mut wrong = office.command(&bench, tariff());
    wrong.precondition = Some(ObjectState {
        version: None,
        sha256: Some([7; 32]),
    });
    let mut set = office.command(&bench, tariff());
    set.precondition = Some(ObjectState {
        version: None,
        sha256: Some(held),
    });
    let after = office.command(&bench, read());
    for command in [&wrong, &set, &after] {
        offer(&bench, office.signed(command));
    }
    live_until_final(&bench, &after).await;
    assert_eq!(in_force(&meter), named("DAYNIGHT"));
    // What was said is what was written.
    let values = planned.iter().filter(|line| line.contains(" -> "));
    let values = u32::try_from(values.count()).expect("a small number");
    assert_eq!(values, writes(&meter), "{planned:#?}");
    let method = Method {
        class: 20,
        name: IN_FORCE.name,
        number: 1,
    };
    assert_eq!(meter.instrument.executed(method), 1);
    assert_eq!(planned.len(), 5, "{planned:#?}");
    bench.stop().await;
    let receipts = bench.receipts();
    assert_eq!(
        road(&receipts, &wrong).last().map(String::as_str),
        Some("failed precondition")
    );
    let own: Vec<&Receipt> = receipts.iter().filter(|one| one.id == after.id).collect();
    let last = own.last().expect("a receipt");
    assert_eq!(last.state, CommandState::Succeeded);
    let text = last.text.as_deref().expect("a text");
    assert!(text.contains("equals the scheme"), "{text}");
    assert_eq!(would_write(&own), Vec::<String>::new());
}

/// A meter whose tariff was written by a command.
async fn programmed() -> (Site, Meter) {
    let (bench, meter, office) = world().await;
    let mut site = Site { bench, office };
    site.put(SCHEME).await;
    let set = site.order(tariff()).await;
    assert_eq!(site.end(&set).await.0, storage::CommandState::Succeeded);
    (site, meter)
}

#[tokio::test(start_paused = true)]
async fn what_others_change_is_told_the_next_night_and_once() {
    let (mut site, meter) = programmed().await;
    assert_eq!(
        site.bench.kept("standing/").await,
        [format!("standing/{NAME}")]
    );
    site.live_a_night().await;
    let before = writes(&meter);
    meter
        .instrument
        .program_by_others(IN_FORCE, named("SUMMER"));
    site.live_a_night().await;
    site.bench.stop().await;
    let told = site.drifts();
    let [first] = told.as_slice() else {
        panic!("{told:#?}");
    };
    assert_eq!(first.code, EventCode::MeterDrifted);
    assert_eq!(first.meter, Some(NAME.parse().expect("a name")));
    for word in [
        "two-rate-all-year version",
        "changed: 20/0-0:13.0.0*255/2;",
        "log",
    ] {
        assert!(first.detail.contains(word), "no {word}: {}", first.detail);
    }
    // It is told no second time, not even by another run of the daemon.
    site.bench.start();
    site.live_a_night().await;
    site.bench.stop().await;
    assert_eq!(site.drifts().len(), 1);
    // It changes again; then the meter is dead for a night; then somebody puts it right.
    meter
        .instrument
        .program_by_others(IN_FORCE, named("WINTER"));
    site.bench.start();
    site.live_a_night().await;
    plug(&site.bench, &meter, false);
    site.live_a_night().await;
    plug(&site.bench, &meter, true);
    meter
        .instrument
        .program_by_others(IN_FORCE, named("DAYNIGHT"));
    site.live_a_night().await;
    assert_eq!(writes(&meter), before, "a watch writes nothing");
    site.bench.stop().await;
    let codes: Vec<EventCode> = site.drifts().iter().map(|event| event.code).collect();
    let expected = [
        EventCode::MeterDrifted,
        EventCode::MeterDrifted,
        EventCode::MeterDriftEnded,
    ];
    assert_eq!(codes, expected);
}

#[tokio::test(start_paused = true)]
async fn a_night_that_was_missed_is_made_up_for() {
    let (mut site, meter) = programmed().await;
    site.bench.kill().await;
    meter
        .instrument
        .program_by_others(IN_FORCE, named("SUMMER"));
    tokio::time::sleep(std::time::Duration::from_hours(25)).await;
    site.bench.start();
    site.bench.live(2 * 3600).await;
    site.bench.stop().await;
    assert_eq!(site.drifts().len(), 1);
}
