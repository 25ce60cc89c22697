//! A meter whose every value says where it was read and when.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use meters::{Span, Table};

use super::{Refusal, RegisterSource};

/// How long an odd register keeps its value.
pub const TICK: Duration = Duration::from_millis(10);

/// Even registers hold a tag of unit, table and address, odd ones the number of ticks since the
/// start: an answer used for the wrong request, meter or time cannot look right.
#[derive(Debug)]
pub struct CountingMeter {
    unit: u8,
    written: Mutex<BTreeMap<u16, u16>>,
}

impl CountingMeter {
    /// The meter with this unit address.
    pub const fn new(unit: u8) -> Self {
        Self {
            unit,
            written: Mutex::new(BTreeMap::new()),
        }
    }

    /// What an even register holds.
    ///
    /// The steps are odd, so that neighbours, units and tables never share a tag.
    pub fn tag(unit: u8, table: Table, address: u16) -> u16 {
        let table = match table {
            Table::Holding => 0,
            Table::Input => 0x8001,
        };
        address.wrapping_mul(3) ^ u16::from(unit).wrapping_mul(0x0101) ^ table
    }

    /// What an odd register holds at this time.
    pub fn ticks(at: Duration) -> u16 {
        let ticks = at.as_millis() / TICK.as_millis() % 0x1_0000;
        u16::try_from(ticks).unwrap_or(0)
    }

    /// Whether these words are what this meter holds there, at whatever time.
    pub fn owns(unit: u8, span: Span, words: &[u16]) -> bool {
        words.len() == usize::from(span.count)
            && (span.address..).zip(words).all(|(address, word)| {
                address % 2 == 1 || *word == Self::tag(unit, span.table, address)
            })
    }
}

impl RegisterSource for CountingMeter {
    fn words(&self, span: Span, at: Duration) -> Result<Vec<u16>, Refusal> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let addresses = (0..span.count).map(|offset| span.address.wrapping_add(offset));
        Ok(addresses
            .map(|address| match written.get(&address) {
                Some(word) if span.table == Table::Holding => *word,
                _ if address % 2 == 1 => Self::ticks(at),
                _ => Self::tag(self.unit, span.table, address),
            })
            .collect())
    }

    /// Takes values for the holding registers from 0xF000 on.
    fn write(&self, address: u16, words: &[u16], _at: Duration) -> Result<(), Refusal> {
        if address < 0xF000 {
            return Err(Refusal::IllegalAddress);
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend((address..=u16::MAX).zip(words.iter().copied()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_look_alike() {
        let mut seen = BTreeMap::new();
        for unit in 1..=32 {
            for table in [Table::Holding, Table::Input] {
                for address in (0..128).step_by(2) {
                    let tag = CountingMeter::tag(unit, table, address);
                    let earlier = seen.insert((unit, tag), (table, address));
                    assert_eq!(earlier, None, "unit {unit} has the tag {tag} twice");
                }
            }
        }
        let here = Span {
            table: Table::Input,
            address: 0,
            count: 10,
        };
        let there = Span {
            address: 100,
            ..here
        };
        let words = CountingMeter::new(1)
            .words(here, Duration::from_secs(9))
            .unwrap();
        assert!(CountingMeter::owns(1, here, &words));
        assert!(!CountingMeter::owns(1, there, &words));
        assert!(!CountingMeter::owns(2, here, &words));
    }

    #[test]
    fn what_was_written_is_read_back() {
        let meter = CountingMeter::new(1);
        let span = Span {
            table: Table::Holding,
            address: 0xF000,
            count: 2,
        };
        assert_eq!(
            meter.write(0x10, &[1], Duration::ZERO),
            Err(Refusal::IllegalAddress)
        );
        assert_eq!(meter.write(0xF000, &[7, 8], Duration::ZERO), Ok(()));
        assert_eq!(meter.words(span, Duration::ZERO), Ok(vec![7, 8]));
    }
}
