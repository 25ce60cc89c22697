//! One bus: takes the next exchange from the planner, converses, hands readings over.
//!
//! An exchange is never dropped half-way: requests of people, a reload and a shutdown wait for
//! its end, which its deadline bounds.

mod book;
mod dlms;
mod flag;
mod handle;
mod identity;
mod keeping;
mod known;
mod link;
mod memory;
mod place;
pub mod program;
mod requests;
mod restore;
mod sampled;
mod sessions;
mod showing;
mod view;
mod wanted;
mod work;

pub use handle::{BusHandle, BusRequest};
pub use view::{BusView, LineTotals, MeterTotals, MeterView, RoundTrips, SessionTotals};

use crate::adapters::clock::{Clock, Now};
use crate::adapters::marker::Marker;
use crate::adapters::port::OpenPort;
use crate::config::{BusSettings, MeterSettings};
use crate::health::Pulse;
use crate::limits::PATIENT_RECORDS_MAX;
use crate::plan;
use crate::tasks::heartbeat::step_between;
use crate::tasks::keykeeper::KeyHandle;
use crate::tasks::storekeeper::{Record, StoreHandle, Urgency};
use anyhow::Context;
use book::Book;
use dlms::DlmsBook;
use flag::FlagBook;
use line::Trace;
use link::{Change, Link};
use metering::{Event, EventCode, MeterId, Moment};
use meters::catalogue::Catalogue;
use meters::planner::{Exchange, Happening, Next, Outcome, Planner, PlannerSettings};
use sampled::{Begin, Sampled};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// What people see is renewed this often; the task shows signs of life at least as often.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// Crashes in a row while talking to a meter, before it is left alone.
const CRASHES_MAX: u32 = 2;

/// The task.
pub struct Bus {
    parts: BusParts,
    link: Link,
    planner: Planner,
    books: Vec<Book>,
    flags: Vec<FlagBook>,
    dlms: Vec<DlmsBook>,
    marker: Marker,
    view: watch::Sender<BusView>,
    due: Instant,
    show_at: Instant,
    /// Reads that people wait for, by token.
    /// Kept within a second, in one piece.
    patient: Vec<Record>,
    waiting: HashMap<u64, requests::Waiting>,
    /// Work in sessions, by token.
    flag_jobs: HashMap<u64, work::FlagJob>,
    dlms_jobs: HashMap<u64, work::DlmsJob>,
    /// Work at the line itself, by token.
    line_jobs: HashMap<u64, work::LineJob>,
    /// Orders of the command desk at Modbus meters, by token.
    program_jobs: HashMap<u64, work::ModbusProgram>,
    token: u64,
    quarantined: Option<MeterId>,
    /// Both clocks at the last look.
    seen: Now,
}

/// What the task is made of.
pub struct BusParts {
    /// The line.
    pub settings: BusSettings,
    /// Its meters.
    pub meters: Vec<MeterSettings>,
    /// The meter models.
    pub catalogue: Arc<Catalogue>,
    /// Where the crash marker lives.
    pub runtime_folder: PathBuf,
    /// The store.
    pub store: StoreHandle,
    /// The keys of meters.
    pub keys: KeyHandle,
    /// Both clocks.
    pub clock: Clock,
    /// What people ask.
    pub requests: mpsc::Receiver<BusRequest>,
    /// Steps of the wall clock.
    pub stepped: watch::Receiver<u64>,
    /// When to stop.
    pub shutdown: CancellationToken,
    /// Signs of life.
    pub pulse: Pulse,
}

/// What can wake a bus.
enum Wake {
    Shutdown,
    Request(BusRequest),
    Stepped,
    Show,
    /// It is time, or the line is gone.
    Due(Change),
}

impl Bus {
    /// A bus that is not open yet, and a way to it.
    pub fn new(
        parts: BusParts,
        requests: mpsc::Sender<BusRequest>,
    ) -> anyhow::Result<(Self, BusHandle)> {
        let id = parts.settings.id.clone();
        let (marker, suspect) = Marker::open(&parts.runtime_folder, &format!("bus-{id}"))
            .with_context(|| format!("{}: no crash marker", parts.runtime_folder.display()))?;
        let quarantined = suspect
            .filter(|found| found.times >= CRASHES_MAX)
            .and_then(|found| found.doing.parse().ok());
        let trace = Trace::new();
        let (view, seen) = watch::channel(BusView::new(id.as_str()));
        let handle = BusHandle {
            id,
            view: seen,
            requests,
            trace: trace.clone(),
        };
        let now = parts.clock.now();
        let planner_now = meters::planner::Now {
            moment: now.moment,
            utc: now.utc,
        };
        let settings = PlannerSettings {
            late_after: parts.settings.late_after,
        };
        let timing = plan::timing(&parts.settings);
        let bus = Self {
            link: Link::new(parts.settings.link.clone(), trace),
            planner: Planner::new(Vec::new(), timing, settings, planner_now),
            books: Vec::new(),
            flags: Vec::new(),
            dlms: Vec::new(),
            marker,
            view,
            due: Instant::now(),
            show_at: Instant::now(),
            patient: Vec::new(),
            waiting: HashMap::new(),
            flag_jobs: HashMap::new(),
            dlms_jobs: HashMap::new(),
            line_jobs: HashMap::new(),
            program_jobs: HashMap::new(),
            token: 0,
            quarantined,
            seen: now,
            parts,
        };
        Ok((bus, handle))
    }

    /// The same bus on a simulated line.
    pub fn on(mut self, open: Arc<OpenPort>) -> Self {
        self.link.simulate(open);
        self
    }

    /// Reads meters until shutdown.
    pub async fn run(self) {
        let marker = self.marker.clone();
        Box::pin(marker.scope(self.live())).await;
    }

    async fn live(mut self) {
        let meters = std::mem::take(&mut self.parts.meters);
        self.take_meters(meters, Begin::Start).await;
        self.say_quarantine().await;
        self.show();
        loop {
            match self.wait().await {
                Wake::Shutdown => break,
                Wake::Request(request) => self.request(request).await,
                Wake::Stepped => self.notice_step().await,
                Wake::Show => {
                    self.keep_patient().await;
                    self.look_ahead().await;
                    self.show();
                }
                Wake::Due(change) => {
                    self.say(change).await;
                    self.turn().await;
                }
            }
            self.parts.pulse.beat();
        }
        self.hang_up().await;
        self.keep_patient().await;
    }

    async fn wait(&mut self) -> Wake {
        tokio::select! {
            biased;
            () = self.parts.shutdown.cancelled() => Wake::Shutdown,
            Some(request) = self.parts.requests.recv() => Wake::Request(request),
            Ok(()) = self.parts.stepped.changed() => Wake::Stepped,
            () = sleep_until(self.show_at) => Wake::Show,
            lost = self.link.listen(self.due) => Wake::Due(lost),
        }
    }

    /// One exchange, or a look at when the next one is due.
    async fn turn(&mut self) {
        self.notice_step().await;
        if !self.link.is_open() {
            let change = self.link.open().await;
            self.say(change).await;
        }
        match self.planner.next(self.now()) {
            Next::Exchange(exchange) => self.exchange(exchange).await,
            Next::Session(turn) => Box::pin(self.session(turn)).await,
            Next::Happened(happenings) => self.happened(happenings).await,
            Next::WaitUntil(moment) => {
                self.hang_up().await;
                self.rest_until(moment);
            }
        }
    }

    fn rest_until(&mut self, moment: Moment) {
        let mut due = self.parts.clock.instant(moment);
        if !self.link.is_open() {
            due = due.min(self.link.next_try());
        }
        self.due = due;
    }

    async fn exchange(&mut self, exchange: Exchange) {
        self.marker.set(exchange.meter.as_str());
        let (outcome, change) = self.link.converse(&exchange, &self.parts.clock).await;
        self.marker.clear();
        if let Some(book) = self
            .books
            .iter_mut()
            .find(|book| book.id() == &exchange.meter)
        {
            book.count(&outcome, self.parts.clock.now().utc);
        }
        if outcome == Outcome::LineGone {
            // No busy loop over a line that is not there.
            self.due = self.link.next_try();
        } else {
            self.due = Instant::now();
        }
        self.say(change).await;
        self.notice_step().await;
        let happenings = self.planner.done(&exchange, &outcome, self.now());
        self.happened(happenings).await;
    }

    async fn happened(&mut self, happenings: Vec<Happening>) {
        for happening in happenings {
            if let Happening::CommandDone {
                token,
                words,
                failed,
                ..
            } = happening
            {
                self.read_done(token, &words, &failed).await;
                continue;
            }
            let (clock, now) = (self.parts.clock.clone(), self.now());
            let meter = meter_of(&happening).clone();
            if let Some(book) = self.flags.iter_mut().find(|book| *book.id() == meter) {
                let said = book.hear(&happening, &clock);
                self.session_said(&meter, said).await;
                continue;
            }
            if let Some(book) = self.dlms.iter_mut().find(|book| *book.id() == meter) {
                let said = book.hear(&happening, &clock);
                self.session_said(&meter, said).await;
                continue;
            }
            let Some(book) = self.books.iter_mut().find(|book| *book.id() == meter) else {
                continue;
            };
            let said = book.hear(happening, &clock);
            self.do_what(&meter, said, now).await;
        }
    }

    /// What a book wants done after hearing something.
    async fn do_what(&mut self, meter: &MeterId, said: book::Said, now: meters::planner::Now) {
        for event in said.events {
            self.parts.store.event(event).await;
        }
        if let Some(serial) = said.accepted_serial {
            self.remember_serial(meter, &serial).await;
        }
        for (poll, mark) in said.read_again {
            if self.planner.read_again(meter, poll, mark, now) {
                continue;
            }
            let book = self.books.iter_mut().find(|book| book.id() == meter);
            if let Some((book, mark)) = book.zip(mark) {
                let rows = book.sampled.cannot_read_again(mark, &self.parts.clock);
                self.parts.store.keep(rows, Urgency::Soon).await;
            }
        }
        let (urgent, rest): (Vec<Record>, Vec<Record>) = said
            .records
            .into_iter()
            .partition(|record| matches!(record, Record::Rows(_)));
        if !urgent.is_empty() {
            // Who sees an interval in the store sees it counted.
            self.show_at = Instant::now();
        }
        self.parts.store.keep(urgent, Urgency::Soon).await;
        self.patient.extend(rest);
        if self.patient.len() >= PATIENT_RECORDS_MAX {
            self.keep_patient().await;
        }
    }

    /// What may wait goes to the storekeeper in one piece: waking it for each answer would cost
    /// more than all else that is done with the answer.
    async fn keep_patient(&mut self) {
        let records = std::mem::take(&mut self.patient);
        self.parts.store.keep(records, Urgency::Window).await;
    }

    async fn say(&mut self, change: Change) {
        let bus = self.parts.settings.id.clone();
        let (code, detail) = match change {
            Change::Same => return,
            Change::Lost(why) => (EventCode::LineGone, format!("bus {bus}: {why}")),
            Change::Opened => {
                for remark in self.link.remarks() {
                    log::warn!(bus:%; "bus {bus}: {remark}");
                }
                let now = self.now();
                self.planner.line_back(now);
                self.due = Instant::now();
                (EventCode::LineBack, format!("bus {bus} is open"))
            }
        };
        self.event(code, None, detail).await;
        self.show();
    }

    /// The heartbeat looks now and then; a mark that is sampled before it did would be taken for
    /// one of the clock's former setting.
    async fn notice_step(&mut self) {
        let now = self.parts.clock.now();
        if step_between(self.seen, now).is_some() {
            self.clock_stepped().await;
        }
        self.seen = now;
    }

    async fn clock_stepped(&mut self) {
        let now = self.now();
        self.look_ahead().await;
        self.planner.clock_stepped(now);
        let sampled = self.books.iter_mut().map(|book| &mut book.sampled);
        let flags = self.flags.iter_mut().map(|book| &mut book.sampled);
        sampled.chain(flags).for_each(Sampled::clock_stepped);
        self.continue_before_now().await;
        self.due = Instant::now();
    }

    async fn event(&self, code: EventCode, meter: Option<MeterId>, detail: String) {
        let at = self.parts.clock.now().utc;
        self.parts
            .store
            .event(Event {
                at,
                code,
                meter,
                detail,
            })
            .await;
    }

    async fn say_quarantine(&mut self) {
        if let Some(meter) = self.quarantined.clone() {
            let detail = format!(
                "the daemon died {CRASHES_MAX} times while talking to it; it is left alone until \
                 the next clean start (systemctl restart pmu-agent)"
            );
            self.event(EventCode::MeterQuarantined, Some(meter), detail)
                .await;
        }
    }

    fn now(&self) -> meters::planner::Now {
        let now = self.parts.clock.now();
        meters::planner::Now {
            moment: now.moment,
            utc: now.utc,
        }
    }
}

fn meter_of(happening: &Happening) -> &MeterId {
    match happening {
        Happening::PollDone { meter, .. }
        | Happening::MarkMissed { meter, .. }
        | Happening::CommandDone { meter, .. }
        | Happening::MeterSilent { meter }
        | Happening::MeterBack { meter }
        | Happening::AddressRefused { meter, .. } => meter,
    }
}
