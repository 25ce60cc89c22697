//! Seven bits and even parity, made by software on a line that carries eight bits.
//!
//! Transparent serial servers and modems often offer eight bits without parity only. Then the
//! sender puts the parity into the eighth bit, and the receiver looks at it.

/// The octets with even parity in their eighth bits; what stood there is lost.
pub fn send(octets: &[u8]) -> Vec<u8> {
    octets.iter().copied().map(with_parity).collect()
}

/// The seven bits of each octet. One whose parity is wrong keeps its eighth bit set, so that every
/// decoder refuses it.
pub fn receive(octets: &[u8]) -> Vec<u8> {
    octets.iter().copied().map(received).collect()
}

/// The seven bits of each octet, whatever the eighth says.
///
/// For a link that mutilates the parity; only the block check then finds damage.
pub fn receive_unchecked(octets: &[u8]) -> Vec<u8> {
    octets.iter().map(|octet| octet & 0x7f).collect()
}

fn with_parity(octet: u8) -> u8 {
    let bits = octet & 0x7f;
    if bits.count_ones().is_multiple_of(2) {
        bits
    } else {
        bits | 0x80
    }
}

fn received(octet: u8) -> u8 {
    if octet.count_ones().is_multiple_of(2) {
        octet & 0x7f
    } else {
        octet | 0x80
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_is_even() {
        assert_eq!(send(b"\x01R1\x02"), [0x81, 0xd2, 0xb1, 0x82]);
        assert_eq!(send(b"\x03!\x7f\x00"), [0x03, 0x21, 0xff, 0x00]);
    }

    #[test]
    fn every_octet_survives_and_every_flipped_bit_is_seen() {
        for octet in 0..0x80 {
            let sent = with_parity(octet);
            assert_eq!(received(sent), octet);
            for bit in 0..8 {
                assert_eq!(received(sent ^ 1 << bit) & 0x80, 0x80);
            }
            assert_eq!(receive_unchecked(&[sent, sent ^ 0x80]), [octet, octet]);
        }
    }
}
