//! What a run has seen and done, as figures.

use crate::words::bytes_text;
use serde::Serialize;

/// Figures of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Messages taken from the broker.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages booked for the first time.
    pub booked: u64,
    /// Intervals booked for the first time. Where an interval gets a further channel later, its
    /// share counts; the ledger's own count is exact.
    pub intervals: u64,
    /// Among them, those with a flag.
    pub flagged: u64,
    /// Values that a higher revision replaced, or that were missing before.
    pub replaced: u64,
    /// Values that came again under another number with the same content; nothing was added.
    pub same: u64,
    /// Messages that had been booked before.
    pub duplicates: u64,
    /// Numbers that came again with another content: somebody must look.
    pub conflicts: u64,
    /// Values that came again, different and without a higher revision: somebody must look.
    pub differing: u64,
    /// Messages that are not the contract's.
    pub refused: u64,
    /// Polls with instantaneous values.
    pub readings: u64,
    /// Events.
    pub events: u64,
    /// Receipts of commands.
    pub receipts: u64,
    /// Among them, those of gateways whose key was not given.
    pub unproven: u64,
    /// Receipts that no key of their gateway proves: somebody must look.
    pub forged: u64,
    /// Gap records, answers to requests among them.
    pub gap_records: u64,
    /// Watermarks handed to the broker.
    pub watermarks: u64,
    /// Backfill requests handed to the broker.
    pub requests: u64,
    /// Chunks of images handed to the broker.
    pub chunks: u64,
    /// Transactions of the ledger.
    pub commits: u64,
    /// Connections to the broker.
    pub connections: u64,
}

/// A run's figures, and what the ledger holds at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Gateways in the ledger.
    pub gateways: u64,
    /// Meters in the ledger.
    pub meters: u64,
    /// Intervals in the ledger.
    pub ledger_intervals: u64,
    /// Holes that are still open: runs of numbers that never came.
    pub gaps: u64,
    /// Numbers in these holes.
    pub missing: u64,
    /// Numbers that gateways declared lost for good.
    pub lost: u64,
    /// Blocks that still wait for their channel list.
    pub waiting: u64,
    /// The run.
    #[serde(flatten)]
    pub run: Tally,
}

impl Summary {
    /// Three lines for people.
    pub fn text(&self) -> String {
        let run = &self.run;
        format!(
            "booked {} intervals in {} messages ({}); {} duplicates, {} conflicts, \
             {} refused, {} watermarks\n\
             {} receipts ({} not proven), {} forged\n\
             the ledger holds {} intervals of {} meters of {} gateways; {} gaps ({} numbers), \
             {} lost, {} waiting\n",
            run.intervals,
            run.booked,
            bytes_text(run.bytes),
            run.duplicates,
            run.conflicts + run.differing,
            run.refused,
            run.watermarks,
            run.receipts,
            run.unproven,
            run.forged,
            self.ledger_intervals,
            self.meters,
            self.gateways,
            self.gaps,
            self.missing,
            self.lost,
            self.waiting,
        )
    }
}
