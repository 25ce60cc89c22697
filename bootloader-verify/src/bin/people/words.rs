//! What a verdict means to a person, and what to do about it.

use bootloader_verify::Refusal;
use std::fmt;

/// Why an image is not taken: what the boot program says too, and what only a whole file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    Refused(Refusal),
    /// The file is longer or shorter than the manifest says.
    Length,
    /// File system and tree fit the root, but are not what is announced for sending.
    ImageHash,
    /// The boot payload is another one.
    Payload,
}

impl From<Refusal> for Finding {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(refusal) => refusal.word(),
            Self::Length => "length",
            Self::ImageHash => "image-sha256",
            Self::Payload => "payload",
        })
    }
}

impl Finding {
    /// What it means and what helps.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Length => {
                "the file is longer or shorter than its manifest says; fetch or copy it again"
            }
            Self::ImageHash => {
                "the hash for sending is not that of the image; sign the image again"
            }
            Self::Payload => {
                "the boot payload is not the one that was signed; take both from the same image"
            }
            Self::Refused(refusal) => words_of(refusal),
        }
    }
}

fn words_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Empty => {
            "no image is there; for a slot say --slot, for an image's file leave it out"
        }
        Refusal::Form => {
            "the manifest is damaged or none; for a slot say --slot, else fetch the file again"
        }
        Refusal::Signature => {
            "the manifest is not what its key signed; it was damaged or changed: fetch it again"
        }
        Refusal::Key => {
            "it is signed by a key that is not trusted; is this the file of keys of that gateway?"
        }
        Refusal::Role => {
            "it is for the other role: a slot's image never recovers, recovery never meters"
        }
        Refusal::Product => "it is of another product",
        Refusal::Board => "it is for another board; take the image for this one",
        Refusal::Arch => "it is for another processor; take the image for this one",
        Refusal::Floor => {
            "its security counter is below the floor: a hole that is closed would open again; \
             take a newer image"
        }
        Refusal::Kernel => "it holds modules of another kernel than the one that runs",
        Refusal::Geometry => "it does not fit into its place; the slot is too small or cut off",
        Refusal::Gap => {
            "bytes between tree and manifest are not zero; write the slot again from its image"
        }
        Refusal::Content => {
            "a block of the file system or its tree is not what was signed; fetch or write it again"
        }
        Refusal::Mount => "the kernel could not map or mount it",
        Refusal::Device => "it cannot be read; is the medium worn out?",
        Refusal::Expired => "it is past its date for installation; take a newer image",
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// One line each, name and value.
pub(crate) fn table(lines: &[(&str, String)]) -> String {
    lines
        .iter()
        .flat_map(|(name, value)| [name, " ", value.as_str(), "\n"])
        .collect()
}
