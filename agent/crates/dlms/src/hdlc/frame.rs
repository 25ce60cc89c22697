//! A frame between two flags.

use crc::{CRC_16_IBM_SDLC, Crc, Table};

use super::address::Address;
use super::control::Control;
use super::{FLAG, Parameters};
use crate::limits::FRAME_OCTETS_MAX;

const CHECK: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&CRC_16_IBM_SDLC);

/// A frame of type 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// For whom.
    pub destination: Address,
    /// From whom.
    pub source: Address,
    /// What for.
    pub control: Control,
    /// More of the same message follows in the next frame.
    pub is_segmented: bool,
    /// What it carries.
    pub information: Vec<u8>,
}

/// Why octets between two flags are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The format is not that of type 3.
    #[error("frame has no format of type 3")]
    Format,
    /// The length does not fit.
    #[error("frame has another length than it says")]
    Length,
    /// An address is malformed.
    #[error("frame has a malformed address")]
    Address,
    /// The control octet is not known.
    #[error("frame has the unknown control {0:#04x}")]
    Control(u8),
    /// The checksum of the header is wrong.
    #[error("frame has a wrong header checksum")]
    HeaderCheck,
    /// The checksum of the frame is wrong.
    #[error("frame has a wrong checksum")]
    FrameCheck,
}

/// What begins at one place of what was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A frame of so many octets, without flags.
    Whole(usize, Frame),
    /// A frame of so many octets whose header is right and whose end is not.
    Damaged(usize, Frame),
    /// So far it could become one; so many octets are to come at least.
    Begun(usize),
    /// Something else.
    Other,
}

impl Frame {
    /// A frame that carries nothing.
    pub fn bare(destination: Address, source: Address, control: Control) -> Self {
        Self {
            destination,
            source,
            control,
            is_segmented: false,
            information: Vec::new(),
        }
    }

    /// A frame that offers or confirms parameters.
    pub fn with(self, parameters: &Parameters) -> Self {
        Self {
            information: parameters.encode(),
            ..self
        }
    }

    /// As octets, between flags.
    pub fn encode(&self) -> Vec<u8> {
        let header = 2 + self.destination.octets().len() + self.source.octets().len() + 1;
        let carried = match self.information.len() {
            0 => 0,
            octets => octets + 2,
        };
        let length = header + 2 + carried;
        let length = u16::try_from(length).unwrap_or(u16::MAX) & 0x07ff;
        let segmented = if self.is_segmented { 0x0800 } else { 0 };
        let mut out = vec![FLAG];
        out.extend_from_slice(&(0xa000 | segmented | length).to_be_bytes());
        out.extend_from_slice(self.destination.octets());
        out.extend_from_slice(self.source.octets());
        out.push(self.control.octet());
        if !self.information.is_empty() {
            let check = CHECK.checksum(out.get(1..).unwrap_or_default());
            out.extend_from_slice(&check.to_le_bytes());
            out.extend_from_slice(&self.information);
        }
        let check = CHECK.checksum(out.get(1..).unwrap_or_default());
        out.extend_from_slice(&check.to_le_bytes());
        out.push(FLAG);
        out
    }

    /// From the octets between two flags.
    pub fn decode(octets: &[u8]) -> Result<Self, FrameFault> {
        let [high, low, ..] = octets else {
            return Err(FrameFault::Length);
        };
        let format = u16::from_be_bytes([*high, *low]);
        if format & 0xf000 != 0xa000 {
            return Err(FrameFault::Format);
        }
        if usize::from(format & 0x07ff) != octets.len() {
            return Err(FrameFault::Length);
        }
        let Some((body, check)) = octets.split_last_chunk::<2>() else {
            return Err(FrameFault::Length);
        };
        if CHECK.checksum(body) != u16::from_le_bytes(*check) {
            return Err(FrameFault::FrameCheck);
        }
        Self::open(body, format & 0x0800 != 0)
    }

    /// What stands before the checksum.
    fn open(body: &[u8], is_segmented: bool) -> Result<Self, FrameFault> {
        let behind = |at: usize| body.get(at..).ok_or(FrameFault::Length);
        let destination = Address::read(behind(2)?).ok_or(FrameFault::Address)?;
        let at = 2 + destination.octets().len();
        let source = Address::read(behind(at)?).ok_or(FrameFault::Address)?;
        let at = at + source.octets().len();
        let control = *behind(at)?.first().ok_or(FrameFault::Length)?;
        let control = Control::of(control).ok_or(FrameFault::Control(control))?;
        let (header, carried) = body.split_at_checked(at + 1).ok_or(FrameFault::Length)?;
        let information = match carried {
            [] => Vec::new(),
            [_] | [_, _] => return Err(FrameFault::Length),
            [low, high, information @ ..] => {
                if CHECK.checksum(header) != u16::from_le_bytes([*low, *high]) {
                    return Err(FrameFault::HeaderCheck);
                }
                information.to_vec()
            }
        };
        Ok(Self {
            destination,
            source,
            control,
            is_segmented,
            information,
        })
    }
}

/// What begins at the front of `heard`, which is behind a flag. A flag must close a frame.
pub fn seen(heard: &[u8]) -> Seen {
    let [high, low, ..] = heard else {
        return match heard {
            [high] if high & 0xf0 != 0xa0 => Seen::Other,
            _ => Seen::Begun(8),
        };
    };
    let format = u16::from_be_bytes([*high, *low]);
    let length = usize::from(format & 0x07ff);
    // Addresses of one octet, control, checksum.
    if format & 0xf000 != 0xa000 || !(7..=FRAME_OCTETS_MAX).contains(&length) {
        return Seen::Other;
    }
    let Some(octets) = heard.get(..length) else {
        return Seen::Begun(length + 1 - heard.len());
    };
    match heard.get(length) {
        None => return Seen::Begun(1),
        Some(&FLAG) => {}
        Some(_) => return Seen::Other,
    }
    match Frame::decode(octets) {
        Ok(frame) => Seen::Whole(length, frame),
        Err(FrameFault::FrameCheck) => {
            let body = octets.get(..length - 2).unwrap_or_default();
            match Frame::open(body, format & 0x0800 != 0) {
                Ok(frame) => Seen::Damaged(length, frame),
                Err(_) => Seen::Other,
            }
        }
        Err(_) => Seen::Other,
    }
}
