//! The exact answer to a request over Modbus TCP.

use line::{Find, Pattern, Shape, search};

use super::expected::{Body, UnknownAnswer};
use crate::limits::TCP_PDU_OCTETS_MAX;

/// Octets before the PDU: transaction, protocol, length, unit (Modbus Messaging on TCP/IP
/// V1.0b, 3.1.3).
const HEADER_OCTETS: usize = 7;

/// The answer of one unit to one request, by its transaction number. A late answer has another
/// number and is recognised by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedTcpAnswer {
    transaction: u16,
    unit: u8,
    function: u8,
    body: Body,
}

impl ExpectedTcpAnswer {
    /// The answer of `unit` to the request with this number and PDU.
    pub fn of(transaction: u16, unit: u8, pdu: &[u8]) -> Result<Self, UnknownAnswer> {
        let body = Body::of(pdu)?;
        let function = *pdu.first().ok_or(UnknownAnswer)?;
        Ok(Self {
            transaction,
            unit,
            function,
            body,
        })
    }

    /// The answer to a whole frame.
    pub fn of_frame(frame: &[u8]) -> Result<Self, UnknownAnswer> {
        match frame {
            [high, low, 0, 0, _, _, unit, pdu @ ..] => {
                Self::of(u16::from_be_bytes([*high, *low]), *unit, pdu)
            }
            _ => Err(UnknownAnswer),
        }
    }

    /// An answer with our number that does not fit counts as damaged: nothing better will come
    /// under that number.
    fn shape(self, rest: &[u8]) -> Shape {
        let [high, low] = self.transaction.to_be_bytes();
        let begins = [high, low, 0, 0];
        if !rest
            .iter()
            .zip(&begins)
            .all(|(found, expected)| found == expected)
        {
            return Shape::Other;
        }
        let Some(&[_, _, _, _, length_high, length_low]) = rest.first_chunk::<6>() else {
            return Shape::Begun;
        };
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        if !(3..=1 + TCP_PDU_OCTETS_MAX).contains(&length) {
            return Shape::Other;
        }
        let len = HEADER_OCTETS - 1 + length;
        let Some(frame) = rest.get(..len) else {
            return Shape::Begun;
        };
        if self.fits(frame.get(HEADER_OCTETS - 1..).unwrap_or_default()) {
            Shape::Whole(len)
        } else if len <= self.longest() {
            Shape::Damaged(len)
        } else {
            Shape::Other
        }
    }

    /// Whether unit and PDU are the answer.
    fn fits(self, unit_and_pdu: &[u8]) -> bool {
        let Some((&[unit, function, first], rest)) = unit_and_pdu.split_first_chunk::<3>() else {
            return false;
        };
        if unit != self.unit {
            return false;
        }
        if function == self.function | 0x80 {
            return first != 0 && rest.is_empty();
        }
        function == self.function
            && match self.body {
                Body::Data(octets) => first == octets && rest.len() == usize::from(octets),
                Body::Echo([a, b, c, d]) => first == a && rest == [b, c, d],
            }
    }
}

impl Pattern for ExpectedTcpAnswer {
    fn find(&self, heard: &[u8]) -> Find {
        search(heard, |rest| self.shape(rest))
    }

    fn longest(&self) -> usize {
        HEADER_OCTETS + self.body.pdu_octets()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> ExpectedTcpAnswer {
        ExpectedTcpAnswer::of(0x0102, 7, &[3, 0, 0, 0, 2]).unwrap()
    }

    #[track_caller]
    fn check(heard: &[u8], found: Find) {
        assert_eq!(expected().find(heard), found, "{heard:02x?}");
    }

    #[test]
    fn an_answer_fits_by_number_unit_function_and_length() {
        let whole = [1, 2, 0, 0, 0, 7, 7, 3, 4, 9, 9, 9, 9];
        check(&whole, Find::Found { at: 0, len: 13 });
        check(&whole[..12], Find::NotYet);
        check(&[1, 1, 0, 0, 0, 7, 7, 3, 4, 9, 9, 9, 9], Find::NotYet);
        check(
            &[1, 2, 0, 0, 0, 3, 7, 0x83, 2],
            Find::Found { at: 0, len: 9 },
        );
        check(
            &[1, 2, 0, 0, 0, 3, 8, 0x83, 2],
            Find::Damaged { at: 0, len: 9 },
        );
        check(
            &[1, 2, 0, 0, 0, 7, 8, 3, 4, 9, 9, 9, 9],
            Find::Damaged { at: 0, len: 13 },
        );
        check(
            &[1, 2, 0, 0, 0, 5, 7, 3, 2, 9, 9],
            Find::Damaged { at: 0, len: 11 },
        );
        check(&[1, 2, 0, 9, 0, 7, 7, 3, 4, 9, 9, 9, 9], Find::NotYet);
    }

    #[test]
    fn a_late_answer_is_passed_over() {
        let mut heard = vec![1, 1, 0, 0, 0, 7, 7, 3, 4, 8, 8, 8, 8];
        heard.extend([1, 2, 0, 0, 0, 7, 7, 3, 4, 9, 9, 9, 9]);
        check(&heard, Find::Found { at: 13, len: 13 });
    }

    #[test]
    fn a_write_is_confirmed_by_its_whole_echo() {
        let expected = ExpectedTcpAnswer::of(1, 7, &[6, 0, 1, 0x12, 0x34]).unwrap();
        let good = [0, 1, 0, 0, 0, 6, 7, 6, 0, 1, 0x12, 0x34];
        assert_eq!(expected.find(&good), Find::Found { at: 0, len: 12 });
        let bad = [0, 1, 0, 0, 0, 6, 7, 6, 0, 1, 0x12, 0x35];
        assert_eq!(expected.find(&bad), Find::Damaged { at: 0, len: 12 });
    }
}
