//! What both sides of a link can take.

use crate::limits::{INFORMATION_OCTETS_DEFAULT, INFORMATION_OCTETS_MAX, WINDOW_MAX};

/// What one side sends and takes: octets of a field, frames without confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parameters {
    /// Octets of an information field that it sends.
    pub transmit_octets: u16,
    /// Octets of an information field that it takes.
    pub receive_octets: u16,
    /// Frames that it sends without confirmation.
    pub transmit_window: u8,
    /// Frames that it takes without confirming.
    pub receive_window: u8,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            transmit_octets: INFORMATION_OCTETS_DEFAULT,
            receive_octets: INFORMATION_OCTETS_DEFAULT,
            transmit_window: 1,
            receive_window: 1,
        }
    }
}

impl Parameters {
    /// As the information of SNRM or UA.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0x81, 0x80, 0];
        for (id, octets) in [(5, self.transmit_octets), (6, self.receive_octets)] {
            if let Ok(octets) = u8::try_from(octets) {
                out.extend_from_slice(&[id, 1, octets]);
            } else {
                out.extend_from_slice(&[id, 2]);
                out.extend_from_slice(&octets.to_be_bytes());
            }
        }
        for (id, frames) in [(7, self.transmit_window), (8, self.receive_window)] {
            out.extend_from_slice(&[id, 4, 0, 0, 0, frames]);
        }
        let length = u8::try_from(out.len() - 3).unwrap_or(u8::MAX);
        if let Some(place) = out.get_mut(2) {
            *place = length;
        }
        out
    }

    /// From the information of SNRM or UA; what it does not say has its default. None if it makes
    /// no sense.
    pub fn decode(information: &[u8]) -> Option<Self> {
        let mut parameters = Self::default();
        let mut rest = match information {
            [] => return Some(parameters),
            [0x81, 0x80, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
            _ => return None,
        };
        while let [id, length, values @ ..] = rest {
            let (value, behind) = values.split_at_checked((*length).into())?;
            if value.len() > 4 {
                return None;
            }
            let number = value
                .iter()
                .fold(0_u32, |number, octet| (number << 8) | u32::from(*octet));
            match id {
                5 => parameters.transmit_octets = octets(number)?,
                6 => parameters.receive_octets = octets(number)?,
                7 => parameters.transmit_window = frames(number)?,
                8 => parameters.receive_window = frames(number)?,
                _ => {}
            }
            rest = behind;
        }
        rest.is_empty().then_some(parameters)
    }

    /// What this side may send and take when the other one says this of itself.
    #[must_use]
    pub fn agreed(&self, other: &Self) -> Self {
        Self {
            transmit_octets: self.transmit_octets.min(other.receive_octets),
            receive_octets: self.receive_octets.min(other.transmit_octets),
            transmit_window: self.transmit_window.min(other.receive_window),
            receive_window: self.receive_window.min(other.transmit_window),
        }
    }
}

fn octets(number: u32) -> Option<u16> {
    let number = u16::try_from(number).ok()?;
    (1..=INFORMATION_OCTETS_MAX)
        .contains(&number)
        .then_some(number)
}

fn frames(number: u32) -> Option<u8> {
    let number = u8::try_from(number).ok()?;
    (1..=WINDOW_MAX).contains(&number).then_some(number)
}
