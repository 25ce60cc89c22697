//! What is written to one meter, and what must be so for it.

use super::fingerprint::Digest;
use super::place::Place;
use crate::catalogue::Phase;

/// Which meter a plan is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its model, as the gateway's files call it.
    pub model: String,
    /// Its own name, commonly the serial number.
    pub meter: String,
    /// Its firmware or device text; none where any will do.
    pub firmware: Option<String>,
}

/// What a meter must hold, or the plan is not for it: ratios, a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// What it is.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What must stand there.
    pub octets: Vec<u8>,
}

/// How something is known to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is kept, and read back.
    Keep,
    /// It is done and leaves no trace but a counter, which goes up by one: two octets, low first.
    Act {
        /// Where the counter is read.
        witness: Place,
        /// At which of its octets it begins.
        at: u16,
    },
}

/// One thing that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanItem {
    /// What people call it.
    pub name: String,
    /// When it is written.
    pub phase: Phase,
    /// Where.
    pub place: Place,
    /// How it is known to be done.
    pub role: Role,
    /// What is written.
    pub wanted: Vec<u8>,
    /// The same for people.
    pub words: String,
    /// Whether stored load profiles are lost with it.
    pub clears_profile: bool,
}

/// What is written along, and is not read back: who programs, a password, a word that puts in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// What it is.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// What; none for the meter's password, which no plan holds.
    pub octets: Option<Vec<u8>>,
}

/// What is written to a meter of places: Modbus or FLAG.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PagePlan {
    /// What must be so.
    pub guards: Vec<Guard>,
    /// What only a simulated meter says, if a layout of the plan is the simulator's own.
    pub provisional: Option<Guard>,
    /// What is kept beside that which is written.
    pub backup: Vec<(String, Place)>,
    /// What opens the meter.
    pub unlock: Vec<Announcement>,
    /// All that is written, in order.
    pub items: Vec<PlanItem>,
    /// What puts it in force; it does no harm when it is written again.
    pub apply: Vec<Announcement>,
    /// The meter's counter of programming sessions: two octets, low first.
    pub counter: Option<Place>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum PlanWork {
    Pages(PagePlan),
    Dlms(crate::dlms::Plan),
}

/// What is written to one meter, whatever its protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramPlan {
    pub(super) subject: Subject,
    pub(super) work: PlanWork,
}

impl ProgramPlan {
    /// For a meter of places. The writes are brought into their order here.
    pub fn of_pages(subject: Subject, mut pages: PagePlan) -> Self {
        pages.items.sort_by_key(|item| item.phase);
        Self {
            subject,
            work: PlanWork::Pages(pages),
        }
    }

    /// For a meter of DLMS: the model's name, the meter's own, and what is written.
    pub fn of_dlms(subject: Subject, plan: crate::dlms::Plan) -> Self {
        Self {
            subject,
            work: PlanWork::Dlms(plan),
        }
    }

    /// Which meter it is for.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Whether stored load profiles are lost: then they have to be read first.
    pub fn clears_profile(&self) -> bool {
        match &self.work {
            PlanWork::Pages(pages) => pages.items.iter().any(|item| item.clears_profile),
            PlanWork::Dlms(plan) => plan.loses_rows(),
        }
    }

    /// Whether a layout of it is the simulator's own.
    pub fn is_provisional(&self) -> bool {
        matches!(&self.work, PlanWork::Pages(pages) if pages.provisional.is_some())
    }
}

impl PagePlan {
    /// Stands for all that the plan wants.
    pub fn digest(&self) -> Digest {
        let items = self.items.iter();
        let parts = items.flat_map(|item| {
            let place = item.place.to_string().into_bytes();
            [place, item.wanted.clone()]
        });
        let parts: Vec<Vec<u8>> = parts.collect();
        Digest::of(parts.iter().map(Vec::as_slice))
    }
}
