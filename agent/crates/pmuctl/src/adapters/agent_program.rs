//! The program `pmu-agent`: where it is, and what it says of a configuration.

use crate::limits::JUDGE_WITHIN;
use crate::words::plain_lines;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;
use tokio::time::timeout;

/// Names the program where it lies neither beside `pmuctl` nor in `PATH`.
pub const AGENT_VARIABLE: &str = "PMU_AGENT";

const PROGRAM: &str = "pmu-agent";

/// Where the program is: the one that a variable names, the one beside this program, or the first
/// of `PATH`.
pub fn find() -> Option<PathBuf> {
    let beside = env::current_exe().ok();
    let beside = beside.as_deref().and_then(Path::parent);
    find_in(
        env::var_os(AGENT_VARIABLE),
        beside,
        env::var_os("PATH").as_deref(),
    )
}

fn find_in(
    named: Option<OsString>,
    beside: Option<&Path>,
    path: Option<&OsStr>,
) -> Option<PathBuf> {
    let named = named.map(PathBuf::from);
    let beside = beside.map(|folder| folder.join(PROGRAM));
    let folders = path.map(env::split_paths).into_iter().flatten();
    let in_path = folders.map(|folder| folder.join(PROGRAM));
    named
        .into_iter()
        .chain(beside)
        .chain(in_path)
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    let found = path.metadata();
    found.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// What `pmu-agent check` says of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The gateway would take it.
    Good,
    /// The gateway would not, and why.
    Bad(String),
    /// Nobody could be asked, and why.
    None(String),
}

/// Has a configuration judged that lies at `copy` and is to be shown as `shown`.
pub async fn judge(program: Option<&Path>, copy: &Path, shown: &Path) -> Judgement {
    let Some(program) = program else {
        return Judgement::None(format!(
            "{PROGRAM} is neither beside pmuctl nor in PATH; name it with {AGENT_VARIABLE}"
        ));
    };
    let mut check = Command::new(program);
    check
        .arg("check")
        .arg("--config")
        .arg(copy)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match timeout(JUDGE_WITHIN, check.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => {
            return Judgement::None(format!("{} cannot be run: {error}", program.display()));
        }
        Err(_) => {
            return Judgement::None(format!(
                "{} said nothing within {} s",
                program.display(),
                JUDGE_WITHIN.as_secs()
            ));
        }
    };
    if output.status.success() {
        return Judgement::Good;
    }
    let words = [output.stderr, output.stdout].concat();
    let words = String::from_utf8_lossy(&words);
    let shown = shown.to_string_lossy();
    let words = words.replace(copy.to_string_lossy().as_ref(), &shown);
    Judgement::Bad(plain_lines(words.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn script(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join(PROGRAM);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn the_named_program_comes_before_the_one_beside_and_that_before_the_path() {
        let [a, b, c] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [a, b, c] = [&a, &b, &c].map(|folder| script(folder.path(), ""));
        let beside = b.parent();
        let path = c.parent().map(Path::as_os_str);
        let named = Some(a.clone().into_os_string());
        assert_eq!(find_in(named, beside, path), Some(a));
        assert_eq!(find_in(None, beside, path), Some(b.clone()));
        fs::set_permissions(&b, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(find_in(None, beside, path), Some(c));
        assert_eq!(find_in(Some("/nonexistent".into()), None, None), None);
    }

    #[tokio::test]
    async fn what_the_program_says_is_about_the_file_that_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let (copy, shown) = (
            Path::new("/etc/pmu/.copy"),
            Path::new("/etc/pmu/agent.toml"),
        );
        let bad = script(
            folder.path(),
            "printf '%s:3: meter a.unit: no\\033[2J\\n' \"$3\" >&2; exit 78",
        );
        let expected = "/etc/pmu/agent.toml:3: meter a.unit: no?[2J".to_owned();
        assert_eq!(
            judge(Some(&bad), copy, shown).await,
            Judgement::Bad(expected)
        );
        let good = script(folder.path(), "test \"$1 $2\" = 'check --config'");
        assert_eq!(judge(Some(&good), copy, shown).await, Judgement::Good);
        let absent = Path::new("/nonexistent/pmu-agent");
        for program in [None, Some(absent)] {
            let judged = judge(program, copy, shown).await;
            assert!(matches!(judged, Judgement::None(_)), "{judged:?}");
        }
    }
}
