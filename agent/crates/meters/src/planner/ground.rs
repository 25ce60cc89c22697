//! What may be read of a meter, and in which blocks: from its model, and learned from refusals.

use super::Why;
use super::piece::Piece;
use crate::limits::{BAD_PADS_MAX, CUTS_MAX, PAD_STEPS_MAX, READ_REGISTERS_MAX};
use crate::{Span, Table};

/// The registers of one meter.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    max_count: u16,
    holes: Vec<Span>,
    /// Every value that some poll wants: what padding is best made of.
    values: Vec<Span>,
    refused: Vec<(Span, u8)>,
    refused_tables: Vec<Table>,
    bad_pads: Vec<Span>,
    /// No block reaches over the border before this register.
    cuts: Vec<(Table, u16)>,
}

/// A way to make a block longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Padded {
    pub(crate) whole: Span,
    pub(crate) pad: Span,
    /// Whether the padding consists of values that some poll wants anyway.
    pub(crate) is_known: bool,
}

impl Ground {
    pub(crate) fn new(max_count: u16, holes: Vec<Span>, mut values: Vec<Span>) -> Self {
        values.sort_unstable();
        values.dedup();
        Self {
            max_count: max_count.clamp(1, READ_REGISTERS_MAX),
            holes,
            values,
            refused: Vec::new(),
            refused_tables: Vec::new(),
            bad_pads: Vec::new(),
            cuts: Vec::new(),
        }
    }

    pub(crate) fn refused(&self) -> impl Iterator<Item = Span> {
        self.refused.iter().map(|entry| entry.0)
    }

    pub(crate) fn forget_refusals(&mut self) {
        self.refused.clear();
        self.refused_tables.clear();
        self.bad_pads.clear();
        self.cuts.clear();
    }

    pub(crate) fn learn_refused(&mut self, span: Span, exception: u8) {
        if !self.refused.iter().any(|entry| entry.0 == span) {
            self.refused.push((span, exception));
        }
    }

    pub(crate) fn learn_refused_table(&mut self, table: Table) {
        if !self.refused_tables.contains(&table) {
            self.refused_tables.push(table);
        }
    }

    pub(crate) fn learn_bad_pad(&mut self, pad: Span) {
        if self.bad_pads.contains(&pad) {
            return;
        }
        if self.bad_pads.len() >= BAD_PADS_MAX {
            self.bad_pads.remove(0);
        }
        self.bad_pads.push(pad);
    }

    pub(crate) fn learn_cut(&mut self, table: Table, address: u16) {
        if self.cuts.len() < CUTS_MAX && !self.cuts.contains(&(table, address)) {
            self.cuts.push((table, address));
        }
    }

    /// Why a value cannot be read at all, if so.
    pub(crate) fn obstacle(&self, value: Span) -> Option<Why> {
        if value.count == 0 || value.count > self.max_count || value.end() > 65_536 {
            return Some(Why::NotReadable);
        }
        if self.holes.iter().any(|hole| hole.overlaps(value)) {
            return Some(Why::NotReadable);
        }
        if self.refused_tables.contains(&value.table) {
            return Some(Why::Refused(1));
        }
        let refused = self.refused.iter().find(|entry| entry.0.overlaps(value));
        refused.map(|entry| Why::Refused(entry.1))
    }

    /// Puts values together into as few blocks as are worth it. A value is never split.
    pub(crate) fn blocks(&self, wanted: &[Span], gap: u16) -> (Vec<Piece>, Vec<(Span, Why)>) {
        let mut sorted = wanted.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut blocks: Vec<Piece> = Vec::new();
        let mut left_out = Vec::new();
        for value in sorted {
            if let Some(why) = self.obstacle(value) {
                left_out.push((value, why));
            } else if let Some(block) = blocks.last_mut()
                && let Some(whole) = self.joined(block.span(), value, gap)
            {
                block.extend(value, whole);
            } else {
                blocks.push(Piece::new(value));
            }
        }
        (blocks, left_out)
    }

    /// One block over both, where that is allowed and worth it.
    fn joined(&self, block: Span, value: Span, gap: u16) -> Option<Span> {
        let whole = hull(block, value)?;
        let between = u32::from(value.address).saturating_sub(block.end());
        let inside = |address: u16| whole.address < address && u32::from(address) < whole.end();
        let is_cut = self
            .cuts
            .iter()
            .any(|&(table, address)| table == whole.table && inside(address));
        (between <= u32::from(gap)
            && whole.count <= self.comfortable_count()
            && !is_cut
            && self.is_open(whole))
        .then_some(whole)
    }

    /// Blocks stop short of the longest read, so that they can still be padded.
    fn comfortable_count(&self) -> u16 {
        let shorter = self.max_count.saturating_sub(4);
        if shorter >= self.max_count / 2 && shorter >= 4 {
            shorter
        } else {
            self.max_count
        }
    }

    /// Whether a request may touch all these registers.
    fn is_open(&self, span: Span) -> bool {
        span.count <= self.max_count
            && span.end() <= 65_536
            && !self.holes.iter().any(|hole| hole.overlaps(span))
            && !self.refused.iter().any(|entry| entry.0.overlaps(span))
    }

    /// Every allowed way to make `block` up to three steps longer, on one side only: a refusal
    /// then says which registers it was about.
    pub(crate) fn paddings(&self, block: Span) -> Vec<Padded> {
        let step = self.step(block.table);
        let mut found = Vec::new();
        for steps in 1..=PAD_STEPS_MAX {
            let count = step * steps;
            let behind = u16::try_from(block.end()).ok().map(|address| Span {
                address,
                count,
                ..block
            });
            let before = block.address.checked_sub(count).map(|address| Span {
                address,
                count,
                ..block
            });
            for pad in behind.into_iter().chain(before) {
                if let Some(whole) = hull(block, pad)
                    && self.is_open(whole)
                    && !self.bad_pads.contains(&pad)
                {
                    let is_known = self.is_made_of_values(pad);
                    found.push(Padded {
                        whole,
                        pad,
                        is_known,
                    });
                }
            }
        }
        found
    }

    /// Meters whose values all have two registers often refuse an odd count.
    fn step(&self, table: Table) -> u16 {
        let all_even = self
            .values
            .iter()
            .filter(|value| value.table == table)
            .all(|value| value.count % 2 == 0);
        if all_even { 2 } else { 1 }
    }

    fn is_made_of_values(&self, pad: Span) -> bool {
        let mut at = u32::from(pad.address);
        while at < pad.end() {
            let next = self.values.iter().find(|value| {
                value.table == pad.table
                    && u32::from(value.address) == at
                    && value.end() <= pad.end()
                    && value.count > 0
            });
            match next {
                Some(value) => at = value.end(),
                None => return false,
            }
        }
        true
    }
}

/// The shortest span over both, if they lie in one table.
pub(crate) fn hull(one: Span, other: Span) -> Option<Span> {
    if one.table != other.table {
        return None;
    }
    let address = one.address.min(other.address);
    let end = one.end().max(other.end());
    let count = u16::try_from(end - u32::from(address)).ok()?;
    Some(Span {
        table: one.table,
        address,
        count,
    })
}
