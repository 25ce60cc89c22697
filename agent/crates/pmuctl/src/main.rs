//! `pmuctl`: the command line of installers and operators.

use clap::Parser;
use pmuctl::Ending;
use pmuctl::arguments::Arguments;
use std::io::{Write, stderr};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where even this cannot be written, the exit code remains.
            drop(error.print());
            return ended(if error.use_stderr() {
                Ending::Misused
            } else {
                Ending::Done
            });
        }
    };
    let result = pmuctl::run(&arguments);
    let ending = Ending::of(&result);
    if let Err(error) = result {
        let line = pmuctl::complaint(&error, ending, arguments.json);
        drop(writeln!(stderr(), "{line}"));
    }
    ended(ending)
}

fn ended(ending: Ending) -> ExitCode {
    ExitCode::from(ending.code())
}
