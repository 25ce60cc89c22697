//! A recorded sequence of writes, with a name: what the maker's program wrote, for others of its kind.
//!
//! Nobody has published what the octets mean. Comparing two recordings that differ in one setting shows
//! where it stands, so a site can map fields itself.

use super::clone::ranges;
use super::fault::Misfit;
use super::fingerprint::{Digest, hex};
use super::flag_plan::FlagGround;
use super::page_text::{PageForm, PageText};
use super::place::{PACKET_OCTETS, Place};
use super::plan::{PlanItem, ProgramPlan, Role};
use super::recording::{Said, said};
use crate::catalogue::{Complaint, Phase};
use std::collections::BTreeMap;
use std::fmt;

/// Identities that are written in every session and set nothing: windows, requests, who programs, the
/// clock. They are no part of a set.
const HOUSEKEEPING: [u16; 8] = [551, 554, 556, 558, 576, 605, 861, 862];
/// Identities that do something when they are written; a set does not do it for you.
const ACTIONS: [u16; 8] = [2, 4, 5, 99, 411, 412, 413, 655];

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetWrite {
    /// What the site calls it; its number where it has no name yet.
    pub name: String,
    /// Which identity.
    pub identity: u16,
    /// Which packet of it.
    pub packet: u16,
    /// Its octets.
    pub octets: Vec<u8>,
    /// When it is written.
    pub phase: Phase,
    /// Whether stored load profiles are lost with it.
    pub clears_profile: bool,
}

/// A named sequence of writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteSet {
    /// Its name.
    pub name: String,
    /// The model that it was recorded from.
    pub model: String,
    /// What that meter said of device and firmware.
    pub firmware: String,
    /// Where it was recorded, and by whom.
    pub source: String,
    /// The writes, in their order.
    pub writes: Vec<SetWrite>,
}

/// What a recording held beside the set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Writes of every session, by identity.
    pub housekeeping: Vec<u16>,
    /// Writes that do something.
    pub actions: Vec<u16>,
    /// Writes that hold a password, or octets that are hidden; none where not even that is known.
    pub secrets: Vec<Option<u16>>,
    /// Writes that the meter did not take.
    pub refused: Vec<u16>,
    /// Writes that are none of packets, as they name their place.
    pub unknown: Vec<String>,
    /// Commands that are no writes.
    pub others: usize,
}

/// Where two sets differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetDifference {
    /// Which identity.
    pub identity: u16,
    /// Which packet.
    pub packet: u16,
    /// The first octet that differs.
    pub offset: usize,
    /// What the first set writes there; nothing where it does not write this packet.
    pub left: Vec<u8>,
    /// What the other one writes there.
    pub right: Vec<u8>,
}

impl fmt::Display for SetDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = (hex(&self.left), hex(&self.right));
        write!(
            f,
            "{:03}{:03X} from octet {}: {left} | {right}",
            self.identity, self.packet, self.offset
        )
    }
}

impl WriteSet {
    /// From a recorded session, both ways or one; only writes of packets that the meter has taken are
    /// kept. A write that is damaged makes the whole recording one that cannot be used.
    ///
    /// What holds one of `secrets`, or a password of the recording itself, is left out.
    pub fn from_recording(
        head: &Self,
        name: &str,
        text: &str,
        secrets: &[String],
    ) -> Result<(Self, LeftOut), Vec<Complaint>> {
        let said = said(name, text)?;
        let own = said.iter().filter_map(|one| match one {
            Said::Password(password) => Some(password.as_bytes()),
            _ => None,
        });
        let secrets: Vec<&[u8]> = secrets.iter().map(String::as_bytes).chain(own).collect();
        let mut left_out = LeftOut::default();
        let mut writes: Vec<SetWrite> = Vec::new();
        for (at, one) in said.iter().enumerate() {
            let (packet, octets) = match one {
                Said::Write(packet, octets) => (packet, octets),
                Said::OtherWrite(place) => {
                    left_out.unknown.push(place.clone());
                    continue;
                }
                Said::HiddenWrite => {
                    left_out.secrets.push(None);
                    continue;
                }
                Said::Password(_) | Said::Other => {
                    left_out.others += 1;
                    continue;
                }
                Said::Taken | Said::Refused | Said::Answer => continue,
            };
            let identity = packet.identity();
            let write = SetWrite {
                name: format!("{identity:03}{:03X}", packet.number()),
                identity,
                packet: packet.number(),
                octets: octets.clone(),
                phase: Phase::Tariff,
                clears_profile: false,
            };
            if said.get(at + 1) == Some(&Said::Refused) {
                left_out.refused.push(identity);
            } else if holds_one(octets, &secrets) {
                left_out.secrets.push(Some(identity));
            } else if HOUSEKEEPING.contains(&identity) {
                left_out.housekeeping.push(identity);
            } else if ACTIONS.contains(&identity) || octets.is_empty() {
                left_out.actions.push(identity);
            } else if writes.last() != Some(&write) {
                // The same at once again is a repeat on a bad line.
                writes.push(write);
            }
        }
        let set = Self {
            writes,
            ..head.clone()
        };
        Ok((set, left_out))
    }

    /// As a file.
    pub fn to_text(&self) -> String {
        let text = PageText {
            name: self.name.clone(),
            model: self.model.clone(),
            variant: None,
            firmware: self.firmware.clone(),
            source: self.source.clone(),
            digest: None,
            rows: self.writes.clone(),
        };
        text.write(PageForm::WriteSet)
    }

    /// From a file.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Complaint>> {
        let (file, mut notes) = PageText::read(PageForm::WriteSet, name, text)?;
        for (key, is_there) in [
            ("variant", file.variant.is_some()),
            ("digest", file.digest.is_some()),
        ] {
            if is_there {
                notes.note_word(key, key, "a write set has none", "remove it");
            }
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
            writes: file.rows,
        })
    }

    /// Stands for all that it writes.
    pub fn digest(&self) -> Digest {
        let parts: Vec<Vec<u8>> = self
            .writes
            .iter()
            .flat_map(|write| {
                let place = format!("{:03}{:03X}", write.identity, write.packet);
                [place.into_bytes(), write.octets.clone()]
            })
            .collect();
        Digest::of(parts.iter().map(Vec::as_slice))
    }

    /// What it leaves in a meter: of each packet what is written last.
    fn image(&self) -> BTreeMap<(u16, u16), &[u8]> {
        let writes = self.writes.iter();
        writes
            .map(|write| ((write.identity, write.packet), write.octets.as_slice()))
            .collect()
    }

    /// Where another recording writes something else.
    pub fn differences(&self, other: &Self) -> Vec<SetDifference> {
        let (own, others) = (self.image(), other.image());
        let mut places: Vec<(u16, u16)> = own.keys().chain(others.keys()).copied().collect();
        places.sort_unstable();
        places.dedup();
        let differences = places.into_iter().flat_map(|place| {
            let left = own.get(&place).copied().unwrap_or_default();
            let right = others.get(&place).copied().unwrap_or_default();
            ranges(left, right)
                .into_iter()
                .map(move |(offset, left, right)| SetDifference {
                    identity: place.0,
                    packet: place.1,
                    offset,
                    left,
                    right,
                })
        });
        differences.collect()
    }

    /// The plan that writes it to a meter. Its firmware must be that of the recording, and the
    /// conversation looks whether it is.
    pub fn plan(&self, ground: FlagGround<'_>) -> Result<ProgramPlan, Vec<Misfit>> {
        let mut misfits = Vec::new();
        for (what, own, found) in [
            ("model", self.model.as_str(), ground.model.id.as_str()),
            (
                "firmware",
                self.firmware.as_str(),
                ground.firmware.unwrap_or(&self.firmware),
            ),
        ] {
            if own != found {
                let problem = format!("it was recorded from `{own}`, this meter is `{found}`");
                misfits.push(Misfit::new(what, problem, "use a set of such a meter"));
            }
        }
        let mut pages = ground.frame(&mut misfits);
        let mut seen = Vec::new();
        for write in &self.writes {
            if HOUSEKEEPING.contains(&write.identity) || ACTIONS.contains(&write.identity) {
                let problem = "it sets nothing that is kept";
                misfits.push(Misfit::new(
                    write.name.as_str(),
                    problem,
                    "take it out of the set",
                ));
            }
            if seen.contains(&(write.identity, write.packet)) {
                let problem = "the packet is written twice, and nobody could tell which one holds";
                misfits.push(Misfit::new(
                    write.name.as_str(),
                    problem,
                    "make two sets of it",
                ));
            }
            seen.push((write.identity, write.packet));
            ground.mark(write.identity, &mut pages);
            pages.items.push(PlanItem {
                name: write.name.clone(),
                phase: write.phase,
                place: Place::Packets {
                    identity: write.identity,
                    first: write.packet,
                    octets: u16::try_from(write.octets.len()).unwrap_or(PACKET_OCTETS),
                },
                role: Role::Keep,
                wanted: write.octets.clone(),
                words: format!("as in `{}`", self.name),
                clears_profile: write.clears_profile,
            });
        }
        if self.writes.is_empty() {
            misfits.push(Misfit::new(
                self.name.as_str(),
                "it writes nothing",
                "record it again",
            ));
        }
        if misfits.is_empty() {
            let firmware = Some(self.firmware.as_str());
            Ok(FlagGround { firmware, ..ground }.plan(pages))
        } else {
            Err(misfits)
        }
    }
}

/// Whether octets hold one of these; nothing holds an empty one.
pub(super) fn holds_one(octets: &[u8], secrets: &[&[u8]]) -> bool {
    secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .any(|secret| octets.windows(secret.len()).any(|part| part == *secret))
}

#[cfg(test)]
mod tests;
