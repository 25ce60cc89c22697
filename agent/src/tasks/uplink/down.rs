//! Messages from the head-end's side. Anybody who owns the broker can write them: a watermark
//! must be signed, a request can only make us send again what is ours to send.

use super::session::Session;
use super::words;
use crate::tasks::storekeeper::OutboxAsk;
use authority::Rejection;
use authority::limits::{COMMAND_BYTES_MAX, KEY_SET_BYTES_MAX};
use head_end::{Extent, FleetSubject, Request, Subject, Topic, confirmations};
use metering::EventCode;
use std::time::Duration;
use tokio::time::Instant;

/// Refusals are counted each, and told at most this often: nobody shall fill our log.
const TELL_REFUSAL_EVERY: Duration = Duration::from_mins(1);

impl Session<'_> {
    pub(super) async fn message(&mut self, topic: &[u8], payload: &[u8], retained: bool) {
        let text = std::str::from_utf8(topic).ok();
        // Retained on purpose: whoever connects gets the newest.
        if let Some(fleet) = text.and_then(FleetSubject::from_topic) {
            return self.fleet(fleet, payload).await;
        }
        let parsed = text.and_then(|text| text.parse::<Topic>().ok());
        let subject = parsed
            .filter(|topic| topic.gateway == self.up.gateway)
            .map(|topic| topic.subject);
        match subject {
            // A retained message is some earlier day's word.
            _ if retained => self.refuse("a retained message was ignored").await,
            Some(Subject::Watermark | Subject::Request) if self.up.recovery.is_some() => {
                self.refuse("a message about records was ignored: the recovery system has none")
                    .await;
            }
            Some(Subject::Watermark) => self.watermark(payload).await,
            Some(Subject::Request) => self.request(payload).await,
            Some(Subject::Command) => self.command(payload, retained).await,
            Some(Subject::Image(image)) => {
                if let Some(why) = self.up.images.take(image, payload) {
                    self.refuse(&why).await;
                }
            }
            _ => {
                self.refuse("a message on a topic that is not ours was ignored")
                    .await;
            }
        }
    }

    /// Whoever owns the broker can write here: the desk believes signatures alone.
    async fn command(&mut self, payload: &[u8], retained: bool) {
        let taken = match &self.up.desk {
            None => Err("a command was ignored: the recovery system takes none"),
            Some(_) if payload.len() > COMMAND_BYTES_MAX => {
                Err("a command is larger than any may be; nothing of it was read")
            }
            Some(desk) if desk.offer_command(payload.to_vec(), retained) => Ok(()),
            Some(_) => Err("commands come faster than they are judged; some have to come again"),
        };
        if let Err(why) = taken {
            self.refuse(why).await;
        }
    }

    async fn fleet(&mut self, fleet: FleetSubject, payload: &[u8]) {
        let Some(desk) = &self.up.desk else { return };
        if payload.is_empty() {
            // The broker has none.
            return;
        }
        let taken = payload.len() <= KEY_SET_BYTES_MAX
            && match fleet {
                FleetSubject::KeySet => desk.offer_key_set(payload.to_vec()),
                FleetSubject::Policy => desk.offer_policy(payload.to_vec()),
            };
        if !taken {
            self.refuse("a key set or policy is too large, or comes too often")
                .await;
        }
    }

    async fn watermark(&mut self, bytes: &[u8]) {
        let authentic = match self.up.keys.open_watermark(&self.up.gateway, bytes) {
            Ok(authentic) => authentic,
            Err(rejection) => return self.refuse_watermark(&rejection).await,
        };
        let announced = self.up.store.announced();
        let extent = |stream| {
            let stream = words::stored(stream);
            let state = announced.outbox.iter().find(|state| state.stream == stream);
            state.map_or(
                Extent {
                    confirmed: 0,
                    next: 1,
                },
                |state| Extent {
                    confirmed: state.confirmed,
                    next: state.next,
                },
            )
        };
        let confirmations = match confirmations(&authentic, &announced.epoch, extent) {
            Ok(confirmations) => confirmations,
            Err(fault) => return self.refuse(&format!("a signed watermark: {fault}")).await,
        };
        for confirmation in confirmations {
            let stream = words::stored(confirmation.stream());
            let (upto, islands) = (confirmation.upto(), confirmation.islands().to_vec());
            self.lanes.committed(stream, upto, &islands);
            let done = self.up.store.ask(|reply| OutboxAsk::Confirm {
                stream,
                upto,
                islands,
                reply,
            });
            if let Err(error) = done.await {
                log::error!(error:%; "a watermark could not be stored; the head-end will repeat it");
            }
        }
        self.up.view.send_modify(|view| view.watermarks += 1);
    }

    async fn request(&mut self, bytes: &[u8]) {
        let now = self.up.clock.now().moment;
        if !self.up.requests.take(now) {
            return self
                .refuse("requests come faster than they are answered")
                .await;
        }
        match Request::decode(bytes) {
            Ok(request) => self.take_request(request).await,
            Err(error) => {
                self.refuse(&format!("a request that cannot be read: {error}"))
                    .await;
            }
        }
    }

    async fn refuse_watermark(&mut self, rejection: &Rejection) {
        self.up
            .view
            .send_modify(|view| view.watermarks_refused += 1);
        let detail =
            format!("{rejection}; nothing was freed. Whoever writes there is not the head-end");
        if self.may_tell() {
            self.up.event(EventCode::WatermarkRefused, detail).await;
        }
    }

    pub(super) async fn refuse(&mut self, why: &str) {
        self.up.view.send_modify(|view| view.refused_down += 1);
        log::debug!(why; "message from the head-end's side refused");
        if self.may_tell() {
            self.up
                .event(EventCode::DownMessageRefused, why.to_owned())
                .await;
        }
    }

    fn may_tell(&mut self) -> bool {
        let now = Instant::now();
        let last = self.up.last_refusal_event;
        if last.is_some_and(|at| now - at < TELL_REFUSAL_EVERY) {
            return false;
        }
        self.up.last_refusal_event = Some(now);
        true
    }
}
