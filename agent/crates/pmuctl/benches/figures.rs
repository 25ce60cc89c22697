//! What a roll-out costs whoever runs it, a gateway: 5,000 against 500, under a clock that only the
//! simulation moves. `cargo bench -p pmuctl --bench figures`, shorter with `-- --quick`. A missed limit
//! ends with an exit code other than zero.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a table of ratios for people, of real time"
)]

use authority::{CommandId, CommandState, Receipt};
use metering::Timestamp;
use pmuctl::rollout::{Pace, Progress, RollOut, Stage, Target};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A gateway of many costs at most so many of one of few.
const RATIO_MAX: f64 = 2.0;
const FEW: u32 = 500;
const MANY: u32 = 5000;
const ALONE: &str = "--alone";
const START: Timestamp = Timestamp::from_seconds(1_795_000_000);
/// What `pmuctl rollout run` looks at while nothing comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, gateways, failing_percent] = arguments.as_slice()
        && first == ALONE
    {
        alone(gateways, failing_percent)?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let rounds = if is_quick { 5 } else { 21 };
    println!(
        "{:<52}{:>14}{:>14}{:>8}{:>8}{:>12}{:>12}",
        "figure", "5,000", "500", "ratio", "limit", "peak, 5,000", "peak, 500"
    );
    let mut are_all_kept = true;
    for failing_percent in [0, 2, 4] {
        are_all_kept &= compare(failing_percent, rounds)?;
    }
    Ok(if are_all_kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Both by turns, so that what else runs here meets both; the median of the ratios counts.
fn compare(failing_percent: u32, rounds: usize) -> Outcome<bool> {
    let mut turns = Vec::new();
    for _ in 0..rounds {
        let many = seconds_each(MANY, failing_percent)?;
        // As much work as for the many, so that what disturbs is as long.
        let mut few = 0.0;
        for _ in 0..MANY / FEW {
            few += seconds_each(FEW, failing_percent)?;
        }
        let few = few / f64::from(MANY / FEW);
        turns.push((many / few, many, few));
    }
    turns.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, many, few) = *turns.get(turns.len() / 2).ok_or("no rounds")?;
    let peak = peak_of(MANY, failing_percent)?;
    let peak_of_few = peak_of(FEW, failing_percent)?;
    let is_kept = ratio <= RATIO_MAX;
    println!(
        "{:<52}{:>11.1} us{:>11.1} us{ratio:>8.2}{RATIO_MAX:>8.2}{peak:>8.1} MiB{peak_of_few:>8.1} MiB{}",
        format!("roll-out with its state, a gateway, {failing_percent} % fail"),
        many * 1e6,
        few * 1e6,
        if is_kept { "" } else { "  MISSED" },
    );
    Ok(is_kept)
}

fn seconds_each(gateways: u32, failing_percent: u32) -> Outcome<f64> {
    let fleet = Fleet::new(gateways, failing_percent);
    let begin = Instant::now();
    fleet.roll_out()?;
    Ok(begin.elapsed().as_secs_f64() / f64::from(gateways))
}

/// The most memory that a process of its own had, which did nothing but such a roll-out.
fn peak_of(gateways: u32, failing_percent: u32) -> Outcome<f64> {
    let mut own = std::process::Command::new(std::env::current_exe()?);
    own.args([ALONE, &gateways.to_string(), &failing_percent.to_string()]);
    let said = own.output()?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).into_owned().into());
    }
    let kib: f64 = String::from_utf8(said.stdout)?.trim().parse()?;
    Ok(kib / 1024.0)
}

/// What such a process does.
fn alone(gateways: &str, failing_percent: &str) -> Outcome<()> {
    Fleet::new(gateways.parse()?, failing_percent.parse()?).roll_out()?;
    println!("{}", high_mark_kib()?);
    Ok(())
}

fn high_mark_kib() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find(|line| line.starts_with("VmHWM"));
    let word = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(word.ok_or("no high mark")?.parse()?)
}

/// Gateways in virtual time: each answers after a time of its own, some never.
struct Fleet {
    rollout: RollOut,
    failing_percent: u32,
    due: BTreeMap<(Timestamp, usize), CommandState>,
    state: Vec<u8>,
}

impl Fleet {
    fn new(gateways: u32, failing_percent: u32) -> Self {
        let pace = Pace {
            waves: vec![1, 10, 100, 1000],
            stop_percent: 10,
            in_flight_max: 200,
            again_after: Duration::from_mins(5),
            within: Duration::from_hours(1),
        };
        let target = |number: u32| {
            let mut id = [0; 16];
            for (octet, of) in id.iter_mut().zip(number.to_be_bytes()) {
                *octet = of;
            }
            Ok(Target {
                gateway: format!("pmu-{number:05}").parse()?,
                id: CommandId::new(id),
                stage: Stage::Waiting,
                code: None,
            })
        };
        let targets: Outcome<Vec<Target>> = (0..gateways).map(target).collect();
        Self {
            rollout: RollOut::new(pace, targets.unwrap_or_default()),
            failing_percent,
            due: BTreeMap::new(),
            state: Vec::new(),
        }
    }

    /// Every part of what `pmuctl rollout run` does for each gateway but the network and the disk: what is
    /// to be sent, what was heard, what is remembered of both before the next.
    fn roll_out(mut self) -> Outcome<()> {
        let mut now = START;
        self.state.extend(self.rollout.whole()?.into_bytes());
        while self.rollout.progress() != Progress::Finished {
            let sends = self.rollout.to_send(now);
            self.remember()?;
            for place in sends {
                let number = u64::try_from(place)?;
                // Of those that fail, one in four is silent.
                let state = match number.wrapping_mul(7919).wrapping_add(50) % 100 {
                    lot if lot >= u64::from(self.failing_percent) => CommandState::Succeeded,
                    lot if lot % 4 == 3 => continue,
                    _ => CommandState::Failed,
                };
                let delay = Duration::from_millis(1000 + number.wrapping_mul(104_729) % 90_000);
                self.due.insert((now.after(delay), place), state);
            }
            let look = now.after(LOOK_EVERY);
            let next = self.due.first_key_value().map(|(key, _)| key.0);
            now = next.map_or(look, |next| next.min(look));
            if let Some(first) = self.due.first_entry().filter(|first| first.key().0 <= now) {
                let ((at, place), state) = first.remove_entry();
                let target = self.rollout.targets().get(place).ok_or("no such place")?;
                let (gateway, id) = (target.gateway.clone(), target.id);
                self.rollout.hear(&gateway, &receipt(id, state, at));
                self.remember()?;
            }
        }
        let all = self.rollout.targets().len();
        let (done, failed) = self.rollout.counts();
        if done + failed != all || self.rollout.stopped().is_some() {
            return Err(format!("{done} done and {failed} failed of {all}").into());
        }
        Ok(())
    }

    fn remember(&mut self) -> Outcome<()> {
        self.state.extend(self.rollout.news()?.into_bytes());
        Ok(())
    }
}

fn receipt(id: CommandId, state: CommandState, at: Timestamp) -> Receipt {
    Receipt {
        next_key: None,
        id,
        number: 1,
        state,
        at,
        step: 0,
        steps: 0,
        code: None,
        text: None,
        now: None,
        evidence: None,
        proof: None,
    }
}
