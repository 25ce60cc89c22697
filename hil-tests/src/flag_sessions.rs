//! Sessions with FLAG meters whose every octet tells what was asked and when: the guard and the
//! conversations alone, on wires in memory, under a clock that waits for nobody.
//!
//! Answers of Elster meters carry no identity. Here they carry it in their values, so that an
//! answer to anything else is found out, even one to the same request a moment earlier.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iec62056_21::codec::{
    DataSet, Form, Identification, MeterAddress, Packet, PacketRead, Password, Purpose, Seed,
    hex_of, octets_of,
};
use iec62056_21::conversation::{LogOn, ParityBy, Probe, Session, SessionFault, Terms};
use iec62056_21::meter::{Level, ParityBy as MeterParity, Refused, Security, Settings, Store};
use line::{GuardSettings, GuardedLine, LineTiming, Peer};
use simulator::dice::Dice;
use simulator::flag::FlagMeter;
use simulator::trouble::{FlagTroubles, WireTroubles};
use simulator::wire::{MemoryLine, SpeakerPlace, Wire, WireSettings};

use crate::flag::PASSWORD;

mod kinds;
pub use kinds::every_kind;

/// What is read in each session.
const READS: u32 = 10;
/// Identities and packets that are asked for, in turn as the dice fall.
const IDENTITIES: [u16; 4] = [507, 508, 543, 550];
const PACKETS: u64 = 6;
/// Lengths of answers: few, so that they are easily taken for one another.
const LENGTHS: [u8; 3] = [64, 64, 16];
/// An answer shorter than this does not tell enough.
const TELLING_OCTETS: usize = 8;
/// Blocks of a data stream.
const BLOCKS: u16 = 6;
const BLOCK_OCTETS: usize = 256;
const ADDRESS: &str = "001";

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Packets of identities.
    Packets,
    /// Data streams, between packets.
    Streams,
    /// Data sets by their addresses, R5 and R6, as VDEW meters have them.
    Sets,
}

/// Sessions with one kind of trouble.
#[derive(Debug, Clone)]
pub struct SessionCase {
    /// In words.
    pub name: &'static str,
    /// What is read.
    pub reads: Reads,
    /// Whether the port makes the parity (7E1), or the gateway (8N1).
    pub seven_bits: bool,
    /// What is wrong with the meter.
    pub troubles: FlagTroubles,
    /// What is wrong with the wire.
    pub wire: WireTroubles,
    /// How many.
    pub sessions: u32,
    /// Seed of all dice.
    pub seed: u64,
}

/// What came of them.
#[derive(Debug, Clone, Default)]
pub struct SessionReport {
    /// In words.
    pub name: &'static str,
    /// Sessions that were begun.
    pub sessions: u32,
    /// Those among them that were opened and logged on.
    pub opened: u32,
    /// Reads that brought something.
    pub accepted: u32,
    /// Reads that ended with a fault.
    pub faults: u32,
    /// How much time they took, by the wire's clock.
    pub took: Duration,
    /// What was taken for an answer and is none.
    pub wrong: Vec<String>,
}

impl fmt::Display for SessionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} sessions ({} opened) in {} min, {} reads, {} faults, {} wrong",
            self.name,
            self.sessions,
            self.opened,
            self.took.as_secs() / 60,
            self.accepted,
            self.faults,
            self.wrong.len()
        )
    }
}

/// Contents in which every octet follows from what was asked and when.
#[derive(Debug)]
struct Telling {
    dice: Dice,
}

/// The value of an octet of what was asked for at this millisecond.
fn octet(key: u64, millis: u32, place: usize) -> u8 {
    let place = u64::try_from(place).unwrap_or(0);
    let mixed = (key ^ u64::from(millis) << 24 ^ place << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let [high, ..] = (mixed ^ mixed >> 29)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        .to_be_bytes();
    high
}

fn key(packet: Packet) -> u64 {
    u64::from(packet.identity()) << 16 | u64::from(packet.number())
}

/// The time in front, as far as there is room, and octets that follow from it.
fn telling(key: u64, millis: u32, octets: usize) -> Vec<u8> {
    let head = millis.to_be_bytes().into_iter();
    let rest = (0..).map(|place| octet(key, millis, place));
    head.chain(rest).take(octets).collect()
}

/// The time at which this was said, if it is the answer to that.
fn said_at(key: u64, octets: &[u8]) -> Option<u32> {
    let millis = u32::from_be_bytes(*octets.first_chunk::<4>()?);
    (octets.len() >= TELLING_OCTETS && telling(key, millis, octets.len()) == octets)
        .then_some(millis)
}

fn millis(at: Duration) -> u32 {
    u32::try_from(at.as_millis()).unwrap_or(u32::MAX)
}

/// A key for an address of a data set.
fn set_key(address: &str) -> u64 {
    address
        .bytes()
        .fold(1, |sum: u64, byte| sum.wrapping_mul(257) + u64::from(byte))
}

impl Store for Telling {
    fn operand(&mut self, _at: Duration) -> Seed {
        let (high, low) = (self.dice.octet(), self.dice.octet());
        Seed::new([high, low, 3, 4, 5, 6, 7, 8])
    }

    fn read(&mut self, asked: PacketRead, _level: Level, at: Duration) -> Result<Vec<u8>, Refused> {
        Ok(telling(
            key(asked.packet()),
            millis(at),
            usize::from(asked.octets()),
        ))
    }

    fn write(
        &mut self,
        _packet: Packet,
        _octets: &[u8],
        _level: Level,
        _at: Duration,
    ) -> Result<(), Refused> {
        Ok(())
    }

    fn stream(
        &mut self,
        from: Packet,
        index: u32,
        _level: Level,
        at: Duration,
    ) -> Result<Option<Vec<u8>>, Refused> {
        let key = key(from) << 32 | u64::from(index);
        Ok((index < u32::from(BLOCKS)).then(|| telling(key, millis(at), BLOCK_OCTETS)))
    }

    fn read_set(
        &mut self,
        form: Form,
        asked: DataSet<'_>,
        _level: Level,
        at: Duration,
    ) -> Result<String, Refused> {
        let address = asked.address();
        let lines = if form.is_partial() { 9 } else { 1 };
        let line = |number: u64| {
            let octets = telling(set_key(address) ^ number, millis(at), 12);
            format!("{address}({})", hex_of(&octets))
        };
        let lines: Vec<String> = (0..lines).map(line).collect();
        Ok(lines.join("\r\n"))
    }
}

/// One line with its meter, and whoever asks it.
struct Asker {
    case: SessionCase,
    wire: Wire,
    place: SpeakerPlace,
    line: GuardedLine<MemoryLine>,
    dice: Dice,
    report: SessionReport,
}

/// Holds the sessions of a case; call it within a runtime whose time is paused.
pub async fn hold(case: &SessionCase) -> SessionReport {
    let mut asker = Asker::new(case);
    for _ in 0..case.sessions {
        asker.session().await;
        // Others use the line between two sessions.
        let pause = asker.dice.between(&(0..=3000));
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    asker.report.took = asker.wire.now();
    asker.report
}

/// All of them, one after the other, under a clock that jumps to the next thing that is due.
pub fn hold_all(cases: &[SessionCase]) -> Vec<SessionReport> {
    cases
        .iter()
        .map(|case| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            runtime.block_on(hold(case))
        })
        .collect()
}

impl Asker {
    fn new(case: &SessionCase) -> Self {
        let settings = if case.seven_bits {
            WireSettings::flag(9600)
        } else {
            WireSettings::plain(9600)
        };
        let wire = Wire::new(settings, case.seed);
        let dice = Dice::new(case.seed);
        let contents = Arc::new(Mutex::new(Telling { dice: dice.fork(1) }));
        let place = wire.seat_flag(
            FlagMeter::new(case.behaviour(), &contents),
            case.troubles.clone(),
        );
        wire.change_wire(|troubles| *troubles = case.wire.clone());
        let timing = LineTiming::serial(&settings.line(), Duration::ZERO);
        let line = GuardedLine::new(wire.line(), timing, GuardSettings::default());
        Self {
            case: case.clone(),
            wire,
            place,
            line,
            dice: dice.fork(2),
            report: SessionReport {
                name: case.name,
                ..SessionReport::default()
            },
        }
    }

    /// Every other meter is well until the password was taken: a word about that which is lost or
    /// damaged ends a session, and then nothing else would be tried.
    async fn session(&mut self) {
        let troubles = self.case.troubles.clone();
        if self.report.sessions.is_multiple_of(2) {
            self.trouble(FlagTroubles::default());
        }
        self.report.sessions += 1;
        let terms = self.case.terms();
        let mut session = match Session::open(&mut self.line, &terms).await {
            Ok(session) => session,
            Err(fault) => {
                note(&mut self.report, &fault);
                self.trouble(troubles);
                return;
            }
        };
        let log_on = self.case.log_on();
        match session.log_on(&log_on).await {
            Ok(()) => {
                self.report.opened += 1;
                self.wire
                    .change_flag(self.place, |own| *own = troubles.clone());
                for _ in 0..READS {
                    let read = self.case.reads;
                    let report = &mut self.report;
                    let read = match read {
                        Reads::Streams if self.dice.index(3) == 0 => {
                            stream(&mut session, &self.wire, &mut self.dice, report).await
                        }
                        Reads::Packets | Reads::Streams => {
                            packet(&mut session, &self.wire, &mut self.dice, report).await
                        }
                        Reads::Sets => set(&mut session, &self.wire, &mut self.dice, report).await,
                    };
                    if let Err(fault) = read {
                        note(&mut self.report, &fault);
                        if fault.ends_session() {
                            break;
                        }
                    }
                }
            }
            Err(fault) => note(&mut self.report, &fault),
        }
        session.close().await;
        self.trouble(troubles);
    }

    fn trouble(&self, troubles: FlagTroubles) {
        self.wire.change_flag(self.place, |own| *own = troubles);
    }
}

fn note(report: &mut SessionReport, fault: &SessionFault) {
    report.faults += 1;
    assert!(
        !matches!(fault, SessionFault::Invalid(_) | SessionFault::Terms { .. }),
        "{}: a request of the test's own is wrong: {fault}",
        report.name
    );
}

async fn packet(
    session: &mut Session<'_, MemoryLine>,
    wire: &Wire,
    dice: &mut Dice,
    report: &mut SessionReport,
) -> Result<(), SessionFault> {
    let identity = IDENTITIES.get(dice.index(IDENTITIES.len())).copied();
    let number = u16::try_from(dice.between(&(1..=PACKETS))).unwrap_or(1);
    let octets = LENGTHS.get(dice.index(LENGTHS.len())).copied();
    let (identity, octets) = (identity.unwrap_or(507), octets.unwrap_or(64));
    let begun = wire.now();
    let answered = session.read_packet(identity, number, octets).await?;
    let key = u64::from(identity) << 16 | u64::from(number);
    let asked = format!("{identity} packet {number}");
    judge(report, (&asked, key), &answered.data, begun, wire.now());
    Ok(())
}

async fn stream(
    session: &mut Session<'_, MemoryLine>,
    wire: &Wire,
    dice: &mut Dice,
    report: &mut SessionReport,
) -> Result<(), SessionFault> {
    let first = u16::try_from(dice.between(&(1..=PACKETS))).unwrap_or(1);
    let begun = wire.now();
    let mut came: Vec<(u16, Vec<u8>)> = Vec::new();
    let mut take = |number: u16, octets: &[u8]| {
        came.push((number, octets.to_vec()));
        ControlFlow::Continue(())
    };
    let end = session.read_stream(550, first, BLOCKS, &mut take).await;
    for (number, octets) in came {
        let key = (550 << 16 | u64::from(first)) << 32 | u64::from(number - 1);
        let asked = format!("stream from packet {first}, block {number}");
        judge(report, (&asked, key), &octets, begun, wire.now());
    }
    end
}

async fn set(
    session: &mut Session<'_, MemoryLine>,
    wire: &Wire,
    dice: &mut Dice,
    report: &mut SessionReport,
) -> Result<(), SessionFault> {
    let form = if dice.index(3) == 0 {
        Form::NationalPartial
    } else {
        Form::National
    };
    let address = format!("{}.8.{}", 1 + dice.index(3), dice.index(3));
    let begun = wire.now();
    let text = session.read_set(form, &address, "").await?;
    for (number, line) in (0..).zip(text.lines()) {
        let asked = format!("{form:?} {address}, line {number}");
        let value = line
            .strip_prefix(&format!("{address}("))
            .and_then(|rest| octets_of(rest.strip_suffix(')')?).ok());
        let octets = value.unwrap_or_default();
        judge(
            report,
            (&asked, set_key(&address) ^ number),
            &octets,
            begun,
            wire.now(),
        );
    }
    Ok(())
}

/// Whether an accepted answer is one to this very request.
fn judge(
    report: &mut SessionReport,
    (asked, key): (&str, u64),
    octets: &[u8],
    begun: Duration,
    ended: Duration,
) {
    report.accepted += 1;
    let window = millis(begun)..=millis(ended);
    match said_at(key, octets) {
        Some(at) if window.contains(&at) => {}
        Some(at) => report.wrong.push(format!(
            "{asked}: the answer to an earlier request, {at} is not in {window:?}"
        )),
        None => report
            .wrong
            .push(format!("{asked}: another one's {}", hex_of(octets))),
    }
}

impl SessionCase {
    /// Packets over a line of seven bits.
    pub fn new(name: &'static str, troubles: FlagTroubles) -> Self {
        Self {
            name,
            reads: Reads::Packets,
            seven_bits: true,
            troubles,
            wire: WireTroubles::default(),
            sessions: 1,
            seed: 1,
        }
    }

    fn behaviour(&self) -> Settings {
        let identification = match self.reads {
            Reads::Sets => &b"/ABB5A1500V1.0\r\n"[..],
            Reads::Packets | Reads::Streams => b"/GEC5090100140400@000\r\n",
        };
        let identification = Identification::decode(identification).expect("an identification");
        let password = Password::new(PASSWORD).expect("a password");
        let passwords = vec![(Level::One, password)];
        let security = match self.reads {
            Reads::Sets => Security::vdew(passwords),
            Reads::Packets | Reads::Streams => Security::elster(passwords),
        };
        let mut settings = Settings::new(identification, security);
        settings.address = Some(MeterAddress::new(ADDRESS).expect("an address"));
        settings.parity = if self.seven_bits {
            MeterParity::Port
        } else {
            MeterParity::Software
        };
        settings
    }

    fn terms(&self) -> Terms {
        let address = MeterAddress::new(ADDRESS).expect("an address");
        let base = Terms::new(Peer(1), Some(address));
        Terms {
            parity: if self.seven_bits {
                ParityBy::Line
            } else {
                ParityBy::Software
            },
            purpose: match self.reads {
                Reads::Streams => Purpose::Maker6,
                Reads::Packets | Reads::Sets => Purpose::Programming,
            },
            probes: match self.reads {
                Reads::Sets => Probe::vdew(),
                Reads::Packets | Reads::Streams => Probe::elster(),
            },
            hold_max: Duration::from_mins(10),
            ..base
        }
    }

    fn log_on(&self) -> LogOn {
        let password = Password::new(PASSWORD).expect("a password");
        match self.reads {
            Reads::Sets => LogOn::Plain(password),
            Reads::Packets | Reads::Streams => LogOn::Elster {
                password,
                public_first: false,
            },
        }
    }
}
