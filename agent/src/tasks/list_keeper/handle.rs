//! How the desk reaches the keeper of lists.

use super::views::ListView;
use authority::CommandId;
use schemes::list::{ListName, Run};
use tokio::sync::{mpsc, oneshot, watch};

/// Asks that wait.
const ASKS_MAX: usize = 16;

/// Where the end of a run is told, or why there is none.
pub(super) type RunReply = oneshot::Sender<Result<Run, String>>;

/// Somebody who waits for the end of a run.
pub(super) struct Waits {
    pub(super) name: String,
    pub(super) reply: RunReply,
}

/// What is asked of the keeper.
#[derive(Debug)]
pub enum ListAsk {
    /// A list was put or removed; the store has it as it is now.
    Changed(ListName),
    /// Whether one runs.
    IsRunning {
        /// Which.
        name: String,
        /// Who waits.
        reply: oneshot::Sender<bool>,
    },
    /// Run one now; answered when the run is over.
    Run {
        /// Which.
        name: String,
        /// The command that orders it: the same one again waits for the same run.
        by: CommandId,
        /// Who waits.
        reply: oneshot::Sender<Result<Run, String>>,
    },
    /// End a run before its next meter; answered with whether there was one.
    Stop {
        /// Which.
        name: String,
        /// Who waits.
        reply: oneshot::Sender<bool>,
    },
}

/// A way to the keeper; cheap to clone.
#[derive(Debug, Clone)]
pub struct ListHandle {
    asks: mpsc::Sender<ListAsk>,
    views: watch::Receiver<Vec<ListView>>,
}

/// The keeper's end of it.
#[derive(Debug)]
pub struct ListDoor {
    pub(super) asks: mpsc::Receiver<ListAsk>,
    pub(super) views: watch::Sender<Vec<ListView>>,
}

/// A way to the keeper, and its end.
pub fn channel() -> (ListHandle, ListDoor) {
    let (asks, asked) = mpsc::channel(ASKS_MAX);
    let (seen, views) = watch::channel(Vec::new());
    let door = ListDoor {
        asks: asked,
        views: seen,
    };
    (ListHandle { asks, views }, door)
}

impl ListHandle {
    /// How the lists stand.
    pub fn views(&self) -> Vec<ListView> {
        self.views.borrow().clone()
    }

    /// Says that a list was put or removed.
    pub async fn changed(&self, name: ListName) {
        if self.asks.send(ListAsk::Changed(name)).await.is_err() {
            log::debug!("the keeper of lists has gone; the next start reads them anew");
        }
    }

    /// Whether a list runs; nothing where the gateway stops.
    pub async fn is_running(&self, name: &str) -> Option<bool> {
        let name = name.to_owned();
        self.ask(|reply| ListAsk::IsRunning { name, reply }).await
    }

    /// Runs a list, and waits for the end; nothing where the gateway stops.
    pub async fn run(&self, name: &str, by: CommandId) -> Option<Result<Run, String>> {
        let name = name.to_owned();
        self.ask(|reply| ListAsk::Run { name, by, reply }).await
    }

    /// Ends a run before its next meter; whether there was one.
    pub async fn stop(&self, name: &str) -> Option<bool> {
        let name = name.to_owned();
        self.ask(|reply| ListAsk::Stop { name, reply }).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> ListAsk) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(ask(reply)).await.ok()?;
        answer.await.ok()
    }
}
