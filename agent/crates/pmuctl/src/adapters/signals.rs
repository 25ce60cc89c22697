//! The wish of a person or of the service manager to end.

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
