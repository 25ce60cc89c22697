//! A line between two programs that both open a serial port: octets take their time on it.
//!
//! A bare pty pair would hand an answer over before its request can have left the line, which no
//! line can, and which the gateway therefore takes for somebody else's octets.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::clock::pause;
use crate::limits::{CABLE_OCTETS, PROXY_LOOK};

/// A cable with a port at each end; it ends with its guard.
#[derive(Debug)]
pub struct Cable {
    /// The ports' names.
    pub ends: [PathBuf; 2],
    ended: Arc<AtomicBool>,
    carriers: Vec<JoinHandle<()>>,
    /// Both ports stay open here, or the kernel would report a hang-up between two users.
    _ports: [File; 2],
}

impl Cable {
    /// A cable of ten bits a character whose ports lie in the folder.
    pub fn open(folder: &Path, baud: u32) -> Self {
        let character = Duration::from_nanos(10_000_000_000 / u64::from(baud));
        let names = [folder.join("tty-here"), folder.join("tty-there")];
        let [(here, here_port), (there, there_port)] =
            names.each_ref().map(|name| pair(name).expect("a pty"));
        let ended = Arc::new(AtomicBool::new(false));
        let both = |file: &File| file.try_clone().expect("a pty");
        let ways = [(both(&here), both(&there)), (there, here)];
        let carriers = ways.map(|(from, to)| {
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || carry(from, to, character, &ended))
        });
        Self {
            ends: names,
            ended,
            carriers: carriers.into(),
            _ports: [here_port, there_port],
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        for carrier in self.carriers.drain(..) {
            drop(carrier.join());
        }
    }
}

/// The kernel's side and the program's side of a pty with this name.
fn pair(name: &Path) -> io::Result<(File, File)> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let path = ptsname(&ours, Vec::new())?;
    let port = open(
        path.as_c_str(),
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut settings = tcgetattr(&port)?;
    settings.make_raw();
    tcsetattr(&port, OptionalActions::Now, &settings)?;
    symlink(path.to_string_lossy().as_ref(), name)?;
    Ok((File::from(ours), File::from(port)))
}

fn carry(mut from: File, mut to: File, character: Duration, ended: &AtomicBool) {
    let mut octets = [0; CABLE_OCTETS];
    let wait = Timespec::try_from(PROXY_LOOK).expect("a short time");
    while !ended.load(Ordering::SeqCst) {
        let mut ready = [PollFd::new(&from, PollFlags::IN)];
        if poll(&mut ready, Some(&wait)) != Ok(1) {
            continue;
        }
        let Ok(count) = from.read(&mut octets) else {
            continue;
        };
        pause(character * u32::try_from(count).unwrap_or(0));
        if to
            .write_all(octets.get(..count).unwrap_or_default())
            .is_err()
        {
            return;
        }
    }
}
