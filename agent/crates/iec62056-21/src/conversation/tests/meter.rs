//! A scripted meter: as much of one as the conversations need.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::wire::{MS, Plays};
use crate::codec::{
    Answer, Block, BlockEnd, Command, DataSet, Form, Packet, PacketRead, Password, PasswordAnswer,
    Purpose, Refusal, Request, Seed, Stage, StreamPacket, explain, hex_of, octets_of,
};

pub(super) const IDENT: &[u8] = b"/GEC5090100100400@000\r\n";
pub(super) const SEED: &str = "0123456789ABCDEF";
pub(super) const PASSWORD: &str = "FEDC0003";

/// Holds how many requests the meter has heard.
pub(super) const CLOCK: u16 = 861;

/// What a meter does with a wrong password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Nak,
    SignOff,
    Refuse,
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Identified,
    Open,
}

pub(super) struct Meter {
    pub(super) address: &'static str,
    pub(super) ident: Vec<u8>,
    pub(super) reaction: Duration,
    pub(super) wrong: Wrong,
    pub(super) lapse: Duration,
    /// Everything but these needs a password that has not lapsed.
    pub(super) public: Vec<u16>,
    /// Identities that the meter does not know.
    pub(super) unknown: Vec<u16>,
    /// What it answers to reads of data sets: address, blocks.
    pub(super) sets: BTreeMap<&'static str, Vec<&'static str>>,
    /// Sent behind an identification of mode A or B, or when it is selected.
    pub(super) readout: String,
    /// Overrides the octets of an identity.
    pub(super) contents: BTreeMap<u16, Vec<u8>>,
    pub(super) log: Vec<String>,
    pub(super) writes: Vec<(u16, Vec<u8>)>,
    pub(super) speed: u32,
    /// From the answer to this request on.
    pub(super) next_speed: Option<u32>,
    /// From the end of the answer on.
    pub(super) speed_behind: Option<u32>,
    /// What is played now has eight bits.
    pub(super) is_streaming: bool,
    pub(super) state: State,
    pub(super) proven_at: Option<Instant>,
    pub(super) blocks_left: Vec<&'static str>,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            address: "001",
            ident: IDENT.to_vec(),
            reaction: 220 * MS,
            wrong: Wrong::Nak,
            lapse: Duration::from_mins(5),
            public: vec![798],
            unknown: vec![],
            sets: BTreeMap::new(),
            readout: "0.0.0(12345678)\r\n1.8.0(001234.5*kWh)\r\n!\r\n".to_owned(),
            contents: BTreeMap::new(),
            log: vec![],
            writes: vec![],
            speed: 9600,
            next_speed: None,
            speed_behind: None,
            is_streaming: false,
            state: State::Idle,
            proven_at: None,
            blocks_left: vec![],
        }
    }

    pub(super) fn stage(&self) -> Stage {
        match self.state {
            State::Open => Stage::Session,
            State::Idle | State::Identified => Stage::Opening,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// What an identity holds: other octets in each packet.
    pub(super) fn content(&self, identity: u16, packet: u16, octets: usize) -> Vec<u8> {
        if identity == CLOCK {
            let heard = u64::try_from(self.log.len()).unwrap();
            return heard
                .to_le_bytes()
                .into_iter()
                .cycle()
                .take(octets)
                .collect();
        }
        if let Some(content) = self.contents.get(&identity) {
            let from = usize::from(packet - 1) * 64;
            return content.iter().skip(from).take(octets).copied().collect();
        }
        content(identity, packet, octets)
    }

    pub(super) fn hear(&mut self, wire: &[u8]) -> Plays {
        self.log.push(explain(wire, true));
        let Ok(request) = Request::decode(wire) else {
            return match self.state {
                State::Open => vec![(self.reaction, vec![0x15])],
                _ => vec![],
            };
        };
        let answers = self.answer(&request);
        let reaction = self.reaction;
        answers
            .into_iter()
            .map(|answer| (reaction, answer))
            .collect()
    }

    fn answer(&mut self, request: &Request<'_>) -> Vec<Vec<u8>> {
        match request {
            Request::SignOn(sign_on) => {
                let asked = sign_on
                    .address
                    .as_ref()
                    .map_or(self.address, |address| address.text());
                self.state = State::Idle;
                self.proven_at = None;
                if asked != self.address {
                    return vec![];
                }
                self.state = State::Identified;
                if self.ident.get(4).is_some_and(u8::is_ascii_digit) {
                    return vec![self.ident.clone()];
                }
                self.state = State::Idle;
                vec![self.ident.clone(), self.readout()]
            }
            Request::Select(select) => {
                if self.state != State::Identified {
                    return vec![];
                }
                let baud = select.baud.bits_per_second();
                if self.speed == 300 && baud > 300 {
                    self.next_speed = Some(baud);
                }
                match select.purpose {
                    Purpose::Readout => {
                        self.state = State::Idle;
                        if self.speed == 300 {
                            self.speed_behind = Some(300);
                        }
                        vec![self.readout()]
                    }
                    Purpose::Binary => vec![],
                    _ => {
                        self.state = State::Open;
                        let operand = DataSet::bare(SEED).unwrap();
                        vec![Answer::Operand(operand).encode().into_octets()]
                    }
                }
            }
            _ if self.state != State::Open => vec![],
            Request::Command(command) => self.command(command),
            Request::Next if !self.blocks_left.is_empty() => vec![self.next_block()],
            Request::Next | Request::Again | Request::Abort => vec![],
        }
    }

    fn command(&mut self, command: &Command<'_>) -> Vec<Vec<u8>> {
        match command {
            Command::SignOff | Command::FastSignOff => {
                self.state = State::Idle;
                vec![]
            }
            Command::PlainPassword(password) => self.password(password.reveal() == PASSWORD),
            Command::PasswordAnswer(answer) if *answer == PasswordAnswer::public() => {
                vec![vec![6]]
            }
            Command::PasswordAnswer(answer) => {
                let password = Password::new(PASSWORD).unwrap();
                let seed = Seed::parse(SEED).unwrap();
                self.password(*answer == PasswordAnswer::elster(&password, seed).unwrap())
            }
            Command::Read(Form::Plain, set) if PacketRead::parse(set).is_some() => {
                let read = PacketRead::parse(set).unwrap();
                let identity = read.packet().identity();
                if let Some(refusal) = self.refuses(identity) {
                    return vec![refusal];
                }
                let octets = self.content(identity, read.packet().number(), read.octets().into());
                let text = format!("({})", hex_of(&octets));
                vec![block(&text, BlockEnd::Last)]
            }
            Command::Read(_, set) => match self.sets.get(set.address()) {
                None => vec![refusal("ERROR01")],
                Some(blocks) => {
                    self.blocks_left = blocks.iter().rev().copied().collect();
                    vec![self.next_block()]
                }
            },
            Command::Write(_, set) | Command::Execute(set) => {
                let identity = Packet::parse(set.address()).map_or(0, Packet::identity);
                if let Some(refusal) = self.refuses(identity) {
                    return vec![refusal];
                }
                self.writes
                    .push((identity, octets_of(set.value()).unwrap_or_default()));
                vec![vec![6]]
            }
            Command::ReadStream(set) => {
                let packet = Packet::parse(set.address()).unwrap();
                let blocks = u16::from_str_radix(set.value(), 16).unwrap();
                self.stream(packet, blocks)
            }
        }
    }

    fn stream(&mut self, first: Packet, blocks: u16) -> Vec<Vec<u8>> {
        self.is_streaming = true;
        let packets = (1..=blocks).map(|number| {
            let end = if number == blocks {
                BlockEnd::Last
            } else {
                BlockEnd::More
            };
            let place = first.number() + (number - 1) * 4;
            let data: Vec<u8> = (place..place + 4)
                .flat_map(|packet| self.content(first.identity(), packet, 64))
                .collect();
            StreamPacket::new(number, &data, end)
                .unwrap()
                .encode()
                .into_octets()
        });
        packets.collect()
    }

    fn password(&mut self, is_right: bool) -> Vec<Vec<u8>> {
        if is_right {
            self.proven_at = Some(Instant::now());
            return vec![vec![6]];
        }
        match self.wrong {
            Wrong::Nak => vec![vec![0x15]],
            Wrong::SignOff => {
                self.state = State::Idle;
                vec![b"\x01B0\x03\x71".to_vec()]
            }
            Wrong::Refuse => vec![refusal("ERR1")],
            Wrong::Silent => vec![],
        }
    }

    fn refuses(&self, identity: u16) -> Option<Vec<u8>> {
        if self.unknown.contains(&identity) {
            return Some(refusal("ERR2"));
        }
        let proven = self.proven_at.is_some_and(|at| at.elapsed() < self.lapse);
        (!proven && !self.public.contains(&identity)).then(|| refusal("ERR5"))
    }

    fn next_block(&mut self) -> Vec<u8> {
        let text = self.blocks_left.pop().unwrap();
        let end = if self.blocks_left.is_empty() {
            BlockEnd::Last
        } else {
            BlockEnd::More
        };
        block(text, end)
    }

    fn readout(&self) -> Vec<u8> {
        block(&self.readout, BlockEnd::Last)
    }
}

/// Octets that depend on where they stand.
pub(super) fn content(identity: u16, packet: u16, octets: usize) -> Vec<u8> {
    let [high, low] = packet.to_be_bytes();
    let place = u64::from(identity) << 16 | u64::from(packet);
    let mut state = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut octets: Vec<u8> = (0..octets)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect();
    for (octet, known) in octets.iter_mut().zip([low, high]) {
        *octet = known;
    }
    octets
}

pub(super) fn block(text: &str, end: BlockEnd) -> Vec<u8> {
    Block::new(text, end).unwrap().encode().into_octets()
}

fn refusal(text: &str) -> Vec<u8> {
    Refusal::new(text).unwrap().encode().into_octets()
}
