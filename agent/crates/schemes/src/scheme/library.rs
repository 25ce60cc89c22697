//! The folder of schemes as the Scheme Manager shows it: files in, changes of files out. Whoever
//! has the disk does the changes.

use super::read::parse_scheme;
use crate::complaint::Complaints;
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
    /// Its text is wrong.
    #[error("{0}")]
    NotInOrder(Complaints),
    /// It is for other meters than before.
    #[error("`{path}` is for {is}; copy it to make one for other meters")]
    TypeFixed {
        /// Its path.
        path: String,
        /// The type that it keeps.
        is: Label,
    },
    /// Something else has that version.
    #[error(
        "`{path}` is saved with version {version} already; give what has changed a higher version"
    )]
    VersionTaken {
        /// Its path.
        path: String,
        /// The version that is there.
        version: u32,
    },
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

    /// Saves a scheme, new or changed. What is there keeps its meter type, and a change raises the
    /// version; the same once more is no change.
    pub fn save(&mut self, path: &str, text: &str) -> Result<Vec<FileChange>, LibraryFault> {
        check_path(path)?;
        let new = parse_scheme(path, text).map_err(LibraryFault::NotInOrder)?;
        let taken = self.named(&new.name).filter(|(place, _)| *place != path);
        if let Some((place, _)) = taken {
            let path = place.to_owned();
            return Err(LibraryFault::NameTaken {
                name: new.name,
                path,
            });
        }
        let entry = self.entries.get(path);
        if entry.is_none() && self.entries.len() >= SCHEMES_MAX {
            return Err(LibraryFault::Full);
        }
        if let Some(old) = entry.and_then(|entry| entry.scheme.as_ref().ok()) {
            let path = path.to_owned();
            if old.meter_type != new.meter_type {
                let is = old.meter_type.clone();
                return Err(LibraryFault::TypeFixed { path, is });
            }
            if *old != new && new.version <= old.version {
                let version = old.version;
                return Err(LibraryFault::VersionTaken { path, version });
            }
        }
        self.put(path.to_owned(), text.to_owned());
        let (path, text) = (path.to_owned(), text.to_owned());
        Ok(vec![FileChange::Write { path, text }])
    }

    /// Removes a scheme. Whether meters use it is for [`where_used`] to say.
    pub fn remove(&mut self, path: &str) -> Result<Vec<FileChange>, LibraryFault> {
        let removed = self.entries.remove(path);
        removed.ok_or_else(|| LibraryFault::Absent(path.to_owned()))?;
        let path = path.to_owned();
        Ok(vec![FileChange::Remove { path }])
    }

    /// Moves a folder with all that is in it: all of it, or nothing.
    pub fn move_folder(&mut self, from: &str, to: &str) -> Result<Vec<FileChange>, LibraryFault> {
        let inside = format!("{from}/");
        if to == from || to.starts_with(&inside) {
            return Err(LibraryFault::Path(crate::complaint::shown(to)));
        }
        let paths = self.entries.keys();
        let paths: Vec<String> = paths
            .filter(|path| path.starts_with(&inside))
            .cloned()
            .collect();
        if paths.is_empty() {
            return Err(LibraryFault::Absent(crate::complaint::shown(from)));
        }
        let target = |path: &str| {
            let rest = path.strip_prefix(&inside).unwrap_or(path);
            format!("{to}/{rest}")
        };
        for path in &paths {
            self.free(&target(path))?;
        }
        let mut changes = Vec::new();
        for path in &paths {
            changes.extend(self.move_to(path, &target(path))?);
        }
        Ok(changes)
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
pub fn where_used<'p, N: PartialEq + 'p>(
    name: &N,
    pairs: impl IntoIterator<Item = &'p (N, MeterId)>,
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
        Err(LibraryFault::Path(crate::complaint::shown(path)))
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
mod tests;
