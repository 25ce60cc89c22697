//! What the kernel has to have before anything can be looked at.

use crate::console::Console;
use crate::word;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, finit_module, reboot};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// File systems of the kernel itself, which the system takes over later.
pub(crate) const OWN: [(&str, &str); 4] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("tmpfs", "/run"),
];
const EFI_VARIABLES: &str = "/sys/firmware/efi/efivars";
/// The firmware's word whether it checked signatures: four octets of attributes, then the value.
const SECURE_BOOT: &str =
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

pub(crate) fn mount_own() -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    for (kind, place) in OWN {
        std::fs::create_dir_all(place)?;
        let flags = if kind == "devtmpfs" {
            MountFlags::NOSUID
        } else {
            flags | MountFlags::NODEV
        };
        let data = (kind == "tmpfs").then_some(c"mode=0755");
        mount(kind, place, kind, flags, data)?;
    }
    Ok(())
}

/// Loads what the payload brings, in the order of its names. What the kernel has already is no fault,
/// and what is missing shows when it is needed.
pub(crate) fn load_modules(console: &Console) {
    let found = std::fs::read_dir("/modules")
        .into_iter()
        .flatten()
        .flatten();
    let mut files: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let loaded = File::open(&file).and_then(|module| Ok(finit_module(module, c"", 0)?));
        match loaded {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // For hardware that this board lacks.
            Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => {}
            Err(error) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                console.say(format_args!(
                    "module={name} load=bad error={}",
                    word(&error)
                ));
            }
        }
    }
}

/// The release of the kernel that runs.
pub(crate) fn release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

/// Makes the firmware's variables a folder. Without UEFI there are none; twice changes nothing.
pub(crate) fn mount_firmware_variables() {
    if std::fs::exists(SECURE_BOOT).unwrap_or(false) {
        return;
    }
    mount(
        "efivarfs",
        EFI_VARIABLES,
        "efivarfs",
        MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
        None,
    )
    .unwrap_or_default();
}

/// Whether the firmware checked what it started; none if it does not say.
pub(crate) fn is_anchored() -> Option<bool> {
    mount_firmware_variables();
    let value = std::fs::read(SECURE_BOOT).ok()?;
    value.get(4).map(|octet| *octet == 1)
}

/// Since some moment before, by a clock that nobody sets.
pub(crate) fn milliseconds() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

pub(crate) fn wait(time: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing else runs here, and devices need their time"
    )]
    std::thread::sleep(time);
}

pub(crate) fn restart() -> io::Error {
    rustix::fs::sync();
    ended(reboot(RebootCommand::Restart))
}

pub(crate) fn power_off() -> io::Error {
    rustix::fs::sync();
    ended(reboot(RebootCommand::PowerOff))
}

fn ended(result: Result<(), Errno>) -> io::Error {
    match result {
        Ok(()) => io::ErrorKind::Interrupted.into(),
        Err(errno) => errno.into(),
    }
}
