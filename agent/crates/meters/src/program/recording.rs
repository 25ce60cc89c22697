//! What went over a line, as lines of hexadecimal digits: our own trace, or what another tool wrote
//! down. A frame may be cut over lines anywhere; what is damaged is told, never passed over.

use crate::catalogue::Complaint;
use crate::catalogue::complaint::Notebook;
use iec62056_21::codec::{Command, Form, Packet, octets_of};

/// Octets of a recording's file: a session of a maker's program has less than a megabyte.
const FILE_OCTETS_MAX: usize = 16 * 1024 * 1024;

const SOH: u8 = 0x01;
const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const EOT: u8 = 0x04;
const ACK: u8 = 0x06;
const NAK: u8 = 0x15;
/// FLAG has seven bits; a line of eight shows the parity as another one.
const SEVEN_BITS: u8 = 0x7f;

/// One thing that went over the line and matters for a set of writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// A write of a packet.
    Write(Packet, Vec<u8>),
    /// A write of another kind, or of a place that has no number; as people read it.
    OtherWrite(String),
    /// A write of which octets are hidden.
    HiddenWrite,
    /// A password in clear.
    Password(String),
    /// Any other command.
    Other,
    /// The meter has taken what was sent.
    Taken,
    /// The meter has not.
    Refused,
    /// Any other answer.
    Answer,
}

/// An octet of a recording, and the line that it stands on; none where it is hidden.
type Heard = (Option<u8>, usize);

/// All that was said, in its order.
pub(super) fn said(name: &str, text: &str) -> Result<Vec<Said>, Vec<Complaint>> {
    let mut notes = Notebook::new(name, text);
    if text.len() > FILE_OCTETS_MAX {
        let remedy = "record one session of programming alone";
        notes.note_file("the recording is too large", remedy);
        return Err(notes.into_complaints());
    }
    let mut said = Vec::new();
    for run in runs(text, &mut notes) {
        frames(&run, &mut said, &mut notes);
    }
    let complaints = notes.into_complaints();
    if complaints.is_empty() {
        Ok(said)
    } else {
        Err(complaints)
    }
}

/// Lines that follow each other in one direction belong together.
fn runs(text: &str, notes: &mut Notebook<'_>) -> Vec<Vec<Heard>> {
    let mut runs: Vec<(Option<char>, Vec<Heard>)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begins = at;
        at += line.len();
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let direction = line.chars().next().filter(|sign| ['>', '<'].contains(sign));
        let digits = line.trim_start_matches(['>', '<']);
        let Some(octets) = octets(digits) else {
            let problem = "this is no line of hexadecimal digits";
            let remedy = "put # before what is no octet";
            notes.note(&(begins..begins), "", problem, remedy);
            continue;
        };
        let octets = octets.into_iter().map(|octet| (octet, begins));
        match runs.last_mut().filter(|(known, _)| *known == direction) {
            Some((_, run)) => run.extend(octets),
            None => runs.push((direction, octets.collect())),
        }
    }
    runs.into_iter().map(|(_, run)| run).collect()
}

/// Octets of pairs of digits; two stars are an octet that is hidden.
fn octets(text: &str) -> Option<Vec<Option<u8>>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| match pair {
        b"**" => Some(None),
        pair => {
            let digit = |b: &u8| char::from(*b).to_digit(16);
            let (high, low) = (pair.first().and_then(digit)?, pair.get(1).and_then(digit)?);
            u8::try_from(16 * high + low)
                .ok()
                .map(|octet| Some(octet & SEVEN_BITS))
        }
    });
    pairs.collect()
}

/// What a run of octets says. Its frames tell by themselves where they end.
fn frames(run: &[Heard], said: &mut Vec<Said>, notes: &mut Notebook<'_>) {
    let mut at = 0;
    while let Some((octet, line)) = run.get(at).copied() {
        match octet {
            Some(SOH | STX) => {
                let rest = run.get(at..).unwrap_or_default();
                let is_end = |heard: &Heard| matches!(heard.0, Some(ETX | EOT));
                let end = rest.iter().position(is_end);
                // The block check follows the end.
                let frame = end.and_then(|end| rest.get(..end + 2));
                let length = frame.map_or(rest.len(), <[Heard]>::len);
                if let Some(one) = said_by(frame.unwrap_or(rest)) {
                    said.push(one);
                } else {
                    let problem = "a write is damaged or cut off, and what it wrote is not known";
                    notes.note(&(line..line), "", problem, "record the session again");
                }
                at += length;
                continue;
            }
            Some(ACK) => said.push(Said::Taken),
            Some(NAK) => said.push(Said::Refused),
            _ => {}
        }
        at += 1;
    }
}

/// What one frame says; nothing where it is a write that cannot be understood.
fn said_by(frame: &[Heard]) -> Option<Said> {
    let kind: Vec<Option<u8>> = frame.iter().take(3).map(|(octet, _)| *octet).collect();
    let is_write = matches!(kind.as_slice(), [Some(SOH), Some(b'W'), _]);
    let octets: Option<Vec<u8>> = frame.iter().map(|(octet, _)| *octet).collect();
    let Some(octets) = octets else {
        return Some(if is_write {
            Said::HiddenWrite
        } else {
            Said::Other
        });
    };
    if octets.first() == Some(&STX) {
        let is_refusal = octets.windows(4).any(|part| part == b"(ERR");
        return Some(if is_refusal {
            Said::Refused
        } else {
            Said::Answer
        });
    }
    match Command::decode(&octets) {
        Ok(Command::Write(form, set)) => {
            let packet = Packet::parse(set.address()).filter(|_| form == Form::Plain);
            let other = || Said::OtherWrite(set.address().to_owned());
            Some(match (packet, octets_of(set.value())) {
                (Some(packet), Ok(octets)) => Said::Write(packet, octets),
                _ => other(),
            })
        }
        Ok(Command::PlainPassword(password)) => Some(Said::Password(password.reveal().to_owned())),
        Err(_) if is_write => None,
        Ok(_) | Err(_) => Some(Said::Other),
    }
}
