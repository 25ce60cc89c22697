//! The MQTT 5 client of the uplink: one connection, used up by its first error.
//!
//! The client crate repairs a lost connection in ways that lose messages (its queue is cleared
//! where the broker forgot the session) or wedge it (packet identifiers beyond a smaller receive
//! maximum). So nothing is repaired here: any error ends the connection, and the uplink makes a
//! new one and feeds it again from the store.

use super::road_words::{NO_ANSWER, in_words};
use super::tls::{self, TlsFault};
use crate::config::UplinkSettings;
use crate::limits::{MQTT_EVENTS_MAX, MQTT_PACKET_BYTES_MAX, MQTT_REQUESTS_MAX};
use authority::IngestKeys;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, DisconnectReasonCode, LastWill, LastWillProperties, Packet, PubAckReason,
    PublishProperties,
};
use rumqttc::v5::mqttbytes::{QoS, v5::SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use rumqttc::{Outgoing, TlsConfiguration, Transport};
use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What a broker may say of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The broker has it. The head-end may not.
    Taken,
    /// Nobody listens: the head-end is absent.
    NobodyListens,
    /// The broker refuses it, and will again.
    Refused(&'static str),
}

/// What happens on a connection. `K` names a message of ours.
#[derive(Debug)]
pub enum MqttEvent<K> {
    /// The broker accepted us, and takes this many messages at a time.
    Connected {
        /// Messages in flight it allows.
        receive_max: u16,
        /// Bytes of a packet it allows.
        packet_bytes_max: usize,
    },
    /// A subscription stands, or is refused.
    Subscribed {
        /// Which.
        filter: String,
        /// It stands.
        granted: bool,
    },
    /// The broker's word on a message.
    Answered {
        /// Which message.
        key: K,
        /// The word.
        verdict: Verdict,
    },
    /// The broker has heard a message without a name.
    Acknowledged,
    /// A message for us.
    Message {
        /// Its topic.
        topic: Vec<u8>,
        /// Its bytes.
        payload: Vec<u8>,
        /// The broker had kept it from some earlier day.
        retained: bool,
    },
    /// Sign of life.
    Alive,
    /// The connection is over.
    Ended(Ending),
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// In words.
    pub why: String,
    /// Another client connected under our name: the broker said so.
    pub taken_over: bool,
    /// The broker itself ended the connection in order, without a reason. A road that breaks
    /// cannot look like this: TLS tells an end from a cut.
    pub closed_by_broker: bool,
}

impl Ending {
    /// An end that nobody meant.
    pub fn unmeant(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            taken_over: false,
            closed_by_broker: false,
        }
    }
}

/// What identifies us to the broker, and what it says when we vanish.
pub struct Hello<'a> {
    /// Client id and user name.
    pub name: &'a str,
    /// Topic of birth and will.
    pub status_topic: &'a str,
    /// The will.
    pub will: Vec<u8>,
}

/// How the uplink reaches a broker.
pub trait Dial<K>: Send + Sync {
    /// Begins to connect; what comes of it arrives as events.
    fn dial(
        &self,
        settings: &UplinkSettings,
        hello: Hello<'_>,
    ) -> Result<Box<dyn Connection<K>>, TlsFault>;

    /// Who may sign watermarks, as it stands now.
    fn ingest_keys(&self, settings: &UplinkSettings) -> Result<IngestKeys, TlsFault>;

    /// Random bits, so that gateways do not all come back at once.
    fn dice(&self) -> u32;
}

/// Dials over the network.
#[derive(Debug)]
pub struct Network;

impl<K: Send + 'static> Dial<K> for Network {
    fn dial(
        &self,
        settings: &UplinkSettings,
        hello: Hello<'_>,
    ) -> Result<Box<dyn Connection<K>>, TlsFault> {
        Ok(Box::new(Client::open(settings, hello)?))
    }

    fn ingest_keys(&self, settings: &UplinkSettings) -> Result<IngestKeys, TlsFault> {
        tls::ingest_keys(settings)
    }

    fn dice(&self) -> u32 {
        getrandom::u32().unwrap_or(u32::MAX / 2)
    }
}

/// One connection. Dropping it closes it.
pub trait Connection<K>: Send {
    /// The next event.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<MqttEvent<K>>;

    /// Subscribes to a filter. `false`: no room.
    fn subscribe(&mut self, filter: &str) -> bool;

    /// Ends a subscription. `false`: no room.
    fn unsubscribe(&mut self, filter: &str) -> bool;

    /// Hands a message to the client; `key` comes back with the broker's word. `false`: no room.
    fn publish(&mut self, key: Option<K>, message: Outbound<'_>) -> bool;

    /// Messages handed over and not yet answered.
    fn unanswered(&self) -> usize;

    /// Says goodbye, so that the will is not sent.
    fn close(&self);
}

struct Client<K> {
    requests: AsyncClient,
    events: mpsc::Receiver<Result<Event, ConnectionError>>,
    /// Filters whose packet has no number yet, and those that wait for the broker's word.
    asked: VecDeque<String>,
    subscribing: HashMap<u16, String>,
    submitted: VecDeque<Option<K>>,
    in_flight: HashMap<u16, Option<K>>,
    _poller: JoinSet<()>,
}

impl<K> Client<K> {
    fn open(settings: &UplinkSettings, hello: Hello<'_>) -> Result<Self, TlsFault> {
        let config = tls::client_config(settings)?;
        let mut options = MqttOptions::new(hello.name, settings.host.as_str(), settings.port);
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
        options.set_keep_alive(settings.keep_alive);
        options.set_clean_start(true);
        options.set_connection_timeout(15);
        options.set_outgoing_inflight_upper_limit(settings.window);
        options.set_connect_properties(ConnectProperties {
            max_packet_size: u32::try_from(MQTT_PACKET_BYTES_MAX).ok(),
            receive_maximum: Some(16),
            ..ConnectProperties::new()
        });
        // 60 s: a short drop of the line is nobody's news.
        let will = LastWillProperties {
            delay_interval: Some(60),
            payload_format_indicator: None,
            message_expiry_interval: None,
            content_type: Some(head_end::CONTENT_TYPE.to_owned()),
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
        };
        options.set_last_will(LastWill::new(
            hello.status_topic,
            hello.will,
            QoS::AtLeastOnce,
            true,
            Some(will),
        ));
        let (client, event_loop) = AsyncClient::new(options, MQTT_REQUESTS_MAX);
        let (sender, events) = mpsc::channel(MQTT_EVENTS_MAX);
        let mut poller = JoinSet::new();
        poller.spawn(poll(event_loop, sender));
        let (submitted, in_flight) = (VecDeque::new(), HashMap::new());
        Ok(Self {
            requests: client,
            events,
            asked: VecDeque::new(),
            subscribing: HashMap::new(),
            submitted,
            in_flight,
            _poller: poller,
        })
    }

    fn translate(&mut self, event: Event) -> Option<MqttEvent<K>> {
        match event {
            Event::Outgoing(Outgoing::Publish(id)) => {
                if let Some(key) = self.submitted.pop_front() {
                    self.in_flight.insert(id, key);
                }
                None
            }
            Event::Outgoing(Outgoing::Subscribe(id)) => {
                if let Some(filter) = self.asked.pop_front() {
                    self.subscribing.insert(id, filter);
                }
                None
            }
            Event::Incoming(Packet::PubAck(ack)) => {
                let known = self.in_flight.remove(&ack.pkid)?;
                Some(
                    known.map_or(MqttEvent::Acknowledged, |key| MqttEvent::Answered {
                        key,
                        verdict: verdict(ack.reason),
                    }),
                )
            }
            Event::Incoming(Packet::ConnAck(accepted)) => {
                let properties = accepted.properties.as_ref();
                let receive_max = properties.and_then(|found| found.receive_max);
                let packet_max = properties.and_then(|found| found.max_packet_size);
                Some(MqttEvent::Connected {
                    receive_max: receive_max.unwrap_or(u16::MAX),
                    packet_bytes_max: packet_max
                        .and_then(|bytes| usize::try_from(bytes).ok())
                        .map_or(MQTT_PACKET_BYTES_MAX, |bytes| {
                            bytes.min(MQTT_PACKET_BYTES_MAX)
                        }),
                })
            }
            Event::Incoming(Packet::SubAck(ack)) => {
                let granted = ack
                    .return_codes
                    .iter()
                    .all(|code| matches!(code, SubscribeReasonCode::Success(_)));
                let filter = self.subscribing.remove(&ack.pkid)?;
                Some(MqttEvent::Subscribed { filter, granted })
            }
            Event::Incoming(Packet::Publish(publish)) => Some(MqttEvent::Message {
                topic: publish.topic.to_vec(),
                payload: publish.payload.to_vec(),
                retained: publish.retain,
            }),
            Event::Incoming(Packet::PingResp(_)) => Some(MqttEvent::Alive),
            _ => None,
        }
    }
}

impl<K: Send> Connection<K> for Client<K> {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<MqttEvent<K>> {
        loop {
            let event = match ready!(self.events.poll_recv(cx)) {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Poll::Ready(MqttEvent::Ended(ending(&error))),
                None => {
                    let ending = Ending::unmeant("the client stopped");
                    return Poll::Ready(MqttEvent::Ended(ending));
                }
            };
            if let Some(event) = self.translate(event) {
                return Poll::Ready(event);
            }
        }
    }

    fn subscribe(&mut self, filter: &str) -> bool {
        let asked = self.requests.try_subscribe(filter, QoS::AtLeastOnce);
        if asked.is_ok() {
            self.asked.push_back(filter.to_owned());
        }
        asked.is_ok()
    }

    fn unsubscribe(&mut self, filter: &str) -> bool {
        self.requests.try_unsubscribe(filter).is_ok()
    }

    fn publish(&mut self, key: Option<K>, message: Outbound<'_>) -> bool {
        let properties = PublishProperties {
            content_type: Some(head_end::CONTENT_TYPE.to_owned()),
            message_expiry_interval: message
                .expires_after
                .and_then(|after| u32::try_from(after.as_secs()).ok()),
            ..PublishProperties::default()
        };
        let (topic, payload) = (message.topic, message.payload);
        let handed = self.requests.try_publish_with_properties(
            topic,
            QoS::AtLeastOnce,
            message.retain,
            payload,
            properties,
        );
        if handed.is_ok() {
            self.submitted.push_back(key);
        }
        handed.is_ok()
    }

    fn unanswered(&self) -> usize {
        self.submitted.len() + self.in_flight.len()
    }

    fn close(&self) {
        if self.requests.try_disconnect().is_err() {
            log::debug!("no room for a goodbye");
        }
    }
}

/// A message on its way out.
pub struct Outbound<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Kept by the broker for whoever subscribes later.
    pub retain: bool,
    /// Worthless after this.
    pub expires_after: Option<Duration>,
}

/// Only this may poll: dropping a poll half-way could leave half a packet on the wire.
async fn poll(mut event_loop: EventLoop, events: mpsc::Sender<Result<Event, ConnectionError>>) {
    loop {
        let event = event_loop.poll().await;
        let over = event.is_err();
        if events.send(event).await.is_err() || over {
            return;
        }
    }
}

fn verdict(reason: PubAckReason) -> Verdict {
    match reason {
        PubAckReason::Success => Verdict::Taken,
        PubAckReason::NoMatchingSubscribers => Verdict::NobodyListens,
        PubAckReason::NotAuthorized => Verdict::Refused("not authorised by the broker's rules"),
        PubAckReason::QuotaExceeded => Verdict::Refused("over the broker's quota"),
        PubAckReason::PayloadFormatInvalid => Verdict::Refused("payload format invalid"),
        PubAckReason::TopicNameInvalid => Verdict::Refused("topic name invalid"),
        _ => Verdict::Refused("refused without a reason"),
    }
}

fn ending(error: &ConnectionError) -> Ending {
    let taken_over = matches!(
        error,
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            ..
        })
    );
    let closed_by_broker = matches!(
        error,
        ConnectionError::MqttState(StateError::ConnectionAborted)
    );
    Ending {
        why: why(error),
        taken_over,
        closed_by_broker,
    }
}

fn why(error: &ConnectionError) -> String {
    let words = match error {
        // The client crate does not name this as the source.
        ConnectionError::MqttState(StateError::Deserialization(inner)) => in_words(inner),
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            Some("the broker closed the connection".to_owned())
        }
        ConnectionError::ConnectionRefused(code) => Some(format!(
            "the broker refused the gateway's name ({code:?}); its rules must admit the common name \
             of `uplink.certificate-file`"
        )),
        ConnectionError::Timeout(_) => Some(NO_ANSWER.to_owned()),
        error => in_words(error),
    };
    words.unwrap_or_else(|| error.to_string())
}
