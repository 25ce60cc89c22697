//! Starting: the store first, then the lines, the uplink, the local sockets, the heartbeat.

use super::proving::Proving;
use super::{Stops, Supervisor, opening};
use crate::adapters::clock::{Clock, SystemClock, local_zone};
use crate::adapters::command_keys::{former_keys, receipt_key};
use crate::adapters::disk::Partition;
use crate::adapters::sealing_key::sealing_key;
use crate::adapters::trace_file::Tracer;
use crate::alarms::Alarms;
use crate::config::{Settings, Trial, TrialState};
use crate::front::{Front, PeopleRoom};
use crate::health::{Pulse, STOREKEEPER};
use crate::jobs::Jobs;
use crate::limits::{BUS_REQUESTS_MAX, LINES_SHOWN_WITHIN};
use crate::tasks::bus::{Bus, BusHandle, BusParts, BusView};
use crate::tasks::command_desk::{CommandDesk, DeskHandle, DeskParts};
use crate::tasks::drift_watch::DriftWatch;
use crate::tasks::heartbeat::{Heartbeat, look_first};
use crate::tasks::keykeeper::{self, KeyHandle, KeyRoom, read_credential};
use crate::tasks::list_keeper::{self, ListKeeper, ListParts};
use crate::tasks::local_api::LocalApi;
use crate::tasks::storekeeper::{Shelf, StoreHandle, Storekeeper, StorekeeperParts};
use crate::tasks::updater::{Updater, UpdaterAsks, UpdaterHandle, UpdaterParts, updater_road};
use crate::tasks::uplink::{ImageOrders, ImageRoad, Uplink, UplinkParts, UplinkView, image_road};
use anyhow::Context;
use authority::{MasterKey, ReceiptKeys};
use metering::Event;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// What every task gets a share of.
struct Common {
    clock: Clock,
    stops: Stops,
    pulses: Vec<Pulse>,
    tasks: JoinSet<&'static str>,
}

impl Common {
    fn new() -> Self {
        Self {
            clock: Clock::new(Arc::new(SystemClock)),
            stops: Stops::default(),
            pulses: Vec::new(),
            tasks: JoinSet::new(),
        }
    }

    fn pulse(&mut self, name: &str) -> Pulse {
        let pulse = Pulse::new(name);
        self.pulses.push(pulse.clone());
        pulse
    }
}

impl Supervisor {
    /// Opens the store and starts every task.
    pub(super) fn start(settings: Settings, config: PathBuf) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut common = Common::new();
        look_first(&common.clock, &settings.clock.state_file);
        let alarms = Alarms::default();
        let opened = opening::open(&settings, &common.clock)?;
        let (boot, events, verify) = (opened.boot, opened.events, opened.unclean);
        let shelf = opened.shelf;
        let keeper = Keeper { shelf, verify };
        let (store, store_done) = keeper.start(&settings, &mut common, alarms.clone())?;

        let (keys, keys_done) = start_keys(&settings, &common)?;

        let (steps, stepped) = watch::channel(0_u64);
        let (buses, lines_done) = start_lines(&settings, &mut common, (&store, &keys), &stepped)?;
        let jobs = Jobs::default();
        let (updater, asks) = updater_road();
        let (view, seen) = watch::channel(UplinkView::default());
        let (images, orders) = image_road(seen.clone());
        let images = settings.uplink.is_some().then_some(images);
        let hands = (&store, buses.as_slice(), &jobs, (&updater, &images));
        let desk = start_desk((&settings, &config), &mut common, hands, boot);
        let is_sending = start_uplink(
            &settings,
            &mut common,
            &store,
            (boot, &desk),
            (view, orders),
        );
        let uplink = is_sending.then_some(seen);
        let road = (uplink.as_ref(), images);
        start_updater(&settings, &mut common, asks, (&store, &buses), road);
        start_proving(&settings, &mut common, uplink.as_ref());
        let front = Front {
            gateway: settings.gateway.clone(),
            clock: common.clock.clone(),
            started,
            data_folder: settings.data_folder.clone(),
            store: store.clone(),
            keys,
            buses: buses.clone(),
            uplink,
            alarms,
            jobs,
            command_desk: desk,
            people: PeopleRoom::new(store.clone(), common.clock.clone(), settings.rights.clone()),
            updater,
            configuration: config.clone(),
            is_recovery: settings.recovery.is_some(),
        };
        start_local(&settings, &mut common, front)?;
        start_heartbeat(&settings, &mut common, (&store, &buses), (steps, events));
        let (stops, tasks) = (common.stops, common.tasks);
        Ok(Self {
            settings,
            config,
            stops,
            store,
            buses,
            tasks,
            lines_done,
            keys_done,
            store_done,
        })
    }
}

fn tracers(settings: &Settings, buses: &[BusHandle]) -> Vec<Tracer> {
    let folder = &settings.runtime_folder;
    buses.iter().map(|bus| bus.tracer(folder)).collect()
}

struct Keeper {
    shelf: Shelf,
    verify: bool,
}

type KeeperEnds = (StoreHandle, oneshot::Receiver<()>);

impl Keeper {
    fn start(
        self,
        settings: &Settings,
        common: &mut Common,
        alarms: Alarms,
    ) -> anyhow::Result<KeeperEnds> {
        let parts = StorekeeperParts {
            settings: settings.store.clone(),
            partition: Partition::under(settings.data_folder.clone()),
            clock: common.clock.clone(),
            shutdown: common.stops.store.clone(),
            pulse: common.pulse(STOREKEEPER),
        };
        let (keeper, handle) = Storekeeper::new(self.shelf, parts, self.verify, alarms);
        let done = on_thread("store", move || keeper.run())?;
        Ok((handle, done))
    }
}

/// The thread of the keys. No file is made before somebody asks for a key.
fn start_keys(
    settings: &Settings,
    common: &Common,
) -> anyhow::Result<(KeyHandle, oneshot::Receiver<()>)> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let octets = read_credential(credentials.as_deref()).unwrap_or_else(|error| {
        log::error!(error:%; "the master key cannot be read; meters that need keys are not read");
        None
    });
    let master = MasterKey::from_credential(octets.as_ref().map(|octets| octets.as_slice()));
    let room = KeyRoom::new(settings.data_folder.clone(), master);
    let (handle, jobs) = keykeeper::channel();
    let shutdown = common.stops.keys.clone();
    let done = on_thread("keys", move || keykeeper::run(room, jobs, shutdown))?;
    Ok((handle, done))
}

/// All lines share one thread of their own: a busy task elsewhere must not cost bus time.
fn start_lines(
    settings: &Settings,
    common: &mut Common,
    (store, keys): (&StoreHandle, &KeyHandle),
    stepped: &watch::Receiver<u64>,
) -> anyhow::Result<(Vec<BusHandle>, oneshot::Receiver<()>)> {
    let mut handles = Vec::new();
    let mut buses = Vec::new();
    for bus in &settings.buses {
        let (requests, asked) = mpsc::channel(BUS_REQUESTS_MAX);
        let parts = BusParts {
            settings: bus.clone(),
            meters: settings.meters_of(&bus.id).cloned().collect(),
            catalogue: Arc::clone(&settings.catalogue),
            runtime_folder: settings.runtime_folder.clone(),
            store: store.clone(),
            keys: keys.clone(),
            clock: common.clock.clone(),
            requests: asked,
            stepped: stepped.clone(),
            shutdown: common.stops.lines.clone(),
            pulse: common.pulse(&format!("bus {}", bus.id)),
        };
        let (bus, handle) = Bus::new(parts, requests)?;
        handles.push(handle);
        buses.push(bus);
    }
    let idle = common.stops.lines.clone();
    let done = on_thread("lines", move || async move {
        let mut lines = JoinSet::new();
        for bus in buses {
            lines.spawn(bus.run());
        }
        // The first to end unasked ends them all; without a bus there is nothing to end.
        if lines.join_next().await.is_none() {
            idle.cancelled().await;
        }
        if idle.is_cancelled() {
            while lines.join_next().await.is_some() {}
        }
    })?;
    Ok((handles, done))
}

fn start_uplink(
    settings: &Settings,
    common: &mut Common,
    store: &StoreHandle,
    (boot, desk): (u64, &Option<DeskHandle>),
    (view, orders): (watch::Sender<UplinkView>, ImageOrders),
) -> bool {
    let Some(uplink) = &settings.uplink else {
        log::warn!("no [uplink] is configured: nothing is sent");
        return false;
    };
    let task = Uplink::new(UplinkParts {
        gateway: settings.gateway.clone(),
        settings: uplink.clone(),
        store: store.clone(),
        clock: common.clock.clone(),
        boot,
        shutdown: common.stops.uplink.clone(),
        pulse: common.pulse("the uplink"),
        view,
    });
    let task = task.in_recovery(settings.recovery.clone()).bringing(orders);
    let task = match desk {
        Some(desk) => task.commanding(desk.clone()),
        None => task,
    };
    common.tasks.spawn(async move {
        task.run().await;
        "the uplink"
    });
    true
}

/// What the command desk works with.
type DeskHands<'a> = (
    &'a StoreHandle,
    &'a [BusHandle],
    &'a Jobs,
    (&'a UpdaterHandle, &'a Option<ImageRoad>),
);

/// The command desk; none in recovery, and none without a key to sign receipts with.
fn start_desk(
    (settings, config): (&Settings, &Path),
    common: &mut Common,
    (store, buses, jobs, (updater, documents)): DeskHands<'_>,
    boot: u64,
) -> Option<DeskHandle> {
    if settings.recovery.is_some() {
        return None;
    }
    start_drift_watch(settings, common, (store, buses, jobs));
    let seed = || {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
        Ok(seed)
    };
    let key = match receipt_key(&settings.data_folder, seed) {
        Ok(key) => Arc::new(key),
        Err(fault) => {
            log::error!(fault:%; "no command is taken");
            return None;
        }
    };
    let sealing = sealing_key(&settings.data_folder, seed)
        .inspect_err(|fault| log::error!(fault:%; "no password of a meter is changed"))
        .ok();
    let former = former_keys(&settings.data_folder, &key);
    let all = [vec![key.public_key()], former.clone()].concat();
    let receipts = ReceiptKeys::of_gateway(settings.gateway.clone(), all);
    let (lists, asks) = list_keeper::channel();
    let (desk, handle) = CommandDesk::new(DeskParts {
        gateway: settings.gateway.clone(),
        roots_file: settings
            .commands
            .as_ref()
            .map(|commands| commands.roots_file.clone()),
        key,
        former,
        sealing: sealing.map(Arc::new),
        store: store.clone(),
        buses: buses.to_vec(),
        lists,
        jobs: jobs.clone(),
        updater: updater.clone(),
        documents: documents.clone(),
        configuration: config.to_owned(),
        data_folder: settings.data_folder.clone(),
        runtime_folder: settings.runtime_folder.clone(),
        trial: settings.commands.as_ref().map(|commands| commands.trial),
        rights: settings.rights.clone(),
        clock: common.clock.clone(),
        boot,
        shutdown: common.stops.lines.clone(),
        restart: common.stops.restart.clone(),
        pulse: common.pulse("the command desk"),
    });
    common.tasks.spawn(async move {
        desk.run().await;
        "the command desk"
    });
    let parts = ListParts {
        store: store.clone(),
        desk: handle.clone(),
        buses: buses.to_vec(),
        receipts,
        clock: common.clock.clone(),
        shutdown: common.stops.lines.clone(),
        pulse: common.pulse("the meter lists"),
    };
    let keeper = ListKeeper::new(parts, asks);
    common.tasks.spawn(async move {
        keeper.run().await;
        "the meter lists"
    });
    Some(handle)
}

/// Watches the tasks that were started before it.
fn start_heartbeat(
    settings: &Settings,
    common: &mut Common,
    (store, buses): (&StoreHandle, &[BusHandle]),
    (steps, opening): (watch::Sender<u64>, Vec<Event>),
) {
    let heartbeat = Heartbeat {
        pulses: std::mem::take(&mut common.pulses),
        clock: common.clock.clone(),
        state_file: settings.clock.state_file.clone(),
        store: store.clone(),
        steps,
        opening,
        tracers: tracers(settings, buses),
        shutdown: common.stops.uplink.clone(),
    };
    common.tasks.spawn(async move {
        heartbeat.run().await;
        "the heartbeat"
    });
}

/// The nightly comparison of meters with what they were programmed with.
fn start_drift_watch(
    settings: &Settings,
    common: &mut Common,
    (store, buses, jobs): (&StoreHandle, &[BusHandle], &Jobs),
) {
    let at = settings.commands.as_ref().and_then(|all| all.drift_watch);
    let Some(at) = at else {
        return;
    };
    let watch = DriftWatch {
        gateway: settings.gateway.clone(),
        at,
        zone: local_zone(),
        store: store.clone(),
        buses: buses.to_vec(),
        jobs: jobs.clone(),
        clock: common.clock.clone(),
        shutdown: common.stops.lines.clone(),
        pulse: common.pulse("the drift watch"),
    };
    common.tasks.spawn(async move {
        watch.run().await;
        "the drift watch"
    });
}

fn start_updater(
    settings: &Settings,
    common: &mut Common,
    asks: UpdaterAsks,
    (store, buses): (&StoreHandle, &[BusHandle]),
    (uplink, images): (Option<&watch::Receiver<UplinkView>>, Option<ImageRoad>),
) {
    let parts = UpdaterParts {
        settings: settings.update.clone(),
        uplink_settings: settings.uplink.clone(),
        images,
        data_folder: settings.data_folder.clone(),
        runtime_folder: settings.runtime_folder.clone(),
        clock: common.clock.clone(),
        store: store.clone(),
        buses: buses.to_vec(),
        uplink: uplink.cloned(),
        shutdown: common.stops.uplink.clone(),
        pulse: common.pulse("the updater"),
    };
    let task = Updater::new(parts, asks);
    common.tasks.spawn(async move {
        task.run().await;
        "the updater"
    });
}

/// A configuration on trial is watched, until it is kept or left.
fn start_proving(
    settings: &Settings,
    common: &mut Common,
    uplink: Option<&watch::Receiver<UplinkView>>,
) {
    let trial = Trial::load(&settings.data_folder);
    let Some(trial) = trial.filter(|trial| trial.state == TrialState::Running) else {
        return;
    };
    let proving = Proving {
        trial,
        data_folder: settings.data_folder.clone(),
        uplink: uplink.cloned(),
        restart: common.stops.restart.clone(),
        shutdown: common.stops.uplink.clone(),
    };
    common.tasks.spawn(async move {
        proving.run().await;
        "the trial of a configuration"
    });
}

fn start_local(settings: &Settings, common: &mut Common, front: Front) -> anyhow::Result<()> {
    let pulse = common.pulse("the local sockets");
    let stop = common.stops.uplink.clone();
    let folder = &settings.runtime_folder;
    let views = front.buses.iter().map(|bus| bus.view.clone()).collect();
    let local = LocalApi::open(folder, Arc::new(front), stop, pulse)
        .with_context(|| format!("{}: no socket can be made there", folder.display()))?;
    common.tasks.spawn(async move {
        wait_until_shown(views).await;
        local.run().await;
        "the local sockets"
    });
    Ok(())
}

/// Whoever asks at once is not to be told that there is no such meter, only because its line has not
/// begun yet.
async fn wait_until_shown(views: Vec<watch::Receiver<BusView>>) {
    let all = async {
        for mut view in views {
            if view.changed().await.is_err() {
                log::debug!("a line has ended before it began");
            }
        }
    };
    if timeout(LINES_SHOWN_WITHIN, all).await.is_err() {
        log::warn!("not every line has begun; its meters are not shown yet");
    }
}

/// Runs what `make` makes on a thread and runtime of its own; the receiver resolves at its end.
fn on_thread<F, T>(name: &str, make: F) -> anyhow::Result<oneshot::Receiver<()>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Future<Output = ()>,
{
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    let (ended, done) = oneshot::channel::<()>();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            runtime.block_on(make());
            drop(ended);
        })
        .context("no thread")?;
    Ok(done)
}
