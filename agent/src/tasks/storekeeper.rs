//! The only writer of the store, on a thread of its own: redb is synchronous, and a sync may
//! take a second on a tired card.
//!
//! What arrives within the commit window becomes one durable commit. Nobody upstream is told of
//! a record before its commit returned.

mod handle;
mod housekeeping;
mod journal;
mod keep;
mod shelf;

pub use handle::{Announcement, Record, StoreGone, StoreHandle, Urgency};
pub(crate) use handle::{Ask, Look, OutboxAsk};
pub use journal::Beside;
pub use shelf::Shelf;
pub(crate) use shelf::{broken_words, gives};

use crate::adapters::clock::Clock;
use crate::adapters::disk::Partition;
use crate::alarms::Alarms;
use crate::config::StoreSettings;
use crate::health::Pulse;
use crate::limits::{
    COMMIT_BYTES_MAX, STORE_REQUESTS_MAX, UNSTORED_BYTES_MAX, URGENT_COMMIT_WITHIN,
};
use metering::{Event, EventCode};
use shelf::Appended;
use std::time::Duration;
use storage::{Batch, Body, StoreError, VerifyFrom};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// A store that cannot be written is tried again this often.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// The task shows signs of life at least this often.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// The task.
pub struct Storekeeper {
    shelf: Shelf,
    parts: StorekeeperParts,
    asks: mpsc::Receiver<Ask>,
    /// Where commits are announced.
    announce: watch::Sender<Announcement>,
    alarms: Alarms,
    pending: Batch,
    /// What could not be committed: perhaps it is on the disk all the same, so nothing is added.
    tried: Batch,
    commit_at: Option<Instant>,
    housekeeping_at: Instant,
    disk_look_at: Instant,
    verifying: Option<VerifyFrom>,
    failing: bool,
    /// The disk is too full for instantaneous values.
    telemetry_stopped: bool,
    /// The reserve was spent because the disk is full, and is not whole again.
    reserve_spent: bool,
}

/// What the task needs beside the store.
pub struct StorekeeperParts {
    /// Windows and limits.
    pub settings: StoreSettings,
    /// What the store lies on, for its free space.
    pub partition: Partition,
    /// Both clocks.
    pub clock: Clock,
    /// When to stop.
    pub shutdown: CancellationToken,
    /// Signs of life.
    pub pulse: Pulse,
}

/// What can wake the storekeeper.
enum Wake {
    Shutdown,
    Ask(Ask),
    Commit,
    Housekeeping,
    Disk,
    Verify,
    Idle,
}

impl Storekeeper {
    /// Hands the store over to the task, `verify` after an unclean stop; and a way to it.
    pub fn new(
        shelf: Shelf,
        parts: StorekeeperParts,
        verify: bool,
        alarms: Alarms,
    ) -> (Self, StoreHandle) {
        let (announce, announced) = watch::channel(Announcement::default());
        let (sender, asks) = mpsc::channel(STORE_REQUESTS_MAX);
        let now = Instant::now();
        let keeper = Self {
            announce,
            shelf,
            parts,
            asks,
            alarms: alarms.clone(),
            pending: Batch::new(),
            tried: Batch::new(),
            commit_at: None,
            housekeeping_at: now + housekeeping::FIRST_AFTER,
            disk_look_at: now + housekeeping::DISK_LOOK_FIRST_AFTER,
            verifying: verify.then(VerifyFrom::default),
            failing: false,
            telemetry_stopped: false,
            reserve_spent: false,
        };
        (keeper, StoreHandle::new(sender, announced, alarms))
    }

    /// Runs until shutdown; what was handed over before it is committed.
    pub async fn run(mut self) {
        self.publish();
        loop {
            match self.wait().await {
                Wake::Ask(ask) => self.answer(ask),
                Wake::Commit => self.commit(),
                Wake::Housekeeping => self.housekeeping(),
                Wake::Disk => self.look_at_disk(),
                Wake::Verify => self.verify_slice(),
                Wake::Idle => {}
                Wake::Shutdown => break,
            }
            self.parts.pulse.beat();
        }
        // Senders have stopped or are about to: take what is queued, then close properly.
        while let Ok(ask) = self.asks.try_recv() {
            self.answer(ask);
        }
        self.commit();
        if self.unstored() > 0 {
            log::error!("the last commit failed: what was in memory is lost and will be flagged");
        }
        if let Err(error) = self.shelf.close() {
            log::error!(error:%; "the store did not close cleanly");
        }
    }

    async fn wait(&mut self) -> Wake {
        let commit_at = self.commit_at;
        let commit = async move {
            match commit_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        // While the store cannot be written and memory holds enough, the lines wait.
        let takes = !self.failing || self.unstored() < UNSTORED_BYTES_MAX;
        tokio::select! {
            biased;
            () = self.parts.shutdown.cancelled() => Wake::Shutdown,
            () = commit => Wake::Commit,
            Some(ask) = self.asks.recv(), if takes => Wake::Ask(ask),
            () = sleep_until(self.disk_look_at) => Wake::Disk,
            () = sleep_until(self.housekeeping_at) => Wake::Housekeeping,
            () = std::future::ready(()), if self.verifying.is_some() => Wake::Verify,
            () = sleep(IDLE_MAX) => Wake::Idle,
        }
    }

    fn commit(&mut self) {
        self.commit_at = None;
        loop {
            if self.tried.is_empty() {
                self.tried = std::mem::take(&mut self.pending);
            }
            if self.tried.is_empty() {
                return;
            }
            match self.shelf.append(&self.tried) {
                Appended::Done => {
                    self.tried = Batch::new();
                    if std::mem::take(&mut self.failing) {
                        log::info!("the store can be written again");
                    }
                    self.publish();
                    self.say_news();
                }
                Appended::Unfit(error) => {
                    // A fault of this program: repeating it would stop everything else.
                    self.tried = Batch::new();
                    self.note(
                        EventCode::EntriesDropped,
                        format!("a batch cannot be stored: {error}"),
                    );
                    return;
                }
                Appended::NotNow(error) if error.is_disk_full() && self.spends_reserve() => {
                    self.retain();
                }
                Appended::NotNow(error) => return self.cannot_store(&error),
            }
        }
    }

    fn cannot_store(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.failing, true) {
            log::error!(error:%; "nothing can be stored, nothing is acknowledged: {error}");
        }
        let disk_full = error.is_disk_full();
        self.announce.send_if_modified(|said| {
            let is_news = (said.failing, said.disk_full) != (true, disk_full);
            (said.failing, said.disk_full) = (true, disk_full);
            is_news
        });
        self.commit_at = Some(Instant::now() + TRY_AGAIN_AFTER);
        self.disk_look_at = Instant::now();
    }

    /// What is in memory only.
    fn unstored(&self) -> usize {
        self.tried.weight() + self.pending.weight()
    }

    /// Tells everybody what is stored and what waits.
    fn publish(&mut self) {
        match self
            .shelf
            .with(|store| Ok((store.epoch(), store.outbox()?)))
        {
            Ok((epoch, outbox)) => {
                let failing = self.failing;
                self.announce.send_modify(|said| {
                    said.epoch = epoch;
                    said.outbox = outbox;
                    said.failing = failing;
                    said.disk_full &= failing;
                });
            }
            Err(error) => log::error!(error:%; "the outbox cannot be looked at"),
        }
    }

    fn schedule(&mut self, urgency: Urgency) {
        let wait = match urgency {
            _ if self.failing => TRY_AGAIN_AFTER,
            Urgency::Window if self.pending.weight() < COMMIT_BYTES_MAX => {
                self.parts.settings.commit_every
            }
            Urgency::Window => Duration::ZERO,
            Urgency::Soon => URGENT_COMMIT_WITHIN,
        };
        let at = Instant::now() + wait;
        self.commit_at = Some(self.commit_at.map_or(at, |earlier| earlier.min(at)));
    }

    fn note(&mut self, code: EventCode, detail: String) {
        log::error!(code = code.word(); "{detail}");
        let now = self.parts.clock.now();
        let event = Event {
            at: now.utc,
            code,
            meter: None,
            detail,
        };
        self.alarms.note(&event);
        self.pending.push(Body::Event(event), now.utc, now.quality);
        self.schedule(Urgency::Soon);
    }
}

#[cfg(test)]
mod tests;
