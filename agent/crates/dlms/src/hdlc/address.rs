//! Addresses of one, two or four octets.

use std::fmt;

/// The address of a client or of a meter, as it goes over the line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    octets: [u8; 4],
    len: u8,
}

impl Address {
    /// A client, or a meter with a logical address alone; seven bits.
    pub fn one(logical: u8) -> Option<Self> {
        (logical < 0x80).then_some(Self {
            octets: [(logical << 1) | 1, 0, 0, 0],
            len: 1,
        })
    }

    /// A meter with a logical and a physical address of seven bits each.
    pub fn two(logical: u8, physical: u8) -> Option<Self> {
        (logical < 0x80 && physical < 0x80).then_some(Self {
            octets: [logical << 1, (physical << 1) | 1, 0, 0],
            len: 2,
        })
    }

    /// A meter with addresses of fourteen bits each.
    pub fn four(logical: u16, physical: u16) -> Option<Self> {
        let [a, b] = septets(logical)?;
        let [c, d] = septets(physical)?;
        Some(Self {
            octets: [a << 1, b << 1, c << 1, (d << 1) | 1],
            len: 4,
        })
    }

    /// The address at the front; none if it is none.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        match octets {
            [a, ..] if a & 1 == 1 => Some(Self {
                octets: [*a, 0, 0, 0],
                len: 1,
            }),
            [a, b, ..] if b & 1 == 1 => Some(Self {
                octets: [*a, *b, 0, 0],
                len: 2,
            }),
            [a, b, c, d, ..] if c & 1 == 0 && d & 1 == 1 => Some(Self {
                octets: [*a, *b, *c, *d],
                len: 4,
            }),
            _ => None,
        }
    }

    /// As it goes over the line.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.len.into()).unwrap_or_default()
    }

    /// Which association of the meter, or which client.
    pub fn logical(&self) -> u16 {
        let [a, b, ..] = self.octets;
        match self.len {
            4 => joined(a, b),
            _ => u16::from(a >> 1),
        }
    }

    /// Which meter on the line, if it says so.
    pub fn physical(&self) -> Option<u16> {
        let [_, b, c, d] = self.octets;
        match self.len {
            2 => Some(u16::from(b >> 1)),
            4 => Some(joined(c, d)),
            _ => None,
        }
    }
}

fn septets(value: u16) -> Option<[u8; 2]> {
    let high = u8::try_from(value >> 7).ok().filter(|high| *high < 0x80)?;
    let low = u8::try_from(value & 0x7f).ok()?;
    Some([high, low])
}

fn joined(high: u8, low: u8) -> u16 {
    (u16::from(high >> 1) << 7) | u16::from(low >> 1)
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.physical() {
            Some(physical) => write!(f, "{}/{physical}", self.logical()),
            None => write!(f, "{}", self.logical()),
        }
    }
}
