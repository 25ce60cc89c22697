//! Columns of numbers: differences, zigzag, LEB128; and bitmaps of missing cells.
//!
//! Differences are taken modulo 2^64, so that every pair of numbers has one.

use crate::fault::DecodeError;
use serde_bytes::ByteBuf;

/// LEB128 of 64 bits takes at most this many bytes.
const VARINT_BYTES_MAX: usize = 10;

/// A column of numbers as differences, the first one from zero.
pub(crate) fn encode(values: impl IntoIterator<Item = i64>) -> ByteBuf {
    let mut bytes = Vec::new();
    let mut before = 0_i64;
    for value in values {
        push_varint(&mut bytes, zigzag(value.wrapping_sub(before)));
        before = value;
    }
    ByteBuf::from(bytes)
}

/// Exactly `count` numbers of a column.
pub(crate) fn decode(
    bytes: &[u8],
    count: usize,
    key: &'static str,
) -> Result<Vec<i64>, DecodeError> {
    let mut value = 0_i64;
    let differences = decode_plain(bytes, count, key)?;
    let sums = differences.into_iter().map(|coded| {
        value = value.wrapping_add(unzigzag(coded));
        value
    });
    Ok(sums.collect())
}

/// A column of numbers as they are.
pub(crate) fn encode_plain(values: impl IntoIterator<Item = u64>) -> ByteBuf {
    let mut bytes = Vec::new();
    for value in values {
        push_varint(&mut bytes, value);
    }
    ByteBuf::from(bytes)
}

/// Exactly `count` numbers as they are. Looks at the count before it allocates.
pub(crate) fn decode_plain(
    mut bytes: &[u8],
    count: usize,
    key: &'static str,
) -> Result<Vec<u64>, DecodeError> {
    let fault = || DecodeError::Column { key };
    if bytes.len() < count {
        return Err(fault());
    }
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let (value, rest) = split_varint(bytes).ok_or_else(fault)?;
        values.push(value);
        bytes = rest;
    }
    if bytes.is_empty() {
        Ok(values)
    } else {
        Err(fault())
    }
}

/// How many numbers a column holds: each ends with a byte below 0x80.
pub(crate) fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte < 0x80).count()
}

/// One bit a row, lowest bit first; spare bits are zero.
pub(crate) fn encode_bitmap(bits: impl IntoIterator<Item = bool>) -> ByteBuf {
    let mut bytes = Vec::new();
    for (index, bit) in bits.into_iter().enumerate() {
        if index % 8 == 0 {
            bytes.push(0_u8);
        }
        if let Some(last) = bytes.last_mut() {
            *last |= u8::from(bit) << (index % 8);
        }
    }
    ByteBuf::from(bytes)
}

/// Exactly `count` bits.
pub(crate) fn decode_bitmap(
    bytes: &[u8],
    count: usize,
    key: &'static str,
) -> Result<Vec<bool>, DecodeError> {
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1 == 1));
    if bytes.len() != count.div_ceil(8) || bits.clone().skip(count).any(|bit| bit) {
        return Err(DecodeError::Column { key });
    }
    Ok(bits.take(count).collect())
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(coded: u64) -> i64 {
    (coded >> 1).cast_signed() ^ -(coded & 1).cast_signed()
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = (value & 0x7f).to_le_bytes();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// One number in its shortest form and what follows it.
fn split_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = 1 + bytes
        .iter()
        .take(VARINT_BYTES_MAX)
        .position(|byte| *byte < 0x80)?;
    let (coded, rest) = bytes.split_at_checked(length)?;
    let last = *coded.last()?;
    // A last byte of zero adds nothing; a tenth byte holds the one bit that is left of 64.
    if (last == 0 && length > 1) || (length == VARINT_BYTES_MAX && last > 1) {
        return None;
    }
    let value = coded
        .iter()
        .rev()
        .fold(0_u64, |value, byte| (value << 7) | u64::from(byte & 0x7f));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(values: &[i64], expected: &[u8]) {
        let bytes = encode(values.iter().copied());
        assert_eq!(bytes.as_slice(), expected);
        assert_eq!(decode(&bytes, values.len(), "d").unwrap(), values);
        assert_eq!(count(&bytes), values.len());
    }

    #[track_caller]
    fn refused(bytes: &[u8], count: usize) {
        assert!(decode(bytes, count, "d").is_err(), "{bytes:02x?}");
    }

    #[test]
    fn columns_hold_zigzag_leb128_differences() {
        check(&[], &[]);
        check(&[0, 1, 0, -64, 0], &[0, 2, 1, 0x7f, 0x80, 0x01]);
        check(&[300], &[0xd8, 0x04]);
        let top = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        check(&[i64::MAX], &top);
        // From the largest number one step leads to the smallest.
        check(&[i64::MAX, i64::MIN], &[top.as_slice(), &[2]].concat());
    }

    #[test]
    fn a_column_holds_exactly_its_numbers_in_shortest_form() {
        refused(&[0x80], 1);
        refused(&[0x80, 0x00], 1);
        refused(&[0, 0], 1);
        refused(&[0], 2);
        refused(&[0xff; 11], 1);
        refused(
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            1,
        );
        refused(&[], usize::MAX);
    }

    #[test]
    fn bitmaps_have_no_spare_bits_set() {
        let bits = [false, true, false, false, false, false, false, false, true];
        let bytes = encode_bitmap(bits);
        assert_eq!(bytes.as_slice(), [0b10, 0b1]);
        assert_eq!(decode_bitmap(&bytes, 9, "nul").unwrap(), bits);
        assert!(decode_bitmap(&[0b10, 0b11], 9, "nul").is_err());
        assert!(decode_bitmap(&[0b10], 9, "nul").is_err());
    }

    proptest! {
        #[test]
        fn columns_and_bitmaps_survive(values: Vec<i64>, plain: Vec<u64>, bits: Vec<bool>) {
            let column = encode(values.iter().copied());
            prop_assert_eq!(decode(&column, values.len(), "d").unwrap(), values);
            let column = encode_plain(plain.iter().copied());
            prop_assert_eq!(decode_plain(&column, plain.len(), "i").unwrap(), plain);
            let bitmap = encode_bitmap(bits.iter().copied());
            prop_assert_eq!(decode_bitmap(&bitmap, bits.len(), "nul").unwrap(), bits);
        }

        #[test]
        fn what_is_read_is_what_was_written(bytes: Vec<u8>, rows in 0..64_usize) {
            if let Ok(values) = decode(&bytes, rows, "d") {
                let again = encode(values);
                prop_assert_eq!(again.as_slice(), bytes.as_slice());
            }
        }
    }
}
