//! A private gateway: `pmu-agent` on one port, for as long as one command takes. All that it
//! writes lies in memory, and is gone afterwards.

mod leftovers;
mod place;

use super::agent_program::{self, AGENT_VARIABLE};
use super::local::LocalDesk;
use super::signals::Wishes;
use crate::arguments::DirectArguments;
use crate::direct::{DirectFolders, DirectMeter, DirectPort, ModelFacts, configuration};
use crate::errand::ask;
use crate::limits::{
    DESK_WAIT, DIRECT_LOOK_EVERY, DIRECT_START_WITHIN, DIRECT_STOP_WITHIN, DIRECT_WORDS_MAX,
    MODEL_BYTES_MAX,
};
use crate::words::plain_lines;
use anyhow::{Context, Error, Result, bail};
use desk::Request;
use place::Place;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// A private gateway that runs.
#[derive(Debug)]
pub struct DirectAgent {
    child: Child,
    place: Place,
}

impl DirectAgent {
    /// Starts one, and waits until it answers. Ctrl-C ends the waiting.
    pub async fn start(
        arguments: &DirectArguments,
        port: &DirectPort,
        wishes: &Wishes,
    ) -> Result<Self> {
        let Some(program) = agent_program::find() else {
            bail!(
                "--direct needs the program pmu-agent; put it beside pmuctl or into PATH, or name \
                 it with {AGENT_VARIABLE}"
            );
        };
        place::check_port(port)?;
        let models = place::model_folder(arguments.model_folder.as_deref())?;
        let facts = facts(&models, arguments.model.as_deref())?;
        let password_file = arguments
            .password_file
            .as_deref()
            .map(absolute)
            .transpose()?;
        let meter = DirectMeter::new(arguments, facts, password_file).map_err(Error::msg)?;
        leftovers::sweep().await;
        let place = Place::make()?;
        let folders = DirectFolders {
            data: place.folder().join("data"),
            runtime: place.folder().join("run"),
            models,
        };
        let text = configuration(arguments, port, &folders, &meter);
        let child = launch(&program, &place, &text)?;
        let mut agent = Self { child, place };
        let ready = tokio::select! {
            biased;
            () = wishes.stop.cancelled() => Err(anyhow::anyhow!("interrupted")),
            ready = agent.wait_until_ready() => ready,
        };
        match ready {
            Ok(()) => Ok(agent),
            Err(error) => {
                agent.end().await?;
                Err(error)
            }
        }
    }

    /// Where it listens.
    pub fn desk(&self) -> LocalDesk {
        LocalDesk::new(&self.place.folder().join("run/desk.sock"), DESK_WAIT)
    }

    /// Ends it, gently first, and takes away what it wrote.
    pub async fn end(mut self) -> Result<()> {
        if self.child.try_wait().ok().flatten().is_none() {
            if let Some(pid) = pid(&self.child) {
                // It may have ended in this very moment; then there is nothing left to end.
                kill_process(pid, Signal::TERM).unwrap_or_default();
            }
            if timeout(DIRECT_STOP_WITHIN, self.child.wait())
                .await
                .is_err()
            {
                let killed = self.child.kill().await;
                killed.context("the private gateway does not end; look for pmu-agent with `ps`")?;
            }
        }
        self.place.remove()
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        let desk = self.desk();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the private gateway ended at once ({status}):\n{}",
                    self.place.last_words(DIRECT_WORDS_MAX)
                );
            }
            if ask(&desk, Request::Status).await.is_ok() {
                return Ok(());
            }
            if begun.elapsed() > DIRECT_START_WITHIN {
                bail!(
                    "the private gateway did not answer within {} s:\n{}",
                    DIRECT_START_WITHIN.as_secs(),
                    self.place.last_words(DIRECT_WORDS_MAX)
                );
            }
            sleep(DIRECT_LOOK_EVERY).await;
        }
    }
}

/// The program in a process group of its own: Ctrl-C at the terminal is for us alone, so that
/// what is under way can be ended properly.
fn launch(program: &Path, place: &Place, configuration: &str) -> Result<Child> {
    let name = || format!("{}: cannot be run", program.display());
    let file = place.write("agent.toml", configuration)?;
    let log = File::create(place.log()).with_context(name)?;
    let child = Command::new(program)
        .arg("run")
        .arg("--config")
        .arg(file)
        // The pipe ends with us, even if we are killed, and the gateway with the pipe.
        .arg("--on-demand")
        .stdin(Stdio::piped())
        .stdout(log.try_clone().with_context(name)?)
        .stderr(log)
        // It is no service of the manager that may have started us.
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC")
        .env_remove("JOURNAL_STREAM")
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(name)?;
    place.write("agent.pid", &child.id().unwrap_or_default().to_string())?;
    Ok(child)
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()?).ok()?)
}

/// What matters of the model; without one there is no meter, and a scan is still possible.
fn facts(models: &Path, model: Option<&str>) -> Result<ModelFacts> {
    let Some(model) = model else {
        return Ok(ModelFacts::default());
    };
    let file = models.join(format!("{model}.toml"));
    let remedy = "name the model after one of its neighbours, without .toml";
    let text = super::replace::read(&file, MODEL_BYTES_MAX, remedy)?;
    ModelFacts::of(&text)
        .with_context(|| format!("{}: this is no meter model; name another", file.display()))
}

fn absolute(file: &Path) -> Result<PathBuf> {
    fs::canonicalize(file)
        .with_context(|| format!("{}: no password can be read; name its file", file.display()))
}

/// The last lines of a text from elsewhere.
fn tail(text: &str, bytes: usize) -> String {
    let mut from = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    plain_lines(text.get(from..).unwrap_or_default().trim_end())
}
