//! The console: one line for each decision, of a form that stays.

use std::fmt::Arguments;
use std::fs::File;
use std::io::Write;

/// Precedes each line; the number rises when the form changes.
const MARK: &str = "pmu-boot 1";

pub(crate) struct Console(Option<File>);

impl Console {
    /// The kernel's console; without one nothing is said, and the boot goes on.
    pub(crate) fn open() -> Self {
        let file = File::options().write(true).open("/dev/console");
        Self(file.ok())
    }

    pub(crate) fn say(&self, what: Arguments<'_>) {
        if let Some(mut console) = self.0.as_ref() {
            // A console that takes nothing is no reason to stop.
            drop(console.write_all(format!("{MARK} {what}\r\n").as_bytes()));
        }
    }
}
