//! `bootloader-verify` for people: makes keys, signs images, lays them out for a slot and says, on
//! any machine, what a gateway would say about them.

mod arguments;
mod check;
mod fault;
mod hashes;
mod inspect;
mod keys;
mod opened;
mod output;
mod place;
mod sign;
mod state;
mod words;

use arguments::{Arguments, Command, StateCommand};
use clap::Parser;
use fault::Fault;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

/// What a command has to say, and whether it is good news.
struct Outcome {
    text: String,
    is_good: bool,
}

impl Outcome {
    fn good(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_good: true,
        }
    }

    fn bad(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_good: false,
        }
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where even this cannot be written, the exit code remains.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { fault::USAGE } else { 0 });
        }
    };
    match run(&arguments.command) {
        Ok(outcome) => {
            let written = stdout().lock().write_all(outcome.text.as_bytes());
            if outcome.is_good && written.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(fault) => {
            drop(writeln!(stderr().lock(), "bootloader-verify: {fault}"));
            ExitCode::from(fault.code())
        }
    }
}

fn run(command: &Command) -> Result<Outcome, Fault> {
    match command {
        Command::Keygen(order) => keys::keygen(order),
        Command::Pubkey(order) => keys::pubkey(order),
        Command::Statement(order) => keys::statement(order),
        Command::Sign(order) => sign::sign(order),
        Command::Place(order) => place::place(order),
        Command::Check(order) => check::check(order),
        Command::Inspect(order) => inspect::inspect(order),
        Command::State {
            command: StateCommand::Show(order),
        } => state::show(order),
    }
}
