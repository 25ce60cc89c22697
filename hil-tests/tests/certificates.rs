//! A gateway's certificate is renewed without a restart, its end is said beforehand, and what is
//! wrong with a certificate is said in words that name the file.
#![cfg(test)]

use std::time::Duration;

use hil_tests::agent::check;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, wait_until};
use hil_tests::openssl::{Authority, ingest_key};
use hil_tests::world::World;

const GATEWAY: &str = "pmu-certified";
const WITHIN: Duration = Duration::from_secs(40);

#[test]
fn a_renewed_certificate_is_used_without_a_restart() {
    let Some(mut world) = World::new("renewal of a certificate") else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    bus.seat("abb-b23", 1);
    let mut agent = world.gateway(GATEWAY, &[&bus], 2);
    // Five days are left: that must be said.
    let identity = world.authority.client_for_days(GATEWAY, 5);
    agent.file.uplink.as_mut().expect("an uplink").identity = identity.clone();
    world.head_end.start();
    agent.start();
    wait_until("the gateway is connected", WITHIN, || agent.is_connected());
    wait_until("the end of the certificate is said", WITHIN, || {
        let alarms = agent.status().alarms;
        alarms
            .iter()
            .any(|alarm| alarm.contains("certificate-expires"))
    });
    let left = days_left(&agent);
    assert!((4..=5).contains(&left), "{left} days");
    let (process, connections) = (agent.process().id(), connections(&agent));

    // Half of a renewal: a key that does not fit the certificate. Nothing happens to the session.
    let kept = std::fs::read(&identity.key).unwrap();
    let other = world.authority.client("somebody-else");
    std::fs::copy(&other.key, &identity.key).unwrap();
    pause(Duration::from_secs(25));
    assert!(agent.is_connected());
    assert_eq!(
        self::connections(&agent),
        connections,
        "it stayed connected"
    );
    std::fs::write(&identity.key, kept).unwrap();

    // The whole of it.
    world.authority.client_for_days(GATEWAY, 700);
    wait_until("it connects with the new one", WITHIN, || {
        self::connections(&agent) > connections && agent.is_connected()
    });
    wait_until("the new end is known", WITHIN, || days_left(&agent) > 600);
    assert_eq!(agent.process().id(), process, "without a restart");

    world.must_end_clean(&mut agent, &[&bus]);
}

#[test]
fn a_wrong_certificate_lets_nobody_in_and_is_named() {
    let Some(mut world) = World::new("wrong certificates") else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    bus.seat("abb-b23", 1);
    let foreign = Authority::new(world.folder(), "foreign");
    world.head_end.start();
    let good = world.uplink(GATEWAY);

    // Signed by a stranger: the broker closes the door, and nothing of the outbox leaves.
    let mut agent = world.gateway(GATEWAY, &[&bus], 2);
    let stranger = foreign.client("stranger");
    agent.file.uplink.as_mut().expect("an uplink").identity = stranger;
    agent.start();
    pause(Duration::from_secs(6));
    assert!(
        !agent.is_connected(),
        "a stranger's certificate opens nothing"
    );
    wait_until("the reason is said", WITHIN, || {
        state(&agent).contains("does not know who signed `uplink.certificate-file`")
    });
    assert!(agent.waiting() > Some(0), "what was read waits");
    agent.stop();

    // A broker that another authority signed is not believed, however it is called.
    agent.file.uplink = Some(good.clone());
    agent.file.uplink.as_mut().expect("an uplink").authority = foreign.certificate();
    agent.start();
    wait_until("the reason is said", WITHIN, || {
        state(&agent).contains("not signed by the authority in `uplink.ca-file`")
    });
    agent.stop();

    // With the right one, everything that waited arrives.
    agent.file.uplink = Some(good);
    agent.start();
    wait_until("the gateway is connected", WITHIN, || agent.is_connected());
    world.must_end_clean(&mut agent, &[&bus]);
}

#[test]
fn damaged_watermark_keys_cost_the_uplink_only_and_are_renewed_without_a_restart() {
    let Some(mut world) = World::new("the keys that sign watermarks") else {
        return;
    };
    let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
    bus.seat("abb-b23", 1);
    let mut agent = world.gateway(GATEWAY, &[&bus], 2);
    let keys = world.folder().join("gateway-keys.pem");
    agent.file.uplink.as_mut().expect("an uplink").ingest_keys = keys.clone();
    world.head_end.start();

    // No file at all: meters are read, the reason is said by `check` and by `status`.
    agent.start();
    wait_until("intervals are kept", WITHIN, || {
        agent.meter("main-1").intervals > 1
    });
    let name = keys.display().to_string();
    assert!(state(&agent).contains(&name), "{}", state(&agent));
    let (code, words) = check(&agent.config());
    assert_eq!(code, Some(0), "{words}");
    assert!(
        words.contains("not ready on this machine") && words.contains(&name),
        "{words}"
    );

    // Somebody else's key: connected, but no watermark is believed and nothing leaves the outbox.
    let foreign = ingest_key(world.folder(), "foreign");
    std::fs::copy(&foreign.public, &keys).unwrap();
    wait_until("the gateway is connected", WITHIN, || agent.is_connected());
    pause(Duration::from_secs(5));
    assert!(agent.waiting() > Some(2), "{:?}", agent.waiting());

    // The right key: all of it is confirmed, in the same process.
    std::fs::copy(&world.key.public, &keys).unwrap();
    pause(Duration::from_secs(22));
    wait_until("the gateway is connected again", WITHIN, || {
        agent.is_connected()
    });
    world.must_end_clean(&mut agent, &[&bus]);
}

fn state(agent: &hil_tests::agent::Agent) -> String {
    let uplink = agent.status().uplink;
    uplink.expect("an uplink").state
}

fn connections(agent: &hil_tests::agent::Agent) -> u64 {
    agent.metric("pmu_uplink_connections_total")
}

fn days_left(agent: &hil_tests::agent::Agent) -> i64 {
    let uplink = agent.status().uplink.expect("an uplink");
    uplink.certificate_days.unwrap_or(0)
}
