//! Octets in plain words, for a person who reads a trace.

use super::answer::Answer;
use super::block::{Block, BlockEnd};
use super::command::{Command, Form};
use super::data_set::DataSet;
use super::fault::DecodeFault;
use super::identification::{Identification, Mode};
use super::lines::DataLines;
use super::option_select::{OptionSelect, Procedure, Purpose};
use super::packet::{Packet, PacketRead, octets_of};
use super::parity;
use super::readout::Readout;
use super::request::Request;
use super::stream::StreamPacket;
use super::symbol::{ETX, SOH, STX};
use crate::limits::EXPLAINED_SETS_MAX;

/// One line about what these octets say. Never a secret, even if they hold one: of what is
/// written, or sent as a password, nothing is repeated.
///
/// `from_gateway` says who sent them; what was heard may also be the gateway's own echo, or the
/// request of another master. Octets with their parity are understood too.
pub fn explain(octets: &[u8], from_gateway: bool) -> String {
    if octets.is_empty() {
        return "nothing".to_owned();
    }
    if !from_gateway && let Ok(packet) = StreamPacket::decode(octets) {
        return packet_words(&packet);
    }
    let seven;
    let wire = if octets.is_ascii() {
        octets
    } else {
        seven = parity::receive(octets);
        &seven
    };
    let answer = if from_gateway { None } else { answer(wire) };
    answer
        .or_else(|| password(wire).map(str::to_owned))
        .unwrap_or_else(|| match Request::decode(wire) {
            Ok(request) => request_words(&request),
            Err(fault) => no_message(octets, fault),
        })
}

fn no_message(octets: &[u8], fault: DecodeFault) -> String {
    let count = octets.len();
    match fault {
        DecodeFault::Malformed { .. } | DecodeFault::Unknown { .. } => {
            format!("{count} octets that are no message")
        }
        DecodeFault::EighthBit => format!("{count} octets, some with wrong parity"),
        fault => format!("{count} octets of a message: {fault}"),
    }
}

/// A password may be masked, and then its block check is wrong.
fn password(wire: &[u8]) -> Option<&'static str> {
    match wire {
        [SOH, b'P', b'1', STX, .., ETX, _] => Some("password (hidden)"),
        [SOH, b'P', b'2', STX, .., ETX, _] => Some("password answer (hidden)"),
        [SOH, b'P', b'1' | b'2', STX, ..] => Some("beginning of a password (hidden)"),
        _ => None,
    }
}

fn answer(wire: &[u8]) -> Option<String> {
    if let Ok(identification) = Identification::decode(wire) {
        return Some(identification_words(&identification));
    }
    if let Ok(readout) = Readout::decode(wire) {
        return Some(format!("readout, {} lines", readout.lines().lines().len()));
    }
    Some(match Answer::decode(wire).ok()? {
        Answer::Acknowledged => "acknowledged".to_owned(),
        Answer::NotAcknowledged => "not acknowledged".to_owned(),
        Answer::Data(block) => data_words(&block),
        Answer::Refused(refusal) => format!("refusal {refusal}"),
        Answer::Operand(_) => "operand for the password".to_owned(),
        Answer::SignOff => "sign-off".to_owned(),
    })
}

fn identification_words(identification: &Identification) -> String {
    let maker = identification.manufacturer();
    let text = identification.text();
    let mode = match identification.mode() {
        Mode::A => "mode A".to_owned(),
        Mode::B(baud) => format!("mode B, {} baud", baud.bits_per_second()),
        Mode::C(baud) => format!("mode C, {} baud", baud.bits_per_second()),
        Mode::E(baud) => format!("mode E, {} baud", baud.bits_per_second()),
    };
    format!("identification of {maker}: {text} ({mode})")
}

fn data_words(block: &Block<'_>) -> String {
    let part = match block.end() {
        BlockEnd::Last => "data",
        BlockEnd::More => "a part of data",
    };
    let Ok(lines) = DataLines::parse(block.payload()) else {
        return format!("{part}, {} characters", block.payload().len());
    };
    let sets: Vec<DataSet<'_>> = lines.sets().collect();
    if let [set] = sets.as_slice()
        && set.address().is_empty()
        && let Ok(octets) = octets_of(set.value())
    {
        return format!("{part}, {}", counted(octets.len(), "octet"));
    }
    let named = sets.iter().map(DataSet::address);
    let named: Vec<&str> = named.filter(|address| !address.is_empty()).collect();
    let sets = counted(sets.len(), "data set");
    match named.get(..EXPLAINED_SETS_MAX) {
        Some(first) if named.len() > first.len() => {
            format!("{part}, {sets}: {} …", first.join(", "))
        }
        _ if named.is_empty() => format!("{part}, {sets}"),
        _ => format!("{part}, {sets}: {}", named.join(", ")),
    }
}

fn packet_words(packet: &StreamPacket<'_>) -> String {
    let octets = counted(packet.data().len(), "octet");
    let end = match packet.end() {
        BlockEnd::Last => "the last",
        BlockEnd::More => "more follow",
    };
    let number = packet.number();
    format!("packet {number} of a data stream, {octets}, {end}")
}

fn request_words(request: &Request<'_>) -> String {
    match request {
        Request::SignOn(sign_on) => match &sign_on.address {
            Some(address) => format!("sign-on to address {address}"),
            None => "sign-on without an address".to_owned(),
        },
        Request::Select(select) => select_words(*select),
        Request::Command(command) => command_words(command),
        Request::Next => "acknowledged".to_owned(),
        Request::Again => "not acknowledged".to_owned(),
        Request::Abort => "abort of a data stream".to_owned(),
    }
}

fn select_words(select: OptionSelect) -> String {
    let purpose = match select.purpose {
        Purpose::Readout => "readout",
        Purpose::Programming => "programming",
        Purpose::Binary => "binary mode",
        Purpose::Maker6 => "programming with data streams",
        Purpose::Maker7 => "maker's mode 7",
        Purpose::Maker8 => "maker's mode 8",
        Purpose::Maker9 => "maker's mode 9",
    };
    let procedure = match select.procedure {
        Procedure::Normal => "",
        Procedure::Secondary => ", secondary procedure",
        Procedure::Hdlc => ", HDLC",
    };
    let baud = select.baud.bits_per_second();
    format!("option select: {purpose}, {baud} baud{procedure}")
}

fn command_words(command: &Command<'_>) -> String {
    match command {
        Command::PlainPassword(_) => "password (hidden)".to_owned(),
        Command::PasswordAnswer(_) => "password answer (hidden)".to_owned(),
        Command::Read(form, set) => match PacketRead::parse(set) {
            Some(read) if *form == Form::Plain => {
                let octets = counted(read.octets().into(), "octet");
                format!("read {}, {octets}", packet_name(read.packet()))
            }
            _ => format!("read {}{}", set_name(set), form_words(*form)),
        },
        Command::Write(form, set) => match (Packet::parse(set.address()), octets_of(set.value())) {
            (Some(packet), Ok(octets)) if *form == Form::Plain => {
                let octets = counted(octets.len(), "octet");
                format!("write {}, {octets}", packet_name(packet))
            }
            _ => format!("write {}{}", set_name(set), form_words(*form)),
        },
        Command::Execute(set) => format!("execute {}", set_name(set)),
        Command::ReadStream(set) => match Packet::parse(set.address()) {
            Some(packet) => format!("read the data stream of {}", packet_name(packet)),
            None => "read a data stream".to_owned(),
        },
        Command::SignOff => "sign-off".to_owned(),
        Command::FastSignOff => "fast sign-off".to_owned(),
    }
}

fn packet_name(packet: Packet) -> String {
    format!(
        "identity {:03} packet {}",
        packet.identity(),
        packet.number()
    )
}

fn set_name(set: &DataSet<'_>) -> String {
    match set.address() {
        "" => "without an address".to_owned(),
        address => address.to_owned(),
    }
}

fn form_words(form: Form) -> &'static str {
    match form {
        Form::Plain => "",
        Form::Formatted => ", formatted",
        Form::PlainPartial => ", in partial blocks",
        Form::FormattedPartial => ", formatted, in partial blocks",
        Form::National => ", national form",
        Form::NationalPartial => ", national form, in partial blocks",
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::password::{Password, PasswordAnswer, Seed};
    use super::super::secrets::without_secrets;
    use super::*;

    #[track_caller]
    fn check(octets: &[u8], from_gateway: bool, expected: &str) {
        assert_eq!(explain(octets, from_gateway), expected, "{octets:02x?}");
        let with_parity = parity::send(octets);
        assert_eq!(explain(&with_parity, from_gateway), expected, "with parity");
    }

    #[test]
    fn requests_are_explained() {
        for (octets, expected) in [
            (&b"/?001!\r\n"[..], "sign-on to address 001"),
            (b"/?!\r\n", "sign-on without an address"),
            (b"\x06051\r\n", "option select: programming, 9600 baud"),
            (
                b"\x06056\r\n",
                "option select: programming with data streams, 9600 baud",
            ),
            (
                b"\x06252\r\n",
                "option select: binary mode, 9600 baud, HDLC",
            ),
            (
                b"\x01R1\x02550003(40)\x03\x64",
                "read identity 550 packet 3, 64 octets",
            ),
            (b"\x01R5\x020.9.1()\x03\x5f", "read 0.9.1, national form"),
            (
                b"\x01W1\x02551001(0200)\x03\x64",
                "write identity 551 packet 1, 2 octets",
            ),
            (
                b"\x01RD\x02550001(1)\x03\x26",
                "read the data stream of identity 550 packet 1",
            ),
            (b"\x01B0\x03\x71", "sign-off"),
            (b"\x06", "acknowledged"),
            (b"\x15", "not acknowledged"),
            (b"\x1b", "abort of a data stream"),
            (
                b"\x01R1\x02550003(40)\x03\x65",
                "16 octets of a message: the checksum of the message is wrong",
            ),
            (b"hello", "5 octets that are no message"),
            (b"", "nothing"),
        ] {
            check(octets, true, expected);
        }
        // What is heard may be an echo, or another master.
        check(b"/?001!\r\n", false, "sign-on to address 001");
        let mut wrong = parity::send(b"/?001!\r\n");
        wrong[3] ^= 0x80;
        let told = explain(&wrong, true);
        assert_eq!(told, "8 octets, some with wrong parity");
    }

    #[test]
    fn answers_are_explained() {
        for (octets, expected) in [
            (
                &b"/GEC5090100100400@000\r\n"[..],
                "identification of GEC: 090100100400@000 (mode C, 9600 baud)",
            ),
            (
                b"\x01P0\x02(0123456789ABCDEF)\x03\x66",
                "operand for the password",
            ),
            (b"\x02(0001)\x03\x03", "data, 2 octets"),
            (b"\x02(00)\x03\x02", "data, 1 octet"),
            (
                b"\x02(ERR5)\x03\x72",
                "refusal ERR5 (identity locked at this level, or password lapsed)",
            ),
            (
                b"\x020.0.0(12345678)\r\n1.8.0(001234.5*kWh)\r\n!\r\n\x03\x45",
                "readout, 2 lines",
            ),
            (b"\x06", "acknowledged"),
            (b"\x15", "not acknowledged"),
            (b"\x01B0\x03\x71", "sign-off"),
        ] {
            check(octets, false, expected);
        }
        let block = Block::new("1.8.0(1*kWh)\r\n2.8.0(2)", BlockEnd::More).unwrap();
        check(
            block.encode().octets(),
            false,
            "a part of data, 2 data sets: 1.8.0, 2.8.0",
        );
        let many: Vec<String> = (1..=9)
            .map(|number| format!("{number}.8.0(1)\r\n"))
            .collect();
        let many = many.concat();
        let block = Block::new(&many, BlockEnd::Last).unwrap();
        check(
            block.encode().octets(),
            false,
            "data, 9 data sets: 1.8.0, 2.8.0, 3.8.0, 4.8.0 …",
        );
        let packet = StreamPacket::new(3, &[0xff; 256], BlockEnd::More).unwrap();
        let told = explain(packet.encode().octets(), false);
        assert_eq!(told, "packet 3 of a data stream, 256 octets, more follow");
    }

    #[test]
    fn passwords_are_named_and_never_told() {
        let password = Password::new("SECRET01").unwrap();
        let answer = PasswordAnswer::elster(&password, Seed::new([7; 8])).unwrap();
        let plain = Command::PlainPassword(password).encode();
        check(plain.octets(), true, "password (hidden)");
        check(plain.octets(), false, "password (hidden)");
        check(&without_secrets(plain.octets()), true, "password (hidden)");
        let mixed = Command::PasswordAnswer(answer).encode();
        check(mixed.octets(), true, "password answer (hidden)");
        let cut = &mixed.octets()[..9];
        check(cut, true, "beginning of a password (hidden)");
    }

    proptest! {
        #[test]
        fn anything_is_explained_in_one_line(
            octets in prop::collection::vec(any::<u8>(), 0..300),
            from_gateway in any::<bool>(),
        ) {
            let told = explain(&octets, from_gateway);
            prop_assert!(!told.is_empty() && !told.contains(['\r', '\n']));
        }
    }
}
