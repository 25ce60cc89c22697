//! The data stream of Elster meters: packets of up to 256 octets, with a checksum.
//!
//! One source describes it, two confirm parts of it. What a packet is acknowledged with, if at all,
//! is not known; the end characters mean the opposite of those of a block.

use super::block::BlockEnd;
use super::fault::{DecodeFault, InvalidField, check_range};
use super::frame::{Extent, Frame};
use super::symbol::{EOT, ETX, STX};
use crate::limits::{STREAM_DATA_OCTETS_MAX, STREAM_EXTRA_OCTETS};

const CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_ARC);

/// `STX`, number, length, data, `ETX` (more to come) or `EOT`, checksum; all octets of eight bits.
///
/// Its end is found by its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamPacket<'a> {
    number: u16,
    data: &'a [u8],
    end: BlockEnd,
}

impl<'a> StreamPacket<'a> {
    /// With one to 256 octets.
    pub fn new(number: u16, data: &'a [u8], end: BlockEnd) -> Result<Self, InvalidField> {
        let part = "the number of octets of a packet";
        check_range(part, data.len(), 1, STREAM_DATA_OCTETS_MAX)?;
        Ok(Self { number, data, end })
    }

    /// Its place in the stream, the first being 1.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// What it carries.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Whether more follow.
    pub fn end(&self) -> BlockEnd {
        self.end
    }

    /// As octets.
    pub fn encode(&self) -> Frame {
        // The data are never empty and never longer than 256: the length is one octet less one.
        let length = u8::try_from(self.data.len().saturating_sub(1)).unwrap_or(u8::MAX);
        let [low, high] = self.number.to_le_bytes();
        let mut octets = vec![STX, low, high, length];
        octets.extend(self.data);
        octets.push(match self.end {
            BlockEnd::More => ETX,
            BlockEnd::Last => EOT,
        });
        let checksum = CRC.checksum(&octets);
        octets.extend(checksum.to_le_bytes());
        Frame::raw(octets)
    }

    /// From exactly the octets of one packet.
    pub fn decode(wire: &'a [u8]) -> Result<Self, DecodeFault> {
        match extent(wire) {
            Extent::Begun => return Err(DecodeFault::Incomplete),
            Extent::Other => return Err(DecodeFault::malformed("the beginning of a packet")),
            Extent::Whole(len) if len < wire.len() => return Err(DecodeFault::Trailing),
            Extent::Whole(_) => {}
        }
        let Some((covered, checksum)) = wire.split_last_chunk::<2>() else {
            return Err(DecodeFault::Incomplete);
        };
        if CRC.checksum(covered) != u16::from_le_bytes(*checksum) {
            return Err(DecodeFault::Checksum);
        }
        let [_, low, high, _, data @ .., end] = covered else {
            return Err(DecodeFault::Incomplete);
        };
        let end = match *end {
            ETX => BlockEnd::More,
            EOT => BlockEnd::Last,
            _ => return Err(DecodeFault::malformed("the end of a packet")),
        };
        Ok(Self::new(u16::from_le_bytes([*low, *high]), data, end)?)
    }
}

/// The extent of a packet that begins with the first of these octets.
pub(super) fn extent(octets: &[u8]) -> Extent {
    match *octets {
        [] | [STX] | [STX, _] | [STX, _, _] => Extent::Begun,
        [STX, _, _, length, ..] => {
            let len = usize::from(length) + 1 + STREAM_EXTRA_OCTETS;
            if octets.len() < len {
                Extent::Begun
            } else {
                Extent::Whole(len)
            }
        }
        _ => Extent::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_our_sources() {
        assert_eq!(CRC.checksum(b"123456789"), 0xbb3d);
    }

    #[test]
    fn a_full_packet_has_263_octets() {
        let data = [0x5a; 256];
        let packet = StreamPacket::new(0x0102, &data, BlockEnd::More).unwrap();
        let frame = packet.encode();
        assert_eq!(frame.octets().len(), 263);
        assert_eq!(&frame.octets()[..4], &[2, 2, 1, 0xff]);
        assert_eq!(StreamPacket::decode(frame.octets()), Ok(packet));
        assert!(StreamPacket::new(1, &[], BlockEnd::Last).is_err());
        assert!(StreamPacket::new(1, &[0; 257], BlockEnd::Last).is_err());
    }

    #[test]
    fn another_end_character_is_refused_although_the_checksum_is_right() {
        let mut octets = vec![STX, 1, 0, 0, 9, 0x17];
        octets.extend(CRC.checksum(&octets).to_le_bytes());
        let fault = StreamPacket::decode(&octets);
        assert_eq!(fault, Err(DecodeFault::malformed("the end of a packet")));
    }
}
