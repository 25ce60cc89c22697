//! The keys of meters have one owner: a thread that writes to the disk before it answers.
//!
//! Here meet what knows nothing of each other: `storage` keeps sealed keys and counters, `authority`
//! opens them, `dlms` uses them.

mod access;
mod counters;
mod passwords;
mod people;
mod room;
mod rotation;
#[cfg(test)]
mod tests;

pub use access::MeterKeys;
pub use counters::{KeyCounters, verdict};
pub use passwords::{
    NextPassword, PasswordAttempt, PasswordFault, PasswordFile, PasswordSent, PasswordStand,
};
pub use people::{KeyInfo, KeySet, Taken};
pub use room::{Attempt, KeyRoom, KeyTrouble, NextKeys};
pub use rotation::{Rotated, Rotation, RotationFault};

use crate::limits::KEY_REQUESTS_MAX;
use std::fmt;
use std::path::Path;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Something to do with the keys.
type Job = Box<dyn FnOnce(&mut KeyRoom) + Send>;

/// How other tasks reach the keys.
#[derive(Clone)]
pub struct KeyHandle(mpsc::Sender<Job>);

impl fmt::Debug for KeyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHandle")
    }
}

/// What waits for the thread.
pub struct KeyJobs(mpsc::Receiver<Job>);

impl KeyJobs {
    async fn wait(&mut self, shutdown: &CancellationToken) -> Option<Job> {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => None,
            job = self.0.recv() => job,
        }
    }
}

/// A handle, and what its thread is to run.
pub fn channel() -> (KeyHandle, KeyJobs) {
    let (sender, jobs) = mpsc::channel(KEY_REQUESTS_MAX);
    (KeyHandle(sender), KeyJobs(jobs))
}

/// Does what is asked until it is told to stop, or nobody can ask any more. Blocks while it works:
/// for a thread of its own.
pub async fn run(mut room: KeyRoom, mut jobs: KeyJobs, shutdown: CancellationToken) {
    while let Some(job) = jobs.wait(&shutdown).await {
        job(&mut room);
    }
    // What was asked before the stop is still done.
    jobs.0.close();
    while let Ok(job) = jobs.0.try_recv() {
        job(&mut room);
    }
    if let Err(error) = room.close() {
        log::warn!(error:%; "the file of keys was not closed properly");
    }
}

impl KeyHandle {
    /// A way to nobody: each question is told that the gateway is stopping. For tests of tasks that
    /// need no keys.
    pub fn without_thread() -> Self {
        channel().0
    }

    /// Has something done, and waits until it is on the disk.
    pub async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut KeyRoom) -> Result<T, KeyTrouble> + Send + 'static,
    ) -> Result<T, KeyTrouble> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |room| {
            // Who has stopped waiting has not been given the counters either.
            drop(reply.send(work(room)));
        });
        self.0.send(job).await.map_err(|_| KeyTrouble::Stopped)?;
        answer.await.map_err(|_| KeyTrouble::Stopped)?
    }
}

/// The octets of the credential that systemd handed over in its folder, if it did.
pub fn read_credential(
    folder: Option<&Path>,
) -> std::io::Result<Option<zeroize::Zeroizing<Vec<u8>>>> {
    use std::io::Read as _;
    let Some(folder) = folder else {
        return Ok(None);
    };
    let file = match std::fs::File::open(folder.join(authority::MASTER_KEY_CREDENTIAL)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let most = authority::limits::MASTER_KEY_FILE_BYTES_MAX;
    let mut octets = zeroize::Zeroizing::new(Vec::with_capacity(most));
    file.take(u64::try_from(most).unwrap_or(u64::MAX))
        .read_to_end(&mut octets)?;
    Ok(Some(octets))
}
