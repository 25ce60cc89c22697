//! What this machine tells about itself without the agent: files of the kernel, of the boot
//! program and of the service manager.

mod service;

pub use service::why_absent;

use super::clock;
use crate::limits::{CONFIGURATION_BYTES_MAX, MACHINE_FILE_BYTES_MAX};
use crate::page::{BootReport, Interface, v4_addresses, v6_addresses};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Ports that are looked at.
const INTERFACES_MAX: usize = 32;
/// The agent believes the state of the clock for as long.
const CLOCK_STATE_VALID: Duration = Duration::from_mins(10);

/// The machine, by the root of its file system.
#[derive(Debug, Clone)]
pub struct Machine {
    root: PathBuf,
}

#[derive(Deserialize)]
struct Configuration {
    gateway: Gateway,
}

#[derive(Deserialize)]
struct Gateway {
    id: String,
}

impl Machine {
    /// The machine whose files lie below `root`.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// What the boot program handed over.
    pub fn boot(&self) -> Option<BootReport> {
        BootReport::parse(&self.read("run/pmu-boot/report", MACHINE_FILE_BYTES_MAX)?)
    }

    /// Whether there is a configuration, readable or not.
    pub fn is_configured(&self) -> bool {
        self.root.join("etc/pmu/agent.toml").exists()
    }

    /// The gateway's name in the configuration.
    pub fn gateway(&self) -> Option<String> {
        let text = self.read("etc/pmu/agent.toml", CONFIGURATION_BYTES_MAX)?;
        let found: Configuration = toml::from_str(&text).ok()?;
        Some(found.gateway.id)
    }

    /// Why nothing was taken from the last stick: the first complaint, without the place where the
    /// stick was mounted; none if it was taken.
    pub fn refused_stick(&self) -> Option<String> {
        let answer = self.read("run/pmu-provision-answer", MACHINE_FILE_BYTES_MAX)?;
        let complaints = answer.strip_prefix("pmuctl: nothing was taken, because of\n")?;
        let first = complaints.lines().next()?;
        let name = first.rsplit_once("/provision/").map_or(first, |(_, it)| it);
        Some(name.to_owned())
    }

    /// Whether the kernel's clock is synchronised, if that was asked lately.
    pub fn is_clock_synchronised(&self) -> Option<bool> {
        let path = "run/pmu-clock/state";
        let written = self.root.join(path).metadata().ok()?.modified().ok()?;
        let written = written.duration_since(UNIX_EPOCH).ok()?.as_secs();
        // A clock that was set back makes it no older.
        if clock::utc().seconds().saturating_sub(written) > CLOCK_STATE_VALID.as_secs() {
            return None;
        }
        match self.read(path, MACHINE_FILE_BYTES_MAX)?.trim() {
            "NTPSynchronized=yes" => Some(true),
            "NTPSynchronized=no" => Some(false),
            _ => None,
        }
    }

    /// Free and all bytes of the partition with the store, if it is one of its own.
    pub fn space(&self) -> Option<(u64, u64)> {
        self.room("var/lib/pmu")
    }

    /// Free and all bytes of the data partition, if it is mounted.
    pub fn data(&self) -> Option<(u64, u64)> {
        let mounts = self.read("proc/self/mounts", MACHINE_FILE_BYTES_MAX)?;
        let mut places = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        places
            .any(|place| place == "/data")
            .then(|| self.room("data"))?
    }

    fn room(&self, folder: &str) -> Option<(u64, u64)> {
        let found = rustix::fs::statvfs(self.root.join(folder)).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Some((bytes(found.f_bavail), bytes(found.f_blocks)))
    }

    /// Its ports, without the one that leads back to itself.
    pub fn network(&self) -> Vec<Interface> {
        let read = |path: &str| self.read(path, MACHINE_FILE_BYTES_MAX).unwrap_or_default();
        let mut known = v4_addresses(&read("proc/net/fib_trie"), &read("proc/net/route"));
        known.extend(v6_addresses(&read("proc/net/if_inet6")));
        let folder = fs::read_dir(self.root.join("sys/class/net"));
        let names = folder.into_iter().flatten().take(INTERFACES_MAX);
        let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name != "lo").collect();
        names.sort();
        let interface = |name: String| {
            let own = known.iter().filter(|entry| entry.0 == name);
            Interface {
                addresses: own.map(|entry| entry.1.clone()).collect(),
                // Reading it fails while the port is switched off.
                has_link: read(&format!("sys/class/net/{name}/carrier")).trim() == "1",
                name,
            }
        };
        let is_port = |found: &Interface| {
            let device = format!("sys/class/net/{}/device", found.name);
            !found.addresses.is_empty() || self.root.join(device).exists()
        };
        let ports = names.into_iter().map(interface);
        ports.filter(is_port).collect()
    }

    fn read(&self, path: &str, bytes_max: u64) -> Option<String> {
        let mut text = String::new();
        let file = File::open(self.root.join(path)).ok()?;
        file.take(bytes_max).read_to_string(&mut text).ok()?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use tempfile::TempDir;

    fn machine(files: &[(&str, &str)]) -> (Machine, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (Machine::new(folder.path()), folder)
    }

    #[test]
    fn a_bare_machine_tells_nothing_and_fails_at_nothing() {
        let (machine, _folder) = machine(&[]);
        assert_eq!(machine.boot(), None);
        assert!(!machine.is_configured());
        assert_eq!(machine.gateway(), None);
        assert_eq!(machine.is_clock_synchronised(), None);
        assert_eq!((machine.space(), machine.data()), (None, None));
        assert_eq!(machine.network(), []);
    }

    #[test]
    fn a_stick_that_was_refused_is_told_with_its_first_complaint() {
        let refused = |answer| {
            let (machine, _folder) = machine(&[("run/pmu-provision-answer", answer)]);
            machine.refused_stick()
        };
        let words = "meters.toml:15: meter a: 10 s is no period";
        let answer = format!(
            "pmuctl: nothing was taken, because of\n/run/x/sda/provision/{words}\n/run/more\n"
        );
        assert_eq!(refused(&answer).as_deref(), Some(words));
        assert_eq!(refused("written: /etc/pmu/agent.toml\n"), None);
        assert_eq!(refused(""), None);
    }

    #[test]
    fn a_machine_tells_its_name_its_system_and_its_ports() {
        let (machine, _folder) = machine(&[
            ("run/pmu-boot/report", "slot A\nversion 1.2.3\n"),
            ("etc/pmu/agent.toml", "[gateway]\nid = \"pmu-001\"\n"),
            ("sys/class/net/lo/carrier", "1\n"),
            ("sys/class/net/eth1/carrier", "0\n"),
            ("sys/class/net/eth1/device/vendor", ""),
            ("sys/class/net/sit0/carrier", "0\n"),
            ("sys/class/net/eth0/carrier", "1\n"),
            (
                "proc/net/if_inet6",
                "20010db8000000000000000000000007 02 40 00 00 eth0\n",
            ),
            ("var/lib/pmu/hot.redb", ""),
            ("data/pmu/hot.redb", ""),
            (
                "proc/self/mounts",
                "tmpfs /tmp tmpfs rw 0 0\n/dev/vda8 /data ext4 ro 0 0\n",
            ),
        ]);
        assert_eq!(machine.boot().unwrap().version, "1.2.3");
        assert_eq!(machine.gateway().as_deref(), Some("pmu-001"));
        let (free, all) = machine.space().unwrap();
        assert!(free <= all && all > 0);
        assert_eq!(machine.data().map(|room| room.1), Some(all));
        let network = machine.network();
        let names: Vec<&str> = network.iter().map(|port| port.name.as_str()).collect();
        assert_eq!(names, ["eth0", "eth1"]);
        assert_eq!(network[0].addresses, ["2001:db8::7/64"]);
        assert_eq!([network[0].has_link, network[1].has_link], [true, false]);
    }

    #[test]
    fn a_damaged_configuration_is_one_without_a_name() {
        let (machine, _folder) = machine(&[("etc/pmu/agent.toml", "[gateway\n")]);
        assert!(machine.is_configured());
        assert_eq!(machine.gateway(), None);
    }

    #[test]
    fn an_old_state_of_the_clock_is_not_known() {
        let (machine, folder) = machine(&[("run/pmu-clock/state", "NTPSynchronized=no\n")]);
        assert_eq!(machine.is_clock_synchronised(), Some(false));
        let file = File::options()
            .write(true)
            .open(folder.path().join("run/pmu-clock/state"))
            .unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(machine.is_clock_synchronised(), None);
    }
}
