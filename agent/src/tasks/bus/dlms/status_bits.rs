//! Status bits of rows that no flag stands for: which rows have them is kept, in events.

use super::session::Sitting;
use crate::tasks::bus::memory::Memory;
use line::Line;
use metering::EventCode;
use meters::cosem::{StatusRun, bit_words};

/// Changes that one event tells: a bit may come and go with every row.
const CHANGES_A_PIECE: usize = 16;

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// What is new among the runs of a read goes to the head-end. A bit that stays is told once; how long
    /// it stayed, the next change says.
    pub(super) fn keep_unknown_bits(&mut self, runs: &[StatusRun]) {
        let mut changes = changes(&mut self.book.memory, runs);
        // Rows of the last day are read again now and then.
        changes.retain(|change| self.book.known.is_news(change));
        for piece in changes.chunks(CHANGES_A_PIECE) {
            let detail = format!(
                "status bits that the model file does not name: {}",
                piece.join("; ")
            );
            let event = self
                .book
                .event(EventCode::MeterProfileUnknown, detail, self.desk.clock);
            self.said.events.push(event);
        }
    }
}

/// Where such bits change, behind the newest row that was looked at before; rows before that one are
/// told by themselves.
fn changes(memory: &mut Memory, runs: &[StatusRun]) -> Vec<String> {
    let mut told = Vec::new();
    let before = memory.status_run();
    let (mut bits, mut upto) = before.unwrap_or_default();
    for run in runs {
        let words = bit_words(run.bits);
        if before.is_some() && run.last <= upto {
            if run.bits != 0 {
                told.push(format!(
                    "{words} in the rows from {} to {}",
                    run.first, run.last
                ));
            }
            continue;
        }
        if run.bits != bits {
            told.push(format!("{words} from the row of {} on", run.first));
        }
        (bits, upto) = (run.bits, run.last);
    }
    if !runs.is_empty() {
        memory.note_status_run(bits, upto);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use metering::Timestamp;

    fn run(bits: u64, first: u64, last: u64) -> StatusRun {
        let at = |quarter: u64| Timestamp::from_seconds(quarter * 900);
        StatusRun {
            bits,
            first: at(first),
            last: at(last),
        }
    }

    #[track_caller]
    fn check(memory: &mut Memory, runs: &[StatusRun], expected: &[&str]) {
        assert_eq!(changes(memory, runs), expected);
    }

    #[test]
    fn every_change_is_told_and_what_stays_is_not() {
        let mut memory = Memory::default();
        check(&mut memory, &[run(0, 1, 4)], &[]);
        check(
            &mut memory,
            &[run(0, 5, 5), run(128, 6, 7)],
            &["bit 7 from the row of 1970-01-01T01:30:00Z on"],
        );
        // Another session; the same rows come again with the overlap.
        let mut memory = Memory::decode(&memory.encode());
        check(&mut memory, &[run(128, 8, 8)], &[]);
        check(
            &mut memory,
            &[run(640, 9, 9), run(0, 10, 11)],
            &[
                "bits 7, 9 from the row of 1970-01-01T02:15:00Z on",
                "no bit from the row of 1970-01-01T02:30:00Z on",
            ],
        );
        check(&mut memory, &[], &[]);
    }

    #[test]
    fn rows_of_a_gap_are_told_by_themselves() {
        let mut memory = Memory::default();
        check(&mut memory, &[run(0, 90, 96)], &[]);
        let found = "bit 7 in the rows from 1970-01-01T01:30:00Z to 1970-01-01T01:45:00Z";
        check(&mut memory, &[run(0, 5, 5), run(128, 6, 7)], &[found]);
        check(&mut memory, &[run(0, 97, 97)], &[]);
    }
}
