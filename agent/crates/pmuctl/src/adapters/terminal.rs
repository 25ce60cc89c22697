//! What there is to know about the terminal, and who sits at it.

use crate::console::{Console, Look, Surface};
use crate::limits::{
    ANSWER_BYTES_MAX, ANSWER_LOOK_EVERY, COLUMNS, COLUMNS_MAX, COLUMNS_MIN, LINES_DEFAULT,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Read, stderr, stdin, stdout};
use tokio::time::sleep;
use zeroize::Zeroizing;

/// Lines of the terminal that standard output is, or `None` where it is none.
pub fn lines() -> Option<usize> {
    if !stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stdout());
    let lines = size.map_or(0, |size| usize::from(size.ws_row));
    Some(if lines == 0 { LINES_DEFAULT } else { lines })
}

/// Standard output and standard error, with what they can do.
pub fn console() -> Console {
    Console::new(Box::new(stdout()), Box::new(stderr()), look())
}

/// Whether somebody can be asked.
pub fn has_person() -> bool {
    stdin().is_terminal()
}

/// Whether the next line that is typed means yes. Safe to drop: nothing is read before a whole
/// line is there.
pub async fn is_yes() -> io::Result<bool> {
    let line = line(ANSWER_BYTES_MAX).await?;
    Ok(matches!(
        line.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

/// The next line that is typed, of at most so many bytes; overwritten when dropped. Safe to drop.
pub async fn line(bytes_max: u64) -> io::Result<Zeroizing<String>> {
    while !has_line()? {
        sleep(ANSWER_LOOK_EVERY).await;
    }
    let room = usize::try_from(bytes_max).unwrap_or_default();
    let mut line = Zeroizing::new(String::with_capacity(room));
    stdin().lock().take(bytes_max).read_line(&mut line)?;
    Ok(line)
}

/// A terminal gives whole lines only.
fn has_line() -> io::Result<bool> {
    let stdin = stdin();
    let mut terminal = [PollFd::new(&stdin, PollFlags::IN)];
    Ok(poll(&mut terminal, Some(&Timespec::default()))? > 0)
}

fn look() -> Look {
    let surface = |is_terminal| {
        if is_terminal {
            Surface::Terminal
        } else {
            Surface::Elsewhere
        }
    };
    let output = surface(stdout().is_terminal());
    Look {
        columns: columns(output),
        output,
        errors: surface(stderr().is_terminal()),
        is_utf8: is_utf8(["LC_ALL", "LC_CTYPE", "LANG"].map(env::var_os)),
        has_colour: output == Surface::Terminal
            && is_colourful(env::var_os("NO_COLOR"), env::var_os("TERM")),
    }
}

fn columns(output: Surface) -> usize {
    if output == Surface::Elsewhere {
        return COLUMNS;
    }
    let size = rustix::termios::tcgetwinsize(stdout());
    match size.map_or(0, |size| usize::from(size.ws_col)) {
        0 => COLUMNS,
        found => found.clamp(COLUMNS_MIN, COLUMNS_MAX),
    }
}

/// Of the variables that name the locale the first that is not empty counts.
fn is_utf8(variables: [Option<OsString>; 3]) -> bool {
    let named = variables
        .into_iter()
        .flatten()
        .find(|name| !name.is_empty());
    let name = named.unwrap_or_default().to_string_lossy().to_lowercase();
    name.contains("utf-8") || name.contains("utf8")
}

fn is_colourful(no_colour: Option<OsString>, terminal: Option<OsString>) -> bool {
    no_colour.is_none_or(|value| value.is_empty())
        && terminal.is_some_and(|name| !name.is_empty() && name != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_locale(names: [&str; 3], expected: bool) {
        let names = names.map(|name| Some(OsString::from(name)));
        assert_eq!(is_utf8(names), expected);
    }

    #[test]
    fn the_locale_says_whether_blocks_can_be_drawn() {
        check_locale(["", "", "de_DE.UTF-8"], true);
        check_locale(["", "C.utf8", "C"], true);
        check_locale(["C", "", "de_DE.UTF-8"], false);
        check_locale(["", "", ""], false);
        assert!(!is_utf8([None, None, None]));
    }

    #[test]
    fn colour_is_left_away_where_it_is_not_wanted() {
        let some = |text: &str| Some(OsString::from(text));
        assert!(is_colourful(None, some("xterm")));
        assert!(is_colourful(some(""), some("xterm")));
        assert!(!is_colourful(some("1"), some("xterm")));
        assert!(!is_colourful(None, some("dumb")));
        assert!(!is_colourful(None, None));
    }
}
