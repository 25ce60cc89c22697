//! One bus of the daemon with its store, on a wire in memory.

use crate::disk::Disk;
use authority::{MasterKey, Receipt, ReceiptKeys, RoleRights, SealingKey, SigningKey};
use desk::{
    Answer, Caller, Diagnosis, GatewayDesk, Job, JobState, MeterStatus, Outcome, Refusal, Request,
    Work,
};
use line::Line;
use metering::{Event, MeterReadings, ProfileRows, Timestamp};
use pmu_agent::adapters::clock::{Clock, WallClock};
use pmu_agent::adapters::command_keys::{former_keys, receipt_key};
use pmu_agent::adapters::disk::{Partition, Space};
use pmu_agent::adapters::lead::{Circuit, Simulated};
use pmu_agent::adapters::port::OpenPort;
use pmu_agent::alarms::Alarms;
use pmu_agent::config::Settings;
use pmu_agent::front::{Front, PeopleRoom};
use pmu_agent::health::Pulse;
use pmu_agent::jobs::Jobs;
use pmu_agent::limits::BUS_REQUESTS_MAX;
use pmu_agent::tasks::bus::{Bus, BusHandle, BusParts, BusRequest, SessionTotals};
use pmu_agent::tasks::command_desk::{CommandDesk, DeskHandle, DeskParts};
use pmu_agent::tasks::drift_watch::DriftWatch;
use pmu_agent::tasks::keykeeper::{self, KeyHandle, KeyRoom};
use pmu_agent::tasks::list_keeper::{self, ListKeeper, ListParts};
use pmu_agent::tasks::storekeeper::{Shelf, StoreHandle, Storekeeper, StorekeeperParts};
use pmu_agent::tasks::updater::UpdaterHandle;
use simulator::broken::Broken;
use simulator::elster::{ElsterMeter, ElsterModel, Scenario};
use simulator::link::{Answer as Called, Circuit as Turned, Link, Modem, ModemTroubles};
use simulator::meter::ModelMeter;
use simulator::trouble::FlagTroubles;
use simulator::wire::{SpeakerPlace, Wire, WireSettings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use storage::{Body, CommandRecord, Entry, OpenReport, Reserve, Store, StoreOptions, Stream};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The zone of the simulated meters, without a database of zones.
pub(crate) const ZONE: &str = "posix:CET-1CEST,M3.5.0,M10.5.0/3";

/// Makes the key that signs receipts.
const RECEIPT_SEED: [u8; 32] = [0x5e; 32];
/// Makes the key that opens sealed passwords.
pub(crate) const SEALING_SEED: [u8; 32] = [0x5f; 32];

/// The wall clock of the world.
#[derive(Debug)]
struct Wall {
    epoch: Instant,
    starts_at: Timestamp,
    ahead_ms: AtomicI64,
}

impl WallClock for Wall {
    fn utc(&self) -> Timestamp {
        let now = self.starts_at.after(self.epoch.elapsed());
        let ahead = self.ahead_ms.load(Ordering::Relaxed);
        Timestamp::from_millis(now.millis().saturating_add_signed(ahead))
    }
}

/// The world of one test.
pub(crate) struct Bench {
    pub(crate) wire: Wire,
    folder: TempDir,
    configuration: String,
    wall: Arc<Wall>,
    open: Arc<OpenPort>,
    /// Of the disk, in per cent: the world's own, whatever room the machine of the test has.
    free_percent: Arc<AtomicU64>,
    /// What a new store calls itself.
    epoch: [u8; 8],
    /// What the store lies on, where that can fill up.
    disk: Option<Disk>,
    life: Option<Life>,
}

struct Life {
    lines: JoinSet<()>,
    keeper: JoinSet<()>,
    keys: KeyHandle,
    /// Of the lines, then of the store and the keys.
    stops: [CancellationToken; 2],
    front: Front,
    desk: DeskHandle,
    /// A command wants a new start.
    restart: CancellationToken,
}

/// A meter's seat.
pub(crate) struct Seat {
    pub(crate) meter: ElsterMeter,
    pub(crate) place: SpeakerPlace,
    /// What its registers and its profile have to be multiplied with.
    pub(crate) ratio: i128,
}

impl Bench {
    /// A serial line of eight bits at 9600 baud. `scenario` says when the world begins.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self::on(WireSettings::plain(9600), scenario)
    }

    /// The same behind a modem, under the number 0123.
    pub(crate) fn dialled(scenario: &Scenario) -> (Self, Modem) {
        let modem = Modem::new(ModemTroubles::default());
        let mut bench = Self::on(WireSettings::plain(9600), scenario);
        modem.seat("0123", Called::connects(), bench.wire.clone());
        bench.open = open_link(&Link::new(modem.clone()));
        let serial = "link = \"serial\"";
        bench.configuration = bench.configuration.replace(serial, "link = \"modem\"");
        (bench, modem)
    }

    pub(crate) fn on(settings: WireSettings, scenario: &Scenario) -> Self {
        Self::on_wire(Wire::new(settings, scenario.seed), scenario)
    }

    /// With a set-up in which something is wrong, and its meter in the configuration.
    pub(crate) fn broken(broken: Broken, model: ElsterModel, keys: &str) -> (Self, Seat) {
        let set_up = broken.set_up_with(model, 5).unwrap();
        let mut bench = Self::on_wire(set_up.wire, &Scenario::new(5, ""));
        bench.entry("elster-1", model, &set_up.configured.address, keys);
        let (meter, place) = (set_up.meter, set_up.place);
        let ratio = ratio(model);
        (
            bench,
            Seat {
                meter,
                place,
                ratio,
            },
        )
    }

    fn on_wire(wire: Wire, scenario: &Scenario) -> Self {
        let starts_at = u64::try_from(scenario.starts_at).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "0001ABCD\n").unwrap();
        keep_private(&folder.path().join("password"));
        Self {
            configuration: head(folder.path()),
            wall: Arc::new(Wall {
                epoch: wire.epoch(),
                starts_at: Timestamp::from_seconds(starts_at),
                ahead_ms: AtomicI64::new(0),
            }),
            folder,
            open: open_port(&wire),
            free_percent: Arc::new(AtomicU64::new(50)),
            epoch: [7; 8],
            disk: None,
            wire,
            life: None,
        }
    }

    /// Puts a meter on the line and into the configuration; `keys` are further lines of its entry.
    pub(crate) fn seat(
        &mut self,
        name: &str,
        model: ElsterModel,
        scenario: Scenario,
        keys: &str,
    ) -> Seat {
        let meter = ElsterMeter::new(model, scenario);
        let place = self
            .wire
            .seat_flag(meter.on_wire().unwrap(), FlagTroubles::default());
        self.entry(name, model, &meter.address(), keys);
        let ratio = ratio(model);
        Seat {
            meter,
            place,
            ratio,
        }
    }

    /// A meter's entry in the configuration.
    fn entry(&mut self, name: &str, model: ElsterModel, address: &str, keys: &str) {
        let file = match model {
            ElsterModel::A1140 => "elster-a1140",
            ElsterModel::A1120 => "elster-a1120",
            ElsterModel::As230 => "elster-as230",
            _ => "elster-a1700",
        };
        self.configure(&format!(
            "[[meter]]\nid = \"{name}\"\nbus = \"main\"\nmodel = \"{file}\"\n\
             address = \"{address}\"\naccess = {{ password-file = \"password\" }}\n\
             clock = {{ basis = \"{ZONE}\" }}\n{keys}\n",
        ));
    }

    /// Another meter in a seat's place.
    pub(crate) fn exchange(
        &self,
        seat: &Seat,
        model: ElsterModel,
        scenario: Scenario,
    ) -> ElsterMeter {
        self.wire.unseat_flag(seat.place);
        let other = ElsterMeter::new(model, scenario);
        let troubles = FlagTroubles::default();
        self.wire.seat_flag(other.on_wire().unwrap(), troubles);
        other
    }

    /// Puts a Modbus meter on the line and into the configuration.
    pub(crate) fn seat_modbus(&mut self, name: &str, model: &str, unit: u8, keys: &str) {
        self.configure(&format!(
            "[[meter]]\nid = \"{name}\"\nbus = \"main\"\nmodel = \"{model}\"\nunit = {unit}\n{keys}\n"
        ));
        let settings = self.settings();
        let found = settings
            .catalogue
            .model(model)
            .expect("there is such a model");
        let meter = Arc::new(ModelMeter::new(found, unit, u64::from(unit)).unwrap());
        self.wire.seat(meter.on_wire(), meter.healthy());
    }

    /// The only model is a shipped one with a change.
    pub(crate) fn own_model(&mut self, shipped: &str, change: impl FnOnce(String) -> String) {
        let shipped_folder = models();
        let folder = self.folder.path().join("models");
        std::fs::create_dir_all(&folder).unwrap();
        let name = format!("{shipped}.toml");
        let text = std::fs::read_to_string(shipped_folder.join(&name)).unwrap();
        std::fs::write(folder.join(name), change(text)).unwrap();
        let before = shipped_folder.display().to_string();
        let after = folder.display().to_string();
        self.configuration = self.configuration.replace(&before, &after);
    }

    /// Adds to the configuration.
    pub(crate) fn configure(&mut self, text: &str) {
        self.configuration.push_str(text);
    }

    pub(crate) fn settings(&self) -> Settings {
        let name = self.folder.path().join("agent.toml");
        let name = name.display().to_string();
        match Settings::parse(&name, &self.configuration) {
            Ok(settings) => settings,
            Err(complaints) => panic!("{complaints}\n{}", self.configuration),
        }
    }

    /// Starts the daemon's tasks.
    pub(crate) fn start(&mut self) {
        let settings = self.settings();
        let clock = Clock::new(Arc::<Wall>::clone(&self.wall));
        clock.note_quality(metering::ClockQuality::Synchronised);
        let (shelf, report) = self.shelf();
        let (stop_lines, stop_keeper) = (CancellationToken::new(), CancellationToken::new());
        let alarms = Alarms::default();
        let parts = StorekeeperParts {
            settings: settings.store.clone(),
            partition: self.partition(),
            clock: clock.clone(),
            shutdown: stop_keeper.clone(),
            pulse: Pulse::new("the storekeeper"),
        };
        let (task, store) = Storekeeper::new(shelf, parts, report.unclean_stop, alarms.clone());
        let (mut keeper, mut lines) = (JoinSet::new(), JoinSet::new());
        keeper.spawn(task.run());
        let keys = self.key_task(&mut keeper, stop_keeper.clone());
        let bus = settings.buses[0].clone();
        let ((requests, asked), (_, stepped)) =
            (mpsc::channel(BUS_REQUESTS_MAX), watch::channel(0));
        let parts = BusParts {
            meters: settings.meters_of(&bus.id).cloned().collect(),
            catalogue: Arc::clone(&settings.catalogue),
            settings: bus,
            runtime_folder: self.folder.path().to_owned(),
            store: store.clone(),
            clock: clock.clone(),
            keys: keys.clone(),
            requests: asked,
            stepped,
            shutdown: stop_lines.clone(),
            pulse: Pulse::new("bus main"),
        };
        let (task, handle) = Bus::new(parts, requests).unwrap();
        lines.spawn(task.on(Arc::clone(&self.open)).run());
        let (jobs, restart) = (Jobs::default(), CancellationToken::new());
        let stops = (stop_lines.clone(), restart.clone());
        let at = (&store, &handle);
        let desk = self.desk_tasks(&mut lines, &settings, at, (&jobs, &clock), stops);
        let people = PeopleRoom::new(store.clone(), clock.clone(), RoleRights::shipped());
        let front = Front {
            gateway: settings.gateway.clone(),
            clock,
            started: Instant::now(),
            data_folder: self.store_folder(),
            store,
            keys: keys.clone(),
            buses: vec![handle],
            uplink: None,
            alarms,
            jobs,
            command_desk: Some(desk.clone()),
            people,
            updater: UpdaterHandle::without_task(),
            configuration: self.folder.path().join("agent.toml"),
            is_recovery: false,
        };
        self.life = Some(Life {
            lines,
            keeper,
            keys,
            stops: [stop_lines, stop_keeper],
            front,
            desk,
            restart,
        });
    }

    fn shelf(&self) -> (Shelf, OpenReport) {
        if let Some(disk) = &self.disk {
            return disk.shelf(self.options());
        }
        let (store, report) = Store::open(&self.store_folder(), &self.options()).unwrap();
        let reserve = Reserve::new(&self.store_folder());
        let shelf = Shelf::new(store, self.store_folder(), self.options(), reserve);
        (shelf, report)
    }

    /// Puts the store on a disk that can fill up; before the start.
    pub(crate) fn on_filling_disk(&mut self) -> Disk {
        let disk = Disk::new(&self.store_folder());
        self.disk = Some(disk.clone());
        disk
    }

    fn key_task(&self, keeper: &mut JoinSet<()>, shutdown: CancellationToken) -> KeyHandle {
        let (keys, jobs) = keykeeper::channel();
        let master = MasterKey::from_credential(Some(&[7; 32]));
        let room = KeyRoom::new(self.store_folder(), master);
        keeper.spawn(keykeeper::run(room, jobs, shutdown));
        keys
    }

    /// The command desk and the drift watch.
    fn desk_tasks(
        &self,
        lines: &mut JoinSet<()>,
        settings: &Settings,
        (store, bus): (&StoreHandle, &BusHandle),
        (jobs, clock): (&Jobs, &Clock),
        (shutdown, restart): (CancellationToken, CancellationToken),
    ) -> DeskHandle {
        let watch = DriftWatch {
            gateway: settings.gateway.clone(),
            at: "02:30".parse().unwrap(),
            zone: jiff::tz::TimeZone::UTC,
            store: store.clone(),
            buses: vec![bus.clone()],
            jobs: jobs.clone(),
            clock: clock.clone(),
            shutdown: shutdown.clone(),
            pulse: Pulse::new("the drift watch"),
        };
        lines.spawn(watch.run());
        let roots = self.folder.path().join("roots.pem");
        let key = Arc::new(receipt_key(&self.store_folder(), || Ok(RECEIPT_SEED)).unwrap());
        let former = former_keys(&self.store_folder(), &key);
        let all = [vec![key.public_key()], former.clone()].concat();
        let receipts = ReceiptKeys::of_gateway(settings.gateway.clone(), all);
        let (lists, asks) = list_keeper::channel();
        let (task, desk) = CommandDesk::new(DeskParts {
            gateway: settings.gateway.clone(),
            roots_file: roots.exists().then_some(roots),
            rights: RoleRights::shipped(),
            key,
            former,
            sealing: Some(Arc::new(SealingKey::from_seed(&SEALING_SEED))),
            store: store.clone(),
            buses: vec![bus.clone()],
            lists,
            jobs: jobs.clone(),
            updater: UpdaterHandle::without_task(),
            documents: None,
            configuration: self.folder.path().join("agent.toml"),
            data_folder: self.store_folder(),
            runtime_folder: self.folder.path().to_owned(),
            trial: None,
            clock: clock.clone(),
            boot: 1,
            shutdown: shutdown.clone(),
            restart,
            pulse: Pulse::new("the command desk"),
        });
        lines.spawn(task.run());
        let parts = ListParts {
            store: store.clone(),
            desk: desk.clone(),
            buses: vec![bus.clone()],
            receipts,
            clock: clock.clone(),
            shutdown,
            pulse: Pulse::new("the meter lists"),
        };
        lines.spawn(ListKeeper::new(parts, asks).run());
        desk
    }

    /// The desk of commands, while the daemon lives.
    pub(crate) fn desk(&self) -> &DeskHandle {
        &self.life.as_ref().expect("it was started").desk
    }

    /// Whether a command wants a new start.
    pub(crate) fn is_to_restart(&self) -> bool {
        let life = self.life.as_ref().expect("it was started");
        life.restart.is_cancelled()
    }

    /// How far the gateway's own clock can be trusted from now on.
    pub(crate) fn trust_clock(&self, quality: metering::ClockQuality) {
        let life = self.life.as_ref().expect("it was started");
        life.front.clock.note_quality(quality);
    }

    /// The clock is set by somebody outside.
    pub(crate) fn set_clock(&self, to: Timestamp) {
        let by = to.millis_since(self.wall.utc());
        self.wall.ahead_ms.fetch_add(by, Ordering::Relaxed);
    }

    /// Changes what the configuration says.
    pub(crate) fn reword(&mut self, before: &str, after: &str) {
        assert!(self.configuration.contains(before), "{before}");
        self.configuration = self.configuration.replace(before, after);
    }

    /// What the journal knows of a command.
    pub(crate) async fn command(&self, id: [u8; 16]) -> Option<CommandRecord> {
        let life = self.life.as_ref().expect("it was started");
        life.front.store.command(id).await.expect("a store")
    }

    /// Names of what is kept in the store under names that begin so.
    pub(crate) async fn kept(&self, prefix: &str) -> Vec<String> {
        let life = self.life.as_ref().expect("it was started");
        let names = life.front.store.remembered_names(prefix).await;
        let names = names.expect("a store").into_iter();
        names.map(|(name, _)| name).collect()
    }

    fn options(&self) -> StoreOptions {
        StoreOptions::new(self.epoch)
    }

    /// So much of its disk is free from now on.
    pub(crate) fn free(&self, percent: u64) {
        self.free_percent.store(percent, Ordering::Relaxed);
    }

    fn partition(&self) -> Partition {
        let percent = Arc::clone(&self.free_percent);
        Partition::of(move || Ok(partly_free(percent.load(Ordering::Relaxed))))
    }

    /// The disk was exchanged; the daemon must be stopped.
    pub(crate) fn lose_store(&mut self) {
        self.epoch = [8; 8];
        assert!(self.life.is_none(), "the store is in use");
        std::fs::remove_dir_all(self.store_folder()).unwrap();
        std::fs::create_dir(self.store_folder()).unwrap();
    }

    /// The epoch of the store.
    pub(crate) fn epoch(&self) -> [u8; 8] {
        let life = self.life.as_ref().expect("it was started");
        life.front.store.announced().epoch
    }

    /// All receipts of commands so far, by the key that the gateway began with and what that announced;
    /// the daemon must be stopped.
    pub(crate) fn receipts(&self) -> Vec<Receipt> {
        let gateway = self.settings().gateway;
        let key = SigningKey::from_seed(&RECEIPT_SEED).public_key();
        let mut keys = ReceiptKeys::of_gateway(gateway, vec![key]);
        let mut receipts = Vec::new();
        for bytes in self.signed_receipts() {
            let proven = keys.open(&bytes).expect("ours");
            keys.follow(&proven);
            receipts.push(proven.receipt().clone());
        }
        receipts
    }

    /// The same as they are sent.
    pub(crate) fn signed_receipts(&self) -> Vec<Vec<u8>> {
        let entries = self.entries(Stream::Receipts).into_iter();
        let signed = entries.filter_map(|entry| match entry.body {
            Body::Receipt(bytes) => Some(bytes),
            _ => None,
        });
        signed.collect()
    }

    /// The keys of meters, while the daemon lives.
    pub(crate) fn keys(&self) -> &KeyHandle {
        &self.life.as_ref().expect("it was started").keys
    }

    /// Lives for a while.
    pub(crate) async fn live(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
        let life = self.life.as_ref().expect("it was started");
        assert!(!life.lines.is_empty() && !life.keeper.is_empty());
    }

    pub(crate) async fn live_ms(&self, millis: u64) {
        sleep(Duration::from_millis(millis)).await;
    }

    /// Lives until something holds, at most so many seconds.
    pub(crate) async fn live_until(&self, seconds: u64, holds: impl Fn(&MeterStatus) -> bool) {
        for _ in 0..seconds {
            self.live(1).await;
            if self.meters().await.iter().any(&holds) {
                return;
            }
        }
        panic!("not within {seconds} s: {:#?}", self.meters().await);
    }

    /// The configuration is read again, as at SIGHUP.
    pub(crate) async fn reload(&mut self) {
        let settings = self.settings();
        let life = self.life.as_ref().expect("it was started");
        let bus = &life.front.buses[0];
        let meters = settings.meters_of(&bus.id).cloned().collect();
        bus.request(BusRequest::Replace(meters)).unwrap();
        self.live(1).await;
    }

    /// The port is not there when it is looked for the first times.
    pub(crate) fn plugged_in_after(&mut self, looks: u32) {
        let (open, left) = (Arc::clone(&self.open), AtomicU32::new(looks));
        self.open = Arc::new(move |settings| {
            let less = |left: u32| left.checked_sub(1);
            match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
                Ok(_) => Err(std::io::ErrorKind::NotFound.into()),
                Err(_) => open(settings),
            }
        });
    }

    /// What the password file holds from now on.
    pub(crate) fn password(&self, text: &str) {
        std::fs::write(self.folder.path().join("password"), text).unwrap();
    }

    /// Stops as the supervisor does.
    pub(crate) async fn stop(&mut self) {
        let mut life = self.life.take().expect("it was started");
        life.stops[0].cancel();
        while life.lines.join_next().await.is_some() {}
        life.stops[1].cancel();
        while life.keeper.join_next().await.is_some() {}
    }

    /// Ends in the middle of whatever it does.
    pub(crate) async fn kill(&mut self) {
        let mut life = self.life.take().expect("it was started");
        life.lines.shutdown().await;
        life.keeper.shutdown().await;
    }

    pub(crate) async fn ask(&self, request: Request) -> Result<Answer, Refusal> {
        self.ask_as(0, request).await
    }

    pub(crate) async fn ask_as(&self, uid: u32, request: Request) -> Result<Answer, Refusal> {
        let life = self.life.as_ref().expect("it was started");
        life.front.ask(Caller { uid, pid: 1 }, request).await
    }

    /// The page of metrics.
    pub(crate) async fn metrics(&self) -> String {
        let life = self.life.as_ref().expect("it runs");
        life.front.metrics().await
    }

    pub(crate) async fn meters(&self) -> Vec<MeterStatus> {
        match self.ask(Request::Meters).await {
            Ok(Answer::Meters(meters)) => meters,
            other => panic!("{other:?}"),
        }
    }

    /// What its sessions came to since the start, by meter.
    pub(crate) fn session_totals(&self) -> Vec<SessionTotals> {
        let life = self.life.as_ref().expect("it was started");
        let view = life.front.buses[0].view.borrow();
        view.meters
            .iter()
            .filter_map(|meter| meter.sessions.clone())
            .collect()
    }

    /// Starts work and waits for its end.
    pub(crate) async fn work(&self, what: Work) -> Job {
        let number = self.begin(what).await;
        self.end_of(number, 3600).await
    }

    /// The same, for what comes of it.
    pub(crate) async fn outcome(&self, what: Work) -> Outcome {
        outcome(self.work(what).await)
    }

    /// The same, where it should fail.
    pub(crate) async fn failure(&self, what: Work) -> Diagnosis {
        match self.work(what).await.state {
            JobState::Failed(diagnosis) => diagnosis,
            other => panic!("{other:#?}"),
        }
    }

    pub(crate) async fn begin(&self, what: Work) -> u64 {
        match self.ask(Request::Start { what }).await {
            Ok(Answer::Job(job)) => job.number,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn job(&self, number: u64) -> Job {
        match self.ask(Request::Job { number }).await {
            Ok(Answer::Job(job)) => *job,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn end_of(&self, number: u64, seconds: u64) -> Job {
        for _ in 0..seconds {
            let job = self.job(number).await;
            if job.state.has_ended() {
                return job;
            }
            sleep(Duration::from_secs(1)).await;
        }
        panic!("job {number} has not ended: {:?}", self.job(number).await);
    }

    /// True time now, in seconds.
    pub(crate) fn utc(&self) -> i64 {
        let starts_at = i64::try_from(self.wall.starts_at.seconds()).unwrap();
        starts_at + i64::try_from(self.wire.now().as_secs()).unwrap()
    }

    /// What the store holds of one stream; the daemon must be stopped.
    pub(crate) fn entries(&self, stream: Stream) -> Vec<Entry> {
        assert!(self.life.is_none(), "the store is in use");
        let (store, _) = Store::open(&self.store_folder(), &self.options()).unwrap();
        let mut entries = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry: &Entry| entry.number);
            let found = store.pending(stream, after, 1000).unwrap();
            assert!(found.damaged.is_empty());
            if found.entries.is_empty() {
                return entries;
            }
            entries.extend(found.entries);
        }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let entries = self.entries(Stream::Events).into_iter();
        let events = entries.filter_map(|entry| match entry.body {
            Body::Event(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    /// All readings of all meters, sealed or not; the daemon must be stopped.
    pub(crate) fn readings(&self) -> Vec<MeterReadings> {
        assert!(self.life.is_none(), "the store is in use");
        let (store, _) = Store::open(&self.store_folder(), &self.options()).unwrap();
        let from = self.wall.starts_at.before(Duration::from_hours(24));
        let to = Timestamp::from_seconds(u64::try_from(self.utc()).unwrap());
        let meters = self.settings().meters.into_iter();
        let readings = meters.flat_map(|meter| {
            let found = store.telemetry(&meter.id, from, to, usize::MAX);
            found.unwrap()
        });
        readings.collect()
    }

    pub(crate) fn rows(&self) -> Vec<ProfileRows> {
        let entries = self.entries(Stream::Profiles).into_iter();
        let rows = entries.filter_map(|entry| match entry.body {
            Body::Profile(rows) => Some(rows),
            _ => None,
        });
        rows.collect()
    }

    /// A file of this world.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

/// Some have registers of the secondary side: 11 kV / 110 V, 200 A / 5 A.
fn ratio(model: ElsterModel) -> i128 {
    match model {
        ElsterModel::A1140 | ElsterModel::A1120 | ElsterModel::As230 => 1,
        _ => 4000,
    }
}

/// The gateway's end of a wire, as a port that can be set.
fn open_port(wire: &Wire) -> Arc<OpenPort> {
    let wire = wire.clone();
    Arc::new(move |_: &_| {
        if !wire.is_plugged() {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        let port = wire.clone();
        let line = Simulated::new(Box::new(wire.line()));
        Ok(line.with_settings(move |settings| {
            let mut port = port.line();
            Box::pin(async move { port.set(settings).await.unwrap() })
        }))
    })
}

/// The gateway's end of a link with circuits.
fn open_link(link: &Link) -> Arc<OpenPort> {
    let link = link.clone();
    Arc::new(move |_: &_| {
        let circuits = link.clone();
        let turn = move |circuit| {
            match circuit {
                Circuit::Dtr(on) => circuits.turn(Turned::Dtr(on)),
                Circuit::Rts(on) => circuits.turn(Turned::Rts(on)),
                Circuit::Break(on) => circuits.turn(Turned::Break(on)),
                Circuit::Carrier => {}
            }
            circuits.carrier()
        };
        Ok(Simulated::with_circuits(Box::new(link.line()), turn))
    })
}

pub(crate) fn keep_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Where the shipped models are.
fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/meter-models")
}

fn head(folder: &Path) -> String {
    let models = models();
    std::fs::create_dir_all(folder.join("data")).unwrap();
    format!(
        "[gateway]\nid = \"pmu-test\"\ndata-folder = \"{0}/data\"\nruntime-folder = \"{0}\"\n\
         model-folder = \"{1}\"\n[[bus]]\nid = \"main\"\nlink = \"serial\"\n\
         device = \"/dev/sim0\"\nbaud = 9600\n",
        folder.display(),
        models.display()
    )
}

/// What came of a job that is done.
pub(crate) fn outcome(job: Job) -> Outcome {
    match job.state {
        JobState::Done(outcome) => *outcome,
        other => panic!("{other:#?}"),
    }
}

/// A disk that is always half empty.
pub(crate) fn roomy() -> Partition {
    Partition::of(|| Ok(partly_free(50)))
}

fn partly_free(percent: u64) -> Space {
    const TOTAL: u64 = 16 << 30;
    Space {
        free: TOTAL / 100 * percent,
        total: TOTAL,
    }
}
