//! Scripts in octets: what is heard, what is said.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::codec::{
    Baud, DataSet, Form, Identification, MeterAddress, Packet, PacketRead, Password,
    PasswordAnswer, Request, Seed, StreamPacket, parity,
};

const MS: Duration = Duration::from_millis(1);
const ACK: &[u8] = b"\x06";
const NAK: &[u8] = b"\x15";
const B0: &[u8] = b"\x01B0\x03\x71";
const P0: &[u8] = b"\x01P0\x02(0123456789ABCDEF)\x03\x66";
const ERR1: &[u8] = b"\x02(ERR1)\x03\x76";
const ERR2: &[u8] = b"\x02(ERR2)\x03\x75";
const ERR3: &[u8] = b"\x02(ERR3)\x03\x74";
const ERR5: &[u8] = b"\x02(ERR5)\x03\x72";
const PUBLIC: &[u8] = b"\x01P2\x02(0000000000000000)\x03\x62";
const READ: &[u8] = b"\x01R1\x02798001(10)\x03\x65";
const IDENT: &[u8] = b"/GEC5090100100400@000\r\n";

/// Level one reads 507 and writes 551, level three writes 861.
struct Contents;

impl Store for Contents {
    fn operand(&mut self, _: Duration) -> Seed {
        Seed::parse("0123456789ABCDEF").unwrap()
    }

    fn read(&mut self, asked: PacketRead, level: Level, _: Duration) -> Result<Vec<u8>, Refused> {
        let octets = usize::from(asked.octets());
        match (asked.packet().identity(), asked.packet().number()) {
            (798, 1) => Ok(b"000000012345678A"[..octets.min(16)].to_vec()),
            (507, _) if level < Level::One => Err(Refused::Locked),
            (507, 1..=2) => Ok(vec![0x12; octets]),
            (507 | 798, _) => Err(Refused::Packet),
            _ => Err(Refused::Identity),
        }
    }

    fn write(
        &mut self,
        packet: Packet,
        octets: &[u8],
        level: Level,
        _: Duration,
    ) -> Result<(), Refused> {
        match (packet.identity(), octets.len()) {
            (551, 2) if level >= Level::One => Ok(()),
            (655, 0 | 1) => Ok(()),
            (861, 7) if level == Level::Three => Ok(()),
            (551 | 861, _) => Err(Refused::Locked),
            _ => Err(Refused::Identity),
        }
    }

    fn stream(
        &mut self,
        from: Packet,
        index: u32,
        _: Level,
        _: Duration,
    ) -> Result<Option<Vec<u8>>, Refused> {
        let len = match index {
            0 | 1 => 256,
            2 => 10,
            _ => return Ok(None),
        };
        (from.identity() == 550)
            .then(|| Some(vec![0xE4; len]))
            .ok_or(Refused::Identity)
    }

    fn read_set(
        &mut self,
        _: Form,
        asked: DataSet<'_>,
        _: Level,
        _: Duration,
    ) -> Result<String, Refused> {
        match asked.address() {
            "1.8.0" => Ok("1.8.0(12.5*kWh)".to_owned()),
            "P.01" => Ok("P.01(1)(2)(3)".to_owned()),
            _ => Err(Refused::Identity),
        }
    }

    fn write_set(
        &mut self,
        _: Form,
        set: DataSet<'_>,
        level: Level,
        _: Duration,
    ) -> Result<(), Refused> {
        match (set.address(), level) {
            ("S01", Level::One) => Ok(()),
            ("S01", _) => Err(Refused::Locked),
            _ => Err(Refused::Words("ERROR06")),
        }
    }

    fn readout(&mut self, _: Duration) -> Option<String> {
        Some("1.8.0(12.5*kWh)\r\n".to_owned())
    }
}

struct Script {
    machine: Machine<Contents>,
    at: Duration,
}

fn passwords() -> Vec<(Level, Password)> {
    [
        (Level::One, "0001ABCD"),
        (Level::Two, "ABCD0002"),
        (Level::Three, "FEDC0003"),
    ]
    .map(|(level, text)| (level, Password::new(text).unwrap()))
    .to_vec()
}

fn settings() -> Settings {
    let identification = Identification::decode(IDENT).unwrap();
    let mut settings = Settings::new(identification, Security::elster(passwords()));
    settings.address = Some(MeterAddress::new("001").unwrap());
    settings
}

fn identified_as(line: &[u8]) -> Settings {
    Settings {
        identification: Identification::decode(line).unwrap(),
        ..settings()
    }
}

fn answer_for(password: &str) -> Vec<u8> {
    let seed = Seed::parse("0123456789ABCDEF").unwrap();
    let password = Password::new(password).unwrap();
    let answer = PasswordAnswer::elster(&password, seed).unwrap();
    let command = crate::codec::Command::PasswordAnswer(answer);
    command.encode().into_octets()
}

impl Script {
    fn new(settings: Settings) -> Self {
        Self {
            machine: Machine::new(settings, Contents),
            at: Duration::from_secs(1),
        }
    }

    /// A session at the level of this password.
    fn open(settings: Settings, password: &str) -> Self {
        let mut script = Self::new(settings);
        script.hears(b"/?001!\r\n", IDENT);
        script.hears(b"\x06051\r\n", P0);
        script.hears(&answer_for(password), ACK);
        script
    }

    fn feed(&mut self, octets: &[u8]) -> Option<Said> {
        let mut last = None;
        for octet in octets {
            self.at += MS;
            assert_eq!(last, None, "nothing is said before a message is whole");
            last = self.machine.hear(*octet, self.at);
        }
        last
    }

    #[track_caller]
    fn hears(&mut self, octets: &[u8], expected: &[u8]) {
        let said = self.feed(octets).map(|said| said.octets);
        let expected = (!expected.is_empty()).then(|| expected.to_vec());
        let shown =
            |octets: &Option<Vec<u8>>| octets.as_ref().map(|o| o.escape_ascii().to_string());
        assert_eq!(
            shown(&said),
            shown(&expected),
            "to {}",
            octets.escape_ascii()
        );
    }

    /// Waits until the machine has something to do, and lets it.
    fn waits(&mut self) -> Option<Said> {
        self.at = self.machine.due().expect("something is due").max(self.at);
        self.machine.wake(self.at)
    }

    #[track_caller]
    fn says(&mut self, expected: &[u8]) {
        let said = self.waits().map(|said| said.octets);
        assert_eq!(said.as_deref(), Some(expected));
    }
}

#[test]
fn a_sign_on_is_answered_by_the_one_it_names() {
    for (address, answers) in [
        ("", true),
        ("001", true),
        ("1", true),
        ("0000001", true),
        ("002", false),
        ("000", false),
        ("1A", false),
        ("01 ", false),
    ] {
        let sign_on = format!("/?{address}!\r\n");
        let expected = if answers { IDENT } else { b"" };
        Script::new(settings()).hears(sign_on.as_bytes(), expected);
    }
    let mut on_a_bus = settings();
    on_a_bus.answers_empty = false;
    on_a_bus.other_address = OtherAddress::Nak;
    Script::new(on_a_bus.clone()).hears(b"/?!\r\n", NAK);
    Script::new(on_a_bus).hears(b"/?2!\r\n", NAK);
    let mut any = settings();
    any.address = None;
    Script::new(any).hears(b"/?77!\r\n", IDENT);
}

#[test]
fn a_session_reads_and_writes_at_its_level() {
    let mut script = Script::new(settings());
    script.hears(b"/?001!\r\n", IDENT);
    script.hears(b"\x06051\r\n", P0);
    script.hears(READ, ERR5);
    script.hears(PUBLIC, ACK);
    script.hears(READ, b"\x02(30303030303030313233343536373841)\x03\x0c");
    script.hears(b"\x01R1\x02507001(40)\x03\x64", ERR5);
    assert_eq!(script.machine.level(), Some(Level::Public));
    script.hears(&answer_for("0001ABCD"), ACK);
    let said = script.feed(b"\x01R1\x02507001(40)\x03\x64").unwrap().octets;
    assert_eq!(said.len(), 1 + 2 + 128 + 2);
    script.hears(b"\x01R1\x02507003(01)\x03\x63", ERR3);
    script.hears(b"\x01R1\x02507001(41)\x03\x65", ERR3);
    script.hears(b"\x01R1\x02333001(01)\x03\x60", ERR2);
    script.hears(b"\x01R1\x020.9.1(01)\x03\x5a", ERR2);
    script.hears(b"\x01R7\x02507001(40)\x03\x62", ERR1);
    script.hears(b"\x01W1\x02551001(0200)\x03\x64", ACK);
    let clock = b"\x01W1\x02861001(00301203050026)\x03\x6a";
    script.hears(clock, ERR5);
    script.hears(&answer_for("FEDC0003"), ACK);
    script.hears(clock, ACK);
    script.hears(b"\x01W1\x02655001()\x03\x61", ACK);
    script.hears(b"\x01W1\x02655001(1)\x03\x50", ACK);
    script.hears(b"\x01E2\x02655001(1)\x03\x41", ERR1);
    script.hears(B0, b"");
    assert!(!script.machine.is_in_session());
    script.hears(READ, b"");
}

#[test]
fn each_of_the_four_ways_to_reject_a_password() {
    for (wrong, expected, stays) in [
        (WrongPassword::Nak, NAK, true),
        (WrongPassword::SignOff, B0, false),
        (WrongPassword::Refusal, ERR1, true),
        (WrongPassword::Silence, b"", true),
    ] {
        let mut settings = settings();
        settings.security.wrong = wrong;
        let mut script = Script::new(settings);
        script.hears(b"/?001!\r\n", IDENT);
        script.hears(b"\x06051\r\n", P0);
        script.hears(&answer_for("WRONGPWD"), expected);
        assert_eq!(script.machine.is_in_session(), stays, "{wrong:?}");
        assert_eq!(script.machine.level(), None);
    }
}

#[test]
fn a_lockout_rejects_the_right_password_too_until_it_ends() {
    let mut settings = settings();
    let lasts = Duration::from_mins(1);
    settings.security.lockout = Some(Lockout { after: 2, lasts });
    let mut script = Script::new(settings);
    script.hears(b"/?001!\r\n", IDENT);
    script.hears(b"\x06051\r\n", P0);
    script.hears(&answer_for("WRONGPWD"), NAK);
    script.hears(&answer_for("WRONGPW2"), NAK);
    script.hears(&answer_for("0001ABCD"), NAK);
    script.hears(PUBLIC, ACK);
    script.at += lasts;
    script.hears(&answer_for("0001ABCD"), ACK);
}

#[test]
fn a_password_lapses_and_is_renewed_with_the_same_operand() {
    let mut settings = settings();
    settings.inactivity = None;
    let mut script = Script::open(settings.clone(), "0001ABCD");
    script.at += limits::LAPSE.saturating_sub(Duration::from_secs(1));
    script.hears(b"\x01R1\x02798001(01)\x03\x65", b"\x02(30)\x03\x01");
    script.at += Duration::from_secs(1);
    script.hears(b"\x01R1\x02798001(01)\x03\x65", ERR5);
    script.hears(&answer_for("0001ABCD"), ACK);
    script.hears(b"\x01R1\x02798001(01)\x03\x65", b"\x02(30)\x03\x01");

    settings.security.lapse = Lapse::SignsOff;
    let mut script = Script::open(settings, "0001ABCD");
    let begun = script.at;
    script.says(B0);
    assert_eq!(script.at, begun + limits::LAPSE);
    assert!(!script.machine.is_in_session());
}

#[test]
fn a_session_without_a_word_ends_with_a_sign_off() {
    let mut script = Script::open(settings(), "0001ABCD");
    script.says(B0);
    script.hears(READ, b"");
    let mut quiet = settings();
    quiet.says_inactivity = false;
    let mut script = Script::open(quiet, "0001ABCD");
    assert_eq!(script.waits(), None);
    assert!(!script.machine.is_in_session());
    let mut script = Script::open(settings(), "0001ABCD");
    let at = script.at;
    assert_eq!(script.machine.sign_off(at).unwrap().octets, B0);
    assert_eq!(script.machine.sign_off(at), None);
}

#[test]
fn what_is_damaged_gets_a_nak_and_a_nak_a_repeat() {
    let mut script = Script::open(settings(), "0001ABCD");
    script.hears(b"\x01R1\x02798001(10)\x03\x64", NAK);
    script.hears(b"\x01R1\x02798001(10\x03\x4c", NAK);
    script.hears(b"\x01R1\x027980\xb01(10)\x03\x65", NAK);
    script.hears(b"\x01R1\x02798001(01)\x03\x65", b"\x02(30)\x03\x01");
    script.hears(NAK, b"\x02(30)\x03\x01");
    script.hears(NAK, b"\x02(30)\x03\x01");
    script.hears(ACK, b"");
    script.hears(b"\x1b", b"");
}

#[test]
fn a_gap_between_characters_ends_a_message() {
    let mut script = Script::open(settings(), "0001ABCD");
    script.feed(b"\x01R1\x027980");
    script.at += Duration::from_secs(2);
    script.hears(b"\x01R1\x02798001(01)\x03\x65", b"\x02(30)\x03\x01");
}

#[test]
fn strays_spoil_a_message_only_for_a_strict_meter() {
    let read = b"\r\n\x01R1\x02798001(01)\x03\x65";
    Script::open(settings(), "0001ABCD").hears(read, b"\x02(30)\x03\x01");
    let mut strict = settings();
    strict.is_strict = true;
    let mut script = Script::open(strict.clone(), "0001ABCD");
    script.hears(read, NAK);
    script.hears(&read[2..], b"\x02(30)\x03\x01");
    Script::new(strict).hears(b"\r\n/?001!\r\n", b"");
    Script::new(settings()).hears(b"\r\n/?001!\r\n", IDENT);
}

#[test]
fn a_sign_on_in_a_session_brings_what_the_meter_is_set_to() {
    for (habit, expected) in [
        (SignOnInSession::Nak, NAK),
        (SignOnInSession::Silence, b""),
        (SignOnInSession::Restart, IDENT),
    ] {
        let mut settings = settings();
        settings.sign_on_in_session = habit;
        let mut script = Script::open(settings, "0001ABCD");
        script.hears(b"/?1!\r\n", expected);
    }
    let mut script = Script::open(settings(), "0001ABCD");
    script.hears(b"/?2!\r\n", b"");
    assert!(!script.machine.is_in_session(), "the bus is another's");
    let mut stubborn = settings();
    stubborn.yields = false;
    let mut script = Script::open(stubborn, "0001ABCD");
    script.hears(b"/?2!\r\n", b"");
    assert!(script.machine.is_in_session());
}

#[test]
fn a_message_takes_its_time_and_leaves_at_its_speed() {
    let mut negotiated = settings();
    negotiated.opening = Opening::Negotiated(Baud::B300);
    let mut script = Script::new(negotiated);
    let said = script.feed(b"/?001!\r\n").unwrap();
    assert_eq!((said.after, said.baud), (200 * MS, 300));
    let said = script.feed(b"\x06041\r\n").unwrap();
    assert_eq!((said.octets.as_slice(), said.baud), (P0, 4800));
    assert_eq!(script.machine.baud(), 4800);
    script.hears(B0, b"");
    assert_eq!(script.machine.baud(), 300);
    // More than what was offered, and what means "stay", change nothing.
    for select in [b"\x06061\r\n", b"\x06001\r\n"] {
        script.hears(b"/?001!\r\n", IDENT);
        assert_eq!(script.feed(select).unwrap().baud, 300);
        script.hears(B0, b"");
    }
    let mut script = Script::new(settings());
    script.hears(b"/?001!\r\n", IDENT);
    assert_eq!(script.feed(b"\x06041\r\n").unwrap().baud, 9600);
    let fast = Identification::decode(b"/GEc5X\r\n").unwrap();
    let mut fast = Script::new(Settings::new(fast, Security::elster(Vec::new())));
    assert_eq!(fast.feed(b"/?!\r\n").unwrap().after, 20 * MS);
}

const READOUT: &[u8] = b"\x021.8.0(12.5*kWh)\r\n!\r\n\x03\x7c";

#[test]
fn a_readout_comes_in_the_way_of_the_mode() {
    let mut script = Script::new(settings());
    script.hears(b"/?001!\r\n", IDENT);
    script.hears(b"\x06050\r\n", READOUT);
    script.hears(NAK, READOUT);
    script.hears(ACK, b"");
    script.hears(NAK, b"");

    let mut negotiated = identified_as(b"/GECEX\r\n");
    negotiated.opening = Opening::Negotiated(Baud::B300);
    let mut script = Script::new(negotiated);
    script.hears(b"/?001!\r\n", b"/GECEX\r\n");
    let said = script.waits().unwrap();
    assert_eq!((said.octets.as_slice(), said.baud), (READOUT, 9600));
    assert_eq!(script.waits(), None);
    assert_eq!(script.machine.baud(), 300);

    let mut script = Script::new(identified_as(b"/GECzX\r\n"));
    script.hears(b"/?001!\r\n", b"/GECzX\r\n");
    script.says(READOUT);

    let mut unasked = settings();
    unasked.reads_out_unasked = true;
    let mut script = Script::new(unasked);
    script.hears(b"/?001!\r\n", IDENT);
    script.says(READOUT);
    let mut script = Script::new(settings());
    script.hears(b"/?001!\r\n", IDENT);
    assert_eq!(script.waits(), None);
    script.hears(b"\x06051\r\n", b"");
}

#[test]
fn a_meter_of_mode_d_speaks_unasked() {
    let mut pushing = identified_as(b"/GEC3X\r\n");
    pushing.push = Some(Push {
        every: Duration::from_mins(1),
        baud: Baud::PUSHED,
    });
    let mut script = Script::new(pushing);
    for minute in 1..=3 {
        let said = script.waits().unwrap();
        assert_eq!(script.at, Duration::from_secs(60 * minute));
        assert_eq!(said.baud, 2400);
        assert_eq!(said.octets, [b"/GEC3X\r\n", READOUT].concat());
    }
}

#[test]
fn mode_e_is_offered_and_leads_away() {
    let mut script = Script::new(identified_as(b"/GEC5\\2X\r\n"));
    script.hears(b"/?!\r\n", b"/GEC5\\2X\r\n");
    script.hears(b"\x06252\r\n", b"");
    script.hears(b"/?!\r\n", b"");
    script.hears(B0, b"");
    script.hears(b"/?!\r\n", b"/GEC5\\2X\r\n");
    script.hears(b"\x06051\r\n", P0);
    let mut script = Script::new(settings());
    script.hears(b"/?!\r\n", IDENT);
    script.hears(b"\x06252\r\n", NAK);
}

#[test]
fn a_meter_may_take_hdlc_otherwise_than_it_offers() {
    for (hdlc, baud, answer, is_away) in [
        (HdlcSelect::Taken, 9600, b"".as_slice(), true),
        (HdlcSelect::TakenSlowly, 300, b"", true),
        (HdlcSelect::Refused, 300, NAK, false),
    ] {
        let mut script = Script::new(Settings {
            hdlc,
            opening: Opening::Negotiated(Baud::B300),
            ..identified_as(b"/GEC5\\2X\r\n")
        });
        script.hears(b"/?!\r\n", b"/GEC5\\2X\r\n");
        script.hears(b"\x06252\r\n", answer);
        assert_eq!(script.machine.baud(), baud, "{hdlc:?}");
        assert_eq!(script.machine.is_away(), is_away, "{hdlc:?}");
    }
}

fn vdew() -> Settings {
    let mut settings = settings();
    settings.security = Security::vdew(passwords());
    settings.dialect = Dialect::Vdew;
    settings.partial_chars = 6;
    settings
}

#[test]
fn registers_of_the_vdew_style_have_addresses_and_partial_blocks() {
    let mut script = Script::new(vdew());
    script.hears(b"/?001!\r\n", IDENT);
    script.hears(b"\x06051\r\n", P0);
    script.hears(
        b"\x01R5\x021.8.0(1)\x03\x6f",
        b"\x021.8.0(12.5*kWh)\x03\x5d",
    );
    script.hears(b"\x01R6\x02P.01(1)\x03\x2a", b"\x02P.01(1\x04\x62");
    script.hears(NAK, b"\x02P.01(1\x04\x62");
    script.hears(ACK, b"\x02)(2)(3\x04\x05");
    script.hears(ACK, b"\x02)\x03\x2a");
    script.hears(ACK, b"");
    script.hears(b"\x01R5\x029.9.9(1)\x03\x6f", b"\x02(ERROR01)\x03\x5b");
    script.hears(b"\x01W1\x02S01(1)\x03\x05", b"\x02(ERROR14)\x03\x5f");
    script.hears(b"\x01P1\x02(0001ABCD)\x03\x64", ACK);
    script.hears(b"\x01W1\x02S01(1)\x03\x05", ACK);
    script.hears(b"\x01W5\x02X()\x03\x3a", b"\x02(ERROR06)\x03\x5c");
    script.hears(b"\x01P1\x02(ABCDABCD)\x03\x61", NAK);
    script.hears(PUBLIC, b"\x02(ERROR07)\x03\x5d");
}

fn streaming() -> Script {
    let mut settings = settings();
    settings.parity = ParityBy::Software;
    let mut script = Script {
        machine: Machine::new(settings, Contents),
        at: MS,
    };
    let with_parity = |octets| parity::send(octets);
    script.hears(&with_parity(b"/?001!\r\n"), &with_parity(IDENT));
    script.hears(&with_parity(b"\x06056\r\n"), &with_parity(P0));
    script.hears(&with_parity(&answer_for("0001ABCD")), ACK);
    script
}

#[test]
fn a_stream_comes_packet_by_packet_in_eight_bits() {
    let mut script = streaming();
    script.hears(&parity::send(b"\x01RD\x02550001(0)\x03\x27"), b"");
    let mut last_end = script.at + 200 * MS;
    for (number, len) in [(1, 256), (2, 256), (3, 10)] {
        let said = script.waits().unwrap();
        let packet = StreamPacket::decode(&said.octets).unwrap();
        assert_eq!((packet.number(), packet.data().len()), (number, len));
        assert_eq!(packet.end() == crate::codec::BlockEnd::Last, number == 3);
        assert_eq!(script.at, last_end, "packets follow each other closely");
        let nanos = u64::try_from(said.octets.len()).unwrap() * 10_000_000_000 / 9600;
        last_end = script.at + Duration::from_nanos(nanos);
    }
    script.hears(
        &parity::send(READ),
        &parity::send(b"\x02(30303030303030313233343536373841)\x03\x0c"),
    );
}

#[test]
fn a_stream_has_the_packets_asked_for_and_can_be_ended() {
    let mut script = streaming();
    script.hears(&parity::send(b"\x01RD\x02550001(1)\x03\x26"), b"");
    let said = script.waits().unwrap();
    let packet = StreamPacket::decode(&said.octets).unwrap();
    assert_eq!(packet.end(), crate::codec::BlockEnd::Last);
    script.hears(&parity::send(b"\x01RD\x02550001(3)\x03\x24"), b"");
    script.waits().unwrap();
    script.hears(READ, b"");
    script.hears(&parity::send(b"\x1b"), b"");
    script.hears(
        &parity::send(b"\x01R1\x02798001(01)\x03\x65"),
        &parity::send(b"\x02(30)\x03\x01"),
    );
    script.hears(
        &parity::send(b"\x01RD\x02551001(1)\x03\x27"),
        &parity::send(ERR2),
    );
}

#[test]
fn seven_bits_and_an_ordinary_session_have_no_streams() {
    let mut script = Script::new(settings());
    script.hears(b"/?001!\r\n", IDENT);
    script.hears(b"\x06056\r\n", P0);
    script.hears(&answer_for("0001ABCD"), ACK);
    script.hears(b"\x01RD\x02550001(1)\x03\x26", ERR1);
    let mut without = settings();
    without.has_streams = false;
    let mut script = Script::new(without);
    script.hears(b"/?001!\r\n", IDENT);
    script.hears(b"\x06056\r\n", NAK);
    script.hears(b"\x06051\r\n", b"");
}

#[test]
fn parity_is_checked_where_software_makes_it() {
    let mut checked = settings();
    checked.parity = ParityBy::Software;
    let sign_on = parity::send(b"/?001!\r\n");
    let mut damaged = sign_on.clone();
    damaged[3] ^= 0x80;
    Script::new(checked.clone()).hears(&sign_on, &parity::send(IDENT));
    Script::new(checked.clone()).hears(&damaged, b"");
    checked.parity = ParityBy::SoftwareUnchecked;
    Script::new(checked.clone()).hears(&damaged, &parity::send(IDENT));
    checked.parity = ParityBy::Nobody;
    Script::new(checked).hears(&damaged, IDENT);
    Script::new(settings()).hears(&damaged, b"");
}

#[test]
fn nothing_of_a_password_is_shown() {
    let mut script = Script::open(settings(), "0001ABCD");
    script.feed(&answer_for("FEDC0003")[..15]);
    let told = format!("{:?} {:?}", script.machine, script.machine.settings());
    for secret in ["0001ABCD", "FEDC0003", "23898AAE", "50, 51, 56"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn a_power_cut_ends_everything() {
    let mut script = Script::open(settings(), "0001ABCD");
    script.machine.restart();
    script.hears(READ, b"");
    script.hears(b"/?001!\r\n", IDENT);
}

proptest! {
    #[test]
    fn no_octets_make_a_meter_say_anything_but_messages(
        data in proptest::collection::vec(
            prop_oneof![any::<u8>(), proptest::sample::select(b"/?!\r\n\x01\x02\x03\x06()01RWPBD".to_vec())],
            0..200,
        ),
    ) {
        fuzz_meter(&data);
    }

    #[test]
    fn whole_conversations_with_damage_make_it_say_nothing_else(
        kind: u8, damage in proptest::collection::vec((0_usize..400, any::<u8>()), 0..4),
    ) {
        let mut heard = vec![kind];
        for request in [
            &b"/?!\r\n"[..], b"\x06056\r\n", PUBLIC, READ, b"\x01P1\x02(0001ABCD)\x03\x64",
            b"\x01RD\x02550001(2)\x03\x25", b"\xff\xff", b"\x1b", b"\x01R6\x02P.01(1)\x03\x2a", ACK, NAK, ACK,
            b"\x01W1\x02655001()\x03\x61", b"\xff\xff\xff", B0, b"/?!\r\n", b"\x06050\r\n", NAK,
        ] {
            heard.extend(request);
        }
        for (at, octet) in damage {
            let at = 1 + at % (heard.len() - 1);
            heard[at] = octet;
        }
        fuzz_meter(&heard);
    }

    #[test]
    fn every_request_of_the_codec_is_understood_in_pieces(pause in 0_u64..1400) {
        let mut script = Script::new(settings());
        let sign_on = Request::SignOn(crate::codec::SignOn { address: None }).encode();
        let mut said = None;
        for octet in sign_on.octets() {
            script.at += Duration::from_millis(pause);
            said = script.machine.hear(*octet, script.at);
        }
        prop_assert_eq!(said.unwrap().octets, IDENT);
    }
}
