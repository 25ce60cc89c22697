//! What becomes of a character when its sender and its receiver are set differently.

use line::{DataBits, LineSettings, Parity};

/// The eight bits behind the start bit, as they travel: seven bits of data and the parity bit (or
/// the stop bit), or eight bits of data.
pub(super) type Travelling = u8;

/// What a receiver makes of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// A character.
    Whole(u8),
    /// One with a wrong parity bit or without a stop bit; these bits of data were in it.
    Damaged(u8),
}

/// Puts an octet on the wire.
pub(super) fn send(octet: u8, line: LineSettings) -> Travelling {
    match (line.data_bits, line.parity) {
        (DataBits::Eight, _) => octet,
        (DataBits::Seven, Parity::None) => octet | 0x80,
        (DataBits::Seven, parity) => octet & 0x7f | parity_bit(octet & 0x7f, parity) << 7,
    }
}

/// Takes one off at the same speed.
pub(super) fn receive(travelling: Travelling, from: LineSettings, to: LineSettings) -> Received {
    // A ninth bit is the parity of eight bits of data; otherwise it is a stop bit or idle.
    let ninth = match (from.data_bits, from.parity) {
        (DataBits::Seven, _) | (_, Parity::None) => 1,
        (DataBits::Eight, parity) => parity_bit(travelling, parity),
    };
    let eighth = travelling >> 7;
    let data = travelling & 0x7f;
    let (octet, is_whole) = match (to.data_bits, to.parity) {
        (DataBits::Eight, Parity::None) => (travelling, ninth == 1),
        // Noise in eight bits with parity reaches who reads, so that checksums have work.
        (DataBits::Eight, _) if from == to => (travelling, true),
        (DataBits::Eight, parity) => (travelling, ninth == parity_bit(travelling, parity)),
        (DataBits::Seven, Parity::None) => (data, eighth == 1),
        (DataBits::Seven, parity) => (data, eighth == parity_bit(data, parity) && ninth == 1),
    };
    if is_whole {
        Received::Whole(octet)
    } else {
        Received::Damaged(octet)
    }
}

/// The parity bit of these bits of data.
fn parity_bit(data: u8, parity: Parity) -> u8 {
    let is_odd = !data.count_ones().is_multiple_of(2);
    u8::from(is_odd == (parity == Parity::Even))
}

#[cfg(test)]
mod tests {
    use line::StopBits;

    use super::*;

    fn line(data_bits: DataBits, parity: Parity) -> LineSettings {
        LineSettings {
            baud: 9600,
            parity,
            data_bits,
            stop_bits: StopBits::One,
        }
    }

    /// How many of the 128 characters of seven bits arrive as they were sent.
    #[track_caller]
    fn check(from: (DataBits, Parity), to: (DataBits, Parity), whole: usize) {
        let (from, to) = (line(from.0, from.1), line(to.0, to.1));
        let arrives = |octet: &u8| receive(send(*octet, from), from, to) == Received::Whole(*octet);
        assert_eq!((0..0x80).filter(arrives).count(), whole, "{from:?} {to:?}");
    }

    #[test]
    fn only_who_is_set_alike_understands_everything() {
        let flag = (DataBits::Seven, Parity::Even);
        let odd = (DataBits::Seven, Parity::Odd);
        let plain = (DataBits::Eight, Parity::None);
        let modbus = (DataBits::Eight, Parity::Even);
        for settings in [flag, odd, plain, modbus, (DataBits::Seven, Parity::None)] {
            check(settings, settings, 128);
        }
        check(flag, odd, 0);
        check(odd, flag, 0);
        // Half of the characters have a parity bit of zero, and look alike.
        check(flag, plain, 64);
        check(plain, flag, 64);
        // The missing parity bit reads as one; what comes too early is no stop bit.
        check(plain, modbus, 64);
        check(modbus, plain, 64);
        check(odd, plain, 64);
    }

    #[test]
    fn seven_bits_with_parity_are_eight_bits_with_the_parity_of_software() {
        let (flag, plain) = (
            line(DataBits::Seven, Parity::Even),
            line(DataBits::Eight, Parity::None),
        );
        let seen = receive(send(b'1', flag), flag, plain);
        assert_eq!(seen, Received::Whole(0xb1));
        assert_eq!(
            receive(send(0xb1, plain), plain, flag),
            Received::Whole(b'1')
        );
        assert_eq!(
            receive(send(b'1', plain), plain, flag),
            Received::Damaged(b'1')
        );
    }

    #[test]
    fn a_flipped_bit_is_seen_by_parity() {
        let flag = line(DataBits::Seven, Parity::Even);
        for bit in 0..8 {
            let damaged = receive(send(b'A', flag) ^ 1 << bit, flag, flag);
            assert!(matches!(damaged, Received::Damaged(_)));
        }
    }
}
