//! `pmuctl head-end receive` as a process, between the simulator's broker and a gateway that is
//! played here: it keeps an outbox, lets go of records on signed watermarks only, and sends the
//! rest again.

#![cfg(test)]

mod gateway;
mod world;

use gateway::{Gateway, block, rows_of};
use head_end::{Body, Origin, Stream};
use metering::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use storage::ledger::Ledger;
use world::World;

/// Every value in the ledger that is not missing, by meter, channel and end.
fn booked(ledger: &Ledger, gateway: &str) -> BTreeMap<(String, String, u64), i64> {
    let gateway = gateway.parse().unwrap();
    let always = (Timestamp::default(), Timestamp::from_millis(u64::MAX));
    let page = ledger
        .intervals(&gateway, None, always.0, always.1, None)
        .unwrap();
    assert!(page.next.is_none());
    let mut values = BTreeMap::new();
    for row in page.rows {
        for value in row.values {
            let key = (
                row.meter.to_string(),
                value.channel.obis.to_string(),
                row.end.seconds(),
            );
            let known = value.value.and_then(|value| values.insert(key, value));
            assert_eq!(known, None);
        }
    }
    values
}

#[tokio::test]
async fn what_was_published_is_booked_once_and_confirmed() {
    let world = World::new();
    let mut consumer = world.consumer(&["--ack-every", "100ms", "--gap-after", "400ms"]);
    consumer.subscribed().await;
    let mut gateway = Gateway::open(&world, "pmu-001");
    for number in 1..=40 {
        let meter = format!("feeder-{}", number % 3);
        gateway.add(Body::of_profile(&block(&meter, number), Origin::Gateway, 0).unwrap());
        if number % 8 == 0 {
            gateway.add(gateway::event());
        }
    }
    // Lost on their way: the consumer has to ask. And two that come without their channel list.
    gateway.lose(Stream::Profile, 7..=9);
    gateway.lose(Stream::Event, 2..=2);
    gateway
        .serve(Duration::from_secs(30), |gateway| {
            gateway.confirmed(Stream::Profile) == 40
        })
        .await;
    gateway
        .serve(Duration::from_secs(10), |gateway| {
            gateway.confirmed(Stream::Event) == 5
        })
        .await;
    assert_eq!(gateway.watermarks_refused, 0);
    assert!(
        gateway.requests > 0,
        "the holes were filled without a request"
    );

    gateway
        .serve(Duration::from_secs(10), Gateway::is_quiet)
        .await;
    let duplicates = gateway.sent_again + gateway.publish_all_again(&world, 10);
    let other = gateway::conflicting(&gateway, 5);
    world.publish("gw/v1/pmu-001/up/lp", &other);
    let strangers = world.publish_strange_bytes();
    consumer.caught_up(&world).await;
    let summary = consumer.ended().await;

    assert_eq!(summary["duplicates"], duplicates, "{summary}");
    assert_eq!(summary["conflicts"], 1, "{summary}");
    assert_eq!(summary["refused"], strangers, "{summary}");
    assert_eq!(summary["intervals"], 40, "{summary}");
    assert_eq!(
        (&summary["gaps"], &summary["waiting"]),
        (&0.into(), &0.into()),
        "{summary}"
    );
    assert_eq!(summary["meters"], 3, "{summary}");
    assert!(summary["watermarks"].as_u64().unwrap() > 0, "{summary}");
    let ledger = Ledger::open(&world.ledger()).unwrap();
    assert_eq!(booked(&ledger, "pmu-001"), rows_of(&gateway));
}

#[tokio::test]
async fn a_kill_between_commit_and_acknowledgement_doubles_nothing() {
    let world = World::new();
    let mut gateway = Gateway::open(&world, "pmu-001");
    let mut number = 0;
    let held = || {
        let ledger = Ledger::open(&world.ledger()).unwrap();
        let gateway = "pmu-001".parse().unwrap();
        let held = ledger
            .watermark(&gateway, [0xa5; 8], storage::Stream::Profiles)
            .unwrap();
        ledger.close().unwrap();
        held.upto
    };
    // Exactly between the two: all is booked, and nobody was told.
    let mut consumer = world.consumer(&["--no-ack"]);
    consumer.subscribed().await;
    number = more(&mut gateway, number);
    gateway
        .serve(Duration::from_secs(20), |_| {
            consumer.lines("feeder-") == number
        })
        .await;
    consumer.kill();
    assert_eq!((held(), gateway.confirmed(Stream::Profile)), (number, 0));
    // And anywhere.
    for round in 0..8_u64 {
        let mut consumer = world.consumer(&["--ack-every", "100ms", "--gap-after", "500ms"]);
        consumer.subscribed().await;
        number = more(&mut gateway, number);
        gateway
            .serve(Duration::from_millis(30 + 60 * round), |_| false)
            .await;
        consumer.kill();
        gateway.serve(Duration::from_millis(50), |_| false).await;
        let (confirmed, held) = (gateway.confirmed(Stream::Profile), held());
        assert!(
            confirmed <= held,
            "round {round}: confirmed {confirmed}, booked {held}"
        );
    }
    let mut consumer = world.consumer(&["--ack-every", "100ms", "--gap-after", "500ms"]);
    consumer.subscribed().await;
    let all = |gateway: &Gateway| gateway.confirmed(Stream::Profile) == number;
    gateway.serve(Duration::from_mins(1), all).await;
    let summary = consumer.ended().await;
    assert_eq!(summary["ledger_intervals"], number, "{summary}");
    assert_eq!(
        (&summary["conflicts"], &summary["gaps"]),
        (&0.into(), &0.into()),
        "{summary}"
    );
    assert_eq!(gateway.watermarks_refused, 0);
    let ledger = Ledger::open(&world.ledger()).unwrap();
    assert_eq!(booked(&ledger, "pmu-001"), rows_of(&gateway));
}

/// Gives the gateway some more to send; returns the last number.
fn more(gateway: &mut Gateway, number: u64) -> u64 {
    for number in number + 1..=number + 60 {
        let meter = format!("feeder-{}", number % 3);
        gateway.add(Body::of_profile(&block(&meter, number), Origin::Gateway, 0).unwrap());
    }
    number + 60
}

#[tokio::test]
async fn the_golden_vectors_are_booked_as_their_explanations_say() {
    let world = World::new();
    let csv = world.path("all.csv");
    let mut consumer = world.consumer(&["--csv", csv.to_str().unwrap()]);
    consumer.subscribed().await;
    // The block without its list comes first and has to wait.
    let names = [
        "lp-day",
        "lp-day-with-channels",
        "lp-troubles",
        "ev-meter-silent",
        "au-head",
    ];
    for _ in 0..2 {
        for name in names {
            let (topic, bytes, _) = world::vector(name);
            // These two vectors are about the same intervals of the same meter.
            let is_other = name == "lp-troubles";
            let gateway = if is_other { "pmu-002" } else { "pmu-001" };
            world.publish(&topic.replace("pmu-001", gateway), &bytes);
        }
        consumer.caught_up(&world).await;
    }
    let summary = consumer.ended().await;
    assert_eq!(summary["refused"], 0, "{summary}");
    assert_eq!(summary["conflicts"], 0, "{summary}");
    assert_eq!(summary["ledger_intervals"], 48 + 6, "{summary}");
    // The block that waited gave way to its twin with the list: it was never booked.
    assert_eq!(summary["duplicates"], names.len(), "{summary}");
    let (_, _, explanation) = world::vector("lp-day");
    let body = &explanation["decoded"]["b"];
    let meter = body["m"].as_str().unwrap();
    let ledger = Ledger::open(&world.ledger()).unwrap();
    let values = booked(&ledger, "pmu-001");
    let mut compared = 0;
    for row in body["rows"].as_array().unwrap() {
        let end = row["end"].as_u64().unwrap();
        let of_row = values
            .iter()
            .filter(|(key, _)| key.0 == meter && key.2 == end);
        let mut found: Vec<i64> = of_row.map(|(_, value)| *value).collect();
        let mut expected: Vec<i64> = row["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_i64().unwrap())
            .collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "interval that ends at {end}");
        compared += 1;
    }
    assert_eq!(compared, 48);
    let text = std::fs::read_to_string(csv).unwrap();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("2026-"))
        .count();
    assert!(lines >= 48 * 8, "{lines} lines in the CSV");
}
