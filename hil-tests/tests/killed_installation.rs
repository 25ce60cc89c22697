//! The power goes at random moments of real installations: whatever is left, a slot that can be proven
//! starts, the installation goes on, and in the end the new system is kept and can be left again.
//!
//! A tiny machine runs the installer of the gateway on disks of its own; QEMU is killed. What a kill
//! leaves on a disk that also loses, reorders and tears what it was given is tried in `ota`, after
//! every single write.
#![cfg(test)]

use std::time::Duration;

use bootloader_verify::limits::TRIES;
use bootloader_verify::{Slot, SlotState};
use hil_tests::boot::{Arch, Guest, Installing, Said};
use hil_tests::clock::utc;
use hil_tests::skip::by_tier;
use simulator::dice::Dice;

/// Kills of which none may be lost, and of those how many must have hit an installation.
const KILLS: usize = 22;
const HITS_MIN: usize = 15;
/// Machines at once, each with a disk of its own.
const LANES: [(u64, &str); 2] = [(1, "left"), (2, "right")];
/// Bytes that the installer writes at once.
const WRITE_BYTES: u64 = 64 << 10;
/// Of images, all alike.
const COUNTER: u64 = 5;

/// When the power goes: so many steps were announced, and so long ago.
#[derive(Debug, Clone, Copy)]
struct Moment {
    step: u32,
    after: Duration,
}

/// What one machine did, up to its end.
#[derive(Debug)]
struct Round {
    slot: Slot,
    label: char,
    was_killed: bool,
    begun: bool,
    done: bool,
    /// The last step that was announced.
    last: String,
}

impl Round {
    fn is_hit(&self) -> bool {
        self.was_killed && self.begun && !self.done
    }
}

struct Watch<'a> {
    disk: Installing<'a>,
    /// Starts in a row of a system on trial.
    starts: u8,
    machines: u32,
}

impl Watch<'_> {
    /// One machine, and all that must hold whatever became of it.
    fn run(&mut self, words: &'static str, moment: Option<Moment>) -> Round {
        self.machines += 1;
        let before = self.disk.state();
        let hashes = [Slot::A, Slot::B].map(|slot| self.disk.hash_of(slot));
        let machine = self.disk.machine(words);
        let (said, was_killed) = match moment {
            Some(moment) => machine.run_until(moment.step, moment.after),
            None => (machine.run(), false),
        };
        let round = round(&said, was_killed);
        let slot = round.slot;
        if let SlotState::Trial { left } = before.slot(slot).state {
            self.starts += 1;
            assert!(left > 0 && self.starts <= TRIES, "{before:?}: {said:?}");
        } else {
            self.starts = 0;
        }
        let after = self.disk.state();
        assert!(after.floor >= before.floor, "{before:?} {after:?}");
        // What runs is never written, and what does not run is whole or nothing.
        let [hash_a, hash_b] = hashes;
        let hash = if slot == Slot::A { hash_a } else { hash_b };
        assert_eq!(self.disk.hash_of(slot), hash, "{round:?}");
        let running = self.disk.verdict(slot).expect("the slot that started");
        let version = format!("1.0-{}", round.label);
        assert_eq!(running.manifest().version, version, "{round:?}");
        let other = slot.other();
        if self.disk.manifest(other).is_ok() {
            self.disk.verdict(other).expect("a slot with a manifest");
        }
        if round.done {
            let trial = SlotState::Trial { left: TRIES };
            assert_eq!(after.slot(other).state, trial, "{round:?}");
            self.disk.verdict(other).expect("what was installed");
        }
        round
    }

    /// Steps that the next machine makes, of so many: what was kept is not written again.
    fn steps_left(&self, steps: u64) -> u64 {
        let state = self.disk.state();
        let is_cut = |slot: Slot| state.slot(slot).state == SlotState::Writing;
        let Some(target) = [Slot::A, Slot::B].into_iter().find(|slot| is_cut(*slot)) else {
            return steps;
        };
        let running = self.disk.verdict(target.other()).expect("what runs");
        let number = running.manifest().version.chars().last();
        let number = number.and_then(|last| last.to_digit(10)).expect("a number");
        let kept = self.disk.kept((u64::from(number) + 1) % 3);
        steps.saturating_sub(kept / WRITE_BYTES)
    }

    /// The same, with a line for whoever reads the report.
    fn kill_at(&mut self, moment: Moment) -> Round {
        let round = self.run("tiny=next", Some(moment));
        let what = match (round.was_killed, round.is_hit()) {
            (true, true) => "killed in an installation",
            (true, false) => "killed",
            (false, _) => "not reached",
        };
        println!(
            "slot {} image {}: step {:>3} and {:>2} ms: {what}, last {}",
            round.slot,
            round.label,
            moment.step,
            moment.after.as_millis(),
            round.last
        );
        round
    }
}

fn round(said: &Said, was_killed: bool) -> Round {
    let (boot, tiny) = (said.boot(), said.tiny());
    let slot = match boot.last() {
        Some(&"result=boot slot=A") => Slot::A,
        Some(&"result=boot slot=B") => Slot::B,
        _ => panic!("no slot was started: {}", said.0),
    };
    // The first candidate is whole: no installation ever damages what is wanted most.
    let first = format!("slot={slot} check=ok");
    assert!(
        boot.first().is_some_and(|line| line.starts_with(&first)),
        "{}",
        said.0
    );
    let after = |key: &str| tiny.iter().find_map(|line| line.strip_prefix(key));
    let label = after("label=").and_then(|rest| rest.chars().next());
    assert_eq!(after("fault="), None, "{}", said.0);
    Round {
        slot,
        label: label.unwrap_or_else(|| panic!("no system answered: {}", said.0)),
        was_killed,
        begun: after("install=begin").is_some(),
        done: after("install=done").is_some(),
        last: tiny
            .iter()
            .rev()
            .find(|line| line.starts_with("step="))
            .map_or_else(String::new, |line| (*line).to_owned()),
    }
}

/// One moment in each of so many parts of an installation, in any order; every other one right
/// behind a step, the rest while the disk still works at it.
fn moments(dice: &mut Dice, steps: u64, count: usize) -> Vec<Moment> {
    let count = u64::try_from(count).unwrap();
    let mut ordered: Vec<Moment> = (0..count)
        .map(|part| {
            let (from, to) = (part * steps / count, (part + 1) * steps / count);
            let longest = if part % 2 == 0 { 2 } else { 90 };
            Moment {
                step: u32::try_from(dice.between(&(from + 1..=to))).unwrap(),
                after: dice.duration(Duration::ZERO, Duration::from_millis(longest)),
            }
        })
        .collect();
    let mut mixed = Vec::new();
    while !ordered.is_empty() {
        mixed.push(ordered.swap_remove(dice.index(ordered.len())));
    }
    mixed
}

/// Kills of one machine's life.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    kills: usize,
    hits: usize,
    finished: usize,
    machines: u32,
}

#[test]
fn an_installation_that_is_killed_at_random_never_costs_the_box_its_system() {
    let Some(guest) = Guest::prepare("killed installation", Arch::Amd64) else {
        return;
    };
    guest.add_installer();
    let seed = std::env::var("PMU_SIM_SEED").ok();
    let seed = seed.map_or_else(|| utc().millis(), |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let dice = Dice::new(seed);
    let kills = by_tier(KILLS, 10 * KILLS) / LANES.len();
    let counts: Vec<Count> = std::thread::scope(|scope| {
        let lanes = LANES.map(|(lane, name)| {
            let (guest, dice) = (&guest, dice.fork(lane));
            scope.spawn(move || live(Installing::new(guest, name), dice, kills))
        });
        lanes.map(|lane| lane.join().unwrap()).into()
    });
    let sum = |of: fn(&Count) -> usize| counts.iter().map(of).sum::<usize>();
    let (kills, hits) = (sum(|count| count.kills), sum(|count| count.hits));
    println!(
        "{kills} kills, {hits} of them in an installation; {} installations came to their end: {counts:?}",
        sum(|count| count.finished)
    );
    assert!(kills >= KILLS, "{kills} kills");
    assert!(
        hits >= HITS_MIN,
        "{hits} of {kills} kills hit an installation"
    );
}

/// One disk, from the first installation to the last.
fn live(disk: Installing<'_>, mut dice: Dice, kills: usize) -> Count {
    let mut watch = Watch {
        disk,
        starts: 0,
        machines: 0,
    };
    // One that nobody disturbs says how many steps there are.
    let whole = watch.run("tiny=next", None);
    assert!(whole.done && whole.label == '0', "{whole:?}");
    let steps = whole
        .last
        .split([' ', '='])
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let mut count = Count::default();
    let mut moments = moments(&mut dice, steps, kills);
    while let Some(moment) = take_one(&mut moments, watch.steps_left(steps)) {
        // An installation that goes on may end before the moment comes; the next one begins anew.
        loop {
            let round = watch.kill_at(moment);
            count.finished += usize::from(round.done);
            count.kills += usize::from(round.was_killed);
            count.hits += usize::from(round.is_hit());
            if round.was_killed {
                break;
            }
        }
    }
    and_in_the_end_it_is_kept_and_left(&mut watch);
    count.machines = watch.machines;
    count
}

/// The next moment that can come within so many steps, or any if none can.
fn take_one(moments: &mut Vec<Moment>, steps: u64) -> Option<Moment> {
    let fitting = moments
        .iter()
        .position(|moment| u64::from(moment.step) <= steps);
    (!moments.is_empty()).then(|| moments.swap_remove(fitting.unwrap_or(0)))
}

fn and_in_the_end_it_is_kept_and_left(watch: &mut Watch<'_>) {
    let last = watch.run("tiny=next", None);
    assert!(last.done, "{last:?}");
    let new = watch.run("tiny=keep", None);
    assert_eq!(new.slot, last.slot.other());
    assert_ne!(new.label, last.label);
    let state = watch.disk.state();
    assert_eq!(state.slot(new.slot).state, SlotState::Good);
    assert_eq!((state.preferred, state.floor), (new.slot, COUNTER));
    let again = watch.run("tiny=leave", None);
    assert_eq!((again.slot, again.label), (new.slot, new.label));
    let back = watch.run("", None);
    assert_eq!((back.slot, back.label), (last.slot, last.label));
}
