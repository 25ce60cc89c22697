//! What is published for a client that did not say goodbye.

use rumqttc::v5::mqttbytes::v5::{LastWill, Publish};
use tokio::time::{Instant, sleep_until};

use super::Broker;
use super::greeting::seconds;
use super::rights::Access;
use crate::limits::WILL_STEP;

/// The will waits for its delay, but not longer than the session lives; it is void when the
/// client comes back to its session in time (MQTT 5.0, 3.1.3.2.2).
pub(super) async fn publish_will(
    broker: &Broker,
    client: &str,
    user: &str,
    number: u64,
    will: LastWill,
) {
    let delay = will
        .properties
        .as_ref()
        .and_then(|properties| properties.delay_interval);
    let publish_at = Instant::now() + seconds(delay.unwrap_or(0));
    while Instant::now() < publish_at && broker.state().is_waiting(client, number) {
        let step = Instant::now() + WILL_STEP;
        sleep_until(step.min(publish_at)).await;
    }
    let mut state = broker.state();
    let resumed = delay.is_some_and(|delay| delay > 0) && state.was_resumed(client, number);
    let topic = String::from_utf8_lossy(&will.topic).into_owned();
    if resumed || !state.rights().allow(user, Access::Write, &topic) {
        return;
    }
    state.counters.wills += 1;
    let properties = None;
    let publish = Publish {
        retain: will.retain,
        qos: will.qos,
        properties,
        ..super::message(&topic, &will.message)
    };
    state.route(Some(client), publish);
}
