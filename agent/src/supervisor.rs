//! Starts every task, notices the first that ends unasked, and shuts down in order: lines finish
//! the exchange in progress, the store commits, the uplink sends what fits.

mod opening;
mod reload;
mod start;

use crate::adapters::service;
use crate::config::Settings;
use crate::tasks::bus::BusHandle;
use crate::tasks::storekeeper::{StoreHandle, Urgency};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Lines get this long to finish the exchange in progress.
const LINES_STOP_WITHIN: Duration = Duration::from_secs(8);
const UPLINK_STOP_WITHIN: Duration = Duration::from_secs(5);
const STORE_STOP_WITHIN: Duration = Duration::from_secs(20);

/// Runs the daemon until it is told to stop.
pub fn run(settings: Settings, config: PathBuf) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(async move { Supervisor::start(settings, config)?.watch().await })
}

/// Stops each group of tasks by itself.
#[derive(Clone, Default)]
struct Stops {
    lines: CancellationToken,
    uplink: CancellationToken,
    store: CancellationToken,
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
    store_done: oneshot::Receiver<()>,
}

/// What can wake the supervisor.
enum Wake {
    Stop,
    Reload,
    Ended(&'static str),
}

impl Supervisor {
    async fn watch(mut self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate()).context("no signals")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("no signals")?;
        let mut hang_up = signal(SignalKind::hangup()).context("no signals")?;
        let meters = self.settings.meters.len();
        service::ready(&format!("{meters} meters on {} buses", self.buses.len()));
        self.store
            .keep(vec![self.audit_line("start")], Urgency::Soon)
            .await;
        log::info!(meters, buses = self.buses.len(); "reading {meters} meters");
        loop {
            match self
                .wait(&mut terminate, &mut interrupt, &mut hang_up)
                .await
            {
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

    async fn wait(
        &mut self,
        terminate: &mut Signal,
        interrupt: &mut Signal,
        hang_up: &mut Signal,
    ) -> Wake {
        tokio::select! {
            biased;
            _ = terminate.recv() => Wake::Stop,
            _ = interrupt.recv() => Wake::Stop,
            _ = hang_up.recv() => Wake::Reload,
            _ = &mut self.lines_done => Wake::Ended("the lines"),
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
        self.stops.store.cancel();
        if timeout(STORE_STOP_WITHIN, &mut self.store_done)
            .await
            .is_err()
        {
            log::error!("the store did not close in time");
        }
        log::info!("stopped");
    }
}
