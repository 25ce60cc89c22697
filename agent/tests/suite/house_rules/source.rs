//! The text files of the tree, and views of a Rust file that leave out what a rule does not mean.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 6] = [
    "target",
    ".git",
    "__pycache__",
    "corpus",
    "artifacts",
    "coverage",
];

/// Endings of the files that people here write.
const ENDINGS: [&str; 14] = [
    "rs", "toml", "md", "sh", "py", "cddl", "service", "timer", "rules", "conf", "txt", "hex",
    "json", "yml",
];

/// A file, its path written from the root of the tree with `/`.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    pub(super) path: String,
    pub(super) text: String,
}

impl SourceFile {
    /// For bad examples.
    pub(super) fn example(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Whether the path ends in `.ending`.
    pub(super) fn is(&self, ending: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|found| found == ending)
    }

    /// The name without folder and ending.
    pub(super) fn stem(&self) -> &str {
        Path::new(&self.path)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
    }

    /// Rust code that is built into a program or library: not tests, benches or fuzz targets.
    pub(super) fn is_production_rust(&self) -> bool {
        let aside = ["tests", "benches", "examples", "fuzz"];
        self.is("rs")
            && !self
                .path
                .split(['/', '.'])
                .any(|part| aside.contains(&part))
    }

    /// Numbered lines up to the test module at the bottom.
    pub(super) fn lines_before_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = self.text.lines().peekable();
        let mut number = 0;
        std::iter::from_fn(move || {
            let line = lines.next()?;
            let opens_tests = line == "#[cfg(test)]"
                && lines
                    .peek()
                    .is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
            number += 1;
            (!opens_tests).then_some((number, line))
        })
    }

    /// The same without comment lines: what the compiler sees, near enough.
    pub(super) fn code_before_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines_before_tests()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Whether `word` stands in `line` as a whole identifier.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let after = rest.strip_prefix(word).unwrap_or_default();
        !before.ends_with(part_of_word) && !after.starts_with(part_of_word)
    })
}

/// The root of the tree.
pub(super) fn root() -> PathBuf {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR"));
    agent.parent().unwrap_or(agent).to_owned()
}

/// Every text file below `root`, in the order of their paths.
pub(super) fn read_tree(root: &Path) -> io::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED.iter().any(|skipped| name == *skipped) {
                folders.push(entry.path());
            } else if kind.is_file() && is_text(&entry.path()) {
                files.push(read(root, &entry.path())?);
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Files without an ending (`justfile`, `hil-tests/run`) are scripts and texts too.
fn is_text(path: &Path) -> bool {
    path.extension()
        .is_none_or(|ending| ENDINGS.iter().any(|known| ending == *known))
}

fn read(root: &Path, path: &Path) -> io::Result<SourceFile> {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let bytes = fs::read(path)?;
    Ok(SourceFile {
        path: inside.to_string_lossy().replace('\\', "/"),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

#[test]
fn lines_end_where_the_tests_begin() {
    let text =
        "fn a() {}\n// b\n#[cfg(test)]\nmod tests;\nfn c() {}\n#[cfg(test)]\nmod tests {\n}\n";
    let file = SourceFile::example("x/src/a.rs", text);
    assert_eq!(file.lines_before_tests().count(), 5);
    assert_eq!(file.code_before_tests().count(), 4);
    assert_eq!(file.code_before_tests().last(), Some((5, "fn c() {}")));
}

#[test]
fn test_code_is_told_from_production_code() {
    for path in ["line/src/guard.rs", "agent/src/main.rs"] {
        assert!(SourceFile::example(path, "").is_production_rust(), "{path}");
    }
    for path in [
        "line/tests/a.rs",
        "line/src/guard/tests.rs",
        "s/benches/f.rs",
        "docs/a.md",
    ] {
        assert!(
            !SourceFile::example(path, "").is_production_rust(),
            "{path}"
        );
    }
}

#[test]
fn a_word_is_not_found_inside_another() {
    assert!(has_word("use redb::Database;", "redb"));
    assert!(!has_word("#![deny(predb)]", "redb"));
    assert!(!has_word("let redb_like = 1;", "redb"));
}
