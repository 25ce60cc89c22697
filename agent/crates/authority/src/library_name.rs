//! Names of schemes and meter lists.

use crate::limits::{LIBRARY_LEVELS_MAX, LIBRARY_NAME_BYTES_MAX};
use std::fmt;
use std::str::FromStr;

/// The name of a scheme or meter list in its folders: `north/domestic/summer-2027`.
///
/// It can be a path below a folder and nothing else: no dots, no empty level, no level above.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibraryName(String);

/// Text that is no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a scheme or list; use up to 8 levels of a-z, 0-9 and -, as in north/summer-2027"
)]
pub struct InvalidLibraryName(String);

impl LibraryName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LibraryName {
    type Err = InvalidLibraryName;

    fn from_str(text: &str) -> Result<Self, InvalidLibraryName> {
        let is_level = |level: &str| {
            (1..=40).contains(&level.len())
                && !level.starts_with('-')
                && level
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let is_short = text.len() <= LIBRARY_NAME_BYTES_MAX;
        let levels = text.split('/').take(LIBRARY_LEVELS_MAX + 1);
        if is_short && levels.clone().count() <= LIBRARY_LEVELS_MAX && levels.clone().all(is_level)
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLibraryName(text.chars().take(60).collect()))
        }
    }
}

impl fmt::Display for LibraryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LibraryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, good: bool) {
        assert_eq!(text.parse::<LibraryName>().is_ok(), good, "{text:?}");
    }

    #[test]
    fn a_name_stays_below_its_folder() {
        check("summer", true);
        check("north/domestic/summer-2027", true);
        check("", false);
        check("/etc", false);
        check("a//b", false);
        check("a/", false);
        check("../a", false);
        check("a.toml", false);
        check("Summer", false);
        check("a/b/c/d/e/f/g/h", true);
        check("a/b/c/d/e/f/g/h/i", false);
        check(&"x".repeat(41), false);
    }
}
