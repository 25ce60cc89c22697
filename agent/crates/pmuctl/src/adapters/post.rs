//! A connection to the broker for people: it says what it could not do, and comes back by itself.

use super::mqtt::{BrokerAddress, Connection, MqttEvent, Received};
use crate::limits::{POST_AGAIN_AFTER, POST_QUEUE_MAX, POST_WITHIN};
use anyhow::{Result, bail};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// What came of waiting.
#[derive(Debug)]
pub enum Delivery {
    /// A message; the broker was told that it is here.
    Message(Box<Received>),
    /// The connection was lost and stands again: what was sent may have to be sent again.
    Reconnected,
    /// Nothing until then.
    TimeUp,
}

/// A connection that publishes and listens.
pub struct Post {
    broker: BrokerAddress,
    filters: Filters,
    connection: Connection,
    arrived: VecDeque<Arrived>,
    /// It was lost and stands again, and nobody was told yet.
    has_come_back: bool,
}

/// What is listened to.
#[derive(Debug, Clone, Default)]
struct Filters {
    /// With what the broker keeps.
    all: Vec<String>,
    /// Only what is published from now on.
    news: Vec<String>,
}

/// A message that was not handed out yet.
struct Arrived {
    received: Received,
    /// Whether the broker was told that it is here.
    is_told: bool,
}

impl Filters {
    fn is_empty(&self) -> bool {
        self.all.is_empty() && self.news.is_empty()
    }

    fn subscribe(&self, connection: &Connection) -> bool {
        connection.subscribe_with_news(self.all.clone(), self.news.clone())
    }

    fn words(&self) -> String {
        [self.all.as_slice(), &self.news].concat().join(" and ")
    }
}

impl Post {
    /// Connects, and subscribes to all filters.
    pub async fn open(
        broker: BrokerAddress,
        filters: Vec<String>,
        within: Duration,
    ) -> Result<Self> {
        Self::open_with_news(broker, filters, Vec::new(), within).await
    }

    /// The same; of `news` only what is published from now on.
    pub async fn open_with_news(
        broker: BrokerAddress,
        all: Vec<String>,
        news: Vec<String>,
        within: Duration,
    ) -> Result<Self> {
        let filters = Filters { all, news };
        let until = Instant::now() + within;
        let connection = connect(&broker, &filters, until).await?;
        Ok(Self {
            broker,
            filters,
            connection,
            arrived: VecDeque::new(),
            has_come_back: false,
        })
    }

    /// Publishes, and waits for the broker's word. A connection that is lost meanwhile is made again.
    pub async fn send(&mut self, topic: &str, payload: Vec<u8>, within: Duration) -> Result<()> {
        self.deliver(topic, &payload, false, within).await
    }

    /// The same, and the broker keeps it for those who subscribe later.
    pub async fn keep(&mut self, topic: &str, payload: Vec<u8>, within: Duration) -> Result<()> {
        self.deliver(topic, &payload, true, within).await
    }

    async fn deliver(
        &mut self,
        topic: &str,
        payload: &[u8],
        is_kept: bool,
        within: Duration,
    ) -> Result<()> {
        let until = Instant::now() + within;
        loop {
            let payload = payload.to_vec();
            let is_handed_over = if is_kept {
                self.connection.publish_kept(topic, payload)
            } else {
                self.connection.publish(topic, payload)
            };
            if is_handed_over && self.is_answered(topic, until).await? {
                return Ok(());
            }
            // Nobody knows whether it arrived: sent again it does nothing twice.
            if matches!(self.connect_again(until).await, Delivery::TimeUp) {
                bail!("{topic}: the connection broke and does not come back; send it again");
            }
            self.has_come_back = true;
        }
    }

    /// `false`: the connection was lost.
    async fn is_answered(&mut self, topic: &str, until: Instant) -> Result<bool> {
        loop {
            let Ok(event) = timeout_at(until, self.connection.event()).await else {
                bail!("{topic}: the broker did not confirm the message in time; send it again");
            };
            match event {
                MqttEvent::Answered(Ok(())) => return Ok(true),
                MqttEvent::Answered(Err(reason)) => {
                    bail!("{topic}: the broker refuses it: {reason}; ask for the right to publish");
                }
                MqttEvent::Ended(_) => return Ok(false),
                MqttEvent::Message(received) => self.arrive(received),
                _ => {}
            }
        }
    }

    fn arrive(&mut self, received: Received) {
        // Beyond the room the broker is told later, and sends no more than it may meanwhile.
        let has_room = self.arrived.len() < POST_QUEUE_MAX;
        let is_told = has_room && self.connection.acknowledge(&received);
        self.arrived.push_back(Arrived { received, is_told });
    }

    fn taken(&mut self) -> Option<Received> {
        let arrived = self.arrived.pop_front()?;
        if !arrived.is_told {
            // Where this is not possible the connection is of no use, and its end is the next event.
            self.connection.acknowledge(&arrived.received);
        }
        Some(arrived.received)
    }

    /// What comes next. A lost connection is made again.
    pub async fn next(&mut self, until: Instant) -> Result<Delivery> {
        loop {
            if std::mem::take(&mut self.has_come_back) {
                return Ok(Delivery::Reconnected);
            }
            if let Some(received) = self.taken() {
                return Ok(Delivery::Message(Box::new(received)));
            }
            let Ok(event) = timeout_at(until, self.connection.event()).await else {
                return Ok(Delivery::TimeUp);
            };
            match event {
                MqttEvent::Message(received) => self.arrive(received),
                MqttEvent::Ended(_) => return Ok(self.connect_again(until).await),
                _ => {}
            }
        }
    }

    /// Whatever the reason was, it may pass: a broker that starts again, a line that was down.
    async fn connect_again(&mut self, until: Instant) -> Delivery {
        loop {
            sleep_until(until.min(Instant::now() + POST_AGAIN_AFTER)).await;
            if Instant::now() >= until {
                return Delivery::TimeUp;
            }
            let attempt_until = until.min(Instant::now() + POST_WITHIN);
            if let Ok(connection) = connect(&self.broker, &self.filters, attempt_until).await {
                self.connection = connection;
                for arrived in &mut self.arrived {
                    // Nobody waits for that word any more.
                    arrived.is_told = true;
                }
                return Delivery::Reconnected;
            }
        }
    }

    /// Says goodbye.
    pub async fn close(mut self) -> Result<()> {
        if self.connection.close() {
            let until = Instant::now() + POST_AGAIN_AFTER;
            while let Ok(event) = timeout_at(until, self.connection.event()).await {
                if matches!(event, MqttEvent::Ended(_)) {
                    break;
                }
            }
        }
        Ok(())
    }
}

async fn connect(broker: &BrokerAddress, filters: &Filters, until: Instant) -> Result<Connection> {
    let mut connection = Connection::open(broker)?;
    let (host, port) = (&broker.host, broker.port);
    loop {
        let Ok(event) = timeout_at(until, connection.event()).await else {
            bail!("{host}:{port}: no answer; look at --host, --port and the network");
        };
        match event {
            MqttEvent::Connected if filters.is_empty() => return Ok(connection),
            MqttEvent::Connected if filters.subscribe(&connection) => {}
            MqttEvent::Connected => {
                bail!("{host}:{port}: the connection takes no subscription; try again");
            }
            MqttEvent::Subscribed { granted: true } => return Ok(connection),
            MqttEvent::Subscribed { granted: false } => bail!(
                "{host}:{port}: the broker does not let {} read {}; ask for the right to subscribe",
                broker.name,
                filters.words()
            ),
            MqttEvent::Ended(reason) => bail!(
                "{host}:{port}: {reason}; look at --ca, --certificate and --tls-key, and at the \
                 broker"
            ),
            _ => {}
        }
    }
}
