//! The session of whoever is signed in, between two commands: a file that only its owner can read, gone
//! with the login.

use super::key_file::secret_line;
use super::replace;
use anyhow::{Context, Result, bail};
use desk::KeyText;
use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Names the file where there is no folder of the login.
pub const SESSION_VARIABLE: &str = "PMU_SESSION_FILE";

/// Where the session is, or would be.
pub fn place() -> Option<PathBuf> {
    let named = env::var_os(SESSION_VARIABLE).filter(|name| !name.is_empty());
    let folder = || env::var_os("XDG_RUNTIME_DIR").filter(|name| !name.is_empty());
    let beside = |folder| Path::new(&folder).join("pmuctl-session");
    named.map(PathBuf::from).or_else(|| folder().map(beside))
}

/// The session; none where nobody is signed in.
pub fn remembered() -> Result<Option<KeyText>> {
    let Some(file) = place() else { return Ok(None) };
    match fs::symlink_metadata(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        _ => secret_line(&file).map(Some),
    }
}

/// Keeps it for the next command.
pub fn keep(session: &KeyText) -> Result<()> {
    let Some(file) = place() else {
        bail!(
            "there is no folder for the session; set {SESSION_VARIABLE} to a file of your own, and sign \
             in again"
        );
    };
    replace::place(&file, session.reveal().as_bytes(), 0o600, true)
        .with_context(|| format!("{}: the session cannot be kept", file.display()))
}

/// Forgets it.
pub fn forget() -> Result<()> {
    let Some(file) = place() else { return Ok(()) };
    match fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error)
            .with_context(|| format!("{}: the session cannot be forgotten", file.display())),
        _ => Ok(()),
    }
}
