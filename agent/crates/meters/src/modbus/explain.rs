//! A recorded message in plain words, for a person who looks at a trace.

use super::checksum::checksum;
use super::exception::Exception;

/// Octets before unit and function over Modbus TCP: transaction, protocol, length.
const TCP_HEADER_OCTETS: usize = 6;

/// What a run of octets means, in one line: `read 2 registers from 0x0048 of unit 1`. Empty where
/// it is no whole message of Modbus RTU or Modbus TCP.
pub fn explain(octets: &[u8], from_gateway: bool) -> String {
    let whole = rtu(octets).or_else(|| tcp(octets));
    if let Some((unit, pdu)) = whole {
        return words(unit, pdu, from_gateway);
    }
    let Some((unit, pdu @ [1..=6 | 15 | 16 | 0x81..=0x90, ..])) = without_checksum(octets) else {
        return String::new();
    };
    match words(unit, pdu, from_gateway) {
        guess if guess.is_empty() => guess,
        guess => format!("{guess}, but its checksum is wrong"),
    }
}

/// Unit and PDU of a whole RTU frame.
fn rtu(octets: &[u8]) -> Option<(u8, &[u8])> {
    (checksum(octets) == 0)
        .then(|| without_checksum(octets))
        .flatten()
}

fn without_checksum(octets: &[u8]) -> Option<(u8, &[u8])> {
    let (body, _) = octets.split_last_chunk::<2>()?;
    let (unit, pdu) = body.split_first()?;
    (!pdu.is_empty()).then_some((*unit, pdu))
}

/// Unit and PDU of a whole message over Modbus TCP.
fn tcp(octets: &[u8]) -> Option<(u8, &[u8])> {
    let (&[_, _, 0, 0, high, low], rest) = octets.split_first_chunk::<TCP_HEADER_OCTETS>()? else {
        return None;
    };
    let (unit, pdu) = rest.split_first()?;
    let announced = usize::from(u16::from_be_bytes([high, low]));
    (announced == rest.len() && !pdu.is_empty()).then_some((*unit, pdu))
}

fn words(unit: u8, pdu: &[u8], from_gateway: bool) -> String {
    let unit = match unit {
        0 => "all units".to_owned(),
        unit => format!("unit {unit}"),
    };
    let said = if from_gateway {
        request(pdu)
    } else {
        answer(pdu)
    };
    said.map(|said| format!("{said} {unit}")).unwrap_or_default()
}

/// As far as the unit's name.
fn request(pdu: &[u8]) -> Option<String> {
    let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    let read = |what: &str, address: u16, count: u16| {
        format!("read {count} {what} from 0x{address:04X} of")
    };
    match *pdu {
        [1, ah, al, ch, cl] => Some(read("coils", word(ah, al), word(ch, cl))),
        [2, ah, al, ch, cl] => Some(read("discrete inputs", word(ah, al), word(ch, cl))),
        [3, ah, al, ch, cl] => Some(read("holding registers", word(ah, al), word(ch, cl))),
        [4, ah, al, ch, cl] => Some(read("input registers", word(ah, al), word(ch, cl))),
        [5, ah, al, _, _] => Some(format!("write coil 0x{:04X} of", word(ah, al))),
        [6, ah, al, _, _] => Some(format!("write register 0x{:04X} of", word(ah, al))),
        [15, ah, al, ch, cl, ..] => Some(written("coils", word(ah, al), word(ch, cl))),
        [16, ah, al, ch, cl, ..] => Some(written("registers", word(ah, al), word(ch, cl))),
        [function, ..] => Some(format!("function {function} to")),
        [] => None,
    }
}

fn written(what: &str, address: u16, count: u16) -> String {
    format!("write {count} {what} from 0x{address:04X} of")
}

/// As far as the unit's name.
fn answer(pdu: &[u8]) -> Option<String> {
    let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    match *pdu {
        [function, code] if function >= 0x80 => {
            let exception = Exception::from_code(code);
            let asked = function & 0x7f;
            Some(format!("refusal of function {asked}, {exception}, by"))
        }
        [function @ (1..=4), count, ref data @ ..] if usize::from(count) == data.len() => {
            Some(match function {
                1 => format!("{count} octets of coils from"),
                2 => format!("{count} octets of discrete inputs from"),
                _ => format!("{} registers from", count / 2),
            })
        }
        [5, ah, al, _, _] => Some(format!("coil 0x{:04X} written by", word(ah, al))),
        [6, ah, al, _, _] => Some(format!("register 0x{:04X} written by", word(ah, al))),
        [15, _, _, ch, cl] => Some(format!("{} coils written by", word(ch, cl))),
        [16, _, _, ch, cl] => Some(format!("{} registers written by", word(ch, cl))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::checksum::with_checksum;
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_request(frame: &[u8], expected: &str) {
        assert_eq!(explain(&with_checksum(frame), true), expected);
    }

    #[track_caller]
    fn check_answer(frame: &[u8], expected: &str) {
        assert_eq!(explain(&with_checksum(frame), false), expected);
    }

    #[test]
    fn requests_are_told_in_words() {
        check_request(
            &[1, 4, 0, 0x48, 0, 2],
            "read 2 input registers from 0x0048 of unit 1",
        );
        check_request(
            &[9, 3, 0xff, 0xfe, 0, 125],
            "read 125 holding registers from 0xFFFE of unit 9",
        );
        check_request(&[1, 1, 0, 0, 0, 8], "read 8 coils from 0x0000 of unit 1");
        check_request(&[0, 6, 0, 1, 0, 2], "write register 0x0001 of all units");
        check_request(
            &[7, 16, 0, 1, 0, 1, 2, 0, 5],
            "write 1 registers from 0x0001 of unit 7",
        );
        check_request(&[7, 43, 14, 1, 0], "function 43 to unit 7");
    }

    #[test]
    fn answers_are_told_in_words() {
        check_answer(&[1, 4, 4, 0, 0, 0, 1], "2 registers from unit 1");
        check_answer(
            &[1, 0x84, 2],
            "refusal of function 4, illegal data address, by unit 1",
        );
        check_answer(&[1, 6, 0, 1, 0, 2], "register 0x0001 written by unit 1");
        check_answer(&[1, 4, 5, 0, 0], "");
    }

    #[test]
    fn modbus_tcp_is_understood_too() {
        let octets = [0, 7, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2];
        assert_eq!(
            explain(&octets, true),
            "read 2 holding registers from 0x0000 of unit 1"
        );
        assert_eq!(explain(&octets[..9], true), "");
    }

    #[test]
    fn a_wrong_checksum_is_said() {
        let mut frame = with_checksum(&[1, 4, 0, 0x48, 0, 2]);
        frame[7] ^= 1;
        assert_eq!(
            explain(&frame, true),
            "read 2 input registers from 0x0048 of unit 1, but its checksum is wrong"
        );
        assert_eq!(explain(&[1], true), "");
        assert_eq!(explain(&[], false), "");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(octets in prop::collection::vec(any::<u8>(), 0..300), sent: bool) {
            explain(&octets, sent);
        }
    }
}
