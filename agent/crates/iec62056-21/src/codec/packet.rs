//! How Elster meters address their data: identity and packet, values in hexadecimal.

use super::command::{Command, Form};
use super::data_set::DataSet;
use super::expected::ExpectedAnswer;
use super::fault::{DecodeFault, InvalidField, check_range};
use super::frame::Frame;
use crate::limits::{IDENTITY_MAX, PACKET_NUMBER_MAX, PACKET_OCTETS_MAX};

/// Upper-case hexadecimal digits, two an octet.
pub fn hex_of(octets: &[u8]) -> String {
    let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 0x0f]);
    digits.map(letter).collect()
}

/// The octets of hexadecimal digits.
pub fn octets_of(digits: &str) -> Result<Vec<u8>, DecodeFault> {
    let malformed = DecodeFault::malformed("a value in hexadecimal");
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(malformed);
    }
    let octets = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    octets.collect::<Option<_>>().ok_or(malformed)
}

/// The digit of a number below sixteen.
fn letter(number: u8) -> char {
    char::from_digit(number.into(), 16).map_or('0', |letter| letter.to_ascii_uppercase())
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'A'..=b'F' => Some(letter - b'A' + 10),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

/// One packet of an identity, as `507002`: three decimal digits and three hexadecimal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Packet {
    identity: u16,
    number: u16,
}

impl Packet {
    /// Packets count from 1; one source asks for a data stream from 0.
    pub fn new(identity: u16, number: u16) -> Result<Self, InvalidField> {
        let most = usize::from(IDENTITY_MAX);
        check_range("the identity", identity.into(), 0, most)?;
        let most = usize::from(PACKET_NUMBER_MAX);
        check_range("the number of the packet", number.into(), 0, most)?;
        Ok(Self { identity, number })
    }

    /// Which identity.
    pub fn identity(self) -> u16 {
        self.identity
    }

    /// Which packet of it.
    pub fn number(self) -> u16 {
        self.number
    }

    /// From the address of a data set.
    pub fn parse(address: &str) -> Option<Self> {
        let (identity, number) = address.split_at_checked(3)?;
        let decimal = identity.bytes().all(|letter| letter.is_ascii_digit());
        let hexadecimal = number.len() == 3 && number.bytes().all(|letter| digit(letter).is_some());
        if !(decimal && hexadecimal) {
            return None;
        }
        let number = u16::from_str_radix(number, 16).ok()?;
        Self::new(identity.parse().ok()?, number).ok()
    }

    /// As the address of a data set.
    pub fn address(self) -> String {
        format!("{:03}{:03X}", self.identity, self.number)
    }

    /// The command that writes these octets; there may be none.
    pub fn write(self, octets: &[u8]) -> Result<Frame, InvalidField> {
        let most = usize::from(PACKET_OCTETS_MAX);
        check_range("the number of octets to write", octets.len(), 0, most)?;
        let (address, value) = (self.address(), hex_of(octets));
        let set = DataSet::new(&address, &value, None)?;
        Ok(Command::Write(Form::Plain, set).encode())
    }

    /// The command that asks for a data stream of so many blocks of 256 octets.
    pub fn read_stream(self, blocks: u16) -> Result<Frame, InvalidField> {
        let (address, value) = (self.address(), format!("{blocks:X}"));
        let set = DataSet::new(&address, &value, None)?;
        Ok(Command::ReadStream(set).encode())
    }
}

/// A read of the first octets of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketRead {
    packet: Packet,
    octets: u8,
}

impl PacketRead {
    /// One to 64 octets.
    pub fn new(packet: Packet, octets: u8) -> Result<Self, InvalidField> {
        let most = usize::from(PACKET_OCTETS_MAX);
        check_range("the number of octets to read", octets.into(), 1, most)?;
        Ok(Self { packet, octets })
    }

    /// From the data set of R1.
    pub fn parse(set: &DataSet<'_>) -> Option<Self> {
        let packet = Packet::parse(set.address())?;
        let octets = octets_of(set.value()).ok()?;
        match (octets.as_slice(), set.unit()) {
            (&[octets], None) => Self::new(packet, octets).ok(),
            _ => None,
        }
    }

    /// Which packet.
    pub fn packet(self) -> Packet {
        self.packet
    }

    /// How many octets.
    pub fn octets(self) -> u8 {
        self.octets
    }

    /// The command.
    pub fn encode(self) -> Result<Frame, InvalidField> {
        let (address, value) = (self.packet.address(), hex_of(&[self.octets]));
        let set = DataSet::new(&address, &value, None)?;
        Ok(Command::Read(Form::Plain, set).encode())
    }

    /// The answer to it: exactly so many octets, or a refusal.
    pub fn expected(self) -> ExpectedAnswer {
        ExpectedAnswer::to_packet_read(self.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(identity: u16, number: u16) -> Packet {
        Packet::new(identity, number).unwrap()
    }

    #[test]
    fn packets_count_in_hexadecimal() {
        assert_eq!(packet(507, 2).address(), "507002");
        assert_eq!(packet(550, 10).address(), "55000A");
        assert_eq!(packet(2, 0xfff).address(), "002FFF");
        for address in ["507002", "55000A", "002FFF"] {
            assert_eq!(Packet::parse(address).unwrap().address(), address);
        }
        for address in [
            "", "507", "50700", "5070020", "5A7002", "50700G", "507+02", "+07002", "5é002",
        ] {
            assert_eq!(Packet::parse(address), None, "{address}");
        }
        assert!(Packet::new(1000, 1).is_err());
        assert!(Packet::new(1, 0x1000).is_err());
    }

    #[test]
    fn the_frames_are_those_of_our_sources() {
        let read = |identity, number, octets| {
            let read = PacketRead::new(packet(identity, number), octets).unwrap();
            hex_of(read.encode().unwrap().octets())
        };
        assert_eq!(read(798, 1, 16), "01523102373938303031283130290365");
        assert_eq!(read(507, 2, 16), "01523102353037303032283130290362");
        assert_eq!(read(606, 1, 28), "01523102363036303031283143290310");
        let write =
            |identity, octets: &[u8]| hex_of(packet(identity, 1).write(octets).unwrap().octets());
        assert_eq!(write(551, &[2, 0]), "015731023535313030312830323030290364");
        assert_eq!(
            write(655, &[]),
            "01573102363535303031282903".to_owned() + "61"
        );
        let stream = packet(550, 1).read_stream(1).unwrap();
        assert_eq!(hex_of(stream.octets()), "015244023535303030312831290326");
    }

    #[test]
    fn a_read_has_one_to_64_octets() {
        assert!(PacketRead::new(packet(1, 1), 0).is_err());
        assert!(PacketRead::new(packet(1, 1), 65).is_err());
        assert!(packet(1, 1).write(&[0; 64]).is_ok());
        assert!(packet(1, 1).write(&[0; 65]).is_err());
        let parse = |value| PacketRead::parse(&DataSet::new("507001", value, None).unwrap());
        assert_eq!(parse("40").unwrap().octets(), 64);
        for value in ["", "4", "041", "41", "00", "0040"] {
            assert_eq!(parse(value), None, "{value}");
        }
    }

    #[test]
    fn hexadecimal_is_read_exactly() {
        assert_eq!(octets_of("00ffFF7A"), Ok(vec![0, 255, 255, 0x7a]));
        assert_eq!(octets_of(""), Ok(vec![]));
        for digits in ["0", "0G", "+1", " 1", "é"] {
            assert!(octets_of(digits).is_err(), "{digits}");
        }
    }
}
