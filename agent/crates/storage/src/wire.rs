//! Bytes in and out: variable-length integers, and the frame with version and checksum that
//! every stored value has.

use crc::{CRC_32_ISCSI, Crc, Table};

const CASTAGNOLI: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Why stored bytes cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The checksum does not fit: the medium or the file is damaged.
    #[error("its checksum does not fit")]
    Checksum,
    /// It was written by a newer program; the bytes are kept.
    #[error("its format version {0} is not known to this program")]
    Version(u8),
    /// The checksum fits, and the content makes no sense.
    #[error("its {0} makes no sense")]
    Content(&'static str),
}

/// Writes a value piece by piece.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Seven bits a byte, lowest first.
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value > 0x7F {
            self.0.push(low_byte(value) | 0x80);
            value >>= 7;
        }
        self.0.push(low_byte(value));
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.varint(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(crate) fn zigzag(&mut self, value: i64) {
        self.varint(zigzag(value));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }

    /// Ends the value with a checksum that also covers where it belongs.
    pub(crate) fn finish(mut self, place: &[u8]) -> Vec<u8> {
        let sum = checksum(place, &self.0);
        self.0.extend_from_slice(&sum.to_le_bytes());
        self.0
    }
}

/// Reads what `Writer` wrote; never further than the end, never more than a limit.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// Proves the checksum and the version of a stored value before anything is read from it.
    pub(crate) fn open(stored: &'a [u8], place: &[u8], version: u8) -> Result<Self, Damage> {
        let (content, sum) = stored.split_last_chunk::<4>().ok_or(Damage::Checksum)?;
        if checksum(place, content) != u32::from_le_bytes(*sum) {
            return Err(Damage::Checksum);
        }
        let mut reader = Self(content);
        match reader.byte()? {
            found if found == version => Ok(reader),
            found => Err(Damage::Version(found)),
        }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Damage> {
        let (first, rest) = self.0.split_first().ok_or(Damage::Content("length"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        let (bytes, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(Damage::Content("length"))?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (bytes, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(Damage::Content("length"))?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damage::Content("integer"))
    }

    pub(crate) fn zigzag(&mut self) -> Result<i64, Damage> {
        self.varint().map(unzigzag)
    }

    /// A number of things to follow, refused above `max`.
    pub(crate) fn count(&mut self, max: usize) -> Result<usize, Damage> {
        usize::try_from(self.varint()?)
            .ok()
            .filter(|count| *count <= max)
            .ok_or(Damage::Content("count"))
    }

    pub(crate) fn bytes(&mut self, max: usize) -> Result<&'a [u8], Damage> {
        let length = self.count(max)?;
        self.raw(length)
    }

    pub(crate) fn text(&mut self, max: usize) -> Result<&'a str, Damage> {
        str::from_utf8(self.bytes(max)?).map_err(|_| Damage::Content("text"))
    }

    pub(crate) fn end(self) -> Result<(), Damage> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Damage::Content("length"))
        }
    }
}

fn checksum(place: &[u8], content: &[u8]) -> u32 {
    let mut digest = CASTAGNOLI.digest();
    digest.update(place);
    digest.update(content);
    digest.finalize()
}

/// The place of a row with two integer keys, as its checksum covers it.
pub(crate) fn place(table: u8, major: u64, minor: u64) -> [u8; 17] {
    let mut bytes = [table; 17];
    let (_, keys) = bytes.split_at_mut(1);
    let (first, second) = keys.split_at_mut(8);
    first.copy_from_slice(&major.to_be_bytes());
    second.copy_from_slice(&minor.to_be_bytes());
    bytes
}

pub(crate) const fn low_byte(value: u64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

/// Small numbers of either sign become small numbers without one.
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(value: u64, bytes: &[u8]) {
        let mut writer = Writer::default();
        writer.varint(value);
        assert_eq!(writer.0, bytes);
        assert_eq!(Reader(bytes).varint(), Ok(value));
    }

    #[test]
    fn integers_take_as_many_bytes_as_they_need() {
        check(0, &[0]);
        check(127, &[0x7F]);
        check(128, &[0x80, 1]);
        check(
            u64::MAX,
            &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        );
        assert!(Reader(&[0xFF; 10]).varint().is_err());
        assert!(Reader(&[0x80]).varint().is_err());
    }

    #[test]
    fn a_value_in_the_wrong_place_is_damaged() {
        let mut writer = Writer::default();
        writer.raw(&[7, 1, 2, 3]);
        let stored = writer.finish(&place(1, 2, 3));
        assert!(Reader::open(&stored, &place(1, 2, 3), 7).is_ok());
        assert_eq!(
            Reader::open(&stored, &place(1, 2, 4), 7).err(),
            Some(Damage::Checksum)
        );
        assert_eq!(
            Reader::open(&stored, &place(1, 2, 3), 8).err(),
            Some(Damage::Version(7))
        );
    }

    proptest! {
        #[test]
        fn integers_survive(unsigned: u64, signed: i64) {
            let mut writer = Writer::default();
            writer.varint(unsigned);
            writer.zigzag(signed);
            let mut reader = Reader(&writer.0);
            prop_assert_eq!(reader.varint(), Ok(unsigned));
            prop_assert_eq!(reader.zigzag(), Ok(signed));
            prop_assert!(reader.end().is_ok());
        }
    }
}
