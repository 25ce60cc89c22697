//! What is kept of a list's run, and under which name.
//!
//! Version 1: the octet 1; until when the schedule is handled (8, milliseconds, highest octet first); the
//! command that ordered the run (16, zeros for a schedule); the run, if there is one.

use authority::CommandId;
use metering::Timestamp;
use schemes::list::Run;

const VERSION: u8 = 1;

/// The name of a list's text.
pub(super) fn list_name(list: &str) -> String {
    format!("list/{list}")
}

/// The name of the proof who put it.
pub(super) fn row_name(list: &str) -> String {
    format!("list-put/{list}")
}

/// The name of its run.
pub(super) fn run_name(list: &str) -> String {
    format!("list-run/{list}")
}

/// How far a list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunRecord {
    /// Runs up to here were begun or told as missed; zero for a list that was not looked at yet.
    pub(super) handled: Timestamp,
    /// The command that ordered the run, if one did.
    pub(super) by: Option<CommandId>,
    /// The run, also when it is over.
    pub(super) run: Option<Run>,
}

impl RunRecord {
    pub(super) const fn new() -> Self {
        Self {
            handled: Timestamp::from_millis(0),
            by: None,
            run: None,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(self.handled.millis().to_be_bytes());
        out.extend(self.by.map_or([0; 16], CommandId::bytes));
        out.extend(self.run.iter().flat_map(Run::to_bytes));
        out
    }

    /// Nothing if another version wrote it, or it is damaged: the list is then as if it were new.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (handled, rest) = rest.split_first_chunk::<8>()?;
        let (by, run) = rest.split_first_chunk::<16>()?;
        let run = if run.is_empty() {
            None
        } else {
            Some(Run::from_bytes(run).ok()?)
        };
        (*version == VERSION).then(|| Self {
            handled: Timestamp::from_millis(u64::from_be_bytes(*handled)),
            by: Some(CommandId::new(*by)).filter(|by| by.bytes() != [0; 16]),
            run,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_damage_is_no_record() {
        let mut record = RunRecord::new();
        assert_eq!(RunRecord::decode(&record.encode()), Some(record.clone()));
        record.handled = Timestamp::from_millis(1_790_000_000_123);
        record.by = Some(CommandId::new([7; 16]));
        let bytes = record.encode();
        assert_eq!(RunRecord::decode(&bytes), Some(record));
        for length in 0..bytes.len() {
            assert_eq!(RunRecord::decode(bytes.get(..length).unwrap()), None);
        }
        let mut newer = bytes.clone();
        newer[0] = 2;
        assert_eq!(RunRecord::decode(&newer), None);
        let mut longer = bytes;
        longer.push(9);
        assert_eq!(RunRecord::decode(&longer), None);
    }
}
