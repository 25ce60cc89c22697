//! Whatever the broker or the road to it does, nothing is lost and nothing is booked twice.
//!
//! Each trouble begins while intervals are being sent, lasts, and ends; then everything must be
//! at the head-end, as the meters held it.
#![cfg(test)]

use std::time::Duration;

use hil_tests::agent::Agent;
use hil_tests::broker::BrokerSettings;
use hil_tests::bus::Bus;
use hil_tests::clock::{pause, utc, wait_until};
use hil_tests::proxy::{Proxy, Road};
use hil_tests::skip::by_tier;
use hil_tests::world::{World, wait_for_delivery};

const PERIOD_S: u32 = 2;
/// How long the gateway may take to find back, pauses between attempts included.
const BACK_WITHIN: Duration = Duration::from_secs(40);

fn lasts() -> Duration {
    Duration::from_secs(by_tier(6, 120))
}

/// What is done to a scene, and in words what it is.
struct Trouble {
    what: &'static str,
    settings: BrokerSettings,
    happens: fn(&mut Scene),
}

/// A world in which everything works, a gateway that sends, and its meters.
struct Scene {
    world: World,
    agent: Agent,
    bus: Bus,
    proxy: Proxy,
}

impl Scene {
    fn new(what: &str, settings: BrokerSettings) -> Option<Self> {
        let mut world = World::with(what, settings)?;
        let mut bus = Bus::serial("main", world.folder(), 19_200, 1);
        for unit in 1..=2 {
            bus.seat("abb-b23", unit);
        }
        let mut agent = world.gateway("pmu-trouble", &[&bus], PERIOD_S);
        for meter in &mut agent.file.meters {
            meter.instant_s = Some(2);
        }
        let proxy = Proxy::open(world.broker.port());
        agent.file.uplink.as_mut().expect("an uplink").port = proxy.port();
        world.head_end.start();
        agent.start();
        wait_until("the gateway is connected", BACK_WITHIN, || {
            agent.is_connected()
        });
        pause(Duration::from_secs(3));
        Some(Self {
            world,
            agent,
            bus,
            proxy,
        })
    }

    /// Everything arrives, and arrives right.
    #[track_caller]
    fn must_end_well(mut self, what: &str) {
        wait_until("the gateway is connected again", BACK_WITHIN, || {
            self.agent.is_connected()
        });
        pause(Duration::from_secs(2));
        wait_for_delivery(&self.agent, BACK_WITHIN);
        let upto = utc().before(Duration::from_secs(3));
        wait_for_delivery(&self.agent, BACK_WITHIN);
        let connections = self.agent.metric("pmu_uplink_connections_total");
        let verdict = self.world.judge(&mut self.agent, &[&self.bus], upto);
        let head_end = &self.world.head_end;
        println!(
            "{what}: {verdict}; {} messages, {} duplicates absorbed, {connections} connections",
            head_end.sum("messages"),
            head_end.sum("duplicates"),
        );
        verdict.must_be_clean();
        for figure in ["gaps", "missing", "lost"] {
            assert_eq!(head_end.sum(figure), 0, "{figure}");
        }
    }
}

fn stalls(scene: &mut Scene) {
    scene.world.broker.stall();
    pause(lasts() * 2);
    scene.world.broker.go_on();
}

fn stalls_and_dies(scene: &mut Scene) {
    scene.world.broker.stall();
    pause(lasts());
    scene.world.broker.kill();
    pause(Duration::from_secs(2));
    scene.world.broker.restart(BrokerSettings::default());
}

fn restarts_with_its_session(scene: &mut Scene) {
    for _ in 0..3 {
        scene.world.broker.stop();
        pause(Duration::from_secs(2));
        scene.world.broker.restart(PERSISTENT);
        pause(lasts() / 2);
    }
}

fn comes_back_with_a_smaller_window(scene: &mut Scene) {
    scene.world.broker.stall();
    pause(lasts());
    scene.world.broker.kill();
    scene.world.broker.restart(BrokerSettings {
        max_inflight: 3,
        ..BrokerSettings::default()
    });
}

fn withdraws_the_right_to_publish(scene: &mut Scene) {
    scene.world.broker.allow_publishing(false);
    pause(lasts());
    let waiting = scene.agent.waiting();
    assert!(
        waiting > Some(0),
        "what is refused stays in the outbox, {waiting:?}"
    );
    scene.world.broker.allow_publishing(true);
}

fn nobody_listens(scene: &mut Scene) {
    scene.world.head_end.kill();
    pause(lasts() * 2);
    scene.world.head_end.start();
    // After reason 16 the gateway waits half a minute before it asks again.
    pause(Duration::from_secs(20));
}

fn swallows_everything(scene: &mut Scene) {
    scene.proxy.set(Road::BlackHole);
    pause(lasts() * 3);
    scene.proxy.set(Road::Open);
}

fn no_answer_comes_back(scene: &mut Scene) {
    scene.proxy.set(Road::OneWay);
    pause(lasts() * 3);
    scene.proxy.set(Road::Open);
}

fn is_slow(scene: &mut Scene) {
    scene.proxy.set(Road::Slow(20));
    pause(lasts() * 2);
    // It need not become faster for everything to arrive, but the test should.
    scene.proxy.set(Road::Slow(200));
}

fn breaks_again_and_again(scene: &mut Scene) {
    scene.proxy.set(Road::CutAfter(3000));
    pause(lasts() * 3);
    let broken = scene.proxy.connections();
    assert!(broken >= 3, "it broke only {broken} times");
    scene.proxy.set(Road::Open);
}

const PERSISTENT: BrokerSettings = BrokerSettings {
    max_inflight: 100,
    max_packet: 262_144,
    persistence: true,
};

/// Each trouble in a world of its own, all at once: they mostly wait.
#[track_caller]
fn all_end_well(troubles: &[Trouble]) {
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let started: Vec<_> = troubles
            .iter()
            .map(|trouble| {
                let run = move || {
                    let Some(mut scene) = Scene::new(trouble.what, trouble.settings) else {
                        return;
                    };
                    (trouble.happens)(&mut scene);
                    scene.must_end_well(trouble.what);
                };
                let thread = std::thread::Builder::new().name(trouble.what.to_owned());
                (
                    trouble.what,
                    thread.spawn_scoped(scope, run).expect("a thread"),
                )
            })
            .collect();
        let failed = started
            .into_iter()
            .filter_map(|(what, run)| run.join().is_err().then_some(what));
        failed.collect()
    });
    assert!(failed.is_empty(), "failed: {failed:?}");
}

#[test]
fn no_trouble_of_the_broker_loses_or_doubles_anything() {
    let trouble = |what, happens| Trouble {
        what,
        settings: BrokerSettings::default(),
        happens,
    };
    all_end_well(&[
        trouble("the broker stalls", stalls),
        trouble(
            "the broker stalls and dies with its session",
            stalls_and_dies,
        ),
        Trouble {
            settings: PERSISTENT,
            ..trouble(
                "the broker restarts with its session",
                restarts_with_its_session,
            )
        },
        trouble(
            "the broker returns with a smaller window",
            comes_back_with_a_smaller_window,
        ),
        trouble(
            "the right to publish is withdrawn",
            withdraws_the_right_to_publish,
        ),
    ]);
}

#[test]
fn no_trouble_of_the_road_loses_or_doubles_anything() {
    let trouble = |what, happens| Trouble {
        what,
        settings: BrokerSettings::default(),
        happens,
    };
    all_end_well(&[
        trouble("nobody listens at the head-end", nobody_listens),
        trouble("a black hole", swallows_everything),
        trouble("a road in one direction", no_answer_comes_back),
        trouble("a road of 1 kB/s", is_slow),
        trouble(
            "a road that breaks after every 3 kB",
            breaks_again_and_again,
        ),
    ]);
}
