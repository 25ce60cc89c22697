//! Starts every task, notices the first that ends unasked, and shuts down in order: lines finish
//! the exchange in progress, the uplink sends what fits, the keys and the store commit.

mod opening;
mod proving;
mod reload;
mod start;
mod wishes;

pub use wishes::Owner;

use crate::adapters::{boot_slots, service};
use crate::config::{Complaints, Settings, boot_report_file, count_start, standing};
use crate::tasks::bus::BusHandle;
use crate::tasks::storekeeper::{StoreHandle, Urgency};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wishes::Wishes;

/// Lines get this long to finish the exchange in progress.
const LINES_STOP_WITHIN: Duration = Duration::from_secs(8);
const UPLINK_STOP_WITHIN: Duration = Duration::from_secs(5);
const STORE_STOP_WITHIN: Duration = Duration::from_secs(20);

/// What the system that runs makes of a configuration: the recovery system takes less from it.
pub fn settings(config: &Path) -> Result<Settings, Complaints> {
    match boot_slots::recovery(&boot_report_file(config)) {
        Some(report) => Settings::load_for_recovery(config, report),
        None => standing(config),
    }
}

/// The settings of a start: where a configuration is on trial, the start is counted before.
pub fn starting(config: &Path) -> Result<Settings, Complaints> {
    if boot_slots::recovery(&boot_report_file(config)).is_none() {
        count_start(config);
    }
    settings(config)
}

/// Runs the daemon until it is told to stop.
pub fn run(settings: Settings, config: PathBuf, owner: Owner) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(async move {
        let wishes = Wishes::listen(owner)?;
        Supervisor::start(settings, config)?.watch(wishes).await
    })
}

/// Stops each group of tasks by itself.
#[derive(Clone, Default)]
struct Stops {
    lines: CancellationToken,
    uplink: CancellationToken,
    keys: CancellationToken,
    store: CancellationToken,
    /// A command wants the daemon started anew; the service manager does that.
    restart: CancellationToken,
}

struct Supervisor {
    settings: Settings,
    config: PathBuf,
    stops: Stops,
    store: StoreHandle,
    buses: Vec<BusHandle>,
    /// Tasks of this runtime; each names itself when it ends.
    tasks: JoinSet<&'static str>,
    lines_done: oneshot::Receiver<()>,
    keys_done: oneshot::Receiver<()>,
    store_done: oneshot::Receiver<()>,
}

/// What can wake the supervisor.
enum Wake {
    Stop,
    Reload,
    Ended(&'static str),
}

impl Supervisor {
    async fn watch(mut self, mut wishes: Wishes) -> anyhow::Result<()> {
        let meters = self.settings.meters.len();
        self.say_ready();
        self.store
            .keep(vec![self.audit_line("start")], Urgency::Soon)
            .await;
        if self.settings.recovery.is_some() {
            log::warn!("the recovery system runs: no meter is read; install an image");
        } else {
            log::info!(meters, buses = self.buses.len(); "reading {meters} meters");
        }
        loop {
            match self.wait(&mut wishes).await {
                Wake::Reload => self.reload().await,
                Wake::Stop => break,
                Wake::Ended(task) => {
                    self.stop().await;
                    bail!("{task} ended unasked; the service manager starts the daemon anew");
                }
            }
        }
        self.stop().await;
        Ok(())
    }

    fn say_ready(&self) {
        let (meters, buses) = (self.settings.meters.len(), self.buses.len());
        service::ready(&if self.settings.recovery.is_some() {
            "recovery: no meter is read".to_owned()
        } else {
            format!("{meters} meters on {buses} buses")
        });
    }

    async fn wait(&mut self, wishes: &mut Wishes) -> Wake {
        tokio::select! {
            biased;
            wish = wishes.next() => wish,
            () = self.stops.restart.cancelled() => Wake::Stop,
            _ = &mut self.lines_done => Wake::Ended("the lines"),
            _ = &mut self.keys_done => Wake::Ended("the keykeeper"),
            _ = &mut self.store_done => Wake::Ended("the storekeeper"),
            Some(ended) = self.tasks.join_next() => Wake::Ended(ended.unwrap_or("a task")),
        }
    }

    async fn stop(&mut self) {
        service::stopping();
        log::info!("stopping");
        self.stops.lines.cancel();
        if timeout(LINES_STOP_WITHIN, &mut self.lines_done)
            .await
            .is_err()
        {
            log::warn!("a line did not finish its exchange in time");
        }
        self.stops.uplink.cancel();
        let rest = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(UPLINK_STOP_WITHIN, rest).await.is_err() {
            log::warn!("the uplink did not finish in time; what it had is kept");
        }
        // Nobody is left who could ask for a key, or has something to store.
        self.stops.keys.cancel();
        self.stops.store.cancel();
        let owners = async { tokio::join!(&mut self.keys_done, &mut self.store_done) };
        if timeout(STORE_STOP_WITHIN, owners).await.is_err() {
            log::error!("the store or the file of keys did not close in time");
        }
        log::info!("stopped");
    }
}
