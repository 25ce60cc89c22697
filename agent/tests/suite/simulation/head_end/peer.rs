//! The gateway's end of a connection to the simulated broker.

use super::{Coming, HeadEnd, Key, Link, RECEIVE_MAX, Way};
use authority::IngestKeys;
use pmu_agent::adapters::mqtt::{Connection, Dial, Ending, Hello, MqttEvent, Outbound};
use pmu_agent::adapters::tls::TlsFault;
use pmu_agent::config::UplinkSettings;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

impl Dial<Key> for HeadEnd {
    fn ingest_keys(&self, _settings: &UplinkSettings) -> Result<IngestKeys, TlsFault> {
        Ok(IngestKeys::parse(&self.public_pem()).expect("a public key"))
    }

    fn dial(
        &self,
        _settings: &UplinkSettings,
        _hello: Hello<'_>,
    ) -> Result<Box<dyn Connection<Key>>, TlsFault> {
        let mut hall = self.hall();
        let now = Instant::now();
        let id = hall.number();
        hall.traffic.connections += 1;
        hall.link = Some(Link {
            id,
            coming: BTreeMap::new(),
            unanswered: 0,
            subscribed: false,
            waker: None,
            alive_at: now + Duration::from_secs(30),
        });
        let at = now + hall.latency() * 3;
        match hall.way {
            Way::Open => {
                let packet_bytes_max = 256 * 1024;
                let connected = MqttEvent::Connected {
                    receive_max: RECEIVE_MAX,
                    packet_bytes_max,
                };
                hall.put(at, Coming::Event(connected));
            }
            Way::Closed | Way::Silent => {
                let (wait, why) = match hall.way {
                    Way::Closed => (Duration::from_millis(100), "connection refused"),
                    _ => (Duration::from_secs(15), "no answer"),
                };
                let ending = Ending::unmeant(why);
                let number = hall.number();
                if let Some(link) = &mut hall.link {
                    let ended = Coming::Event(MqttEvent::Ended(ending));
                    link.coming.insert((now + wait, number), ended);
                }
            }
        }
        drop(hall);
        let timer = Box::pin(sleep_until(now));
        Ok(Box::new(Peer {
            head_end: self.clone(),
            id,
            timer,
        }))
    }

    fn dice(&self) -> u32 {
        let [a, b, c, d, ..] = self.hall().dice.roll().to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }
}

/// The gateway's end of one connection.
struct Peer {
    head_end: HeadEnd,
    id: u64,
    timer: Pin<Box<Sleep>>,
}

impl Connection<Key> for Peer {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<MqttEvent<Key>> {
        loop {
            let now = Instant::now();
            let mut hall = self.head_end.hall();
            hall.settle(now);
            let id = self.id;
            let due = hall.next_due();
            let Some(link) = hall.link.as_mut().filter(|link| link.id == id) else {
                return Poll::Ready(MqttEvent::Ended(Ending {
                    taken_over: true,
                    ..Ending::unmeant("another connection took its place")
                }));
            };
            if let Some(entry) = link.coming.first_entry()
                && entry.key().0 <= now
            {
                match entry.remove() {
                    Coming::Acknowledged => link.unanswered = link.unanswered.saturating_sub(1),
                    Coming::Event(event) => {
                        if matches!(event, MqttEvent::Answered { .. }) {
                            link.unanswered = link.unanswered.saturating_sub(1);
                        }
                        return Poll::Ready(event);
                    }
                }
                continue;
            }
            link.waker = Some(cx.waker().clone());
            drop(hall);
            let due = due
                .unwrap_or(now + Duration::from_secs(30))
                .max(now + Duration::from_millis(1));
            self.timer.as_mut().reset(due);
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn subscribe(&mut self, filter: &str) -> bool {
        let mut hall = self.head_end.hall();
        let id = self.id;
        let Some(link) = hall.link.as_mut().filter(|link| link.id == id) else {
            return false;
        };
        link.subscribed = true;
        let at = Instant::now() + hall.latency();
        let event = MqttEvent::Subscribed {
            filter: filter.to_owned(),
            granted: true,
        };
        hall.put(at, Coming::Event(event));
        true
    }

    fn unsubscribe(&mut self, _filter: &str) -> bool {
        true
    }

    fn publish(&mut self, key: Option<Key>, message: Outbound<'_>) -> bool {
        self.head_end.hall().publish(self.id, key, &message)
    }

    fn unanswered(&self) -> usize {
        let hall = self.head_end.hall();
        hall.link
            .as_ref()
            .filter(|link| link.id == self.id)
            .map_or(0, |link| link.unanswered)
    }

    fn close(&self) {
        let mut hall = self.head_end.hall();
        if hall.link.as_ref().is_some_and(|link| link.id == self.id) {
            hall.link = None;
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.close();
    }
}
