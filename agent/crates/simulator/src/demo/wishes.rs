//! What a person may wish while the demonstration runs: that it ends.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

/// Watches for the wish to end: Ctrl-C, the end of the terminal, or a signal of whoever started it.
#[derive(Debug)]
pub(crate) struct Wishes {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Wishes {
    /// From now on these signals are wishes and end nothing by themselves.
    pub(crate) fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be waited for");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits that long; `true` if the end was wished for meanwhile.
    pub(crate) async fn within(&mut self, wait: Duration) -> bool {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => true,
            _ = self.terminate.recv() => true,
            _ = self.hang_up.recv() => true,
            () = sleep(wait) => false,
        }
    }

    /// Waits that long while the demonstration ends anyway: who wishes it once more wants it now.
    pub(crate) async fn pause(&mut self, wait: Duration) -> Result<()> {
        if self.within(wait).await {
            bail!("it was broken off before its end, and nothing was judged");
        }
        Ok(())
    }
}
