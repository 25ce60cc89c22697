//! Work that people start at FLAG meters, and what the doctor says when it fails.

use crate::bench::{Bench, Seat};
use desk::{JobState, MeterValue, Outcome, Part, PingResult, ScanResult, ScanWish, Work};
use metering::EventCode;
use simulator::elster::{ElsterModel, Scenario};
use simulator::trouble::OneIn;

fn scenario(serial: &str) -> Scenario {
    Scenario {
        days: 2,
        ..Scenario::new(9, serial)
    }
}

/// A bus with one A1140 whose first round is over.
async fn settled(keys: &str) -> (Bench, Seat) {
    let scenario = scenario("90123456");
    let mut bench = Bench::new(&scenario);
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, keys);
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    (bench, seat)
}

fn meter() -> String {
    "elster-1".to_owned()
}

async fn ping(bench: &Bench) -> PingResult {
    match bench.outcome(Work::Ping { meter: meter() }).await {
        Outcome::Ping(result) => result,
        other => panic!("{other:?}"),
    }
}

/// The layers of a ping, those that do not hold with a `!`.
fn layers(result: &PingResult) -> Vec<String> {
    let layers = result.layers.iter();
    let words = layers.map(|layer| {
        let mark = if layer.is_well { "" } else { "!" };
        format!("{mark}{}", layer.name)
    });
    words.collect()
}

const RATIOS: &str = "format = 1\nname = \"ratios\"\npurpose = \"program\"\n\
    meter-type = \"any\"\nversion = 1\n[ratios]\nct-primary-a = 200\nct-secondary-a = 5\n";

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_every_write_and_sends_none() {
    let (bench, _seat) = settled("").await;
    let scheme = RATIOS.to_owned();
    let work = Work::DryRun {
        meter: meter(),
        scheme,
    };
    let Outcome::DryRun(first) = bench.outcome(work.clone()).await else {
        panic!("another outcome");
    };
    assert_eq!(first.scheme, "ratios version 1");
    assert!(
        !first.writes.is_empty() && !first.differences.is_empty(),
        "{first:#?}"
    );
    // The meter holds what it held, so nothing was sent.
    let Outcome::DryRun(again) = bench.outcome(work).await else {
        panic!("another outcome");
    };
    assert_eq!(again, first);
    let told = bench
        .failure(Work::DryRun {
            meter: meter(),
            scheme: "format = 9".to_owned(),
        })
        .await;
    assert_eq!(told.code, "J03");
}

#[tokio::test(start_paused = true)]
async fn a_ping_goes_through_every_layer() {
    let (bench, seat) = settled("").await;
    let result = ping(&bench).await;
    assert_eq!(result.diagnosis, None);
    let layers: Vec<String> = result
        .layers
        .iter()
        .map(|layer| format!("{}: {}", layer.name, layer.words))
        .collect();
    let identity = format!("identity: serial number {}", seat.meter.serial());
    let expected = [
        "port: open, 9600 7E1",
        "line: octets come undamaged",
        "sign-on: /GEC5120510010401@000",
        &identity,
        "password: taken, level 1 as configured",
    ];
    assert_eq!(layers, expected);
}

#[tokio::test(start_paused = true)]
async fn a_ping_of_a_dead_meter_says_what_was_tried() {
    let (bench, seat) = settled("").await;
    bench
        .wire
        .change_flag(seat.place, |trouble| trouble.dead = true);
    let result = ping(&bench).await;
    assert_eq!(layers(&result), ["port", "!line"]);
    let diagnosis = result.diagnosis.expect("something is wrong");
    assert_eq!(diagnosis.code, "C01");
    assert_eq!(
        diagnosis.tried[0],
        "9600 7E1, address 456: nothing is heard"
    );
    assert!(diagnosis.tried.len() > 5, "{:#?}", diagnosis.tried);
}

/// Whoever has just put the plug in does not wait for the next look at the port, and a command
/// right after the start is not told that nothing was opened yet.
#[tokio::test(start_paused = true)]
async fn a_command_looks_for_the_port_at_once() {
    let scenario = scenario("90123456");
    let mut bench = Bench::new(&scenario);
    bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.plugged_in_after(1);
    bench.start();
    assert_eq!(ping(&bench).await.diagnosis, None);
    bench.stop().await;
    bench.plugged_in_after(2);
    bench.start();
    bench.live_ms(10).await;
    let told = ping(&bench).await;
    assert_eq!(layers(&told), ["!port"]);
    let words = &told.layers[0].words;
    assert!(words.contains("check the cable"), "{words}");
    assert_eq!(ping(&bench).await.diagnosis, None);
}

#[tokio::test(start_paused = true)]
async fn the_doctor_finds_the_speed_at_which_a_meter_answers() {
    let scenario = scenario("90123456");
    let mut bench = Bench::new(&scenario);
    let keys = "line = { baud = 4800 }";
    bench.seat("elster-1", ElsterModel::A1140, scenario, keys);
    bench.start();
    bench.live(60).await;
    let result = ping(&bench).await;
    assert_eq!(layers(&result), ["port", "!line"]);
    let diagnosis = result.diagnosis.expect("something is wrong");
    assert_eq!(diagnosis.next, ["set 9600 baud for it"]);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_was_taken_before_is_given_up_after_two_refusals() {
    let (bench, seat) = settled("").await;
    seat.meter.change(|scenario| {
        scenario.passwords = ["XXXX0001", "XXXX0002", "XXXX0003"].map(str::to_owned);
    });
    let on_wire = seat.meter.settings().unwrap();
    bench
        .wire
        .change_flag_settings(seat.place, |settings| *settings = on_wire);
    for _ in 0..2 {
        let result = ping(&bench).await;
        let last = layers(&result).pop();
        assert_eq!(last.as_deref(), Some("!password"));
        let diagnosis = result.diagnosis.expect("something is wrong");
        assert_eq!(diagnosis.code, "C06", "{diagnosis:#?}");
    }
    let result = ping(&bench).await;
    let last = result.layers.last().expect("a layer");
    let words = "it was refused before, and is not tried again for a day";
    assert_eq!(last.words, words);
}

/// A bus with one A1140 that has other passwords.
fn refusing() -> Bench {
    let scenario = Scenario {
        passwords: ["XXXX0001", "XXXX0002", "XXXX0003"].map(str::to_owned),
        ..scenario("90123456")
    };
    let mut bench = Bench::new(&scenario);
    bench.seat("elster-1", ElsterModel::A1140, scenario, "");
    bench.start();
    bench
}

#[tokio::test(start_paused = true)]
async fn a_password_that_was_never_taken_is_tried_once() {
    let mut bench = refusing();
    bench.live(6 * 3600).await;
    bench.stop().await;
    assert_eq!(refusals(&bench), 1);
}

/// A configuration that is loaded again and again must not lock a meter.
#[tokio::test(start_paused = true)]
async fn neither_a_reload_nor_a_restart_is_a_reason_to_try_a_refused_password_again() {
    let mut bench = refusing();
    for turn in 0..4 {
        bench.live(900).await;
        match turn {
            // The entry changes, and the password does not.
            0 => bench.configure("collect = { every-seconds = 1200 }"),
            1 => bench.stop().await,
            _ => {}
        }
        match turn {
            1 => bench.start(),
            _ => bench.reload().await,
        }
    }
    bench.stop().await;
    assert_eq!(refusals(&bench), 1);
    // Somebody has touched its file: the meter was corrected instead.
    bench.password("0001ABCD\n");
    bench.start();
    bench.live(900).await;
    bench.stop().await;
    assert_eq!(refusals(&bench), 2);
}

fn refusals(bench: &Bench) -> usize {
    let events = bench.events().into_iter();
    let refused = events.filter(|event| event.code == EventCode::MeterPasswordRefused);
    refused.count()
}

#[tokio::test(start_paused = true)]
async fn another_meter_is_refused_until_somebody_accepts_it() {
    let (mut bench, seat) = settled("").await;
    let other = Scenario {
        seed: 10,
        ..scenario("80000456")
    };
    let other = bench.exchange(&seat, ElsterModel::A1140, other);
    let diagnosis = bench.failure(Work::Poll { meter: meter() }).await;
    assert_eq!(diagnosis.code, "C05", "{diagnosis:#?}");
    let meters = bench.meters().await;
    assert_eq!(meters[0].trust, desk::MeterTrust::Wrong);
    let accept = desk::Request::AcceptMeter { meter: meter() };
    let stranger = bench.ask_as(65_533, accept.clone()).await;
    let refused = stranger.expect_err("who is neither root nor the agent only looks");
    assert!(refused.problem.contains("`edit`"), "{refused:?}");
    bench.live(120).await;
    assert_eq!(bench.meters().await[0].trust, desk::MeterTrust::Wrong);
    bench.ask(accept).await.expect("it is accepted");
    bench.live(120).await;
    let meters = bench.meters().await;
    assert_eq!(meters[0].trust, desk::MeterTrust::Right);
    assert_eq!(meters[0].serial.as_deref(), Some(&*other.serial()));
    bench.stop().await;
    let events = bench.events();
    assert!(
        events
            .iter()
            .any(|event| event.code == EventCode::WrongMeter)
    );
    // Nothing of the meter before says that this one has changed.
    let changed = |event: &&metering::Event| {
        matches!(
            event.code,
            EventCode::MeterSetupChanged | EventCode::MeterRatioChanged
        )
    };
    assert_eq!(events.iter().find(changed), None);
}

fn value<'a>(values: &'a [MeterValue], obis: &str) -> &'a MeterValue {
    let found = values.iter().find(|value| value.obis == obis);
    found.unwrap_or_else(|| panic!("no {obis} in {values:#?}"))
}

#[tokio::test(start_paused = true)]
async fn parts_are_shown_with_their_octets() {
    let (bench, _) = settled("").await;
    let read = |part| {
        let work = Work::Read {
            meter: meter(),
            part,
        };
        bench.outcome(work)
    };
    let Outcome::Values(values) = read(Part::Registers).await else {
        panic!("values");
    };
    let import = value(&values, "1-0:1.8.0");
    assert_eq!(import.place, "507");
    assert!(import.value.ends_with("kWh"), "{import:?}");
    assert!(!import.raw.is_empty());
    let Outcome::Values(values) = read(Part::Identity).await else {
        panic!("values");
    };
    assert!(
        values.iter().any(|value| value.value == "0000000090123456"),
        "{values:#?}"
    );
    let Outcome::Events(events) = read(Part::Events).await else {
        panic!("events");
    };
    assert!(events.counters.len() > 3, "{events:#?}");
    let Outcome::Values(values) = read(Part::Billing).await else {
        panic!("values");
    };
    drop(values);
    let Outcome::Values(values) = read(Part::Status).await else {
        panic!("values");
    };
    assert!(!values.is_empty());
}

#[tokio::test(start_paused = true)]
async fn values_of_the_moment_and_of_now_are_read() {
    let (bench, _) = settled("").await;
    let Outcome::Values(values) = bench.outcome(Work::Instant { meter: meter() }).await else {
        panic!("values");
    };
    assert!(
        value(&values, "1-0:32.7.0").value.ends_with(" V"),
        "{values:#?}"
    );
    let read = bench.ask(desk::Request::ReadMeter { meter: meter() }).await;
    let Ok(desk::Answer::Values(values)) = read else {
        panic!("{read:?}");
    };
    assert!(
        values.iter().any(|value| value.obis == "1-0:1.8.0"),
        "{values:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_is_shown_with_how_far_it_may_be_off() {
    let (bench, seat) = settled("").await;
    let shown = bench.outcome(Work::Clock { meter: meter() }).await;
    let Outcome::Clock(shown) = shown else {
        panic!("{shown:?}");
    };
    let error = seat.meter.clock_error(bench.utc()) * 1000;
    assert!((error - shown.error_ms).abs() <= 1500, "{shown:?}");
    assert_eq!(shown.action, "none");
    assert_eq!(shown.gateway_clock, "synchronised");
}

#[tokio::test(start_paused = true)]
async fn a_meter_without_an_object_list_is_not_asked_for_one() {
    let (bench, _) = settled("").await;
    let told = bench.failure(Work::Objects { meter: meter() }).await;
    assert_eq!(told.code, "J03", "{told:?}");
    assert!(told.happened.contains("a FLAG meter"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backup_holds_every_identity() {
    let (bench, _) = settled("").await;
    let backup = bench.outcome(Work::Backup { meter: meter() }).await;
    let Outcome::Backup(backup) = backup else {
        panic!("{backup:?}");
    };
    assert_eq!(backup.serial, "0000000090123456");
    assert!(backup.identities.len() > 30, "{}", backup.identities.len());
    let entries = backup.identities.iter();
    let refused = entries.filter(|entry| !entry.refused.is_empty());
    let refused = refused.map(|entry| format!("{}: {}", entry.place, entry.refused));
    // What this meter lacks is in the backup too.
    let refused: Vec<String> = refused.collect();
    assert_eq!(refused, ["554: ERR2: identity unknown"]);
}

#[tokio::test(start_paused = true)]
async fn a_collection_says_how_far_it_is_and_can_be_cancelled() {
    let scenario = Scenario {
        days: 200,
        ..Scenario::new(9, "90123456")
    };
    let mut bench = Bench::new(&scenario);
    let keys = "collect = { every-seconds = 86400, days-max = 1 }";
    let seat = bench.seat("elster-1", ElsterModel::A1140, scenario, keys);
    bench.start();
    bench
        .live_until(1200, |meter| meter.last_collected.is_some())
        .await;
    let collect = Work::Collect {
        meter: meter(),
        from: Some(u64::try_from(seat.meter.begun()).unwrap()),
        to: None,
        again: false,
    };
    let number = bench.begin(collect.clone()).await;
    let mut days = Vec::new();
    for _ in 0..120 {
        bench.live(1).await;
        if let JobState::Running(progress) = bench.job(number).await.state {
            days.push(progress.done);
            if progress.done > 20 {
                break;
            }
        }
    }
    assert!(days.windows(2).all(|pair| pair[0] <= pair[1]), "{days:?}");
    let cancel = desk::Request::Cancel { number };
    bench.ask(cancel).await.expect("it runs");
    let job = bench.end_of(number, 60).await;
    assert!(matches!(job.state, JobState::Cancelled(_)), "{job:?}");
    // What was read is kept, and the rest comes with the next one.
    let Outcome::Collected(result) = bench.outcome(collect).await else {
        panic!("collected");
    };
    assert!(result.new > 100 * 48 && result.new < 190 * 48, "{result:?}");
    assert_eq!(result.conflicts, 0);
    assert!(result.octets > 10_000, "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_survives_sessions_that_break() {
    let (bench, seat) = settled("").await;
    bench.wire.change_flag(seat.place, |trouble| {
        trouble.signs_off = OneIn::times(50);
    });
    let backup = bench.outcome(Work::Backup { meter: meter() }).await;
    assert!(matches!(backup, Outcome::Backup(_)), "{backup:?}");
}

async fn scan(bench: &Bench, wish: ScanWish) -> ScanResult {
    let work = Work::Scan {
        bus: "main".to_owned(),
        wish,
    };
    match bench.outcome(work).await {
        Outcome::Scan(result) => result,
        other => panic!("{other:?}"),
    }
}

fn wish(addresses: &[&str]) -> ScanWish {
    ScanWish {
        modbus: false,
        flag: true,
        dlms: false,
        addresses: addresses.iter().map(|&text| text.to_owned()).collect(),
        bauds: vec![9600],
        seconds_max: 600,
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_finds_meters_and_says_who_they_are() {
    let (bench, _) = settled("").await;
    let other = simulator::elster::ElsterMeter::new(ElsterModel::A1700, scenario("77777007"));
    bench.wire.seat_flag(
        other.on_wire().unwrap(),
        simulator::trouble::FlagTroubles::default(),
    );
    let result = scan(&bench, wish(&["7"])).await;
    let found: Vec<_> = result
        .found
        .iter()
        .map(|meter| {
            (
                meter.address.as_str(),
                meter.serial.as_deref().unwrap_or_default(),
                meter.configured.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    let expected = [
        ("456", "0000000090123456", "elster-1"),
        ("7", "0000000077777007", ""),
    ];
    assert_eq!(found, expected, "{result:#?}");
    assert_eq!(result.found[1].models[0], "elster-a1700");
    // Both answer at once where nobody is named: both are known by now, which explains it.
    assert_eq!(result.doubts, []);
    assert_eq!(result.left_out, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_scan_ends_in_time_and_says_what_it_left_out() {
    let (bench, _) = settled("").await;
    let wish = ScanWish {
        seconds_max: 30,
        ..wish(&["500-900"])
    };
    let result = scan(&bench, wish).await;
    assert!(!result.left_out.is_empty(), "{result:#?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_hears_and_sends_nothing() {
    let (bench, _) = settled("").await;
    let before = bench.wire.counters().requests;
    let work = Work::Listen {
        bus: "main".to_owned(),
        seconds: 45,
    };
    let heard = bench.outcome(work).await;
    assert!(matches!(heard, Outcome::Heard(_)), "{heard:?}");
    assert_eq!(bench.wire.counters().requests, before);
}
