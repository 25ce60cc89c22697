//! Programs in another language, as peers that we did not write.

use std::path::PathBuf;
use std::process::Command;

use crate::binaries::root;
use crate::process::command;
use crate::skip::skipped;

/// The interpreter that `hil-tests/setup.sh` prepared, if it has these modules; says so if not.
pub fn with_modules(promise: &str, modules: &[&str]) -> Option<PathBuf> {
    let Some(python) = interpreter() else {
        skipped(
            promise,
            "no python environment was set up (hil-tests/setup.sh makes one)",
        );
        return None;
    };
    let imports = modules.join(", ");
    let tried = Command::new(&python)
        .arg("-c")
        .arg(format!("import {imports}"))
        .output();
    if tried.is_ok_and(|done| done.status.success()) {
        return Some(python);
    }
    skipped(
        promise,
        &format!("{} has not all of {imports}", python.display()),
    );
    None
}

/// A script of `hil-tests/peers`.
pub fn peer(python: &std::path::Path, script: &str) -> Command {
    let mut run = command(python);
    run.arg("-u")
        .arg(root().join("hil-tests/peers").join(script));
    run
}

fn interpreter() -> Option<PathBuf> {
    let told = std::env::var_os("PMU_PYTHON").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let usual = cache.map(|cache| cache.join("pmu/tools/bin/python"));
    told.or(usual).filter(|path| path.is_file())
}
