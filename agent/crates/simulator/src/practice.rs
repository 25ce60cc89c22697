//! `simulator practice`: a whole site on one machine, for people who learn to program meters.
//!
//! A real broker with TLS and client certificates, the real gateway, a head-end, and three meters of
//! three protocols on lines of their own. It runs until Ctrl-C, and shows at any time what the meters
//! truly hold, past the gateway.

mod broker;
mod gateway_file;
mod meters;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use simulator::pki::{IdentityFiles, Pki};
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::demo::child::{Child, run as run_program};
use crate::demo::desk::{Desk, Order, Work};
use crate::demo::key_ring::{self, CREDENTIALS};
use crate::demo::limits::{
    AGENT_GRACE, CLOCK_STATE_EVERY, CONSUMER_GRACE, START_WITHIN, STEP, TICK,
};
use crate::demo::programs::Programs;
use crate::demo::stage::{Folder, receive_arguments};
use crate::demo::wishes::Wishes;
use broker::Mosquitto;
use meters::Meters;

/// Name of the gateway, in its certificate too.
const GATEWAY: &str = "pmu-practice";
/// Name of the head-end.
const HEAD_END: &str = "headend-ingest";
/// The certificate that people at their desks use.
const DESK: &str = "operations";
/// A broker ends within this.
const BROKER_GRACE: Duration = Duration::from_secs(10);
/// Each meter answers within this.
const FOUND_WITHIN: Duration = Duration::from_mins(2);

/// `simulator practice`.
#[derive(Debug, Args)]
pub(crate) struct PracticeArguments {
    /// Work in this folder, which must be new or empty.
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Public halves of the root keys whose key sets the gateway believes.
    #[arg(long, value_name = "FILE")]
    roots: PathBuf,
}

/// Keeps the site until a person ends it.
pub(crate) fn run(arguments: &PracticeArguments) -> ExitCode {
    match perform(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            complain(&format!("there is no site to practise at: {fault:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: &PracticeArguments) -> Result<()> {
    let roots = &arguments.roots;
    let roots_text = fs::read_to_string(roots).with_context(|| {
        format!(
            "{}: cannot be read; make it with `pmuctl key show`",
            roots.display()
        )
    })?;
    let mosquitto = broker::program()?;
    let programs = Programs::build(say)?;
    let folder = Folder::open(Some(&arguments.folder))?;
    if folder.text("").contains(char::is_whitespace) {
        bail!(
            "{}: this name holds a blank; name another folder",
            arguments.folder.display()
        );
    }
    folder.write("roots.pem", &roots_text)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(async {
        let mut wishes = Wishes::new()?;
        let mut site = Site::open(&folder, &programs, &mosquitto)?;
        site.begin(&mut wishes).await?;
        site.keep(&mut wishes).await
    })
}

/// All that runs. Children end before what they are connected to.
struct Site<'a> {
    folder: &'a Folder,
    programs: &'a Programs,
    desk: Desk,
    agent: Child,
    head_end: Child,
    broker: Mosquitto,
    meters: Meters,
}

impl<'a> Site<'a> {
    /// Makes keys, lines and configuration, and starts the programs.
    fn open(
        folder: &'a Folder,
        programs: &'a Programs,
        mosquitto: &std::path::Path,
    ) -> Result<Self> {
        for name in ["pki", "run", "data", "broker"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).with_context(|| format!("{}: cannot be made", path.display()))?;
        }
        let meters = Meters::open(folder, &programs.models)?;
        let pki = Pki::new("pmu practice")?;
        let keys = folder.path().join("pki");
        pki.write(&keys)?;
        pki.server("localhost")?.write(&keys)?;
        let identity = |name| -> Result<IdentityFiles> { Ok(pki.client(name)?.write(&keys)?) };
        let (gateway, head_end) = (identity(GATEWAY)?, identity(HEAD_END)?);
        let desk = identity(DESK)?;
        let signing_key = folder.text("pki/ingest.key");
        let keygen = ["head-end", "keygen", "--out", &signing_key];
        run_program("pmuctl head-end keygen", &programs.pmuctl, &keygen)?;
        folder.renew_clock_state()?;
        key_ring::make_master_key(folder)?;

        let broker = Mosquitto::start(mosquitto, folder)?;
        let words = format!(
            "--host localhost --port {} --ca {} --certificate {} --tls-key {}\n",
            broker.port(),
            folder.text("pki/ca.crt"),
            desk.certificate.display(),
            desk.key.display()
        );
        folder.write("broker.txt", &words)?;
        let text = gateway_file::text(folder, programs, broker.port(), &gateway, &meters);
        folder.write("agent.toml", &text)?;
        let config = folder.text("agent.toml");
        let check = ["check", "--config", &config];
        run_program("pmu-agent check", &programs.agent, &check)?;
        let arguments = receive_arguments(folder, broker.port(), &head_end);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let head_end = Child::start("head-end", &programs.pmuctl, &arguments, folder.path())?;
        let agent = Child::start_with(
            "pmu-agent",
            &programs.agent,
            &["run", "--config", &config],
            folder.path(),
            &[("CREDENTIALS_DIRECTORY", &folder.path().join(CREDENTIALS))],
        )?;
        Ok(Self {
            folder,
            programs,
            desk: Desk::new(folder.desk()),
            agent,
            head_end,
            broker,
            meters,
        })
    }

    /// Until the gateway is connected, has the keys of its meters and reaches each of them.
    async fn begin(&mut self, wishes: &mut Wishes) -> Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        while !self
            .desk
            .gateway()
            .is_ok_and(|gateway| gateway.uplink == "connected")
        {
            self.must_run()?;
            if Instant::now() >= deadline {
                bail!(
                    "the gateway is not connected after {} s; {}",
                    START_WITHIN.as_secs(),
                    self.agent.last_words()
                );
            }
            wishes.pause(STEP).await?;
        }
        key_ring::bring(self.folder, self.programs, &self.meters.keys())?;
        say("the gateway is connected; it looks for its meters");
        for meter in meters::NAMES {
            self.find(meter, wishes).await?;
        }
        self.meters.show(self.folder)?;
        say(&format!(
            "ready: gateway {GATEWAY} with {}",
            meters::NAMES.join(", ")
        ));
        say("Ctrl-C ends it");
        Ok(())
    }

    async fn find(&mut self, meter: &str, wishes: &mut Wishes) -> Result<()> {
        let deadline = Instant::now() + FOUND_WITHIN;
        while Instant::now() < deadline {
            let work = self.desk.start(Order::Ping, meter)?;
            loop {
                self.must_run()?;
                wishes.pause(STEP).await?;
                match self.desk.work(work)? {
                    Work::Running => {}
                    Work::Done => return Ok(()),
                    Work::Failed => break,
                }
            }
            wishes.pause(TICK).await?;
        }
        bail!(
            "{meter} did not answer within {} s; {}",
            FOUND_WITHIN.as_secs(),
            self.agent.last_words()
        )
    }

    /// Shows what the meters hold, until a person ends it.
    async fn keep(mut self, wishes: &mut Wishes) -> Result<()> {
        let mut renewed = Instant::now();
        while !wishes.within(TICK).await {
            self.must_run()?;
            self.meters.show(self.folder)?;
            if renewed.elapsed() >= CLOCK_STATE_EVERY {
                renewed = Instant::now();
                self.folder.renew_clock_state()?;
            }
        }
        say("ending");
        self.agent.stop(AGENT_GRACE).await?;
        self.head_end.stop(CONSUMER_GRACE).await?;
        self.broker.stop(BROKER_GRACE).await
    }

    fn must_run(&mut self) -> Result<()> {
        self.broker.must_run()?;
        self.agent.must_run()?;
        self.head_end.must_run()
    }
}

#[expect(
    clippy::print_stdout,
    reason = "this is the answer to a person's command"
)]
fn say(words: &str) {
    println!("{words}");
}

#[expect(clippy::print_stderr, reason = "complaints go beside the answers")]
fn complain(words: &str) {
    eprintln!("{words}");
}
