//! What takes long, on a thread of its own: fetching and installing, keeping, going back. One at a
//! time, with the partitions in its hands.

use super::from_head_end::{FromHeadEnd, Waiting};
use super::order_note::{OrderNote, Source};
use crate::adapters::boot_slots::Site;
use crate::adapters::image_source::{Address, NoAddress, SourceFault, open_address, open_file};
use crate::config::UplinkSettings;
use crate::limits::IMAGE_ATTEMPTS_MAX;
use crate::tasks::uplink::ImageRoad;
use bootloader_verify::limits::BLOCK;
use ota::{Fault, Install};
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Bytes between two notes of how far an order is.
const NOTE_EVERY: u64 = 4 << 20;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// First and longest pause before a server is tried again.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// What is to be done.
pub(crate) enum Deed {
    Install(OrderNote),
    Commit,
    RollBack,
    /// The system that runs has passed its gate.
    NoteHealth,
}

/// What came of it.
pub(crate) enum Done {
    /// Installed; to be tried at the next start.
    Installed,
    /// Kept.
    Kept,
    /// The other slot starts next.
    Left(bootloader_verify::Slot),
    Failed(Trouble),
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("{0}")]
    Source(#[from] SourceFault),
    #[error("{0}")]
    Address(#[from] NoAddress),
    #[error("it was cancelled")]
    Cancelled,
    /// The program stops; the order stands.
    #[error("the gateway stops; it goes on at the next start")]
    Stopped,
}

/// How far an order is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    pub(crate) taken: u64,
    /// What it waits for, in words.
    pub(crate) waits: String,
}

/// A thread's share of the updater.
pub(crate) struct Worker {
    pub(crate) site: Site,
    pub(crate) uplink: Option<UplinkSettings>,
    /// To the head-end's images.
    pub(crate) images: Option<ImageRoad>,
    pub(crate) note_file: PathBuf,
    pub(crate) bytes_per_second: u64,
    /// Seconds since 1970.
    pub(crate) now: u64,
    pub(crate) steps: watch::Sender<Step>,
    pub(crate) cancel: CancellationToken,
    pub(crate) shutdown: CancellationToken,
    pub(crate) runtime: Handle,
}

impl Worker {
    /// Does it, and gives the partitions back.
    pub(crate) fn run(mut self, deed: Deed) -> (Site, Done) {
        let (disk, place) = (&mut self.site.disk, &self.site.place);
        let done = match deed {
            Deed::Install(note) => self.install(note).map(|()| Done::Installed),
            Deed::Commit => ota::commit(disk, place)
                .map(|_| Done::Kept)
                .map_err(Trouble::from),
            Deed::NoteHealth => ota::note_health(disk, place)
                .map(|_| Done::Kept)
                .map_err(Trouble::from),
            Deed::RollBack => ota::roll_back(disk, place)
                .map(Done::Left)
                .map_err(Trouble::from),
        };
        (self.site, done.unwrap_or_else(Done::Failed))
    }

    fn install(&mut self, mut note: OrderNote) -> Result<(), Trouble> {
        let mut install = Install::new(&self.site.disk, &self.site.place, note.order, self.now)?;
        let mut pause = PAUSE_FIRST;
        let mut attempts = 1;
        loop {
            let before = install.position();
            let trouble = match self.stream(&mut install, &mut note) {
                Ok(()) => return Ok(()),
                Err(trouble) => trouble,
            };
            if trouble.may_be_forged(&note) && attempts < IMAGE_ATTEMPTS_MAX {
                attempts += 1;
                install = self.begin_anew(&mut note)?;
            } else if !trouble.is_passing() || matches!(note.source, Source::File(_)) {
                return Err(trouble);
            }
            if install.position() > before {
                pause = PAUSE_FIRST;
            }
            log::warn!(position = install.position(); "the download was cut: {trouble}");
            let words = format!("{trouble}; again in {} s", pause.as_secs());
            self.say(&install, words);
            self.wait(pause)?;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// What came is not what was ordered: nothing of it is kept.
    fn begin_anew(&self, note: &mut OrderNote) -> Result<Install, Trouble> {
        note.kept = 0;
        if let Err(error) = note.save(&self.note_file) {
            log::warn!(error:%; "that the update begins anew cannot be noted");
        }
        let (disk, place) = (&self.site.disk, &self.site.place);
        Ok(Install::new(disk, place, note.order, self.now)?)
    }

    /// One stream, from where the installation stands to its end or the stream's.
    fn stream(&mut self, install: &mut Install, note: &mut OrderNote) -> Result<(), Trouble> {
        self.say(install, String::new());
        let mut stream = self.open(note, install.position())?;
        if install.position() < 4096 {
            let missing = BLOCK - usize::try_from(install.position()).unwrap_or(0);
            let head = read_some(&mut stream, missing).map_err(|source| road(note, source))?;
            install.push(&mut self.site.disk, &head)?;
            let begun = install.position();
            if head.len() == missing && install.take_up(&mut self.site.disk, note.kept)? > begun {
                log::info!(position = install.position(); "the update goes on where it was cut");
                stream = self.open(note, install.position())?;
            }
        }
        let mut brake = Brake::new(self.bytes_per_second);
        let mut noted = install.position();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let length = match stream.read(&mut buffer) {
                // A server that hangs up without a goodbye has given all the same.
                Err(_) if install.position() >= note.order.bytes => 0,
                read => read.map_err(|source| road(note, source))?,
            };
            let (read, _) = buffer.split_at_checked(length).unwrap_or((&[], &[]));
            if read.is_empty() {
                install.finish()?;
                return Ok(());
            }
            install.push(&mut self.site.disk, read)?;
            if install.position() - noted >= NOTE_EVERY {
                noted = install.position();
                note.kept = install.keep(&mut self.site.disk)?;
                if let Err(error) = note.save(&self.note_file) {
                    log::warn!(error:%; "how far the update is cannot be noted");
                }
            }
            self.say(install, String::new());
            self.wait(brake.pause(read.len()))?;
        }
    }

    fn open(&self, note: &OrderNote, from: u64) -> Result<Box<dyn Read>, Trouble> {
        Ok(match &note.source {
            Source::File(file) => open_file(file, from)?,
            Source::HeadEnd => {
                let waiting = Waiting {
                    road: self.images.clone().ok_or(SourceFault::NoUplink)?,
                    runtime: self.runtime.clone(),
                    cancel: self.cancel.clone(),
                    shutdown: self.shutdown.clone(),
                };
                Box::new(FromHeadEnd::open(waiting, &note.order, from))
            }
            Source::Address(address) => {
                let address = Address::parse(address)?;
                open_address(&address, self.uplink.as_ref(), from, note.order.bytes)?
            }
        })
    }

    fn say(&self, install: &Install, waits: String) {
        let taken = install.position();
        self.steps.send_replace(Step { taken, waits });
    }

    /// Waits; ends at once when somebody cancels or the program stops.
    fn wait(&self, pause: Duration) -> Result<(), Trouble> {
        if self.cancel.is_cancelled() {
            return Err(Trouble::Cancelled);
        }
        if self.shutdown.is_cancelled() {
            return Err(Trouble::Stopped);
        }
        if pause.is_zero() {
            return Ok(());
        }
        let ended = async {
            tokio::select! {
                () = self.cancel.cancelled() => Trouble::Cancelled,
                () = self.shutdown.cancelled() => Trouble::Stopped,
            }
        };
        let waited = self.runtime.block_on(timeout(pause, ended));
        waited.map_or(Ok(()), Err)
    }
}

impl Trouble {
    /// Whether it may be the work of somebody who writes to the broker: bytes from there are
    /// nobody's word, so the order stands a few attempts longer.
    fn may_be_forged(&self, note: &OrderNote) -> bool {
        let is_of_bytes = matches!(
            self,
            Self::Fault(
                Fault::Refused(_)
                    | Fault::Hash
                    | Fault::Length { .. }
                    | Fault::Payload
                    | Fault::NoBootPartition
                    | Fault::PayloadRoom { .. }
                    | Fault::Clock
            )
        );
        is_of_bytes && note.source == Source::HeadEnd
    }

    /// Whether the same order may succeed if it is tried again.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Fault(fault) => fault.is_passing(),
            Self::Source(fault) => fault.is_passing(),
            Self::Address(_) | Self::Cancelled | Self::Stopped => false,
        }
    }
}

fn road(note: &OrderNote, source: std::io::Error) -> SourceFault {
    match &note.source {
        Source::File(_) => SourceFault::File(source),
        Source::HeadEnd => SourceFault::HeadEnd(source),
        Source::Address(address) => SourceFault::Road {
            address: address.clone(),
            source,
        },
    }
}

/// So many bytes, or fewer at the stream's end.
fn read_some(stream: &mut impl Read, count: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count);
    let limit = u64::try_from(count).unwrap_or(u64::MAX);
    stream.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Keeps a stream to its rate.
struct Brake {
    bytes_per_second: u64,
    begun: Instant,
    taken: u64,
}

impl Brake {
    fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            begun: Instant::now(),
            taken: 0,
        }
    }

    /// How long to wait before more is taken.
    fn pause(&mut self, bytes: usize) -> Duration {
        self.taken += u64::try_from(bytes).unwrap_or(0);
        let due = Duration::from_millis(self.taken.saturating_mul(1000) / self.bytes_per_second);
        due.saturating_sub(self.begun.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_held_to_its_rate() {
        let mut brake = Brake::new(1000);
        assert_eq!(brake.pause(500), Duration::from_millis(500));
        sleep(Duration::from_millis(1500)).await;
        assert_eq!(brake.pause(1000), Duration::ZERO);
        assert_eq!(brake.pause(1000), Duration::from_secs(1));
    }
}
