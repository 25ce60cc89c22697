//! From a batch to the rows of one commit.

use crate::audit::AuditLink;
use crate::batch::Batch;
use crate::error::StoreError;
use crate::hot::{self, AUDIT, STATE, StreamState};
use crate::remember::{self, Wish};
use crate::stream::PerStream;
use crate::{AuditHead, Body, Entry, Stream, codec};
use metering::Timestamp;
use redb::WriteTransaction;

/// Everything one commit writes, encoded and numbered.
pub(crate) struct Plan {
    pub(crate) rows: Vec<(Stream, u64, Vec<u8>)>,
    links: Vec<AuditLink>,
    state: Vec<(u8, u32, Vec<u8>)>,
    pub(crate) remembered: Vec<Wish>,
    pub(crate) at: Timestamp,
}

impl Plan {
    /// Numbers what the batch holds. The streams themselves do not move before the commit.
    pub(crate) fn of(
        mut batch: Batch,
        streams: &PerStream<StreamState>,
        head: AuditHead,
    ) -> Result<Self, StoreError> {
        let at = batch.at();
        let (links, news) = chain(&mut batch, head);
        let state = std::mem::take(&mut batch.state);
        check_state(&state)?;
        let remembered = std::mem::take(&mut batch.remembered);
        remember::check(&remembered)?;
        let mut entries = batch.into_entries()?;
        entries.extend(news);
        let mut next = PerStream::try_of(|stream| Ok(streams.get(stream).cursor.next))?;
        let mut rows = Vec::with_capacity(entries.len());
        for mut entry in entries {
            let number = next.get_mut(entry.stream);
            entry.number = *number;
            *number += 1;
            rows.push((entry.stream, entry.number, codec::encode(&entry)));
        }
        Ok(Self {
            rows,
            links,
            state,
            remembered,
            at,
        })
    }

    /// Writes everything into a transaction.
    pub(crate) fn write(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        for stream in Stream::ALL {
            let mut own = self.rows.iter().filter(|row| row.0 == stream).peekable();
            if own.peek().is_none() {
                continue;
            }
            let mut log = transaction.open_table(hot::log(stream))?;
            for (_, number, row) in own {
                let before = log.insert(*number, row.as_slice())?;
                assert!(before.is_none(), "entry {number} of {stream} written twice");
            }
        }
        if !self.links.is_empty() {
            let mut audit = transaction.open_table(AUDIT)?;
            for link in &self.links {
                audit.insert(link.number, link.encode().as_slice())?;
            }
        }
        if !self.state.is_empty() {
            let mut state = transaction.open_table(STATE)?;
            for (kind, id, value) in &self.state {
                if value.is_empty() {
                    state.remove((*kind, *id))?;
                } else {
                    state.insert((*kind, *id), value.as_slice())?;
                }
            }
        }
        Ok(())
    }

    /// After the commit: moves the streams on, and says which numbers were given.
    pub(crate) fn applied(
        self,
        streams: &mut PerStream<StreamState>,
        head: &mut AuditHead,
    ) -> Vec<(Stream, u64)> {
        if let Some(link) = self.links.last() {
            *head = link.head();
        }
        let mut given = Vec::with_capacity(self.rows.len());
        for (stream, number, row) in self.rows {
            let state = streams.get_mut(stream);
            state.cursor.next = number + 1;
            state.unsent_entries += 1;
            state.unsent_bytes += u64::try_from(row.len()).unwrap_or(0);
            given.push((stream, number));
        }
        given
    }
}

/// The batch's audit records as links, and the entry that tells the head-end.
fn chain(batch: &mut Batch, mut head: AuditHead) -> (Vec<AuditLink>, Option<Entry>) {
    let mut links = Vec::with_capacity(batch.audit.len());
    let mut news = None;
    for (record, clock) in batch.audit.drain(..) {
        let at = record.at;
        let link = AuditLink::after(head, record);
        head = link.head();
        links.push(link);
        news = Some(Entry {
            stream: Stream::Audit,
            number: 0,
            at,
            clock,
            body: Body::Audit(head),
        });
    }
    (links, news)
}

fn check_state(state: &[(u8, u32, Vec<u8>)]) -> Result<(), StoreError> {
    let max = crate::limits::STATE_BYTES_MAX;
    match state.iter().find(|(.., value)| value.len() > max) {
        Some((.., value)) => Err(StoreError::Unfit {
            what: format!("a state value has {} bytes", value.len()),
            wanted: "at most 4096 bytes",
        }),
        None => Ok(()),
    }
}
