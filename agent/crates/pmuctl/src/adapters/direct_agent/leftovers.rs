//! What a killed `pmuctl` left: a gateway that still holds its port, and a folder in memory.

use super::place::{LOCK, PREFIX, bases};
use crate::limits::{DIRECT_FOLDERS_MAX, DIRECT_LOOK_EVERY, DIRECT_STOP_WITHIN};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tokio::time::{Instant, sleep};

/// Ends and removes them. What is another user's is not ours, and is left.
pub(super) async fn sweep() {
    for base in bases() {
        for folder in abandoned(&base) {
            if let Some(pid) = gateway_of(&folder) {
                end(pid, &folder).await;
            }
            drop(fs::remove_dir_all(&folder));
        }
    }
}

/// Folders whose `pmuctl` no longer lives: the kernel has given its lock back.
fn abandoned(base: &Path) -> Vec<PathBuf> {
    let Ok(files) = fs::read_dir(base) else {
        return Vec::new();
    };
    let ours = |path: &PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| name.starts_with(PREFIX))
    };
    files
        .filter_map(|file| file.ok().map(|file| file.path()))
        .filter(ours)
        .take(DIRECT_FOLDERS_MAX)
        .filter(|folder| {
            let lock = File::open(folder.join(LOCK));
            lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok())
        })
        .collect()
}

/// The gateway that was started in this folder, if it still runs. A number may have been given to
/// another process: its command line tells.
fn gateway_of(folder: &Path) -> Option<Pid> {
    let number: i32 = fs::read_to_string(folder.join("agent.pid"))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let is_gateway = runs_in(number, folder);
    Pid::from_raw(number).filter(|_| is_gateway)
}

fn runs_in(number: i32, folder: &Path) -> bool {
    let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
    let file = folder.join("agent.toml");
    let file = file.as_os_str().as_encoded_bytes();
    line.split(|byte| *byte == 0).any(|word| word == file)
}

async fn end(pid: Pid, folder: &Path) {
    let begun = Instant::now();
    let mut signal = Signal::TERM;
    while runs_in(pid.as_raw_nonzero().get(), folder) {
        // It may have ended in this very moment; the next look tells.
        kill_process(pid, signal).unwrap_or_default();
        if begun.elapsed() > DIRECT_STOP_WITHIN {
            if signal == Signal::KILL {
                return;
            }
            signal = Signal::KILL;
        }
        sleep(DIRECT_LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_folder_whose_owner_lives_is_left_alone() {
        let base = tempfile::tempdir().unwrap();
        for name in ["pmu-direct-1", "pmu-direct-2", "another"] {
            let folder = base.path().join(name);
            fs::create_dir(&folder).unwrap();
            File::create(folder.join(LOCK)).unwrap();
        }
        fs::create_dir(base.path().join("pmu-direct-3")).unwrap();
        let living = File::open(base.path().join("pmu-direct-2").join(LOCK)).unwrap();
        flock(&living, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(abandoned(base.path()), [base.path().join("pmu-direct-1")]);
        // Given back by word: a child that another test starts holds the file until it has begun.
        flock(&living, FlockOperation::Unlock).unwrap();
        assert_eq!(abandoned(base.path()).len(), 2);
    }

    #[tokio::test]
    async fn only_the_gateway_of_the_folder_is_ended() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path();
        let file = folder.join("agent.toml");
        let mut child = Command::new("sh")
            .args(["-c", "while :; do sleep 1; done", "pmu-agent"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        fs::write(folder.join("agent.pid"), child.id().to_string()).unwrap();
        // A process that has just begun has no command line yet.
        let found = loop {
            match gateway_of(folder) {
                Some(found) => break found,
                None => sleep(DIRECT_LOOK_EVERY).await,
            }
        };
        assert_eq!(gateway_of(&folder.join("elsewhere")), None);
        fs::write(folder.join("agent.pid"), std::process::id().to_string()).unwrap();
        assert_eq!(gateway_of(folder), None, "we are no gateway");
        let ending = end(found, folder);
        let waiting = async { tokio::task::spawn_blocking(move || child.wait()).await };
        let ((), ended) = tokio::join!(ending, waiting);
        assert!(!ended.unwrap().unwrap().success());
    }
}
