//! The wrapper that carries APDUs over TCP: a header of eight octets.

use line::{Find, Pattern};

/// The version that there is.
const VERSION: u16 = 1;

/// Octets of the header.
pub const HEADER_OCTETS: usize = 8;

/// Who talks to whom: ports of the wrapper, not of TCP. 16 is the public client, 1 the
/// management logical device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports {
    /// From whom.
    pub source: u16,
    /// To whom.
    pub destination: u16,
}

impl Ports {
    /// Those of the answer.
    #[must_use]
    pub fn back(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
        }
    }
}

/// What stands at the front of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begins<'a> {
    /// An APDU; with its header it has so many octets.
    Whole(Ports, &'a [u8], usize),
    /// The beginning of one; so many octets are to come at least.
    Begun(usize),
    /// No header: the stream is of no use any more.
    Other,
}

/// An APDU in its wrapper; none if it is longer than a header can say.
pub fn wrap(ports: Ports, apdu: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(apdu.len()).ok()?;
    let mut out = Vec::with_capacity(HEADER_OCTETS + apdu.len());
    for field in [VERSION, ports.source, ports.destination, length] {
        out.extend_from_slice(&field.to_be_bytes());
    }
    out.extend_from_slice(apdu);
    Some(out)
}

/// What a stream begins with. No APDU is longer than `most`.
pub fn begins(heard: &[u8], most: usize) -> Begins<'_> {
    if !b"\0\x01".starts_with(heard.get(..2).unwrap_or(heard)) {
        return Begins::Other;
    }
    let Some(([_, _, s1, s0, d1, d0, l1, l0], rest)) = heard.split_first_chunk::<HEADER_OCTETS>()
    else {
        return Begins::Begun(HEADER_OCTETS - heard.len());
    };
    let length = usize::from(u16::from_be_bytes([*l1, *l0]));
    if length == 0 || length > most {
        return Begins::Other;
    }
    let ports = Ports {
        source: u16::from_be_bytes([*s1, *s0]),
        destination: u16::from_be_bytes([*d1, *d0]),
    };
    match rest.get(..length) {
        Some(apdu) => Begins::Whole(ports, apdu, HEADER_OCTETS + length),
        None => Begins::Begun(length - rest.len()),
    }
}

/// The next APDU of a stream with these ports.
///
/// TCP neither loses nor damages: what is no header at the front of the stream is none behind it
/// either, and an APDU of other ports is passed over as a whole. So is a request: where client and
/// meter have the same port, nothing else tells it from an answer.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedApdu {
    /// The ports of the answer.
    pub ports: Ports,
    /// Octets of the longest APDU.
    pub most: usize,
}

impl Pattern for ExpectedApdu {
    fn find(&self, heard: &[u8]) -> Find {
        let mut at = 0;
        while let Some(rest) = heard.get(at..) {
            match begins(rest, self.most) {
                Begins::Whole(ports, apdu, len) if ports == self.ports && !is_request(apdu) => {
                    return Find::Found { at, len };
                }
                Begins::Whole(_, _, len) => at += len,
                Begins::Begun(_) | Begins::Other => break,
            }
        }
        Find::NotYet
    }

    fn longest(&self) -> usize {
        HEADER_OCTETS + self.most
    }

    fn missing(&self, heard: &[u8]) -> usize {
        match begins(heard, self.most) {
            Begins::Begun(octets) => octets,
            Begins::Whole(..) | Begins::Other => 0,
        }
    }

    fn find_late(&self, _heard: &[u8]) -> Find {
        // After a fault the connection is given up.
        Find::NotYet
    }
}

/// Whether only a client says such an APDU: AARQ, RLRQ, and GET, SET and ACTION, plain and
/// ciphered.
fn is_request(apdu: &[u8]) -> bool {
    let tag = apdu.first().copied().unwrap_or_default();
    matches!(
        tag,
        0x60 | 0x62 | 0xc0 | 0xc1 | 0xc3 | 0xc8 | 0xc9 | 0xcb | 0xd0 | 0xd1 | 0xd3
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports {
        source: 1,
        destination: 16,
    };

    #[track_caller]
    fn check(heard: &[u8], expected: &Begins<'_>) {
        assert_eq!(begins(heard, 100), *expected, "{heard:02x?}");
    }

    #[test]
    fn an_apdu_is_whole_when_its_header_says_so() {
        let wire = [0, 1, 0, 1, 0, 16, 0, 2, 0x63, 0];
        assert_eq!(wrap(PORTS, &[0x63, 0]).unwrap(), wire);
        check(&wire, &Begins::Whole(PORTS, &[0x63, 0], 10));
        check(&wire[..9], &Begins::Begun(1));
        check(&wire[..5], &Begins::Begun(3));
        check(&[], &Begins::Begun(8));
    }

    #[test]
    fn what_is_no_header_ends_the_stream() {
        check(&[0, 2, 0, 1, 0, 16, 0, 2, 0x63, 0], &Begins::Other);
        check(&[0, 1, 0, 1, 0, 16, 0, 0], &Begins::Other);
        check(&[0, 1, 0, 1, 0, 16, 0, 101], &Begins::Other);
        check(&[7], &Begins::Other);
    }

    #[test]
    fn an_apdu_of_others_is_passed_over() {
        let other = Ports {
            source: 2,
            destination: 16,
        };
        let mut heard = wrap(other, &[1, 2, 3]).unwrap();
        let expected = ExpectedApdu {
            ports: PORTS,
            most: 100,
        };
        assert_eq!(expected.find(&heard), Find::NotYet);
        heard.extend(wrap(PORTS, &[4]).unwrap());
        assert_eq!(expected.find(&heard), Find::Found { at: 11, len: 9 });
    }
    #[test]
    fn an_own_request_is_no_answer_where_both_sides_have_one_port() {
        let ports = Ports {
            source: 1,
            destination: 1,
        };
        let expected = ExpectedApdu { ports, most: 100 };
        for tag in [0x60, 0x62, 0xc0, 0xc1, 0xc3, 0xc8, 0xcb, 0xd0] {
            let request = wrap(ports, &[tag, 0]).unwrap();
            assert_eq!(expected.find(&request), Find::NotYet, "{tag:02x}");
        }
        for tag in [0x61, 0x63, 0xc4, 0xc5, 0xc7, 0xcc, 0xcf, 0xd4, 0xd8, 0xdb] {
            let answer = wrap(ports, &[tag, 0]).unwrap();
            assert_eq!(expected.find(&answer), Find::Found { at: 0, len: 10 });
        }
    }
}
