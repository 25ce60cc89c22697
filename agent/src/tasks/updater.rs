//! Updates: the one owner of the partitions. Takes orders, watches a new system prove itself, and
//! wishes for a reboot where one is due.

mod from_head_end;
mod gate;
mod handle;
mod order_note;
mod reboot;
mod signed;
mod words;
mod work;

pub use handle::{UpdaterAsks, UpdaterHandle, updater_road};
pub use signed::OrderStand;

use crate::adapters::boot_slots::{NoSite, Site, find};
use crate::adapters::clock::Clock;
use crate::config::{UpdateSettings, UplinkSettings};
use crate::front::refusal;
use crate::health::Pulse;
use crate::limits::UPDATE_ASKS_MAX;
use crate::tasks::bus::BusHandle;
use crate::tasks::storekeeper::{Record, StoreHandle, Urgency};
use crate::tasks::uplink::{ImageRoad, UplinkView};
use desk::{LinkState, Refusal, UpdateOutcome, UpdateStatus, UpdateWish};
use gate::{Gate, Verdict, Vitals};
use handle::{Ask, UpdateAsk, order_of};
use metering::{Event, EventCode};
use order_note::{OrderEnd, OrderNote, Source};
use ota::{Health, Running};
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use work::{Deed, Done, Step, Trouble, Worker};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between the end of an installation and the wish for a reboot: whoever asked is told first.
const REBOOT_AFTER: Duration = Duration::from_secs(3);
/// The file of the order that is being carried out, beside the store.
const NOTE_FILE: &str = "update-order";

/// What the task needs.
pub struct UpdaterParts {
    /// Where the slots are, and the limits.
    pub settings: UpdateSettings,
    /// For `https`.
    pub uplink_settings: Option<UplinkSettings>,
    /// To the head-end's images; none without an uplink.
    pub images: Option<ImageRoad>,
    /// Where the note of an order lies.
    pub data_folder: PathBuf,
    /// Where the wish for a reboot goes.
    pub runtime_folder: PathBuf,
    /// Both clocks.
    pub clock: Clock,
    /// Events and the audit chain.
    pub store: StoreHandle,
    /// The lines, for the gate.
    pub buses: Vec<BusHandle>,
    /// The road to the head-end, for the gate.
    pub uplink: Option<watch::Receiver<UplinkView>>,
    /// When to stop.
    pub shutdown: CancellationToken,
    /// Signs of life.
    pub pulse: Pulse,
}

/// The task.
pub struct Updater {
    parts: UpdaterParts,
    asks: UpdaterAsks,
    /// None: this system has no slots, or the worker has them.
    site: Option<Site>,
    started: Instant,
    gate: Gate,
    /// The system that runs has passed its gate, or failed it.
    is_settled: bool,
    missing: Vec<String>,
    seen: Option<Health>,
    status: Result<UpdateStatus, Refusal>,
    working: Option<Working>,
    /// Wishes that came while a system was noted as kept: a matter of moments, and nothing to refuse for.
    waiting: Vec<Ask>,
    last: Option<UpdateOutcome>,
    /// The order that ended last, also in an earlier run.
    ended: Option<OrderEnd>,
    reboot: Option<(Instant, String)>,
}

struct Working {
    note: Option<OrderNote>,
    ended: JoinHandle<(Site, Done)>,
    steps: watch::Receiver<Step>,
    cancel: CancellationToken,
}

enum Wake {
    Shutdown,
    Ask(Box<Ask>),
    Ended(Box<(Site, Done)>),
    /// The worker died with the partitions in its hands.
    Lost,
    Look,
}

impl Updater {
    /// A task over what the boot left.
    pub fn new(parts: UpdaterParts, asks: UpdaterAsks) -> Self {
        let found = find(&parts.settings);
        let status = match &found {
            Ok(site) => Ok(words::status(&site.report, None)),
            Err(fault) => Err(no_site(fault)),
        };
        Self {
            asks,
            site: found.ok(),
            started: Instant::now(),
            gate: Gate::new(&parts.settings),
            is_settled: false,
            missing: vec!["not looked at yet".to_owned()],
            seen: None,
            status,
            working: None,
            waiting: Vec::new(),
            last: None,
            ended: None,
            reboot: None,
            parts,
        }
    }

    /// Runs until shutdown.
    pub async fn run(mut self) {
        self.begin();
        loop {
            match self.wait().await {
                Wake::Shutdown => break,
                Wake::Ask(ask) if self.must_wait(&ask) => self.waiting.push(*ask),
                Wake::Ask(ask) => self.answer(*ask).await,
                Wake::Ended(ended) => {
                    self.ended(*ended);
                    self.answer_waiting().await;
                }
                Wake::Lost => {
                    self.lost();
                    self.answer_waiting().await;
                }
                Wake::Look => self.look(),
            }
            self.parts.pulse.beat();
        }
        // A worker notices the shutdown at its next piece; its order stands.
        if let Some(working) = self.working.take()
            && working.ended.await.is_err()
        {
            log::error!("the installation ended with a fault of the program");
        }
    }

    async fn wait(&mut self) -> Wake {
        let worker = async {
            match &mut self.working {
                Some(working) => (&mut working.ended).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.parts.shutdown.cancelled() => Wake::Shutdown,
            ended = worker => ended.map_or(Wake::Lost, |ended| Wake::Ended(Box::new(ended))),
            Some(ask) = self.asks.0.recv() => Wake::Ask(Box::new(ask)),
            () = sleep(LOOK_EVERY) => Wake::Look,
        }
    }

    /// Tells how this boot came about, and goes on with an order that was cut.
    fn begin(&mut self) {
        let Some(site) = &self.site else { return };
        if let Some(words) = words::fell_back(&site.report) {
            self.event(EventCode::SystemFellBack, words);
        }
        self.look_at_slots();
        self.load_end();
        self.wish_again();
        let note = OrderNote::load(&self.note_file());
        if let Some(note) = note
            && self.on_trial().is_none()
        {
            self.start(Deed::Install(note));
        }
    }

    fn must_wait(&self, ask: &Ask) -> bool {
        let is_short = |working: &Working| working.note.is_none();
        let is_answered = match ask {
            Ask::Wish(ask) => matches!(ask.wish, UpdateWish::Status | UpdateWish::Cancel),
            Ask::Order(ask) => ask.begin_for.is_none(),
        };
        !is_answered
            && self.working.as_ref().is_some_and(is_short)
            && self.waiting.len() < UPDATE_ASKS_MAX
    }

    async fn answer_waiting(&mut self) {
        for ask in std::mem::take(&mut self.waiting) {
            self.answer(ask).await;
        }
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Wish(ask) => self.answer_wish(ask).await,
            Ask::Order(ask) => self.answer_order(ask).await,
        }
    }

    async fn answer_wish(&mut self, ask: UpdateAsk) {
        let answer = match ask.wish {
            UpdateWish::Status => self.status(),
            wish => match self.wish(wish) {
                Ok(what) => {
                    let record = Record::Audit {
                        who: ask.who,
                        what: format!("update {}", what.0),
                        detail: what.1,
                    };
                    self.parts.store.keep(vec![record], Urgency::Soon).await;
                    self.status()
                }
                Err(refused) => Err(refused),
            },
        };
        if ask.reply.send(answer).is_err() {
            log::debug!("whoever asked about updates did not wait");
        }
    }

    /// Begins what is wished. The answer: its name and its subject, for the audit chain.
    fn wish(&mut self, wish: UpdateWish) -> Result<(&'static str, String), Refusal> {
        if let Err(refused) = &self.status {
            return Err(refused.clone());
        }
        if wish == UpdateWish::Cancel {
            return self.cancel();
        }
        if self.working.is_some() {
            return Err(refusal(
                "an update is under way".to_owned(),
                "`pmuctl update status` shows it, `pmuctl update cancel` ends it",
            ));
        }
        let (name, subject, deed) = match wish {
            UpdateWish::Commit => ("commit", String::new(), Deed::Commit),
            UpdateWish::Rollback => ("rollback", String::new(), Deed::RollBack),
            order => {
                let note = order_of(order)?;
                let subject = note.source.to_string();
                if note.source == Source::HeadEnd && self.parts.images.is_none() {
                    return Err(no_uplink());
                }
                self.forget_end();
                if let Err(error) = note.save(&self.note_file()) {
                    log::warn!(error:%; "the order cannot be noted; a restart would forget it");
                }
                ("install", subject, Deed::Install(note))
            }
        };
        self.last = None;
        self.start(deed);
        Ok((name, subject))
    }

    fn cancel(&mut self) -> Result<(&'static str, String), Refusal> {
        let Some(note) = self.working.as_ref().and_then(|it| it.note.as_ref()) else {
            return Err(refusal(
                "no installation is under way".to_owned(),
                "`pmuctl update status` shows how it stands",
            ));
        };
        let subject = note.source.to_string();
        if let Some(working) = &self.working {
            working.cancel.cancel();
        }
        Ok(("cancel", subject))
    }

    fn start(&mut self, deed: Deed) {
        let Some(site) = self.site.take() else { return };
        let (steps, seen) = watch::channel(Step::default());
        let cancel = CancellationToken::new();
        let note = match &deed {
            Deed::Install(note) => Some(note.clone()),
            _ => None,
        };
        let worker = Worker {
            site,
            uplink: self.parts.uplink_settings.clone(),
            images: self.parts.images.clone(),
            note_file: self.note_file(),
            bytes_per_second: self.parts.settings.bytes_per_second,
            now: self.parts.clock.now().utc.seconds(),
            steps,
            cancel: cancel.clone(),
            shutdown: self.parts.shutdown.clone(),
            runtime: Handle::current(),
        };
        let ended = tokio::task::spawn_blocking(move || worker.run(deed));
        self.working = Some(Working {
            note,
            ended,
            steps: seen,
            cancel,
        });
    }

    fn ended(&mut self, (site, done): (Site, Done)) {
        let order = self.working.take().and_then(|it| it.note);
        let was_order = order.is_some();
        let version = site.report.version.clone();
        self.site = Some(site);
        let is_well = !matches!(done, Done::Failed(_));
        let is_cut = matches!(done, Done::Failed(Trouble::Stopped));
        let words = match done {
            Done::Installed => {
                let words = "the image is installed; it is tried at the next start";
                self.event(EventCode::UpdateInstalled, words.to_owned());
                self.want_reboot("trial after an installation");
                format!("{words}, which is now")
            }
            Done::Kept => {
                self.is_settled = true;
                let was_trial = self.on_trial().is_some();
                let words = format!("system {version} is kept");
                if was_trial {
                    self.event(EventCode::SystemKept, words.clone());
                }
                words
            }
            Done::Left(slot) => {
                // Its health must not bring back what a person has left.
                self.is_settled = true;
                self.want_reboot("rollback");
                format!("slot {slot} starts next, which is now")
            }
            Done::Failed(trouble) => {
                let words = trouble.to_string();
                if was_order && !is_cut {
                    self.event(EventCode::UpdateFailed, words.clone());
                }
                words
            }
        };
        self.look_at_slots();
        if let Some(order) = order.filter(|_| !is_cut) {
            let end = if is_well { Ok(()) } else { Err(words.clone()) };
            self.note_end(order, end);
            OrderNote::forget(&self.note_file());
        }
        self.last = Some(UpdateOutcome { is_well, words });
    }

    /// Without the partitions nothing can be done any more; the next start begins anew.
    fn lost(&mut self) {
        self.working = None;
        let lost = refusal(
            "the installation ended with a fault of the program".to_owned(),
            "restart the gateway: systemctl restart pmu-agent",
        );
        log::error!("{lost}");
        self.status = Err(lost);
    }

    fn look(&mut self) {
        if let Some((at, _)) = &self.reboot
            && Instant::now() >= *at
            && let Some((_, words)) = self.reboot.take()
        {
            let state = self.seen.as_ref().map(|seen| &seen.state);
            reboot::wish(&self.parts.runtime_folder, &words, state);
            self.note_wish();
        }
        let is_judged = |site: &Site| Gate::is_for(site.place.running);
        if self.is_settled || !self.site.as_ref().is_some_and(is_judged) {
            return;
        }
        match self.gate.look(self.vitals(), self.started.elapsed()) {
            Verdict::Waits(missing) => self.missing = missing,
            Verdict::Passed => {
                self.is_settled = true;
                self.missing.clear();
                self.start(Deed::NoteHealth);
            }
            Verdict::Failed(missing) => {
                self.is_settled = true;
                // A system that was kept once is not left because a line is down.
                if self.on_trial().is_some() {
                    let words = format!("the new system is left: {}", missing.join(", "));
                    self.event(EventCode::SystemFellBack, words);
                    self.want_reboot("the new system did not come to health");
                }
                self.missing = missing;
            }
        }
    }

    fn vitals(&self) -> Vitals {
        let is_open = |bus: &BusHandle| bus.view.borrow().state == LinkState::Open;
        let view = self.parts.uplink.as_ref();
        let is_online = view.map(|view| view.borrow().state == "connected");
        let built = self.seen.as_ref().and_then(|seen| self.built(seen));
        let store = self.parts.store.announced();
        Vitals {
            has_line: self.parts.buses.is_empty() || self.parts.buses.iter().any(is_open),
            // To leave the new system would make no room, and only it may know how to.
            can_store: !store.failing || store.disk_full,
            is_online,
            has_time: self.parts.clock.now().utc.seconds() >= built.unwrap_or(0),
        }
    }

    fn built(&self, seen: &Health) -> Option<u64> {
        let running = self.site.as_ref()?.place.running;
        let mut slots = seen.slots.iter();
        let own = slots.find(|sight| Running::Slot(sight.slot) == running)?;
        own.manifest.as_ref().ok().map(|manifest| manifest.built)
    }

    fn on_trial(&self) -> Option<bootloader_verify::Slot> {
        let running = self.site.as_ref()?.place.running;
        self.seen.as_ref()?.on_trial(running)
    }

    fn look_at_slots(&mut self) {
        let Some(site) = &self.site else { return };
        match ota::look(&site.disk, &site.place) {
            Ok(seen) => {
                self.status = Ok(words::status(&site.report, Some(&seen)));
                self.seen = Some(seen);
            }
            Err(fault) => {
                log::error!("the slots cannot be looked at: {fault}");
                self.status = Err(refusal(
                    fault.to_string(),
                    "look at the log, and at the disk",
                ));
            }
        }
    }

    fn status(&self) -> Result<UpdateStatus, Refusal> {
        let mut status = self.status.clone()?;
        if self.on_trial().is_some() {
            status.trial = Some(self.missing.clone());
        }
        if let Some(working) = &self.working {
            let note = working.note.as_ref();
            status.order = note.map(|note| words::order_status(note, &working.steps.borrow()));
        }
        status.last.clone_from(&self.last);
        status.is_busy = self.working.is_some();
        Ok(status)
    }

    fn want_reboot(&mut self, words: &str) {
        self.reboot = Some((Instant::now() + REBOOT_AFTER, words.to_owned()));
    }

    fn note_file(&self) -> PathBuf {
        self.parts.data_folder.join(NOTE_FILE)
    }

    fn event(&self, code: EventCode, detail: String) {
        let at = self.parts.clock.now().utc;
        self.parts.store.offer(Event {
            at,
            code,
            meter: None,
            detail,
        });
    }
}

fn no_uplink() -> Refusal {
    refusal(
        "no [uplink] is configured, so no head-end can send the image".to_owned(),
        "give the image's address behind its length, or use `pmuctl update install FILE`",
    )
}

fn no_site(fault: &NoSite) -> Refusal {
    let remedy = match fault {
        NoSite::NoSlots => "update its packages instead, such as with `apt upgrade`",
        NoSite::File { .. } => "reboot; if it stays so, write the image to the disk anew",
    };
    refusal(fault.to_string(), remedy)
}
