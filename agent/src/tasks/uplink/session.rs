//! One connection: birth, window, pump, until the first error.

mod pump;
mod without_store;

use super::lanes::{Key, Lanes};
use super::{CONNECTED, SessionEnd, Uplink, backfill::Backfill, certificate::Finding, words};
use crate::adapters::mqtt::{Connection, Ending, Hello, MqttEvent, Outbound, Verdict};
use crate::limits::ACKNOWLEDGE_WITHIN;
use crate::tasks::command_desk::DeskHandle;
use crate::tasks::storekeeper::OutboxAsk;
use head_end::{EncodeError, Mode};
use metering::EventCode;
use ota::BootReport;
use std::future::poll_fn;
use std::time::Duration;
use storage::Stream;
use tokio::time::{Instant, sleep_until};

/// Nobody listens at the head-end: ask again after this.
const LISTEN_PAUSE: Duration = Duration::from_secs(30);
/// An event says at most this often that something was set aside.
const ASIDE_SAID_EVERY: Duration = Duration::from_mins(10);
/// The broker hears our goodbye within this, or not at all.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);
/// How often overdue entries and the certificate are looked at, and the pulse beats.
const TICK: Duration = Duration::from_secs(5);

/// One connection and all it knows.
pub(super) struct Session<'a> {
    pub(super) up: &'a mut Uplink,
    pub(super) lanes: Lanes,
    pub(super) backfill: Backfill,
    connection: Box<dyn Connection<Key>>,
    sid: u64,
    window: usize,
    packet_bytes_max: usize,
    quiet_since: Instant,
    answered_at: Instant,
    paused_until: Option<Instant>,
    absent_said: bool,
    lists: words::ListsSent,
    asked_first: bool,
    /// Hello was said.
    is_open: bool,
    tick_at: Instant,
    /// What could not be set aside because the store takes no writes.
    not_put_aside: Vec<Key>,
}

/// What can wake a session.
enum Wake {
    Shutdown,
    Mqtt(MqttEvent<Key>),
    Stored,
    Tick,
    /// More of an image may be asked for.
    Image,
}

impl Uplink {
    /// One connection from beginning to end.
    pub(super) async fn session(&mut self) -> SessionEnd {
        self.connected_at = None;
        // Before the count, which is a write: without keys there will be no connection. Recovery
        // has no records, so nobody confirms any.
        if self.recovery.is_none()
            && let Err(fault) = self.take_keys().await
        {
            return SessionEnd::NoTls(fault);
        }
        let Some(sid) = self.next_sid().await else {
            return SessionEnd::Shutdown;
        };
        let (topic, will) = words::will(&self.gateway, sid, self.mode());
        let hello = Hello {
            name: self.gateway.as_str(),
            status_topic: &topic,
            will,
        };
        let connection = match self.dial.dial(&self.settings, hello) {
            Ok(connection) => connection,
            Err(fault) => return SessionEnd::NoTls(fault),
        };
        self.certificate.taken();
        self.say_expiry().await;
        let now = Instant::now();
        let mut session = Session {
            up: self,
            lanes: Lanes::default(),
            backfill: Backfill::default(),
            connection,
            sid,
            window: 0,
            packet_bytes_max: 0,
            quiet_since: now,
            answered_at: now,
            paused_until: None,
            absent_said: false,
            lists: words::ListsSent::new(),
            asked_first: false,
            is_open: false,
            tick_at: now + TICK,
            not_put_aside: Vec::new(),
        };
        let end = session.run().await;
        let in_flight = session.lanes.oldest_in_flight();
        if matches!(end, SessionEnd::Lost(_)) {
            for key in self.troubles.lost(&in_flight) {
                self.set_aside(key, "the connection was lost each time it was sent")
                    .await;
            }
        }
        end
    }

    fn mode(&self) -> Mode {
        if self.recovery.is_some() {
            Mode::Recovery
        } else {
            Mode::Metering
        }
    }

    /// `false`: the store cannot note it now.
    pub(super) async fn set_aside(&mut self, key: Key, why: &str) -> bool {
        let (stream, number) = key;
        self.troubles.cleared(key);
        let reason = why.to_owned();
        let done = self.store.ask(|reply| OutboxAsk::SetAside {
            stream,
            number,
            why: reason,
            reply,
        });
        match done.await {
            Ok(()) => {
                let detail = format!(
                    "entry {number} of stream {stream} was set aside: {why}; \
                     `pmuctl store set-aside` shows all"
                );
                log::error!(stream:%, number; "{detail}");
                // The event about an event would be set aside as well, and so on for ever; and what
                // is too large comes with every poll.
                let said = self
                    .aside_said
                    .is_some_and(|at| at.elapsed() < ASIDE_SAID_EVERY);
                if stream != Stream::Events && !said {
                    self.aside_said = Some(Instant::now());
                    self.event(EventCode::MessageSetAside, detail).await;
                }
                true
            }
            Err(error) => {
                log::error!(error:%; "entry {number} of {stream} cannot be set aside");
                false
            }
        }
    }
}

impl Session<'_> {
    async fn run(&mut self) -> SessionEnd {
        loop {
            match self.wait().await {
                Wake::Shutdown => {
                    self.goodbye().await;
                    return SessionEnd::Shutdown;
                }
                Wake::Mqtt(MqttEvent::Ended(ending)) => return SessionEnd::Lost(ending),
                Wake::Mqtt(event) => {
                    self.quiet_since = Instant::now();
                    if let Err(end) = self.event(event).await {
                        return end;
                    }
                }
                Wake::Stored => self.look_at_store(),
                Wake::Image => {}
                Wake::Tick => {
                    if let Some(end) = self.tick().await {
                        return end;
                    }
                }
            }
            if self.up.has_store
                && let Err(gone) = self.pump().await
                && let Some(end) = self.store_is_away(&gone)
            {
                return end;
            }
            self.fetch();
            self.up.pulse.beat();
        }
    }

    async fn wait(&mut self) -> Wake {
        tokio::select! {
            biased;
            () = self.up.shutdown.cancelled() => Wake::Shutdown,
            event = poll_fn(|cx| self.connection.poll_event(cx)) => Wake::Mqtt(event),
            () = self.up.store.changed() => Wake::Stored,
            () = sleep_until(self.tick_at) => Wake::Tick,
            () = self.up.images.due() => Wake::Image,
        }
    }

    async fn event(&mut self, event: MqttEvent<Key>) -> Result<(), SessionEnd> {
        match event {
            MqttEvent::Connected {
                receive_max,
                packet_bytes_max,
            } => {
                self.window = usize::from(receive_max.min(self.up.settings.window));
                self.packet_bytes_max = packet_bytes_max;
                // Watermarks and requests are about records that recovery does not have.
                if let Some(report) = self.up.recovery.clone() {
                    self.open_recovery(&report);
                    return Ok(());
                }
                for filter in head_end::down_filters(&self.up.gateway) {
                    self.connection.subscribe(&filter);
                }
            }
            MqttEvent::Subscribed { filter, granted } if self.up.images.is_filter(&filter) => {
                self.up.images.subscribed(granted);
            }
            MqttEvent::Subscribed { filter, granted }
                if head_end::command_filters(&self.up.gateway).contains(&filter) =>
            {
                if !granted {
                    log::error!(
                        "the broker refuses {filter}: neither commands nor key sets come that way until its \
                         rules let this gateway read it"
                    );
                }
                self.subscribe_behind(Some(&filter));
            }
            // What was subscribed for an image that is not fetched any more.
            MqttEvent::Subscribed { filter, .. }
                if !head_end::down_filters(&self.up.gateway).contains(&filter) => {}
            MqttEvent::Subscribed { granted: true, .. } if !self.lanes.is_begun() => self.open(),
            MqttEvent::Subscribed { granted: false, .. } => {
                let why = "the broker refuses the subscription to our own topics: its rules must \
                           let this gateway read gw/v1/<id>/dn/#";
                return Err(lost(why));
            }
            MqttEvent::Answered { key, verdict } => self.answered(key, verdict).await,
            MqttEvent::Acknowledged => self.answered_at = Instant::now(),
            MqttEvent::Message {
                topic,
                payload,
                retained,
            } => {
                self.message(&topic, &payload, retained).await;
            }
            MqttEvent::Subscribed { .. } | MqttEvent::Alive | MqttEvent::Ended(_) => {}
        }
        Ok(())
    }

    /// Subscribed: say hello and open the window.
    fn open(&mut self) {
        let announced = self.up.store.announced();
        for state in &announced.outbox {
            self.lanes.begin(state.stream, state.confirmed, state.next);
        }
        let now = self.up.clock.now();
        let at = (now.utc, now.quality);
        let desk = self.up.desk.as_ref().map(DeskHandle::view);
        let desk = desk.unwrap_or_default();
        let birth = words::birth(
            &self.up.gateway,
            (self.up.boot, self.sid),
            at,
            (&announced, desk),
        );
        self.say_birth(birth);
        self.subscribe_behind(None);
    }

    /// Says hello, and sends nothing else: the numbers of the store that is not open stay as they
    /// are, so what lies there can be confirmed later.
    fn open_recovery(&mut self, report: &BootReport) {
        let now = self.up.clock.now();
        let at = (now.utc, now.quality);
        let birth = words::recovery_birth(&self.up.gateway, self.sid, at, report);
        self.say_birth(birth);
    }

    fn say_birth(&mut self, birth: Result<(String, Vec<u8>), EncodeError>) {
        match birth {
            Ok((topic, payload)) => {
                let message = Outbound {
                    topic: &topic,
                    payload,
                    retain: true,
                    expires_after: None,
                };
                self.connection.publish(None, message);
            }
            Err(error) => log::error!(error:%; "the birth message cannot be built"),
        }
        log::info!(host = self.up.settings.host.as_str(), sid = self.sid; "connected to the head-end");
        self.up.connected_at = Some(Instant::now());
        self.up.show(CONNECTED);
        self.is_open = true;
        self.up.view.send_modify(|view| view.connections += 1);
        self.answered_at = Instant::now();
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether a message without a number may go: never beside one that may be what the broker
    /// cannot bear, and never where it would take a record's place.
    pub(super) fn may_ask(&mut self) -> bool {
        self.is_open
            && self.up.troubles.suspect().is_none()
            && self.connection.unanswered() < self.window
    }

    /// Subscribes to the next of what commands need, one behind the other: with a small window of the
    /// broker the client gives one packet id to several at once, and the answer to one is lost.
    fn subscribe_behind(&mut self, last: Option<&str>) {
        if self.up.desk.is_none() {
            return;
        }
        let filters = head_end::command_filters(&self.up.gateway);
        let mut rest = filters.iter();
        if let Some(last) = last {
            rest.by_ref().find(|filter| *filter == last);
        }
        if let Some(next) = rest.next() {
            self.connection.subscribe(next);
        }
    }

    pub(super) fn subscribe(&mut self, filter: &str) -> bool {
        self.connection.subscribe(filter)
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) {
        if !self.connection.unsubscribe(filter) {
            log::debug!("no room to unsubscribe; what comes is dropped");
        }
    }

    /// Hands over a message that nobody waits for.
    pub(super) fn publish_unnamed(&mut self, message: Outbound<'_>) {
        if self.connection.unanswered() == 0 {
            self.answered_at = Instant::now();
        }
        if !self.connection.publish(None, message) {
            log::debug!("no room for a wish; it comes again");
        }
    }

    fn look_at_store(&mut self) {
        for state in self.up.store.announced().outbox {
            self.lanes.grown(state.stream, state.next);
        }
    }

    async fn answered(&mut self, key: Key, verdict: Verdict) {
        self.answered_at = Instant::now();
        self.up.troubles.survived(key);
        match verdict {
            Verdict::Taken => {
                self.up.troubles.cleared(key);
                self.lanes.taken(key, Instant::now());
                self.absent_said = false;
            }
            Verdict::NobodyListens => {
                self.lanes.send_again(key);
                self.paused_until = Some(Instant::now() + LISTEN_PAUSE);
                if !self.absent_said {
                    self.absent_said = true;
                    let detail = "the broker has no subscriber for this gateway's messages; \
                                  everything is kept until the head-end listens again";
                    self.up
                        .event(EventCode::HeadEndAbsent, detail.to_owned())
                        .await;
                }
            }
            Verdict::Refused(why) => {
                self.lanes.send_again(key);
                self.paused_until = Some(Instant::now() + TICK);
                if self.up.troubles.refused(key) {
                    self.put_aside(key, why).await;
                }
            }
        }
    }

    /// Sets an entry aside; if that cannot be noted, it is tried again after a while.
    async fn put_aside(&mut self, key: Key, why: &str) {
        self.lanes.forget(key);
        if !self.up.set_aside(key, why).await {
            self.not_put_aside.push(key);
        }
    }

    async fn tick(&mut self) -> Option<SessionEnd> {
        let now = Instant::now();
        self.tick_at = now + TICK;
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
        }
        for key in std::mem::take(&mut self.not_put_aside) {
            self.lanes.again(key);
        }
        if now - self.quiet_since > self.up.settings.keep_alive * 5 / 2 {
            return Some(lost("the broker has not said a word for too long"));
        }
        if self.connection.unanswered() > 0 && now - self.answered_at > ACKNOWLEDGE_WITHIN {
            return Some(lost("the broker acknowledges nothing any more"));
        }
        if let Some(before) = now.checked_sub(self.up.settings.resend_after) {
            self.lanes.overdue(before);
        }
        if self.up.certificate.next_look() <= now {
            if self.up.certificate.look() == Finding::Renewed {
                self.leave().await;
                return Some(SessionEnd::Renewed);
            }
            self.up.say_expiry().await;
        }
        self.look_for_store().await
    }
}

fn lost(why: &str) -> SessionEnd {
    SessionEnd::Lost(Ending::unmeant(why))
}
