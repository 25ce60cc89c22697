//! A program that the demonstration started. Only this very process is ever signalled.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::CommandExt;
use tokio::time::{Instant, sleep};

use super::limits::{LOG_LINES, STEP};

/// Ends a program with the one that started it; where it is not installed, a demonstration that
/// is killed leaves its programs behind.
const SETPRIV: &str = "/usr/bin/setpriv";

/// A running program and its log.
#[derive(Debug)]
pub(crate) struct Child {
    name: &'static str,
    process: Process,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Child {
    /// Starts `program`; what it says goes to `<name>.out` and `<name>.log` in the folder.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[&str],
        folder: &Path,
    ) -> Result<Self> {
        Self::start_with(name, program, arguments, folder, &[])
    }

    /// The same, with variables of its own in its environment.
    pub(crate) fn start_with(
        name: &'static str,
        program: &Path,
        arguments: &[&str],
        folder: &Path,
        variables: &[(&str, &Path)],
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out = folder.join(format!("{name}.out"));
        let create = |path: &Path| {
            File::create(path).with_context(|| format!("{}: cannot be written", path.display()))
        };
        let (said, logged) = (create(&out)?, create(&log)?);
        let process = bound_to_us(program)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(said)
            .stderr(logged)
            // Ctrl-C in the terminal is for the demonstration, which ends the others in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        Ok(Self {
            name,
            process,
            log,
            ended: None,
        })
    }

    /// Fails if the program has ended, with its last words.
    pub(crate) fn must_run(&mut self) -> Result<()> {
        match self.status()? {
            None => Ok(()),
            Some(status) => bail!(
                "{} ended unasked ({status}); {}",
                self.name,
                self.last_words()
            ),
        }
    }

    /// Asks it to end and waits; whoever does not end in time is killed, and that is a fault.
    pub(crate) async fn stop(&mut self, grace: Duration) -> Result<()> {
        if self.status()?.is_none() {
            let id = i32::try_from(self.process.id())
                .ok()
                .and_then(Pid::from_raw);
            let id = id.with_context(|| format!("{} has no process id", self.name))?;
            kill_process(id, Signal::TERM)
                .with_context(|| format!("{} cannot be told to end", self.name))?;
        }
        let deadline = Instant::now() + grace;
        let status = loop {
            if let Some(status) = self.status()? {
                break status;
            }
            if Instant::now() >= deadline {
                self.kill()?;
                let seconds = grace.as_secs();
                let words = self.last_words();
                bail!(
                    "{} did not end within {seconds} s and was killed; {words}",
                    self.name
                );
            }
            sleep(STEP).await;
        };
        if !status.success() {
            bail!(
                "{} ended badly ({status}); {}",
                self.name,
                self.last_words()
            );
        }
        Ok(())
    }

    /// Where its log lies.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its log.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(LOG_LINES);
        match lines.get(from..) {
            None | Some([]) => "it said nothing".to_owned(),
            Some(last) => format!("it said last:\n  {}", last.join("\n  ")),
        }
    }

    fn status(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            let looked = self.process.try_wait();
            self.ended = looked.with_context(|| format!("{} cannot be looked at", self.name))?;
        }
        Ok(self.ended)
    }

    fn kill(&mut self) -> Result<()> {
        let killed = self.process.kill().and_then(|()| self.process.wait());
        self.ended = Some(killed.with_context(|| format!("{} cannot be killed", self.name))?);
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let is_running = self.status().is_ok_and(|status| status.is_none());
        if is_running && let Err(fault) = self.kill() {
            log::error!("{fault:#}");
        }
    }
}

/// A command whose process is told to end when ours is gone, however that came.
fn bound_to_us(program: &Path) -> Command {
    if !Path::new(SETPRIV).is_file() {
        return Command::new(program);
    }
    let mut command = Command::new(SETPRIV);
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// Runs a program to its end; what it said on standard output.
pub(crate) fn run(name: &str, program: &Path, arguments: &[&str]) -> Result<String> {
    let done = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    let words = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() {
        let complaint = String::from_utf8_lossy(&done.stderr);
        let status = done.status;
        bail!(
            "`{name}` ended badly ({status}); it said:\n{}{}",
            words,
            complaint.trim_end()
        );
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> Child {
        Child::start("shell", Path::new("/bin/sh"), &["-c", script], folder).unwrap()
    }

    async fn ended(child: &mut Child) {
        while child.status().unwrap().is_none() {
            sleep(STEP).await;
        }
    }

    #[tokio::test]
    async fn a_program_that_ends_unasked_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell("echo no port >&2; exit 3", folder.path());
        ended(&mut child).await;
        let words = child.must_run().unwrap_err().to_string();
        assert!(
            words.contains("shell ended unasked") && words.contains("no port"),
            "{words}"
        );
    }

    #[tokio::test]
    async fn a_program_ends_when_told_to_or_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let obedient = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done";
        let ready = |folder: &Path| fs::read(folder.join("shell.out")).is_ok_and(|t| !t.is_empty());
        let mut child = shell(obedient, folder.path());
        while !ready(folder.path()) {
            sleep(STEP).await;
        }
        child.must_run().unwrap();
        child.stop(Duration::from_secs(20)).await.unwrap();

        let mut child = shell(
            "trap '' TERM; echo ready; while :; do sleep 0.05; done",
            folder.path(),
        );
        while !ready(folder.path()) {
            sleep(STEP).await;
        }
        let words = child
            .stop(Duration::from_millis(200))
            .await
            .unwrap_err()
            .to_string();
        assert!(words.contains("was killed"), "{words}");
        assert!(child.ended.is_some());
    }

    #[test]
    fn a_command_that_fails_is_quoted() {
        let shell = Path::new("/bin/sh");
        assert_eq!(
            run("greet", shell, &["-c", "echo hello"]).unwrap(),
            "hello\n"
        );
        let failed = run("greet", shell, &["-c", "echo not today >&2; exit 1"]);
        assert!(failed.unwrap_err().to_string().contains("not today"));
        assert!(run("greet", Path::new("/nonexistent"), &[]).is_err());
    }
}
