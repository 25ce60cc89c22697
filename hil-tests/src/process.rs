//! A child process that ends with its guard.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::becomes;
use crate::limits::{STOP_WITHIN, TAIL_LINES};

/// A program that was started, with its log. Only this very process is ever signalled.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

/// A command whose process the kernel ends with the thread that starts it, so that a test that is
/// killed leaves nothing.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if !Path::new("/usr/bin/setpriv").is_file() {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

impl Process {
    /// Starts it; what it says is added to `<name>.log` in the folder.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log file");
        let also = file.try_clone().expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(also)
            .spawn();
        let child = child.unwrap_or_else(|fault| panic!("{name} cannot be started: {fault}"));
        Self {
            name: name.to_owned(),
            child,
            log,
            ended: None,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    /// How it ended, if it did.
    pub fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child of ours");
        }
        self.ended
    }

    /// Sends a signal; nothing happens if it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.status().is_some() {
            return;
        }
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process id"), signal).expect("a child of ours");
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        if self.status().is_none() {
            self.child.kill().expect("a child of ours");
            self.ended = Some(self.child.wait().expect("a child of ours"));
        }
    }

    /// Asks it to end, and waits; a program that does not end is a failed test.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait(STOP_WITHIN)
    }

    /// Waits until it ends.
    #[track_caller]
    pub fn wait(&mut self, within: Duration) -> ExitStatus {
        let ended = becomes(within, || self.status().is_some());
        assert!(
            ended,
            "{} did not end within {within:?}\n{}",
            self.name,
            self.tail()
        );
        self.ended.expect("it ended")
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        std::fs::read(&self.log).map_or_else(
            |_| String::new(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// The last lines of that.
    pub fn tail(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        let last = lines.get(from..).unwrap_or_default().join("\n");
        format!("--- {} says:\n{last}\n---", self.name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.tail());
        }
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Runs a command to its end; fails the test with its words if it fails.
#[track_caller]
pub fn run(what: &str, command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output();
    let done = done.unwrap_or_else(|fault| panic!("{what}: cannot be started: {fault}"));
    let words = String::from_utf8_lossy(&done.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{what}: {}\n{words}{complaint}",
        done.status
    );
    words
}
