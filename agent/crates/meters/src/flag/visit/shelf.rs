//! What was read of a meter's identities in the course of a visit, whole or in part.

use super::stop::Stop;
use super::talk::{Reply, Talk};
use crate::catalogue::flag::FlagIdentity;
use line::Line;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// One set of an identity, as the meter sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawIdentity {
    /// Its number.
    pub number: u16,
    /// Which of its sets, counted from 0.
    pub set: u16,
    /// Its octets.
    pub octets: Vec<u8>,
    /// When the first request for it had left.
    pub left_at: Instant,
    /// When the last answer had arrived.
    pub arrived_at: Instant,
}

/// What came of reading an identity.
pub(super) enum Fetched<'a> {
    /// All of it.
    Whole(&'a RawIdentity),
    /// The meter will not give it; in its words.
    Refused(&'a str),
}

/// All that was read so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    whole: BTreeMap<(u16, u16), RawIdentity>,
    refused: BTreeMap<(u16, u16), String>,
    /// The one that was being read when the session ended.
    begun: Option<RawIdentity>,
}

impl Shelf {
    /// Octets of the set that was being read when the session ended.
    pub(super) fn octets_begun(&self) -> usize {
        self.begun.as_ref().map_or(0, |begun| begun.octets.len())
    }

    /// Takes a set away.
    pub(super) fn take(&mut self, number: u16, set: u16) -> Option<RawIdentity> {
        self.whole.remove(&(number, set))
    }

    /// Reads a set, unless it has been read. What was read of it before the session ended is not
    /// read again.
    pub(super) async fn fetch<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        row: &FlagIdentity,
        set: u16,
    ) -> Result<Fetched<'_>, Stop> {
        let key = (row.number, set);
        if !self.whole.contains_key(&key) && !self.refused.contains_key(&key) {
            self.read(talk, row, set).await?;
        }
        match (self.whole.get(&key), self.refused.get(&key)) {
            (Some(raw), _) => Ok(Fetched::Whole(raw)),
            (None, Some(words)) => Ok(Fetched::Refused(words)),
            (None, None) => Ok(Fetched::Refused("nothing to read")),
        }
    }

    async fn read<L: Line>(
        &mut self,
        talk: &mut Talk<'_, '_, L>,
        row: &FlagIdentity,
        set: u16,
    ) -> Result<(), Stop> {
        let key = (row.number, set);
        let is_same = |begun: &RawIdentity| (begun.number, begun.set) == key;
        if !self.begun.as_ref().is_some_and(is_same) {
            self.begun = None;
        }
        let mut have = self.begun.as_ref().map_or(0, |begun| begun.octets.len());
        for (packet, octets) in row.packets(set) {
            if let Some(left) = have.checked_sub(usize::from(octets)) {
                have = left;
                continue;
            }
            let answered = match talk.read(row.number, packet, octets).await? {
                Reply::Given(answered) => answered,
                Reply::Refused(refusal) => {
                    self.begun = None;
                    self.refused.insert(key, refusal.to_string());
                    return Ok(());
                }
            };
            let begun = self.begun.get_or_insert_with(|| RawIdentity {
                number: row.number,
                set,
                octets: Vec::new(),
                left_at: answered.left_at,
                arrived_at: answered.arrived_at,
            });
            begun.octets.extend_from_slice(&answered.data);
            begun.arrived_at = answered.arrived_at;
        }
        if let Some(raw) = self.begun.take() {
            self.whole.insert(key, raw);
        }
        Ok(())
    }
}
