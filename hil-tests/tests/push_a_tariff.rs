//! The page "push a tariff to meters" works as it is written: what it says is typed, in its order, into
//! one shell, with its second terminal beside it, and what it says is printed is printed.
#![cfg(test)]

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use hil_tests::binaries;
use hil_tests::clock::wait_until;
use hil_tests::process::{Process, command};
use hil_tests::python::with_modules;
use hil_tests::skip::has_programs;
use rustix::process::Signal;

const PAGE: &str = "docs/how-to/push-a-tariff.md";
/// What nobody waits for here: the programs are built in the profile of the tests.
const BUILD: &str = "cargo build --release -p simulator -p pmu-agent -p pmuctl";
const PATH: &str = "export PATH=\"$PWD/target/release:$PATH\"";
/// The site is ready within this; a machine that builds beside it takes longest.
const READY_WITHIN: Duration = Duration::from_mins(4);
/// It ends within this.
const END_WITHIN: Duration = Duration::from_mins(1);
/// Ends what a block prints, with how its last command ended.
const MARK: &str = "<<<the block ended>>>";

/// A fenced part of the page.
#[derive(Debug)]
enum Part {
    /// To be typed in the first terminal.
    Typed(String),
    /// To be typed in the second one, where it goes on.
    Stays(String),
    /// Printed by what was typed last.
    Printed(String),
}

fn parts(page: &str) -> Vec<Part> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    let part = |fenced: &str| {
        let (kind, text) = fenced.split_once('\n').expect("a fence and what is in it");
        let text = text.to_owned();
        match kind {
            "sh" => Part::Typed(text),
            "sh stays" => Part::Stays(text),
            "text" => Part::Printed(text),
            other => panic!("a fence of kind {other}"),
        }
    };
    fenced.map(part).collect()
}

/// Whether the lines of `expected` stand in `printed` in their order, however many others are between;
/// `…` is any word, and `…,` any with that end.
fn is_printed(expected: &str, printed: &str) -> bool {
    let words =
        |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let printed = words(printed);
    let mut rest = printed.as_slice();
    expected.lines().all(|line| {
        let line = words(line);
        let fits = |window: &[String]| {
            let mut pairs = line.iter().zip(window);
            pairs.all(|(expected, printed)| match expected.strip_prefix('…') {
                Some(end) => printed.ends_with(end),
                None => expected == printed,
            })
        };
        let found = rest.windows(line.len()).position(fits);
        rest = found.map_or(&[][..], |at| &rest[at + line.len()..]);
        found.is_some()
    })
}

/// The folder of the project, as far as the page needs it, and the programs in front of the search path.
struct Project {
    folder: PathBuf,
    path: std::ffi::OsString,
}

impl Project {
    fn new(folder: &Path, python: &Path) -> Self {
        for name in ["config", "docs"] {
            let link = std::os::unix::fs::symlink(binaries::root().join(name), folder.join(name));
            link.expect("a link");
        }
        let tools = folder.join("bin");
        std::fs::create_dir(&tools).expect("a folder");
        let programs = [
            ("simulator", binaries::another("simulator", "simulator")),
            ("pmuctl", binaries::pmuctl()),
        ];
        for (name, program) in programs {
            // The simulator looks for the others beside itself, so it is started from where it lies.
            let script = format!("#!/bin/sh\nexec {} \"$@\"\n", program.display());
            let file = tools.join(name);
            std::fs::write(&file, script).expect("a file");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&file, mode).expect("a mode");
        }
        let python = python.parent().expect("a folder").to_path_buf();
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let folders = [tools, python];
        let folders = folders.into_iter().chain(std::env::split_paths(&usual));
        Self {
            folder: folder.to_path_buf(),
            path: std::env::join_paths(folders).expect("folders"),
        }
    }
}

/// The first terminal: one shell from the first block to the last.
struct Terminal {
    shell: Child,
    typed: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Terminal {
    fn open(project: &Project) -> Self {
        let mut shell = command("bash");
        shell
            .args(["--norc", "--noprofile", "-s"])
            .current_dir(&project.folder)
            .env("PATH", &project.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut shell = shell.spawn().expect("a shell");
        let mut typed = shell.stdin.take().expect("its input");
        let said = BufReader::new(shell.stdout.take().expect("its output")).lines();
        writeln!(typed, "set -euo pipefail; exec 2>&1").expect("a shell that hears");
        Self { shell, typed, said }
    }

    /// Types a block; every command of it must end well.
    #[track_caller]
    fn type_block(&mut self, text: &str) -> String {
        // Nothing that a command reads may be taken from what is typed next.
        let text = text.replace(BUILD, ":").replace(PATH, ":");
        writeln!(self.typed, "{{\n{text}\n}} </dev/null\necho; echo '{MARK}'")
            .expect("a shell that hears");
        let mut printed = String::new();
        for line in self.said.by_ref() {
            let line = line.expect("what it says");
            if line == MARK {
                return printed;
            }
            println!("{line}");
            printed.push_str(&line);
            printed.push('\n');
        }
        let status = self.shell.wait();
        panic!("the shell ended ({status:?}) in\n{text}\nit said\n{printed}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

/// Starts what goes on in the second terminal, and waits until it has said all of this.
fn second_terminal(project: &Project, text: &str, expected: &str) -> Process {
    let mut words = text.split_whitespace();
    let mut program = command(words.next().expect("a program"));
    let folder = project.folder.join("desk");
    program
        .args(words)
        .current_dir(&folder)
        .env("PATH", &project.path);
    let mut process = Process::start("site", &mut program, &project.folder);
    wait_until("the site is ready", READY_WITHIN, || {
        assert!(process.is_running(), "{}", process.tail());
        is_printed(expected, &process.said())
    });
    process
}

#[test]
fn the_page_works_as_it_is_written() {
    let programs = ["mosquitto", "openssl", "cmp", "sed", "grep"];
    if !has_programs("the page on pushing a tariff", &programs) {
        return;
    }
    let modules = ["cbor2", "cryptography"];
    let Some(python) = with_modules("the page on pushing a tariff", &modules) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let page = std::fs::read_to_string(binaries::root().join(PAGE)).expect("the page");
    assert!(
        page.contains(BUILD) && page.contains(PATH),
        "the first step"
    );
    let project = Project::new(folder.path(), &python);
    let mut terminal = Terminal::open(&project);
    let mut site = None;
    let mut printed = String::new();
    let (mut typed, mut compared) = (0, 0);
    let parts = parts(&page);
    let mut parts = parts.iter();
    while let Some(part) = parts.next() {
        match part {
            Part::Typed(text) => {
                println!("{text}");
                printed = terminal.type_block(text);
                typed += 1;
            }
            Part::Stays(text) => {
                let Some(Part::Printed(expected)) = parts.next() else {
                    panic!("the page says when `{text}` is ready");
                };
                site = Some(second_terminal(&project, text, expected));
            }
            Part::Printed(expected) => {
                assert!(
                    is_printed(expected, &printed),
                    "\n{expected}\nis not in\n{printed}"
                );
                compared += 1;
            }
        }
    }
    assert!(
        typed >= 15 && compared >= 18,
        "{typed} blocks, {compared} answers"
    );
    let mut site = site.expect("the page starts a site");
    site.signal(Signal::INT);
    let status = site.wait(END_WITHIN);
    assert!(status.success(), "{status}\n{}", site.tail());
}
