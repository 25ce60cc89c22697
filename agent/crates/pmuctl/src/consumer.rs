//! The reference consumer of the head-end: takes what gateways publish, books it, says so.
//!
//! The order is the point: one transaction of the ledger for what is at hand, then the broker's
//! acknowledgements, then, coalesced, the signed watermark that lets the gateway forget.

mod booking;
mod books;
mod fleet;
mod images;
mod intake;
mod patience;
mod receipts;
mod session;
mod tally;
mod view;
mod waiting;

pub use booking::Change;
pub use images::Images;
pub use intake::{Mail, fuzz_mail};
pub use receipts::ReceiptKeyRing;
pub use tally::{Summary, Tally};
pub use view::View;

use crate::adapters::clock::Clock;
use crate::adapters::mqtt::BrokerAddress;
use crate::adapters::tls;
use crate::limits::{BACK_OFF_FIRST, BACK_OFF_MAX, BACK_OFF_RESET_AFTER};
use anyhow::{Context, Result, bail};
use authority::SigningKey;
use books::Books;
use metering::GatewayId;
use session::End;
use std::time::Duration;
use storage::ledger::Ledger;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// What a consumer is told.
#[derive(Debug, Clone)]
pub struct ReceiveSettings {
    /// Where, and as whom.
    pub broker: BrokerAddress,
    /// Name of a group of consumers that share the messages.
    pub share: Option<String>,
    /// Only this gateway.
    pub gateway: Option<GatewayId>,
    /// A gateway is told at most this often what is committed.
    pub ack_every: Duration,
    /// How long numbers may be missing before they are asked for.
    pub gap_after: Duration,
    /// Ends by itself after this.
    pub stop_after: Option<Duration>,
}

/// The consumer.
pub struct Consumer {
    settings: ReceiveSettings,
    /// `None`: gateways are told nothing.
    key: Option<SigningKey>,
    books: Books,
    /// `None`: nothing is served.
    images: Option<Images>,
    view: View,
    clock: Clock,
    stop: CancellationToken,
    deadline: Option<Instant>,
}

impl Consumer {
    /// A consumer over an open ledger. It ends when `stop` is cancelled.
    pub fn new(
        settings: ReceiveSettings,
        key: Option<SigningKey>,
        ledger: Ledger,
        view: View,
        stop: CancellationToken,
    ) -> Self {
        Self {
            deadline: settings.stop_after.map(|after| Instant::now() + after),
            settings,
            key,
            books: Books::new(ledger),
            images: None,
            view,
            clock: Clock::start(),
            stop,
        }
    }

    /// The same consumer, which also serves images.
    pub fn serving(mut self, images: Option<Images>) -> Self {
        self.images = images;
        self
    }

    /// The same consumer, which proves receipts with these keys.
    pub fn proving(mut self, keys: ReceiptKeyRing) -> Self {
        self.books.prove_with(keys);
        self
    }

    /// Receives until it is stopped, connecting again after every loss. `at_end` may read the
    /// ledger before it is closed.
    pub async fn run(mut self, at_end: impl FnOnce(&Ledger) -> Result<()>) -> Result<Summary> {
        // Wrong files are the person's to mend at the start; later they may be under renewal.
        tls::client_config(&self.settings.broker.files)?;
        let lost = self.receive().await?;
        let summary = self
            .books
            .summary()
            .context("the ledger cannot be counted")?;
        let ended = at_end(self.books.ledger());
        self.books.close().context("the ledger cannot be closed")?;
        ended?;
        match lost {
            Some(why) if summary.run.connections == 0 => {
                let broker = &self.settings.broker;
                bail!("{}:{} was never reached: {why}", broker.host, broker.port)
            }
            _ => Ok(summary),
        }
    }

    /// Returns why the last connection was lost, if it was not ended.
    async fn receive(&mut self) -> Result<Option<String>> {
        let mut pause_max = BACK_OFF_FIRST;
        loop {
            let began = Instant::now();
            let why = match self.session().await? {
                End::Stopped => return Ok(None),
                End::Lost(why) => why,
            };
            if began.elapsed() > BACK_OFF_RESET_AFTER {
                pause_max = BACK_OFF_FIRST;
            }
            self.view.state(&format!("not connected: {why}"))?;
            self.view.draw(self.clock.now().moment, &self.books.tally)?;
            let pause = full_jitter(pause_max);
            pause_max = pause_max.saturating_mul(2).min(BACK_OFF_MAX);
            tokio::select! {
                biased;
                () = self.stopped() => return Ok(Some(why)),
                () = sleep(pause) => {}
            }
        }
    }

    /// Returns when it is time to end.
    async fn stopped(&self) {
        match self.deadline {
            None => self.stop.cancelled().await,
            Some(deadline) => {
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => {}
                    () = tokio::time::sleep_until(deadline) => {}
                }
            }
        }
    }
}

/// A pause between nothing and `longest`.
fn full_jitter(longest: Duration) -> Duration {
    let dice = getrandom::u32().unwrap_or(u32::MAX / 2);
    let share = longest.as_millis() * u128::from(dice) / u128::from(u32::MAX);
    Duration::from_millis(u64::try_from(share).unwrap_or(u64::MAX)).max(Duration::from_millis(50))
}
