//! Pages of a golden meter, written to others of its model and firmware.

use super::fault::Misfit;
use super::fingerprint::Digest;
use super::flag_plan::{FlagGround, place_of};
use super::page_text::{PageForm, PageText};
use super::place::Place;
use super::plan::{Guard, PlanItem, ProgramPlan, Role};
use super::write_set::SetWrite;
use crate::catalogue::flag::{FlagLayout, FlagModel};
use crate::catalogue::{Complaint, Phase};

use std::fmt;

mod reading;

pub use reading::{GoldenReading, LeftOutPage};

#[cfg(test)]
mod tests;

/// A page that a site names itself: its identity is known, and nobody says what its octets mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClonePage {
    /// What people call it.
    pub name: String,
    /// Which identity.
    pub identity: u16,
    /// How many octets.
    pub octets: u16,
    /// When it is written.
    pub phase: Phase,
    /// Whether stored load profiles are lost with it.
    pub clears_profile: bool,
}

/// What a golden meter held when its pages were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoldenImage {
    /// Its name, as a gateway's library keeps it; empty as long as nobody gave one.
    pub name: String,
    /// Its model, as the gateway's files call it.
    pub model: String,
    /// Its variant.
    pub variant: String,
    /// What it says of device and firmware: others must say the same.
    pub firmware: String,
    /// Which meter it was.
    pub meter: String,
    /// Its pages.
    pub pages: Vec<(ClonePage, Vec<u8>)>,
}

/// Where two images differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageDifference {
    /// What people call the page.
    pub name: String,
    /// Which identity.
    pub identity: u16,
    /// The first octet that differs.
    pub offset: usize,
    /// What the first image holds there; nothing where it has no such page.
    pub left: Vec<u8>,
    /// What the other one holds there.
    pub right: Vec<u8>,
}

impl fmt::Display for PageDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::fingerprint::hex;
        let (left, right) = (hex(&self.left), hex(&self.right));
        write!(
            f,
            "{} ({:03}) from octet {}: {left} | {right}",
            self.name, self.identity, self.offset
        )
    }
}

/// Pages that a model's settings name, and those of the site.
pub fn clone_pages(model: &FlagModel, variant: &str, own: &[ClonePage]) -> Vec<ClonePage> {
    let settings = model.settings.iter();
    let mut pages: Vec<ClonePage> = settings
        .filter_map(|setting| {
            let row = model.identity(variant, setting.identity)?;
            Some(ClonePage {
                name: setting.name.clone(),
                identity: setting.identity,
                octets: row.octets,
                phase: setting.phase,
                clears_profile: setting.clears_profile,
            })
        })
        .collect();
    let known: Vec<u16> = pages.iter().map(|page| page.identity).collect();
    let own = own.iter().filter(|page| !known.contains(&page.identity));
    pages.extend(own.cloned());
    pages
}

impl GoldenImage {
    /// As a file.
    pub fn to_text(&self) -> String {
        let rows = self.pages.iter().map(|(page, octets)| SetWrite {
            name: page.name.clone(),
            identity: page.identity,
            packet: 1,
            octets: octets.clone(),
            phase: page.phase,
            clears_profile: page.clears_profile,
        });
        let text = PageText {
            name: self.name.clone(),
            model: self.model.clone(),
            variant: Some(self.variant.clone()),
            firmware: self.firmware.clone(),
            source: self.meter.clone(),
            digest: Some(self.digest().to_string()),
            rows: rows.collect(),
        };
        text.write(PageForm::GoldenImage)
    }

    /// From a file; its digest must be that of its pages.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Complaint>> {
        let (file, mut notes) = PageText::read(PageForm::GoldenImage, name, text)?;
        let mut pages: Vec<(ClonePage, Vec<u8>)> = Vec::new();
        for row in file.rows {
            if pages.iter().any(|(page, _)| page.identity == row.identity) {
                let key = format!("page {}", row.identity);
                notes.note_word(&row.name, key, "it stands twice", "remove one of them");
            }
            let page = ClonePage {
                name: row.name,
                identity: row.identity,
                octets: u16::try_from(row.octets.len()).unwrap_or(u16::MAX),
                phase: row.phase,
                clears_profile: row.clears_profile,
            };
            pages.push((page, row.octets));
        }
        if file.variant.is_none() {
            let remedy = "read the golden meter again";
            notes.note_file("the image does not say which variant it is of", remedy);
        }
        let image = Self {
            name: file.name,
            model: file.model,
            variant: file.variant.unwrap_or_default(),
            firmware: file.firmware,
            meter: file.source,
            pages,
        };
        if file.digest != Some(image.digest().to_string()) {
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

    /// Stands for its model, firmware and pages; not for which meter it was.
    pub fn digest(&self) -> Digest {
        let head = [&self.model, &self.variant, &self.firmware];
        let head = head.into_iter().map(String::as_bytes);
        let numbers: Vec<[u8; 2]> = self
            .pages
            .iter()
            .map(|(page, _)| page.identity.to_be_bytes())
            .collect();
        let octets = self.pages.iter().map(|(_, octets)| octets.as_slice());
        let pages = numbers.iter().map(<[u8; 2]>::as_slice).zip(octets);
        Digest::of(head.chain(pages.flat_map(|(number, octets)| [number, octets])))
    }

    /// Where another image differs.
    pub fn differences(&self, other: &Self) -> Vec<PageDifference> {
        let mut differences = Vec::new();
        for (page, left) in &self.pages {
            let mut twins = other.pages.iter();
            let twin = twins.find(|(twin, _)| twin.identity == page.identity);
            let right = twin
                .map(|(_, octets)| octets.as_slice())
                .unwrap_or_default();
            differences.extend(
                ranges(left, right)
                    .into_iter()
                    .map(|(offset, left, right)| PageDifference {
                        name: page.name.clone(),
                        identity: page.identity,
                        offset,
                        left,
                        right,
                    }),
            );
        }
        let known = |page: &ClonePage| {
            self.pages
                .iter()
                .any(|(own, _)| own.identity == page.identity)
        };
        let alone = other.pages.iter().filter(|(page, _)| !known(page));
        differences.extend(alone.map(|(page, octets)| PageDifference {
            name: page.name.clone(),
            identity: page.identity,
            offset: 0,
            left: Vec::new(),
            right: octets.clone(),
        }));
        differences
    }

    /// The plan that writes these pages to another meter. Transformer ratios belong to the place and not
    /// to the meter: they are not written, the other meter must have them. Its firmware must be the golden meter's, and
    /// the conversation looks whether it is.
    pub fn plan(&self, ground: FlagGround<'_>) -> Result<ProgramPlan, Vec<Misfit>> {
        let mut misfits = Vec::new();
        for (what, own, found) in [
            ("model", self.model.as_str(), ground.model.id.as_str()),
            ("variant", self.variant.as_str(), ground.variant),
            (
                "firmware",
                self.firmware.as_str(),
                ground.firmware.unwrap_or(&self.firmware),
            ),
        ] {
            if own != found {
                let problem = format!("the golden meter is of `{own}`, this one of `{found}`");
                misfits.push(Misfit::new(what, problem, "use pages of such a meter"));
            }
        }
        let mut pages = ground.frame(&mut misfits);
        for (page, octets) in &self.pages {
            ground.mark(page.identity, &mut pages);
            if is_ratio(ground.model, ground.variant, page.identity) {
                pages.guards.push(Guard {
                    name: page.name.clone(),
                    place: place(page),
                    octets: octets.clone(),
                });
                continue;
            }
            pages.items.push(PlanItem {
                name: page.name.clone(),
                phase: page.phase,
                place: place(page),
                role: Role::Keep,
                wanted: octets.clone(),
                words: format!("as {}", self.meter),
                clears_profile: page.clears_profile,
            });
        }
        let foreign = ground
            .model
            .identities_of(ground.variant)
            .filter(|row| row.what.is_some());
        for row in foreign {
            let is_scheme = row.what == Some(crate::catalogue::flag::IdentityWhat::Scheme);
            let is_cloned = pages.items.iter().any(|item| item.place == place_of(row));
            if is_cloned && !is_scheme {
                let problem = "it says which meter this is, and would say another";
                misfits.push(Misfit::new(
                    row.content.as_str(),
                    problem,
                    "take it out of the pages",
                ));
            }
        }
        if pages.items.is_empty() {
            let remedy = "read more pages of the golden meter";
            misfits.push(Misfit::new("pages", "nothing is to be written", remedy));
        }
        if misfits.is_empty() {
            let firmware = Some(self.firmware.as_str());
            Ok(FlagGround { firmware, ..ground }.plan(pages))
        } else {
            Err(misfits)
        }
    }
}

fn is_ratio(model: &FlagModel, variant: &str, identity: u16) -> bool {
    let row = model.identity(variant, identity);
    row.is_some_and(|row| matches!(row.layout, FlagLayout::Ratio { .. }))
}

fn place(page: &ClonePage) -> Place {
    Place::Packets {
        identity: page.identity,
        first: 1,
        octets: page.octets,
    }
}

/// Stretches in which two pages differ: the first octet, and what each holds.
pub(super) fn ranges(left: &[u8], right: &[u8]) -> Vec<(usize, Vec<u8>, Vec<u8>)> {
    let length = left.len().max(right.len());
    let mut found: Vec<(usize, Vec<u8>, Vec<u8>)> = Vec::new();
    let mut was_same = true;
    for place in 0..length {
        let (one, other) = (left.get(place), right.get(place));
        if one == other {
            was_same = true;
            continue;
        }
        if was_same {
            found.push((place, Vec::new(), Vec::new()));
        }
        if let Some((_, lefts, rights)) = found.last_mut() {
            lefts.extend(one);
            rights.extend(other);
        }
        was_same = false;
    }
    found
}
