//! Which part of a load profile is asked for, and how long it is.

use metering::MeterTime;

/// What is written before a profile is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProfileWindow {
    /// The last days, today included.
    Days(u16),
    /// All there is.
    All,
    /// From one time to another.
    Between(MeterTime, MeterTime),
}

impl ProfileWindow {
    /// The octets to write; `None` where a time lies beyond the meter's numbers.
    pub fn encode(self) -> Option<Vec<u8>> {
        let seconds = |time: MeterTime| u32::try_from(time.seconds()).ok();
        Some(match self {
            Self::Days(days) => days.to_le_bytes().to_vec(),
            Self::All => u16::MAX.to_le_bytes().to_vec(),
            Self::Between(from, to) => {
                let mut octets = seconds(from)?.to_le_bytes().to_vec();
                octets.extend(seconds(to)?.to_le_bytes());
                octets
            }
        })
    }
}

/// How long a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProfileSize {
    /// Packets of 64 octets.
    pub packets: u16,
    /// Blocks of 256 octets, for the data stream.
    pub blocks: u16,
}

impl ProfileSize {
    /// From the window's identity, read back.
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let [a, b, c, d] = *octets else { return None };
        Some(Self {
            packets: u16::from_be_bytes([a, b]),
            blocks: u16::from_be_bytes([c, d]),
        })
    }

    /// Whether both numbers can belong to one profile.
    pub fn is_consistent(self) -> bool {
        self.packets.div_ceil(4) == self.blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_have_their_low_octet_first() {
        assert_eq!(ProfileWindow::Days(2).encode().unwrap(), [2, 0]);
        assert_eq!(ProfileWindow::All.encode().unwrap(), [0xFF, 0xFF]);
        let from = MeterTime::from_seconds(0x6774_8580);
        let to = MeterTime::from_seconds(0x6775_D700);
        assert_eq!(
            ProfileWindow::Between(from, to).encode().unwrap(),
            [0x80, 0x85, 0x74, 0x67, 0x00, 0xD7, 0x75, 0x67]
        );
        let late = MeterTime::from_seconds(1 << 32);
        assert_eq!(ProfileWindow::Between(from, late).encode(), None);
    }

    #[test]
    fn sizes_have_their_high_octet_first() {
        let size = ProfileSize::decode(&[0x01, 0x02, 0x00, 0x41]).unwrap();
        assert_eq!((size.packets, size.blocks), (258, 65));
        assert!(size.is_consistent());
        assert_eq!(ProfileSize::decode(&[0, 0, 0]), None);
    }
}
