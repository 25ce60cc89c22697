//! Historical billing sets: whether there are new ones, and all of those.

use super::meaning::Meaning;
use super::profile::Context;
use super::rows::is_readable;
use super::shelf::{Fetched, Shelf};
use super::stop::Stop;
use super::talk::{Reply, Talk};
use super::wishes::{BillingMark, BillingWish};
use crate::catalogue::flag::{FlagIdentity, FlagLayout};
use crate::elster::Content;
use crate::flag::found::{Found, Sink};
use crate::flag::limits::{BILLING_RESTARTS_MAX, PACKET_OCTETS};
use line::Line;

/// The errand: sets of one identity, the newest first.
#[derive(Debug, Clone)]
pub(super) struct BillingErrand {
    row: FlagIdentity,
    /// Octets of the set in which it says when it ended, or which one it is.
    mark_at: (usize, usize),
    /// The mark of the newest set that is known.
    known: Option<BillingMark>,
    /// The mark of the newest set, as it was when reading began.
    newest: Option<BillingMark>,
    next: u16,
    restarts: u8,
}

impl BillingErrand {
    /// One errand an identity with sets that is wished.
    pub(super) fn all(
        rows: &[FlagIdentity],
        wish: &BillingWish,
        level: u8,
    ) -> Vec<BillingErrand> {
        let is_set = |row: &&FlagIdentity| {
            matches!(row.layout, FlagLayout::Set { .. }) && is_readable(row, level)
        };
        let sets = rows.iter().filter(is_set);
        let (count, known) = match wish {
            BillingWish::None => (0, None),
            // The first one of the model is that of billing periods; others are daily.
            BillingWish::New(known) => (1, known.clone()),
            BillingWish::All => (usize::MAX, None),
        };
        let errand = |row: &FlagIdentity| Self {
            row: row.clone(),
            mark_at: mark_place(row),
            known: known.clone(),
            newest: None,
            next: 0,
            restarts: 0,
        };
        sets.take(count).map(errand).collect()
    }

    /// Sets that were read, and sets in all.
    pub(super) fn sets(&self) -> (u64, u64) {
        (u64::from(self.next), u64::from(self.row.sets))
    }

    pub(super) async fn run<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        shelf: &mut Shelf,
        context: &Context<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        if !self.check_newest(talk, sink).await? {
            self.next = self.row.sets;
        }
        loop {
            self.read_sets(talk, shelf, context, sink).await?;
            // While sets were read another period may have ended: then all of them have moved.
            let restarts = self.restarts;
            self.check_newest(talk, sink).await?;
            if self.restarts == restarts {
                self.next = self.row.sets;
                return Ok(());
            }
        }
    }

    async fn read_sets<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        shelf: &mut Shelf,
        context: &Context<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        let meaning = Meaning::prepare(talk, shelf, context, &self.row).await?;
        let number = self.row.number;
        while self.next < self.row.sets {
            let set = self.next;
            if let Fetched::Refused(words) = shelf.fetch(talk, &self.row, set).await? {
                // A meter that has not ended so many periods may refuse the rest.
                if set == 0 {
                    let words = words.to_owned();
                    sink.take(Found::Refused { number, set, words });
                }
                return Ok(());
            }
            let Some(raw) = shelf.take(number, set) else {
                return Ok(());
            };
            if self.known.is_some() && self.mark_of(&raw.octets) == self.known {
                return Ok(());
            }
            let found = meaning.of(context, &self.row, raw);
            if is_empty(&found) {
                return Ok(());
            }
            sink.take(found);
            self.next += 1;
        }
        Ok(())
    }

    /// Reads the mark of the newest set. False if there is nothing new.
    async fn check_newest<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        sink: &mut dyn Sink,
    ) -> Result<bool, Stop> {
        let (from, to) = self.mark_at;
        let mut octets = Vec::new();
        let wanted = self.row.packets(0).enumerate().filter(|(place, _)| {
            let begin = place * PACKET_OCTETS;
            begin < to && begin + PACKET_OCTETS > from
        });
        let mut begin = None;
        for (place, (packet, count)) in wanted {
            begin.get_or_insert(place * PACKET_OCTETS);
            match talk.read(self.row.number, packet, count).await? {
                Reply::Given(answered) => octets.extend(answered.data),
                Reply::Refused(_) => return Ok(true),
            }
        }
        let begin = begin.unwrap_or_default();
        let mark = octets.get(from.saturating_sub(begin)..to.saturating_sub(begin));
        let mark = mark.map(|octets| BillingMark(octets.to_vec()));
        if self.newest.is_some() && self.newest != mark && self.restarts < BILLING_RESTARTS_MAX {
            self.restarts += 1;
            let words = "a billing period ended while its sets were read; they are read again";
            sink.take(Found::Remark(words.to_owned()));
            self.next = 0;
        }
        let is_new = self.known.is_none() || mark != self.known;
        self.newest = mark;
        Ok(is_new)
    }

    fn mark_of(&self, octets: &[u8]) -> Option<BillingMark> {
        let (from, to) = self.mark_at;
        octets.get(from..to).map(|octets| BillingMark(octets.to_vec()))
    }
}

/// Whether a set was never filled: then neither were those behind it.
fn is_empty(found: &Found) -> bool {
    match found {
        Found::Content { content, .. } => match content.as_ref() {
            Content::Billing(set) => !set.is_filled(),
            _ => false,
        },
        _ => false,
    }
}

/// Where a set says when it ended, or which one it is: its last part that is such information, else
/// its last octets.
pub(super) fn mark_place(row: &FlagIdentity) -> (usize, usize) {
    let end = usize::from(row.octets);
    let FlagLayout::Set { parts } = &row.layout else {
        return (end.saturating_sub(4), end);
    };
    let info = parts
        .iter()
        .find(|part| matches!(part.layout, Some(FlagLayout::BillingInfo { .. })));
    let octets = info.and_then(|part| part.octets).map_or(4, usize::from);
    match info.and_then(|part| part.at) {
        Some(at) => (usize::from(at), usize::from(at) + octets),
        None => (end.saturating_sub(octets), end),
    }
}
