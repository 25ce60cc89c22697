//! The folder of schemes as the Scheme Manager shows it: files in, changes of files out. Whoever
//! has the disk does the changes.

use super::complaint::Complaints;
use super::read::parse_scheme;
use metering::MeterId;
use metering::scheme::{Label, Scheme};
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// Schemes of a library.
pub const SCHEMES_MAX: usize = 10_000;
/// Folders within each other.
const DEPTH_MAX: usize = 8;

/// A scheme in its folder.
#[derive(Debug, Clone)]
pub struct LibraryEntry {
    /// The text of its file.
    pub text: String,
    /// What it says, or all that is wrong with it.
    pub scheme: Result<Scheme, Complaints>,
}

/// All schemes, by path: `bank/winter.toml`.
#[derive(Debug, Clone, Default)]
pub struct Library {
    entries: BTreeMap<String, LibraryEntry>,
}

/// What is to be done on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// A file is written.
    Write {
        /// Its path in the library.
        path: String,
        /// Its text.
        text: String,
    },
    /// A file is removed.
    Remove {
        /// Its path in the library.
        path: String,
    },
}

/// Why a library does not do what it was asked to; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LibraryFault {
    /// A path that leads out of the folder, or is none.
    #[error(
        "`{0}` is no place in the library; write up to 8 parts of a-z, 0-9, - and _, with / between them and .toml at the end"
    )]
    Path(String),
    /// Nothing there.
    #[error("there is no scheme at `{0}`; look at the tree for its path")]
    Absent(String),
    /// Something is there.
    #[error("there is a scheme at `{0}` already; choose another path, or remove that one first")]
    Occupied(String),
    /// The name is taken.
    #[error("`{name}` is the name of the scheme at `{path}`; choose another name")]
    NameTaken {
        /// The name.
        name: Label,
        /// Who has it.
        path: String,
    },
    /// It cannot be read, so its name cannot be changed.
    #[error("the scheme at `{0}` is not in order; mend it first")]
    Broken(String),
    /// Too many.
    #[error("a library holds at most 10000 schemes; split it")]
    Full,
}

impl Library {
    /// The library of these files: paths relative to its folder, and texts.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, LibraryFault> {
        let mut library = Self::default();
        for (path, text) in files {
            check_path(&path)?;
            if library.entries.len() >= SCHEMES_MAX {
                return Err(LibraryFault::Full);
            }
            library.put(path, text);
        }
        Ok(library)
    }

    fn put(&mut self, path: String, text: String) {
        let scheme = parse_scheme(&path, &text);
        self.entries.insert(path, LibraryEntry { text, scheme });
    }

    /// All schemes with their paths, folder by folder.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &LibraryEntry)> {
        self.entries
            .iter()
            .map(|(path, entry)| (path.as_str(), entry))
    }

    /// Folders directly in a folder (`""` is the top), then schemes directly in it.
    pub fn folder(&self, folder: &str) -> (Vec<&str>, Vec<&str>) {
        let (mut folders, mut schemes) = (Vec::new(), Vec::new());
        for path in self.entries.keys() {
            let rest = if folder.is_empty() {
                Some(path.as_str())
            } else {
                path.strip_prefix(folder)
                    .and_then(|rest| rest.strip_prefix('/'))
            };
            match rest.map(|rest| rest.split_once('/')) {
                Some(Some((inner, _))) if folders.last() != Some(&inner) => folders.push(inner),
                Some(None) => schemes.extend(rest),
                _ => {}
            }
        }
        folders.dedup();
        (folders, schemes)
    }

    /// The scheme of a name, and where it is.
    pub fn named(&self, name: &Label) -> Option<(&str, &Scheme)> {
        let mut good = self.good();
        good.find(|(_, scheme)| scheme.name == *name)
    }

    fn good(&self) -> impl Iterator<Item = (&str, &Scheme)> {
        let entries = self.entries.iter();
        entries.filter_map(|(path, entry)| Some((path.as_str(), entry.scheme.as_ref().ok()?)))
    }

    /// Names that several schemes have, with their paths.
    pub fn names_taken_twice(&self) -> Vec<(Label, Vec<String>)> {
        let mut names: BTreeMap<&Label, Vec<String>> = BTreeMap::new();
        for (path, scheme) in self.good() {
            let places = names.entry(&scheme.name).or_default();
            places.push(path.to_owned());
        }
        let twice = names.into_iter().filter(|(_, paths)| paths.len() > 1);
        twice.map(|(name, paths)| (name.clone(), paths)).collect()
    }

    /// Copies a scheme, under another name; its text keeps its comments.
    pub fn copy(
        &mut self,
        from: &str,
        to: &str,
        name: &Label,
    ) -> Result<Vec<FileChange>, LibraryFault> {
        self.free(to)?;
        if self.entries.len() >= SCHEMES_MAX {
            return Err(LibraryFault::Full);
        }
        if let Some((path, _)) = self.named(name) {
            let (name, path) = (name.clone(), path.to_owned());
            return Err(LibraryFault::NameTaken { name, path });
        }
        let absent = || LibraryFault::Absent(from.to_owned());
        let entry = self.entries.get(from).ok_or_else(absent)?;
        let renamed = entry.scheme.is_ok().then(|| renamed(&entry.text, name));
        let text = renamed
            .flatten()
            .ok_or_else(|| LibraryFault::Broken(from.to_owned()))?;
        self.put(to.to_owned(), text.clone());
        let path = to.to_owned();
        Ok(vec![FileChange::Write { path, text }])
    }

    /// Moves a scheme to another place; its name stays.
    pub fn move_to(&mut self, from: &str, to: &str) -> Result<Vec<FileChange>, LibraryFault> {
        self.free(to)?;
        let removed = self.entries.remove(from);
        let entry = removed.ok_or_else(|| LibraryFault::Absent(from.to_owned()))?;
        let text = entry.text.clone();
        self.put(to.to_owned(), entry.text);
        // Written first: a power cut between the two leaves both, never none.
        Ok(vec![
            FileChange::Write {
                path: to.to_owned(),
                text,
            },
            FileChange::Remove {
                path: from.to_owned(),
            },
        ])
    }

    fn free(&self, path: &str) -> Result<(), LibraryFault> {
        check_path(path)?;
        if self.entries.contains_key(path) {
            return Err(LibraryFault::Occupied(path.to_owned()));
        }
        Ok(())
    }
}

/// Which meters use a scheme, from pairs of scheme and meter; each once.
pub fn where_used<'p>(
    name: &Label,
    pairs: impl IntoIterator<Item = &'p (Label, MeterId)>,
) -> Vec<MeterId> {
    let used = pairs.into_iter().filter(|(scheme, _)| scheme == name);
    let mut meters: Vec<MeterId> = used.map(|(_, meter)| meter.clone()).collect();
    meters.sort();
    meters.dedup();
    meters
}

fn check_path(path: &str) -> Result<(), LibraryFault> {
    let good = |part: &str| {
        (1..=64).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    let stem = path.strip_suffix(".toml");
    let parts: Vec<&str> = stem.unwrap_or_default().split('/').collect();
    if parts.len() <= DEPTH_MAX && parts.iter().all(|part| good(part)) {
        Ok(())
    } else {
        Err(LibraryFault::Path(super::complaint::shown(path)))
    }
}

/// The text with another name in it.
fn renamed(text: &str, name: &Label) -> Option<String> {
    let table = DeTable::parse(text).ok()?;
    let mut entries = table.get_ref().iter();
    let (_, value) = entries.find(|(key, _)| key.get_ref() == "name")?;
    if !matches!(value.get_ref(), DeValue::String(_)) {
        return None;
    }
    let span = value.span();
    let (before, after) = (text.get(..span.start)?, text.get(span.end..)?);
    let new = super::atoms::quoted(name.as_str());
    Some(format!("{before}{new}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        format!(
            "# by hand\nformat = 1\nname = \"{name}\" # its name\npurpose = \"read\"\nmeter-type = \"any\"\nversion = 1\n"
        )
    }

    fn library() -> Library {
        let file = |path: &str, name: &str| (path.to_owned(), text(name));
        Library::load([
            file("one.toml", "one"),
            file("bank/two.toml", "two"),
            file("bank/winter/three.toml", "three"),
            ("bank/broken.toml".to_owned(), "format = ".to_owned()),
        ])
        .unwrap()
    }

    #[test]
    fn folders_are_the_tree() {
        let library = library();
        assert_eq!(library.folder(""), (vec!["bank"], vec!["one.toml"]));
        assert_eq!(
            library.folder("bank"),
            (vec!["winter"], vec!["broken.toml", "two.toml"])
        );
        assert_eq!(library.folder("ban"), (vec![], vec![]));
    }

    #[test]
    fn a_copy_has_another_name_and_the_same_comments() {
        let mut library = library();
        let name: Label = "four \"4\"".parse().unwrap();
        let changes = library.copy("one.toml", "bank/four.toml", &name).unwrap();
        let [FileChange::Write { path, text }] = changes.as_slice() else {
            panic!("{changes:?}")
        };
        assert_eq!(path, "bank/four.toml");
        assert!(text.starts_with("# by hand\n") && text.contains("# its name"));
        assert_eq!(library.named(&name).unwrap().0, "bank/four.toml");
        assert!(library.names_taken_twice().is_empty());
    }

    #[track_caller]
    fn check_copy(from: &str, to: &str, name: &str, expected: &str) {
        let fault = library().copy(from, to, &name.parse().unwrap());
        assert_eq!(
            fault.unwrap_err().to_string().split(';').next(),
            Some(expected)
        );
    }

    #[test]
    fn what_cannot_be_copied_is_refused() {
        check_copy("no.toml", "x.toml", "x", "there is no scheme at `no.toml`");
        check_copy(
            "one.toml",
            "bank/two.toml",
            "x",
            "there is a scheme at `bank/two.toml` already",
        );
        check_copy(
            "one.toml",
            "x.toml",
            "two",
            "`two` is the name of the scheme at `bank/two.toml`",
        );
        check_copy(
            "bank/broken.toml",
            "x.toml",
            "x",
            "the scheme at `bank/broken.toml` is not in order",
        );
        for path in ["../x.toml", "/x.toml", "a//b.toml", "x", "X.toml", ".toml"] {
            check_copy(
                "one.toml",
                path,
                "x",
                &format!("`{path}` is no place in the library"),
            );
        }
    }

    #[test]
    fn a_move_writes_before_it_removes() {
        let mut library = library();
        let changes = library.move_to("one.toml", "bank/one.toml").unwrap();
        assert!(matches!(
            changes.as_slice(),
            [FileChange::Write { .. }, FileChange::Remove { .. }]
        ));
        assert_eq!(library.folder("").1, Vec::<&str>::new());
        let twice = Library::load([
            ("a.toml".to_owned(), text("same")),
            ("b.toml".to_owned(), text("same")),
        ]);
        assert_eq!(twice.unwrap().names_taken_twice().len(), 1);
    }

    #[test]
    fn meters_of_a_scheme_are_named_once() {
        let pair = |scheme: &str, meter: &str| (scheme.parse().unwrap(), meter.parse().unwrap());
        let pairs = [
            pair("a", "m2"),
            pair("a", "m1"),
            pair("b", "m3"),
            pair("a", "m2"),
        ];
        let used = where_used(&"a".parse().unwrap(), &pairs);
        let used: Vec<String> = used.iter().map(ToString::to_string).collect();
        assert_eq!(used, ["m1", "m2"]);
    }
}
