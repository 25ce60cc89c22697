//! The boot: candidates in their order, until one of them is whole.

use crate::attempt::{check_and_mount, manifest_of};
use crate::console::Console;
use crate::disks::{Disk, Partition, RECOVERY, STATE, payload_name, slot_name};
use crate::memory::Memory;
use crate::target::Target;
use crate::{firmware, kernel, root, word};
use bootloader_verify::{
    Accepted, BootPlan, Candidate, Refusal, Role, SlotState, TrustedKeys, to_hex,
};
use std::process::ExitCode;
use std::time::Duration;

/// A refusal stays on the screen for so long.
const SHOWN_FOR: Duration = Duration::from_secs(10);

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    /// The image is mounted; it takes over.
    Start,
    /// The firmware starts another payload.
    Restart,
    /// Nothing may be started.
    Refuse(&'static str),
}

struct Boot<'a> {
    console: &'a Console,
    target: Target,
    disk: Disk,
    memory: Memory,
    keys: TrustedKeys,
    plan: BootPlan,
    /// Of the state, as it was before.
    floor: u64,
    /// What was refused.
    attempts: Vec<(&'static str, Refusal)>,
}

pub(crate) fn run(console: &Console) -> Outcome {
    let target = match Target::read() {
        Ok(target) => target,
        Err(problem) => {
            console.say(format_args!("target=bad problem={problem}"));
            return Outcome::Refuse("target");
        }
    };
    let Some(disk) = Disk::find(&target) else {
        return Outcome::Refuse("no-disk");
    };
    let (memory, state) = Memory::open(disk.partition(STATE));
    let keys = memory.keys(&target.keys);
    let boot = Boot {
        console,
        floor: state.floor,
        plan: BootPlan::new(state),
        target,
        disk,
        memory,
        keys,
        attempts: Vec::new(),
    };
    boot.run()
}

impl Boot<'_> {
    fn run(mut self) -> Outcome {
        loop {
            let candidate = self.plan.next_candidate();
            if candidate == Candidate::Nothing {
                return Outcome::Refuse("nothing-whole");
            }
            // The try counts whatever comes of it, so it is on the medium before it is made.
            self.remember();
            let began = kernel::milliseconds();
            match self.attempt(candidate) {
                Ok(accepted) => {
                    let took = kernel::milliseconds().saturating_sub(began);
                    return self.start(candidate, &accepted, took);
                }
                Err(Refusal::Kernel) if self.change_payload(candidate) => {
                    return Outcome::Restart;
                }
                Err(refusal) => self.refuse(candidate, refusal),
            }
        }
    }

    fn remember(&mut self) {
        let mut state = self.plan.state().clone();
        if let Err(error) = self.memory.write(&mut state) {
            let error = word(&error);
            self.console
                .say(format_args!("state=bad step=write error={error}"));
        }
        self.plan.written(state.sequence);
    }

    fn attempt(&self, candidate: Candidate) -> Result<Accepted, Refusal> {
        let (partition, role) = self.place(candidate).ok_or(Refusal::Device)?;
        let expected = self.target.expected(role, self.floor);
        let accepted = manifest_of(partition, &self.keys, &expected)?;
        check_and_mount(partition, &accepted, self.console)?;
        Ok(accepted)
    }

    /// Lets the firmware start the payload that belongs to a slot with another kernel; false if it
    /// was asked to and did not, or cannot be asked.
    fn change_payload(&mut self, candidate: Candidate) -> bool {
        let name = name_of(candidate);
        let Some(payload) = self.disk.partition(payload_name(candidate)) else {
            return false;
        };
        if !self.plan.may_change_payload(candidate) {
            return false;
        }
        kernel::mount_firmware_variables();
        if let Err(error) = firmware::start_next(candidate, payload) {
            let error = word(&error);
            self.console
                .say(format_args!("slot={name} payload=bad error={error}"));
            return false;
        }
        self.plan.changes_payload(candidate);
        self.remember();
        self.console.say(format_args!("result=reboot next={name}"));
        true
    }

    /// A slot that was committed is what the firmware begins with from now on; one on trial comes
    /// second. So there is a payload to begin with whichever is being rewritten. Without UEFI, and
    /// where the disk has no payloads, nothing is told to anybody.
    fn prefer(&self, candidate: Candidate) {
        let Candidate::Slot(slot) = candidate else {
            return;
        };
        let first = match self.plan.state().slot(slot).state {
            SlotState::Good => slot,
            _ => slot.other(),
        };
        let wanted = [
            Candidate::Slot(first),
            Candidate::Slot(first.other()),
            Candidate::Recovery,
        ];
        let payloads: Vec<(Candidate, &Partition)> = wanted
            .into_iter()
            .filter_map(|wanted| Some((wanted, self.disk.partition(payload_name(wanted))?)))
            .collect();
        if payloads.is_empty() || kernel::is_anchored().is_none() {
            return;
        }
        if let Err(error) = firmware::prefer(&payloads) {
            let error = word(&error);
            self.console
                .say(format_args!("firmware=bad step=order error={error}"));
        }
    }

    fn place(&self, candidate: Candidate) -> Option<(&Partition, Role)> {
        match candidate {
            Candidate::Slot(slot) => self
                .disk
                .partition(slot_name(slot))
                .map(|partition| (partition, Role::Slot)),
            Candidate::Recovery => self
                .disk
                .partition(RECOVERY)
                .map(|partition| (partition, Role::Recovery)),
            Candidate::Nothing => None,
        }
    }

    fn refuse(&mut self, candidate: Candidate, refusal: Refusal) {
        let name = name_of(candidate);
        self.console
            .say(format_args!("slot={name} check=bad reason={refusal}"));
        self.attempts.push((name, refusal));
        self.plan.refused(candidate, refusal);
    }

    /// `took`: milliseconds from the manifest to the mount.
    fn start(&mut self, candidate: Candidate, accepted: &Accepted, took: i64) -> Outcome {
        let name = name_of(candidate);
        let manifest = accepted.manifest();
        self.console.say(format_args!(
            "slot={name} check=ok version={} counter={} blocks={} ms={took}",
            manifest.version,
            manifest.counter,
            manifest.geometry.data_blocks()
        ));
        self.prefer(candidate);
        let state = self.plan.state();
        let tries = match candidate {
            Candidate::Slot(slot) => match state.slot(slot).state {
                SlotState::Trial { left } => format!("trial {left}"),
                _ => format!("streak {}", state.slot(slot).streak),
            },
            _ => "none".to_owned(),
        };
        let anchored = match kernel::is_anchored() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        let root = to_hex(&manifest.root);
        let attempts = self.attempts.iter();
        let attempts = attempts.map(|(name, refusal)| format!("attempt {name} {refusal}\n"));
        let attempts: String = attempts.collect();
        let reason = state.recovery.map_or("none", Refusal::word);
        let report = format!(
            "slot {name}\nversion {}\ncounter {}\nroot {root}\ntries {tries}\n\
             anchored {anchored}\nreason {reason}\n{attempts}",
            manifest.version, manifest.counter
        );
        if let Err(error) = root::leave_report(&report) {
            let error = word(&error);
            self.console.say(format_args!("report=bad error={error}"));
        }
        if candidate == Candidate::Recovery {
            self.console
                .say(format_args!("result=recovery reason={reason}"));
        } else {
            self.console.say(format_args!("result=boot slot={name}"));
        }
        Outcome::Start
    }
}

/// Ends as the outcome wants it. A program that hands over does not come back; what does come back
/// starts anew, and the try that was written down counts.
pub(crate) fn end(console: &Console, outcome: Outcome) -> ExitCode {
    let problem = match outcome {
        Outcome::Start => {
            let error = root::hand_over();
            console.say(format_args!("hand-over=bad error={}", word(&error)));
            kernel::restart()
        }
        Outcome::Restart => kernel::restart(),
        Outcome::Refuse(problem) => {
            console.say(format_args!("result=refuse problem={problem}"));
            kernel::wait(SHOWN_FOR);
            kernel::power_off()
        }
    };
    console.say(format_args!("end=bad error={}", word(&problem)));
    ExitCode::FAILURE
}

fn name_of(candidate: Candidate) -> &'static str {
    use bootloader_verify::Slot;
    match candidate {
        Candidate::Slot(Slot::A) => "A",
        Candidate::Slot(Slot::B) => "B",
        Candidate::Recovery => "recovery",
        Candidate::Nothing => "none",
    }
}
