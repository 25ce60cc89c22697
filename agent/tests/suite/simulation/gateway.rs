//! One life of the daemon: its real tasks, on adapters of the simulated world.

use super::world::World;
use crate::bench::roomy;
use pmu_agent::adapters::clock::{Clock, WallClock};
use pmu_agent::alarms::Alarms;
use pmu_agent::health::Pulse;
use pmu_agent::limits::BUS_REQUESTS_MAX;
use pmu_agent::state::StateKey;
use pmu_agent::tasks::bus::{Bus, BusHandle, BusParts};
use pmu_agent::tasks::heartbeat::{Heartbeat, look_first};
use pmu_agent::tasks::keykeeper::KeyHandle;
use pmu_agent::tasks::storekeeper::{Shelf, StoreHandle, Storekeeper, StorekeeperParts};
use pmu_agent::tasks::uplink::{Uplink, UplinkParts, UplinkView};
use std::sync::Arc;
use std::time::Duration;
use storage::{FileState, OpenReport, Store, StoreError, StoreOptions};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A daemon that runs.
pub(super) struct Gateway {
    lines: JoinSet<()>,
    uplinks: JoinSet<()>,
    keeper: JoinSet<()>,
    stops: [CancellationToken; 3],
    pub(super) store: StoreHandle,
    pub(super) buses: Vec<BusHandle>,
    pub(super) uplink: watch::Receiver<UplinkView>,
    pub(super) pulses: Vec<Pulse>,
    pub(super) alarms: Alarms,
    pub(super) report: OpenReport,
}

/// The store's options in this world; the caches are small, so that pages are really read.
pub(super) fn options(world: &World) -> StoreOptions {
    let epoch = world
        .dice
        .fork(world.disk.syncs() ^ 0xE90C)
        .roll()
        .to_be_bytes();
    let mut options = StoreOptions::new(epoch);
    options.hot_cache_bytes = 512 * 1024;
    options.archive_cache_bytes = 512 * 1024;
    options
}

/// What every task gets a share of.
struct Common<'a> {
    world: &'a World,
    clock: &'a Clock,
    store: &'a StoreHandle,
    stops: &'a [CancellationToken; 3],
}

impl Common<'_> {
    fn bus(&self, index: usize, stepped: watch::Receiver<u64>, pulse: Pulse) -> (Bus, BusHandle) {
        let settings = &self.world.settings;
        let bus = settings.buses[index].clone();
        let (requests, asked) = mpsc::channel(BUS_REQUESTS_MAX);
        let parts = BusParts {
            meters: settings.meters_of(&bus.id).cloned().collect(),
            catalogue: Arc::clone(&settings.catalogue),
            settings: bus,
            runtime_folder: settings.runtime_folder.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            keys: KeyHandle::without_thread(),
            requests: asked,
            stepped,
            shutdown: self.stops[0].clone(),
            pulse,
        };
        let (task, handle) = Bus::new(parts, requests).expect("a runtime folder");
        (task.on(self.world.open_port(index)), handle)
    }

    fn uplink(&self, boot: u64, pulse: Pulse) -> (Uplink, watch::Receiver<UplinkView>) {
        let (view, seen) = watch::channel(UplinkView::default());
        let (world, settings) = (self.world, &self.world.settings);
        let task = Uplink::new(UplinkParts {
            gateway: settings.gateway.clone(),
            settings: settings.uplink.clone().expect("an uplink is configured"),
            store: self.store.clone(),
            clock: self.clock.clone(),
            boot,
            shutdown: self.stops[1].clone(),
            pulse,
            view,
        });
        (task.through(Arc::new(world.head_end.clone())), seen)
    }
}

fn clock(world: &World) -> Clock {
    let wall: Arc<dyn WallClock> = Arc::<super::clock::WorldClock>::clone(&world.clock);
    let clock = Clock::new(wall);
    look_first(&clock, &world.settings.clock.state_file);
    clock
}

impl Gateway {
    /// Starts as the supervisor does: the store first, then lines, uplink, heartbeat.
    pub(super) fn start(world: &World) -> Result<Self, StoreError> {
        let clock = clock(world);
        let (mut store, report) = Store::open_on(&world.disk, &options(world))?;
        let (kind, id) = StateKey::Boot.key();
        let boot = StateKey::number(store.state(kind, id)?.as_deref()) + 1;
        store.set_state(kind, id, &boot.to_be_bytes())?;
        let (disk, again) = (world.disk.clone(), options(world));
        let shelf = Shelf::opened_by(
            store,
            Box::new(move || Ok(Store::open_on(&disk, &again)?.0)),
        );
        let stops: [CancellationToken; 3] = Default::default();
        let alarms = Alarms::default();
        let mut pulses = Vec::new();
        let mut pulse = |name: &str| {
            let pulse = Pulse::new(name);
            pulses.push(pulse.clone());
            pulse
        };
        let parts = StorekeeperParts {
            settings: world.settings.store.clone(),
            partition: roomy(),
            clock: clock.clone(),
            shutdown: stops[2].clone(),
            pulse: pulse("the storekeeper"),
        };
        let (keeper, store) = Storekeeper::new(shelf, parts, report.unclean_stop, alarms.clone());
        let (steps, stepped) = watch::channel(0_u64);
        let common = Common {
            world,
            clock: &clock,
            store: &store,
            stops: &stops,
        };
        let mut lines = JoinSet::new();
        let mut buses = Vec::new();
        for (index, bus) in world.settings.buses.iter().enumerate() {
            let pulse = pulse(&format!("bus {}", bus.id));
            let (task, handle) = common.bus(index, stepped.clone(), pulse);
            lines.spawn(task.run());
            buses.push(handle);
        }
        let (task, uplink) = common.uplink(boot, pulse("the uplink"));
        let mut uplinks = JoinSet::new();
        uplinks.spawn(task.run());
        let heartbeat = Heartbeat {
            pulses: pulses.clone(),
            clock,
            state_file: world.settings.clock.state_file.clone(),
            store: store.clone(),
            steps,
            opening: Vec::new(),
            tracers: Vec::new(),
            shutdown: stops[1].clone(),
        };
        uplinks.spawn(heartbeat.run());
        let mut keepers = JoinSet::new();
        keepers.spawn(keeper.run());
        Ok(Self {
            lines,
            uplinks,
            keeper: keepers,
            stops,
            store,
            buses,
            uplink,
            pulses,
            alarms,
            report,
        })
    }

    /// Whether a file of the store was given up at the start.
    pub(super) fn set_aside(&self) -> bool {
        let aside = |state: &FileState| matches!(state, FileState::SetAside { .. });
        aside(&self.report.hot) || aside(&self.report.archive)
    }

    /// A task that ended although nobody asked it to.
    pub(super) fn ended(&mut self) -> Option<String> {
        let groups = [
            ("a line", &mut self.lines),
            ("uplink or heartbeat", &mut self.uplinks),
            ("the storekeeper", &mut self.keeper),
        ];
        groups.into_iter().find_map(|(name, group)| {
            group
                .try_join_next()
                .map(|end| format!("{name} ended unasked: {end:?}"))
        })
    }

    /// Stops as the supervisor does. `false`: a task did not end in time.
    pub(super) async fn stop(mut self) -> bool {
        let mut in_time = true;
        let limits = [8, 5, 20].map(Duration::from_secs);
        let groups = [&mut self.lines, &mut self.uplinks, &mut self.keeper];
        for ((stop, group), limit) in self.stops.iter().zip(groups).zip(limits) {
            stop.cancel();
            let rest = async { while group.join_next().await.is_some() {} };
            in_time &= timeout(limit, rest).await.is_ok();
        }
        in_time
    }

    /// Ends in the middle of whatever it does. The disk must be told before.
    pub(super) async fn kill(mut self) {
        self.lines.shutdown().await;
        self.uplinks.shutdown().await;
        self.keeper.shutdown().await;
    }
}
