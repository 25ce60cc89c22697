//! A wire behind a kernel pty: a real program opens it as its serial port.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use line::{DataBits, LineSettings, Parity, StopBits};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{ControlModes, InputModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::Wire;
use crate::limits::{PTY_WAIT_MAX, PTY_WRITE_STEPS, PTY_WRITE_TIME_MAX, READ_OCTETS};

/// Why there is no pty.
#[derive(Debug, thiserror::Error)]
pub enum PtyError {
    /// The kernel gave none.
    #[error("no pty; check that devpts is mounted and that not all are taken")]
    Open(#[source] io::Error),
    /// The name cannot be made.
    #[error("cannot name the pty {}; choose a name in a folder that can be written", link.display())]
    Link {
        /// The name.
        link: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No thread for it.
    #[error("no thread for the pty")]
    Thread(#[source] io::Error),
}

/// A pty that leads to a [`Wire`], under a name of its own; both end when it is dropped.
#[derive(Debug)]
pub struct PtyWire {
    link: PathBuf,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

/// Calls the pty's thread to look at its orders.
#[derive(Debug)]
pub(super) struct Bell {
    call: OwnedFd,
    ended: AtomicBool,
}

/// Both sides of the kernel's pty. The gateway's side is kept open here too, or the kernel would
/// report a hang-up whenever nobody else has it open.
pub(crate) struct Pair {
    meters: OwnedFd,
    gateway: OwnedFd,
}

impl PtyWire {
    /// Opens a pty for the wire and makes `link` its name; it replaces what has that name now.
    pub fn open(wire: &Wire, link: &Path) -> Result<Self, PtyError> {
        let call = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|fault| PtyError::Open(fault.into()))?;
        let bell = Arc::new(Bell {
            call,
            ended: AtomicBool::new(false),
        });
        let pair = Pair::open(link)?;
        wire.bells().pty = Some(Arc::clone(&bell));
        let task = Task {
            wire: wire.clone(),
            link: link.to_path_buf(),
            bell: Arc::clone(&bell),
        };
        let thread = Builder::new()
            .name("pty wire".to_owned())
            .spawn(move || task.run(pair));
        let thread = Some(thread.map_err(PtyError::Thread)?);
        Ok(Self {
            link: link.to_path_buf(),
            bell,
            thread,
        })
    }

    /// The name under which the gateway finds its port.
    pub fn link(&self) -> &Path {
        &self.link
    }
}

impl Drop for PtyWire {
    fn drop(&mut self) {
        self.bell.ended.store(true, Ordering::Release);
        self.bell.ring();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!(link:% = self.link.display(); "the thread of a pty wire panicked");
        }
    }
}

impl Bell {
    pub(super) fn ring(&self) {
        if let Err(fault) = rustix::io::write(&self.call, &1_u64.to_ne_bytes()) {
            // A full counter means that the call already stands.
            log::debug!(fault:%; "pty wire not called");
        }
    }

    fn answer(&self) {
        let mut count = [0; 8];
        if let Err(fault) = rustix::io::read(&self.call, &mut count) {
            log::debug!(fault:%; "pty wire was not called");
        }
    }
}

impl Pair {
    pub(crate) fn open(link: &Path) -> Result<Self, PtyError> {
        let (pair, path) = Self::of_kernel().map_err(|fault| PtyError::Open(fault.into()))?;
        let named = |source| PtyError::Link {
            link: link.to_path_buf(),
            source,
        };
        // A name must never be missing while the port exists: make it aside, then move it.
        let aside = link.with_extension("new");
        remove(&aside).map_err(named)?;
        symlink(&path, &aside)
            .and_then(|()| fs::rename(&aside, link))
            .map_err(named)?;
        Ok(pair)
    }

    fn of_kernel() -> Result<(Self, PathBuf), Errno> {
        let meters = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&meters)?;
        unlockpt(&meters)?;
        let name = ptsname(&meters, Vec::new())?;
        let path = PathBuf::from(OsStr::from_bytes(name.as_bytes()));
        let gateway = open(
            &path,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        // Raw from the start, or the kernel would echo our octets before the gateway opens it.
        let mut settings = tcgetattr(&gateway)?;
        settings.make_raw();
        tcsetattr(&gateway, OptionalActions::Now, &settings)?;
        fcntl_setfl(&meters, OFlags::RDWR | OFlags::NONBLOCK)?;
        Ok((Self { meters, gateway }, path))
    }

    /// Takes what the gateway wrote; nothing when there is nothing.
    pub(crate) fn read(&self, octets: &mut Vec<u8>) -> Result<(), Errno> {
        let mut buffer = [0; READ_OCTETS];
        match rustix::io::read(&self.meters, &mut buffer) {
            Ok(count) => {
                octets.extend(buffer.iter().take(count));
                Ok(())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Hands octets to the gateway; says how many found no room.
    pub(crate) fn write(&self, mut octets: &[u8]) -> usize {
        for _ in 0..PTY_WRITE_STEPS {
            match rustix::io::write(&self.meters, octets) {
                Ok(count) => octets = octets.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
            if octets.is_empty() {
                break;
            }
        }
        octets.len()
    }

    /// The side of the meters, to wait at.
    pub(crate) const fn meters(&self) -> &OwnedFd {
        &self.meters
    }

    /// How the gateway's side is set, as far as the kernel tells.
    fn line(&self, wire: LineSettings) -> Option<LineSettings> {
        let settings = tcgetattr(&self.gateway).ok()?;
        Some(line_of(&settings, wire))
    }
}

struct Task {
    wire: Wire,
    link: PathBuf,
    bell: Arc<Bell>,
}

impl Task {
    fn run(self, pair: Pair) {
        be_prompt();
        let mut pair = Some(pair);
        while !self.bell.ended.load(Ordering::Acquire) {
            match (&pair, self.wire.is_plugged()) {
                (Some(open), true) => {
                    if let Err(fault) = self.serve(open) {
                        log::error!(link:% = self.link.display(), fault:%; "pty wire failed");
                        pair = None;
                    }
                }
                (Some(_), false) => {
                    // The name goes first: nobody shall open what is about to vanish.
                    self.forget_name();
                    pair = None;
                }
                (None, true) => match Pair::open(&self.link) {
                    Ok(open) => pair = Some(open),
                    Err(fault) => {
                        log::error!(link:% = self.link.display(), fault:%; "pty wire not reopened");
                        self.rest();
                    }
                },
                (None, false) => self.rest(),
            }
        }
        self.forget_name();
    }

    /// One step: say what is due, wait for the next thing, hear what came.
    fn serve(&self, pair: &Pair) -> Result<(), Errno> {
        let mut due = Vec::new();
        // Who changes its speed after a request must hear the answer at the new one.
        let line = self
            .wire
            .has_flag_meters()
            .then(|| pair.line(self.wire.settings().line()))
            .flatten();
        let next = {
            let now = self.wire.now();
            let mut engine = self.wire.engine();
            if let Some(line) = line {
                engine.set_gateway(line);
            }
            engine.advance(now, &mut due);
            engine.next_due()
        };
        if !due.is_empty() {
            let before = self.wire.now();
            let lost = pair.write(&due);
            let wrote = self.wire.now().saturating_sub(before);
            let mut engine = self.wire.engine();
            engine.said(before + wrote.min(PTY_WRITE_TIME_MAX));
            engine.lose(lost);
        }
        let wait = next.map_or(PTY_WAIT_MAX, |next| next.saturating_sub(self.wire.now()));
        let (call, heard) = self.wait(Some(pair), wait.min(PTY_WAIT_MAX))?;
        let now = self.wire.now();
        if call {
            self.bell.answer();
        }
        if heard {
            let mut octets = Vec::new();
            pair.read(&mut octets)?;
            let line = pair.line(self.wire.settings().line());
            let mut engine = self.wire.engine();
            if let Some(line) = line {
                engine.set_gateway(line);
            }
            engine.hear(now, &octets);
        }
        Ok(())
    }

    fn rest(&self) {
        match self.wait(None, PTY_WAIT_MAX) {
            Ok((true, _)) => self.bell.answer(),
            Ok(_) => {}
            Err(fault) => log::error!(fault:%; "pty wire cannot wait"),
        }
    }

    /// Waits for a call or for octets; says which.
    fn wait(&self, pair: Option<&Pair>, wait: Duration) -> Result<(bool, bool), Errno> {
        let timeout = Timespec::try_from(wait).map_err(|_| Errno::INVAL)?;
        let call = PollFd::new(&self.bell.call, PollFlags::IN);
        let polled = if let Some(pair) = pair {
            let mut both = [call, PollFd::new(&pair.meters, PollFlags::IN)];
            poll(&mut both, Some(&timeout)).map(|_| {
                let [call, heard] = both;
                (!call.revents().is_empty(), !heard.revents().is_empty())
            })
        } else {
            let mut one = [call];
            poll(&mut one, Some(&timeout)).map(|_| {
                let [call] = one;
                (!call.revents().is_empty(), false)
            })
        };
        match polled {
            Err(Errno::INTR) => Ok((false, false)),
            polled => polled,
        }
    }

    fn forget_name(&self) {
        if let Err(fault) = remove(&self.link) {
            log::warn!(link:% = self.link.display(), fault:%; "the name of the pty stays behind");
        }
    }
}

pub(crate) fn remove(link: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// What the settings of a pty mean.
///
/// Linux keeps speed, `INPCK`, `ISTRIP` and `PARODD` of a pty, but no seven bits and no `PARENB`.
/// So who checks parity has some; and on a wire whose characters have ten bits it then has seven
/// bits of data.
fn line_of(settings: &Termios, wire: LineSettings) -> LineSettings {
    let (input, control) = (settings.input_modes, settings.control_modes);
    let has_parity = input.contains(InputModes::INPCK) || control.contains(ControlModes::PARENB);
    let parity = match (has_parity, control.contains(ControlModes::PARODD)) {
        (false, _) => Parity::None,
        (true, false) => Parity::Even,
        (true, true) => Parity::Odd,
    };
    let is_told = input.contains(InputModes::ISTRIP)
        || control.intersection(ControlModes::CSIZE) == ControlModes::CS7;
    let data_bits = if is_told || has_parity && wire.bits_per_character() == 10 {
        DataBits::Seven
    } else {
        DataBits::Eight
    };
    let stop_bits = if control.contains(ControlModes::CSTOPB) {
        StopBits::Two
    } else {
        StopBits::One
    };
    LineSettings {
        baud: settings.output_speed(),
        parity,
        data_bits,
        stop_bits,
    }
}

/// The kernel may round a thread's waits by 50 µs and let others run first; at 19 200 baud that
/// is a tenth of a character. Where more is not allowed the wire is only a little less exact.
fn be_prompt() {
    if let Err(fault) = rustix::thread::set_current_timer_slack(NonZeroU64::new(1)) {
        log::debug!(fault:%; "the pty wire keeps the kernel's timer slack");
    }
    if let Err(fault) = rustix::process::setpriority_process(None, -20) {
        log::debug!(fault:%; "the pty wire keeps its priority");
    }
}
