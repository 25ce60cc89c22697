//! The product as it is given away, in a virtual machine with firmware, a serial port and a network;
//! with one thing more in its image, a door for the test.

mod door;
mod monitor;
mod stick;

pub use stick::Stick;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::clock::becomes;
use crate::process::{Process, command};
use crate::skip::is_done;
use door::Door;
use monitor::Monitor;
use tempfile::TempDir;

/// Emulated, on a busy machine. A machine that says nothing for so long has failed.
pub const WITHIN: Duration = Duration::from_mins(4);

/// A box: its disk, and the machine while it is switched on.
#[derive(Debug)]
pub struct ProductBox {
    folder: TempDir,
    serial: PathBuf,
    running: Option<Running>,
    /// Up to where its console was looked at.
    seen: usize,
}

#[derive(Debug)]
struct Running {
    machine: Process,
    /// Its TPM, which ends with it.
    _tpm: Process,
    door: Door,
    monitor: Monitor,
}

impl ProductBox {
    /// A box that was flashed, whose serial port leads to this device; none, and the reason said,
    /// where it cannot be had.
    pub fn flashed(promise: &str, serial: &Path) -> Option<Self> {
        let folder = tempfile::Builder::new()
            .prefix("pmu-product-")
            .tempdir()
            .expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("boot/product");
        if !is_done(promise, Command::new(script).arg(folder.path())) {
            return None;
        }
        Some(Self {
            folder,
            serial: serial.to_path_buf(),
            running: None,
            seen: 0,
        })
    }

    /// A file that the script left, or the machine's own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Switches it on.
    pub fn switch_on(&mut self) {
        let (door, monitor) = (self.path("door.sock"), self.path("monitor.sock"));
        let to_tpm = self.path("tpm.sock");
        for socket in [&door, &monitor, &to_tpm] {
            drop(std::fs::remove_file(socket));
        }
        let tpm = self.start_tpm(&to_tpm);
        let file = |name: &str| self.path(name).display().to_string();
        let mut qemu = command("qemu-system-x86_64");
        // No KVM: where it is half there, a guest hangs without a word.
        qemu.args(["-M", "q35", "-accel", "tcg,thread=multi", "-smp", "2"]);
        // A reset ends the machine, and it is switched on again: this firmware was seen to spin for
        // ever after a reset without that.
        qemu.arg("-no-reboot");
        qemu.args(["-m", "512", "-display", "none", "-nodefaults"]);
        qemu.args(["-nic", "user,model=virtio-net-pci"]);
        for (unit, name, more) in [(0, "code.fd", ",readonly=on"), (1, "vars.fd", "")] {
            let path = file(name);
            qemu.arg("-drive");
            qemu.arg(format!(
                "if=pflash,unit={unit},format=raw,file={path}{more}"
            ));
        }
        qemu.arg("-drive")
            .arg(format!("if=virtio,format=raw,file={}", file("disk.img")));
        let console = format!("file,id=console,append=on,path={}", file("console"));
        let serial = format!("serial,id=meters,path={}", self.serial.display());
        let to_door = format!(
            "socket,id=door,server=on,wait=off,path={}",
            file("door.sock")
        );
        for device in [console, serial, to_door] {
            qemu.arg("-chardev").arg(device);
        }
        qemu.args(["-serial", "chardev:console", "-serial", "chardev:meters"]);
        qemu.args(["-device", "virtio-serial-pci", "-device"]);
        qemu.arg("virtserialport,chardev=door,name=pmu-test-door");
        qemu.args(["-device", "qemu-xhci,id=usb"]);
        qemu.arg("-chardev")
            .arg(format!("socket,id=tpm,path={}", to_tpm.display()));
        qemu.args(["-tpmdev", "emulator,id=chip,chardev=tpm"]);
        qemu.args(["-device", "tpm-tis,tpmdev=chip"]);
        qemu.arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", file("monitor.sock")));
        let machine = Process::start("machine", &mut qemu, self.folder.path());
        self.running = Some(Running {
            machine,
            _tpm: tpm,
            door: Door::at(&door),
            monitor: Monitor::at(&monitor),
        });
    }

    /// What it seals outlives the machine, as with a chip.
    fn start_tpm(&self, socket: &Path) -> Process {
        let memory = self.path("tpm");
        std::fs::create_dir_all(&memory).expect("a folder");
        let mut swtpm = command("swtpm");
        swtpm.args(["socket", "--tpm2", "--terminate"]);
        swtpm
            .arg("--tpmstate")
            .arg(format!("dir={}", memory.display()));
        swtpm
            .arg("--ctrl")
            .arg(format!("type=unixio,path={}", socket.display()));
        let tpm = Process::start("tpm", &mut swtpm, self.folder.path());
        assert!(
            becomes(WITHIN, || socket.exists()),
            "the TPM does not start"
        );
        tpm
    }

    /// Waits until the box resets itself, and lets it start again.
    #[track_caller]
    pub fn wait_for_reboot(&mut self) {
        let mut running = self.running.take().expect("it is switched on");
        let status = running.machine.wait(WITHIN);
        assert!(status.success(), "the machine ended with {status}");
        self.switch_on();
    }

    /// All that it said on its console since it was looked at.
    pub fn news(&self) -> String {
        let said = std::fs::read(self.path("console")).unwrap_or_default();
        let news = said.get(self.seen..).unwrap_or_default();
        String::from_utf8_lossy(news).into_owned()
    }

    /// Waits until it says each of these on its console, in any order; what it said until then is
    /// looked at. A silent machine is a failed test.
    #[track_caller]
    pub fn expect(&mut self, words: &[&str]) -> String {
        for word in words {
            let is_said = becomes(WITHIN, || self.news().contains(word));
            let news = self.news();
            let tail: String = news.chars().rev().take(4000).collect();
            let tail: String = tail.chars().rev().collect();
            assert!(is_said, "not said: {word}\n{tail}");
            println!("said: {word}");
        }
        let news = self.news();
        self.seen += news.len();
        news
    }

    /// Has a shell command done in the box, as root; its exit code and its words.
    #[track_caller]
    pub fn shell(&self, line: &str) -> (i32, String) {
        let (code, words) = self.running().door.say(line);
        println!("# {line}\n{words}");
        (code, words)
    }

    /// The same; the command must succeed.
    #[track_caller]
    pub fn must(&self, line: &str) -> String {
        let (code, words) = self.shell(line);
        assert_eq!(code, 0, "{line}: {words}");
        words
    }

    /// Plugs a stick in.
    #[track_caller]
    pub fn plug(&self, stick: &Stick) {
        let file = stick.file().display();
        let monitor = &self.running().monitor;
        monitor.tell(&format!(
            r#"{{"execute": "blockdev-add", "arguments": {{"driver": "raw", "node-name": "stick", "file": {{"driver": "file", "filename": "{file}"}}}}}}"#
        ));
        monitor.tell(
            r#"{"execute": "device_add", "arguments": {"driver": "usb-storage", "id": "plugged", "bus": "usb.0", "drive": "stick"}}"#,
        );
    }

    /// Pulls it out.
    #[track_caller]
    pub fn pull(&self) {
        let monitor = &self.running().monitor;
        monitor.tell(r#"{"execute": "device_del", "arguments": {"id": "plugged"}}"#);
        monitor.wait_for("DEVICE_DELETED");
        monitor.tell(r#"{"execute": "blockdev-del", "arguments": {"node-name": "stick"}}"#);
    }

    #[track_caller]
    fn running(&self) -> &Running {
        self.running.as_ref().expect("it is switched on")
    }
}
