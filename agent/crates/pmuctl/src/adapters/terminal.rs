//! What there is to know about the terminal.

use crate::limits::LINES_DEFAULT;
use std::io::{IsTerminal, stdout};

/// Lines of the terminal that standard output is, or `None` where it is none.
pub fn lines() -> Option<usize> {
    if !stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stdout());
    let lines = size.map_or(0, |size| usize::from(size.ws_row));
    Some(if lines == 0 { LINES_DEFAULT } else { lines })
}
