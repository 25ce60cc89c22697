//! The first program of the initramfs: finds an image that is whole and signed, and starts it.
//!
//! Nothing that decides comes from a writable place: keys, floor and target lie beside this program
//! in the signed boot payload; the kernel's command line is not read. Each decision is one line on
//! the console.

mod attempt;
mod boot;
mod console;
mod disks;
mod firmware;
mod kernel;
mod mapper;
mod memory;
mod root;
mod target;

use console::Console;
use std::process::ExitCode;

fn main() -> ExitCode {
    // What has no number 1 is tried by somebody on a running system, whose mounts are not ours.
    if std::process::id() != 1 {
        return ExitCode::from(64);
    }
    let mounted = kernel::mount_own();
    let console = Console::open();
    if let Err(error) = mounted {
        console.say(format_args!("init=bad step=mount error={}", word(&error)));
    }
    kernel::load_modules(&console);
    let outcome = boot::run(&console);
    boot::end(&console, outcome)
}

/// An error as one word, for a line that programs read.
fn word(error: &std::io::Error) -> String {
    let text = error.to_string();
    let kept = text.split('(').next().unwrap_or_default().trim();
    kept.to_lowercase().replace(' ', "-")
}
