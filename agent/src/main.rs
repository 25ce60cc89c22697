//! `pmu-agent`: reads meters, keeps what they say, and hands it to the head-end.

use clap::{Parser, Subcommand};
use pmu_agent::adapters::{logging, marker, readiness};
use pmu_agent::config::Settings;
use pmu_agent::{check, supervisor};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
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
        Command::Run { config, verbose } => match Settings::load(&config) {
            Ok(settings) => match check::refused(&settings) {
                None => run(settings, config, verbose),
                Some(words) => misconfigured(&words),
            },
            Err(complaints) => misconfigured(&complaints),
        },
    }
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

fn run(settings: Settings, config: PathBuf, verbose: bool) -> ExitCode {
    marker::install();
    let outcome = logging::start(verbose).and_then(|()| supervisor::run(settings, config));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
