//! Virtual machines under QEMU's own processor (no KVM), two at a time; what they say decides.

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::{Arch, BootDisk, Guest};

/// A machine that takes longer is silent: a failed test, not a refusal.
const WITHIN: Duration = Duration::from_mins(3);
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

/// One machine that is to run.
#[derive(Debug)]
pub struct Machine<'a> {
    pub(super) guest: &'a Guest,
    pub(super) disk: &'a BootDisk,
    pub(super) floor: u64,
    /// More words on the kernel's command line.
    pub(super) words: &'static str,
}

impl BootDisk {
    /// A machine with this disk.
    pub fn machine<'a>(&'a self, guest: &'a Guest) -> Machine<'a> {
        Machine {
            guest,
            disk: self,
            floor: 0,
            words: "",
        }
    }
}

impl Machine<'_> {
    /// With a payload that demands this floor.
    pub fn with_floor(self, floor: u64) -> Self {
        Self { floor, ..self }
    }

    /// With more words on the kernel's command line, for the tiny system.
    pub fn with_words(self, words: &'static str) -> Self {
        Self { words, ..self }
    }

    /// Runs until the machine switches off.
    pub fn run(&self) -> Said {
        let initramfs = self.guest.initramfs(self.floor);
        let (program, console, board): (_, _, &[&str]) = match self.guest.arch {
            Arch::Amd64 => ("qemu-system-x86_64", "ttyS0", &["-M", "q35"]),
            // The model of a Pi 4; `max` is three times slower.
            Arch::Arm64 => (
                "qemu-system-aarch64",
                "ttyAMA0",
                &["-M", "virt", "-cpu", "cortex-a72"],
            ),
        };
        let words = self.words;
        let line = format!("console={console} panic=-1 quiet loglevel=4 {words}");
        let mut qemu = Command::new("timeout");
        qemu.arg("--kill-after=5").arg(WITHIN.as_secs().to_string());
        qemu.arg(program).args(board);
        qemu.args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "256"]);
        qemu.args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
        qemu.args(["-no-reboot", "-nic", "none", "-append"])
            .arg(line);
        qemu.arg("-kernel").arg(self.guest.path("vmlinuz"));
        qemu.arg("-initrd").arg(initramfs);
        let drive = format!(
            "file={},if=none,id=disk,format=raw",
            self.disk.path().display()
        );
        qemu.arg("-drive").arg(drive);
        qemu.args(["-device", "virtio-blk-pci,drive=disk"]);
        let done = qemu.stdin(Stdio::null()).output().expect("QEMU");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success(),
            "the machine ended with {:?}: {errors}\n{said}",
            done.status.code()
        );
        Said(said)
    }
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
