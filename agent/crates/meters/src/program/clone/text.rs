//! An image of a golden meter as a file that people can read, compare and sign.

use super::{ClonePage, GoldenImage};
use crate::catalogue::complaint::Notebook;
use crate::catalogue::{Complaint, Phase};
use crate::program::write_set::hex_octets;
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// The form, and its edition.
const FORMAT: &str = "pmu-golden-image/1";
/// Octets of such a file: all pages of a meter have less than 64 KiB.
const FILE_OCTETS_MAX: usize = 512 * 1024;
/// Pages of one image.
const PAGES_MAX: usize = 512;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ImageFile {
    format: String,
    model: String,
    variant: String,
    firmware: String,
    meter: String,
    /// SHA-256 of model, firmware and pages.
    digest: String,
    #[serde(default)]
    page: Vec<Spanned<PageFile>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PageFile {
    name: String,
    identity: u16,
    octets: u16,
    phase: Phase,
    #[serde(default)]
    clears_profile: bool,
    data: String,
}

impl GoldenImage {
    /// As a file.
    pub fn to_text(&self) -> String {
        let pages = self.pages.iter().map(|(page, octets)| {
            let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
            let file = PageFile {
                name: page.name.clone(),
                identity: page.identity,
                octets: page.octets,
                phase: page.phase,
                clears_profile: page.clears_profile,
                data: digits
                    .filter_map(|digit| char::from_digit(digit.into(), 16))
                    .collect(),
            };
            Spanned::new(0..0, file)
        });
        let file = ImageFile {
            format: FORMAT.to_owned(),
            model: self.model.clone(),
            variant: self.variant.clone(),
            firmware: self.firmware.clone(),
            meter: self.meter.clone(),
            digest: self.digest().to_string(),
            page: pages.collect(),
        };
        toml::to_string(&file).unwrap_or_default()
    }

    /// From a file; its digest must be that of its pages.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Complaint>> {
        let mut notes = Notebook::new(name, text);
        if text.len() > FILE_OCTETS_MAX {
            notes.note_file("the file is too large", "this is no image of a meter");
            return Err(notes.into_complaints());
        }
        let file = match toml::from_str::<ImageFile>(text) {
            Ok(file) => file,
            Err(error) => {
                notes.note_toml(&error);
                return Err(notes.into_complaints());
            }
        };
        if file.format != FORMAT {
            notes.note_word("format", "format", "it is of no form that is known", FORMAT);
        }
        let pages = pages(&file, &mut notes);
        let image = Self {
            model: file.model,
            variant: file.variant,
            firmware: file.firmware,
            meter: file.meter,
            pages,
        };
        if image.digest().to_string() != file.digest {
            let problem = "the pages are not those that were read";
            notes.note_word("digest", "digest", problem, "read the golden meter again");
        }
        let complaints = notes.into_complaints();
        if complaints.is_empty() {
            Ok(image)
        } else {
            Err(complaints)
        }
    }
}

fn pages(file: &ImageFile, notes: &mut Notebook) -> Vec<(ClonePage, Vec<u8>)> {
    if let Some(item) = file.page.get(PAGES_MAX) {
        notes.note(
            &item.span(),
            "page",
            "there are too many pages",
            "leave some out",
        );
    }
    let mut pages: Vec<(ClonePage, Vec<u8>)> = Vec::new();
    for item in file.page.iter().take(PAGES_MAX) {
        let page = item.as_ref();
        let octets = hex_octets(&page.data);
        let octets = octets.filter(|octets| octets.len() == usize::from(page.octets));
        let is_new = !pages
            .iter()
            .any(|(other, _)| other.identity == page.identity);
        let Some(octets) = octets.filter(|octets| is_new && !octets.is_empty()) else {
            let problem = "its data are not as long as it says, or it stands twice";
            notes.note(&item.span(), "page", problem, "read the golden meter again");
            continue;
        };
        let page = ClonePage {
            name: page.name.clone(),
            identity: page.identity,
            octets: page.octets,
            phase: page.phase,
            clears_profile: page.clears_profile,
        };
        pages.push((page, octets));
    }
    pages
}
