//! `pmuctl`: the command line of installers and operators.

use clap::Parser;
use pmuctl::arguments::Arguments;
use std::io::{Write, stderr};
use std::process::ExitCode;

/// `EX_USAGE` of sysexits.
const EXIT_USAGE: u8 = 64;
/// `EX_TEMPFAIL`: not ended yet.
const EXIT_STILL_OPEN: u8 = 75;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where even this cannot be written, the exit code remains.
            drop(error.print());
            return if error.use_stderr() {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match pmuctl::run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(stderr(), "pmuctl: {error:#}"));
            if error.is::<pmuctl::StillOpen>() {
                ExitCode::from(EXIT_STILL_OPEN)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
