//! Habits that every file keeps: length, names, exceptions, unfinished work.

use super::breach::{Breach, places};
use super::source::{SourceFile, has_word};

/// Lines of production code in one file beyond which it must be split.
const LINES_MAX: usize = 500;

/// Lines beyond which a split should be thought of.
const LINES_SOFT: usize = 300;

/// Files that may hold unsafe code: calls for which the kernel has no safe form.
const UNSAFE_FILES: [&str; 2] = [
    "agent/src/adapters/serial_driver.rs",
    "bootloader-verify/src/bin/boot_init/mapper.rs",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = [
    "utils", "util", "helpers", "helper", "common", "manager", "misc", "mod",
];

fn breach(
    rule: &'static str,
    place: impl Into<String>,
    problem: String,
    remedy: &'static str,
) -> Breach {
    Breach {
        rule,
        place: place.into(),
        problem,
        remedy,
    }
}

fn long_files(files: &[SourceFile], limit: usize) -> impl Iterator<Item = (&SourceFile, usize)> {
    files
        .iter()
        .filter(|file| file.is_production_rust())
        .map(|file| (file, file.lines_before_tests().count()))
        .filter(move |(_, lines)| *lines > limit)
}

/// The hard limit.
pub(super) fn length(files: &[SourceFile]) -> Vec<Breach> {
    long_files(files, LINES_MAX)
        .map(|(file, lines)| {
            let problem = format!("{lines} lines before its tests; the limit is {LINES_MAX}");
            breach(
                "length",
                &file.path,
                problem,
                "split it by the nouns inside",
            )
        })
        .collect()
}

/// Remarks, not breaches: files on their way to the limit.
pub(super) fn soft_length(files: &[SourceFile]) -> Vec<String> {
    long_files(files, LINES_SOFT)
        .map(|(file, lines)| format!("{}: {lines} lines, think of a split", file.path))
        .collect()
}

/// Work left for later names who does it and the issue that says why. Documents are prose and may
/// speak of the marks.
pub(super) fn unfinished_work_has_an_owner(files: &[SourceFile]) -> Vec<Breach> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let mut breaches = Vec::new();
    for file in files
        .iter()
        .filter(|file| !file.is("md") && !file.path.contains("LICENSE"))
    {
        for (number, line) in (1..).zip(file.text.lines()) {
            let marked = marks.iter().find(|mark| has_word(line, mark));
            if marked.is_some_and(|mark| !has_owner_and_issue(line, mark)) {
                breaches.push(breach(
                    "unfinished work",
                    format!("{}:{number}", file.path),
                    "a mark without a name and an issue".to_owned(),
                    "write it as (name, #12) behind the mark, or do the work",
                ));
            }
        }
    }
    breaches
}

/// `mark(name, #12)`.
fn has_owner_and_issue(line: &str, mark: &str) -> bool {
    let inside = line
        .split_once(mark)
        .and_then(|(_, rest)| rest.strip_prefix('('))
        .and_then(|rest| rest.split_once(')'));
    let Some((owner, issue)) = inside.and_then(|(inside, _)| inside.split_once(", #")) else {
        return false;
    };
    !owner.trim().is_empty() && issue.parse::<u32>().is_ok()
}

/// An exception from a lint is an `expect` with a reason, so that it is removed when it no longer
/// holds.
pub(super) fn no_blanket_exceptions(files: &[SourceFile]) -> Vec<Breach> {
    let marks = [concat!("#[all", "ow("), concat!("#![all", "ow(")];
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.is("rs")) {
        for (number, line) in (1..).zip(file.text.lines()) {
            if marks.iter().any(|mark| line.contains(mark)) {
                breaches.push(breach(
                    "exceptions",
                    format!("{}:{number}", file.path),
                    "a lint is switched off".to_owned(),
                    "write #[expect(lint, reason = \"...\")] at the item",
                ));
            }
        }
    }
    breaches
}

/// Unsafe code stands in listed files only.
pub(super) fn unsafe_code_is_listed(files: &[SourceFile]) -> Vec<Breach> {
    const RULE: &str = concat!("un", "safe code");
    let word = concat!("un", "safe");
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.is("rs")) {
        if UNSAFE_FILES.contains(&file.path.as_str()) {
            continue;
        }
        let code = |line: &str| !line.trim_start().starts_with("//") && has_word(line, word);
        if let Some(line) = file.text.lines().position(code) {
            breaches.push(breach(
                RULE,
                format!("{}:{}", file.path, line + 1),
                "this file is not in the list of files that may".to_owned(),
                "use a safe call, or add the file to files.rs and say why in the change",
            ));
        }
    }
    breaches
}

/// Files and folders are named after the noun inside. The customer's page names live in `web`.
pub(super) fn names_say_what_is_inside(files: &[SourceFile]) -> Vec<Breach> {
    files
        .iter()
        .filter(|file| !file.path.starts_with("agent/crates/web/"))
        .filter(|file| {
            let mut words = file.path.split(['/', '.', '_', '-']);
            words.any(|word| EMPTY_NAMES.contains(&word))
        })
        .map(|file| {
            let problem = "the name says nothing about what is inside".to_owned();
            let remedy = "name it after the noun inside; mod.rs becomes name.rs";
            breach("names", &file.path, problem, remedy)
        })
        .collect()
}

/// A crate without the lint table would be a room without house rules.
pub(super) fn lint_table_is_inherited(files: &[SourceFile]) -> Vec<Breach> {
    files
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
        .filter(|file| file.text.lines().any(|line| line == "[package]"))
        .filter(|file| !file.path.starts_with("agent/fuzz/"))
        .filter(|file| !file.text.contains("[lints]\nworkspace = true"))
        .map(|file| {
            let problem = "the crate does not inherit the lint table".to_owned();
            breach(
                "lints",
                &file.path,
                problem,
                "add [lints] with workspace = true",
            )
        })
        .collect()
}

#[track_caller]
fn check(rule: fn(&[SourceFile]) -> Vec<Breach>, bad: &[(&str, &str)], good: &[(&str, &str)]) {
    let example = |(path, text): &(&str, &str)| SourceFile::example(path, text);
    let bad: Vec<_> = bad.iter().map(example).collect();
    for file in &bad {
        let found = rule(std::slice::from_ref(file));
        assert_eq!(found.len(), 1, "not found: {file:?}");
        assert!(
            places(&found)
                .iter()
                .all(|place| place.starts_with(&file.path))
        );
    }
    let good: Vec<_> = good.iter().map(example).collect();
    assert_eq!(rule(&good), []);
}

#[test]
fn a_file_beyond_its_limit_is_found() {
    let long = "fn a() {}\n".repeat(501);
    let tested = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    let hidden = format!("#[cfg(test)]\nmod tests;\n{long}");
    check(
        length,
        &[("a/src/long.rs", &long), ("a/src/hidden.rs", &hidden)],
        &[
            ("a/src/tested.rs", &tested),
            ("a/tests/long.rs", &long),
            ("docs/long.md", &long),
        ],
    );
    assert_eq!(
        soft_length(&[SourceFile::example("a/src/b.rs", &"x\n".repeat(301))]).len(),
        1
    );
}

#[test]
fn a_mark_without_an_owner_is_found() {
    let bare = concat!("// TO", "DO: later");
    let named = concat!("// TO", "DO(ann): later");
    let fix = concat!("# FIX", "ME");
    let owned = concat!("// TO", "DO(ann, #12): later");
    check(
        unfinished_work_has_an_owner,
        &[
            ("a/src/a.rs", bare),
            ("a/src/b.rs", named),
            ("a/run.sh", fix),
        ],
        &[("a/src/c.rs", owned), ("docs/a.md", bare)],
    );
}

#[test]
fn a_lint_that_is_switched_off_is_found() {
    let item = concat!("#[all", "ow(dead_code)]");
    let file = concat!("#![all", "ow(clippy::all, reason = \"x\")]");
    let reasoned = "#[expect(clippy::panic, reason = \"y\")]";
    check(
        no_blanket_exceptions,
        &[("a/src/a.rs", item), ("a/tests/b.rs", file)],
        &[("a/src/c.rs", reasoned)],
    );
}

#[test]
fn unsafe_code_in_an_unlisted_file_is_found() {
    let block = concat!("fn f() { un", "safe { g() } }");
    check(
        unsafe_code_is_listed,
        &[("agent/src/tasks/bus.rs", block), ("a/tests/b.rs", block)],
        &[
            ("agent/src/adapters/serial_driver.rs", block),
            (
                "agent/src/a.rs",
                concat!("#[expect(un", "safe_code)]\n// un", "safe"),
            ),
        ],
    );
}

#[test]
fn an_empty_name_is_found() {
    check(
        names_say_what_is_inside,
        &[
            ("agent/src/utils.rs", ""),
            ("agent/src/bus_manager.rs", ""),
            ("agent/src/common/a.rs", ""),
            ("agent/src/tasks/mod.rs", ""),
        ],
        &[
            ("agent/src/modbus.rs", ""),
            ("agent/crates/web/src/scheme_manager.rs", ""),
        ],
    );
}

#[test]
fn a_crate_without_the_lint_table_is_found() {
    check(
        lint_table_is_inherited,
        &[("a/Cargo.toml", "[package]\nname = \"a\"\n")],
        &[
            (
                "a/Cargo.toml",
                "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n",
            ),
            ("Cargo.toml", "[workspace]\n"),
        ],
    );
}
