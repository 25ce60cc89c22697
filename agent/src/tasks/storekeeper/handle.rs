//! How other tasks reach the storekeeper.

use super::journal::{Beside, JournalAsk};
use super::keep::FullCheck;
use crate::alarms::Alarms;
use crate::state::StateKey;
use metering::{
    Event, MeterId, MeterReadings, ProfileId, ProfileRows, ProfileShape, Row, Severity, Timestamp,
};
use storage::{
    Entry, GapRecord, Lookup, Outbox, ProfileData, Quarantined, Remembered, StoreError, StoreStats,
    Stream,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Something to keep.
#[derive(Debug, Clone)]
pub enum Record {
    /// Instantaneous values.
    Readings(MeterReadings),
    /// Load-profile intervals.
    Rows(ProfileRows),
    /// Something happened.
    Event(Event),
    /// Something is missing.
    Gap(GapRecord),
    /// A small value that a task keeps, with what it belongs to.
    State {
        /// Which.
        key: StateKey,
        /// The new value; empty takes it away.
        value: Vec<u8>,
    },
    /// A state of a command that does not end it, signed; the end comes by `finish`.
    Receipt(Vec<u8>),
    /// A line of the audit chain.
    Audit {
        /// Who did it.
        who: String,
        /// What was done.
        what: String,
        /// To what, in words.
        detail: String,
    },
}

/// How long a record may wait in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Until the commit window ends: a meter can be asked again.
    Window,
    /// At once: nobody can repeat it.
    Soon,
}

/// What is asked of the storekeeper.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Keep records.
    Keep(Vec<Record>, Urgency),
    /// A small value kept for a task; the new one is durable when answered.
    SetState {
        kind: u8,
        id: u32,
        value: Vec<u8>,
        reply: Reply<()>,
    },
    /// Something about the outbox.
    Outbox(OutboxAsk),
    /// Something to look up.
    Look(Look),
    /// Something about commands.
    Journal(JournalAsk),
}

/// What the uplink asks.
#[derive(Debug)]
pub(crate) enum OutboxAsk {
    /// Entries the head-end has not committed.
    Pending {
        stream: Stream,
        after: u64,
        limit: usize,
        reply: Reply<Vec<Entry>>,
    },
    /// What became of an entry.
    Entry {
        stream: Stream,
        number: u64,
        reply: Reply<Lookup>,
    },
    /// The head-end's word.
    Confirm {
        stream: Stream,
        upto: u64,
        islands: Vec<(u64, u64)>,
        reply: Reply<()>,
    },
    /// A message that cannot be delivered.
    SetAside {
        stream: Stream,
        number: u64,
        why: String,
        reply: Reply<()>,
    },
    /// What was set aside may be sent again.
    Release {
        stream: Stream,
        number: u64,
        reply: Reply<()>,
    },
}

/// What may be looked up.
#[derive(Debug)]
pub(crate) enum Look {
    /// Intervals of a meter that end after `from`, up to `to`.
    Profile {
        meter: MeterId,
        profile: ProfileId,
        from: Timestamp,
        to: Timestamp,
        reply: Reply<ProfileData>,
    },
    /// The newest interval of a meter.
    LastRow {
        meter: MeterId,
        profile: ProfileId,
        reply: Reply<Option<(Row, ProfileShape)>>,
    },
    /// The newest interval of a meter that ends no later than `to`.
    LastRowUpTo {
        meter: MeterId,
        profile: ProfileId,
        to: Timestamp,
        reply: Reply<Option<Row>>,
    },
    /// A small value kept for a task.
    State {
        kind: u8,
        id: u32,
        reply: Reply<Option<Vec<u8>>>,
    },
    /// What was set aside.
    SetAside(Reply<Vec<Quarantined>>),
    /// Sizes and counters.
    Stats(Reply<StoreStats>),
    /// A full check.
    Verify(Reply<FullCheck>),
}

impl From<OutboxAsk> for Ask {
    fn from(ask: OutboxAsk) -> Self {
        Self::Outbox(ask)
    }
}

impl From<Look> for Ask {
    fn from(look: Look) -> Self {
        Self::Look(look)
    }
}

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What every commit and every watermark announces.
#[derive(Debug, Clone, Default)]
pub struct Announcement {
    /// Epoch of all numbers.
    pub epoch: [u8; 8],
    /// Per stream: what is there, what waits.
    pub outbox: Vec<Outbox>,
    /// Nothing can be stored at present: tasks that wait for the store are not to blame.
    pub failing: bool,
    /// For want of room on the disk: no fault of whoever runs.
    pub disk_full: bool,
}

/// The storekeeper is gone: the process is going down.
#[derive(Debug, thiserror::Error)]
pub enum StoreGone {
    /// Its channel is closed.
    #[error("the storekeeper has stopped")]
    Stopped,
    /// It answered with a fault of the store.
    #[error("the store cannot do it")]
    Store(#[from] StoreError),
}

/// A way to the storekeeper; cheap to clone.
#[derive(Debug, Clone)]
pub struct StoreHandle {
    asks: mpsc::Sender<Ask>,
    announced: watch::Receiver<Announcement>,
    alarms: Alarms,
}

impl StoreHandle {
    /// A handle over its channels.
    pub(crate) fn new(
        asks: mpsc::Sender<Ask>,
        announced: watch::Receiver<Announcement>,
        alarms: Alarms,
    ) -> Self {
        Self {
            asks,
            announced,
            alarms,
        }
    }

    /// What the last commit announced.
    pub fn announced(&self) -> Announcement {
        self.announced.borrow().clone()
    }

    /// Waits for the next announcement.
    pub async fn changed(&mut self) {
        if self.announced.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Hands records over; waits while the storekeeper is behind.
    pub async fn keep(&self, records: Vec<Record>, urgency: Urgency) {
        if records.is_empty() {
            return;
        }
        if self.asks.send(Ask::Keep(records, urgency)).await.is_err() {
            log::error!("records arrived after the storekeeper had stopped");
        }
    }

    /// Hands one event over.
    pub async fn event(&self, event: Event) {
        log_event(&event);
        self.alarms.note(&event);
        self.keep(vec![Record::Event(event)], Urgency::Soon).await;
    }

    /// Keeps an event and the values that say that it was told, in one piece or not at all.
    pub async fn event_beside(
        &self,
        event: Event,
        values: Vec<(String, Option<Remembered>)>,
    ) -> Result<(), StoreGone> {
        let records = vec![Record::Event(event.clone())];
        self.remember(Beside { records, values }).await?;
        log_event(&event);
        self.alarms.note(&event);
        Ok(())
    }

    /// Hands over what belongs together: it is durable in one piece or not at all.
    pub async fn keep_together(&self, events: Vec<Event>, mut records: Vec<Record>) {
        let mut all = Vec::with_capacity(events.len() + records.len());
        for event in events {
            log_event(&event);
            self.alarms.note(&event);
            all.push(Record::Event(event));
        }
        all.append(&mut records);
        self.keep(all, Urgency::Soon).await;
    }

    /// Hands one event over without waiting; a storekeeper that is behind costs only its entry,
    /// not its line in the log.
    pub fn offer(&self, event: Event) {
        log_event(&event);
        self.alarms.note(&event);
        let ask = Ask::Keep(vec![Record::Event(event)], Urgency::Soon);
        if self.asks.try_send(ask).is_err() {
            log::warn!("the storekeeper is behind: an event is in the log only");
        }
    }

    /// Asks and waits for the answer.
    pub(crate) async fn ask<T, A: Into<Ask>>(
        &self,
        make: impl FnOnce(Reply<T>) -> A,
    ) -> Result<T, StoreGone> {
        let (reply, answer) = oneshot::channel();
        self.asks
            .send(make(reply).into())
            .await
            .map_err(|_| StoreGone::Stopped)?;
        Ok(answer.await.map_err(|_| StoreGone::Stopped)??)
    }
}

/// Every event is also a line in the log, once, here.
fn log_event(event: &Event) {
    let meter = event.meter.as_ref().map_or("", MeterId::as_str);
    let (code, detail) = (event.code.word(), event.detail.as_str());
    match event.code.severity() {
        Severity::Note => log::info!(code, meter, detail; "{code}: {meter} {detail}"),
        Severity::Act => log::warn!(code, meter, detail; "{code}: {meter} {detail}"),
        Severity::Stop => log::error!(code, meter, detail; "{code}: {meter} {detail}"),
    }
}
