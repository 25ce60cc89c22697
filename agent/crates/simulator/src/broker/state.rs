//! What the broker knows: sessions, retained messages, rights and the faults it plays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode, Filter, PubAckReason, Publish, RetainForwardRule,
    SubscribeReasonCode, UnsubAckReason,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::bytes::Bytes;

use super::rights::{Access, covers, is_filter, is_topic, shared};
use super::session::Session;
use super::{BrokerConfig, BrokerCounters, Overheard, Rights};
use crate::limits::{FILTERS_MAX, INJECTIONS_MAX, OVERHEARD_MAX, RETAINED_MAX, SESSIONS_MAX};

/// How a connection is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Say why, then close.
    Disconnect(DisconnectReasonCode),
    /// Close without a word, as if the network had failed.
    Cut,
    /// Close without a word or a will, as if the broker had died.
    BrokerDied,
}

/// Who connects, and how.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) client: String,
    pub(super) user: String,
    pub(super) clean_start: bool,
    pub(super) expiry: Duration,
    pub(super) receive_maximum: u16,
}

/// A connection's place in the state.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) number: u64,
    pub(super) session_present: bool,
    pub(super) bell: Arc<Notify>,
    pub(super) end: oneshot::Receiver<End>,
    pub(super) injected: mpsc::Receiver<Bytes>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) config: BrokerConfig,
    pub(super) counters: BrokerCounters,
    pub(super) refuses_connections: bool,
    pub(super) refuses_publishes: Option<PubAckReason>,
    pub(super) withholds_acks: bool,
    sessions: BTreeMap<String, Session>,
    retained: BTreeMap<String, Publish>,
    /// Whose turn it is in each shared subscription.
    turns: BTreeMap<String, usize>,
    connections: u64,
    /// Who hears along, and which topics.
    listener: Option<(String, mpsc::Sender<Overheard>)>,
}

impl State {
    pub(super) fn new(config: BrokerConfig) -> Self {
        Self {
            config,
            counters: BrokerCounters::default(),
            refuses_connections: false,
            refuses_publishes: None,
            withholds_acks: false,
            sessions: BTreeMap::new(),
            retained: BTreeMap::new(),
            turns: BTreeMap::new(),
            connections: 0,
            listener: None,
        }
    }

    /// Copies of what is published under this filter; the listener of before hears no more.
    pub(super) fn overhear(&mut self, filter: &str) -> mpsc::Receiver<Overheard> {
        let (sender, receiver) = mpsc::channel(OVERHEARD_MAX);
        self.listener = Some((filter.to_owned(), sender));
        receiver
    }

    fn let_hear(&mut self, topic: &str, payload: &Bytes) {
        let listener = self.listener.as_ref();
        let Some((_, sender)) = listener.filter(|(filter, _)| covers(filter, topic)) else {
            return;
        };
        let heard = Overheard {
            topic: topic.to_owned(),
            payload: payload.to_vec(),
        };
        if sender.try_send(heard).is_err() {
            self.counters.unheard += 1;
        }
    }

    pub(super) fn rights(&self) -> &Rights {
        &self.config.rights
    }

    /// Lets a client in; the connection it had is taken over.
    pub(super) fn admit(&mut self, visitor: Visitor) -> Result<Admission, ConnectReturnCode> {
        let now = Instant::now();
        self.sessions
            .retain(|_, session| session.expires_at.is_none_or(|at| at > now));
        if self.refuses_connections {
            return Err(ConnectReturnCode::ServerUnavailable);
        }
        if self.sessions.len() >= SESSIONS_MAX && !self.sessions.contains_key(&visitor.client) {
            return Err(ConnectReturnCode::QuotaExceeded);
        }
        let mut old = self.sessions.remove(&visitor.client);
        if let Some(end) = old.as_mut().and_then(|session| session.end.take()) {
            self.counters.taken_over += 1;
            if end
                .send(End::Disconnect(DisconnectReasonCode::SessionTakenOver))
                .is_err()
            {
                log::trace!(client:% = visitor.client; "the connection taken over is gone already");
            }
        }
        let old = old.filter(|_| !visitor.clean_start);
        let session_present = old.is_some();
        self.connections += 1;
        let (end, ended) = oneshot::channel();
        let (inject, injected) = mpsc::channel(INJECTIONS_MAX);
        let mut session = old.unwrap_or_else(|| Session::new(inject.clone()));
        session.resume(&visitor, self.connections);
        session.end = Some(end);
        session.inject = inject;
        let bell = Arc::clone(&session.bell);
        bell.notify_one();
        self.sessions.insert(visitor.client, session);
        self.counters.connections += 1;
        Ok(Admission {
            number: self.connections,
            session_present,
            bell,
            end: ended,
            injected,
        })
    }

    /// Notes that a connection has ended; its session stays for as long as it may.
    pub(super) fn leave(&mut self, client: &str, number: u64) {
        let Some(session) = self.sessions.get_mut(client).filter(|s| s.number == number) else {
            return;
        };
        session.end = None;
        if session.expiry.is_zero() {
            self.sessions.remove(client);
        } else {
            session.expires_at = Instant::now().checked_add(session.expiry);
        }
    }

    /// Whether the session of this connection still waits for its client.
    pub(super) fn is_waiting(&self, client: &str, number: u64) -> bool {
        self.sessions
            .get(client)
            .is_some_and(|session| session.number == number)
    }

    /// Whether the session of an ended connection went on with another one.
    pub(super) fn was_resumed(&self, client: &str, number: u64) -> bool {
        let session = self.sessions.get(client);
        session.is_some_and(|session| session.first <= number && session.number != number)
    }

    pub(super) fn expiry(&mut self, client: &str, number: u64, expiry: Duration) {
        if let Some(session) = self.sessions.get_mut(client).filter(|s| s.number == number) {
            session.expiry = expiry;
        }
    }

    /// Takes a message from a client; says what to acknowledge it with.
    pub(super) fn publish(&mut self, client: &str, user: &str, publish: Publish) -> PubAckReason {
        self.counters.publishes += 1;
        let topic = str::from_utf8(&publish.topic).unwrap_or_default();
        let refusal = if !is_topic(topic) {
            Some(PubAckReason::TopicNameInvalid)
        } else if !self.rights().allow(user, Access::Write, topic) {
            Some(PubAckReason::NotAuthorized)
        } else {
            self.refuses_publishes
        };
        if let Some(refusal) = refusal {
            self.counters.refused += 1;
            return refusal;
        }
        if self.route(Some(client), publish) == 0 {
            self.counters.unmatched += 1;
            PubAckReason::NoMatchingSubscribers
        } else {
            PubAckReason::Success
        }
    }

    /// Hands a message to everybody who subscribed to it; says to how many.
    pub(super) fn route(&mut self, from: Option<&str>, mut publish: Publish) -> usize {
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        self.let_hear(&topic, &publish.payload);
        publish.dup = false;
        publish.pkid = 0;
        if publish.retain {
            self.retain(&topic, &publish);
        }
        let mut matched = 0;
        let mut groups: BTreeMap<String, Vec<(String, QoS)>> = BTreeMap::new();
        for (client, session) in &mut self.sessions {
            let mut own: Option<&Filter> = None;
            for filter in &session.filters {
                match shared(&filter.path) {
                    Some((_, inner)) if covers(inner, &topic) => {
                        let members = groups.entry(filter.path.clone()).or_default();
                        members.push((client.clone(), filter.qos));
                    }
                    None if covers(&filter.path, &topic) => {
                        let local = filter.nolocal && from == Some(client.as_str());
                        if !local && own.is_none_or(|best| best.qos < filter.qos) {
                            own = Some(filter);
                        }
                    }
                    _ => {}
                }
            }
            if let Some(filter) = own {
                matched += 1;
                let retain = publish.retain && filter.preserve_retain;
                let qos = lower(publish.qos, filter.qos);
                let copy = Publish {
                    retain,
                    qos,
                    ..publish.clone()
                };
                self.counters.dropped += session.offer(copy);
            }
        }
        for (group, members) in groups {
            matched += 1;
            self.route_shared(group, &members, &publish);
        }
        matched
    }

    /// One of the members gets it, each in turn; who is connected goes first.
    fn route_shared(&mut self, group: String, members: &[(String, QoS)], publish: &Publish) {
        let connected = |client: &str| self.sessions.get(client).is_some_and(|s| s.end.is_some());
        let mut able: Vec<&(String, QoS)> = members
            .iter()
            .filter(|(client, _)| connected(client))
            .collect();
        if able.is_empty() {
            able = members.iter().collect();
        }
        let turn = self.turns.entry(group).or_default();
        let chosen = able.get(*turn % able.len().max(1));
        *turn = turn.wrapping_add(1);
        if let Some((client, qos)) = chosen
            && let Some(session) = self.sessions.get_mut(client)
        {
            let qos = lower(publish.qos, *qos);
            self.counters.dropped += session.offer(Publish {
                retain: false,
                qos,
                ..publish.clone()
            });
        }
    }

    fn retain(&mut self, topic: &str, publish: &Publish) {
        if publish.payload.is_empty() {
            self.retained.remove(topic);
        } else if self.retained.len() < RETAINED_MAX || self.retained.contains_key(topic) {
            self.retained.insert(topic.to_owned(), publish.clone());
        } else {
            self.counters.dropped += 1;
        }
    }

    /// Adds a filter to a session, and what is retained under it to its queue.
    pub(super) fn subscribe(&mut self, client: &str, filter: Filter) -> SubscribeReasonCode {
        let Some(session) = self.sessions.get_mut(client) else {
            return SubscribeReasonCode::Unspecified;
        };
        let inner = shared(&filter.path).map_or(filter.path.as_str(), |(_, inner)| inner);
        if !is_filter(inner) {
            return SubscribeReasonCode::TopicFilterInvalid;
        }
        if !self.config.rights.allow(&session.user, Access::Read, inner) {
            return SubscribeReasonCode::NotAuthorized;
        }
        let known = session
            .filters
            .iter()
            .position(|old| old.path == filter.path);
        if known.is_none() && session.filters.len() >= FILTERS_MAX {
            return SubscribeReasonCode::QuotaExceeded;
        }
        let wants_retained = shared(&filter.path).is_none()
            && match filter.retain_forward_rule {
                RetainForwardRule::OnEverySubscribe => true,
                RetainForwardRule::OnNewSubscribe => known.is_none(),
                RetainForwardRule::Never => false,
            };
        if wants_retained {
            let kept = self
                .retained
                .iter()
                .filter(|(topic, _)| covers(&filter.path, topic));
            for (_, publish) in kept {
                let qos = lower(publish.qos, filter.qos);
                self.counters.dropped += session.offer(Publish {
                    qos,
                    ..publish.clone()
                });
            }
        }
        let granted = lower(filter.qos, QoS::AtLeastOnce);
        session.filters.retain(|old| old.path != filter.path);
        session.filters.push(Filter {
            qos: granted,
            ..filter
        });
        SubscribeReasonCode::Success(granted)
    }

    pub(super) fn unsubscribe(&mut self, client: &str, path: &str) -> UnsubAckReason {
        let Some(session) = self.sessions.get_mut(client) else {
            return UnsubAckReason::UnspecifiedError;
        };
        let before = session.filters.len();
        session.filters.retain(|filter| filter.path != path);
        if session.filters.len() < before {
            UnsubAckReason::Success
        } else {
            UnsubAckReason::NoSubscriptionExisted
        }
    }

    /// What may be sent to a client now.
    pub(super) fn outgoing(&mut self, client: &str, number: u64) -> Vec<Publish> {
        let session = self
            .sessions
            .get_mut(client)
            .filter(|session| session.number == number);
        let outgoing = session.map(Session::take).unwrap_or_default();
        self.counters.delivered += u64::try_from(outgoing.len()).unwrap_or(0);
        outgoing
    }

    pub(super) fn acknowledged(&mut self, client: &str, id: u16) {
        if let Some(session) = self.sessions.get_mut(client) {
            session.in_flight.retain(|publish| publish.pkid != id);
            session.bell.notify_one();
        }
    }

    /// Ends the connection of one client, or of all.
    pub(super) fn end(&mut self, client: Option<&str>, end: End) -> usize {
        let chosen = self
            .sessions
            .iter_mut()
            .filter(|(name, _)| client.is_none_or(|c| c == *name));
        let ends = chosen.filter_map(|(_, session)| session.end.take());
        ends.filter_map(|sender| sender.send(end).ok()).count()
    }

    /// Forgets all sessions, as a broker without persistence does when it dies.
    pub(super) fn forget_sessions(&mut self) {
        self.end(None, End::BrokerDied);
        self.sessions.clear();
    }

    pub(super) fn inject(&self, client: &str, octets: Bytes) -> bool {
        let session = self
            .sessions
            .get(client)
            .filter(|session| session.end.is_some());
        session.is_some_and(|session| session.inject.try_send(octets).is_ok())
    }

    pub(super) fn clients(&self) -> Vec<String> {
        let connected = self
            .sessions
            .iter()
            .filter(|(_, session)| session.end.is_some());
        connected.map(|(client, _)| client.clone()).collect()
    }

    pub(super) fn retained(&self, topic: &str) -> Option<Vec<u8>> {
        self.retained
            .get(topic)
            .map(|publish| publish.payload.to_vec())
    }
}

fn lower(one: QoS, other: QoS) -> QoS {
    if one < other { one } else { other }
}
