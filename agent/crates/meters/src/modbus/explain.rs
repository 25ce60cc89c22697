//! A frame in a person's words, for a trace.

use super::checksum::checksum;
use super::exception::Exception;
use std::fmt::Write;

/// Octets before the PDU in a Modbus TCP frame, with the unit.
const TCP_HEADER_OCTETS: usize = 7;

/// What a frame with its checksum says, or a Modbus TCP frame; `None` for everything else.
pub fn explain(octets: &[u8], from_gateway: bool) -> Option<String> {
    let (unit, pdu) = rtu(octets).or_else(|| tcp(octets))?;
    let words = if from_gateway {
        request(pdu)
    } else {
        answer(pdu)
    };
    Some(format!("unit {unit}: {}", words?))
}

fn rtu(octets: &[u8]) -> Option<(u8, &[u8])> {
    let (unit, pdu) = match octets {
        [unit, pdu @ .., _, _] if !pdu.is_empty() => (*unit, pdu),
        _ => return None,
    };
    (checksum(octets) == 0).then_some((unit, pdu))
}

fn tcp(octets: &[u8]) -> Option<(u8, &[u8])> {
    let (&[_, _, 0, 0, high, low, unit], pdu) = octets.split_first_chunk::<TCP_HEADER_OCTETS>()?
    else {
        return None;
    };
    let told = usize::from(u16::from_be_bytes([high, low]));
    (told == pdu.len() + 1 && !pdu.is_empty()).then_some((unit, pdu))
}

fn request(pdu: &[u8]) -> Option<String> {
    let &[function, address_high, address_low, high, low, ..] = pdu else {
        return None;
    };
    let address = u16::from_be_bytes([address_high, address_low]);
    let count = u16::from_be_bytes([high, low]);
    let what = things(function)?;
    Some(match function {
        1..=4 => format!("read {count} {what} from 0x{address:04x}"),
        5 | 6 => format!("write {count} to {what} 0x{address:04x}"),
        _ => format!("write {count} {what} from 0x{address:04x}"),
    })
}

fn answer(pdu: &[u8]) -> Option<String> {
    match pdu {
        [function, code] if function & 0x80 != 0 => {
            let exception = Exception::from_code(*code);
            Some(format!("refused: {exception}"))
        }
        [function @ 1..=4, octets, data @ ..] if usize::from(*octets) == data.len() => {
            let what = things(*function)?;
            let mut words = format!("{what}:");
            for pair in data.chunks(2).take(SHOWN_MAX) {
                words.push(' ');
                for octet in pair {
                    write!(words, "{octet:02x}").ok()?;
                }
            }
            if data.len() > 2 * SHOWN_MAX {
                words.push_str(" ...");
            }
            Some(words)
        }
        [5 | 6 | 15 | 16, ..] => Some("written".to_owned()),
        _ => None,
    }
}

/// Registers shown of an answer.
const SHOWN_MAX: usize = 8;

fn things(function: u8) -> Option<&'static str> {
    match function {
        1 | 5 | 15 => Some("coils"),
        2 => Some("inputs"),
        3 | 6 | 16 => Some("holding registers"),
        4 => Some("input registers"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::with_checksum;
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(frame: &[u8], from_gateway: bool, expected: Option<&str>) {
        let found = explain(&with_checksum(frame), from_gateway);
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn frames_have_words() {
        check(
            &[1, 4, 0, 0x48, 0, 2],
            true,
            Some("unit 1: read 2 input registers from 0x0048"),
        );
        check(
            &[1, 4, 4, 0x12, 0x34, 0xab, 0xcd],
            false,
            Some("unit 1: input registers: 1234 abcd"),
        );
        check(
            &[9, 0x83, 2],
            false,
            Some("unit 9: refused: illegal data address"),
        );
        check(&[9, 6, 0, 1, 0, 3], false, Some("unit 9: written"));
        check(&[9, 99, 0, 1, 0, 3], true, None);
    }

    #[test]
    fn a_stream_has_words_too_and_noise_has_none() {
        let frame = [0, 7, 0, 0, 0, 6, 3, 3, 1, 0, 0, 10];
        let found = explain(&frame, true);
        assert_eq!(
            found.as_deref(),
            Some("unit 3: read 10 holding registers from 0x0100")
        );
        assert_eq!(explain(b"/?001!\r\n", true), None);
        assert_eq!(explain(&[1, 4, 0, 0x48, 0, 2, 0, 0], true), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(octets: Vec<u8>, from_gateway: bool) {
            drop(explain(&octets, from_gateway));
            drop(explain(&with_checksum(&octets), from_gateway));
        }
    }
}
