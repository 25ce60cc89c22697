//! The checksum of RTU frames (Modbus over Serial Line V1.02, 2.5.1.2).

const CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_MODBUS);

/// The checksum over these octets; zero if they are a frame that ends in its own checksum.
pub fn checksum(octets: &[u8]) -> u16 {
    CRC.checksum(octets)
}

/// The octets with their checksum behind them, low octet first.
pub fn with_checksum(octets: &[u8]) -> Vec<u8> {
    let mut frame = octets.to_vec();
    frame.extend(checksum(octets).to_le_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        let frame = with_checksum(&[0x01, 0x04, 0x00, 0x48, 0x00, 0x02]);
        assert_eq!(frame, [0x01, 0x04, 0x00, 0x48, 0x00, 0x02, 0xf1, 0xdd]);
        assert_eq!(checksum(&frame), 0);
        assert_ne!(
            checksum(&[0x01, 0x04, 0x00, 0x48, 0x00, 0x02, 0xdd, 0xf1]),
            0
        );
    }
}
