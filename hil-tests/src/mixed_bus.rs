//! Modbus meters that want their readings in time, and FLAG meters with long sessions, together on
//! lines of 9600 baud behind the real daemon.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use desk::{JobState, Work};
use iec62056_21::meter::ParityBy;
use metering::Timestamp;
use meters::Span;
use meters::catalogue::Register;
use simulator::elster::{ElsterModel, Scenario};
use simulator::link::Link;
use simulator::wire::WireSettings;
use tokio::time::Instant;

use crate::agent::Agent;
use crate::agent_file::AgentFile;
use crate::bus::{Bus, model};
use crate::clock::{pause, utc, wait_until};
use crate::flag::{PASSWORD, password_file, scenario};
use crate::hands::{Started, start};
use crate::limits::START_WITHIN;
use crate::tap::TappedPort;

/// The speed of the lines.
const BAUD: u32 = 9600;
/// Pace of the instantaneous values.
pub const PERIOD: Duration = Duration::from_secs(10);
/// What the Modbus meters are.
const MODELS: [&str; 8] = [
    "abb-b23",
    "eastron-sdm630",
    "eastron-sdm120",
    "carlo-gavazzi-em340",
    "schneider-iem3155",
    "abb-b24",
    "eastron-sdm230",
    "finder-7m24",
];
/// Days that a job reads: more than a line of 9600 baud carries while anybody watches.
const JOB_DAYS: u32 = 400;
/// How fine the begin of the periods is looked for.
const PHASES: u32 = 100;
/// One that stops has no power for so long: the session that breaks, and the next one that nobody
/// answers, fall into it.
const STOPPED: Duration = Duration::from_secs(15);
/// How long a session of one meter is waited for.
const SESSION_WITHIN: Duration = Duration::from_mins(2);

/// What ails a FLAG meter of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ails {
    /// Nothing.
    None,
    /// One is dead from the beginning.
    Dead,
    /// The one whose load profile is read stops in the middle, comes back, and stops again.
    Stops,
}

/// Readings of one line.
#[derive(Debug, Clone)]
pub struct MixedReport {
    /// What ailed one of its FLAG meters.
    pub ails: Ails,
    /// How many periods of instantaneous values passed, of all Modbus meters.
    pub periods: u32,
    /// Those in which all values of the meter were read.
    pub in_time: u32,
    /// Sessions of the FLAG meters meanwhile.
    pub sessions: Sessions,
    /// Days of the load profile that the job has read so far.
    pub days: u64,
    /// How often a meter stopped in the middle of a session.
    pub stops: u32,
}

/// What sessions came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sessions {
    /// How many.
    pub held: u64,
    /// Those among them that broke in the middle.
    pub broken: u64,
    /// Those among them to which nobody answered.
    pub silent: u64,
    /// Octets that they carried.
    pub octets: u64,
    /// Milliseconds of line time.
    pub ms: u64,
}

impl fmt::Display for MixedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sessions {
            held,
            broken,
            silent,
            octets,
            ms,
        } = self.sessions;
        write!(
            f,
            "{:?}: {} of {} readings in time; {held} sessions in {} s ({broken} broken, {silent} \
             without an answer) with {octets} octets, {} days of the profile; stopped {} times",
            self.ails,
            self.in_time,
            self.periods,
            ms / 1000,
            self.days,
            self.stops
        )
    }
}

/// A line with its job.
struct Line {
    bus: Bus,
    port: TappedPort,
    ails: Ails,
    job: Option<Started>,
    stops: u32,
}

/// Lines side by side, each with what ails it, watched for this long by one daemon.
pub fn watch(folder: &Path, ails: &[Ails], lasts: Duration) -> Vec<MixedReport> {
    let mut lines: Vec<Line> = (1..).zip(ails).map(|line| new_line(folder, line)).collect();
    let mut agent = gateway(folder, &lines);
    agent.start_with_lines();
    for line in &mut lines {
        line.job = Some(collect(&agent, line));
    }
    wait_until("everybody was read once", START_WITHIN * 3, || {
        let is_read = |line: &Line| {
            let all = line
                .bus
                .meters
                .iter()
                .all(|meter| agent.meter(&meter.id).answers > 2);
            all && sessions(&agent, &line.bus).octets > 0
        };
        lines.iter().all(is_read)
    });
    let begun: Vec<(Duration, Sessions)> = lines
        .iter()
        .map(|line| (line.bus.wire.now(), sessions(&agent, &line.bus)))
        .collect();
    let until = Instant::now() + lasts;
    let sick = lines.iter_mut().find(|line| line.ails == Ails::Stops);
    if let Some(line) = sick {
        while Instant::now() + STOPPED < until {
            line.stop(&agent);
        }
    }
    pause(until.saturating_duration_since(Instant::now()));
    let reports = lines.iter().zip(begun);
    let reports = reports
        .map(|(line, begun)| report(&agent, line, begun))
        .collect();
    agent.stop();
    reports
}

fn new_line(folder: &Path, (seed, ails): (u64, &Ails)) -> Line {
    let name = format!("mixed{seed}");
    let mut bus = Bus::stream(&name, WireSettings::plain(BAUD), seed);
    for (unit, model) in (1..).zip(MODELS) {
        bus.seat(model, unit);
    }
    for (model, serial) in [
        (ElsterModel::As230, "40000104"),
        (ElsterModel::A1140, "20000102"),
        (ElsterModel::A1120, "30000103"),
        (ElsterModel::A1700, "10000101"),
    ] {
        let circumstances = Scenario {
            days: if model == ElsterModel::A1700 {
                i64::from(JOB_DAYS) + 1
            } else {
                4
            },
            bills_monthly: false,
            ..scenario(serial)
        };
        let is_dead = *ails == Ails::Dead && model == ElsterModel::As230;
        bus.seat_flag_with(model, circumstances, |settings, troubles| {
            settings.parity = ParityBy::Software;
            troubles.dead = is_dead;
        });
    }
    Line {
        port: TappedPort::open(&bus, folder, Link::new),
        bus,
        ails: *ails,
        job: None,
        stops: 0,
    }
}

fn gateway(folder: &Path, lines: &[Line]) -> Agent {
    let mut file = AgentFile::new("pmu-mixed");
    let password = password_file(folder, "password", PASSWORD);
    let every = u32::try_from(PERIOD.as_secs()).expect("a short time");
    for Line { bus, port, .. } in lines {
        file.serial(&bus.id, &port.device, bus.baud());
        for mut meter in bus.lines(1800) {
            meter.instant_s = Some(every);
            file.meters.push(meter);
        }
        for mut meter in bus.flag_lines(&password) {
            "collect = { every-seconds = 3600, days-max = 1 }\n".clone_into(&mut meter.more);
            file.flags.push(meter);
        }
    }
    Agent::install(file, folder)
}

/// Asks for many days of the last FLAG meter's load profile.
fn collect(agent: &Agent, line: &Line) -> Started {
    let meter = line.bus.flags.last().expect("a FLAG meter");
    let from: Timestamp = utc().before(Duration::from_hours(24) * JOB_DAYS);
    let what = Work::Collect {
        meter: meter.id.clone(),
        from: Some(from.seconds()),
        to: None,
        again: true,
    };
    start(agent, &what)
}

/// Days that its job has read.
fn days(agent: &Agent, line: &Line) -> u64 {
    match line.job.map(|job| job.look(agent).state) {
        Some(JobState::Running(progress)) => progress.done,
        _ => 0,
    }
}

/// What the daemon counted of a line.
fn sessions(agent: &Agent, bus: &Bus) -> Sessions {
    let page = agent.metrics();
    let label = format!("bus=\"{}\"", bus.id);
    let sum = |name: &str| -> u64 {
        let lines = page.lines().filter(|line| line.contains(&label));
        let values = lines.filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            let is_it = key.split('{').next()? == name;
            is_it.then(|| value.parse::<u64>().ok())?
        });
        values.sum()
    };
    Sessions {
        held: sum("pmu_meter_sessions_total"),
        broken: sum("pmu_meter_sessions_broken_total"),
        silent: sum("pmu_meter_sessions_silent_total"),
        octets: sum("pmu_meter_session_octets_total"),
        ms: sum("pmu_meter_session_ms_total"),
    }
}

impl Sessions {
    fn since(self, before: Self) -> Self {
        Self {
            held: self.held - before.held,
            broken: self.broken - before.broken,
            silent: self.silent - before.silent,
            octets: self.octets - before.octets,
            ms: self.ms - before.ms,
        }
    }
}

impl Line {
    /// The meter whose profile is read loses its power in the middle of a session, for a while. A job
    /// that gave up is begun anew.
    fn stop(&mut self, agent: &Agent) {
        let meter = self.bus.flags.last().expect("a FLAG meter");
        let address = meter.holds.address();
        wait_until("a session goes on", SESSION_WITHIN, || {
            self.port.heard.is_reading(&address)
        });
        let power = |dead| {
            self.bus
                .wire
                .change_flag(meter.place, |troubles| troubles.dead = dead)
        };
        assert!(power(true));
        self.stops += 1;
        pause(STOPPED);
        assert!(power(false));
        if self.job.is_none_or(|job| job.look(agent).state.has_ended()) {
            self.job = Some(collect(agent, self));
        }
    }
}

fn report(agent: &Agent, line: &Line, (begun, before): (Duration, Sessions)) -> MixedReport {
    let ended = line.bus.wire.now();
    let (mut periods, mut in_time) = (0, 0);
    for meter in &line.bus.meters {
        let wanted = model(&meter.model).instants();
        let wanted: Vec<Span> = wanted.map(Register::span).collect();
        let reads = reads(&line.bus, meter.unit, &wanted);
        let (kept, all) = periods_with_all(&reads, begun, ended);
        if kept < all {
            println!("    {}: {kept} of {all} periods", meter.id);
        }
        periods += all;
        in_time += kept;
    }
    MixedReport {
        ails: line.ails,
        periods,
        in_time,
        sessions: sessions(agent, &line.bus).since(before),
        days: days(agent, line),
        stops: line.stops,
    }
}

/// When each wanted value of a meter was read, by what the meter itself answered.
fn reads(bus: &Bus, unit: u8, wanted: &[Span]) -> Vec<Vec<Duration>> {
    let answers = bus.wire.answers();
    let of_unit: Vec<_> = answers
        .iter()
        .filter(|answer| answer.unit == unit)
        .collect();
    let covers = |read: &Span, value: &Span| {
        read.table == value.table
            && read.address <= value.address
            && u32::from(value.address) + u32::from(value.count)
                <= u32::from(read.address) + u32::from(read.count)
    };
    let mut by_value: BTreeMap<Span, Vec<Duration>> = BTreeMap::new();
    for value in wanted {
        let times = of_unit.iter().filter(|answer| covers(&answer.span, value));
        let times = times.filter(|answer| answer.due_at.is_some());
        by_value.insert(*value, times.map(|answer| answer.sampled_at).collect());
    }
    by_value.into_values().collect()
}

/// How many periods of this stretch saw each value, and how many there were. Where the periods begin
/// is the planner's choice: the begin that fits best is taken.
fn periods_with_all(reads: &[Vec<Duration>], begun: Duration, ended: Duration) -> (u32, u32) {
    let whole = ended.saturating_sub(begun).as_millis() / PERIOD.as_millis();
    let all = u32::try_from(whole)
        .expect("a short time")
        .saturating_sub(1);
    let kept = |phase: u32| {
        let first = begun + PERIOD * phase / PHASES;
        let is_kept = |number: &u32| {
            let from = first + PERIOD * *number;
            let within =
                |times: &Vec<Duration>| times.iter().any(|at| (from..from + PERIOD).contains(at));
            !reads.is_empty() && reads.iter().all(within)
        };
        u32::try_from((0..all).filter(is_kept).count()).expect("few periods")
    };
    let best = (0..PHASES).map(kept).max();
    (best.unwrap_or(0), all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reads_s: &[&[u64]], expected: (u32, u32)) {
        let times = |times: &&[u64]| times.iter().map(|at| Duration::from_secs(*at)).collect();
        let reads: Vec<Vec<Duration>> = reads_s.iter().map(times).collect();
        let (begun, ended) = (Duration::from_secs(100), Duration::from_secs(150));
        assert_eq!(periods_with_all(&reads, begun, ended), expected);
    }

    #[test]
    fn a_period_counts_if_every_value_was_read_in_it() {
        check(&[&[101, 111, 121, 131, 141]], (4, 4));
        // Early in one period and late in the next one.
        check(&[&[101, 119, 122, 131, 141]], (4, 4));
        check(&[&[101, 121, 131, 141]], (3, 4));
        check(&[&[101, 111, 121, 131, 141], &[101, 111, 131, 141]], (3, 4));
        check(&[&[], &[101, 111, 121, 131, 141]], (0, 4));
        check(&[], (0, 4));
    }
}
