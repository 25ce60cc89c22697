//! Whoever owns the broker can write whatever he likes to a gateway: it neither stops nor forgets
//! anything for it.
#![cfg(test)]

use std::time::Duration;

use authority::{SigningKey, sign_watermark};
use desk::Status;
use head_end::{Mark, Message, Stream, Watermarks};
use hil_tests::agent::Agent;
use hil_tests::broker::BrokerSettings;
use hil_tests::bus::Bus;
use hil_tests::clock::{becomes, pause, utc, wait_until};
use hil_tests::listener::Listener;
use hil_tests::world::{World, wait_for_delivery};
use metering::GatewayId;

const GATEWAY: &str = "pmu-hostile";
const PERIOD_S: u32 = 2;

/// A watermark that confirms so much of every stream.
fn watermark(epoch: [u8; 8], upto: u64) -> Vec<u8> {
    let mark = |stream| {
        (
            stream,
            Mark {
                upto,
                islands: Vec::new(),
            },
        )
    };
    let marks = Stream::ALL.into_iter().map(mark).collect();
    Watermarks { epoch, marks }.encode().unwrap()
}

/// The same for the load profile alone.
fn of_profiles(epoch: [u8; 8], upto: u64) -> Vec<u8> {
    let marks = [(
        Stream::Profile,
        Mark {
            upto,
            islands: Vec::new(),
        },
    )]
    .into();
    Watermarks { epoch, marks }.encode().unwrap()
}

fn signed(key: &SigningKey, gateway: &str, payload: &[u8]) -> Vec<u8> {
    let gateway: GatewayId = gateway.parse().unwrap();
    sign_watermark(key, &gateway, payload).unwrap()
}

/// Nested so deeply that a careless decoder would run out of stack.
fn deep(depth: usize) -> Vec<u8> {
    let mut bytes = vec![0x81; depth];
    bytes.push(0);
    bytes
}

/// A message that a gateway must not obey.
struct Hostile {
    what: &'static str,
    payload: Vec<u8>,
}

const fn hostile(what: &'static str, payload: Vec<u8>) -> Hostile {
    Hostile { what, payload }
}

/// Watermarks without the right signature over the right words.
fn forged(genuine: &SigningKey, epoch: [u8; 8], upto: u64) -> Vec<Hostile> {
    let foreign = SigningKey::from_seed(&[7; 32]);
    let payload = of_profiles(epoch, upto);
    let good = signed(genuine, GATEWAY, &payload);
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let huge = vec![0xD2, 0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    vec![
        hostile("unsigned", payload.clone()),
        hostile("signed by another key", signed(&foreign, GATEWAY, &payload)),
        hostile(
            "signed for another gateway",
            signed(genuine, "pmu-other", &payload),
        ),
        hostile("with one bit flipped", flipped),
        hostile("with an octet behind it", [good.as_slice(), &[0]].concat()),
        hostile("cut short", good[..good.len() - 1].to_vec()),
        hostile("empty", Vec::new()),
        hostile("deeply nested", deep(16_000)),
        hostile("of 200 KiB", vec![0x5A; 200 * 1024]),
        hostile("with a huge length", huge),
    ]
}

/// Watermarks with the right signature that cannot be true, and one that no gateway takes whole.
fn impossible(genuine: &SigningKey, epoch: [u8; 8], upto: u64) -> Vec<Hostile> {
    let of_another_store = signed(genuine, GATEWAY, &watermark([9; 8], upto));
    let never_written = signed(genuine, GATEWAY, &watermark(epoch, 1 << 40));
    vec![
        hostile("of another store", of_another_store),
        hostile("of what was never written", never_written),
        hostile("of 1 MiB", vec![0x5A; 1024 * 1024]),
    ]
}

fn requests() -> Vec<Hostile> {
    vec![
        hostile("that is no CBOR", vec![0xFF; 40]),
        hostile("deeply nested", deep(3000)),
        hostile("of 200 KiB", vec![0xA5; 200 * 1024]),
        hostile("that is empty", Vec::new()),
    ]
}

/// Sends them as whoever owns the broker would, and looks whether the daemon lives.
fn send_all(world: &World, agent: &mut Agent, word: &str, messages: &[Hostile]) {
    for message in messages {
        let topic = format!("gw/v1/{GATEWAY}/dn/{word}");
        world
            .broker
            .publish(&world.intruder, &topic, &message.payload, false);
        pause(Duration::from_millis(100));
        let what = message.what;
        assert!(
            agent.is_running(),
            "{word} {what} ended the daemon\n{}",
            agent.said()
        );
    }
}

/// Nothing left the outbox, everything is counted, a person is told.
fn must_have_resisted(agent: &Agent, before: &Status, forged: usize) {
    let status = agent.status();
    let uplink = status.uplink.as_ref().expect("an uplink");
    let waiting = |status: &Status| {
        status
            .outbox
            .iter()
            .map(|stream| stream.waiting)
            .sum::<u64>()
    };
    println!(
        "{} watermarks refused, {} taken; the outbox grew from {} to {}",
        uplink.watermarks_refused,
        uplink.watermarks,
        waiting(before),
        waiting(&status),
    );
    let refused = usize::try_from(uplink.watermarks_refused).unwrap();
    assert!(refused >= forged, "each refused watermark is counted");
    assert_eq!(uplink.connections, 1, "the connection held");
    for stream in &before.outbox {
        let now = status
            .outbox
            .iter()
            .find(|now| now.stream == stream.stream)
            .unwrap();
        let (was, is) = (stream.waiting, now.waiting);
        assert!(is >= was, "{}: {was} entries became {is}", stream.stream);
    }
    let alarms = &status.alarms;
    assert!(
        alarms
            .iter()
            .any(|alarm| alarm.contains("watermark-refused")),
        "{alarms:?}"
    );
}

#[test]
fn whoever_owns_the_broker_cannot_empty_an_outbox() {
    let settings = BrokerSettings {
        max_packet: 4 * 1024 * 1024,
        ..BrokerSettings::default()
    };
    let Some(mut world) = World::with("hostile messages", settings) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    bus.seat("abb-b23", 1);
    bus.seat("eastron-sdm630", 2);
    let mut agent = world.gateway(GATEWAY, &[&bus], PERIOD_S);
    // Somebody listens, so that messages leave the gateway; nobody confirms them yet.
    let filters = ["gw/v1/+/up/#"];
    let heard = Listener::start(world.folder(), &world.broker, &world.listener, &filters);
    agent.start();
    let sent = || heard.heard_on("up/lp");
    wait_until("some intervals were sent", Duration::from_secs(30), || {
        sent().len() >= 4
    });
    let epoch = Message::decode(&sent()[0].payload).unwrap().epoch;
    let upto = u64::try_from(sent().len()).unwrap();
    let key = std::fs::read_to_string(&world.key.private).unwrap();
    let genuine = SigningKey::from_pem(&key).unwrap();

    let before = agent.status();
    let forged = forged(&genuine, epoch, upto);
    send_all(&world, &mut agent, "ack", &forged);
    send_all(
        &world,
        &mut agent,
        "ack",
        &impossible(&genuine, epoch, upto),
    );
    send_all(&world, &mut agent, "req", &requests());
    let command = [hostile("nobody may give", b"open the relay".to_vec())];
    send_all(&world, &mut agent, "cmd", &command);
    pause(Duration::from_secs(1));
    must_have_resisted(&agent, &before, forged.len());

    // The head-end comes at last and finds everything that is its own.
    world.head_end.start();
    wait_for_delivery(&agent, Duration::from_mins(1));
    let end = utc().before(Duration::from_secs(4));
    wait_for_delivery(&agent, Duration::from_secs(30));
    drop(heard);
    let verdict = world.judge(&mut agent, &[&bus], end);
    println!("{verdict}");
    verdict.must_be_clean();
}

#[test]
fn a_retained_watermark_is_ignored() {
    let promise = "retained watermarks";
    let Some(mut world) = World::new(promise) else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    bus.seat("abb-b23", 1);
    let mut agent = world.gateway(GATEWAY, &[&bus], PERIOD_S);
    let heard = Listener::start(
        world.folder(),
        &world.broker,
        &world.listener,
        &["gw/v1/+/up/#"],
    );
    agent.start();
    wait_until("some intervals were sent", Duration::from_secs(30), || {
        heard.heard_on("up/lp").len() >= 2
    });
    let epoch = Message::decode(&heard.heard_on("up/lp")[0].payload)
        .unwrap()
        .epoch;
    agent.stop();
    // Signed by the right key, at a time when it was not true yet: it waits for the gateway.
    let genuine =
        SigningKey::from_pem(&std::fs::read_to_string(&world.key.private).unwrap()).unwrap();
    let early = signed(&genuine, GATEWAY, &of_profiles(epoch, 2));
    world.broker.publish(
        &world.intruder,
        &format!("gw/v1/{GATEWAY}/dn/ack"),
        &early,
        true,
    );
    agent.start();
    wait_until("the gateway is connected", Duration::from_secs(20), || {
        agent.is_connected()
    });
    let is_taken = becomes(Duration::from_secs(4), || {
        agent
            .status()
            .uplink
            .is_some_and(|uplink| uplink.watermarks > 0)
    });
    assert!(!is_taken, "a retained watermark was taken");
    world.head_end.start();
    wait_for_delivery(&agent, Duration::from_mins(1));
    let upto = utc().before(Duration::from_secs(6));
    let verdict = world.judge(&mut agent, &[&bus], upto);
    println!("{verdict}");
    verdict.must_be_clean();
}
