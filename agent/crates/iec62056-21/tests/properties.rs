//! What is encoded decodes to itself; damage is never a value; nothing panics.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test binary: the exemption for tests does not reach its helper functions"
)]

use iec62056_21::codec::{
    Answer, Baud, Block, BlockEnd, Command, DataLine, DataLines, DataSet, DecodeFault, End,
    ExpectedAnswer, Find, Form, Frame, Identification, Manufacturer, MeterAddress, OptionSelect,
    Packet, PacketRead, Password, PasswordAnswer, Procedure, Purpose, Readout, Refusal, Request,
    Seed, SignOn, StreamPacket, parity,
};
use iec62056_21::{fuzz_answer, fuzz_request};
use proptest::prelude::*;
use proptest::sample::select;

type Set = (String, String, Option<String>);

fn set() -> impl Strategy<Value = Set> {
    let unit = prop::option::of("[A-Za-z%]{0,16}");
    let address = prop_oneof![Just(String::new()), "[ \"-'*-.0-~]{1,32}", "[CD0-9.]{1,8}",];
    (address, "[0-9A-F.:, a-z-]{0,40}", unit)
}

fn borrowed((address, value, unit): &Set) -> DataSet<'_> {
    DataSet::new(address, value, unit.as_deref()).unwrap()
}

fn lines_of(lines: &[Vec<Set>]) -> DataLines<'_> {
    let lines = lines.iter().filter_map(|sets| {
        let sets = sets.iter().map(borrowed);
        DataLine::new(sets.collect())
    });
    DataLines::new(lines.collect())
}

fn lines() -> impl Strategy<Value = Vec<Vec<Set>>> {
    prop::collection::vec(prop::collection::vec(set(), 1..3), 0..4)
}

fn end() -> impl Strategy<Value = BlockEnd> {
    select(vec![BlockEnd::Last, BlockEnd::More])
}

/// What is wrong with a message, if anything.
type Decode = fn(&[u8]) -> Option<DecodeFault>;

/// A frame that a checksum protects, what it answers, and whether it decodes at all.
#[derive(Debug, Clone)]
struct Protected {
    wire: Vec<u8>,
    expected: Option<ExpectedAnswer>,
    decode: Decode,
}

fn answers(wire: &[u8]) -> Option<DecodeFault> {
    Answer::decode(wire).err()
}

fn protected(frame: Frame, expected: Option<ExpectedAnswer>) -> Protected {
    Protected {
        wire: frame.into_octets(),
        expected,
        decode: answers,
    }
}

fn any_protected() -> impl Strategy<Value = Protected> {
    let octets = prop::collection::vec(any::<u8>(), 1..=64).prop_map(|octets| {
        let value = iec62056_21::codec::hex_of(&octets);
        let frame = Block::new(&format!("({value})"), BlockEnd::Last)
            .unwrap()
            .encode();
        let octets = u8::try_from(octets.len()).unwrap();
        protected(frame, Some(ExpectedAnswer::to_packet_read(octets)))
    });
    let readout = lines().prop_map(|lines| Protected {
        wire: Readout::new(lines_of(&lines))
            .unwrap()
            .encode()
            .into_octets(),
        expected: ExpectedAnswer::to_option_select(Purpose::Readout),
        decode: |wire| Readout::decode(wire).err(),
    });
    let data = lines().prop_map(|lines| {
        let set = DataSet::new("0.9.1", "", None).unwrap();
        let text = lines_of(&lines).to_string();
        let frame = Block::new(&text, BlockEnd::Last).unwrap().encode();
        let command = Command::Read(Form::National, set);
        protected(frame, ExpectedAnswer::to_command(&command))
    });
    let operand = any::<[u8; 8]>().prop_map(|octets| {
        let text = Seed::new(octets).text();
        let frame = Answer::Operand(DataSet::bare(&text).unwrap()).encode();
        protected(
            frame,
            ExpectedAnswer::to_option_select(Purpose::Programming),
        )
    });
    let refusal = "ERR(OR)?[0-9]{1,2}".prop_map(|text| {
        let frame = Refusal::new(&text).unwrap().encode();
        protected(frame, Some(ExpectedAnswer::to_packet_read(2)))
    });
    let packet = (
        any::<u16>(),
        prop::collection::vec(any::<u8>(), 1..=256),
        end(),
    )
        .prop_map(|(number, data, end)| Protected {
            wire: StreamPacket::new(number, &data, end)
                .unwrap()
                .encode()
                .into_octets(),
            expected: Some(ExpectedAnswer::packet_of_stream(number)),
            decode: |wire| StreamPacket::decode(wire).err(),
        });
    let command = command().prop_map(|(form, set)| Protected {
        wire: made(form, &set).encode().into_octets(),
        expected: None,
        decode: |wire| Request::decode(wire).err(),
    });
    prop_oneof![octets, readout, data, operand, refusal, packet, command]
}

fn command() -> impl Strategy<Value = (usize, Set)> {
    (0..18usize, set())
}

fn made(kind: usize, set: &Set) -> Command<'_> {
    let data = borrowed(set);
    match (kind, Form::ALL.get(kind % 6)) {
        (0..6, Some(form)) => Command::Read(*form, data),
        (6..12, Some(form)) => Command::Write(*form, data),
        (12, _) => Command::Execute(data),
        (13, _) => Command::ReadStream(data),
        (14, _) => Command::PlainPassword(Password::new("00000000").unwrap()),
        (15, _) => Command::PasswordAnswer(PasswordAnswer::public()),
        (16, _) => Command::FastSignOff,
        _ => Command::SignOff,
    }
}

fn identification() -> impl Strategy<Value = Identification> {
    let letters = ("[A-Z]{2}[A-Za-z]", "[ -\\[\\]-~][ -~]{0,63}");
    let signs = (
        select(b"0123456789ABCDEFGZ".to_vec()),
        prop::collection::vec(select(b"2W3".to_vec()), 0..=8),
    );
    (letters, signs).prop_map(|((letters, text), (baud, signs))| {
        let letters = <[u8; 3]>::try_from(letters.into_bytes()).unwrap();
        Identification::new(Manufacturer::new(letters).unwrap(), baud, &signs, &text).unwrap()
    })
}

fn sign_on() -> impl Strategy<Value = SignOn> {
    prop::option::of("[A-Za-z0-9 ]{1,32}").prop_map(|address| SignOn {
        address: address.map(|address| MeterAddress::new(&address).unwrap()),
    })
}

fn option_select() -> impl Strategy<Value = OptionSelect> {
    let procedure = select(vec![
        Procedure::Normal,
        Procedure::Secondary,
        Procedure::Hdlc,
    ]);
    let purpose = select(vec![
        Purpose::Readout,
        Purpose::Programming,
        Purpose::Binary,
        Purpose::Maker6,
        Purpose::Maker7,
        Purpose::Maker8,
        Purpose::Maker9,
    ]);
    (procedure, select(Baud::ALL.to_vec()), purpose).prop_map(|(procedure, baud, purpose)| {
        OptionSelect {
            procedure,
            baud,
            purpose,
        }
    })
}

/// Octets that look more like messages than chance would make them.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let controls = vec![
        1, 2, 3, 4, 6, 0x15, 0x1b, b'\r', b'\n', b'(', b')', b'/', b'?', b'!', b'\\',
    ];
    let octet = prop_oneof![
        select(controls),
        select(b"BPRWED012345".to_vec()),
        any::<u8>()
    ];
    let found = prop::collection::vec(octet, 0..400);
    prop_oneof![
        found,
        (any_protected(), any::<[u8; 3]>(), 0usize..600).prop_map(|(protected, noise, at)| {
            let mut wire = [&noise[..2], &protected.wire].concat();
            let at = at % wire.len();
            wire[at] ^= noise[2];
            wire
        })
    ]
}

proptest! {
    #[test]
    fn data_lines_decode_to_themselves(lines in lines()) {
        let lines = lines_of(&lines);
        let text = lines.to_string();
        prop_assert_eq!(&DataLines::parse(&text).unwrap(), &lines);
        let frame = Readout::new(lines.clone()).unwrap().encode();
        let readout = Readout::decode(frame.octets()).unwrap();
        prop_assert_eq!(readout.lines(), &lines);
    }

    #[test]
    fn blocks_decode_to_themselves(text in "[ -~\r\n]{0,300}", end in end()) {
        let block = Block::new(&text, end).unwrap();
        let frame = block.encode();
        prop_assert_eq!(Block::decode(frame.octets()), Ok(block));
    }

    #[test]
    fn commands_decode_to_themselves((kind, set) in command()) {
        let command = made(kind, &set);
        let frame = command.encode();
        prop_assert_eq!(Request::decode(frame.octets()), Ok(Request::Command(command)));
    }

    #[test]
    fn packets_of_identities_decode_to_themselves(
        (identity, number, octets) in (0u16..1000, 0u16..0x1000, 1u8..=64),
    ) {
        let packet = Packet::new(identity, number).unwrap();
        prop_assert_eq!(Packet::parse(&packet.address()), Some(packet));
        let read = PacketRead::new(packet, octets).unwrap();
        let frame = read.encode().unwrap();
        let Ok(Command::Read(Form::Plain, set)) = Command::decode(frame.octets()) else {
            return Err(TestCaseError::fail("not a read"));
        };
        prop_assert_eq!(PacketRead::parse(&set), Some(read));
    }

    #[test]
    fn openings_decode_to_themselves(
        (identification, sign_on, select) in (identification(), sign_on(), option_select()),
    ) {
        let frame = identification.encode();
        prop_assert_eq!(Identification::decode(frame.octets()), Ok(identification));
        let frame = sign_on.encode();
        prop_assert_eq!(Request::decode(frame.octets()), Ok(Request::SignOn(sign_on)));
        let frame = select.encode();
        prop_assert_eq!(Request::decode(frame.octets()), Ok(Request::Select(select)));
    }

    #[test]
    fn packets_of_streams_decode_to_themselves(
        (number, data, end) in (any::<u16>(), prop::collection::vec(any::<u8>(), 1..=256), end()),
    ) {
        let packet = StreamPacket::new(number, &data, end).unwrap();
        let frame = packet.encode();
        prop_assert_eq!(StreamPacket::decode(frame.octets()), Ok(packet));
    }

    #[test]
    fn parity_changes_nothing(octets in prop::collection::vec(0u8..0x80, 0..300)) {
        prop_assert_eq!(&parity::receive(&parity::send(&octets)), &octets);
        prop_assert_eq!(parity::receive_unchecked(&parity::send(&octets)), octets);
    }

    #[test]
    fn without_a_checksum_parity_finds_a_flipped_bit(
        (identification, sign_on, select) in (identification(), sign_on(), option_select()),
    ) {
        let frames = [identification.encode(), sign_on.encode(), select.encode()];
        let decoders: [Decode; 3] = [
            |wire| Identification::decode(wire).err(),
            |wire| SignOn::decode(wire).err(),
            |wire| OptionSelect::decode(wire).err(),
        ];
        for (frame, decode) in frames.into_iter().zip(decoders) {
            let sent = parity::send(frame.octets());
            prop_assert_eq!(decode(&parity::receive(&sent)), None);
            for bit in 0..sent.len() * 8 {
                let mut damaged = sent.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(decode(&parity::receive(&damaged)).is_some());
            }
        }
    }

    #[test]
    fn the_answer_is_found_behind_junk(
        junk in prop::collection::vec(any::<u8>(), 0..60),
        octets in prop::collection::vec(any::<u8>(), 1..=64),
    ) {
        // What could begin a message would swallow what follows, and a NAK is an answer.
        let junk: Vec<u8> = junk.into_iter().filter(|octet| !matches!(octet, 1 | 2 | 0x15)).collect();
        let value = iec62056_21::codec::hex_of(&octets);
        let payload = format!("({value})");
        let frame = Block::new(&payload, BlockEnd::Last).unwrap().encode();
        let expected = ExpectedAnswer::to_packet_read(u8::try_from(octets.len()).unwrap());
        let heard = [&junk, frame.octets()].concat();
        let found = Find::Found { at: junk.len(), len: frame.octets().len() };
        prop_assert_eq!(expected.look(&heard), found);
    }

    #[test]
    fn anything_can_be_heard(octets in octets(), kind in any::<[u8; 2]>()) {
        fuzz_request(&octets);
        fuzz_answer(&octets);
        for kind in [kind, [kind[0] % 16, kind[1] % 65]] {
            fuzz_answer(&[&kind, octets.as_slice()].concat());
        }
    }
}

proptest! {
    // Each case tries every bit and every cut.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flipped_bit_is_never_a_value(protected in any_protected()) {
        let Protected { wire, expected, decode } = protected;
        prop_assert_eq!(decode(&wire), None);
        for bit in 0..wire.len() * 8 {
            let mut damaged = wire.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(&damaged).is_some(), "bit {}: {:02x?}", bit, wire);
            let Some(expected) = &expected else { continue };
            // What `End::Marked` warns of: the rest of the octets then follows.
            if let Find::Found { at, len } = expected.look(&damaged) {
                prop_assert_eq!(expected.end(), End::Marked);
                prop_assert!(at + len < wire.len(), "bit {}: {:02x?}", bit, wire);
                prop_assert!(Readout::decode(&wire).is_err(), "bit {}: {:02x?}", bit, wire);
            }
        }
    }

    #[test]
    fn a_cut_is_never_a_value(protected in any_protected()) {
        let Protected { wire, expected, decode } = protected;
        for cut in 0..wire.len() {
            prop_assert!(decode(&wire[..cut]).is_some());
            // Nor without an octet in its middle.
            let lacking = [&wire[..cut], &wire[cut + 1..]].concat();
            prop_assert!(decode(&lacking).is_some(), "{}: {:02x?}", cut, wire);
            let Some(expected) = &expected else { continue };
            prop_assert_eq!(expected.look(&wire[..cut]), Find::NotYet);
        }
        // Without its beginning it is not the answer either. Only an octet that looks like an ACK or
        // a NAK may be taken for one: nothing protects these.
        for cut in (1..wire.len()).filter(|cut| !matches!(wire[*cut], 0x06 | 0x15 | 0x1b)) {
            prop_assert!(decode(&wire[cut..]).is_some());
            let Some(expected) = &expected else { continue };
            let tail = expected.look(&wire[cut..]);
            prop_assert!(!matches!(tail, Find::Found { .. }), "{}: {:02x?}", cut, wire);
        }
    }
}
