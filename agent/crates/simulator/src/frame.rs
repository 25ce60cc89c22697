//! Frames as a meter hears and says them: Modbus RTU and Modbus TCP.
//!
//! The meter's own code, on purpose not that of the gateway: the two must not share a mistake.

use crc::{CRC_16_MODBUS, Crc};

use crate::limits::{RTU_FRAME_OCTETS_MAX, TCP_FRAME_OCTETS_MAX};

const CHECKSUM: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);

/// What goes round a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Unit, PDU, CRC.
    Rtu,
    /// Transaction, protocol, length, unit, PDU.
    Tcp,
}

/// A request that a meter understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Whom it is for; 0 for all.
    pub unit: u8,
    /// The transaction number; zero on RTU.
    pub transaction: u16,
    /// Function and data.
    pub pdu: Vec<u8>,
}

/// What a stretch of octets amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The beginning of a request.
    Incomplete,
    /// A whole request, checksum right.
    Request(Request),
    /// No request begins here, or its checksum is wrong.
    Damaged,
}

impl Framing {
    /// Reads a request that is whole with the last of these octets.
    pub fn hear(self, octets: &[u8]) -> Heard {
        match self {
            Self::Rtu => hear_rtu(octets),
            Self::Tcp => hear_tcp(octets),
        }
    }

    /// Puts an answer into its frame.
    pub fn say(self, request: &Request, pdu: &[u8]) -> Vec<u8> {
        match self {
            Self::Rtu => rtu_frame(request.unit, pdu),
            Self::Tcp => tcp_frame(request.transaction, request.unit, pdu),
        }
    }
}

/// A Modbus RTU frame.
pub fn rtu_frame(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(pdu.len() + 3);
    frame.push(unit);
    frame.extend_from_slice(pdu);
    let checksum = CHECKSUM.checksum(&frame);
    frame.extend_from_slice(&checksum.to_le_bytes());
    frame
}

/// A Modbus TCP frame.
pub fn tcp_frame(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX);
    let mut frame = Vec::with_capacity(pdu.len() + 7);
    frame.extend_from_slice(&transaction.to_be_bytes());
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.push(unit);
    frame.extend_from_slice(pdu);
    frame
}

/// For a fuzz target: any octets in either framing, cut anywhere.
///
/// # Panics
/// If a request is as long as the frame it came in: that is what fuzzing looks for.
pub fn fuzz_hear(octets: &[u8]) {
    for end in 0..=octets.len().min(TCP_FRAME_OCTETS_MAX + 1) {
        let heard = octets.get(..end).unwrap_or(octets);
        for framing in [Framing::Rtu, Framing::Tcp] {
            if let Heard::Request(request) = framing.hear(heard) {
                assert!(
                    request.pdu.len() < heard.len(),
                    "a request is shorter than its frame"
                );
            }
        }
    }
}

fn hear_rtu(octets: &[u8]) -> Heard {
    let expected = match octets {
        [_, 1..=6, ..] => Some(8),
        [_, 15 | 16, _, _, _, _, count, ..] => Some(9 + usize::from(*count)),
        // A function we cannot know the length of: whole when its checksum says so.
        [_, function, ..] if !matches!(function, 15 | 16) => None,
        _ => return Heard::Incomplete,
    };
    if octets.len() > RTU_FRAME_OCTETS_MAX || expected.is_some_and(|length| octets.len() > length) {
        return Heard::Damaged;
    }
    if octets.len() < expected.unwrap_or(4) {
        return Heard::Incomplete;
    }
    match octets.split_last_chunk::<2>() {
        Some((body @ [unit, pdu @ ..], checksum))
            if u16::from_le_bytes(*checksum) == CHECKSUM.checksum(body) =>
        {
            Heard::Request(Request {
                unit: *unit,
                transaction: 0,
                pdu: pdu.to_vec(),
            })
        }
        _ if expected.is_some() => Heard::Damaged,
        _ => Heard::Incomplete,
    }
}

fn hear_tcp(octets: &[u8]) -> Heard {
    let Some((header, rest)) = octets.split_first_chunk::<7>() else {
        return Heard::Incomplete;
    };
    let [first, second, protocol_high, protocol_low, high, low, unit] = *header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let right = protocol_high == 0 && protocol_low == 0 && (2..=254).contains(&length);
    if !right || rest.len() + 1 > length {
        return Heard::Damaged;
    }
    if rest.len() + 1 < length {
        return Heard::Incomplete;
    }
    let transaction = u16::from_be_bytes([first, second]);
    Heard::Request(Request {
        unit,
        transaction,
        pdu: rest.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Eastron SDM, import energy; the checksum is the one of the vector in the style guide.
    const READ: [u8; 8] = [0x01, 0x04, 0x00, 0x48, 0x00, 0x02, 0xF1, 0xDD];

    #[track_caller]
    fn check(framing: Framing, octets: &[u8], expected: &Heard) {
        assert_eq!(framing.hear(octets), *expected);
    }

    #[test]
    fn a_request_is_whole_with_its_last_octet_and_only_then() {
        let request = Request {
            unit: 1,
            transaction: 0,
            pdu: vec![4, 0, 0x48, 0, 2],
        };
        for end in 0..READ.len() {
            check(Framing::Rtu, &READ[..end], &Heard::Incomplete);
        }
        check(Framing::Rtu, &READ, &Heard::Request(request.clone()));
        assert_eq!(rtu_frame(1, &request.pdu), READ);
        check(Framing::Rtu, &[&READ[..], &[0]].concat(), &Heard::Damaged);
    }

    #[test]
    fn a_wrong_checksum_is_no_request() {
        let mut octets = READ;
        octets[3] ^= 1;
        check(Framing::Rtu, &octets, &Heard::Damaged);
    }

    #[test]
    fn an_unknown_function_is_whole_when_its_checksum_is_right() {
        let frame = rtu_frame(9, &[0x2B, 0x0E, 1, 0]);
        check(Framing::Rtu, &frame[..5], &Heard::Incomplete);
        let request = Request {
            unit: 9,
            transaction: 0,
            pdu: vec![0x2B, 0x0E, 1, 0],
        };
        check(Framing::Rtu, &frame, &Heard::Request(request));
    }

    #[test]
    fn tcp_headers_are_checked() {
        let frame = tcp_frame(0x1234, 5, &[3, 0, 0, 0, 1]);
        let request = Request {
            unit: 5,
            transaction: 0x1234,
            pdu: vec![3, 0, 0, 0, 1],
        };
        check(Framing::Tcp, &frame, &Heard::Request(request));
        check(Framing::Tcp, &frame[..9], &Heard::Incomplete);
        check(Framing::Tcp, &[0, 1, 0, 9, 0, 6, 1, 3], &Heard::Damaged);
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            fuzz_hear(&octets);
        }

        #[test]
        fn what_is_said_is_heard(unit: u8, data in proptest::collection::vec(any::<u8>(), 0..40)) {
            let pdu = [&[0x41][..], &data].concat();
            let request = Request { unit, transaction: 7, pdu: pdu.clone() };
            prop_assert_eq!(
                Framing::Tcp.hear(&Framing::Tcp.say(&request, &pdu)),
                Heard::Request(request)
            );
        }
    }
}
