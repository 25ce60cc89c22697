//! `pmu-agent`: reads meters, keeps what they say, and hands it to the head-end.

use clap::{Parser, Subcommand};
use pmu_agent::adapters::{logging, marker, readiness};
use pmu_agent::config::{Complaints, Settings};
use pmu_agent::supervisor::Owner;
use pmu_agent::{check, supervisor};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `EX_CONFIG` of sysexits: systemd does not restart a unit for it (`RestartPreventExitStatus`).
const EXIT_MISCONFIGURED: u8 = 78;

#[derive(Parser)]
#[command(
    name = "pmu-agent",
    version,
    about = "The daemon of the power master unit."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read meters, store, and sync, until told to stop.
    Run {
        /// The configuration.
        #[arg(long, default_value = "/etc/pmu/agent.toml")]
        config: PathBuf,
        /// Log every exchange.
        #[arg(long)]
        verbose: bool,
        /// For a program that starts a gateway for one command: meters with sessions are read
        /// only when asked for, and the end of standard input, a pipe, ends the gateway.
        #[arg(long)]
        on_demand: bool,
    },
    /// Check a configuration and show what it would do to each bus. Touches nothing.
    Check {
        /// The configuration.
        #[arg(long, default_value = "/etc/pmu/agent.toml")]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check { config } => match Settings::load(&config) {
            Ok(settings) => say_check(&settings),
            Err(complaints) => misconfigured(&complaints),
        },
        Command::Run {
            config,
            verbose,
            on_demand,
        } => match started(&config) {
            Ok(settings) => match check::refused(&settings) {
                None if on_demand => run(settings.on_demand(), config, verbose, Owner::Pipe),
                None => run(settings, config, verbose, Owner::Manager),
                Some(words) => misconfigured(&words),
            },
            Err(complaints) => misconfigured(&complaints),
        },
    }
}

/// The settings of a start; one with a configuration on trial is counted first.
fn started(config: &Path) -> Result<Settings, Complaints> {
    supervisor::starting(config)
}

fn say_check(settings: &Settings) -> ExitCode {
    let report = check::report(settings);
    let mut text = report.text;
    let lacks = readiness::lacks(settings);
    if !lacks.is_empty() {
        text.push_str("\nnot ready on this machine:");
    }
    for lack in lacks {
        text.push_str("\n  ");
        text.push_str(&lack);
    }
    // Whoever reads only the first lines has closed the pipe; that is no fault.
    let written = writeln!(std::io::stdout(), "{text}");
    match (report.refused, written) {
        (true, _) => ExitCode::from(EXIT_MISCONFIGURED),
        (false, Err(error)) if error.kind() != ErrorKind::BrokenPipe => ExitCode::FAILURE,
        (false, _) => ExitCode::SUCCESS,
    }
}

#[expect(
    clippy::print_stderr,
    reason = "no logger is set up before the configuration is read"
)]
fn misconfigured(words: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{words}");
    ExitCode::from(EXIT_MISCONFIGURED)
}

fn run(settings: Settings, config: PathBuf, verbose: bool, owner: Owner) -> ExitCode {
    marker::install();
    let outcome = logging::start(verbose).and_then(|()| supervisor::run(settings, config, owner));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
