//! What a command writes to, and how it may look there.

use crate::bar::{bar, width};
use crate::words::plain;
use std::io::{self, Write};

/// Where a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// A person looks at it, and lines can be drawn anew.
    Terminal,
    /// A file, a pipe, a log.
    Elsewhere,
}

/// How something may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Characters in a line.
    pub columns: usize,
    /// Where standard output ends.
    pub output: Surface,
    /// Where standard error ends.
    pub errors: Surface,
    /// Block characters may be used.
    pub is_utf8: bool,
    /// Red may be used.
    pub has_colour: bool,
}

/// Standard output and standard error of a command.
pub struct Console {
    out: Box<dyn Write + Send>,
    errors: Box<dyn Write + Send>,
    look: Look,
    /// The progress that stands on the terminal, or was said last.
    progress: Option<String>,
    is_quiet: bool,
}

/// Back to the beginning of the line, and clear it.
const LINE_ANEW: &str = "\r\x1b[K";
/// Home, and clear what is below.
const SCREEN_ANEW: &str = "\x1b[H\x1b[J";

impl Console {
    /// A console of two streams.
    pub fn new(out: Box<dyn Write + Send>, errors: Box<dyn Write + Send>, look: Look) -> Self {
        Self {
            out,
            errors,
            look,
            progress: None,
            is_quiet: false,
        }
    }

    /// Without progress, for programs that read the answer.
    pub fn quiet(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    /// How something may look here.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Writes an answer.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        self.end_progress()?;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Writes an answer in place of the one before, where lines can be drawn anew.
    pub fn say_anew(&mut self, text: &str) -> io::Result<()> {
        if self.look.output == Surface::Terminal {
            self.say(&format!("{SCREEN_ANEW}{text}"))
        } else {
            self.say(text)
        }
    }

    /// Writes a remark that is no part of the answer.
    pub fn remark(&mut self, text: &str) -> io::Result<()> {
        self.end_progress()?;
        self.errors.write_all(text.as_bytes())?;
        self.errors.flush()
    }

    /// Shows how far something is: one line that is rewritten on a terminal, one line a change
    /// elsewhere.
    pub fn progress(&mut self, words: &str) -> io::Result<()> {
        if self.is_quiet || self.progress.as_deref() == Some(words) {
            return Ok(());
        }
        let line = match self.look.errors {
            // A line that reached the last column would be two.
            Surface::Terminal => {
                let room = self.look.columns.saturating_sub(1);
                format!("{LINE_ANEW}{}", plain(words, room))
            }
            Surface::Elsewhere => format!("{}\n", plain(words, 1000)),
        };
        self.progress = Some(words.to_owned());
        self.errors.write_all(line.as_bytes())?;
        self.errors.flush()
    }

    /// Shows how far something is as a bar, where a person looks at a terminal; nothing elsewhere.
    pub fn bar(&mut self, part: u64, whole: u64, words: &str) -> io::Result<()> {
        if self.look.errors == Surface::Elsewhere {
            return Ok(());
        }
        let bar = bar(part, whole, width(self.look.columns), self.look.is_utf8);
        self.progress(&format!("{bar} {words}"))
    }

    /// Marks a stage that was reached: one line where no bar can be drawn.
    pub fn mark(&mut self, words: &str) -> io::Result<()> {
        match self.look.errors {
            Surface::Terminal => Ok(()),
            Surface::Elsewhere => self.progress(words),
        }
    }

    /// Takes the line of progress away.
    pub fn end_progress(&mut self) -> io::Result<()> {
        let shown = self.progress.take().is_some();
        if shown && self.look.errors == Surface::Terminal {
            self.errors.write_all(LINE_ANEW.as_bytes())?;
            self.errors.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// What was written to a stream.
    #[derive(Clone, Default)]
    pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A plain look of so many columns.
    pub(crate) const fn look(columns: usize) -> Look {
        Look {
            columns,
            output: Surface::Elsewhere,
            errors: Surface::Elsewhere,
            is_utf8: true,
            has_colour: false,
        }
    }

    /// A console with its output and its errors.
    pub(crate) fn console(look: Look) -> (Console, Written, Written) {
        let (out, errors) = (Written::default(), Written::default());
        let console = Console::new(Box::new(out.clone()), Box::new(errors.clone()), look);
        (console, out, errors)
    }

    const TERMINAL: Look = Look {
        columns: 20,
        output: Surface::Terminal,
        errors: Surface::Terminal,
        is_utf8: true,
        has_colour: true,
    };

    #[test]
    fn progress_on_a_terminal_is_one_line() {
        let (mut console, out, errors) = console(TERMINAL);
        console.progress("day 1 of 90 and so on and on").unwrap();
        console.progress("day 1 of 90 and so on and on").unwrap();
        console.progress("day 2 \x1b[31m").unwrap();
        console.say("done\n").unwrap();
        let expected = "\r\x1b[Kday 1 of 90 and so~\r\x1b[Kday 2 ?[31m\r\x1b[K";
        assert_eq!(errors.text(), expected);
        assert_eq!(out.text(), "done\n");
    }

    #[test]
    fn progress_elsewhere_is_a_line_a_change() {
        let (mut console, out, errors) = console(look(20));
        for words in ["day 1 of 90 and so on and on", "day 2", "day 2", "day 3"] {
            console.progress(words).unwrap();
        }
        console.say_anew("done\n").unwrap();
        assert_eq!(
            errors.text(),
            "day 1 of 90 and so on and on\nday 2\nday 3\n"
        );
        assert_eq!(out.text(), "done\n");
    }

    #[test]
    fn a_bar_is_drawn_anew_on_a_terminal_and_nowhere_else() {
        let (mut console, _, errors) = console(Look {
            columns: 40,
            ..TERMINAL
        });
        console.bar(1, 2, "1 of 2").unwrap();
        console.bar(1, 2, "1 of 2").unwrap();
        console.say("done\n").unwrap();
        let expected = "\r\x1b[K[█████░░░░░] 1 of 2\r\x1b[K";
        assert_eq!(errors.text(), expected);
        let (mut console, _, errors) = super::tests::console(look(40));
        console.bar(1, 2, "1 of 2").unwrap();
        assert_eq!(errors.text(), "");
    }

    #[test]
    fn programs_see_no_progress() {
        let (console, _, errors) = console(TERMINAL);
        let mut console = console.quiet();
        console.progress("day 1").unwrap();
        console.bar(1, 2, "day 1").unwrap();
        console.end_progress().unwrap();
        assert_eq!(errors.text(), "");
    }

    #[test]
    fn a_table_that_is_watched_stays_in_its_place() {
        let (mut console, out, _) = console(TERMINAL);
        console.say_anew("a\n").unwrap();
        console.say_anew("b\n").unwrap();
        assert_eq!(out.text(), "\x1b[H\x1b[Ja\n\x1b[H\x1b[Jb\n");
    }
}
