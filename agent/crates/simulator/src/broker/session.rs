//! What the broker keeps for one client, connected or not.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Publish};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::bytes::Bytes;

use super::state::{End, Visitor};
use crate::limits::CLIENT_QUEUE_MAX;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: String,
    /// The connection that has the session now or had it last.
    pub(super) number: u64,
    /// The connection that began it.
    pub(super) first: u64,
    pub(super) filters: Vec<Filter>,
    pub(super) queue: VecDeque<Publish>,
    pub(super) in_flight: VecDeque<Publish>,
    pub(super) next_id: u16,
    pub(super) receive_maximum: usize,
    pub(super) expiry: Duration,
    pub(super) expires_at: Option<Instant>,
    pub(super) bell: Arc<Notify>,
    pub(super) end: Option<oneshot::Sender<End>>,
    pub(super) inject: mpsc::Sender<Bytes>,
}

impl Session {
    pub(super) fn new(inject: mpsc::Sender<Bytes>) -> Self {
        Self {
            user: String::new(),
            number: 0,
            first: 0,
            filters: Vec::new(),
            queue: VecDeque::new(),
            in_flight: VecDeque::new(),
            next_id: 0,
            receive_maximum: 0,
            expiry: Duration::ZERO,
            expires_at: None,
            bell: Arc::new(Notify::new()),
            end: None,
            inject,
        }
    }

    /// What was in flight goes first again, marked as a duplicate (MQTT 5.0, 4.4).
    pub(super) fn resume(&mut self, visitor: &Visitor, number: u64) {
        self.user.clone_from(&visitor.user);
        self.number = number;
        if self.first == 0 {
            self.first = number;
        }
        self.receive_maximum = usize::from(visitor.receive_maximum.max(1));
        self.expiry = visitor.expiry;
        self.expires_at = None;
        while let Some(publish) = self.in_flight.pop_back() {
            self.queue.push_front(Publish {
                dup: true,
                ..publish
            });
        }
    }

    /// Queues a message; says how many were dropped for it. Without a connection only what must
    /// arrive is kept.
    pub(super) fn offer(&mut self, publish: Publish) -> u64 {
        if self.end.is_none() && publish.qos == QoS::AtMostOnce {
            return 1;
        }
        self.queue.push_back(publish);
        self.bell.notify_one();
        if self.queue.len() > CLIENT_QUEUE_MAX {
            self.queue.pop_front();
            return 1;
        }
        0
    }

    pub(super) fn take(&mut self) -> Vec<Publish> {
        let mut outgoing = Vec::new();
        while let Some(next) = self.queue.front() {
            let counted = next.qos != QoS::AtMostOnce;
            if counted && self.in_flight.len() >= self.receive_maximum {
                break;
            }
            let Some(mut publish) = self.queue.pop_front() else {
                break;
            };
            if counted {
                // A packet sent before keeps its number.
                if publish.pkid == 0 {
                    publish.pkid = self.free_id();
                }
                self.in_flight.push_back(publish.clone());
            }
            outgoing.push(publish);
        }
        outgoing
    }

    pub(super) fn free_id(&mut self) -> u16 {
        loop {
            self.next_id = self.next_id.checked_add(1).unwrap_or(1);
            let taken = |publish: &Publish| publish.pkid == self.next_id;
            if !self.in_flight.iter().any(taken) && !self.queue.iter().any(taken) {
                return self.next_id;
            }
        }
    }
}
