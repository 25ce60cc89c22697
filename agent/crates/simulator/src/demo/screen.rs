//! Where the demonstration speaks: a table drawn in place on a terminal, lines elsewhere.

use std::io::{self, IsTerminal, Write, stderr, stdout};

use tokio::time::Instant;

use super::limits::{COLUMNS_DEFAULT, LINE_EVERY};
use super::table::Scene;

/// Home, and clear what is below.
const HOME: &str = "\x1b[H\x1b[J";
/// Clears the whole terminal, once.
const CLEAR: &str = "\x1b[2J";

/// The way things are said.
#[derive(Debug)]
pub(crate) struct Screen {
    out: Out,
    said_at: Option<Instant>,
    is_clear: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Out {
    Table,
    Lines,
    /// Standard output is for the figures: progress goes to the other one.
    Aside,
}

impl Screen {
    /// A table where standard output is a terminal; lines elsewhere, and beside the figures in
    /// JSON.
    pub(crate) fn new(json: bool) -> Self {
        let out = match (json, stdout().is_terminal()) {
            (true, _) => Out::Aside,
            (false, true) => Out::Table,
            (false, false) => Out::Lines,
        };
        Self {
            out,
            said_at: None,
            is_clear: false,
        }
    }

    /// Says a sentence. A terminal that is closed changes nothing about the judgement.
    pub(crate) fn say(&self, words: &str) {
        let line = format!("{words}\n");
        let said = if self.out == Out::Aside {
            write(&mut stderr(), &line)
        } else {
            write(&mut stdout(), &line)
        };
        if let Err(fault) = said {
            log::debug!(fault:%; "nobody reads any more");
        }
    }

    /// Shows how things are, if it is time to.
    pub(crate) fn show(&mut self, scene: &Scene) {
        if self.out == Out::Table {
            let clear = if self.is_clear { "" } else { CLEAR };
            self.is_clear = true;
            let page = format!("{clear}{HOME}{}", scene.table(columns()));
            if let Err(fault) = write(&mut stdout(), &page) {
                log::debug!(fault:%; "nobody looks any more");
            }
            return;
        }
        let now = Instant::now();
        if self
            .said_at
            .is_none_or(|at| now.duration_since(at) >= LINE_EVERY)
        {
            self.said_at = Some(now);
            self.say(&scene.line());
        }
    }
}

fn write(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(stdout());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 {
        COLUMNS_DEFAULT
    } else {
        columns
    }
}
