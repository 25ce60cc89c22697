//! Numbers as Elster meters write them.

use crate::catalogue::flag::ByteOrder;
use metering::MeterTime;

/// Octets taken from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Octets<'a>(pub(crate) &'a [u8]);

impl<'a> Octets<'a> {
    /// The next `count` octets, if there are so many.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn octet(&mut self) -> Option<u8> {
        self.array::<1>().map(|[octet]| octet)
    }

    /// A count of two octets, low first.
    pub(crate) fn count(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn seconds(&mut self, order: ByteOrder) -> Option<u32> {
        let octets = self.array()?;
        Some(match order {
            ByteOrder::LowFirst => u32::from_le_bytes(octets),
            ByteOrder::HighFirst => u32::from_be_bytes(octets),
        })
    }

    /// A time of four octets.
    pub(crate) fn time(&mut self, order: ByteOrder) -> Option<MeterTime> {
        self.seconds(order).map(meter_time)
    }
}

/// Seconds since 1970 in the calendar of the meter's clock.
pub(crate) fn meter_time(seconds: u32) -> MeterTime {
    MeterTime::from_seconds(u64::from(seconds))
}

/// The number whose decimal digits stand in the octets, high first. `None` where a digit is none.
pub(crate) fn digits_high_first<'a>(octets: impl Iterator<Item = &'a u8>) -> Option<i64> {
    let mut number: i64 = 0;
    for octet in octets {
        let (high, low) = (octet >> 4, octet & 0x0f);
        if high > 9 || low > 9 {
            return None;
        }
        let pair = i64::from(high) * 10 + i64::from(low);
        number = number.checked_mul(100)?.checked_add(pair)?;
    }
    Some(number)
}

/// The number whose decimal digits stand in the octets, low octet first.
pub(crate) fn digits_low_first(octets: &[u8]) -> Option<i64> {
    digits_high_first(octets.iter().rev())
}

/// One octet of two decimal digits.
pub(crate) fn two_digits(octet: u8) -> Option<u8> {
    digits_high_first(std::iter::once(&octet)).and_then(|number| u8::try_from(number).ok())
}

/// The octet of two decimal digits; numbers above 99 lose their hundreds.
pub(crate) fn octet_of(number: u8) -> u8 {
    let number = number % 100;
    ((number / 10) << 4) | (number % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn energies_have_their_low_octet_first() {
        let octets = [0x23, 0x01, 0x89, 0x67, 0x45, 0x23, 0x01, 0x00];
        assert_eq!(digits_low_first(&octets), Some(1_234_567_890_123));
        assert_eq!(digits_low_first(&[0x0A]), None);
        assert_eq!(digits_low_first(&[0xA0]), None);
        assert_eq!(digits_low_first(&[0x99; 10]), None);
        assert_eq!(digits_low_first(&[]), Some(0));
    }

    #[test]
    fn octets_run_out() {
        let mut octets = Octets(&[1, 0, 2, 0, 0, 0, 9]);
        assert_eq!(octets.count(), Some(1));
        assert_eq!(octets.seconds(ByteOrder::LowFirst), Some(2));
        assert_eq!(octets.count(), None);
        assert_eq!(octets.octet(), Some(9));
        assert_eq!(octets.octet(), None);
        assert_eq!(
            Octets(&[0, 0, 1, 2]).seconds(ByteOrder::HighFirst),
            Some(258)
        );
    }

    proptest! {
        #[test]
        fn two_digits_survive(number in 0_u8..100) {
            prop_assert_eq!(two_digits(octet_of(number)), Some(number));
        }
    }
}
