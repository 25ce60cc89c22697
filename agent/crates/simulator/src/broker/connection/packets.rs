//! What a client says, and what the broker answers.

use rumqttc::v5::mqttbytes::v5::{
    DisconnectReasonCode, Packet, PingResp, PubAck, Publish, SubAck, Subscribe, UnsubAck,
    Unsubscribe,
};
use rumqttc::v5::mqttbytes::{Error, QoS};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::{Client, Farewell, Presence, Step};
use crate::broker::greeting::seconds;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Client<S> {
    pub(super) fn hear(&mut self) -> Step {
        self.last_heard = Instant::now();
        loop {
            if let Some(farewell) = goodbye(&self.connection.incoming) {
                return Step::Break(farewell);
            }
            match Packet::read(&mut self.connection.incoming, Some(self.packet_size_max)) {
                Ok(packet) => self.act(packet)?,
                Err(Error::InsufficientBytes(_)) => return Step::Continue(()),
                Err(Error::PayloadSizeLimitExceeded { .. }) => {
                    return self.part(DisconnectReasonCode::PacketTooLarge);
                }
                Err(fault) => {
                    log::debug!(client:% = self.presence.client, fault:%; "client sent nonsense");
                    return self.part(DisconnectReasonCode::MalformedPacket);
                }
            }
        }
    }

    fn act(&mut self, packet: Packet) -> Step {
        match packet {
            Packet::Publish(publish) => return self.take(publish),
            Packet::PubAck(ack) => {
                self.presence
                    .broker
                    .state()
                    .acknowledged(&self.presence.client, ack.pkid);
            }
            Packet::Subscribe(subscribe) => self.subscribe(subscribe),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe),
            Packet::PingReq(_) => self.say(&Packet::PingResp(PingResp)),
            Packet::Disconnect(disconnect) => {
                let expiry = disconnect
                    .properties
                    .and_then(|p| p.session_expiry_interval);
                if let Some(expiry) = expiry {
                    let Presence { client, number, .. } = &self.presence;
                    self.presence
                        .broker
                        .state()
                        .expiry(client, *number, seconds(expiry));
                }
                let clean = disconnect.reason_code == DisconnectReasonCode::NormalDisconnection;
                return Step::Break(if clean {
                    Farewell::Clean
                } else {
                    Farewell::Abrupt
                });
            }
            _ => return self.part(DisconnectReasonCode::ProtocolError),
        }
        Step::Continue(())
    }

    fn take(&mut self, publish: Publish) -> Step {
        let (id, qos) = (publish.pkid, publish.qos);
        let aliased = publish
            .properties
            .as_ref()
            .is_some_and(|p| p.topic_alias.is_some());
        if aliased {
            return self.part(DisconnectReasonCode::TopicAliasInvalid);
        }
        if qos == QoS::ExactlyOnce {
            return self.part(DisconnectReasonCode::QoSNotSupported);
        }
        let (reason, withheld) = {
            let mut state = self.presence.broker.state();
            let reason = state.publish(&self.presence.client, &self.user, publish);
            (reason, state.withholds_acks)
        };
        if qos == QoS::AtMostOnce {
            return Step::Continue(());
        }
        if !withheld {
            self.say(&Packet::PubAck(PubAck {
                pkid: id,
                reason,
                properties: None,
            }));
            return Step::Continue(());
        }
        self.unacknowledged = self.unacknowledged.saturating_add(1);
        if self.unacknowledged > self.receive_maximum {
            return self.part(DisconnectReasonCode::ReceiveMaximumExceeded);
        }
        Step::Continue(())
    }

    fn subscribe(&mut self, subscribe: Subscribe) {
        let pkid = subscribe.pkid;
        let return_codes = {
            let mut state = self.presence.broker.state();
            let filters = subscribe.filters.into_iter();
            filters
                .map(|filter| state.subscribe(&self.presence.client, filter))
                .collect()
        };
        self.say(&Packet::SubAck(SubAck {
            pkid,
            return_codes,
            properties: None,
        }));
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe) {
        let reasons = {
            let mut state = self.presence.broker.state();
            let filters = unsubscribe.filters.iter();
            filters
                .map(|path| state.unsubscribe(&self.presence.client, path))
                .collect()
        };
        let pkid = unsubscribe.pkid;
        self.say(&Packet::UnsubAck(UnsubAck {
            pkid,
            reasons,
            properties: None,
        }));
    }
}

/// A DISCONNECT without a body or with only a reason, both of which the codec cannot read.
fn goodbye(incoming: &[u8]) -> Option<Farewell> {
    match incoming {
        [0xE0, 0, ..] | [0xE0, 1, 0, ..] => Some(Farewell::Clean),
        [0xE0, 1, _, ..] => Some(Farewell::Abrupt),
        _ => None,
    }
}
