//! A write set as a file, and a recording as lines of hexadecimal digits.

use super::{PACKET_OCTETS, SetWrite, WriteSet, hex_octets};
use crate::catalogue::complaint::Notebook;
use crate::catalogue::{Complaint, Phase};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// The form, and its edition.
const FORMAT: &str = "pmu-write-set/1";
/// Octets of such a file.
const FILE_OCTETS_MAX: usize = 512 * 1024;
/// Writes of one set.
const WRITES_MAX: usize = 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SetFile {
    format: String,
    name: String,
    model: String,
    firmware: String,
    source: String,
    #[serde(default)]
    write: Vec<Spanned<WriteFile>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WriteFile {
    name: Option<String>,
    identity: u16,
    packet: u16,
    data: String,
    #[serde(default = "tariff")]
    phase: Phase,
    #[serde(default)]
    clears_profile: bool,
}

/// What the maker's program writes last is mostly a tariff.
fn tariff() -> Phase {
    Phase::Tariff
}

impl WriteSet {
    /// As a file.
    pub fn to_text(&self) -> String {
        let writes = self.writes.iter().map(|write| {
            let digits = write
                .octets
                .iter()
                .flat_map(|octet| [octet >> 4, octet & 0xf]);
            let file = WriteFile {
                name: Some(write.name.clone()),
                identity: write.identity,
                packet: write.packet,
                data: digits
                    .filter_map(|digit| char::from_digit(digit.into(), 16))
                    .collect(),
                phase: write.phase,
                clears_profile: write.clears_profile,
            };
            Spanned::new(0..0, file)
        });
        let file = SetFile {
            format: FORMAT.to_owned(),
            name: self.name.clone(),
            model: self.model.clone(),
            firmware: self.firmware.clone(),
            source: self.source.clone(),
            write: writes.collect(),
        };
        toml::to_string(&file).unwrap_or_default()
    }

    /// From a file.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Complaint>> {
        let mut notes = Notebook::new(name, text);
        if text.len() > FILE_OCTETS_MAX {
            notes.note_file("the file is too large", "this is no write set");
            return Err(notes.into_complaints());
        }
        let file = match toml::from_str::<SetFile>(text) {
            Ok(file) => file,
            Err(error) => {
                notes.note_toml(&error);
                return Err(notes.into_complaints());
            }
        };
        if file.format != FORMAT {
            notes.note_word("format", "format", "it is of no form that is known", FORMAT);
        }
        if let Some(item) = file.write.get(WRITES_MAX) {
            notes.note(
                &item.span(),
                "write",
                "there are too many writes",
                "make two sets of it",
            );
        }
        let mut writes = Vec::new();
        for item in file.write.iter().take(WRITES_MAX) {
            let write = item.as_ref();
            let is_place = write.identity <= 999 && (1..=0xfff).contains(&write.packet);
            if !is_place {
                let problem = "there is no such packet";
                let remedy = "use identities to 999 and packets from 1 to 4095";
                notes.note(&item.span(), "write", problem, remedy);
                continue;
            }
            let octets = hex_octets(&write.data);
            let max = usize::from(PACKET_OCTETS);
            let Some(octets) = octets.filter(|octets| (1..=max).contains(&octets.len())) else {
                let problem = "its data are no 1 to 64 octets in hexadecimal digits";
                notes.note(&item.span(), "write.data", problem, "correct them");
                continue;
            };
            let number = format!("{:03}{:03X}", write.identity, write.packet);
            writes.push(SetWrite {
                name: write.name.clone().unwrap_or(number),
                identity: write.identity,
                packet: write.packet,
                octets,
                phase: write.phase,
                clears_profile: write.clears_profile,
            });
        }
        let complaints = notes.into_complaints();
        if !complaints.is_empty() {
            return Err(complaints);
        }
        Ok(Self {
            name: file.name,
            model: file.model,
            firmware: file.firmware,
            source: file.source,
            writes,
        })
    }

    /// Frames of a recording, one a line: hexadecimal digits, with a direction before them or not.
    /// Lines that are none are passed over.
    pub fn frames_of(text: &str) -> Vec<Vec<u8>> {
        let lines = text.lines().take(WRITES_MAX * 64);
        let frames = lines.filter_map(|line| {
            let line = line.trim().trim_start_matches(['>', '<', ' ']);
            hex_octets(line).filter(|octets| !octets.is_empty())
        });
        frames.collect()
    }
}

/// What a fuzz target calls: a write set, an image, a recording.
///
/// # Panics
///
/// When a file that is read is not written as it was.
pub fn fuzz_files(text: &str) {
    if let Ok(set) = WriteSet::parse("x.toml", text) {
        let again = WriteSet::parse("x.toml", &set.to_text());
        assert_eq!(again, Ok(set), "a set is written as it was read");
    }
    if let Ok(image) = super::super::clone::GoldenImage::parse("x.toml", text) {
        let again = super::super::clone::GoldenImage::parse("x.toml", &image.to_text());
        assert_eq!(again, Ok(image), "an image is written as it was read");
    }
    let frames = WriteSet::frames_of(text);
    let head = WriteSet {
        name: String::new(),
        model: String::new(),
        firmware: String::new(),
        source: String::new(),
        writes: Vec::new(),
    };
    let (set, _) = WriteSet::from_frames(&head, frames.iter().map(Vec::as_slice));
    assert!(
        set.differences(&set).is_empty(),
        "a set does not differ from itself"
    );
}
