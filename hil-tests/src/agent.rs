//! The real daemon as a child process.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use desk::{Answer, MeterStatus, Refusal, Request, Status, UpdateStatus, UpdateWish};
use rustix::process::Signal;

use crate::agent_file::AgentFile;
use crate::binaries;
use crate::bus::Bus;
use crate::clock::{becomes, wait_until};
use crate::limits::{DESK_WITHIN, START_WITHIN};
use crate::process::{Process, command};

/// A gateway: its configuration, its folder, and the daemon while it runs.
#[derive(Debug)]
pub struct Agent {
    /// What the next start, or reload, reads.
    pub file: AgentFile,
    folder: PathBuf,
    process: Option<Process>,
    /// Put before the daemon's own name: faketime, for example.
    before: Vec<String>,
    /// Whether it logs everything it can.
    verbose: bool,
}

impl Agent {
    /// A gateway that was installed and not started yet; its files lie in a folder of its name.
    pub fn install(file: AgentFile, folder: &Path) -> Self {
        let folder = folder.join(&file.gateway);
        std::fs::create_dir_all(folder.join("run")).expect("a folder");
        std::fs::write(folder.join("clock-state"), "NTPSynchronized=yes\n").expect("a file");
        Self {
            file,
            folder,
            process: None,
            before: Vec::new(),
            verbose: false,
        }
    }

    /// A running gateway without a head-end: `main-1` is well and was sampled twice, `main-2` is
    /// dead and was found silent.
    #[track_caller]
    pub fn beside_a_dead_meter(id: &str, folder: &Path) -> (Self, Bus) {
        let mut bus = Bus::serial("main", folder, 9600, 1);
        bus.seat("abb-b23", 1);
        bus.seat_with("eastron-sdm120", 2, |troubles| troubles.dead = true);
        let mut file = AgentFile::new(id);
        file.serial("main", &bus.device(), bus.baud());
        file.meters = bus.lines(2);
        let mut agent = Self::install(file, folder);
        agent.start();
        // One unanswered request does not make a meter silent yet.
        wait_until("two intervals, and a dead meter", START_WITHIN, || {
            agent.meter("main-1").intervals >= 2 && agent.meter("main-2").state == "silent"
        });
        (agent, bus)
    }

    /// Runs the daemon under another program from the next start on.
    pub fn run_under(&mut self, before: &[&str]) {
        self.before = before.iter().map(|word| (*word).to_owned()).collect();
    }

    /// Makes it log everything it can from the next start on.
    pub fn log_everything(&mut self) {
        self.verbose = true;
    }

    /// Where its files lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where its configuration lies.
    pub fn config(&self) -> PathBuf {
        self.folder.join("agent.toml")
    }

    /// Writes the configuration.
    pub fn write_config(&self) {
        std::fs::write(self.config(), self.file.text(&self.folder)).expect("a file");
    }

    /// Starts the daemon and waits until it answers.
    pub fn start(&mut self) {
        self.launch();
        let mut answers = false;
        becomes(START_WITHIN, || {
            // The sockets are there a moment before the lines know their meters.
            let shown = match self.ask(&Request::Meters) {
                Ok(Ok(Answer::Meters(meters))) => Some(meters.len()),
                _ => None,
            };
            answers = shown >= Some(self.file.meters.len() + self.file.flags.len());
            answers || !self.is_running()
        });
        assert!(answers, "the daemon does not answer\n{}", self.tail());
    }

    /// Starts the daemon and waits until every line of its configuration is open as well.
    #[track_caller]
    pub fn start_with_lines(&mut self) {
        self.start();
        let lines = u64::try_from(self.file.buses.len()).expect("few lines");
        wait_until("every line is open", START_WITHIN, || {
            self.metric("pmu_bus_open") == lines
        });
    }

    /// Starts the daemon and waits for nothing.
    pub fn launch(&mut self) {
        self.write_config();
        let mut start = match self.before.split_first() {
            None => command(binaries::agent()),
            Some((first, rest)) => {
                let mut start = command(first);
                start.args(rest).arg(binaries::agent());
                start
            }
        };
        start.arg("run").arg("--config").arg(self.config());
        if self.verbose {
            start.arg("--verbose");
        }
        let old = self
            .process
            .replace(Process::start("pmu-agent", &mut start, &self.folder));
        drop(old);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process().kill();
    }

    /// A power cut: `kill -9`, and what lay in memory under `/run` is gone.
    pub fn cut_power(&mut self) {
        self.kill();
        // It may have died before it made that folder.
        match std::fs::remove_dir_all(self.folder.join("run")) {
            Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => {
                panic!("the runtime folder cannot be removed: {fault}")
            }
            _ => {}
        }
    }

    /// Asks it to end and waits; it must end well.
    #[track_caller]
    pub fn stop(&mut self) {
        let status = self.process().stop();
        assert!(
            status.success(),
            "the daemon ended with {status}\n{}",
            self.tail()
        );
    }

    /// SIGHUP, after writing the configuration anew.
    pub fn reload(&mut self) {
        self.write_config();
        self.process().signal(Signal::HUP);
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }

    /// Whether the daemon runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// What it logged, over all its starts.
    pub fn said(&self) -> String {
        self.process.as_ref().map(Process::said).unwrap_or_default()
    }

    fn tail(&self) -> String {
        self.process.as_ref().map(Process::tail).unwrap_or_default()
    }

    /// How updates stand.
    #[track_caller]
    pub fn update_status(&self) -> UpdateStatus {
        let wish = UpdateWish::Status;
        match self.ask(&Request::Update { wish }) {
            Ok(Ok(Answer::Update(status))) => *status,
            other => panic!("no status: {other:?}"),
        }
    }

    /// Asks its local socket.
    pub fn ask(&self, request: &Request) -> std::io::Result<Result<Answer, Refusal>> {
        let mut stream = UnixStream::connect(self.folder.join("run/desk.sock"))?;
        stream.set_read_timeout(Some(DESK_WITHIN))?;
        let line = desk::encode(request).map_err(std::io::Error::other)?;
        stream.write_all(&line)?;
        let mut answer = Vec::new();
        BufReader::new(stream).read_until(b'\n', &mut answer)?;
        desk::decode(&answer).map_err(std::io::Error::other)
    }

    /// How it is.
    #[track_caller]
    pub fn status(&self) -> Status {
        match self.ask(&Request::Status) {
            Ok(Ok(Answer::Status(status))) => *status,
            other => panic!("no status: {other:?}\n{}", self.tail()),
        }
    }

    /// How each of its meters is.
    #[track_caller]
    pub fn meters(&self) -> Vec<MeterStatus> {
        match self.ask(&Request::Meters) {
            Ok(Ok(Answer::Meters(meters))) => meters,
            other => panic!("no meters: {other:?}\n{}", self.tail()),
        }
    }

    /// How one of its meters is.
    #[track_caller]
    pub fn meter(&self, id: &str) -> MeterStatus {
        let found = self.meters().into_iter().find(|meter| meter.meter == id);
        found.unwrap_or_else(|| panic!("no meter {id}"))
    }

    /// Entries that wait for the head-end in all streams; `None` while it does not answer.
    pub fn waiting(&self) -> Option<u64> {
        match self.ask(&Request::Status) {
            Ok(Ok(Answer::Status(status))) => {
                Some(status.outbox.iter().map(|stream| stream.waiting).sum())
            }
            _ => None,
        }
    }

    /// Whether it is connected to the head-end.
    pub fn is_connected(&self) -> bool {
        match self.ask(&Request::Status) {
            Ok(Ok(Answer::Status(status))) => status
                .uplink
                .is_some_and(|uplink| uplink.state == "connected"),
            _ => false,
        }
    }

    /// Its metrics page.
    #[track_caller]
    pub fn metrics(&self) -> String {
        let read = || -> std::io::Result<String> {
            let mut stream = UnixStream::connect(self.folder.join("run/metrics.sock"))?;
            stream.set_read_timeout(Some(DESK_WITHIN))?;
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: pmu\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text)
        };
        read().unwrap_or_else(|fault| panic!("no metrics: {fault}\n{}", self.tail()))
    }

    /// The sum of a metric over all its labels.
    #[track_caller]
    pub fn metric(&self, name: &str) -> u64 {
        let page = self.metrics();
        let mut found = page.lines().filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            let key = key.split('{').next()?;
            (key == name).then(|| value.parse::<u64>().ok()).flatten()
        });
        let first = found
            .next()
            .unwrap_or_else(|| panic!("no metric {name}\n{page}"));
        first + found.sum::<u64>()
    }

    /// CPU time its process has used, user and system.
    pub fn cpu(&mut self) -> std::time::Duration {
        let id = self.process().id();
        let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("a running daemon");
        // Fields 14 and 15 of the whole, counted behind the name in brackets; 100 ticks a second.
        let rest = text.rsplit_once(')').map(|(_, rest)| rest).expect("a name");
        let ticks = rest.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|word| word.parse::<u64>().ok()).sum();
        std::time::Duration::from_millis(ticks * 10)
    }
}

/// `pmu-agent check`: its exit code and everything it says.
pub fn check(config: &Path) -> (Option<i32>, String) {
    let done = Command::new(binaries::agent())
        .arg("check")
        .arg("--config")
        .arg(config)
        .output();
    let done = done.expect("pmu-agent");
    let mut words = String::from_utf8_lossy(&done.stdout).into_owned();
    words.push_str(&String::from_utf8_lossy(&done.stderr));
    (done.status.code(), words)
}
