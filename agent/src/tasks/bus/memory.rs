//! What the gateway remembers of a meter from one session to the next, across restarts: the octets
//! of what a FLAG meter said last, by their identity, and notes on any meter.

use metering::Timestamp;
use meters::collection::days_until_overwrite;
use std::collections::BTreeMap;
use std::time::Duration;

/// The first octet of what is stored; another one was written by another program.
const VERSION: u8 = 1;
/// What one entry takes beside its octets.
const HEAD_OCTETS: usize = 4;

/// Notes that are no identity of a meter have numbers beyond its three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// When everything that was due had been read, milliseconds since 1970.
    Collected,
    /// When a password was refused, milliseconds since 1970, and the mark of that password.
    PasswordRefused,
    /// The mark of the password that the meter has taken.
    PasswordTaken,
    /// The mark of the password file that was taken notice of since a command changed the password.
    PasswordFile,
    /// The identification of the meter.
    Identification,
    /// An identification that was seen once and is another one.
    OtherIdentification,
    /// For how many days the meter keeps its profile, and the newest row that was read of it.
    Held,
    /// A wrong serial number that was told.
    WrongSerial,
    /// The serial number of the meter that all this is of.
    Serial,
    /// When gaps of the profile were looked for.
    GapLook,
    /// When the profile was read with a day of overlap.
    Overlap,
    /// When the clock was adjusted.
    Adjusted,
    /// What was said of the clock last, so that it is not said every hour.
    Clock,
    /// How the profile of a DLMS meter is set up.
    ProfileSetup,
    /// Bits of the profile's status that the model does not name, and that were told.
    StatusBits,
    /// Which of them the newest row has that was looked at, and its mark.
    StatusRun,
}

impl Note {
    const fn number(self) -> u16 {
        match self {
            Self::Collected => 1001,
            Self::PasswordRefused => 1002,
            Self::Identification => 1003,
            Self::GapLook => 1004,
            Self::Overlap => 1005,
            Self::Clock => 1006,
            Self::Adjusted => 1007,
            Self::Serial => 1008,
            Self::PasswordTaken => 1009,
            Self::WrongSerial => 1010,
            Self::OtherIdentification => 1011,
            Self::Held => 1012,
            Self::ProfileSetup => 1013,
            Self::StatusBits => 1014,
            Self::StatusRun => 1015,
            Self::PasswordFile => 1016,
        }
    }
}

/// The memory of one meter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    entries: BTreeMap<u16, Vec<u8>>,
    /// What is stored may be older.
    pub(super) is_changed: bool,
}

impl Memory {
    /// From what is stored; what cannot be read is forgotten, because the meter still has it.
    pub(super) fn decode(stored: &[u8]) -> Self {
        let entries = entries(stored).unwrap_or_else(|| {
            if !stored.is_empty() {
                log::warn!("what was remembered of a meter cannot be read; it is read again");
            }
            BTreeMap::new()
        });
        Self {
            entries,
            is_changed: false,
        }
    }

    /// As it is stored.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut octets = vec![VERSION];
        for (number, value) in &self.entries {
            let Ok(length) = u16::try_from(value.len()) else {
                continue;
            };
            let next = octets.len() + HEAD_OCTETS + value.len();
            if next > storage::limits::STATE_BYTES_MAX {
                log::warn!(number; "there is no room to remember an identity of a meter");
                continue;
            }
            octets.extend(number.to_be_bytes());
            octets.extend(length.to_be_bytes());
            octets.extend(value);
        }
        octets
    }

    /// The octets of an identity when it was last read.
    pub(super) fn identity(&self, number: u16) -> Option<&[u8]> {
        self.entries.get(&number).map(Vec::as_slice)
    }

    /// Remembers the octets of an identity.
    pub(super) fn set_identity(&mut self, number: u16, octets: &[u8]) {
        if self.identity(number) != Some(octets) {
            self.entries.insert(number, octets.to_vec());
            self.is_changed = true;
        }
    }

    /// A note.
    pub(super) fn note(&self, note: Note) -> Option<&[u8]> {
        self.identity(note.number())
    }

    /// Writes a note; an empty one takes it away.
    pub(super) fn set_note(&mut self, note: Note, octets: &[u8]) {
        if octets.is_empty() {
            self.is_changed |= self.entries.remove(&note.number()).is_some();
        } else {
            self.set_identity(note.number(), octets);
        }
    }

    /// A note that is a number.
    pub(super) fn number(&self, note: Note) -> Option<u64> {
        let octets = self.note(note)?.first_chunk::<8>()?;
        Some(u64::from_be_bytes(*octets))
    }

    /// Writes a note that is a number.
    pub(super) fn set_number(&mut self, note: Note, number: u64) {
        self.set_note(note, &number.to_be_bytes());
    }

    /// Whether something that is done now and then is due; notes that it is done.
    pub(super) fn is_due(&mut self, note: Note, every: Duration, now: Timestamp) -> bool {
        let done = self.number(note).map(Timestamp::from_millis);
        let is_fresh = done.is_some_and(|done| done <= now && now < done.after(every));
        if !is_fresh {
            self.set_number(note, now.millis());
        }
        !is_fresh
    }

    /// Writes a note; whether it says something else than before.
    pub(super) fn is_news(&mut self, note: Note, words: &str) -> bool {
        let is_new = self.note(note) != Some(words.as_bytes());
        self.set_note(note, words.as_bytes());
        is_new
    }

    /// Status bits without a meaning in the newest row that was looked at, and its mark.
    pub(super) fn status_run(&self) -> Option<(u64, Timestamp)> {
        let (pairs, _) = self.note(Note::StatusRun)?.as_chunks::<8>();
        let &[bits, mark] = pairs else {
            return None;
        };
        let mark = Timestamp::from_seconds(u64::from_be_bytes(mark));
        Some((u64::from_be_bytes(bits), mark))
    }

    /// Notes them.
    pub(super) fn note_status_run(&mut self, bits: u64, mark: Timestamp) {
        let run = [bits.to_be_bytes(), mark.seconds().to_be_bytes()].concat();
        self.set_note(Note::StatusRun, &run);
    }

    /// For how many days the meter keeps its profile, and the newest row that was read of it: how
    /// long the rest is safe is told also of a meter that cannot be reached.
    pub(super) fn note_held(&mut self, days: u64, last: Timestamp) {
        let held = [days.to_be_bytes(), last.seconds().to_be_bytes()].concat();
        self.set_note(Note::Held, &held);
    }

    /// The same, as it was noted.
    pub(super) fn held(&self) -> Option<(u64, Timestamp)> {
        let (pairs, _) = self.note(Note::Held)?.as_chunks::<8>();
        let &[days, last] = pairs else {
            return None;
        };
        let last = u64::from_be_bytes(last);
        Some((u64::from_be_bytes(days), Timestamp::from_seconds(last)))
    }

    /// Days until the meter overwrites what nobody has read.
    pub(super) fn overwrite_in_days(&self, now: Timestamp) -> Option<u32> {
        let (days, last) = self.held()?;
        let left = days_until_overwrite(days, last, now);
        Some(u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// Another meter is there: what was remembered is of no use.
    pub(super) fn forget(&mut self) {
        self.is_changed |= !self.entries.is_empty();
        self.entries.clear();
    }
}

fn entries(stored: &[u8]) -> Option<BTreeMap<u16, Vec<u8>>> {
    let (&VERSION, mut rest) = stored.split_first()? else {
        return None;
    };
    let mut entries = BTreeMap::new();
    while !rest.is_empty() {
        let (&[high, low, length_high, length_low], after) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let (value, after) = after.split_at_checked(length)?;
        entries.insert(u16::from_be_bytes([high, low]), value.to_vec());
        rest = after;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_remembered_survives_a_restart() {
        let mut memory = Memory::default();
        assert!(!memory.is_changed);
        memory.set_identity(798, b"1234567");
        memory.set_number(Note::Collected, 1_800_000_000_000);
        assert!(memory.is_changed);
        let again = Memory::decode(&memory.encode());
        assert_eq!(again.identity(798), Some(&b"1234567"[..]));
        assert_eq!(again.number(Note::Collected), Some(1_800_000_000_000));
        assert_eq!(again.number(Note::PasswordRefused), None);
        assert!(!again.is_changed);
        let mut again = again;
        again.set_identity(798, b"1234567");
        assert!(!again.is_changed, "nothing new");
        again.set_note(Note::Collected, &[]);
        assert!(again.is_changed && again.number(Note::Collected).is_none());
        again.forget();
        assert_eq!(again.identity(798), None);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_the_rest_is_kept() {
        let mut memory = Memory::default();
        memory.set_identity(1, &[1; 10]);
        memory.set_identity(2, &vec![2; storage::limits::STATE_BYTES_MAX]);
        memory.set_identity(3, &[3; 10]);
        let stored = memory.encode();
        assert!(stored.len() <= storage::limits::STATE_BYTES_MAX);
        let again = Memory::decode(&stored);
        assert_eq!(again.identity(2), None);
        assert_eq!(again.identity(3), Some(&[3; 10][..]));
    }

    proptest! {
        #[test]
        fn nothing_stored_makes_it_panic(stored: Vec<u8>) {
            let memory = Memory::decode(&stored);
            prop_assert_eq!(Memory::decode(&memory.encode()), memory);
        }
    }
}
