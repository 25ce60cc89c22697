//! What a file looks like, by what is in it. A name alone recognises nothing: any file can be
//! called `.RES`.

use crate::sheet;
use std::fmt;

/// What a file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LooksLike {
    /// A network map.
    NetworkMap,
    /// The neutral table of registers.
    NeutralRegisters,
    /// The neutral table of calendars.
    NeutralCalendar,
    /// A neutral site file.
    NeutralSite,
    /// There is nothing in it.
    Empty,
    /// A file of a known general kind; the words say which.
    Container(&'static str),
    /// Lines of text.
    Text,
    /// Anything else.
    Binary,
}

/// What is said about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognition {
    /// By its contents.
    pub looks_like: LooksLike,
    /// What its name says it is; not proven by anything.
    pub called: Option<&'static str>,
}

/// Octets with which general kinds of files begin, and where these stand.
const CONTAINERS: [(usize, &[u8], &str); 11] = [
    (4, b"Standard Jet DB", "a Microsoft Access database"),
    (4, b"Standard ACE DB", "a Microsoft Access database"),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an OLE container, as of old Office files",
    ),
    (0, b"PK\x03\x04", "a ZIP archive, as of new Office files"),
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"MSCF", "a Windows cabinet"),
    (0, b"MZ", "a Windows program"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"<?xml", "an XML document"),
    (0, b"{\\rtf", "an RTF document"),
];

/// Endings that older programs used, as far as is known.
const CALLED: [(&str, &str); 2] = [
    (".res", "a result file of Power Master Unit"),
    (".bud", "a file of a hand-held unit"),
];

/// Control characters that text has.
const OF_TEXT: [u8; 5] = [b'\t', b'\n', b'\r', 0x0c, 0x1a];

/// Says what a file looks like. Nothing is read beyond its first octets and its header.
pub fn recognise(bytes: &[u8], name: &str) -> Recognition {
    let lower = name.to_ascii_lowercase();
    let called = CALLED
        .into_iter()
        .find(|(ending, _)| lower.ends_with(ending));
    Recognition {
        looks_like: look(bytes),
        called: called.map(|(_, words)| words),
    }
}

fn look(bytes: &[u8]) -> LooksLike {
    if bytes
        .iter()
        .all(|octet| octet.is_ascii_whitespace() || *octet == 0)
    {
        return LooksLike::Empty;
    }
    let begins = |(at, magic, _): &(usize, &[u8], &str)| {
        bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic))
    };
    if let Some((_, _, words)) = CONTAINERS.iter().find(|known| begins(known)) {
        return LooksLike::Container(words);
    }
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let is_text = head
        .iter()
        .all(|octet| *octet >= b' ' || OF_TEXT.contains(octet));
    if !is_text {
        return LooksLike::Binary;
    }
    if has_mark(head) {
        return LooksLike::NeutralSite;
    }
    let names = sheet::header_names(head);
    let has = |needed: &[&str]| {
        let found = |needed: &&str| names.iter().any(|name| name == needed);
        needed.iter().all(found)
    };
    if has(crate::site::NEEDED_COLUMNS) {
        LooksLike::NetworkMap
    } else if has(super::register::COLUMNS.needed) {
        LooksLike::NeutralRegisters
    } else if has(super::calendar::COLUMNS.needed) {
        LooksLike::NeutralCalendar
    } else {
        LooksLike::Text
    }
}

/// Whether the mark of a neutral site file stands above its tables. The file itself may be damaged:
/// then its reader says where.
fn has_mark(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines().map(str::trim_start);
    let above = lines.by_ref().take_while(|line| !line.starts_with('['));
    above
        .filter_map(|line| line.strip_prefix(super::keys::MARK))
        .any(|rest| rest.trim_start().starts_with('='))
}

impl Recognition {
    /// There is an importer for it.
    pub const fn is_taken(&self) -> bool {
        matches!(
            self.looks_like,
            LooksLike::NetworkMap
                | LooksLike::NeutralRegisters
                | LooksLike::NeutralCalendar
                | LooksLike::NeutralSite
        )
    }
}

/// What an operator reads.
impl fmt::Display for Recognition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.looks_like {
            LooksLike::NetworkMap => return f.write_str("a network map; it can be imported"),
            LooksLike::NeutralRegisters => {
                return f.write_str("neutral registers; they can be imported");
            }
            LooksLike::NeutralCalendar => {
                return f.write_str("neutral calendars; they can be imported");
            }
            LooksLike::NeutralSite => {
                return f.write_str("a neutral site file; it can be imported");
            }
            LooksLike::Empty => "an empty file",
            LooksLike::Container(words) => words,
            LooksLike::Text => "lines of text",
            LooksLike::Binary => "binary data of no known kind",
        };
        f.write_str("not recognised – send us samples, nothing was changed. It looks like ")?;
        f.write_str(words)?;
        if let Some(called) = self.called {
            write!(
                f,
                ", and is named like {called}, whose layout is not public"
            )?;
        }
        f.write_str("; meters, registers and calendars can be carried over as tables or as one TOML file, see docs/standards/legacy-files.md")
    }
}
