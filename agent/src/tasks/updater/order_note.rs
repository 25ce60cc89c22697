//! The order that is being carried out, on the disk: after a power cut the same download goes on.

use bootloader_verify::{Slot, from_hex};
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
        keep(file, &self.text())
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

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderEnd {
    pub(crate) note: OrderNote,
    /// Where the system lies that was installed; or why none was.
    pub(crate) tried: Result<Tried, String>,
}

/// A system that was installed by an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(crate) slot: Slot,
    pub(crate) version: String,
    pub(crate) counter: u64,
    /// A reboot was wished for.
    pub(crate) is_wished: bool,
}

impl OrderEnd {
    fn text(&self) -> String {
        let note = self.note.text();
        match &self.tried {
            Ok(tried) => format!(
                "{note}slot {}\nversion {}\ncounter {}\nwished {}\n",
                tried.slot, tried.version, tried.counter, tried.is_wished
            ),
            Err(words) => format!("{note}failed {}\n", words.replace('\n', " ")),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |wanted: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(' '));
            lines
                .find(|(key, _)| *key == wanted)
                .map(|(_, value)| value.to_owned())
        };
        let note = OrderNote::parse(text)?;
        if let Some(words) = value("failed") {
            let tried = Err(words);
            return Some(Self { note, tried });
        }
        let tried = Tried {
            slot: Slot::of_letter(&value("slot")?)?,
            version: value("version")?,
            counter: value("counter")?.parse().ok()?,
            is_wished: value("wished")?.parse().ok()?,
        };
        Some(Self {
            note,
            tried: Ok(tried),
        })
    }

    /// What an earlier run left; a note that cannot be read is none.
    pub(crate) fn load(file: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(file).ok()?)
    }

    /// Whole or not at all.
    pub(crate) fn save(&self, file: &Path) -> io::Result<()> {
        keep(file, &self.text())
    }
}

fn keep(file: &Path, text: &str) -> io::Result<()> {
    let beside = file.with_extension("new");
    let mut out = std::fs::File::create(&beside)?;
    out.write_all(text.as_bytes())?;
    out.sync_data()?;
    std::fs::rename(&beside, file)?;
    file.parent()
        .map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
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

    #[test]
    fn an_end_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("update-ended");
        let tried = Tried {
            slot: Slot::B,
            version: "2.0.0".to_owned(),
            counter: 6,
            is_wished: true,
        };
        for tried in [Ok(tried), Err("it was cancelled".to_owned())] {
            let note = note(Source::HeadEnd);
            let end = OrderEnd { note, tried };
            end.save(&file).unwrap();
            assert_eq!(OrderEnd::load(&file), Some(end));
        }
    }

    proptest! {
        #[test]
        fn no_note_makes_the_parser_panic(text in "\\PC*", lines in "((sha256|bytes|kept|file|from|slot|version|wished) [0-9a-f]*\n)*") {
            drop(OrderEnd::parse(&text));
            drop(OrderEnd::parse(&lines));
            drop(OrderNote::parse(&text));
            drop(OrderNote::parse(&lines));
        }
    }
}
