//! The keeper of meter lists: begins them when they are due, orders what each meter needs, and knows
//! how far each run is, whatever stops the gateway in between.
//!
//! It changes nothing itself. For each meter it orders a command at the desk, in the name of those who
//! put the list. A run is on the disk before the order it speaks of is given, and the order's id follows
//! from the run: after a restart the journal says what became of it, and nothing is ordered twice.

mod handle;
mod kept;
mod orders;
mod record;
mod views;

pub use handle::{ListAsk, ListDoor, ListHandle, channel};
pub use views::ListView;

use crate::adapters::clock::Clock;
use crate::health::Pulse;
use crate::tasks::bus::BusHandle;
use crate::tasks::command_desk::{CommandEnded, DeskHandle};
use crate::tasks::storekeeper::{Beside, StoreHandle};
use authority::{CommandId, ReceiptKeys};
use handle::Waits;
use kept::Kept;
use metering::{BusId, ClockQuality, Event, EventCode, MeterId, Timestamp};
use record::{list_name, row_name, run_name};
use schemes::list::{EndCause, Hours, MeterList, Run, catch_up};
use schemes::site::{ImportPlan, SiteMap};
use std::collections::BTreeSet;
use std::time::Duration;
use storage::Remembered;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use views::NextRuns;

/// Where the network map is kept.
pub(crate) const MAP: &str = "map";
/// How often it looks whether something is due.
const TICK: Duration = Duration::from_secs(5);

/// What the task is made of.
pub struct ListParts {
    /// Where lists and runs are kept.
    pub store: StoreHandle,
    /// Where orders are given.
    pub desk: DeskHandle,
    /// The lines, for which meter hangs where.
    pub buses: Vec<BusHandle>,
    /// Prove this gateway's own receipts.
    pub receipts: ReceiptKeys,
    /// What time it is.
    pub clock: Clock,
    /// When to stop.
    pub shutdown: CancellationToken,
    /// Signs of life.
    pub pulse: Pulse,
}

/// The task.
pub struct ListKeeper {
    parts: ListParts,
    door: ListDoor,
    next_runs: NextRuns,
    lists: Vec<Kept>,
    waits: Vec<Waits>,
    tick_at: Instant,
}

enum Wake {
    Shutdown,
    Asked(ListAsk),
    /// Some command has ended.
    Ended,
    Tick,
}

impl ListKeeper {
    /// The keeper behind a handle.
    pub fn new(parts: ListParts, door: ListDoor) -> Self {
        Self {
            parts,
            door,
            next_runs: NextRuns::default(),
            lists: Vec::new(),
            waits: Vec::new(),
            tick_at: Instant::now(),
        }
    }

    /// Runs until shutdown. What is being done goes on to its end at the desk; the next start finds it.
    pub async fn run(mut self) {
        for bus in &self.parts.buses {
            bus.begun().await;
        }
        self.lists = kept::load(&self.parts.store).await;
        let mut ended = self.parts.desk.ended();
        loop {
            match self.wait(&mut ended).await {
                Wake::Shutdown => return,
                Wake::Asked(ask) => self.asked(ask).await,
                Wake::Ended => {}
                Wake::Tick => self.tick_at = Instant::now() + TICK,
            }
            for place in 0..self.lists.len() {
                self.look_at(place).await;
            }
            self.show();
            self.parts.pulse.beat();
        }
    }

    /// Tells those who count how the lists stand.
    fn show(&mut self) {
        let now = self.parts.clock.now();
        let is_set = now.quality != ClockQuality::Unsynchronised;
        let views = self.next_runs.views(&self.lists, is_set.then_some(now.utc));
        self.door.views.send_if_modified(|shown| {
            let is_new = *shown != views;
            *shown = views;
            is_new
        });
    }

    async fn wait(&mut self, ended: &mut broadcast::Receiver<CommandEnded>) -> Wake {
        tokio::select! {
            biased;
            () = self.parts.shutdown.cancelled() => Wake::Shutdown,
            Some(ask) = self.door.asks.recv() => Wake::Asked(ask),
            // What was missed is found in the journal.
            heard = ended.recv() => match heard {
                Err(broadcast::error::RecvError::Closed) => Wake::Shutdown,
                _ => Wake::Ended,
            },
            () = sleep_until(self.tick_at) => Wake::Tick,
        }
    }

    async fn asked(&mut self, ask: ListAsk) {
        match ask {
            ListAsk::Changed(name) => {
                self.lists.retain(|kept| kept.list.name != name);
                if let Some(kept) = kept::one(&self.parts.store, name.as_str()).await {
                    self.lists.push(kept);
                }
            }
            ListAsk::IsRunning { name, reply } => {
                let is_running = self.find(name.as_str()).is_some_and(Kept::is_running);
                told(&reply.send(is_running));
            }
            ListAsk::Run { name, by, reply } => self.ordered(name.as_str(), by, reply).await,
            ListAsk::Stop { name, reply } => {
                let now = self.parts.clock.now().utc;
                let place = self.place(name.as_str());
                let kept = place.and_then(|place| self.lists.get_mut(place));
                let stopped = kept.filter(|kept| kept.is_running()).is_some_and(|kept| {
                    kept.end(EndCause::Stopped, now);
                    true
                });
                if let Some(place) = place.filter(|_| stopped) {
                    self.keep(place).await;
                }
                told(&reply.send(stopped));
            }
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.lists
            .iter()
            .position(|kept| kept.list.name.as_str() == name)
    }

    fn find(&self, name: &str) -> Option<&Kept> {
        self.lists.get(self.place(name)?)
    }

    /// A person's order. The same order again, as after a restart, begins nothing: it waits for the run
    /// that it began.
    async fn ordered(&mut self, name: &str, by: CommandId, reply: handle::RunReply) {
        let Some(place) = self.place(name) else {
            return told(&reply.send(Err(format!(
                "there is no list `{name}`; put it with list.put"
            ))));
        };
        let Some(kept) = self.lists.get(place) else {
            return;
        };
        if kept.record.by != Some(by) {
            if kept.is_running() {
                let words = format!("list {name} is running; stop it with list.stop, or wait");
                return told(&reply.send(Err(words)));
            }
            let now = self.parts.clock.now().utc;
            let tasks = match self.tasks(place).await {
                Ok(tasks) => tasks,
                Err(words) => return told(&reply.send(Err(words))),
            };
            if let Some(kept) = self.lists.get_mut(place) {
                let run = Run::at_once(Hours::new(&kept.list, &kept.zone), now, tasks);
                kept.record.by = Some(by);
                kept.record.run = Some(run);
            }
            if !self.keep(place).await {
                if let Some(kept) = self.lists.get_mut(place) {
                    kept.record.run = None;
                    kept.record.by = None;
                }
                return told(&reply.send(Err("the run could not be written down".to_owned())));
            }
            self.say(format!("list {name} begins, as ordered")).await;
        }
        self.waits.push(Waits {
            name: name.to_owned(),
            reply,
        });
    }

    /// One list: what is due, what has ended, what comes next.
    async fn look_at(&mut self, place: usize) {
        self.look_at_schedule(place).await;
        self.look_at_ends(place).await;
        self.order_next(place).await;
        self.tell_over(place).await;
    }

    async fn look_at_schedule(&mut self, place: usize) {
        let now = self.parts.clock.now();
        // Without a clock nobody knows what is due.
        if now.quality == ClockQuality::Unsynchronised {
            return;
        }
        let Some(kept) = self.lists.get_mut(place) else {
            return;
        };
        if kept.list.schedule.is_none() {
            return;
        }
        if kept.record.handled == Timestamp::from_millis(0) {
            // A list that is new owes nothing of before.
            kept.record.handled = now.utc;
            self.keep(place).await;
            return;
        }
        let owed = catch_up(&kept.list, &kept.zone, kept.record.handled, now.utc);
        if owed.run.is_none() && owed.missed.is_empty() {
            return;
        }
        if owed.run.is_some() && kept.is_running() {
            // The later run takes its place, once nothing of it is under way.
            kept.end(EndCause::Superseded, now.utc);
            self.keep(place).await;
            return;
        }
        let name = kept.list.name.clone();
        let missed = owed.missed.len();
        let begun = match owed.run {
            None => None,
            Some(due) => Some((due, self.tasks(place).await)),
        };
        let Some(kept) = self.lists.get_mut(place) else {
            return;
        };
        kept.record.handled = owed.handled;
        let mut words = Vec::new();
        if missed > 0 {
            words.push(format!(
                "list {name}: {missed} runs were missed while the gateway was off"
            ));
        }
        match begun {
            Some((due, Ok(tasks))) => {
                words.push(format!(
                    "list {name} begins, as scheduled: {} meters",
                    tasks.len()
                ));
                let run = Run::of_due(Hours::new(&kept.list, &kept.zone), &due, tasks);
                kept.record.run = Some(run);
                kept.record.by = None;
            }
            Some((_, Err(fault))) => words.push(format!("list {name} cannot be run: {fault}")),
            None => {}
        }
        if self.keep(place).await {
            for words in words {
                self.say(words).await;
            }
        }
    }

    /// The meters of a list that hang at this gateway, each with its scheme.
    async fn tasks(&self, place: usize) -> Result<Vec<schemes::list::ListTask>, String> {
        let Some(kept) = self.lists.get(place) else {
            return Ok(Vec::new());
        };
        let map = site_map(&self.parts.store).await;
        let line = |meter: &MeterId| line_of(&self.parts.buses, meter);
        kept.list.tasks_at(&map, line).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            faults.join("; ")
        })
    }

    /// Writes down how far a run is; whether it is durable.
    async fn keep(&mut self, place: usize) -> bool {
        let Some(kept) = self.lists.get(place) else {
            return false;
        };
        let value = Remembered {
            version: 1,
            bytes: kept.record.encode(),
        };
        let beside = Beside {
            records: Vec::new(),
            values: vec![(run_name(kept.list.name.as_str()), Some(value))],
        };
        match self.parts.store.remember(beside).await {
            Ok(()) => true,
            Err(error) => {
                log::error!(error:%; "the run of list {} cannot be written down", kept.list.name);
                false
            }
        }
    }

    /// Whoever waits for the end of a run hears of it; the run itself stays, for those who ask later.
    async fn tell_over(&mut self, place: usize) {
        let Some(kept) = self.lists.get_mut(place) else {
            return;
        };
        let Some(run) = kept.record.run.clone().filter(Run::is_over) else {
            return;
        };
        let name = kept.list.name.as_str().to_owned();
        if !std::mem::replace(&mut kept.is_told, true) {
            let counts = run.counts();
            let words = format!(
                "list {name} is over: {} done, {} given up",
                counts.done, counts.given_up
            );
            self.say(words).await;
        }
        let (ready, rest) = std::mem::take(&mut self.waits)
            .into_iter()
            .partition(|waits| waits.name == name);
        self.waits = rest;
        for waits in ready {
            told(&waits.reply.send(Ok(run.clone())));
        }
    }

    async fn say(&self, detail: String) {
        let event = Event {
            at: self.parts.clock.now().utc,
            code: EventCode::ListRun,
            meter: None,
            detail,
        };
        self.parts.store.event(event).await;
    }

    /// Lines on which some list speaks to a meter now.
    fn busy_lines(&self) -> BTreeSet<BusId> {
        let all = self.lists.iter();
        let running = all.flat_map(|kept| kept.running().map(|(_, task)| task.line.clone()));
        running.collect()
    }
}

/// The map that operators have put; an empty one if there is none.
pub(crate) async fn site_map(store: &StoreHandle) -> SiteMap {
    let kept = match store.recall(MAP).await {
        Ok(kept) => kept,
        Err(error) => {
            log::error!(error:%; "the network map cannot be read");
            None
        }
    };
    let Some(kept) = kept else {
        return SiteMap::default();
    };
    match ImportPlan::of("map", &kept.bytes, &SiteMap::default()) {
        Ok(plan) => plan.after(),
        Err(complaints) => {
            log::error!("the network map that was kept does not read: {complaints}");
            SiteMap::default()
        }
    }
}

/// The line of a meter that this gateway has.
pub(crate) fn line_of(buses: &[BusHandle], meter: &MeterId) -> Option<BusId> {
    buses.iter().find_map(|bus| {
        let view = bus.view.borrow();
        let has = view.meters.iter().any(|view| view.meter == *meter);
        has.then(|| view.bus.parse().ok()).flatten()
    })
}

fn told<T>(sent: &Result<(), T>) {
    if sent.is_err() {
        log::debug!("whoever asked about a list did not wait");
    }
}

/// The names under which a list is kept: its text, who put it, its run.
pub(crate) fn names_of(list: &MeterList) -> [String; 3] {
    let name = list.name.as_str();
    [list_name(name), row_name(name), run_name(name)]
}
