//! Replays every exchange in `tests/vectors`: what the gateway makes of the answer and the meter of
//! the request, cut at every octet, and with the parity of the software.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test binary: the exemption for tests does not reach its helper functions"
)]

use std::fs;
use std::path::Path;

use iec62056_21::codec::{
    Answer, BlockEnd, Command, DataLines, DataSet, ExpectedAnswer, Extent, Find, Form,
    Identification, Mode, PacketRead, Readout, Request, Stage, StreamPacket, hex_of, octets_of,
    parity, request_extent,
};

/// One exchange; a meter of mode D sends without a request.
#[derive(Debug, Clone, Default)]
struct Case {
    title: String,
    request: Option<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    outcome: String,
}

fn cases(file: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let mut cases = Vec::new();
    let mut case = Case::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (mark, rest) = line.split_at_checked(2).unwrap();
        match mark {
            "# " => rest.clone_into(&mut case.title),
            "> " => case.request = Some(hex(rest)),
            "< " => case.answers.push(hex(rest)),
            "= " => {
                rest.clone_into(&mut case.outcome);
                cases.push(std::mem::take(&mut case));
            }
            _ => panic!("{file}: `{line}` begins with none of `# `, `> `, `< `, `= `"),
        }
    }
    assert!(!cases.is_empty(), "{file} holds no case");
    cases
}

fn hex(text: &str) -> Vec<u8> {
    octets_of(&text.replace(' ', "")).unwrap()
}

/// What a meter understands: the whole request, and nothing before it is whole.
fn meter_hears(case: &Case) -> Option<Request<'_>> {
    let wire = case.request.as_deref()?;
    let stage = match wire {
        [b'/', ..] | [6, _, ..] => Stage::Opening,
        _ => Stage::Session,
    };
    for cut in 0..wire.len() {
        let extent = request_extent(&wire[..cut], stage);
        assert_eq!(extent, Extent::Begun, "{}: {cut}", case.title);
        assert!(cut == 1 && wire[0] == 6 || Request::decode(&wire[..cut]).is_err());
    }
    assert_eq!(request_extent(wire, stage), Extent::Whole(wire.len()));
    let behind = [wire, wire].concat();
    assert_eq!(request_extent(&behind, stage), Extent::Whole(wire.len()));
    assert_eq!(parity::receive(&parity::send(wire)), wire);
    let request = Request::decode(wire).unwrap();
    assert_eq!(request.encode().octets(), wire, "{}", case.title);
    Some(request)
}

/// What the gateway waits for after this request.
fn gateway_expects(request: Option<&Request<'_>>) -> Option<ExpectedAnswer> {
    let partial = Command::Read(Form::NationalPartial, DataSet::bare("").unwrap());
    match request {
        None | Some(Request::SignOn(_)) => Some(ExpectedAnswer::to_sign_on()),
        Some(Request::Select(select)) => ExpectedAnswer::to_option_select(select.purpose),
        Some(Request::Command(Command::Read(Form::Plain, set))) => {
            Some(PacketRead::parse(set).unwrap().expected())
        }
        Some(Request::Command(command)) => ExpectedAnswer::to_command(command),
        Some(Request::Next | Request::Again) => ExpectedAnswer::to_command(&partial),
        Some(Request::Abort) => None,
    }
}

/// What the gateway understands, in words; the meter would write the same octets.
fn told(expected: &ExpectedAnswer, wire: &[u8]) -> String {
    let (text, again) = if *expected == ExpectedAnswer::to_sign_on() && wire.len() > 1 {
        let found = Identification::decode(wire).unwrap();
        (identification(&found), found.encode())
    } else if let (true, Ok(packet)) = (
        *expected == ExpectedAnswer::packet_of_stream(1),
        StreamPacket::decode(wire),
    ) {
        let end = match packet.end() {
            BlockEnd::Last => "last",
            BlockEnd::More => "more",
        };
        let text = format!(
            "packet {}, {end}, {}",
            packet.number(),
            hex_of(packet.data())
        );
        (text, packet.encode())
    } else if let Ok(readout) = Readout::decode(wire) {
        let lines: Vec<String> = readout
            .lines()
            .lines()
            .iter()
            .map(ToString::to_string)
            .collect();
        (format!("readout {}", lines.join(" | ")), readout.encode())
    } else {
        let found = Answer::decode(wire).unwrap();
        (answer(expected, &found), found.encode())
    };
    assert_eq!(again.octets(), wire);
    text
}

fn identification(found: &Identification) -> String {
    let mode = match found.mode() {
        Mode::A => "A".to_owned(),
        Mode::B(baud) => format!("B {}", baud.bits_per_second()),
        Mode::C(baud) => format!("C {}", baud.bits_per_second()),
        Mode::E(baud) => format!("E {}", baud.bits_per_second()),
    };
    let maker = found.manufacturer();
    let reaction = maker.reaction_time_min().as_millis();
    format!(
        "identification {maker}, mode {mode}, {reaction} ms, text {}",
        found.text()
    )
}

fn answer(expected: &ExpectedAnswer, found: &Answer<'_>) -> String {
    let partial = Command::Read(Form::NationalPartial, DataSet::bare("").unwrap());
    match found {
        Answer::Acknowledged => "acknowledged".to_owned(),
        Answer::NotAcknowledged => "not acknowledged".to_owned(),
        Answer::Refused(refusal) => format!("refused {}", refusal.text()),
        Answer::Operand(set) => format!("operand {}", set.value()),
        Answer::SignOff => "sign-off".to_owned(),
        Answer::Data(block) if Some(expected) == ExpectedAnswer::to_command(&partial).as_ref() => {
            let end = match block.end() {
                BlockEnd::Last => "last",
                BlockEnd::More => "more",
            };
            format!("{end} {}", block.payload().escape_default())
        }
        Answer::Data(block) => {
            let lines = DataLines::parse(block.payload()).unwrap();
            let sets: Vec<String> = lines.sets().map(|set| set.to_string()).collect();
            format!("data {}", sets.join(" "))
        }
    }
}

/// The outcome is there with its last octet, not before, and what follows does not change it.
fn gateway_hears(case: &Case, expected: &ExpectedAnswer, heard: &[u8]) -> String {
    let last = expected.look(heard);
    for cut in 0..heard.len() {
        let sight = expected.look(&heard[..cut]);
        match (sight, last) {
            (Find::Found { .. }, _) => assert_eq!(sight, last, "{}: {cut}", case.title),
            (Find::Damaged { at, len }, _) => assert!(at + len <= cut, "{}: {cut}", case.title),
            (Find::NotYet, Find::Found { at, len }) => {
                assert!(cut < at + len, "{}: {cut}", case.title);
            }
            (Find::NotYet, _) => {}
        }
        let missing = expected.missing(&heard[..cut]);
        assert!(
            missing == 0 || sight == Find::NotYet,
            "{}: {cut}",
            case.title
        );
    }
    match last {
        Find::Found { at, len } => {
            assert!(len <= expected.longest());
            told(expected, &heard[at..at + len])
        }
        Find::Damaged { .. } => "damaged".to_owned(),
        Find::NotYet => "nothing".to_owned(),
    }
}

fn replay(file: &str) {
    for case in cases(file) {
        let request = meter_hears(&case);
        let heard = case.answers.concat();
        let Some(expected) = gateway_expects(request.as_ref()) else {
            assert_eq!(
                (case.outcome.as_str(), heard.len()),
                ("no answer", 0),
                "{}",
                case.title
            );
            continue;
        };
        let outcome = gateway_hears(&case, &expected, &heard);
        assert_eq!(outcome, case.outcome, "{}", case.title);
        // Eight bits, with the parity of the software; damage is damage there too.
        let is_text = !matches!(request, Some(Request::Command(Command::ReadStream(_))));
        if is_text && heard.is_ascii() {
            let sent = parity::send(&heard);
            let outcome = gateway_hears(&case, &expected, &parity::receive(&sent));
            assert_eq!(outcome, case.outcome, "{} (parity)", case.title);
        }
    }
}

#[test]
fn openings() {
    replay("openings.txt");
}

#[test]
fn elster_session() {
    replay("elster_session.txt");
}

#[test]
fn refusals() {
    replay("refusals.txt");
}

#[test]
fn vdew() {
    replay("vdew.txt");
}

#[test]
fn streams() {
    replay("stream.txt");
}

#[test]
fn troubles() {
    replay("troubles.txt");
}
