//! Channel lists that were learned in an earlier run.

use crate::limits::LISTS_SEARCH;
use head_end::{ProfileBlock, channels_version};
use metering::{Channel, GatewayId, Timestamp};
use std::sync::Arc;
use storage::StoreError;
use storage::ledger::{BookedRow, Ledger};

/// Looks among the booked intervals of the block's meter for one with the channels that the block
/// was made with: first in the days before it, then among the oldest.
pub(super) fn find(
    ledger: &Ledger,
    gateway: &GatewayId,
    block: &ProfileBlock,
) -> Result<Option<Arc<[Channel]>>, StoreError> {
    let first = block
        .rows
        .first()
        .map_or(Timestamp::default(), |row| row.end);
    let spans = [
        (first.before(LISTS_SEARCH), first),
        (Timestamp::default(), Timestamp::from_millis(u64::MAX)),
    ];
    for (after, upto) in spans {
        let page = ledger.intervals(gateway, Some(&block.meter), after, upto, None)?;
        let mut rows = page
            .rows
            .iter()
            .rev()
            .filter(|row| row.profile == block.profile);
        let mut before: Option<Arc<[Channel]>> = None;
        let found = rows.find_map(|row| {
            let channels = channels(row);
            // Nearly all rows of a meter have one shape: hash it once.
            if before.as_ref() == Some(&channels) {
                return None;
            }
            let version = channels_version(&channels);
            before = Some(Arc::clone(&channels));
            version
                .is_ok_and(|version| version == block.channels_version)
                .then_some(channels)
        });
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn channels(row: &BookedRow) -> Arc<[Channel]> {
    row.values
        .iter()
        .map(|value| value.channel.clone())
        .collect()
}
