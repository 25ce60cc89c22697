//! Rice codes: numbers that are mostly small in a few bits each.
//!
//! The code of x with parameter k: q = x >> k ones, a zero, and the k low bits; where q would be
//! 24 or more, 24 ones, the length of x less one in six bits, and x itself, so that an outlier
//! costs at most 94 bits.

use crate::wire::{Damage, low_byte};

/// Quotients from here on are written out.
const ESCAPE: u32 = 24;
/// Largest parameter: it has five bits in a column's header.
pub(crate) const PARAMETER_MAX: u32 = 31;

/// Bits, most significant first.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    held: u64,
    held_bits: u32,
}

impl BitWriter {
    /// The `count` low bits of `value`; at most 32 at a time fit beside those held.
    fn push(&mut self, value: u64, count: u32) {
        if count > 32 {
            self.push(value >> 32, count - 32);
            self.push(value & 0xFFFF_FFFF, 32);
            return;
        }
        self.held = self.held << count | value & mask(count);
        self.held_bits += count;
        while self.held_bits >= 8 {
            self.held_bits -= 8;
            self.bytes.push(low_byte(self.held >> self.held_bits));
        }
    }

    pub(crate) fn rice(&mut self, value: u64, k: u32) {
        let quotient = value >> k;
        if quotient < u64::from(ESCAPE) {
            let ones = u32::try_from(quotient).unwrap_or(ESCAPE);
            self.push(mask(ones) << 1, ones + 1);
            self.push(value, k);
        } else {
            let length = bit_length(value);
            self.push(mask(ESCAPE), ESCAPE);
            self.push(u64::from(length - 1), 6);
            self.push(value, length);
        }
    }

    /// The bytes, the last one filled with zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.held_bits > 0 {
            self.push(0, 8 - self.held_bits);
        }
        self.bytes
    }
}

/// Reads what `BitWriter` wrote.
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    fn bit(&mut self) -> Result<bool, Damage> {
        let byte = self
            .bytes
            .get(self.position / 8)
            .ok_or(Damage::Content("length"))?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Ok(bit == 1)
    }

    fn bits(&mut self, count: u32) -> Result<u64, Damage> {
        let mut value = 0;
        let mut wanted = count;
        while wanted > 0 {
            let byte = self
                .bytes
                .get(self.position / 8)
                .ok_or(Damage::Content("length"))?;
            let used = u32::try_from(self.position % 8).unwrap_or(0);
            let taken = (8 - used).min(wanted);
            let piece = u64::from(*byte) >> (8 - used - taken) & mask(taken);
            value = value << taken | piece;
            self.position += usize::try_from(taken).unwrap_or(8);
            wanted -= taken;
        }
        Ok(value)
    }

    pub(crate) fn rice(&mut self, k: u32) -> Result<u64, Damage> {
        let mut ones = 0;
        while ones < ESCAPE && self.bit()? {
            ones += 1;
        }
        if ones < ESCAPE {
            let low = self.bits(k)?;
            return Ok(u64::from(ones) << k | low);
        }
        let length = u32::try_from(self.bits(6)?).unwrap_or(63) + 1;
        self.bits(length)
    }

    /// How many bytes have been read, the last one perhaps not to its end.
    pub(crate) const fn bytes_read(&self) -> usize {
        self.position.div_ceil(8)
    }
}

/// The best parameter for these numbers, and the bits they take with it.
pub(crate) fn best_parameter(values: &[u64]) -> (u32, u64) {
    let longest = values.iter().fold(0, |all, value| all | value);
    let last = bit_length(longest).min(PARAMETER_MAX);
    (0..=last)
        .map(|k| (k, values.iter().map(|value| cost(*value, k)).sum()))
        .min_by_key(|(_, bits)| *bits)
        .unwrap_or((0, 0))
}

fn cost(value: u64, k: u32) -> u64 {
    let quotient = value >> k;
    if quotient < u64::from(ESCAPE) {
        quotient + 1 + u64::from(k)
    } else {
        u64::from(ESCAPE + 6 + bit_length(value))
    }
}

const fn bit_length(value: u64) -> u32 {
    let length = u64::BITS - value.leading_zeros();
    if length == 0 { 1 } else { length }
}

const fn mask(bits: u32) -> u64 {
    if bits == 0 {
        0
    } else {
        u64::MAX >> (u64::BITS - bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(value: u64, k: u32, bits: u64) {
        assert_eq!(cost(value, k), bits, "{value} with {k}");
        let mut writer = BitWriter::default();
        writer.rice(value, k);
        let bytes = writer.finish();
        assert_eq!(u64::try_from(bytes.len()).unwrap(), bits.div_ceil(8));
        assert_eq!(BitReader::new(&bytes).rice(k), Ok(value));
    }

    #[test]
    fn small_numbers_are_short_and_outliers_bounded() {
        check(0, 0, 1);
        check(3, 0, 4);
        check(3, 2, 3);
        check(23, 0, 24);
        check(24, 0, 24 + 6 + 5);
        check(u64::MAX, 0, 94);
        check(u64::MAX, 31, 94);
    }

    proptest! {
        #[test]
        fn numbers_survive(
            values in prop::collection::vec((any::<u64>(), 0_u32..64), 0..50),
        ) {
            let values: Vec<u64> = values.iter().map(|(value, shift)| value >> shift).collect();
            let (k, bits) = best_parameter(&values);
            let mut writer = BitWriter::default();
            for value in &values {
                writer.rice(*value, k);
            }
            let bytes = writer.finish();
            prop_assert_eq!(u64::try_from(bytes.len()).unwrap(), bits.div_ceil(8));
            let mut reader = BitReader::new(&bytes);
            for value in &values {
                prop_assert_eq!(reader.rice(k), Ok(*value));
            }
            prop_assert_eq!(reader.bytes_read(), bytes.len());
        }

        #[test]
        fn no_bits_make_the_reader_panic(bytes: Vec<u8>, k in 0_u32..=PARAMETER_MAX) {
            let mut reader = BitReader::new(&bytes);
            while reader.rice(k).is_ok() {}
            prop_assert!(reader.bytes_read() <= bytes.len());
        }
    }
}
