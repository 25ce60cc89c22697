//! Virtual machines under QEMU's own processor (no KVM), two at a time; what they say decides.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::{Arch, BootDisk, Guest};
use crate::clock::pause;

/// A machine that takes longer is silent: a failed test, not a refusal.
const WITHIN: Duration = Duration::from_mins(3);
/// What firmware says when it does not start something.
const DENIED: &str = "Access Denied";
/// The kernel's last word, on a machine that does not switch itself off.
const OFF: &str = "reboot: System halted";
/// The host has two cores.
const AT_ONCE: usize = 2;

/// What a machine said on its serial line.
#[derive(Debug, Clone)]
pub struct Said(pub String);

impl Said {
    /// The lines of the boot program, without their mark.
    pub fn boot(&self) -> Vec<&str> {
        let lines = self.0.lines().filter_map(|line| {
            let (_, line) = line.split_once("pmu-boot 1 ")?;
            Some(line.trim())
        });
        lines.collect()
    }

    /// What the tiny system said.
    pub fn tiny(&self) -> Vec<&str> {
        let lines = self.0.lines().filter_map(|line| {
            let (_, line) = line.split_once("tiny 1 ")?;
            Some(line.trim())
        });
        lines.collect()
    }
}

/// From where firmware starts a payload.
#[derive(Debug, Clone, Copy)]
pub(super) enum Firmware {
    /// A disk of its own with this boot partition.
    Apart(&'static str),
    /// The boot partitions of the machine's disk.
    Within,
}

/// One machine that is to run.
#[derive(Debug)]
pub struct Machine<'a> {
    pub(super) guest: &'a Guest,
    pub(super) disk: &'a Path,
    /// A second disk, and bytes a second that the first one writes.
    pub(super) source: Option<(&'a Path, u64)>,
    pub(super) floor: u64,
    /// A module that the payload lacks.
    pub(super) without: Option<&'static str>,
    /// More words on the kernel's command line.
    pub(super) words: &'static str,
    /// Firmware starts it, instead of QEMU itself.
    pub(super) firmware: Option<Firmware>,
}

impl BootDisk {
    /// A machine with this disk.
    pub fn machine<'a>(&'a self, guest: &'a Guest) -> Machine<'a> {
        Machine::new(guest, self.path())
    }
}

impl<'a> Machine<'a> {
    /// A machine with a disk.
    pub(super) fn new(guest: &'a Guest, disk: &'a Path) -> Self {
        Self {
            guest,
            disk,
            source: None,
            floor: 0,
            without: None,
            words: "",
            firmware: None,
        }
    }

    /// With a second disk, and a first one that writes so many bytes a second.
    pub(super) fn with_source(self, source: &'a Path, bytes_per_second: u64) -> Self {
        Self {
            source: Some((source, bytes_per_second)),
            ..self
        }
    }

    /// With a payload that demands this floor.
    pub fn with_floor(self, floor: u64) -> Self {
        Self { floor, ..self }
    }

    /// With a payload that lacks a module.
    pub fn without_module(self, module: &'static str) -> Self {
        Self {
            without: Some(module),
            ..self
        }
    }

    /// With more words on the kernel's command line, for the tiny system.
    pub fn with_words(self, words: &'static str) -> Self {
        Self { words, ..self }
    }

    /// Started by firmware from a boot partition that `boot/secure-boot` made.
    pub fn by_firmware(self, partition: &'static str) -> Self {
        Self {
            firmware: Some(Firmware::Apart(partition)),
            ..self
        }
    }

    /// Started by firmware from the disk's own boot partitions; it remembers what it was told.
    pub fn by_own_firmware(self) -> Self {
        Self {
            firmware: Some(Firmware::Within),
            ..self
        }
    }

    /// Runs until the machine switches off.
    pub fn run(&self) -> Said {
        let (said, done) = listen(&mut self.qemu());
        let is_over = match self.guest.arch {
            // A model that cannot switch itself off.
            Arch::Pi3 => said.contains(OFF),
            _ => self.firmware.is_some() && said.contains(DENIED),
        };
        assert!(
            done.success() || is_over,
            "the machine ended with {:?}: {said}",
            done.code()
        );
        Said(said)
    }

    /// Runs until the tiny system has announced so many steps of an installation, and so long
    /// behind; then its power is gone. `true`: it was; `false`: it switched itself off before.
    pub fn run_until(&self, step: u32, after: Duration) -> (Said, bool) {
        let mut qemu = self.qemu();
        // Signals to the group reach `timeout` and QEMU alike.
        qemu.process_group(0);
        let mut was_cut = false;
        let (said, _) = hear(&mut qemu, |machine, said| {
            if was_cut || steps_in(said) < step {
                return;
            }
            was_cut = true;
            pause(after);
            kill_process_group(id_of(machine), Signal::KILL).expect("our processes");
        });
        (Said(said), was_cut)
    }

    fn qemu(&self) -> Command {
        let (program, console, board): (_, _, &[&str]) = match self.guest.arch {
            Arch::Amd64 => (
                "qemu-system-x86_64",
                "ttyS0",
                &["-M", "q35", "-m", "256", "-smp", "2"],
            ),
            // The model of a Pi 4; `max` is three times slower.
            Arch::Arm64 => (
                "qemu-system-aarch64",
                "ttyAMA0",
                &["-M", "virt", "-cpu", "cortex-a72", "-m", "256", "-smp", "2"],
            ),
            // It has what the board has; the console is its second line.
            Arch::Pi3 => (
                "qemu-system-aarch64",
                "ttyS1,115200",
                &["-M", "raspi3b", "-serial", "null"],
            ),
        };
        let mut qemu = Command::new("timeout");
        qemu.arg("--kill-after=5").arg(WITHIN.as_secs().to_string());
        qemu.arg(program).args(board);
        qemu.args(["-accel", "tcg,thread=multi"]);
        qemu.args([
            "-display",
            "none",
            "-monitor",
            "none",
            "-no-reboot",
            "-nic",
            "none",
        ]);
        if let Some(firmware) = self.firmware {
            self.add_firmware(&mut qemu, firmware);
        } else {
            let words = self.words;
            // The self-tests of the kernel's ciphers have been seen to hang in the emulator for minutes.
            let line =
                format!("console={console} panic=-1 quiet loglevel=4 cryptomgr.notests {words}");
            qemu.arg("-append").arg(line);
            qemu.arg("-kernel").arg(self.guest.path("vmlinuz"));
            let initramfs = self.guest.initramfs(self.floor, self.without);
            qemu.arg("-initrd").arg(initramfs);
        }
        if self.guest.arch == Arch::Pi3 {
            qemu.arg("-dtb").arg(self.guest.path("board.dtb"));
            let card = format!("file={},if=sd,format=raw", self.disk.display());
            qemu.arg("-drive").arg(card);
            return qemu;
        }
        let mut add_disk = |id: &str, file: &Path, more: &str| {
            let file = file.display();
            let drive = format!("file={file},if=none,id={id},format=raw{more}");
            qemu.arg("-drive").arg(drive);
            let device = format!("virtio-blk-pci,drive={id}");
            qemu.arg("-device").arg(device);
        };
        if let Some((source, pace)) = self.source {
            let pace = format!(",throttling.bps-write={pace}");
            add_disk("disk", self.disk, &pace);
            add_disk("source", source, "");
        } else {
            add_disk("disk", self.disk, "");
        }
        qemu
    }

    /// Firmware with our own keys; its variables are a copy that stays with the disk.
    fn add_firmware(&self, qemu: &mut Command, firmware: Firmware) {
        let variables = self.disk.with_extension("vars.fd");
        if !variables.exists() {
            std::fs::copy(self.guest.path("vars.fd"), &variables).expect("the variables");
        }
        let code = self.guest.path("code.fd");
        let flash = |unit: u8, file: &Path, more: &str| {
            let file = file.display();
            format!("if=pflash,format=raw,unit={unit},file={file}{more}")
        };
        qemu.args(["-machine", "smm=on", "-global"]);
        qemu.arg("driver=cfi.pflash01,property=secure,value=on");
        qemu.arg("-drive").arg(flash(0, &code, ",readonly=on"));
        qemu.arg("-drive").arg(flash(1, &variables, ""));
        let Firmware::Apart(partition) = firmware else {
            return;
        };
        let drive = self.guest.path(&format!("{partition}.esp"));
        let drive = format!("file={},if=none,id=esp,format=raw", drive.display());
        qemu.arg("-drive").arg(drive);
        qemu.args(["-device", "virtio-blk-pci,drive=esp,bootindex=1"]);
    }
}

/// What the machine says on its serial line, up to its end, or to its last word where it does not end:
/// a firmware that refuses looks for other ways to boot for a long time.
fn listen(qemu: &mut Command) -> (String, ExitStatus) {
    let mut is_over = false;
    hear(qemu, |machine, said| {
        if !is_over && (said.contains(DENIED) || said.contains(OFF)) {
            is_over = true;
            // `timeout` passes it on to QEMU, which may have ended by itself.
            kill_process(id_of(machine), Signal::TERM).unwrap_or_default();
        }
    })
}

/// What the machine says up to its end; `look` is called whenever it said something.
fn hear(qemu: &mut Command, mut look: impl FnMut(&Child, &str)) -> (String, ExitStatus) {
    qemu.args(["-serial", "stdio"]);
    let started = qemu
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut machine = started.expect("QEMU");
    let mut said = Vec::new();
    if let Some(mut line) = machine.stdout.take() {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = line.read(&mut chunk) {
            said.extend_from_slice(chunk.get(..count).expect("what was read"));
            look(&machine, &String::from_utf8_lossy(&said));
        }
    }
    if let Some(mut errors) = machine.stderr.take() {
        errors.read_to_end(&mut said).expect("its errors");
    }
    let status = machine.wait().expect("its end");
    (String::from_utf8_lossy(&said).into_owned(), status)
}

fn id_of(machine: &Child) -> Pid {
    let number = i32::try_from(machine.id()).expect("a number");
    Pid::from_raw(number).expect("a process")
}

/// The last step that was announced, whole lines only.
fn steps_in(said: &str) -> u32 {
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let last = whole.rsplit_once("tiny 1 step=").map(|(_, last)| last);
    let number = last.and_then(|last| last.split_whitespace().next());
    number.map_or(0, |number| number.parse().expect("a step"))
}

/// Runs cases two at a time, in their order; each says what went wrong in it.
pub fn run_machines<C: Sync>(cases: &[C], run: impl Fn(&C) -> Result<(), String> + Sync) {
    let (next, wrong) = (Mutex::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let number = {
                let mut next = next.lock().expect("a number");
                *next += 1;
                *next - 1
            };
            let Some(case) = cases.get(number) else {
                return;
            };
            if let Err(problem) = run(case) {
                wrong.lock().expect("a list").push(problem);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().expect("a list");
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
}
