//! A link behind a kernel pty: a real program opens it as its serial port.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::time::Instant;

use super::Link;
use crate::limits::LINK_PTY_WAIT_MAX;
use crate::wire::PtyError;
use crate::wire::pty::{Pair, remove};

/// A pty that leads to a [`Link`], under a name of its own; both end when it is dropped.
#[derive(Debug)]
pub struct PtyLink {
    name: PathBuf,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PtyLink {
    /// Opens a pty for the link and gives it a name; it replaces what has that name now.
    pub fn open(link: &Link, name: &Path) -> Result<Self, PtyError> {
        let pair = Pair::open(name)?;
        let ended = Arc::new(AtomicBool::new(false));
        let (link, until) = (link.clone(), Arc::clone(&ended));
        let thread = Builder::new().name("pty link".to_owned()).spawn(move || {
            while !until.load(Ordering::Acquire) {
                if let Err(fault) = serve(&link, &pair) {
                    log::error!(fault:%; "pty link failed");
                    return;
                }
            }
        });
        Ok(Self {
            name: name.to_path_buf(),
            ended,
            thread: Some(thread.map_err(PtyError::Thread)?),
        })
    }

    /// The name under which the gateway finds its port.
    pub fn name(&self) -> &Path {
        &self.name
    }
}

impl Drop for PtyLink {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        let joined = self.thread.take().map(JoinHandle::join);
        if joined.is_some_and(|joined| joined.is_err()) {
            log::error!(name:% = self.name.display(); "the thread of a pty link panicked");
        }
        if let Err(fault) = remove(&self.name) {
            log::warn!(name:% = self.name.display(), fault:%; "the name of the pty stays behind");
        }
    }
}

/// One step: say what is due, wait for the next thing, hear what came.
fn serve(link: &Link, pair: &Pair) -> Result<(), Errno> {
    let mut said = Vec::new();
    let due = {
        let mut peer = link.peer();
        peer.say(Instant::now(), &mut said);
        peer.due()
    };
    let lost = pair.write(&said);
    if lost > 0 {
        log::warn!(lost; "octets found no room in a pty link");
    }
    let until_due = due.map(|due| due.saturating_duration_since(Instant::now()));
    let wait = until_due.map_or(LINK_PTY_WAIT_MAX, |wait| wait.min(LINK_PTY_WAIT_MAX));
    let timeout = Timespec::try_from(wait).map_err(|_| Errno::INVAL)?;
    let mut looked = [PollFd::new(pair.meters(), PollFlags::IN)];
    match poll(&mut looked, Some(&timeout)) {
        Err(Errno::INTR) | Ok(0) => return Ok(()),
        polled => polled?,
    };
    let mut octets = Vec::new();
    pair.read(&mut octets)?;
    if !octets.is_empty() {
        link.peer().hear(Instant::now(), &octets);
    }
    Ok(())
}
