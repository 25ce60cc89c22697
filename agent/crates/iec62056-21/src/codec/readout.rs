//! The readout of modes A, B and C: every data line a meter shows, in one block.

use super::block::{Block, BlockEnd};
use super::fault::{DecodeFault, InvalidField};
use super::frame::Frame;
use super::lines::DataLines;
use super::symbol::ETX;

/// `STX`, data lines, `!`, end of line, `ETX`, block check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readout<'a>(DataLines<'a>);

impl<'a> Readout<'a> {
    /// With these lines, if they fit into one block.
    pub fn new(lines: DataLines<'a>) -> Result<Self, InvalidField> {
        Block::new(&lines.to_mark(), BlockEnd::Last)?;
        Ok(Self(lines))
    }

    /// Its lines.
    pub fn lines(&self) -> &DataLines<'a> {
        &self.0
    }

    /// As octets.
    pub fn encode(&self) -> Frame {
        Frame::block(&self.0.to_mark(), ETX)
    }

    /// From exactly the octets of a readout.
    pub fn decode(wire: &'a [u8]) -> Result<Self, DecodeFault> {
        let block = Block::decode(wire)?;
        if block.end() == BlockEnd::More {
            return Err(DecodeFault::malformed("the end of a readout"));
        }
        DataLines::parse_to_mark(block.payload()).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PAYLOAD_OCTETS_MAX;

    #[test]
    fn a_readout_is_a_block_that_ends_with_its_mark() {
        let frame = Frame::block("1.8.0(1*kWh)\r\nF.F(00)\r\n!\r\n", ETX);
        let readout = Readout::decode(frame.octets()).unwrap();
        assert_eq!(readout.lines().sets().count(), 2);
        assert_eq!(readout.encode(), frame);
        for payload in [
            "1.8.0(1*kWh)",
            "1.8.0(1*kWh)\r\n!",
            "1.8.0(1*kWh)\r\n!\r\n!\r\n",
        ] {
            assert!(Readout::decode(Frame::block(payload, ETX).octets()).is_err());
        }
    }

    #[test]
    fn a_readout_fits_into_one_block() {
        let text = "(1)\r\n".repeat(PAYLOAD_OCTETS_MAX / 5 + 1);
        let lines = DataLines::parse(&text).unwrap();
        assert!(Readout::new(lines).is_err());
        assert!(Readout::new(DataLines::default()).is_ok());
    }
}
