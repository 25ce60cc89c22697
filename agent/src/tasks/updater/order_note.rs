//! The order that is being carried out, on the disk: after a power cut the same download goes on.

use bootloader_verify::from_hex;
use ota::Order;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    Address(String),
    /// Over the broker.
    HeadEnd,
}

/// An order, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderNote {
    pub(crate) order: Order,
    pub(crate) source: Source,
    /// Bytes of the image file that are in the slot.
    pub(crate) kept: u64,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Address(address) => f.write_str(address),
            Self::HeadEnd => f.write_str("the head-end"),
        }
    }
}

impl OrderNote {
    fn text(&self) -> String {
        let kind = match self.source {
            Source::File(_) => "file",
            Source::Address(_) => "address",
            Source::HeadEnd => "from",
        };
        let sha256 = crate::hex::hex(&self.order.sha256);
        format!(
            "sha256 {sha256}\nbytes {}\nkept {}\n{kind} {}\n",
            self.order.bytes, self.kept, self.source
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |wanted: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(' '));
            lines
                .find(|(key, _)| *key == wanted)
                .map(|(_, value)| value)
        };
        let file = value("file").map(|file| Source::File(PathBuf::from(file)));
        let address = || value("address").map(|address| Source::Address(address.to_owned()));
        let head_end = || {
            let is_ours = value("from").is_some_and(|from| from == Source::HeadEnd.to_string());
            is_ours.then_some(Source::HeadEnd)
        };
        Some(Self {
            order: Order {
                sha256: from_hex(value("sha256")?)?,
                bytes: value("bytes")?.parse().ok()?,
            },
            kept: value("kept")?.parse().ok()?,
            source: file.or_else(address).or_else(head_end)?,
        })
    }

    /// What an earlier run left; a note that cannot be read is none.
    pub(crate) fn load(file: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(file).ok()?)
    }

    /// Whole or not at all. It is a hint: what it says is checked against the slot.
    pub(crate) fn save(&self, file: &Path) -> io::Result<()> {
        let beside = file.with_extension("new");
        let mut out = std::fs::File::create(&beside)?;
        out.write_all(self.text().as_bytes())?;
        out.sync_data()?;
        std::fs::rename(&beside, file)
    }

    /// The order is done with.
    pub(crate) fn forget(file: &Path) {
        if let Err(error) = std::fs::remove_file(file)
            && error.kind() != io::ErrorKind::NotFound
        {
            log::warn!(error:%; "{}: the note of an order cannot be removed", file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn note(source: Source) -> OrderNote {
        OrderNote {
            order: Order {
                sha256: [7; 32],
                bytes: 1000,
            },
            source,
            kept: 500,
        }
    }

    #[test]
    fn a_note_is_read_as_it_was_written_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("update-order");
        assert_eq!(OrderNote::load(&file), None);
        for source in [
            Source::File(PathBuf::from("/a b/c.pmuimg")),
            Source::Address("http://a/b".to_owned()),
            Source::HeadEnd,
        ] {
            note(source.clone()).save(&file).unwrap();
            assert_eq!(OrderNote::load(&file), Some(note(source)));
        }
        OrderNote::forget(&file);
        OrderNote::forget(&file);
        assert_eq!(OrderNote::load(&file), None);
    }

    proptest! {
        #[test]
        fn no_note_makes_the_parser_panic(text in "\\PC*", lines in "((sha256|bytes|kept|file|from) [0-9a-f]*\n)*") {
            drop(OrderNote::parse(&text));
            drop(OrderNote::parse(&lines));
        }
    }
}
