//! A meter is written into the configuration as a whole or not at all.

use super::{answer, fake_agent, pmuctl, question, words};
use desk::{Answer, Request};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const OLD: &str = "# the north\n[gateway]\nid = \"pmu-001\" # on the lid\n[[bus]]\nid = \"main\"\n\
                   [[meter]]\nid = \"feeder-1\"\nbus = \"main\"\naddress = \"001\"\n";
const ENTRY: &str = "\n[[meter]]\nid = \"feeder-2\"\nbus = \"main\"\nmodel = \"elster-a1700\"\n\
                     address = \"002\"\n";

struct World {
    folder: TempDir,
    file: PathBuf,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("etc/agent.toml");
        fs::create_dir(folder.path().join("etc")).unwrap();
        fs::write(&file, OLD).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        Self { folder, file }
    }

    /// `pmuctl meter add` with a program that judges, or none.
    fn add(&self, judge: Option<&str>, options: &str) -> Command {
        let mut command = pmuctl(self.folder.path());
        command
            .args("meter add feeder-2 --bus main --model elster-a1700 --address 002".split(' '))
            .arg("--config")
            .arg(&self.file)
            .args(options.split_whitespace())
            .stdin(Stdio::null());
        if let Some(text) = judge {
            command.env("PMU_AGENT", fake_agent(self.folder.path(), text));
        }
        command
    }

    #[track_caller]
    fn check(&self, done: &Output, code: i32, parts: &[&str], text: &str) {
        let said = words(done);
        assert_eq!(done.status.code(), Some(code), "{said}");
        for part in parts {
            assert!(said.contains(part), "no `{part}` in\n{said}");
        }
        assert_eq!(fs::read_to_string(&self.file).unwrap(), text);
        let files = fs::read_dir(self.file.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "nothing lies beside it");
    }
}

fn new() -> String {
    format!("{OLD}{ENTRY}")
}

#[test]
fn an_entry_that_is_judged_good_is_written() {
    let world = World::new();
    let judge = "test \"$1 $2\" = 'check --config' && grep -q feeder-2 \"$3\"";
    let done = world.add(Some(judge), "--yes").output().unwrap();
    world.check(
        &done,
        0,
        &[
            "configuration is good",
            "[[meter]]\nid = \"feeder-2\"",
            "systemctl reload pmu-agent",
        ],
        &new(),
    );
    assert_eq!(fs::metadata(&world.file).unwrap().mode() & 0o777, 0o640);
    // Once more it is refused, with the line of the first.
    let again = world.add(Some(judge), "--yes").output().unwrap();
    world.check(&again, 1, &["line 12: there is a meter `feeder-2`"], &new());
}

#[test]
fn an_entry_that_is_judged_bad_is_not_written() {
    let world = World::new();
    let judge = "echo \"$3:11: meter feeder-2.model: there is none; write one\" >&2; exit 78";
    let done = world.add(Some(judge), "--yes").output().unwrap();
    let place = format!("{}:11: meter feeder-2.model", world.file.display());
    world.check(&done, 1, &["nothing was written", &place], OLD);
}

#[test]
fn without_a_judge_it_says_so() {
    let world = World::new();
    let done = world.add(None, "--yes").output().unwrap();
    world.check(&done, 0, &["nobody has checked", "PMU_AGENT"], &new());
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let world = World::new();
    let done = world.add(Some("exit 0"), "").output().unwrap();
    world.check(&done, 1, &["nobody can be asked here", "--yes"], OLD);
}

#[test]
fn the_gateway_is_asked_for_its_file() {
    let world = World::new();
    let listener = UnixListener::bind(world.folder.path().join("desk.sock")).unwrap();
    let mut command = pmuctl(world.folder.path());
    command
        .args("meter add feeder-2 --bus main --model elster-a1700 --address 002 --yes".split(' '))
        .env("PMU_AGENT", fake_agent(world.folder.path(), "exit 0"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let (asked, stream) = question(&listener);
    assert_eq!(asked, Request::Configuration);
    answer(
        stream,
        Answer::Configuration(world.file.display().to_string()),
    );
    let done = child.wait_with_output().unwrap();
    world.check(&done, 0, &["systemctl reload pmu-agent"], &new());
}

#[test]
fn a_kill_before_the_end_leaves_the_old_file() {
    let world = World::new();
    let killed = world.add(Some("kill -9 $PPID"), "--yes").output().unwrap();
    assert_eq!(killed.status.signal(), Some(9), "{}", words(&killed));
    assert_eq!(fs::read_to_string(&world.file).unwrap(), OLD);
    // What it left beside the file disturbs nobody, and goes with the next.
    let done = world.add(Some("exit 0"), "--yes").output().unwrap();
    world.check(&done, 0, &["systemctl reload"], &new());
}

/// A terminal: our end, and the one that a program gets.
fn terminal() -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    (File::from(ours), theirs)
}

/// Waits for the question, types, and gives what came of it.
fn asked(world: &World, typed: &str) -> Output {
    let (mut ours, theirs) = terminal();
    ours.write_all(typed.as_bytes()).unwrap();
    let mut command = world.add(Some("exit 0"), "");
    let done = command.stdin(theirs).output().unwrap();
    drop(command);
    let mut echo = [0; 64];
    assert!(ours.read(&mut echo).unwrap() > 0);
    done
}

#[test]
fn a_person_at_a_terminal_decides() {
    for (typed, code, text) in [
        ("y\n", 0, new()),
        ("YES\n", 0, new()),
        ("n\n", 1, OLD.to_owned()),
        ("\n", 1, OLD.to_owned()),
    ] {
        let world = World::new();
        let done = asked(&world, typed);
        world.check(&done, code, &["write it? [y/N]"], &text);
    }
}

#[test]
fn ctrl_c_at_the_question_leaves_the_old_file() {
    let world = World::new();
    let (_ours, theirs) = terminal();
    let mut command = world.add(Some("exit 0"), "");
    command
        .stdin(theirs)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut errors = child.stderr.take().unwrap();
    let mut said = String::new();
    let mut byte = [0];
    while !said.ends_with("[y/N] ") {
        errors.read_exact(&mut byte).unwrap();
        said.push(char::from(byte[0]));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let done = child.wait_with_output().unwrap();
    errors.read_to_string(&mut said).unwrap();
    assert!(said.contains("nothing was written"), "{said}");
    world.check(&done, 1, &[], OLD);
}
