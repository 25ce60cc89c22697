//! Messages from the head-end's side. Anybody who owns the broker can write them: a watermark
//! must be signed, a request can only make us send again what is ours to send.

use super::session::Session;
use super::words;
use crate::tasks::storekeeper::OutboxAsk;
use authority::Rejection;
use head_end::{Extent, Request, Subject, Topic, confirmations};
use metering::EventCode;
use std::time::Duration;
use tokio::time::Instant;

/// Refusals are counted each, and told at most this often: nobody shall fill our log.
const TELL_REFUSAL_EVERY: Duration = Duration::from_mins(1);

impl Session<'_> {
    pub(super) async fn message(&mut self, topic: &[u8], payload: &[u8], retained: bool) {
        let parsed = std::str::from_utf8(topic)
            .ok()
            .and_then(|text| text.parse::<Topic>().ok());
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
