//! From typed settings of a FLAG model to a plan: only what somebody has published a layout of.

use super::fault::Misfit;
use super::place::{PACKET_OCTETS, Place};
use super::plan::{Announcement, Guard, PagePlan, PlanItem, ProgramPlan, Role, Subject};
use crate::catalogue::Phase;
use crate::catalogue::flag::{
    BillingField, FlagIdentity, FlagLayout, FlagModel, FlagSetting, LogKind, SetPart,
};

mod value;

pub use value::FlagValue;

/// Characters of an operator's name.
const OPERATOR_CHARS: usize = 12;

/// A setting of a FLAG model and what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagWanted {
    /// The setting's name in the model file.
    pub name: String,
    /// Its value.
    pub value: FlagValue,
}

/// Which FLAG meter a plan is for.
#[derive(Debug, Clone, Copy)]
pub struct FlagGround<'m> {
    /// Its model.
    pub model: &'m FlagModel,
    /// Its variant, by name.
    pub variant: &'m str,
    /// What it says its serial number is.
    pub meter: &'m str,
    /// What it says of device and firmware; none where any will do.
    pub firmware: Option<&'m str>,
    /// Who programs, for the meter's own log.
    pub operator: Option<&'m str>,
}

/// What is written to a FLAG meter, or all that does not fit. `must_hold` are settings that the meter
/// has to have already, as its ratios. A billing period is ended once, and not behind a cut again.
pub fn flag_plan(
    ground: FlagGround<'_>,
    wanted: &[FlagWanted],
    must_hold: &[FlagWanted],
    ends_billing: bool,
) -> Result<ProgramPlan, Vec<Misfit>> {
    let mut misfits = Vec::new();
    let mut pages = ground.frame(&mut misfits);
    if wanted.is_empty() && !ends_billing {
        let remedy = "name a setting";
        misfits.push(Misfit::new(
            ground.model.id.as_str(),
            "nothing is to be written",
            remedy,
        ));
    }
    for (at, one) in wanted.iter().enumerate() {
        if wanted.iter().take(at).any(|other| other.name == one.name) {
            misfits.push(Misfit::new(
                one.name.as_str(),
                "it stands twice",
                "give it one value",
            ));
        }
        let Some((setting, row, octets)) = ground.encoded(one, &mut misfits) else {
            continue;
        };
        ground.mark(setting.identity, &mut pages);
        pages.items.push(PlanItem {
            name: setting.name.clone(),
            phase: setting.phase,
            place: place_of(row),
            role: Role::Keep,
            wanted: octets,
            words: one.value.to_string(),
            clears_profile: setting.clears_profile,
        });
    }
    for one in must_hold {
        if let Some((setting, row, octets)) = ground.encoded(one, &mut misfits) {
            pages.guards.push(Guard {
                name: setting.name.clone(),
                place: place_of(row),
                octets,
            });
        }
    }
    if ends_billing {
        match ground.billing_end() {
            Some(item) => pages.items.push(item),
            None => misfits.push(Misfit::new(
                "billing period",
                "nothing that can be read tells whether it was ended",
                "end it at the meter",
            )),
        }
    }
    if misfits.is_empty() {
        Ok(ground.plan(pages))
    } else {
        Err(misfits)
    }
}

impl<'m> FlagGround<'m> {
    pub(super) fn plan(&self, pages: PagePlan) -> ProgramPlan {
        let subject = Subject {
            model: self.model.id.clone(),
            meter: self.meter.to_owned(),
            firmware: self.firmware.map(str::to_owned),
        };
        ProgramPlan::of_pages(subject, pages)
    }

    /// What every plan has: the backup, the operator's name, the counter.
    pub(super) fn frame(&self, misfits: &mut Vec<Misfit>) -> PagePlan {
        let Some(programming) = &self.model.programming else {
            misfits.push(Misfit::new(
                self.model.id.as_str(),
                "its file says nothing of programming",
                "add `[programming]` to it",
            ));
            return PagePlan::default();
        };
        let settings = self.model.settings.iter();
        let backup = settings.filter_map(|setting| {
            let row = self.model.identity(self.variant, setting.identity)?;
            Some((setting.name.clone(), place_of(row)))
        });
        let mut unlock = Vec::new();
        if let (Some(identity), Some(name)) = (programming.operator, self.operator) {
            let is_fit = name.len() <= OPERATOR_CHARS
                && name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            if !is_fit {
                let remedy = "use at most twelve letters, digits and signs of ASCII";
                misfits.push(Misfit::new(
                    "operator",
                    "the meter cannot keep this name",
                    remedy,
                ));
            }
            unlock.push(Announcement {
                name: "the operator's name".to_owned(),
                place: Place::Packets {
                    identity,
                    first: 1,
                    octets: 12,
                },
                octets: Some(format!("{name:<OPERATOR_CHARS$}").into_bytes()),
            });
        }
        PagePlan {
            backup: backup.collect(),
            unlock,
            counter: programming.counter.map(|identity| Place::Packets {
                identity,
                first: 1,
                octets: 2,
            }),
            ..PagePlan::default()
        }
    }

    /// Where an identity has a layout of the simulator's own, the plan is for simulated meters alone.
    pub(super) fn mark(&self, identity: u16, pages: &mut PagePlan) {
        let mut settings = self.model.settings.iter();
        let is_provisional =
            settings.any(|setting| setting.provisional && setting.identity == identity);
        if let (true, Some(mark)) = (is_provisional, &self.model.provisional) {
            let octets = mark.text.clone().into_bytes();
            pages.provisional = Some(Guard {
                name: "the mark of a simulated meter".to_owned(),
                place: Place::Packets {
                    identity: mark.identity,
                    first: 1,
                    octets: u16::try_from(octets.len()).unwrap_or(PACKET_OCTETS),
                },
                octets,
            });
        }
    }

    fn encoded(
        &self,
        one: &FlagWanted,
        misfits: &mut Vec<Misfit>,
    ) -> Option<(&'m FlagSetting, &'m FlagIdentity, Vec<u8>)> {
        let model = self.model;
        let found = model.setting(&one.name).and_then(|setting| {
            let row = model.identity(self.variant, setting.identity)?;
            Some((setting, row))
        });
        let Some((setting, row)) = found else {
            let names: Vec<&str> = model.settings.iter().map(|one| one.name.as_str()).collect();
            let problem = format!("model {} ({}) has no such setting", model.id, self.variant);
            let remedy = format!(
                "use one of {}; what has no published layout is cloned, or written by a write set",
                names.join(", ")
            );
            misfits.push(Misfit::new(one.name.as_str(), problem, remedy));
            return None;
        };
        match one.value.encode(model, row) {
            Ok(octets) => Some((setting, row, octets)),
            Err((problem, remedy)) => {
                misfits.push(Misfit::new(one.name.as_str(), problem, remedy));
                None
            }
        }
    }

    /// The end of a billing period, with the counter that tells it.
    fn billing_end(&self) -> Option<PlanItem> {
        let reset = self.model.billing_reset.as_ref()?;
        let argument = reset.arguments.first()?;
        let wanted = iec62056_21::codec::octets_of(argument).ok()?;
        let (witness, at) = self.billing_witness()?;
        Some(PlanItem {
            name: "billing-end".to_owned(),
            phase: Phase::Destructive,
            place: Place::Packets {
                identity: reset.identity,
                first: 1,
                octets: u16::try_from(wanted.len()).ok()?,
            },
            role: Role::Act { witness, at },
            wanted,
            words: "the billing period ends now".to_owned(),
            clears_profile: false,
        })
    }

    /// A counter of ended billing periods: that of the log, or the one of the newest billing set.
    fn billing_witness(&self) -> Option<(Place, u16)> {
        let mut rows = self.model.identities_of(self.variant);
        let counted = |row: &FlagIdentity| match &row.layout {
            FlagLayout::Log(log) if log.event == LogKind::Billing => {
                let at = u16::from(log.index);
                Some((place(row.number, 1, at + 2), at))
            }
            FlagLayout::Set { parts } => count_in_set(row, parts),
            _ => None,
        };
        rows.find_map(counted)
    }
}

/// The counter at the end of a billing set, where it has one.
fn count_in_set(row: &FlagIdentity, parts: &[SetPart]) -> Option<(Place, u16)> {
    let last = parts.last()?;
    let Some(FlagLayout::BillingInfo { fields, .. }) = &last.layout else {
        return None;
    };
    if fields.first() != Some(&BillingField::Count) {
        return None;
    }
    let begins = row.octets.checked_sub(last.octets?)?;
    let (packet, at) = (begins / PACKET_OCTETS, begins % PACKET_OCTETS);
    (at + 2 <= PACKET_OCTETS).then(|| (place(row.number, packet + 1, at + 2), at))
}

fn place(identity: u16, first: u16, octets: u16) -> Place {
    Place::Packets {
        identity,
        first,
        octets,
    }
}

/// All of an identity.
pub(super) fn place_of(row: &FlagIdentity) -> Place {
    place(row.number, 1, row.octets)
}
