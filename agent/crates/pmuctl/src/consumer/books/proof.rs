//! Whether a receipt is its gateway's. A forged one is booked nowhere: the true one of its number may
//! still come, and until then the gateway is not told that it may forget it.

use super::{Books, News};
use crate::adapters::clock::Now;
use crate::consumer::intake::Record;
use crate::limits::REMARK_CHARS_MAX;
use crate::words::plain;
use head_end::Body;
use std::time::Duration;
use storage::StoreError;

/// Forged receipts are counted each, and told this often.
const TELL_FORGED_EVERY: Duration = Duration::from_secs(10);

impl Books {
    /// Reads the receipt of a record, if it is one. `false`: it is forged, set aside and told.
    pub(super) fn prove(
        &mut self,
        record: &mut Record,
        now: Now,
        news: &mut News,
    ) -> Result<bool, StoreError> {
        let Body::Receipt(signed) = &record.body else {
            return Ok(true);
        };
        let gateway = &record.gateway;
        let why = match self.receipt_keys.read(gateway, signed) {
            Ok(read) => {
                record.receipt = read;
                return Ok(true);
            }
            Err(why) => why,
        };
        let hash = record.message.body_hash();
        let is_kept = self.ledger.set_aside_receipt(gateway, hash, signed)?;
        self.tally.forged += 1;
        let is_told = self
            .forged_told
            .is_some_and(|at| now.moment.since(at) < TELL_FORGED_EVERY);
        if !is_told {
            self.forged_told = Some(now.moment);
            let room = if is_kept {
                "it is set aside in the ledger"
            } else {
                "there is no room to set it aside"
            };
            let text = format!(
                "ALARM {gateway}: receipt {} is not believed ({} so far): {why}; {room}, and not \
                 confirmed. If the gateway has a new key, add it to its file and start again",
                record.message.number, self.tally.forged
            );
            news.remarks.push(plain(&text, REMARK_CHARS_MAX));
        }
        Ok(false)
    }
}
