//! A change that clears the load profile: it is read first, or nothing is written.

use crate::bench::{Bench, Seat};
use crate::dlms::commands::{Office, live_until_final, offer};
use authority::{Action, Command, Document};
use simulator::broken::Broken;
use simulator::elster::{ElsterModel, Scenario};

const SCHEME: &str = r#"format = 1
name = "other-channels"
purpose = "program"
meter-type = "elster-a1140"
author = "PMU"
version = 1

[demand]
period-minutes = 30

[load-profile]
period-minutes = 30
days-wanted = 10
channels = ["1-0:1.8.0"]
"#;
/// What the profile's channels are sources of.
const CHANNELS: u16 = 777;

async fn provisioned(bench: &mut Bench) -> Office {
    bench.reword("access = {", "access = { level = 3,");
    bench.password("FEDC0003\n");
    let office = Office::new();
    office.provision(bench);
    bench.start();
    bench
        .live_until(3000, |meter| meter.last_collected.is_some())
        .await;
    assert!(bench.desk().offer_key_set(office.key_set(bench, 1)));
    bench.live(5).await;
    office
}

/// Has the scheme written, and says how that ended.
async fn programmed(bench: &Bench, office: &mut Office) -> (Command, String) {
    let document = Document::Inline(SCHEME.to_owned());
    let put = office.command(bench, Action::SchemePut { document });
    let program = Action::SchemeProgram {
        scheme: "other-channels".parse().expect("a name"),
        meters: vec!["elster-1".parse().expect("a name")],
    };
    let program = office.command(bench, program);
    offer(bench, office.signed(&put));
    offer(bench, office.signed(&program));
    live_until_final(bench, &program).await;
    let known = bench.command(program.id.bytes()).await.expect("a row");
    let words = format!("{}: {}", known.progress.state, known.progress.note);
    (program, words)
}

fn channels(bench: &Bench, seat: &Seat) -> Vec<u8> {
    let now = bench.wire.now();
    seat.meter.holds(CHANNELS, now).expect("such a page")
}

#[tokio::test(start_paused = true)]
async fn what_a_change_clears_is_in_the_store_before_it_is_made() {
    let scenario = Scenario {
        days: 3,
        ..Scenario::new(41, "90123456")
    };
    let mut bench = Bench::new(&scenario);
    // Read once, and then not for a day.
    let keys = "collect = { every-seconds = 86400, days-max = 3 }";
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, keys);
    seat.meter.take_programs();
    let mut office = provisioned(&mut bench).await;
    let before = channels(&bench, &seat);
    bench.live(4 * 3600).await;
    let ordered_at = u64::try_from(bench.utc()).expect("a time");
    let (_, words) = programmed(&bench, &mut office).await;
    assert!(words.starts_with("succeeded"), "{words}");
    assert_ne!(
        channels(&bench, &seat),
        before,
        "the meter holds the new ones"
    );
    bench.stop().await;
    let rows = bench.rows();
    let ends = rows.iter().flat_map(|block| block.rows.iter());
    let newest = ends.map(|row| row.end.seconds()).max().expect("intervals");
    assert!(
        newest + 1800 > ordered_at,
        "{newest} is the newest, and the change was ordered at {ordered_at}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_does_not_give_its_profile_keeps_it() {
    let keys = "collect = { every-seconds = 1200, days-max = 2 }";
    let (mut bench, seat) = Bench::broken(Broken::ProfileMissing, ElsterModel::A1140, keys);
    seat.meter.take_programs();
    let mut office = provisioned(&mut bench).await;
    let before = channels(&bench, &seat);
    let (program, words) = programmed(&bench, &mut office).await;
    assert!(words.starts_with("failed"), "{words}");
    assert!(words.contains("could not be read before"), "{words}");
    assert_eq!(channels(&bench, &seat), before);
    bench.stop().await;
    let mut receipts = bench.receipts().into_iter();
    let last = receipts.rfind(|one| one.id == program.id);
    let code = last.and_then(|one| one.code);
    assert_eq!(code.as_deref(), Some("profile-not-read"));
}
