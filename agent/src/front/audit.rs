//! The audit chain, for whoever takes it away to prove it elsewhere.

use super::{Front, refusal, store_refusal};
use crate::hex::hex;
use crate::limits::{AUDIT_PIECE_BYTES_MAX, AUDIT_PIECE_RECORDS_MAX};
use authority::AuditSeal;
use desk::{Answer, AuditPiece, Refusal};
use storage::AuditSegment;

impl Front {
    /// At most `count` records from a number on, or the newest ones; fewer where an answer has no room.
    pub(super) async fn audit_piece(&self, from: u64, count: u32) -> Result<Answer, Refusal> {
        let mut count = count.clamp(1, AUDIT_PIECE_RECORDS_MAX);
        loop {
            let from = if from == 0 {
                self.newest_begin(count).await?
            } else {
                from
            };
            let segment = self.segment(from, count).await?;
            let lines = segment.to_lines();
            if lines.len() > AUDIT_PIECE_BYTES_MAX && count > 1 {
                count /= 2;
                continue;
            }
            let first = segment.before.number.saturating_add(1);
            let newest = segment.links.last();
            let last = newest.map_or(segment.before.number, |link| link.number);
            let seal = self.seal(&segment, (first, last))?;
            return Ok(Answer::Audit(Box::new(AuditPiece {
                first,
                last,
                lines,
                seal,
            })));
        }
    }

    async fn newest_begin(&self, count: u32) -> Result<u64, Refusal> {
        // Nothing follows the newest record; what stands before nothing is its number.
        let newest = self.segment(u64::MAX, 1).await?.before.number;
        Ok(newest.saturating_sub(u64::from(count)).saturating_add(1))
    }

    async fn segment(&self, from: u64, count: u32) -> Result<AuditSegment, Refusal> {
        let limit = usize::try_from(count).unwrap_or(usize::MAX);
        let found = self.store.audit_segment(from, limit).await;
        found.map_err(|error| store_refusal(&error))
    }

    fn seal(
        &self,
        segment: &AuditSegment,
        (first, last): (u64, u64),
    ) -> Result<Option<String>, Refusal> {
        let (Some(desk), Some(newest)) = (&self.command_desk, segment.links.last()) else {
            return Ok(None);
        };
        let seal = AuditSeal {
            epoch: self.store.announced().epoch,
            first,
            last,
            before: segment.before.hash,
            head: newest.head().hash,
            at: self.clock.now().utc,
        };
        let signed = desk.seal_audit(&seal, &self.gateway).map_err(|fault| {
            let problem = format!("the piece cannot be signed: {fault}");
            refusal(problem, "this is a defect of the gateway; tell its makers")
        })?;
        Ok(Some(hex(&signed)))
    }
}
