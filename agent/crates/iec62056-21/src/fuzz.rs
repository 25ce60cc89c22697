//! What the fuzz targets call: octets as anybody may put them on the line.

use crate::codec::{
    Answer, BlockEnd, Command, DataLines, DataSet, ExpectedAnswer, Extent, Find, Form,
    Identification, Packet, PacketRead, Purpose, Readout, Request, Secrets, Stage, StreamPacket,
    explain, octets_of, parity, request_extent, without_secrets,
};

/// What the gateway hears: the first two octets choose the request, the rest is what came.
///
/// # Panics
///
/// When what is found lies outside of what was heard, cannot be decoded, or reads otherwise when
/// it is written again.
pub fn fuzz_answer(data: &[u8]) {
    let Some((&[kind, number], heard)) = data.split_first_chunk::<2>() else {
        return;
    };
    let heard = match kind & 0xc0 {
        0x40 => parity::receive(heard),
        0x80 => parity::receive_unchecked(heard),
        _ => heard.to_vec(),
    };
    hidden_in_pieces(&heard, usize::from(number));
    drop([explain(&heard, false), explain(&heard, true)]);
    crate::conversation::fuzz_patterns(&heard, number.into());
    let Some(expected) = expected(kind & 0x3f, number) else {
        return;
    };
    let (at, len, is_whole) = match expected.look(&heard) {
        Find::Found { at, len } => (at, len, true),
        Find::Damaged { at, len } => (at, len, false),
        Find::NotYet => return,
    };
    let Some(wire) = heard.get(at..at + len) else {
        assert!(
            at + len <= heard.len(),
            "a match lies within what was heard"
        );
        return;
    };
    assert!(
        len <= expected.longest(),
        "no match is longer than the longest answer"
    );
    assert!(
        expected.missing(wire) == 0 || !is_whole,
        "nothing is missing of a whole one"
    );
    if is_whole {
        survives(&expected, wire);
    }
}

/// Where octets are cut does not matter to what hides passwords in them.
fn hidden_in_pieces(heard: &[u8], cut: usize) {
    let shown = without_secrets(heard);
    let (one, other) = heard.split_at(cut.min(heard.len()));
    let (mut one, mut other) = (one.to_vec(), other.to_vec());
    let mut secrets = Secrets::default();
    secrets.hide(&mut one);
    secrets.hide(&mut other);
    assert_eq!([one, other].concat(), shown);
}

/// The expected answers, by number.
fn expected(kind: u8, number: u8) -> Option<ExpectedAnswer> {
    let set = DataSet::new("0.9.1", "1", None).ok()?;
    match kind {
        0 => Some(ExpectedAnswer::to_sign_on()),
        1 => ExpectedAnswer::to_option_select(Purpose::Readout),
        2 => ExpectedAnswer::to_option_select(Purpose::Programming),
        3 => ExpectedAnswer::to_command(&Command::Write(Form::Plain, set)),
        4 => ExpectedAnswer::to_command(&Command::Read(Form::National, set)),
        5 => ExpectedAnswer::to_command(&Command::Read(Form::NationalPartial, set)),
        6 => ExpectedAnswer::to_command(&Command::Execute(set)),
        7 => Some(ExpectedAnswer::to_read_of("0.9.1")),
        8 => Some(ExpectedAnswer::packet_of_stream(number.into())),
        _ => Some(ExpectedAnswer::to_packet_read(number)),
    }
}

/// What was found is what its decoder says, and is written as it was read.
fn survives(expected: &ExpectedAnswer, wire: &[u8]) {
    if let Ok(packet) = StreamPacket::decode(wire)
        && matches!(expected.end(), crate::codec::End::Declared)
    {
        assert_eq!(packet.encode().octets(), wire);
        return;
    }
    if let Ok(identification) = Identification::decode(wire) {
        assert_eq!(identification.encode().octets(), wire);
        return;
    }
    if let Ok(readout) = Readout::decode(wire) {
        let again = readout.encode();
        assert_eq!(Readout::decode(again.octets()), Ok(readout));
    }
    let answer = Answer::decode(wire);
    assert!(answer.is_ok(), "what is found can be decoded");
    let Ok(answer) = answer else { return };
    assert_eq!(answer.encode().octets(), wire);
    let Answer::Data(block) = answer else { return };
    if let Ok(lines) = DataLines::parse(block.payload()) {
        let text = lines.to_string();
        assert_eq!(DataLines::parse(&text), Ok(lines.clone()));
        for set in lines.sets() {
            drop(octets_of(set.value()));
        }
    } else {
        assert!(
            block.end() == BlockEnd::More || matches!(expected.end(), crate::codec::End::Marked),
            "data of a known length are data sets"
        );
    }
}

/// What the meter hears, in both stages.
///
/// # Panics
///
/// When a request that was taken reads otherwise when it is written again.
pub fn fuzz_request(heard: &[u8]) {
    for stage in [Stage::Opening, Stage::Session] {
        let mut rest = heard;
        while let [_, behind @ ..] = rest {
            let Extent::Whole(len) = request_extent(rest, stage) else {
                rest = behind;
                continue;
            };
            let wire = rest.split_at_checked(len);
            assert!(
                len > 0 && wire.is_some(),
                "a request lies within what was heard"
            );
            let Some((wire, behind)) = wire else { return };
            if let Ok(request) = Request::decode(wire) {
                assert_eq!(request.encode().octets(), wire);
                touch(&request);
            }
            rest = behind;
        }
    }
}

/// What a meter does with a request.
fn touch(request: &Request<'_>) {
    if let Request::Command(Command::Read(_, set) | Command::Write(_, set)) = request {
        drop(PacketRead::parse(set).map(PacketRead::encode));
        drop(Packet::parse(set.address()).map(Packet::address));
        drop(octets_of(set.value()));
    }
}
