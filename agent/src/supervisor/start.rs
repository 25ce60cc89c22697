//! Starting: the store first, then the lines, the uplink, the local sockets, the heartbeat.

use super::{Stops, Supervisor, opening};
use crate::adapters::clock::{Clock, SystemClock};
use crate::adapters::command_keys::receipt_key;
use crate::alarms::Alarms;
use crate::config::Settings;
use crate::front::Front;
use crate::health::{Pulse, STOREKEEPER};
use crate::jobs::Jobs;
use crate::limits::{BUS_REQUESTS_MAX, LINES_SHOWN_WITHIN};
use crate::tasks::bus::{Bus, BusHandle, BusParts, BusView};
use crate::tasks::command_desk::{CommandDesk, DeskHandle, DeskParts};
use crate::tasks::heartbeat::{Heartbeat, look_first};
use crate::tasks::keykeeper::{self, KeyHandle, KeyRoom, read_credential};
use crate::tasks::list_keeper::{self, ListKeeper, ListParts};
use crate::tasks::local_api::LocalApi;
use crate::tasks::storekeeper::{Shelf, StoreHandle, Storekeeper, StorekeeperParts};
use crate::tasks::updater::{Updater, UpdaterHandle, UpdaterParts};
use crate::tasks::uplink::{ImageRoad, Uplink, UplinkParts, UplinkView, image_road};
use anyhow::Context;
use authority::{MasterKey, ReceiptKeys};
use std::path::PathBuf;
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
        let mut common = Common {
            clock: Clock::new(Arc::new(SystemClock)),
            stops: Stops::default(),
            pulses: Vec::new(),
            tasks: JoinSet::new(),
        };
        look_first(&common.clock, &settings.clock.state_file);
        let alarms = Alarms::default();
        let opened = opening::open(&settings, &common.clock)?;
        let (boot, events) = (opened.boot, opened.events);
        let keeper = Keeper {
            shelf: opened.shelf,
            verify: opened.unclean,
        };
        let (store, store_done) = keeper.start(&settings, &mut common, alarms.clone())?;

        let (keys, keys_done) = start_keys(&settings, &common)?;

        let (steps, stepped) = watch::channel(0_u64);
        let owners = (&store, &keys);
        let (buses, lines_done) = start_lines(&settings, &mut common, owners, &stepped)?;
        let jobs = Jobs::default();
        let desk = start_desk(&settings, &mut common, (&store, &buses, &jobs), boot);
        let (uplink, images) = start_uplink(&settings, &mut common, &store, (boot, desk)).unzip();
        let road = (uplink.as_ref(), images);
        let updater = start_updater(&settings, &mut common, &store, &buses, road);
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
            updater,
            configuration: config.clone(),
            is_recovery: settings.recovery.is_some(),
        };
        start_local(&settings, &mut common, front)?;
        let heartbeat = Heartbeat {
            pulses: common.pulses,
            clock: common.clock,
            state_file: settings.clock.state_file.clone(),
            store: store.clone(),
            steps,
            opening: events,
            tracers: buses
                .iter()
                .map(|bus| bus.tracer(&settings.runtime_folder))
                .collect(),
            shutdown: common.stops.uplink.clone(),
        };
        common.tasks.spawn(async move {
            heartbeat.run().await;
            "the heartbeat"
        });
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
            folder: settings.data_folder.clone(),
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
    (boot, desk): (u64, Option<DeskHandle>),
) -> Option<(watch::Receiver<UplinkView>, ImageRoad)> {
    let Some(uplink) = &settings.uplink else {
        log::warn!("no [uplink] is configured: nothing is sent");
        return None;
    };
    let (view, seen) = watch::channel(UplinkView::default());
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
    let (road, orders) = image_road(seen.clone());
    let task = task.in_recovery(settings.recovery.clone()).bringing(orders);
    let task = match desk {
        Some(desk) => task.commanding(desk),
        None => task,
    };
    common.tasks.spawn(async move {
        task.run().await;
        "the uplink"
    });
    Some((seen, road))
}

/// The command desk; none in recovery, and none without a key to sign receipts with.
fn start_desk(
    settings: &Settings,
    common: &mut Common,
    (store, buses, jobs): (&StoreHandle, &[BusHandle], &Jobs),
    boot: u64,
) -> Option<DeskHandle> {
    if settings.recovery.is_some() {
        return None;
    }
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
    let receipts = ReceiptKeys::of_gateway(settings.gateway.clone(), vec![key.public_key()]);
    let (lists, asks) = list_keeper::channel();
    let (desk, handle) = CommandDesk::new(DeskParts {
        gateway: settings.gateway.clone(),
        roots_file: settings
            .commands
            .as_ref()
            .map(|commands| commands.roots_file.clone()),
        key,
        store: store.clone(),
        buses: buses.to_vec(),
        lists,
        jobs: jobs.clone(),
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

fn start_updater(
    settings: &Settings,
    common: &mut Common,
    store: &StoreHandle,
    buses: &[BusHandle],
    (uplink, images): (Option<&watch::Receiver<UplinkView>>, Option<ImageRoad>),
) -> UpdaterHandle {
    let (task, handle) = Updater::new(UpdaterParts {
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
    });
    common.tasks.spawn(async move {
        task.run().await;
        "the updater"
    });
    handle
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
