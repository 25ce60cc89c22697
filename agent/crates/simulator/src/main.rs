//! `simulator demo`: a bus of simulated meters, the real gateway, a broker and a head-end, and the
//! proof that nothing wrong, nothing lost and nothing twice came of it. `simulator practice`: a whole site
//! that people learn at. `simulator meter` and
//! `simulator dlms`: one simulated FLAG or DLMS meter for clients from outside.

mod demo;
mod one_meter;
mod practice;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "simulator",
    version,
    about = "Simulated meters, wires and broker; the demonstration."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the whole road, from the registers of simulated meters to a head-end, and check it.
    Demo(DemoArguments),
    /// Keep a whole site to practise at: a broker, a head-end, and a gateway with three meters.
    Practice(practice::PracticeArguments),
    /// Run one simulated FLAG meter; the line on standard output says its name, address and serial
    /// number, and where it listens.
    Meter(one_meter::MeterArguments),
    /// Run one simulated DLMS meter; the line on standard output says its address and serial
    /// number, and where it listens.
    Dlms(one_meter::DlmsArguments),
}

/// `simulator demo`.
#[derive(Debug, Args)]
struct DemoArguments {
    /// End by itself after this: 60s, 2m, 1h [default: at Ctrl-C].
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    stop_after: Option<Duration>,
    /// One line of figures in JSON on standard output at the end; progress goes to the other one.
    #[arg(long)]
    json: bool,
    /// Decides what the meters measure, and every trouble that happens only now and then.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Work in this folder, which must be new or empty, and keep it: logs, store, ledger, keys.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Practice(arguments) => practice::run(&arguments),
        Command::Meter(arguments) => one_meter::run(&arguments),
        Command::Dlms(arguments) => one_meter::run_dlms(&arguments),
    }
}

/// Reads `60s`, `60`, `2m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.strip_prefix(digits) {
        Some("" | "s") => Some(1),
        Some("m" | "min") => Some(60),
        Some("h") => Some(3600),
        _ => None,
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.parse::<u64>().ok().filter(|_| is_number);
    let (shortest, longest) = (demo::limits::RUN_MIN, demo::limits::RUN_MAX);
    count
        .zip(seconds)
        .and_then(|(count, seconds)| count.checked_mul(seconds))
        .map(Duration::from_secs)
        .filter(|time| (shortest..=longest).contains(time))
        .ok_or_else(|| {
            format!(
                "`{text}` is no time for a demonstration; write 60s, 2m or 1h, from {} s to {} h",
                shortest.as_secs(),
                longest.as_secs() / 3600
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
        let line = ["simulator", "demo", "--for", "60s", "--json", "--seed", "7"];
        assert!(Arguments::try_parse_from(line).is_ok());
    }

    #[test]
    fn lengths_of_time_are_read() {
        for (text, seconds) in [
            ("60", Some(60)),
            ("60s", Some(60)),
            ("2m", Some(120)),
            ("1h", Some(3600)),
            ("1s", None),
            ("+60s", None),
            ("60 s", None),
            ("99999999999999999999h", None),
            ("", None),
            ("s", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }
}
