//! One connection to the broker, from its beginning to its end.

use super::Consumer;
use super::books::News;
use super::images::Images;
use super::intake::Mail;
use crate::adapters::mqtt::{Connection, MqttEvent, Received};
use crate::limits::{
    BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, FAREWELL_WITHIN, IMAGE_STEP, IMAGE_UNANSWERED_MAX,
    MQTT_ANSWER_WITHIN, MQTT_KEEP_ALIVE, MQTT_UNANSWERED_MAX, REMARK_CHARS_MAX,
};
use crate::words::plain;
use anyhow::{Context, Result};
use authority::sign_watermark;
use head_end::{Stream, Subject, Topic, ingest_filter};
use metering::GatewayId;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Why a connection ended.
pub(super) enum End {
    /// It was time.
    Stopped,
    /// It broke, in words.
    Lost(String),
}

/// What can wake the consumer.
enum Wake {
    Stopped,
    Mqtt(Box<MqttEvent>),
    Tick,
    /// A chunk may be due.
    Images,
}

/// One connection, and when what is next due on it.
struct Session {
    connection: Connection,
    tick_at: Instant,
    holes_at: Instant,
    heard_at: Instant,
    answered_at: Instant,
    refusal_said: bool,
}

impl Consumer {
    pub(super) async fn session(&mut self) -> Result<End> {
        let connection = match Connection::open(&self.settings.broker) {
            Ok(connection) => connection,
            Err(fault) => return Ok(End::Lost(fault.to_string())),
        };
        let now = Instant::now();
        let mut session = Session {
            connection,
            tick_at: now,
            holes_at: now,
            heard_at: now,
            answered_at: now,
            refusal_said: false,
        };
        loop {
            match self.wait(&mut session).await {
                Wake::Stopped => {
                    self.farewell(&mut session).await?;
                    return Ok(End::Stopped);
                }
                Wake::Mqtt(event) => {
                    session.heard_at = Instant::now();
                    if let Some(end) = self.event(&mut session, *event).await? {
                        return Ok(end);
                    }
                }
                Wake::Tick => {
                    if let Some(end) = self.tick(&mut session)? {
                        return Ok(end);
                    }
                }
                Wake::Images => {}
            }
            self.serve_images(&mut session)?;
        }
    }

    async fn wait(&self, session: &mut Session) -> Wake {
        tokio::select! {
            biased;
            () = self.stopped() => Wake::Stopped,
            () = sleep_until(session.tick_at) => Wake::Tick,
            event = session.connection.event() => Wake::Mqtt(Box::new(event)),
            () = sleep(IMAGE_STEP), if self.images.as_ref().is_some_and(Images::is_waited_for) => {
                Wake::Images
            }
        }
    }

    async fn event(&mut self, session: &mut Session, event: MqttEvent) -> Result<Option<End>> {
        let mut next = Some(event);
        while let Some(event) = next.take() {
            match event {
                MqttEvent::Connected => {
                    if !session.connection.subscribe(self.filters()) {
                        return Ok(Some(End::Lost("no room to subscribe".to_owned())));
                    }
                }
                MqttEvent::Subscribed { granted: true } => {
                    self.books.tally.connections += 1;
                    let broker = &self.settings.broker;
                    let words = format!(
                        "{} at {}:{}: connected",
                        broker.name, broker.host, broker.port
                    );
                    self.view.state(&words)?;
                    if let Some(images) = &self.images {
                        self.view.say(&plain(&images.text(), REMARK_CHARS_MAX))?;
                    }
                }
                MqttEvent::Subscribed { granted: false } => {
                    let why = "the broker refuses the subscriptions; its rules must let this \
                               client read gw/v1/+/up/#";
                    return Ok(Some(End::Lost(why.to_owned())));
                }
                MqttEvent::Message(first) => {
                    let (batch, after) = gather(&mut session.connection, first).await;
                    if !self.take(session, &batch)? {
                        return Ok(Some(End::Lost("no room for acknowledgements".to_owned())));
                    }
                    next = after;
                }
                MqttEvent::Answered(word) => {
                    session.answered_at = Instant::now();
                    self.answered(session, word)?;
                }
                MqttEvent::Alive => {}
                MqttEvent::Ended(why) => return Ok(Some(End::Lost(why))),
            }
        }
        Ok(None)
    }

    /// Books a batch, then acknowledges it. `false`: the client takes no acknowledgement.
    fn take(&mut self, session: &Session, batch: &[Received]) -> Result<bool> {
        let mails: Vec<Mail<'_>> = batch.iter().map(mail).collect();
        let now = self.clock.now();
        let news = self
            .books
            .take(&mails, now)
            .context("the ledger does not take more")?;
        let acknowledged = batch
            .iter()
            .all(|received| session.connection.acknowledge(received));
        self.show(&news)?;
        if let Some(images) = &mut self.images {
            for (gateway, wish) in news.wishes {
                images.wish(gateway, &wish, now.moment);
            }
        }
        Ok(acknowledged)
    }

    /// Sends chunks that are due, as far as watermarks keep the right of way.
    fn serve_images(&mut self, session: &mut Session) -> Result<()> {
        while session.connection.unanswered() < IMAGE_UNANSWERED_MAX {
            let Some(images) = &mut self.images else {
                return Ok(());
            };
            let due = match images.next(self.clock.now().moment) {
                Ok(Some(due)) => due,
                Ok(None) => return Ok(()),
                Err(fault) => {
                    let words = format!("an image cannot be read: {fault}");
                    return Ok(self.view.say(&plain(&words, REMARK_CHARS_MAX))?);
                }
            };
            let payload = due.answer.encode()?;
            if !publish(session, &due.gateway, Subject::Image(due.image), payload) {
                // The gateway asks again.
                return Ok(());
            }
            self.books.tally.chunks += 1;
            if let Some(remark) = due.remark {
                self.view.say(&plain(&remark, REMARK_CHARS_MAX))?;
            }
        }
        Ok(())
    }

    fn show(&mut self, news: &News) -> Result<()> {
        news.changes
            .iter()
            .try_for_each(|change| self.view.change(change))?;
        news.remarks
            .iter()
            .try_for_each(|remark| self.view.say(remark))?;
        Ok(())
    }

    fn answered(&mut self, session: &mut Session, word: Result<(), String>) -> Result<()> {
        let Err(why) = word else { return Ok(()) };
        if !session.refusal_said {
            session.refusal_said = true;
            self.view.say(&format!(
                "the broker refuses what we send ({why}); its rules must let this client write \
                 gw/v1/+/dn/ack and gw/v1/+/dn/req, and gw/v1/+/dn/blob/+ for images"
            ))?;
        }
        Ok(())
    }

    fn filters(&self) -> Vec<String> {
        // Births are retained, and a shared subscription would not bring those.
        let share = self.settings.share.as_deref();
        let records = Stream::ALL.map(|stream| (Subject::Records(stream), share));
        let wishes = self.images.as_ref().map(|_| (Subject::ImageWish, share));
        let subjects = [(Subject::Presence, None)].into_iter().chain(records);
        let subjects = subjects.chain(wishes);
        let filter = |(subject, share): (Subject, Option<&str>)| match &self.settings.gateway {
            None => ingest_filter(subject, share),
            Some(gateway) => {
                let topic = Topic {
                    gateway: gateway.clone(),
                    subject,
                };
                share.map_or(topic.to_string(), |share| format!("$share/{share}/{topic}"))
            }
        };
        subjects.map(filter).collect()
    }

    fn tick(&mut self, session: &mut Session) -> Result<Option<End>> {
        let now = Instant::now();
        session.tick_at = now + tick_length(self.settings.ack_every);
        if now - session.heard_at > MQTT_KEEP_ALIVE * 5 / 2 {
            return Ok(Some(End::Lost(
                "the broker has been silent for too long".to_owned(),
            )));
        }
        if session.connection.unanswered() == 0 {
            session.answered_at = now;
        } else if now - session.answered_at > MQTT_ANSWER_WITHIN {
            return Ok(Some(End::Lost(
                "the broker acknowledges nothing".to_owned(),
            )));
        }
        self.send_marks(session, self.settings.ack_every)?;
        if session.holes_at <= now {
            let every = self.settings.gap_after / 4;
            let every = every.clamp(Duration::from_millis(50), Duration::from_secs(15));
            session.holes_at = now + every;
            self.send_requests(session)?;
        }
        self.view.draw(self.clock.now().moment, &self.books.tally)?;
        Ok(None)
    }

    /// Tells each gateway that is due what the ledger holds of it.
    fn send_marks(&mut self, session: &mut Session, every: Duration) -> Result<()> {
        let now = self.clock.now().moment;
        let Some(key) = &self.key else { return Ok(()) };
        for gateway in self.books.marks_due(now, every) {
            if session.connection.unanswered() >= MQTT_UNANSWERED_MAX {
                return Ok(());
            }
            if let Some(watermarks) = self.books.watermarks(&gateway)? {
                let payload = watermarks.encode()?;
                let signed = sign_watermark(key, &gateway, &payload)?;
                if !publish(session, &gateway, Subject::Watermark, signed) {
                    return Ok(());
                }
                self.books.tally.watermarks += 1;
            }
            self.books.marked(&gateway, now);
        }
        Ok(())
    }

    fn send_requests(&mut self, session: &mut Session) -> Result<()> {
        if self.key.is_none() || session.connection.unanswered() >= MQTT_UNANSWERED_MAX {
            return Ok(());
        }
        for (gateway, request) in self
            .books
            .requests(self.clock.now(), self.settings.gap_after)?
        {
            if publish(session, &gateway, Subject::Request, request.encode()?) {
                self.books.tally.requests += 1;
            }
        }
        Ok(())
    }

    /// The last watermarks, for what was booked since the one before; then goodbye.
    async fn farewell(&mut self, session: &mut Session) -> Result<()> {
        self.view.state("ending")?;
        if self.books.owes_marks() && self.key.is_some() && self.books.tally.connections > 0 {
            sleep(self.settings.ack_every.min(FAREWELL_WITHIN)).await;
            self.send_marks(session, Duration::ZERO)?;
        }
        let until = Instant::now() + FAREWELL_WITHIN;
        while session.connection.unanswered() > 0 {
            match timeout_at(until, session.connection.event()).await {
                Ok(MqttEvent::Answered(word)) => self.answered(session, word)?,
                Ok(MqttEvent::Ended(_)) | Err(_) => return Ok(()),
                // What comes now is not booked and not acknowledged: it comes again.
                Ok(_) => {}
            }
        }
        if session.connection.close() {
            let ended = async { while !is_end(&session.connection.event().await) {} };
            drop(timeout_at(until, ended).await);
        }
        Ok(())
    }
}

fn mail(received: &Received) -> Mail<'_> {
    Mail {
        topic: received.topic(),
        payload: received.payload(),
        is_retained: received.is_retained(),
    }
}

fn is_end(event: &MqttEvent) -> bool {
    matches!(event, MqttEvent::Ended(_))
}

fn publish(session: &mut Session, gateway: &GatewayId, subject: Subject, payload: Vec<u8>) -> bool {
    let topic = Topic {
        gateway: gateway.clone(),
        subject,
    };
    session.connection.publish(&topic.to_string(), payload)
}

/// Messages that are there already go into one transaction; and what came behind them.
async fn gather(
    connection: &mut Connection,
    first: Received,
) -> (Vec<Received>, Option<MqttEvent>) {
    // The poller shares our thread: let it hand over what has arrived.
    tokio::task::yield_now().await;
    let mut bytes = first.payload().len();
    let mut batch = vec![first];
    while batch.len() < BATCH_MESSAGES_MAX && bytes < BATCH_BYTES_MAX {
        match connection.event_at_hand() {
            Some(MqttEvent::Message(received)) => {
                bytes += received.payload().len();
                batch.push(received);
            }
            other => return (batch, other),
        }
    }
    (batch, None)
}

/// Often enough that watermarks are not late, seldom enough to cost nothing.
fn tick_length(ack_every: Duration) -> Duration {
    (ack_every / 4).clamp(Duration::from_millis(20), Duration::from_millis(500))
}
