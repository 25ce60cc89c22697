//! Identities of a model file, one by one and against each other.

use super::super::complaint::Notebook;
use super::device::Variant;
use super::file::FlagFile;
use super::identity::FlagIdentity;
use super::layout::{FlagLayout, SetPart};
use super::limits::{
    IDENTITY_MAX, IDENTITY_OCTETS_MAX, LEVEL_MAX, PACKET_OCTETS, PARTS_MAX, SETS_MAX,
};
use std::collections::BTreeSet;
use std::ops::Range;

/// The rows of a file with what they refer to.
pub(super) struct Rows<'a> {
    file: &'a FlagFile,
    variants: &'a [Variant],
}

/// Where a complaint belongs.
struct Place<'a> {
    at: Range<usize>,
    key: String,
    row: &'a FlagIdentity,
}

impl<'a> Rows<'a> {
    pub(super) fn new(file: &'a FlagFile, variants: &'a [Variant]) -> Self {
        Self { file, variants }
    }

    /// Whether any variant has the identity.
    pub(super) fn has(&self, number: u16) -> bool {
        self.rows().any(|row| row.number == number)
    }

    fn rows(&self) -> impl Iterator<Item = &'a FlagIdentity> {
        self.file.identity.iter().map(AsRef::as_ref)
    }

    fn row(&self, variant: &str, number: u16) -> Option<&'a FlagIdentity> {
        self.rows()
            .find(|row| row.number == number && row.is_of(variant))
    }

    pub(super) fn check(&self, notes: &mut Notebook) {
        for item in &self.file.identity {
            let row = item.as_ref();
            let place = Place {
                at: item.span(),
                key: format!("identity {:03}", row.number),
                row,
            };
            Self::row_alone(&place, notes);
            self.row_variants(&place, notes);
            // What is wrong in one variant is commonly wrong in all: once is enough.
            let mut variants = self.variants.iter().filter(|one| row.is_of(&one.id));
            variants.any(|variant| self.row_is_wrong_in(&place, &variant.id, notes));
        }
        self.probe(notes);
        self.others(notes);
    }

    fn row_alone(place: &Place, notes: &mut Notebook) {
        let row = place.row;
        let mut note = |problem: String, remedy: &str| {
            notes.note(&place.at, place.key.as_str(), problem, remedy);
        };
        if row.number > IDENTITY_MAX {
            note("an identity has three digits".to_owned(), "use 0 to 999");
        }
        if row.octets > IDENTITY_OCTETS_MAX || !(1..=SETS_MAX).contains(&row.sets) {
            let problem = format!("{} octets in {} sets", row.octets, row.sets);
            note(problem, "use at most 4096 octets and 1 to 100 sets");
        }
        let levels = [row.read, row.write];
        if levels.iter().flatten().any(|level| *level > LEVEL_MAX) {
            note("there are levels 0 to 3".to_owned(), "use one of them");
        }
        if levels == [None, None] {
            let problem = "it can neither be read nor written".to_owned();
            note(problem, "give `read` or `write`, with the level it needs");
        }
        let digit = |letter: u8| matches!(letter, b'0'..=b'9' | b'A'..=b'F');
        if !row.arguments.iter().all(|text| text.bytes().all(digit)) {
            let problem = "an argument is no hexadecimal number".to_owned();
            note(problem, "write it with 0-9 and A-F, as on the wire");
        }
    }

    fn row_variants(&self, place: &Place, notes: &mut Notebook) {
        for name in &place.row.variants {
            if !self.variants.iter().any(|variant| variant.id == *name) {
                let problem = format!("there is no variant `{name}`");
                notes.note(&place.at, place.key.as_str(), problem, "correct its name");
            }
        }
    }

    fn row_is_wrong_in(&self, place: &Place, variant: &str, notes: &mut Notebook) -> bool {
        let row = place.row;
        let mut same = self.rows().filter(|other| other.number == row.number);
        let is_first = same
            .find(|other| other.is_of(variant))
            .is_some_and(|first| std::ptr::eq(first, row));
        if !is_first {
            let problem = format!("variant {variant} has it twice");
            let remedy = "name the variants of each row";
            notes.note(&place.at, place.key.as_str(), problem, remedy);
        }
        let fits = self.layout(&row.layout, variant, row.octets);
        if let Err((problem, remedy)) = fits {
            notes.note(&place.at, place.key.as_str(), problem, remedy);
            return true;
        }
        !is_first
    }

    /// Whether the layout fits into so many octets, and names only what there is.
    fn layout(
        &self,
        layout: &FlagLayout,
        variant: &str,
        octets: u16,
    ) -> Result<(), (String, &'static str)> {
        let exact = |needed: usize| {
            let problem = format!("its layout has {needed} octets, the row says {octets}");
            let remedy = "correct one of them";
            (needed == usize::from(octets))
                .then_some(())
                .ok_or((problem, remedy))
        };
        let whole = |each: u16| {
            let problem = format!("{octets} octets are not a whole number of {each}");
            let is_whole = each > 0 && octets > 0 && octets.is_multiple_of(each);
            is_whole
                .then_some(())
                .ok_or((problem, "correct the length"))
        };
        match layout {
            FlagLayout::Energies { items, .. } => {
                self.words(items)?;
                exact(items.len() * 8)
            }
            FlagLayout::ShortEnergies { items, .. } => {
                self.words(items)?;
                exact(items.len() * 5)
            }
            FlagLayout::Rates { sources } => {
                self.needs(*sources, variant)?;
                whole(8)
            }
            FlagLayout::SourceGroups { each } => whole(u16::from(*each)),
            FlagLayout::CumulativeDemands => whole(9),
            FlagLayout::MaximumDemands { peaks } => whole(u16::from(*peaks) * 12),
            FlagLayout::Blocks { each } => whole(*each),
            FlagLayout::Ratio { primary, .. } => {
                let is_split = *primary > 0 && *primary < octets && octets <= 16;
                let problem = format!("{primary} of {octets} octets are no primary value");
                let remedy = "give primary and secondary at most eight octets each";
                is_split.then_some(()).ok_or((problem, remedy))
            }
            FlagLayout::Clock => exact(7),
            FlagLayout::Battery => exact(12),
            FlagLayout::ProfileWindow => exact(4),
            FlagLayout::ProfileDates => exact(8),
            FlagLayout::ProfileMask => exact(2),
            FlagLayout::Log(log) => exact(log.octets()),
            FlagLayout::Logs { parts } => {
                let end = parts
                    .iter()
                    .map(|part| usize::from(part.at) + part.log.octets());
                let last = end.max().unwrap_or(0);
                let problem = format!("a counter ends at octet {last} of {octets}");
                let fits = last <= usize::from(octets) && parts.len() <= PARTS_MAX;
                fits.then_some(())
                    .ok_or((problem, "correct `at`, or the length"))
            }
            FlagLayout::BillingInfo { fields, .. } => {
                exact(fields.iter().map(|field| field.octets()).sum())
            }
            FlagLayout::Status { parts } => {
                for part in parts {
                    if !self.file.status_table.contains_key(&part.table) {
                        let problem = format!("there is no status-table `{}`", part.table);
                        return Err((problem, "add it, perhaps without bits"));
                    }
                }
                exact(parts.iter().map(|part| usize::from(part.octets)).sum())
            }
            FlagLayout::Set { parts } => self.set(parts, variant, octets),
            _ => Ok(()),
        }
    }

    fn set(
        &self,
        parts: &[SetPart],
        variant: &str,
        octets: u16,
    ) -> Result<(), (String, &'static str)> {
        let mut next = 0;
        if parts.len() > PARTS_MAX {
            return Err(("it has too many parts".to_owned(), "use at most 32"));
        }
        for part in parts {
            let begin = part.at.unwrap_or(next);
            let length = match (part.like, part.octets, &part.layout) {
                (Some(number), None, None) => self.needs(number, variant)?.octets,
                (None, Some(own), Some(FlagLayout::Set { .. })) => {
                    let problem = format!("a part of {own} octets is a set itself");
                    return Err((problem, "write its parts instead"));
                }
                (None, Some(own), Some(layout)) => {
                    self.layout(layout, variant, own)?;
                    own
                }
                _ => {
                    let problem = "a part says neither what it is like nor what it is".to_owned();
                    return Err((problem, "give `like`, or `octets` and `layout`"));
                }
            };
            if begin < next {
                let problem = format!("a part begins at {begin}, within the one before");
                return Err((problem, "correct `at`"));
            }
            next = begin.saturating_add(length);
        }
        let problem = format!("its parts end at octet {next}, the row says {octets}");
        (next == octets)
            .then_some(())
            .ok_or((problem, "correct the parts or the length"))
    }

    fn needs(
        &self,
        number: u16,
        variant: &str,
    ) -> Result<&'a FlagIdentity, (String, &'static str)> {
        let problem = format!("identity {number} is missing in variant {variant}");
        self.row(variant, number)
            .ok_or((problem, "add its row for that variant"))
    }

    fn words(&self, items: &[String]) -> Result<(), (String, &'static str)> {
        let known = |word: &str| {
            let mut measured = self.file.measured.iter();
            word == "-" || measured.any(|item| item.as_ref().word == word)
        };
        match items.iter().find(|word| !known(word)) {
            None => Ok(()),
            Some(word) => {
                let problem = format!("`{word}` is nothing that is measured");
                Err((
                    problem,
                    "use a word of `measured`, or - for what nobody knows",
                ))
            }
        }
    }

    /// The probe tells whether an answer is its own by its length alone.
    fn probe(&self, notes: &mut Notebook) {
        let session = self.file.session.as_ref();
        let Some(probe) = &session.probe else { return };
        let at = self.file.session.span();
        let key = "session.probe";
        for variant in self.variants {
            let Some(row) = self.row(&variant.id, probe.identity) else {
                let problem = format!("variant {} has no identity {}", variant.id, probe.identity);
                notes.note(&at, key, problem, "name one that every variant has");
                continue;
            };
            if u16::from(probe.octets) > row.octets.min(PACKET_OCTETS) || probe.octets == 0 {
                let problem = format!("identity {} has {} octets", row.number, row.octets);
                notes.note(&at, key, problem, "ask for at most so many, and at most 64");
            }
            let others = self.rows().filter(|other| other.is_of(&variant.id));
            let twin = others
                .filter(|other| other.number != probe.identity && other.read.is_some())
                .find(|other| other.last_packet_octets() == u16::from(probe.octets));
            if let Some(twin) = twin {
                let problem = format!("identity {} is answered with as many octets", twin.number);
                notes.note(
                    &at,
                    key,
                    problem,
                    "choose a length that no other answer has",
                );
                return;
            }
        }
    }

    fn others(&self, notes: &mut Notebook) {
        let file = self.file;
        let mut used: Vec<(&str, u16)> = Vec::new();
        if let Some(instant) = &file.instant {
            used.push(("instant", instant.as_ref().request));
            used.push(("instant", instant.as_ref().result));
        }
        if let Some(clock) = &file.clock {
            used.push(("clock", clock.identity));
            used.extend(clock.adjust.map(|number| ("clock.adjust", number)));
        }
        if let Some(ratios) = &file.ratios {
            used.extend(ratios.current.map(|number| ("ratios.current", number)));
            used.extend(ratios.voltage.map(|number| ("ratios.voltage", number)));
        }
        used.extend(
            file.scaling
                .iter()
                .map(|scaling| ("scaling", scaling.identity)),
        );
        used.extend(
            file.billing_reset
                .iter()
                .map(|reset| ("billing-reset", reset.identity)),
        );
        let known: BTreeSet<u16> = self.rows().map(|row| row.number).collect();
        for (key, number) in used {
            if !known.contains(&number) {
                let problem = format!("`{key}` needs identity {number}, which has no row");
                notes.note_file(problem, "add its row, or correct the number");
            }
        }
    }
}
