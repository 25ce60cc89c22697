//! What the storekeeper does with each ask.

use super::housekeeping::damage_words;
use super::{Ask, Look, OutboxAsk, Record, Storekeeper};
use crate::limits::{COMMIT_BYTES_MAX, PROFILE_ROWS_MAX};
use metering::{MeterId, ProfileId, ProfileShape, Row, Timestamp};
use storage::limits::RECEIPT_BYTES_MAX;
use storage::{
    AuditRecord, Batch, Body, DamagedItem, GapRange, GapReason, GapRecord, ProfileData, StoreError,
    Stream, VerifyFrom,
};
use tokio::sync::oneshot;

const END_OF_TIME: Timestamp = Timestamp::from_millis(u64::MAX);

/// What a full check found.
#[derive(Debug, Clone, Default)]
pub(crate) struct FullCheck {
    /// Rows and audit records looked at.
    pub checked: u64,
    /// What is wrong, in words.
    pub faults: Vec<String>,
}

impl Storekeeper {
    pub(super) fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Keep(records, urgency) => {
                self.keep(records);
                self.schedule(urgency);
            }
            Ask::SetState {
                kind,
                id,
                value,
                reply,
            } => {
                let done = self.shelf.write(|store| store.set_state(kind, id, &value));
                send(reply, done);
            }
            Ask::Outbox(ask) => self.outbox(ask),
            Ask::Look(look) => self.look(look),
            Ask::Journal(ask) => self.journal(ask),
        }
    }

    fn outbox(&mut self, ask: OutboxAsk) {
        match ask {
            OutboxAsk::Pending {
                stream,
                after,
                limit,
                reply,
            } => {
                let found = self.shelf.with(|store| store.pending(stream, after, limit));
                let found = found.map(|found| self.without_damaged(stream, found));
                send(reply, found);
            }
            OutboxAsk::Entry {
                stream,
                number,
                reply,
            } => {
                send(reply, self.shelf.with(|store| store.entry(stream, number)));
            }
            OutboxAsk::Confirm {
                stream,
                upto,
                islands,
                reply,
            } => {
                let done = self
                    .shelf
                    .with(|store| store.confirm(stream, upto, &islands));
                self.publish();
                send(reply, done.map(drop));
            }
            OutboxAsk::SetAside {
                stream,
                number,
                why,
                reply,
            } => {
                let at = self.parts.clock.now().utc;
                let done = self
                    .shelf
                    .write(|store| store.quarantine(stream, number, &why, at));
                self.publish();
                send(reply, done);
            }
            OutboxAsk::Release {
                stream,
                number,
                reply,
            } => {
                let done = self.shelf.write(|store| store.release(stream, number));
                self.publish();
                send(reply, done);
            }
        }
    }

    fn look(&mut self, look: Look) {
        match look {
            Look::Profile {
                meter,
                profile,
                from,
                to,
                reply,
            } => {
                let found = self.profile(&meter, profile, from, to);
                send(reply, found);
            }
            Look::LastRow {
                meter,
                profile,
                reply,
            } => {
                let found = self.last_row(&meter, profile);
                send(reply, found);
            }
            Look::LastRowUpTo {
                meter,
                profile,
                to,
                reply,
            } => {
                let found = self.last_row_up_to(&meter, profile, to);
                send(reply, found);
            }
            Look::State { kind, id, reply } => {
                send(reply, self.shelf.with(|store| store.state(kind, id)));
            }
            Look::SetAside(reply) => send(reply, self.shelf.with(|store| store.quarantined())),
            Look::Stats(reply) => send(reply, self.shelf.with(|store| store.stats())),
            Look::Verify(reply) => {
                self.commit_first();
                let checked = self.full_check();
                send(reply, checked);
            }
        }
    }

    /// Adds records to a batch.
    pub(super) fn fill(&self, batch: &mut Batch, records: Vec<Record>) {
        let now = self.parts.clock.now();
        // While nothing can be stored, memory is for what no meter can repeat.
        let must_save_memory = self.failing && self.unstored() + batch.weight() > COMMIT_BYTES_MAX;
        for record in records {
            let body = match record {
                Record::Readings(_) if self.telemetry_stopped || must_save_memory => {
                    continue;
                }
                Record::Readings(readings) => Body::Readings(vec![readings]),
                Record::Rows(rows) => Body::Profile(rows),
                Record::Event(event) => Body::Event(event),
                Record::Gap(gap) => Body::Gap(gap),
                Record::Receipt(signed) if !(1..=RECEIPT_BYTES_MAX).contains(&signed.len()) => {
                    // It would take everything else of its commit down with it.
                    let bytes = signed.len();
                    log::error!(bytes; "a state of a command has {bytes} bytes and is not sent");
                    continue;
                }
                Record::Receipt(signed) => Body::Receipt(signed),
                Record::State { key, value } => {
                    let (kind, id) = key.key();
                    batch.set_state(kind, id, value);
                    continue;
                }
                Record::Audit { who, what, detail } => {
                    let record = AuditRecord {
                        at: now.utc,
                        who,
                        what,
                        detail,
                    };
                    batch.audit(record, now.quality);
                    continue;
                }
            };
            batch.push(body, now.utc, now.quality);
        }
    }

    /// What is asked for may be in memory still. While nothing can be stored that is not tried for
    /// every question.
    pub(super) fn commit_first(&mut self) {
        if !self.failing {
            self.commit();
        }
    }

    /// What cannot be stored now is not missing: while such intervals wait, nothing is said of
    /// their time.
    fn profile(
        &mut self,
        meter: &MeterId,
        profile: ProfileId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<ProfileData, StoreError> {
        self.commit_first();
        let waits = self.waiting_row(meter, profile, to);
        if waits.is_some_and(|(row, _)| row.end > from) {
            return Err(self.shelf.resting());
        }
        let limit = PROFILE_ROWS_MAX;
        self.shelf
            .with(|store| store.profile(meter, profile, from, to, limit))
    }

    /// The newest interval, stored or not yet: a profile that began before it would make its
    /// intervals twice.
    fn last_row(
        &mut self,
        meter: &MeterId,
        profile: ProfileId,
    ) -> Result<Option<(Row, ProfileShape)>, StoreError> {
        self.commit_first();
        let stored = self.shelf.with(|store| store.last_row(meter, profile))?;
        let waiting = self.waiting_row(meter, profile, END_OF_TIME);
        let waiting = waiting.map(|(row, shape)| (row.clone(), shape.clone()));
        Ok(stored
            .into_iter()
            .chain(waiting)
            .max_by_key(|(row, _)| row.end))
    }

    fn waiting_row(
        &self,
        meter: &MeterId,
        profile: ProfileId,
        upto: Timestamp,
    ) -> Option<(&Row, &ProfileShape)> {
        let batches = [&self.tried, &self.pending].into_iter();
        let rows = batches.filter_map(|batch| batch.last_row(meter, profile, upto));
        rows.max_by_key(|(row, _)| row.end)
    }

    /// Entries that cannot be read are set aside, and the head-end is told that they are lost.
    fn without_damaged(&mut self, stream: Stream, found: storage::Pending) -> Vec<storage::Entry> {
        let now = self.parts.clock.now();
        for number in found.damaged {
            let why = damage_words(&DamagedItem::Entry { stream, number });
            let done = self
                .shelf
                .write(|store| store.quarantine(stream, number, &why, now.utc));
            if let Err(error) = done {
                log::error!(error:%; "{why}, and cannot be set aside");
                continue;
            }
            let what = GapRange::Numbers {
                stream,
                ranges: vec![(number, number)],
            };
            let gap = GapRecord {
                what,
                why: GapReason::Damaged,
                request: Vec::new(),
            };
            self.keep(vec![Record::Gap(gap)]);
            self.note(metering::EventCode::EntriesDropped, why);
        }
        found.entries
    }

    fn last_row_up_to(
        &mut self,
        meter: &MeterId,
        profile: ProfileId,
        to: Timestamp,
    ) -> Result<Option<Row>, StoreError> {
        self.commit_first();
        let mut from = Timestamp::default();
        let mut last = self
            .waiting_row(meter, profile, to)
            .map(|(row, _)| row.clone());
        loop {
            let found = self
                .shelf
                .with(|store| store.profile(meter, profile, from, to, PROFILE_ROWS_MAX))?;
            let newest = found
                .blocks
                .into_iter()
                .filter_map(|block| block.rows.into_iter().last());
            let Some(row) = newest.last() else {
                return Ok(last);
            };
            from = row.end;
            last = last.filter(|known| known.end > row.end).or(Some(row));
            if !found.more {
                return Ok(last);
            }
        }
    }

    fn full_check(&mut self) -> Result<FullCheck, StoreError> {
        let mut check = FullCheck::default();
        let mut from = Some(VerifyFrom::default());
        while let Some(at) = from {
            let slice = self.shelf.with(|store| store.verify(at, 4096))?;
            check.checked += u64::try_from(slice.checked).unwrap_or(u64::MAX);
            check.faults.extend(slice.damaged.iter().map(damage_words));
            from = slice.next;
            self.parts.pulse.beat();
        }
        let audit = self.shelf.with(|store| store.verify_audit())?;
        check.checked += (audit.last + 1).saturating_sub(audit.first);
        if let Some(number) = audit.broken_at {
            check
                .faults
                .push(format!("the audit chain is broken at record {number}"));
        }
        Ok(check)
    }
}

/// Whoever asked may have gone away since; that is its own business.
pub(super) fn send<T>(
    reply: oneshot::Sender<Result<T, StoreError>>,
    answer: Result<T, StoreError>,
) {
    if reply.send(answer).is_err() {
        log::debug!("nobody waits for this answer any more");
    }
}
