//! Meter lists that run: by order, by their schedule, over stops, beside dead meters.

use super::commands::{Office, in_force, live_until_final, named, offer, put, road, world, writes};
use super::world::{Meter, key_octets, seat_secured};
use crate::bench::Bench;
use ::dlms::security::Suite;
use authority::{Action, Command, CommandState, Document};
use metering::EventCode;
use simulator::dlms::DlmsScenario;
use std::time::Duration;

const LIST: &str = r#"version = 1
name = "spring"
action = "tariff"
life-minutes = 30

[[pair]]
scheme = "two-rate-all-year"
meters = ["dlms-1"]

[retry]
quick = 1
quick-pause-seconds = 5
back-off-seconds = 60
back-off-max-seconds = 120
"#;

fn list(text: &str) -> Action {
    let document = Document::Inline(text.to_owned());
    Action::ListPut { document }
}

fn run() -> Action {
    let list = "spring".parse().expect("a name");
    Action::ListRun { list }
}

fn stop() -> Action {
    let list = "spring".parse().expect("a name");
    Action::ListStop { list }
}

/// Orders something that two people sign.
fn order(bench: &Bench, office: &mut Office, action: Action) -> Command {
    let command = office.command(bench, action);
    offer(bench, office.approved(&command));
    command
}

async fn said(bench: &Bench, command: &Command) -> String {
    live_until_final(bench, command).await;
    let known = bench.command(command.id.bytes()).await.expect("a row");
    format!("{}: {}", known.progress.state, known.progress.note)
}

/// A gateway with the scheme and this list.
async fn with_list(text: &str) -> (Bench, Meter, Office) {
    let (bench, meter, mut office) = world().await;
    let scheme = order(&bench, &mut office, put());
    let kept = order(&bench, &mut office, list(text));
    assert!(said(&bench, &scheme).await.starts_with("succeeded"));
    let words = said(&bench, &kept).await;
    assert!(words.starts_with("succeeded"), "{words}");
    (bench, meter, office)
}

fn told(bench: &Bench) -> Vec<String> {
    let events = bench.events().into_iter();
    let events = events.filter(|event| event.code == EventCode::ListRun);
    events.map(|event| event.detail).collect()
}

#[track_caller]
fn check_figures(bench: &Bench, expected: &[&str]) -> impl Future<Output = ()> {
    let at = std::panic::Location::caller();
    async move {
        let page = bench.metrics().await;
        for line in expected {
            assert!(
                page.lines().any(|found| found == *line),
                "{at}: no {line} in\n{page}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_writes_each_meter_in_the_name_of_those_who_put_it() {
    let (mut bench, meter, mut office) = with_list(LIST).await;
    let ordered = order(&bench, &mut office, run());
    let words = said(&bench, &ordered).await;
    assert_eq!(words, "succeeded: 1 done, 0 given up");
    assert_eq!(in_force(&meter), named("DAYNIGHT"));
    check_figures(
        &bench,
        &[
            "pmu_list_running{list=\"spring\"} 0",
            "pmu_list_meters{list=\"spring\",state=\"done\"} 1",
            "pmu_list_meters{list=\"spring\",state=\"failed\"} 0",
        ],
    )
    .await;
    let page = bench.metrics().await;
    assert!(
        !page.contains("next_due_timestamp_seconds{"),
        "it has no schedule"
    );
    bench.stop().await;
    let receipts = bench.receipts();
    assert_eq!(
        road(&receipts, &ordered).last().map(String::as_str),
        Some("succeeded")
    );
    let last = receipts.iter().rev().find(|one| one.id == ordered.id);
    let proof = last.and_then(|one| one.proof.clone()).expect("a proof");
    assert_eq!(proof.meters.len(), 1);
    // The meter's own receipt says who stands behind it, and by which door.
    let written = receipts.iter().find(|one| {
        let proof = one.proof.as_ref();
        one.id != ordered.id && proof.is_some_and(|proof| proof.door.word() == "schedule")
    });
    let written = written.expect("a receipt of the list's own command");
    assert_eq!(written.state, CommandState::Succeeded);
    let who = written.proof.as_ref().map(|proof| proof.who.clone());
    assert_eq!(who, Some(vec!["Anna A.".to_owned(), "Ben B.".to_owned()]));
    let told = told(&bench);
    assert_eq!(told.len(), 2, "{told:?}");
}

/// Whatever stops the gateway, and whenever: the meter is written once, and the run comes to its end.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_at_any_time_forgets_and_repeats_nothing() {
    let mut expected = None;
    for cut_ms in (0..8000).step_by(800) {
        let (mut bench, meter, mut office) = with_list(LIST).await;
        let before = writes(&meter);
        let ordered = order(&bench, &mut office, run());
        bench.live_ms(cut_ms).await;
        bench.kill().await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        bench.start();
        bench.live(10).await;
        offer(&bench, office.approved(&ordered));
        let words = said(&bench, &ordered).await;
        let found = in_force(&meter);
        if words.starts_with("succeeded") {
            assert_eq!(found, named("DAYNIGHT"), "{cut_ms}: {words}");
            let written = writes(&meter) - before;
            let expected = *expected.get_or_insert(written);
            assert_eq!(written, expected, "{cut_ms}: written once");
        } else {
            // What was half-way is named, and goes on by a person's word.
            assert!(words.contains("partial"), "{cut_ms}: {words}");
        }
        // The same order once more runs nothing.
        let after = writes(&meter);
        offer(&bench, office.approved(&ordered));
        bench.live(120).await;
        assert_eq!(writes(&meter), after, "{cut_ms}");
        bench.stop().await;
        road(&bench.receipts(), &ordered);
    }
    assert!(expected.is_some(), "some run succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_dead_meter_is_tried_and_given_up_and_costs_the_others_nothing() {
    let (mut bench, meter, office) = world().await;
    bench.stop().await;
    let scenario = DlmsScenario {
        days: 2,
        ..DlmsScenario::new(10, "00012346")
    };
    let dead = seat_secured(&mut bench, ("dlms-2", 18), Suite::Zero, scenario);
    bench.start();
    super::world::import(&bench, "dlms-2", Suite::Zero, key_octets(Suite::Zero)).await;
    let mut office = office;
    super::commands::plug(&bench, &dead, false);
    bench.live(60).await;
    let scheme = order(&bench, &mut office, put());
    let text = LIST.replace("[\"dlms-1\"]", "[\"dlms-2\", \"dlms-1\"]");
    let kept = order(&bench, &mut office, list(&text));
    assert!(said(&bench, &scheme).await.starts_with("succeeded"));
    assert!(said(&bench, &kept).await.contains("2 meters"));
    let ordered = order(&bench, &mut office, run());
    bench.live(400).await;
    assert_eq!(in_force(&meter), named("DAYNIGHT"), "the other one is done");
    // A second run and a second list of its name wait for the end of the first.
    let again = order(&bench, &mut office, run());
    let words = said(&bench, &again).await;
    assert!(words.contains("is running"), "{words}");
    let other = order(&bench, &mut office, list(&text));
    assert!(said(&bench, &other).await.contains("stop it"));
    let words = said(&bench, &ordered).await;
    assert!(words.starts_with("failed: 1 done, 1 given up"), "{words}");
    assert!(words.contains("dlms-2: given up"), "{words}");
    assert_eq!(in_force(&dead), named("FLAT"));
    // Stopped before its next meter, and nothing stops twice.
    let ordered = order(&bench, &mut office, run());
    bench.live(120).await;
    let stopped = order(&bench, &mut office, stop());
    assert!(said(&bench, &stopped).await.starts_with("succeeded"));
    let words = said(&bench, &ordered).await;
    assert!(words.contains("stopped by a person"), "{words}");
    let stopped = order(&bench, &mut office, stop());
    assert!(said(&bench, &stopped).await.contains("does not run"));
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_is_kept_over_a_stop_and_runs_once_a_day() {
    // Every day at one, at any hour.
    let text = LIST.replace(
        "action = \"tariff\"",
        "action = \"tariff\"\nnote = \"daily\"",
    ) + "\n[schedule]\nzone = \"Etc/UTC\"\nwindow = \"always\"\ntimes = [\"01:00\"]\n";
    let (mut bench, meter, office) = with_list(&text).await;
    bench.live(20).await;
    let now = u64::try_from(bench.utc()).expect("a time");
    let to_one = (86_400 + 3600 - now % 86_400) % 86_400;
    let next = now + to_one;
    let due = format!("pmu_list_next_due_timestamp_seconds{{list=\"spring\"}} {next}");
    check_figures(&bench, &[&due, "pmu_list_running{list=\"spring\"} 0"]).await;
    // It is off when its time comes, and makes up for it once it is there.
    bench.live(to_one.saturating_sub(300)).await;
    assert_eq!(in_force(&meter), named("FLAT"), "not before its time");
    bench.stop().await;
    tokio::time::sleep(Duration::from_secs(700)).await;
    bench.start();
    bench.live(300).await;
    assert_eq!(in_force(&meter), named("DAYNIGHT"));
    let after = writes(&meter);
    bench.live(3600).await;
    assert_eq!(writes(&meter), after, "once");
    let due = format!(
        "pmu_list_next_due_timestamp_seconds{{list=\"spring\"}} {}",
        next + 86_400
    );
    check_figures(
        &bench,
        &[&due, "pmu_list_meters{list=\"spring\",state=\"done\"} 1"],
    )
    .await;
    bench.stop().await;
    let told = told(&bench);
    let begun = told.iter().filter(|words| words.contains("as scheduled"));
    assert_eq!(begun.count(), 1, "{told:?}");
    drop(office);
}
