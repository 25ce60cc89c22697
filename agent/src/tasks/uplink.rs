//! The road to the head-end: outbox to MQTT, watermarks back.
//!
//! A broker's acknowledgement frees nothing; only the head-end's signed watermark does. Any error
//! throws the connection away, and a new one is fed from the store.

mod backfill;
mod certificate;
mod down;
mod image_pull;
mod images;
mod lanes;
mod session;
mod words;

pub use images::{ImageOrders, ImagePiece, ImageRoad, image_road};

use crate::adapters::clock::Clock;
use crate::adapters::mqtt::{Dial, Ending, Network};
use crate::adapters::tls::TlsFault;
use crate::config::UplinkSettings;
use crate::health::Pulse;
use crate::limits::{
    BACK_OFF_FIRST, BACK_OFF_RESET_AFTER, REQUESTS_BURST, REQUESTS_EVERY, SHORT_LIVED,
    TAKEOVER_PAUSE, TAKEOVER_WINDOW, TAKEOVERS_MAX,
};
use crate::tasks::command_desk::DeskHandle;
use crate::tasks::storekeeper::StoreHandle;
use authority::IngestKeys;
use certificate::CertificateWatch;
use head_end::TokenBucket;
use images::Images;
use lanes::{Key, Troubles};
use metering::{Event, EventCode, GatewayId, Timestamp};
use ota::BootReport;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use storage::Stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The state of an uplink that is connected.
const CONNECTED: &str = "connected";

/// What the uplink shows of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UplinkView {
    /// `connected`, or why not.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
    /// Connections made.
    pub connections: u64,
    /// Messages handed to the client.
    pub sent: u64,
    /// Watermarks taken.
    pub watermarks: u64,
    /// Watermarks refused.
    pub watermarks_refused: u64,
    /// Other messages from the head-end's side refused.
    pub refused_down: u64,
    /// Entries in flight or waiting for a watermark.
    pub uncommitted: u64,
    /// When the client certificate expires, seconds since 1970.
    pub certificate_expires: Option<i64>,
}

/// The task.
pub struct Uplink {
    gateway: GatewayId,
    settings: UplinkSettings,
    keys: IngestKeys,
    store: StoreHandle,
    clock: Clock,
    boot: u64,
    shutdown: CancellationToken,
    pulse: Pulse,
    view: watch::Sender<UplinkView>,
    troubles: Troubles,
    certificate: CertificateWatch,
    takeovers: VecDeque<Instant>,
    last_refusal_event: Option<Instant>,
    aside_said: Option<Instant>,
    requests: TokenBucket,
    images: Images,
    /// Where commands go; none in recovery.
    desk: Option<DeskHandle>,
    dial: Arc<dyn Dial<Key>>,
    /// How this boot came about, if the recovery system runs: presence only.
    recovery: Option<BootReport>,
    /// When the present or last connection was made.
    connected_at: Option<Instant>,
    /// The number of the present or last connection.
    sid: u64,
    /// Whether the store can be read.
    has_store: bool,
}

/// What the task is made of.
pub struct UplinkParts {
    /// Name of this gateway.
    pub gateway: GatewayId,
    /// Broker, certificates, window.
    pub settings: UplinkSettings,
    /// The store.
    pub store: StoreHandle,
    /// Both clocks.
    pub clock: Clock,
    /// Number of this start.
    pub boot: u64,
    /// When to stop.
    pub shutdown: CancellationToken,
    /// Signs of life.
    pub pulse: Pulse,
    /// What people see.
    pub view: watch::Sender<UplinkView>,
}

/// Why a session ended, and whether to come back.
enum SessionEnd {
    Shutdown,
    Lost(Ending),
    NoTls(TlsFault),
    /// The files of the certificate changed: come back at once with the new ones.
    Renewed,
}

impl Uplink {
    /// The task, not yet running.
    pub fn new(parts: UplinkParts) -> Self {
        Self {
            gateway: parts.gateway,
            certificate: CertificateWatch::new(&parts.settings),
            settings: parts.settings,
            keys: IngestKeys::default(),
            store: parts.store,
            clock: parts.clock,
            boot: parts.boot,
            shutdown: parts.shutdown,
            pulse: parts.pulse,
            view: parts.view,
            troubles: Troubles::default(),
            takeovers: VecDeque::new(),
            last_refusal_event: None,
            aside_said: None,
            requests: TokenBucket::new(REQUESTS_BURST, REQUESTS_EVERY),
            images: Images::default(),
            desk: None,
            connected_at: None,
            sid: 0,
            has_store: true,
            dial: Arc::new(Network),
            recovery: None,
        }
    }

    /// The same uplink through another way than the network.
    pub fn through(mut self, dial: Arc<dyn Dial<(Stream, u64)>>) -> Self {
        self.dial = dial;
        self
    }

    /// The same uplink for the recovery system: it says that it is there and why, sends no record
    /// and takes no word about records.
    pub fn in_recovery(mut self, report: Option<BootReport>) -> Self {
        self.recovery = report;
        self
    }

    /// The same uplink, which also brings commands.
    pub fn commanding(mut self, desk: DeskHandle) -> Self {
        self.desk = Some(desk);
        self
    }

    /// The same uplink, which also brings images.
    pub fn bringing(mut self, orders: ImageOrders) -> Self {
        self.images = Images::of(orders);
        self
    }

    /// Connects, sends, and comes back after every loss, until shutdown.
    pub async fn run(mut self) {
        let mut pause_max = BACK_OFF_FIRST;
        loop {
            let began = Instant::now();
            let end = self.session().await;
            self.images.disconnected();
            if began.elapsed() > BACK_OFF_RESET_AFTER {
                pause_max = BACK_OFF_FIRST;
            }
            let pause = match end {
                SessionEnd::Shutdown => return,
                SessionEnd::Renewed => {
                    self.show("the certificate was renewed");
                    Duration::ZERO
                }
                SessionEnd::NoTls(fault) => {
                    log::error!(fault:%; "the head-end cannot be reached: {fault}");
                    self.show(&fault.to_string());
                    full_jitter(pause_max, self.dial.dice())
                }
                SessionEnd::Lost(ending) => {
                    log::warn!(why = ending.why.as_str(); "connection to the head-end lost: {}", ending.why);
                    self.show(&ending.why);
                    let is_takeover =
                        ending.taken_over || (ending.closed_by_broker && self.was_short_lived());
                    if is_takeover && self.too_many_takeovers().await {
                        TAKEOVER_PAUSE
                    } else {
                        full_jitter(pause_max, self.dial.dice())
                    }
                }
            };
            pause_max = pause_max.saturating_mul(2).min(self.settings.back_off_max);
            if !self.rest(pause).await {
                return;
            }
        }
    }

    /// Waits, still showing signs of life. `false`: shutdown.
    async fn rest(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        while Instant::now() < until {
            self.pulse.beat();
            let left = until
                .saturating_duration_since(Instant::now())
                .min(Duration::from_secs(5));
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return false,
                () = sleep(left) => {}
            }
        }
        !self.shutdown.is_cancelled()
    }

    /// Whether the connection was lost right after it was made. A broker that names no reason
    /// when another client takes our name (mosquitto does not) is known by that and by an orderly
    /// end; a bad road, which cuts connections short as well, is not blamed on a second box.
    fn was_short_lived(&self) -> bool {
        self.connected_at
            .is_some_and(|at| at.elapsed() < SHORT_LIVED)
    }

    /// Two clients of one name evict each other for ever: say so, and leave the other in peace
    /// for a while.
    async fn too_many_takeovers(&mut self) -> bool {
        let now = Instant::now();
        self.takeovers.push_back(now);
        while self
            .takeovers
            .front()
            .is_some_and(|at| now - *at > TAKEOVER_WINDOW)
        {
            self.takeovers.pop_front();
        }
        if self.takeovers.len() <= TAKEOVERS_MAX {
            return false;
        }
        self.takeovers.clear();
        let detail = format!(
            "the connection was lost again and again right after it was made: most likely another \
             client connects as {}; find the second box with this gateway's certificate",
            self.gateway
        );
        self.event(EventCode::ClientTakenOver, detail).await;
        true
    }

    async fn event(&self, code: EventCode, detail: String) {
        let at = self.clock.now().utc;
        self.store
            .event(Event {
                at,
                code,
                meter: None,
                detail,
            })
            .await;
    }

    fn show(&self, state: &str) {
        let since = self.clock.now().utc;
        self.view.send_modify(|view| {
            state.clone_into(&mut view.state);
            view.since = since;
        });
    }
}

/// Why the uplink is not connected, if it is not.
fn lost_view(view: &UplinkView) -> Option<&str> {
    match view.state.as_str() {
        CONNECTED => None,
        "" => Some("it has not been reached yet"),
        why => Some(why),
    }
}

/// A pause between nothing and `longest`, so that five thousand gateways do not come back at once.
fn full_jitter(longest: Duration, dice: u32) -> Duration {
    let share = longest.as_millis() * u128::from(dice) / u128::from(u32::MAX);
    Duration::from_millis(u64::try_from(share).unwrap_or(u64::MAX)).max(Duration::from_millis(50))
}
