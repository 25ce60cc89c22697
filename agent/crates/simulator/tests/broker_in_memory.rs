//! The broker over a pair of in-memory pipes, under paused time, packet by packet.

#![cfg(test)]

use std::time::Duration;

use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Connect, ConnectProperties, ConnectReturnCode, Disconnect, DisconnectReasonCode, Filter,
    LastWill, LastWillProperties, Packet, PingReq, PubAck, PubAckReason, Publish, Subscribe,
    SubscribeReasonCode,
};
use simulator::broker::{Access, Broker, BrokerConfig, PublishRefusal, Rights};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::bytes::{Bytes, BytesMut};

struct World {
    broker: Broker,
    connections: JoinSet<()>,
}

struct Peer {
    stream: DuplexStream,
    incoming: BytesMut,
}

impl World {
    fn new() -> Self {
        Self::with(BrokerConfig::default())
    }

    fn with(config: BrokerConfig) -> Self {
        Self {
            broker: Broker::new(config),
            connections: JoinSet::new(),
        }
    }

    fn pipe(&mut self, name: Option<&str>) -> Peer {
        let (near, far) = duplex(4096);
        let (broker, name) = (self.broker.clone(), name.map(str::to_owned));
        self.connections
            .spawn(async move { broker.serve(far, name).await });
        Peer {
            stream: near,
            incoming: BytesMut::new(),
        }
    }

    /// A client that is let in; says whether its session was still there.
    async fn client(&mut self, id: &str) -> Peer {
        self.client_with(connect(id), None).await.0
    }

    async fn client_with(&mut self, connect: Connect, will: Option<LastWill>) -> (Peer, bool) {
        let mut peer = self.pipe(Some(&connect.client_id));
        peer.say(Packet::Connect(connect, will, None)).await;
        match peer.hear().await {
            Packet::ConnAck(ack) => {
                assert_eq!(ack.code, ConnectReturnCode::Success);
                (peer, ack.session_present)
            }
            other => panic!("{other:?} instead of a CONNACK"),
        }
    }
}

impl Peer {
    async fn say(&mut self, packet: Packet) {
        let mut octets = BytesMut::new();
        packet.write(&mut octets, None).unwrap();
        self.stream.write_all(&octets).await.unwrap();
    }

    /// The next packet, or nothing when the broker closed the stream.
    async fn next(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.incoming, None) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(fault) => panic!("broker sent nonsense: {fault}"),
            }
            if self.stream.read_buf(&mut self.incoming).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn hear(&mut self) -> Packet {
        let next = timeout(Duration::from_mins(1), self.next()).await;
        next.expect("broker is silent")
            .expect("broker closed the stream")
    }

    async fn assert_silent(&mut self) {
        let next = timeout(Duration::from_secs(5), self.next()).await;
        assert!(next.is_err(), "broker said {next:?}");
    }

    async fn assert_closed(&mut self) {
        assert_eq!(timeout(Duration::from_mins(1), self.next()).await, Ok(None));
    }

    async fn subscribe(&mut self, path: &str) -> SubscribeReasonCode {
        let mut subscribe = Subscribe::new(Filter::new(path, QoS::AtLeastOnce), None);
        subscribe.pkid = 1;
        self.say(Packet::Subscribe(subscribe)).await;
        match self.hear().await {
            Packet::SubAck(ack) => ack.return_codes[0],
            other => panic!("{other:?} instead of a SUBACK"),
        }
    }

    async fn publish(&mut self, topic: &str, payload: &str) -> PubAckReason {
        self.say(message(topic, payload, false)).await;
        match self.hear().await {
            Packet::PubAck(ack) => ack.reason,
            other => panic!("{other:?} instead of a PUBACK"),
        }
    }

    /// The next message's payload; acknowledged when it asks for it.
    async fn receive(&mut self) -> String {
        let publish = self.receive_only().await;
        if publish.qos == QoS::AtLeastOnce {
            self.say(Packet::PubAck(PubAck::new(publish.pkid, None)))
                .await;
        }
        String::from_utf8(publish.payload.to_vec()).unwrap()
    }

    async fn receive_only(&mut self) -> Publish {
        match self.hear().await {
            Packet::Publish(publish) => publish,
            other => panic!("{other:?} instead of a PUBLISH"),
        }
    }

    async fn disconnect_reason(&mut self) -> DisconnectReasonCode {
        match self.hear().await {
            Packet::Disconnect(disconnect) => disconnect.reason_code,
            other => panic!("{other:?} instead of a DISCONNECT"),
        }
    }
}

fn connect(id: &str) -> Connect {
    Connect {
        keep_alive: 30,
        client_id: id.to_owned(),
        clean_start: true,
        properties: None,
    }
}

/// Keeps its session for ten minutes.
fn returning(id: &str, clean_start: bool) -> Connect {
    let mut properties = ConnectProperties::new();
    properties.session_expiry_interval = Some(600);
    Connect {
        clean_start,
        properties: Some(properties),
        ..connect(id)
    }
}

fn message(topic: &str, payload: &str, retain: bool) -> Packet {
    let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload.to_owned(), None);
    publish.pkid = 9;
    publish.retain = retain;
    Packet::Publish(publish)
}

fn will(topic: &str, delay: Option<u32>) -> LastWill {
    let properties = delay.map(|delay| LastWillProperties {
        delay_interval: Some(delay),
        payload_format_indicator: None,
        message_expiry_interval: None,
        content_type: None,
        response_topic: None,
        correlation_data: None,
        user_properties: Vec::new(),
    });
    LastWill::new(topic, "gone", QoS::AtLeastOnce, true, properties)
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_its_subscriber_and_is_acknowledged() {
    let mut world = World::new();
    let mut gateway = world.client("gw1").await;
    let mut ingest = world.client("headend-ingest").await;
    assert_eq!(
        gateway.publish("gw/v1/gw1/up/lp", "1").await,
        PubAckReason::NoMatchingSubscribers
    );
    let granted = ingest.subscribe("gw/v1/+/up/#").await;
    assert_eq!(granted, SubscribeReasonCode::Success(QoS::AtLeastOnce));
    assert_eq!(
        gateway.publish("gw/v1/gw1/up/lp", "2").await,
        PubAckReason::Success
    );
    assert_eq!(ingest.receive().await, "2");
    ingest.assert_silent().await;
    let counters = world.broker.counters();
    assert_eq!(
        (counters.publishes, counters.unmatched, counters.delivered),
        (2, 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn somebody_may_hear_along() {
    let mut world = World::new();
    let mut gateway = world.client("gw1").await;
    let mut heard = world.broker.overhear("gw/v1/+/up/tm");
    gateway.publish("gw/v1/gw1/up/lp", "1").await;
    gateway.publish("gw/v1/gw1/up/tm", "2").await;
    let message = heard.try_recv().unwrap();
    assert_eq!(message.topic, "gw/v1/gw1/up/tm");
    assert_eq!(message.payload, b"2");
    assert!(heard.try_recv().is_err(), "it is of another topic");
    gateway.publish("gw/v1/gw2/up/tm", "3").await;
    assert!(heard.try_recv().is_err(), "it was refused");
}

#[tokio::test(start_paused = true)]
async fn rights_are_per_topic_and_can_be_withdrawn() {
    let mut world = World::new();
    let mut gateway = world.client("gw1").await;
    assert_eq!(
        gateway.publish("gw/v1/gw2/up/lp", "1").await,
        PubAckReason::NotAuthorized
    );
    assert_eq!(
        gateway.publish("gw/v1/gw1/dn/ack", "1").await,
        PubAckReason::NotAuthorized
    );
    assert_eq!(
        gateway.subscribe("gw/v1/+/dn/#").await,
        SubscribeReasonCode::NotAuthorized
    );
    assert_eq!(
        gateway.subscribe("a/#/b").await,
        SubscribeReasonCode::TopicFilterInvalid
    );
    let shared = gateway.subscribe("$share/g/gw/v1/gw2/dn/#").await;
    assert_eq!(shared, SubscribeReasonCode::NotAuthorized);

    let own = "gw/v1/gw1/up/lp";
    assert_eq!(
        gateway.publish(own, "1").await,
        PubAckReason::NoMatchingSubscribers
    );
    world
        .broker
        .set_rights(Rights::none().everybody(Access::Write, "elsewhere"));
    assert_eq!(gateway.publish(own, "1").await, PubAckReason::NotAuthorized);
    world.broker.set_rights(Rights::contract());
    world
        .broker
        .refuse_publishes(Some(PublishRefusal::QuotaExceeded));
    assert_eq!(gateway.publish(own, "1").await, PubAckReason::QuotaExceeded);
    world.broker.refuse_publishes(None);
    assert_eq!(
        gateway.publish(own, "1").await,
        PubAckReason::NoMatchingSubscribers
    );
}

#[tokio::test(start_paused = true)]
async fn names_are_bound_to_the_certificate() {
    let mut world = World::new();
    let mut other = world.pipe(Some("gw1"));
    other.say(Packet::Connect(connect("gw2"), None, None)).await;
    let Packet::ConnAck(ack) = other.hear().await else {
        panic!("no CONNACK")
    };
    assert_eq!(ack.code, ConnectReturnCode::ClientIdentifierNotValid);
    other.assert_closed().await;

    let mut other = world.pipe(Some("gw1"));
    let login = rumqttc::v5::mqttbytes::v5::Login::new("gw2", "");
    other
        .say(Packet::Connect(connect("gw1"), None, Some(login)))
        .await;
    let Packet::ConnAck(ack) = other.hear().await else {
        panic!("no CONNACK")
    };
    assert_eq!(ack.code, ConnectReturnCode::BadUserNamePassword);

    world.broker.refuse_connections(true);
    let mut early = world.pipe(None);
    early.say(Packet::Connect(connect("gw1"), None, None)).await;
    let Packet::ConnAck(ack) = early.hear().await else {
        panic!("no CONNACK")
    };
    assert_eq!(ack.code, ConnectReturnCode::ServerUnavailable);
    early.assert_closed().await;
    assert_eq!(world.broker.counters().turned_away, 3);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_shut_out() {
    let mut world = World::new();
    let mut silent = world.pipe(None);
    silent.assert_closed().await;
    assert_eq!(world.broker.counters().turned_away, 1);

    let mut gateway = world.client("gw1").await;
    sleep(Duration::from_secs(40)).await;
    gateway.say(Packet::PingReq(PingReq)).await;
    assert!(matches!(gateway.hear().await, Packet::PingResp(_)));
    assert_eq!(
        gateway.disconnect_reason().await,
        DisconnectReasonCode::KeepAliveTimeout
    );
    gateway.assert_closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_connection_takes_the_session_over() {
    let mut world = World::new();
    let mut old = world.client("gw1").await;
    let mut new = world.client("gw1").await;
    assert_eq!(
        old.disconnect_reason().await,
        DisconnectReasonCode::SessionTakenOver
    );
    old.assert_closed().await;
    assert_eq!(
        new.publish("gw/v1/gw1/up/lp", "1").await,
        PubAckReason::NoMatchingSubscribers
    );
    assert_eq!(world.broker.clients(), ["gw1"]);
    assert_eq!(world.broker.counters().taken_over, 1);
}

#[tokio::test(start_paused = true)]
async fn retained_messages_wait_for_their_subscriber() {
    let mut world = World::new();
    let mut gateway = world.client("gw1").await;
    gateway
        .say(message("gw/v1/gw1/up/birth", "here", true))
        .await;
    assert!(matches!(gateway.hear().await, Packet::PubAck(_)));
    let mut ingest = world.client("headend-ingest").await;
    ingest.subscribe("gw/v1/+/up/#").await;
    let publish = ingest.receive_only().await;
    assert_eq!(
        (publish.payload, publish.retain),
        (Bytes::from("here"), true)
    );
    assert_eq!(
        world.broker.retained("gw/v1/gw1/up/birth"),
        Some(b"here".to_vec())
    );
    gateway.say(message("gw/v1/gw1/up/birth", "", true)).await;
    assert!(matches!(gateway.hear().await, Packet::PubAck(_)));
    assert_eq!(world.broker.retained("gw/v1/gw1/up/birth"), None);
}

#[tokio::test(start_paused = true)]
async fn a_will_is_published_after_an_abrupt_end_only() {
    let mut world = World::new();
    let mut ingest = world.client("headend-ingest").await;
    ingest.subscribe("gw/v1/+/up/#").await;
    let topic = "gw/v1/gw1/up/state";

    let (mut polite, _) = world
        .client_with(connect("gw1"), Some(will(topic, None)))
        .await;
    polite
        .say(Packet::Disconnect(Disconnect::new(
            DisconnectReasonCode::NormalDisconnection,
        )))
        .await;
    polite.assert_closed().await;
    ingest.assert_silent().await;

    let (abrupt, _) = world
        .client_with(connect("gw1"), Some(will(topic, None)))
        .await;
    drop(abrupt);
    assert_eq!(ingest.receive().await, "gone");
    assert_eq!(world.broker.retained(topic), Some(b"gone".to_vec()));

    let foreign = will("gw/v1/gw2/up/state", None);
    let (_kept, _) = world.client_with(connect("gw1"), Some(foreign)).await;
    assert!(world.broker.kill("gw1"));
    ingest.assert_silent().await;
    assert_eq!(world.broker.counters().wills, 1);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_will_is_void_when_the_client_comes_back_to_its_session() {
    let mut world = World::new();
    let patient = Connect {
        keep_alive: 0,
        ..connect("headend-ingest")
    };
    let (mut ingest, _) = world.client_with(patient, None).await;
    ingest.subscribe("gw/v1/+/up/#").await;
    let late = || Some(will("gw/v1/gw1/up/state", Some(20)));

    let (first, _) = world.client_with(returning("gw1", true), late()).await;
    drop(first);
    sleep(Duration::from_secs(10)).await;
    let (second, present) = world.client_with(returning("gw1", false), late()).await;
    assert!(present);
    sleep(Duration::from_secs(15)).await;
    assert_eq!(world.broker.counters().wills, 0);

    drop(second);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(world.broker.counters().wills, 0);
    sleep(Duration::from_secs(11)).await;
    assert_eq!(ingest.receive().await, "gone");

    // A clean start ends the old session, and that releases the will at once.
    let (third, _) = world.client_with(returning("gw1", false), late()).await;
    drop(third);
    let (_fourth, present) = world.client_with(returning("gw1", true), None).await;
    assert!(!present);
    assert_eq!(ingest.receive().await, "gone");
}

#[tokio::test(start_paused = true)]
async fn a_session_keeps_what_was_not_acknowledged() {
    let mut world = World::new();
    let mut command = world.client("headend-watermark").await;
    let topic = "gw/v1/gw1/dn/req";
    let (mut gateway, _) = world.client_with(returning("gw1", true), None).await;
    gateway.subscribe("gw/v1/gw1/dn/#").await;
    assert_eq!(command.publish(topic, "1").await, PubAckReason::Success);
    let seen = gateway.receive_only().await;
    assert!(!seen.dup);
    drop(gateway);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(command.publish(topic, "2").await, PubAckReason::Success);

    let (mut gateway, present) = world.client_with(returning("gw1", false), None).await;
    assert!(present);
    let again = gateway.receive_only().await;
    assert_eq!(
        (again.dup, again.pkid, again.payload.clone()),
        (true, seen.pkid, Bytes::from("1"))
    );
    gateway
        .say(Packet::PubAck(PubAck::new(again.pkid, None)))
        .await;
    assert_eq!(gateway.receive().await, "2");

    world.broker.drop_sessions();
    gateway.assert_closed().await;
    let (gateway, present) = world.client_with(returning("gw1", false), None).await;
    assert!(!present);
    drop(gateway);
    sleep(Duration::from_secs(601)).await;
    let (_late, present) = world.client_with(returning("gw1", false), None).await;
    assert!(!present, "a session ends with its expiry");
}

#[tokio::test(start_paused = true)]
async fn a_client_gets_no_more_than_it_can_hold() {
    let mut world = World::new();
    let mut narrow = returning("gw1", true);
    let properties = narrow.properties.as_mut().unwrap();
    properties.receive_maximum = Some(2);
    properties.max_packet_size = Some(100);
    let (mut gateway, _) = world.client_with(narrow, None).await;
    gateway.subscribe("gw/v1/gw1/dn/#").await;
    for payload in ["1", "2", "3"] {
        world
            .broker
            .publish("gw/v1/gw1/dn/x", payload.as_bytes(), false);
    }
    let first = gateway.receive_only().await;
    gateway.receive_only().await;
    gateway.assert_silent().await;
    gateway
        .say(Packet::PubAck(PubAck::new(first.pkid, None)))
        .await;
    assert_eq!(gateway.receive_only().await.payload, "3");

    world.broker.publish("gw/v1/gw1/dn/x", &[0; 200], false);
    gateway
        .say(Packet::PubAck(PubAck::new(first.pkid + 1, None)))
        .await;
    gateway.assert_silent().await;
    assert_eq!(world.broker.counters().dropped, 1);
}

#[tokio::test(start_paused = true)]
async fn a_shared_subscription_is_served_in_turn() {
    let mut world = World::new();
    let filter = "$share/g/gw/v1/+/up/#";
    world.broker.set_rights(
        Rights::none()
            .everybody(Access::Read, "#")
            .everybody(Access::Write, "#"),
    );
    let (mut one, mut two) = (world.client("one").await, world.client("two").await);
    one.subscribe(filter).await;
    two.subscribe(filter).await;
    let mut gateway = world.client("gw1").await;
    for payload in ["1", "2", "3", "4"] {
        assert_eq!(
            gateway.publish("gw/v1/gw1/up/lp", payload).await,
            PubAckReason::Success
        );
    }
    assert_eq!(
        (one.receive().await, one.receive().await),
        ("1".to_owned(), "3".to_owned())
    );
    assert_eq!(
        (two.receive().await, two.receive().await),
        ("2".to_owned(), "4".to_owned())
    );
    drop(two);
    sleep(Duration::from_secs(1)).await;
    gateway.publish("gw/v1/gw1/up/lp", "5").await;
    assert_eq!(one.receive().await, "5");
}

#[tokio::test(start_paused = true)]
async fn limits_are_announced_and_kept() {
    let config = BrokerConfig {
        receive_maximum: 2,
        packet_size_max: 1000,
        ..BrokerConfig::default()
    };
    let mut world = World::with(config);
    let mut gateway = world.pipe(None);
    gateway
        .say(Packet::Connect(connect("gw1"), None, None))
        .await;
    let Packet::ConnAck(ack) = gateway.hear().await else {
        panic!("no CONNACK")
    };
    let abilities = ack.properties.unwrap();
    assert_eq!(
        (abilities.receive_max, abilities.max_packet_size),
        (Some(2), Some(1000))
    );
    gateway
        .say(message("gw/v1/gw1/up/lp", &"x".repeat(1000), false))
        .await;
    assert_eq!(
        gateway.disconnect_reason().await,
        DisconnectReasonCode::PacketTooLarge
    );

    world.broker.set_receive_maximum(1);
    world.broker.withhold_acks(true);
    let mut gateway = world.client("gw1").await;
    gateway.say(message("gw/v1/gw1/up/lp", "1", false)).await;
    gateway.assert_silent().await;
    gateway.say(message("gw/v1/gw1/up/lp", "2", false)).await;
    assert_eq!(
        gateway.disconnect_reason().await,
        DisconnectReasonCode::ReceiveMaximumExceeded
    );
    assert_eq!(world.broker.counters().publishes, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_broker_keeps_its_connections_and_goes_on() {
    let mut world = World::new();
    let mut gateway = world.client("gw1").await;
    world.broker.stall(true);
    gateway.say(message("gw/v1/gw1/up/lp", "1", false)).await;
    sleep(Duration::from_mins(5)).await;
    gateway.assert_silent().await;
    assert_eq!(world.broker.counters().publishes, 0);
    world.broker.stall(false);
    assert!(matches!(gateway.hear().await, Packet::PubAck(_)));
    world.broker.stall(true);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.broker.kill_all(), 1);
    gateway.assert_closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_hostile_broker_sends_what_it_likes() {
    let mut world = World::new();
    let mut gateway = world.client("gw1").await;
    assert!(
        world
            .broker
            .inject("gw1", "gw/v1/gw1/dn/ack", b"forged", true)
    );
    let publish = gateway.receive_only().await;
    assert_eq!(
        (publish.payload, publish.retain),
        (Bytes::from("forged"), true)
    );
    assert!(world.broker.inject_octets("gw1", &[0xFF, 0x00, 0x01]));
    let mut octets = [0; 3];
    gateway.stream.read_exact(&mut octets).await.unwrap();
    assert_eq!(octets, [0xFF, 0x00, 0x01]);
    assert!(
        !world.broker.inject("gw2", "x", b"", false),
        "nobody is there"
    );
}

#[tokio::test(start_paused = true)]
async fn nonsense_ends_the_connection() {
    let mut world = World::new();
    let mut gateway = world.client("gw1").await;
    gateway
        .stream
        .write_all(&[0x00, 0x02, 0x00, 0x00])
        .await
        .unwrap();
    assert_eq!(
        gateway.disconnect_reason().await,
        DisconnectReasonCode::MalformedPacket
    );
    gateway.assert_closed().await;

    let mut gateway = world.client("gw1").await;
    let twice = Publish {
        pkid: 1,
        ..Publish::new("gw/v1/gw1/up/lp", QoS::ExactlyOnce, "x", None)
    };
    gateway.say(Packet::Publish(twice)).await;
    assert_eq!(
        gateway.disconnect_reason().await,
        DisconnectReasonCode::QoSNotSupported
    );
}
