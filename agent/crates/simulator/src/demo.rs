//! The demonstration: real programs on a simulated line, watched by a person and judged at the end
//! by what the simulated meters held.

mod cast;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod desk;
mod dlms;
mod elster;
mod errands;
mod export;
mod judge;
mod keeper;
pub(crate) mod key_ring;
pub(crate) mod limits;
mod outcome;
mod own;
mod play;
pub(crate) mod programs;
mod registers;
mod report;
mod screen;
pub(crate) mod stage;
mod table;
pub(crate) mod wishes;

use std::process::ExitCode;

use anyhow::{Context, Result};
use tokio::runtime::Builder;

use crate::DemoArguments;
use outcome::Outcome;
use screen::Screen;

/// Runs the demonstration, says what came of it, and fails if a promise broke.
pub(crate) fn run(arguments: &DemoArguments) -> ExitCode {
    let outcome = match perform(arguments) {
        Ok(outcome) => outcome,
        Err(fault) => {
            complain(&format!("the demonstration could not be held: {fault:#}"));
            return ExitCode::FAILURE;
        }
    };
    say_result(arguments.json, &outcome);
    let broken = outcome.broken();
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    complain("a promise broke:");
    for words in broken {
        complain(&format!("- {words}"));
    }
    ExitCode::FAILURE
}

fn perform(arguments: &DemoArguments) -> Result<Outcome> {
    let mut screen = Screen::new(arguments.json);
    let programs = programs::Programs::build(|words| screen.say(words))?;
    let folder = stage::Folder::open(arguments.keep.as_deref())?;
    let kept = if arguments.keep.is_some() {
        "kept"
    } else {
        "removed at the end"
    };
    screen.say(&format!("working in {} ({kept})", folder.path().display()));
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(play::play(arguments, &programs, &folder, &mut screen))
}

#[expect(
    clippy::print_stdout,
    reason = "this is the answer to a person's command"
)]
fn say_result(json: bool, outcome: &Outcome) {
    if json {
        println!("{}", outcome.json());
    } else {
        print!("{}", outcome.text());
    }
}

#[expect(clippy::print_stderr, reason = "complaints go beside the figures")]
fn complain(words: &str) {
    eprintln!("{words}");
}
