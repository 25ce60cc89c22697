//! What a connection sends, in which order, and how it ends in good order.

use super::{GOODBYE_WITHIN, Session};
use crate::adapters::mqtt::{MqttEvent, Outbound};
use crate::limits::{FETCH_MAX, UNCOMMITTED_MAX};
use crate::tasks::storekeeper::{OutboxAsk, StoreGone};
use crate::tasks::uplink::lanes::{Age, Key};
use crate::tasks::uplink::words::{self, ListsSent};
use std::future::poll_fn;
use std::time::Duration;
use storage::{Entry, Lookup, Stream};
use tokio::time::Instant;

/// Whether a block brings its channel list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    /// The first of a connection does.
    Once,
    /// It was asked for, or did not arrive: so may have gone the block that brought the list.
    Always,
}

impl Session<'_> {
    /// Sends what fits into the window.
    pub(super) async fn pump(&mut self) -> Result<(), StoreGone> {
        while self.has_room() {
            if let Some(key) = self.up.troubles.suspect() {
                // It was in flight at every loss: if it is the culprit, let it fall alone.
                if self.connection.unanswered() > 0 {
                    break;
                }
                self.send_numbered(key).await?;
                break;
            }
            // In turn: neither a long answer nor a long backlog holds the other up.
            self.asked_first = !self.asked_first;
            let lane = if self.asked_first {
                None
            } else {
                self.lanes.next()
            };
            let went = if let Some(lane) = lane {
                self.send_lane(lane).await?
            } else if let Some(key) = self.lanes.next_again().or_else(|| self.next_asked_for()) {
                self.send_numbered(key).await?
            } else if let Some(lane) = self.lanes.next() {
                self.send_lane(lane).await?
            } else {
                break;
            };
            if !went {
                // The client takes nothing more: its connection is ending, and will say so.
                break;
            }
        }
        let uncommitted = u64::try_from(self.lanes.uncommitted()).unwrap_or(u64::MAX);
        self.up
            .view
            .send_modify(|view| view.uncommitted = uncommitted);
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.lanes.is_begun()
            && self.paused_until.is_none()
            && self.connection.unanswered() < self.window
            && self.lanes.uncommitted() < UNCOMMITTED_MAX
    }

    /// Sends what comes next in a lane. `false`: no room now.
    async fn send_lane(
        &mut self,
        (stream, age, after, upto): (Stream, Age, u64, u64),
    ) -> Result<bool, StoreGone> {
        let room = self
            .window
            .saturating_sub(self.connection.unanswered())
            .clamp(1, FETCH_MAX);
        let limit = if age == Age::History {
            room.min(8)
        } else {
            room
        };
        let found = self
            .up
            .store
            .ask(|reply| OutboxAsk::Pending {
                stream,
                after,
                limit,
                reply,
            })
            .await?;
        // The store hands out less than asked where entries are large: only nothing is the end.
        if found.is_empty() {
            self.lanes.passed(stream, age, upto);
        }
        for entry in found {
            if entry.number > upto {
                self.lanes.passed(stream, age, upto);
                break;
            }
            if !self.send(&entry, List::Once).await {
                return Ok(false);
            }
            self.lanes.passed(stream, age, entry.number);
        }
        Ok(true)
    }

    /// Sends one entry by its number, if it is still held. `false`: no room now.
    async fn send_numbered(&mut self, key: Key) -> Result<bool, StoreGone> {
        let (stream, number) = key;
        if let Lookup::Held(entry) = self
            .up
            .store
            .ask(|reply| OutboxAsk::Entry {
                stream,
                number,
                reply,
            })
            .await?
        {
            return Ok(self.send(&entry, List::Always).await);
        }
        self.lanes.forget(key);
        self.up.troubles.cleared(key);
        Ok(true)
    }

    /// Hands one entry to the client. `false`: no room now.
    async fn send(&mut self, entry: &Entry, list: List) -> bool {
        let key = (entry.stream, entry.number);
        let now = self.up.clock.now().utc;
        let epoch = self.up.store.announced().epoch;
        let mut none = ListsSent::new();
        let lists = match list {
            List::Once => &mut self.lists,
            List::Always => &mut none,
        };
        let bytes = match words::message(entry, epoch, now, lists) {
            Ok(bytes) if bytes.len() + words::OVERHEAD <= self.packet_bytes_max => bytes,
            Ok(bytes) => {
                let why = format!(
                    "{} bytes and up to {} around them are more than the {} that the broker takes",
                    bytes.len(),
                    words::OVERHEAD,
                    self.packet_bytes_max
                );
                self.put_aside(key, &why).await;
                return true;
            }
            Err(error) => {
                self.put_aside(key, &error.to_string()).await;
                return true;
            }
        };
        let topic = words::topic(&self.up.gateway, entry.stream);
        let expires_after = words::expiry(entry.stream);
        let message = Outbound {
            topic: &topic,
            payload: bytes,
            retain: false,
            expires_after,
        };
        let handed = self.connection.publish(Some(key), message);
        if handed {
            if self.lanes.uncommitted() == 0 {
                self.answered_at = Instant::now();
            }
            self.lanes.sent(key);
            self.up.view.send_modify(|view| view.sent += 1);
        }
        handed
    }

    /// What still fits is sent, within a moment; then the broker is told that we leave on purpose.
    pub(super) async fn goodbye(&mut self) {
        let until = Instant::now() + Duration::from_secs(2);
        self.look_at_store();
        let sending = async {
            while self.pump().await.is_ok() && self.connection.unanswered() > 0 {
                match poll_fn(|cx| self.connection.poll_event(cx)).await {
                    MqttEvent::Answered { key, verdict } => self.answered(key, verdict).await,
                    MqttEvent::Ended(_) => return,
                    _ => {}
                }
            }
        };
        if tokio::time::timeout_at(until, sending).await.is_err() {
            log::info!("shutdown does not wait for the rest of the outbox; it is kept");
        }
        self.leave().await;
    }

    /// Tells the broker that we leave on purpose, so that nobody reads the will, and waits a
    /// moment until it has heard.
    pub(super) async fn leave(&mut self) {
        self.connection.close();
        let heard = async {
            loop {
                let event = poll_fn(|cx| self.connection.poll_event(cx)).await;
                if matches!(event, MqttEvent::Ended(_)) {
                    return;
                }
            }
        };
        if tokio::time::timeout(GOODBYE_WITHIN, heard).await.is_err() {
            log::debug!("the broker did not hear the goodbye");
        }
    }
}
