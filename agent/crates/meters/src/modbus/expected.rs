//! The exact answer to a request on a serial line.

use line::{Find, Pattern, Shape, search};

use super::checksum::checksum;
use crate::limits::{READ_BITS_MAX, READ_REGISTERS_MAX};

/// A request whose answer cannot be told beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer to this request has no known length; use functions 1 to 6, 15 or 16")]
pub struct UnknownAnswer;

/// What follows unit and function in the answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many octets of data, behind their count.
    Data(u8),
    /// The first four octets of the request: address and value, or address and count.
    Echo([u8; 4]),
}

impl Body {
    /// From the PDU of a request.
    pub(super) fn of(pdu: &[u8]) -> Result<Self, UnknownAnswer> {
        let Some((&[function, address_high, address_low, high, low], rest)) =
            pdu.split_first_chunk::<5>()
        else {
            return Err(UnknownAnswer);
        };
        let count = u16::from_be_bytes([high, low]);
        match function {
            1 | 2 if (1..=READ_BITS_MAX).contains(&count) && rest.is_empty() => {
                let octets = u8::try_from(count.div_ceil(8));
                octets.map(Self::Data).map_err(|_| UnknownAnswer)
            }
            3 | 4 if (1..=READ_REGISTERS_MAX).contains(&count) && rest.is_empty() => {
                let octets = u8::try_from(count * 2);
                octets.map(Self::Data).map_err(|_| UnknownAnswer)
            }
            5 | 6 if rest.is_empty() => Ok(Self::Echo([address_high, address_low, high, low])),
            15 | 16 => Ok(Self::Echo([address_high, address_low, high, low])),
            _ => Err(UnknownAnswer),
        }
    }

    /// Octets from the function on.
    pub(super) fn pdu_octets(self) -> usize {
        match self {
            Self::Data(octets) => 2 + usize::from(octets),
            Self::Echo(_) => 5,
        }
    }
}

/// The answer of one unit to one request: unit, function, exact length and checksum, or an
/// exception to this function. The confirmation of a write is compared as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedAnswer {
    unit: u8,
    function: u8,
    body: Body,
}

/// Octets of an exception: unit, function, code, checksum.
const EXCEPTION_OCTETS: usize = 5;

impl ExpectedAnswer {
    /// The answer of `unit` to the request with this PDU (function and what follows it, without
    /// unit and checksum).
    pub fn of(unit: u8, pdu: &[u8]) -> Result<Self, UnknownAnswer> {
        let body = Body::of(pdu)?;
        let function = *pdu.first().ok_or(UnknownAnswer)?;
        Ok(Self {
            unit,
            function,
            body,
        })
    }

    /// The answer to a whole frame.
    pub fn of_frame(frame: &[u8]) -> Result<Self, UnknownAnswer> {
        match frame {
            [unit, pdu @ .., _, _] => Self::of(*unit, pdu),
            _ => Err(UnknownAnswer),
        }
    }

    fn shape(self, rest: &[u8]) -> Shape {
        let (unit, function) = (self.unit, self.function);
        let exception = [unit, function | 0x80];
        let answer = match self.body {
            Body::Data(octets) => shape(rest, &[unit, function, octets], self.longest()),
            Body::Echo([a, b, c, d]) => shape(rest, &[unit, function, a, b, c, d], self.longest()),
        };
        match answer {
            Shape::Other if rest.get(2) == Some(&0) => Shape::Other, // no exception has code 0
            Shape::Other => shape(rest, &exception, EXCEPTION_OCTETS),
            answer => answer,
        }
    }
}

/// A frame with this header and length, or the beginning of it.
fn shape(rest: &[u8], header: &[u8], len: usize) -> Shape {
    if !rest
        .iter()
        .zip(header)
        .all(|(found, expected)| found == expected)
    {
        return Shape::Other;
    }
    match rest.get(..len) {
        None => Shape::Begun,
        Some(frame) if checksum(frame) == 0 => Shape::Whole(len),
        Some(_) => Shape::Damaged(len),
    }
}

impl Pattern for ExpectedAnswer {
    fn find(&self, heard: &[u8]) -> Find {
        search(heard, |rest| self.shape(rest))
    }

    fn longest(&self) -> usize {
        // Unit and checksum around the PDU.
        self.body.pdu_octets() + 3
    }

    fn missing(&self, heard: &[u8]) -> usize {
        let &[unit, function, octets, ..] = heard else {
            return 0;
        };
        let begun = unit == self.unit && function == self.function;
        let data = self.body == Body::Data(octets);
        if begun && data {
            self.longest().saturating_sub(heard.len())
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checksum::with_checksum;
    use super::*;

    fn read(unit: u8, function: u8, count: u8) -> ExpectedAnswer {
        ExpectedAnswer::of(unit, &[function, 0x10, 0x01, 0, count]).unwrap()
    }

    #[track_caller]
    fn check(expected: ExpectedAnswer, body: &[u8], found: bool) {
        let frame = with_checksum(body);
        let len = frame.len();
        let whole = Find::Found { at: 0, len };
        assert_eq!(expected.find(&frame) == whole, found, "{frame:02x?}");
    }

    #[test]
    fn only_the_exact_answer_fits() {
        check(read(7, 4, 2), &[7, 4, 4, 1, 2, 3, 4], true);
        check(read(7, 4, 2), &[8, 4, 4, 1, 2, 3, 4], false);
        check(read(7, 4, 2), &[7, 3, 4, 1, 2, 3, 4], false);
        check(read(7, 4, 2), &[7, 4, 6, 1, 2, 3, 4, 5, 6], false);
        check(read(7, 4, 2), &[7, 4, 2, 1, 2], false);
        check(read(7, 1, 9), &[7, 1, 2, 0xff, 1], true);
    }

    #[test]
    fn an_exception_to_this_function_fits() {
        check(read(7, 4, 2), &[7, 0x84, 2], true);
        check(read(7, 4, 2), &[7, 0x84, 0xe0], true);
        check(read(7, 4, 2), &[7, 0x83, 2], false);
        check(read(7, 4, 2), &[7, 0x84, 0], false);
        check(read(7, 4, 2), &[8, 0x84, 2], false);
    }

    #[test]
    fn a_write_is_confirmed_by_its_whole_echo() {
        let one = ExpectedAnswer::of(7, &[6, 0, 1, 0x12, 0x34]).unwrap();
        check(one, &[7, 6, 0, 1, 0x12, 0x34], true);
        check(one, &[7, 6, 0, 1, 0x12, 0x35], false);
        check(one, &[7, 6, 0, 2, 0x12, 0x34], false);
        let many = ExpectedAnswer::of(7, &[16, 0, 1, 0, 2, 4, 1, 2, 3, 4]).unwrap();
        check(many, &[7, 16, 0, 1, 0, 2], true);
        check(many, &[7, 16, 0, 1, 0, 3], false);
        check(many, &[7, 0x90, 3], true);
    }

    #[test]
    fn what_is_missing_is_known_once_the_count_of_octets_was_heard() {
        let frame = with_checksum(&[7, 4, 4, 1, 2, 3, 4]);
        let missing: Vec<usize> = (0..=frame.len())
            .map(|heard| read(7, 4, 2).missing(&frame[..heard]))
            .collect();
        assert_eq!(missing, [0, 0, 0, 6, 5, 4, 3, 2, 1, 0]);
        for other in [
            &[8, 4, 4, 1][..],
            &[7, 3, 4, 1],
            &[7, 4, 6, 1],
            &[7, 0x84, 4, 1],
        ] {
            assert_eq!(read(7, 4, 2).missing(other), 0, "{other:02x?}");
        }
    }

    #[test]
    fn what_has_no_known_answer_is_refused() {
        for pdu in [
            &[3, 0, 0, 0, 0][..],
            &[4, 0, 0, 0, 126],
            &[43, 14, 1, 0, 0],
            &[3, 0, 0, 0],
        ] {
            assert_eq!(ExpectedAnswer::of(1, pdu), Err(UnknownAnswer), "{pdu:?}");
        }
        assert_eq!(read(1, 3, 125).longest(), 255);
    }

    #[test]
    fn an_answer_that_is_still_coming_hides_a_damaged_exception_inside_it() {
        let mut frame = with_checksum(&[7, 4, 8, 7, 0x84, 2, 9, 9, 9, 9, 9]);
        let last = frame.pop().unwrap();
        assert_eq!(read(7, 4, 4).find(&frame), Find::NotYet);
        frame.push(last ^ 1);
        assert_eq!(read(7, 4, 4).find(&frame), Find::Damaged { at: 0, len: 13 });
    }

    proptest! {
        #[test]
        fn any_octets_can_be_heard(data in prop::collection::vec(any::<u8>(), 0..600)) {
            super::super::fuzz_match(&data);
        }

        #[test]
        fn the_answer_is_found_behind_any_junk_and_damage_never_is(
            junk in prop::collection::vec(prop_oneof![Just(7u8), Just(4u8), Just(6u8), any::<u8>()], 0..60),
            words in prop::collection::vec(any::<u8>(), 6),
            flip in 0usize..88,
        ) {
            let mut body = vec![7, 4, 6];
            body.extend(&words);
            let frame = with_checksum(&body);
            let expected = read(7, 4, 3);
            let mut heard = junk.clone();
            heard.extend(&frame);
            // Junk may hold a frame of its own by chance; then that one is whole.
            match expected.find(&heard) {
                Find::Found { at, len } => prop_assert_eq!(checksum(&heard[at..at + len]), 0),
                other => prop_assert!(false, "{:?}", other),
            }
            let mut damaged = frame;
            damaged[flip / 8] ^= 1 << (flip % 8);
            let found = matches!(expected.find(&damaged), Find::Found { .. });
            prop_assert!(!found);
        }
    }
}
