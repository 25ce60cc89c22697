//! What the ledger holds, counted.

use super::Books;
use crate::consumer::tally::Summary;
use metering::{GatewayId, MeterId, Timestamp};
use std::collections::BTreeSet;
use storage::StoreError;

impl Books {
    /// The figures of this run and of the ledger.
    pub(in crate::consumer) fn summary(&self) -> Result<Summary, StoreError> {
        let mut summary = Summary {
            run: self.tally.clone(),
            ..Summary::default()
        };
        summary.waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        for gateway in self.ledger.gateways()? {
            summary.gateways += 1;
            self.count_intervals(&gateway, &mut summary)?;
            for hole in self.ledger.holes(&gateway)? {
                summary.gaps += 1;
                summary.missing = summary.missing.saturating_add(hole.to - hole.from + 1);
            }
            for lost in self.ledger.lost(&gateway)? {
                let count = lost.to.saturating_sub(lost.from).saturating_add(1);
                summary.lost = summary.lost.saturating_add(count);
            }
        }
        Ok(summary)
    }

    fn count_intervals(
        &self,
        gateway: &GatewayId,
        summary: &mut Summary,
    ) -> Result<(), StoreError> {
        let always = (Timestamp::default(), Timestamp::from_millis(u64::MAX));
        let mut meters: BTreeSet<MeterId> = BTreeSet::new();
        let mut start = None;
        loop {
            let page = self
                .ledger
                .intervals(gateway, None, always.0, always.1, start)?;
            for row in page.rows {
                summary.ledger_intervals += 1;
                if !meters.contains(&row.meter) {
                    meters.insert(row.meter);
                }
            }
            start = page.next;
            if start.is_none() {
                summary.meters += u64::try_from(meters.len()).unwrap_or(u64::MAX);
                return Ok(());
            }
        }
    }
}
