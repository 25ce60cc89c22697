//! Passwords that a person types, or that lie in a file.

use super::key_file::secret_line;
use super::terminal;
use anyhow::{Context, Result, bail};
use desk::KeyText;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, Write, stderr, stdin};
use std::path::Path;
use zeroize::Zeroizing;

/// The longest password has 256 bytes.
const LINE_BYTES_MAX: u64 = 512;

/// A secret of somebody who has it: the first line of the file, or typed where it is not shown.
pub async fn secret(question: &str, file: Option<&Path>) -> Result<KeyText> {
    if let Some(file) = file {
        return secret_line(file);
    }
    Ok(KeyText::new(typed(question).await?))
}

/// A new password; typed twice, because nobody sees what is typed.
pub async fn new_password(file: Option<&Path>) -> Result<KeyText> {
    if let Some(file) = file {
        return secret_line(file);
    }
    let first = typed("New password: ").await?;
    if *first != *typed("Once more: ").await? {
        bail!("the two are not the same; nothing was changed, try again");
    }
    Ok(KeyText::new(first))
}

async fn typed(question: &str) -> Result<Zeroizing<String>> {
    if !terminal::has_person() {
        bail!("nobody can be asked for a password here; name a file with it");
    }
    let silence = Silence::begin().context("the terminal cannot be silenced")?;
    write!(stderr(), "{question}")?;
    stderr().flush()?;
    let mut line = terminal::line(LINE_BYTES_MAX).await?;
    drop(silence);
    writeln!(stderr())?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}

/// As long as this lives, the terminal does not show what is typed.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if tcsetattr(stdin(), OptionalActions::Now, &self.0).is_err() {
            // There is no terminal any more.
        }
    }
}
