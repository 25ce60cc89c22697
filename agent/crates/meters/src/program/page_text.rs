//! Pages without a published layout as a file that people can read, compare and sign: an image of a
//! golden meter, or a recorded sequence of writes.

use super::place::PACKET_OCTETS;
use super::write_set::SetWrite;
use crate::catalogue::complaint::Notebook;
use crate::catalogue::{Complaint, Phase};
use iec62056_21::codec::octets_of;
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// Octets of such a file: what a gateway keeps of one document.
const FILE_OCTETS_MAX: usize = 256 * 1024;
/// Pages of one image, or writes of one set.
const ROWS_MAX: usize = 1024;
/// The last packet that an identity can have.
const PACKETS_MAX: u16 = 0xfff;

/// Which of the two a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageForm {
    /// Pages of a golden meter.
    GoldenImage,
    /// A recorded sequence of writes.
    WriteSet,
}

impl PageForm {
    /// What a file says of its form, and the edition of it.
    pub fn word(self) -> &'static str {
        match self {
            Self::GoldenImage => "pmu-golden-image/1",
            Self::WriteSet => "pmu-write-set/1",
        }
    }

    /// What a text says that it is; nothing where it is another kind of document.
    pub fn of(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        if text.len() > FILE_OCTETS_MAX {
            return None;
        }
        let head = toml::from_str::<Head>(text).ok()?;
        let forms = [Self::GoldenImage, Self::WriteSet];
        forms.into_iter().find(|form| form.word() == head.format)
    }

    /// Whole pages, or what goes into one packet.
    fn octets_max(self) -> usize {
        match self {
            Self::GoldenImage => usize::from(u16::MAX),
            Self::WriteSet => usize::from(PACKET_OCTETS),
        }
    }
}

/// What stands in such a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageText {
    pub(super) name: String,
    pub(super) model: String,
    pub(super) variant: Option<String>,
    pub(super) firmware: String,
    pub(super) source: String,
    /// SHA-256 of model, firmware and pages.
    pub(super) digest: Option<String>,
    pub(super) rows: Vec<SetWrite>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PageFile {
    format: String,
    name: String,
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    firmware: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default)]
    page: Vec<Spanned<RowFile>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RowFile {
    name: Option<String>,
    identity: u16,
    #[serde(default = "first")]
    packet: u16,
    data: String,
    #[serde(default = "tariff")]
    phase: Phase,
    #[serde(default)]
    clears_profile: bool,
}

fn first() -> u16 {
    1
}

/// What is written as pages is mostly a tariff.
fn tariff() -> Phase {
    Phase::Tariff
}

impl PageText {
    pub(super) fn write(&self, form: PageForm) -> String {
        let rows = self.rows.iter().map(|row| {
            let file = RowFile {
                name: Some(row.name.clone()),
                identity: row.identity,
                packet: row.packet,
                data: digits(&row.octets),
                phase: row.phase,
                clears_profile: row.clears_profile,
            };
            Spanned::new(0..0, file)
        });
        let file = PageFile {
            format: form.word().to_owned(),
            name: self.name.clone(),
            model: self.model.clone(),
            variant: self.variant.clone(),
            firmware: self.firmware.clone(),
            source: self.source.clone(),
            digest: self.digest.clone(),
            page: rows.collect(),
        };
        toml::to_string(&file).unwrap_or_default()
    }

    /// What a file says, and the notebook for what else is wrong with it.
    pub(super) fn read<'t>(
        form: PageForm,
        name: &'t str,
        text: &'t str,
    ) -> Result<(Self, Notebook<'t>), Vec<Complaint>> {
        let mut notes = Notebook::new(name, text);
        if text.len() > FILE_OCTETS_MAX {
            notes.note_file("the file is too large", "leave pages out");
            return Err(notes.into_complaints());
        }
        let file = match toml::from_str::<PageFile>(text) {
            Ok(file) => file,
            Err(error) => {
                notes.note_toml(&error);
                return Err(notes.into_complaints());
            }
        };
        if file.format != form.word() {
            let problem = "it is of no form that is known here";
            notes.note_word("format", "format", problem, form.word());
        }
        if let Some(item) = file.page.get(ROWS_MAX) {
            let remedy = "leave some out, or make two files of it";
            notes.note(&item.span(), "page", "there are too many pages", remedy);
        }
        let rows = file.page.iter().take(ROWS_MAX);
        let rows = rows
            .filter_map(|item| row(form, item, &mut notes))
            .collect();
        let text = Self {
            name: file.name,
            model: file.model,
            variant: file.variant,
            firmware: file.firmware,
            source: file.source,
            digest: file.digest,
            rows,
        };
        Ok((text, notes))
    }
}

fn row(form: PageForm, item: &Spanned<RowFile>, notes: &mut Notebook<'_>) -> Option<SetWrite> {
    let row = item.as_ref();
    let is_place = row.identity <= 999 && (1..=PACKETS_MAX).contains(&row.packet);
    if !is_place || form == PageForm::GoldenImage && row.packet != 1 {
        let remedy = "use identities to 999; packets from 1 to 4095 in a write set, whole pages in an \
                      image";
        notes.note(&item.span(), "page", "there is no such packet", remedy);
        return None;
    }
    if row.phase == Phase::Password {
        let problem = "a password does not travel in a file that people read";
        let remedy = "take the page out, and change passwords with a command for that";
        notes.note(&item.span(), "page.phase", problem, remedy);
        return None;
    }
    let max = form.octets_max();
    let octets = hex_octets(&row.data).filter(|octets| (1..=max).contains(&octets.len()));
    let Some(octets) = octets else {
        let problem = format!("its data are no 1 to {max} octets in hexadecimal digits");
        notes.note(&item.span(), "page.data", problem, "correct them");
        return None;
    };
    let number = || format!("{:03}{:03X}", row.identity, row.packet);
    Some(SetWrite {
        name: row.name.clone().unwrap_or_else(number),
        identity: row.identity,
        packet: row.packet,
        octets,
        phase: row.phase,
        clears_profile: row.clears_profile,
    })
}

/// Octets as hexadecimal digits.
fn digits(octets: &[u8]) -> String {
    let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Octets of hexadecimal digits, with spaces between them or not.
pub(super) fn hex_octets(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_whitespace().collect();
    octets_of(&digits.to_ascii_uppercase()).ok()
}

/// What a fuzz target calls: a write set, an image, a recording.
///
/// # Panics
///
/// When a file that is read is not written as it was.
pub fn fuzz_files(text: &str) {
    use super::{GoldenImage, WriteSet};
    if let Ok(set) = WriteSet::parse("x.toml", text) {
        assert_eq!(PageForm::of(text), Some(PageForm::WriteSet));
        let again = WriteSet::parse("x.toml", &set.to_text());
        assert_eq!(again, Ok(set), "a set is written as it was read");
    }
    if let Ok(image) = GoldenImage::parse("x.toml", text) {
        assert_eq!(PageForm::of(text), Some(PageForm::GoldenImage));
        let again = GoldenImage::parse("x.toml", &image.to_text());
        assert_eq!(again, Ok(image), "an image is written as it was read");
    }
    let head = WriteSet {
        name: String::new(),
        model: String::new(),
        firmware: String::new(),
        source: String::new(),
        writes: Vec::new(),
    };
    if let Ok((set, _)) = WriteSet::from_recording(&head, "x.txt", text, &[]) {
        assert_eq!(set.differences(&set), [], "a set is as itself");
        let again = WriteSet::parse("x.toml", &set.to_text());
        assert_eq!(again, Ok(set), "a recording is written as it was read");
    }
}
