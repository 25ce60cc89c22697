//! Work at a meter as an installer does it: the process, its files, its terminal, its signals.

#![cfg(test)]

mod adding;
mod direct;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use desk::{Answer, Refusal, Request};

/// A copy of the program in a folder of its own, so that no `pmu-agent` of a build lies beside it.
/// Made once, before the first process: a child that inherits a file that is still being written
/// would keep others from running it.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("at_the_meter");
    fs::create_dir_all(&folder).unwrap();
    let copy = folder.join("pmuctl");
    drop(fs::remove_file(&copy));
    fs::copy(env!("CARGO_BIN_EXE_pmuctl"), &copy).unwrap();
    copy
});

fn pmuctl(folder: &Path) -> Command {
    let mut command = Command::new(&*PROGRAM);
    command
        .env_remove("PMU_AGENT")
        .env("PMU_SOCKET", folder.join("desk.sock"))
        .env("PATH", "/usr/bin:/bin");
    command
}

/// A program in the place of `pmu-agent`.
fn fake_agent(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("fake-agent");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn words(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

/// The next question at a socket, and the connection that waits for its answer.
fn question(listener: &UnixListener) -> (Request, UnixStream) {
    let (stream, _) = listener.accept().unwrap();
    let mut line = Vec::new();
    BufReader::new(&stream)
        .read_until(b'\n', &mut line)
        .unwrap();
    (desk::decode(&line).unwrap(), stream)
}

fn answer(mut stream: UnixStream, answer: Answer) {
    let answer: Result<Answer, Refusal> = Ok(answer);
    stream.write_all(&desk::encode(&answer).unwrap()).unwrap();
}
