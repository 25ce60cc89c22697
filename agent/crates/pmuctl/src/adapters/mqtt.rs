//! The consumer's MQTT 5 connection, used up by its first error, like its twin in the gateway.
//!
//! Messages are acknowledged by hand, after the ledger's commit. Sessions are clean: what was not
//! acknowledged is gone from the broker, and comes again from the gateway's outbox.

use super::tls::{self, TlsFault, TlsFiles};
use crate::limits::{
    MQTT_CONNECT_WITHIN_S, MQTT_EVENTS_MAX, MQTT_KEEP_ALIVE, MQTT_PACKET_BYTES_MAX,
    MQTT_RECEIVE_MAX, MQTT_REQUESTS_MAX,
};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, Filter, Packet, PubAckReason, Publish, PublishProperties, RetainForwardRule,
    SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Which broker, and as whom.
#[derive(Debug, Clone)]
pub struct BrokerAddress {
    /// Its name or address; its certificate must carry it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Our client id: the common name of our certificate.
    pub name: String,
    /// Certificates and key.
    pub files: TlsFiles,
}

/// What happens on a connection.
#[derive(Debug)]
pub enum MqttEvent {
    /// The broker accepted us.
    Connected,
    /// The subscriptions stand, or the broker refuses some.
    Subscribed {
        /// All of them.
        granted: bool,
    },
    /// A message for us.
    Message(Received),
    /// The broker's word on a message of ours; a refusal comes with its reason.
    Answered(Result<(), String>),
    /// Sign of life.
    Alive,
    /// The connection is over, in words.
    Ended(String),
}

/// A message that the broker sent and we have not acknowledged.
#[derive(Debug, Clone)]
pub struct Received(Publish);

impl Received {
    /// Where it was published.
    pub fn topic(&self) -> &[u8] {
        &self.0.topic
    }

    /// What it says.
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// Whether the broker kept it from an earlier time.
    pub fn is_retained(&self) -> bool {
        self.0.retain
    }
}

/// One connection. Dropping it closes it.
pub struct Connection {
    client: AsyncClient,
    events: mpsc::Receiver<Result<Event, ConnectionError>>,
    unanswered: usize,
    _poller: JoinSet<()>,
}

impl Connection {
    /// Begins to connect; what comes of it arrives as events.
    pub fn open(broker: &BrokerAddress) -> Result<Self, TlsFault> {
        let config = tls::client_config(&broker.files)?;
        let mut options = MqttOptions::new(broker.name.as_str(), broker.host.as_str(), broker.port);
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
        options.set_keep_alive(MQTT_KEEP_ALIVE);
        options.set_clean_start(true);
        options.set_manual_acks(true);
        options.set_connection_timeout(MQTT_CONNECT_WITHIN_S);
        options.set_outgoing_inflight_upper_limit(100);
        options.set_connect_properties(ConnectProperties {
            max_packet_size: Some(MQTT_PACKET_BYTES_MAX),
            receive_maximum: Some(MQTT_RECEIVE_MAX),
            ..ConnectProperties::new()
        });
        let (client, event_loop) = AsyncClient::new(options, MQTT_REQUESTS_MAX);
        let (sender, events) = mpsc::channel(MQTT_EVENTS_MAX);
        let mut poller = JoinSet::new();
        poller.spawn(poll(event_loop, sender));
        Ok(Self {
            client,
            events,
            unanswered: 0,
            _poller: poller,
        })
    }

    /// The next event. Safe to drop half-way.
    pub async fn event(&mut self) -> MqttEvent {
        loop {
            let Some(event) = self.events.recv().await else {
                return MqttEvent::Ended("the client stopped".to_owned());
            };
            if let Some(event) = self.translate(event) {
                return event;
            }
        }
    }

    /// An event that is there already.
    pub fn event_at_hand(&mut self) -> Option<MqttEvent> {
        while let Ok(event) = self.events.try_recv() {
            if let Some(event) = self.translate(event) {
                return Some(event);
            }
        }
        None
    }

    /// Subscribes to all filters in one packet.
    pub fn subscribe(&self, filters: Vec<String>) -> bool {
        let filters = filters
            .into_iter()
            .map(|path| Filter::new(path, QoS::AtLeastOnce));
        self.client.try_subscribe_many(filters).is_ok()
    }

    /// The same; of `news`, what the broker kept from earlier is not wanted.
    pub fn subscribe_with_news(&self, filters: Vec<String>, news: Vec<String>) -> bool {
        let all = filters.into_iter().map(|path| (path, false));
        let all = all.chain(news.into_iter().map(|path| (path, true)));
        let filters = all.map(|(path, is_news)| {
            let mut filter = Filter::new(path, QoS::AtLeastOnce);
            if is_news {
                filter.retain_forward_rule = RetainForwardRule::Never;
            }
            filter
        });
        self.client.try_subscribe_many(filters).is_ok()
    }

    /// Tells the broker that we have a message. `false`: no room, the connection is of no use.
    pub fn acknowledge(&self, received: &Received) -> bool {
        self.client.try_ack(&received.0).is_ok()
    }

    /// Publishes a message for a gateway. `false`: no room now.
    pub fn publish(&mut self, topic: &str, payload: Vec<u8>) -> bool {
        self.hand_over(topic, payload, false)
    }

    /// Publishes a message that the broker keeps for gateways that come later. `false`: no room
    /// now.
    pub fn publish_kept(&mut self, topic: &str, payload: Vec<u8>) -> bool {
        self.hand_over(topic, payload, true)
    }

    fn hand_over(&mut self, topic: &str, payload: Vec<u8>, is_kept: bool) -> bool {
        let properties = PublishProperties {
            content_type: Some(head_end::CONTENT_TYPE.to_owned()),
            ..PublishProperties::default()
        };
        let handed = self.client.try_publish_with_properties(
            topic,
            QoS::AtLeastOnce,
            is_kept,
            payload,
            properties,
        );
        if handed.is_ok() {
            self.unanswered += 1;
        }
        handed.is_ok()
    }

    /// Messages of ours without the broker's word.
    pub fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Says goodbye. `false`: no room for it.
    pub fn close(&self) -> bool {
        self.client.try_disconnect().is_ok()
    }

    fn translate(&mut self, event: Result<Event, ConnectionError>) -> Option<MqttEvent> {
        match event {
            Err(error) => Some(MqttEvent::Ended(error.to_string())),
            Ok(Event::Outgoing(_)) => None,
            Ok(Event::Incoming(packet)) => match packet {
                Packet::ConnAck(_) => Some(MqttEvent::Connected),
                Packet::SubAck(ack) => {
                    let granted = ack
                        .return_codes
                        .iter()
                        .all(|code| matches!(code, SubscribeReasonCode::Success(_)));
                    Some(MqttEvent::Subscribed { granted })
                }
                Packet::Publish(publish) => Some(MqttEvent::Message(Received(publish))),
                Packet::PubAck(ack) => {
                    self.unanswered = self.unanswered.saturating_sub(1);
                    Some(MqttEvent::Answered(verdict(ack.reason)))
                }
                Packet::PingResp(_) => Some(MqttEvent::Alive),
                _ => None,
            },
        }
    }
}

/// Nobody listening is no refusal: the gateway is away, and hears more when it is back.
fn verdict(reason: PubAckReason) -> Result<(), String> {
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
        PubAckReason::NotAuthorized => Err("not authorised by the broker's rules".to_owned()),
        other => Err(format!("{other:?}")),
    }
}

/// Only this may poll: dropping a poll half-way could leave half a packet on the wire.
async fn poll(mut event_loop: EventLoop, events: mpsc::Sender<Result<Event, ConnectionError>>) {
    loop {
        let event = event_loop.poll().await;
        let is_over = event.is_err();
        if events.send(event).await.is_err() || is_over {
            return;
        }
    }
}
