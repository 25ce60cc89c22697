//! The wish of a person or of the service manager to end.

use std::convert::Infallible;
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at SIGINT or SIGTERM; ends with it.
pub async fn watch(stop: CancellationToken) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        _ = interrupt.recv() => stop.cancel(),
        _ = terminate.recv() => stop.cancel(),
    }
    Ok(())
}

/// What a person who presses Ctrl-C may mean.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The first time: end it properly.
    pub stop: CancellationToken,
    /// The second time: let go.
    pub leave: CancellationToken,
}

impl Wishes {
    /// Hears SIGINT, SIGTERM and SIGHUP from now on, also before what is given back is polled: whatever
    /// is started meanwhile is not left behind. That never ends by itself.
    pub fn watch(&self) -> io::Result<impl Future<Output = Infallible> + '_> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        Ok(async move {
            loop {
                tokio::select! {
                    biased;
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                if self.stop.is_cancelled() {
                    self.leave.cancel();
                }
                self.stop.cancel();
            }
        })
    }
}
