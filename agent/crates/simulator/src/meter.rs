//! A simulated Modbus meter: it answers PDUs from a source of register values.

mod counting;
mod load;
mod model;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use meters::{Span, Table};

use crate::limits::{READ_REGISTERS_MAX, WRITE_REGISTERS_MAX};

pub use counting::{CountingMeter, TICK};
pub use load::LoadShape;
pub use model::{GROWTH_PER_HOUR, ModelMeter};
pub use settings::{SettingTrouble, SettingsMeter};

/// Why a meter refuses, in the standard's codes (Modbus Application Protocol V1.1b3, section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 1: the meter does not know the function.
    IllegalFunction,
    /// 2: no such register.
    IllegalAddress,
    /// 3: a count or value the meter does not take.
    IllegalValue,
    /// 4: the meter failed while it tried.
    Failure,
    /// 5: understood, takes longer.
    Acknowledge,
    /// 6: busy.
    Busy,
    /// Any other code, 10 and 11 of a gateway for example.
    Other(u8),
}

impl Refusal {
    /// The code on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::IllegalFunction => 1,
            Self::IllegalAddress => 2,
            Self::IllegalValue => 3,
            Self::Failure => 4,
            Self::Acknowledge => 5,
            Self::Busy => 6,
            Self::Other(code) => code,
        }
    }
}

/// What the registers of a meter hold, as a function of the time since the wire was made.
///
/// It must change at whole milliseconds only: the truth searches an interval in such steps.
pub trait RegisterSource: Send + Sync + fmt::Debug {
    /// The words of `span` at this time.
    fn words(&self, span: Span, at: Duration) -> Result<Vec<u16>, Refusal>;

    /// Takes new values for holding registers; a meter takes none unless it says so.
    fn write(&self, _address: u16, _words: &[u16], _at: Duration) -> Result<(), Refusal> {
        Err(Refusal::IllegalAddress)
    }

    /// Whether a coil is on; a meter has none unless it says so.
    fn coil(&self, _address: u16, _at: Duration) -> Result<bool, Refusal> {
        Err(Refusal::IllegalFunction)
    }

    /// Switches a coil.
    fn write_coil(&self, _address: u16, _on: bool, _at: Duration) -> Result<(), Refusal> {
        Err(Refusal::IllegalFunction)
    }
}

/// One meter on a wire.
#[derive(Debug, Clone)]
pub struct ModbusMeter {
    unit: u8,
    source: Arc<dyn RegisterSource>,
    max_count: u16,
    refused: Vec<Span>,
    refuses_all: Option<Refusal>,
}

/// What a meter says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The answer, exception answers included.
    pub pdu: Vec<u8>,
    /// What was read, for the truth.
    pub read: Option<(Span, Vec<u16>)>,
}

impl ModbusMeter {
    /// A meter with this unit address that reads as many registers as the standard allows.
    pub fn new(unit: u8, source: Arc<dyn RegisterSource>) -> Self {
        Self {
            unit,
            source,
            max_count: READ_REGISTERS_MAX,
            refused: Vec::new(),
            refuses_all: None,
        }
    }

    /// Reads at most this many registers at once; more is refused with exception 3.
    pub fn with_max_count(mut self, max_count: u16) -> Self {
        self.max_count = max_count;
        self
    }

    /// Refuses every read that touches one of these registers with exception 2.
    pub fn with_refused(mut self, refused: Vec<Span>) -> Self {
        self.refused = refused;
        self
    }

    /// Refuses everything, as a busy meter or a gateway without its meter does.
    pub fn with_refusal(mut self, refusal: Option<Refusal>) -> Self {
        self.refuses_all = refusal;
        self
    }

    /// The unit address.
    pub const fn unit(&self) -> u8 {
        self.unit
    }

    /// What the registers hold at this time.
    pub fn words(&self, span: Span, at: Duration) -> Result<Vec<u16>, Refusal> {
        self.source.words(span, at)
    }

    /// Answers a PDU with what the registers hold at this time.
    pub fn answer(&self, pdu: &[u8], at: Duration) -> Reply {
        let function = pdu.first().copied().unwrap_or(0);
        let outcome = match self.refuses_all {
            Some(refusal) => Err(refusal),
            None => self.act(pdu, at),
        };
        outcome.unwrap_or_else(|refusal| Reply {
            pdu: vec![function | 0x80, refusal.code()],
            read: None,
        })
    }

    fn act(&self, pdu: &[u8], at: Duration) -> Result<Reply, Refusal> {
        let word = |high: &u8, low: &u8| u16::from_be_bytes([*high, *low]);
        match pdu {
            [function @ (3 | 4), ah, al, ch, cl] => {
                let table = if *function == 3 {
                    Table::Holding
                } else {
                    Table::Input
                };
                let span = Span {
                    table,
                    address: word(ah, al),
                    count: word(ch, cl),
                };
                self.read(*function, span, at)
            }
            [1 | 5, ..] => self.act_on_coil(pdu, at),
            [6, ah, al, vh, vl] => {
                self.write(word(ah, al), &[word(vh, vl)], at)?;
                Ok(Reply {
                    pdu: pdu.to_vec(),
                    read: None,
                })
            }
            [16, ah, al, ch, cl, octets, data @ ..] => {
                let count = word(ch, cl);
                let fits = usize::from(*octets) == data.len()
                    && data.len() == usize::from(count) * 2
                    && (1..=WRITE_REGISTERS_MAX).contains(&count);
                if !fits {
                    return Err(Refusal::IllegalValue);
                }
                let (pairs, _) = data.as_chunks::<2>();
                let words: Vec<u16> = pairs.iter().copied().map(u16::from_be_bytes).collect();
                self.write(word(ah, al), &words, at)?;
                Ok(Reply {
                    pdu: vec![16, *ah, *al, *ch, *cl],
                    read: None,
                })
            }
            [3 | 4 | 6 | 16, ..] => Err(Refusal::IllegalValue),
            _ => Err(Refusal::IllegalFunction),
        }
    }

    fn act_on_coil(&self, pdu: &[u8], at: Duration) -> Result<Reply, Refusal> {
        let word = |high: &u8, low: &u8| u16::from_be_bytes([*high, *low]);
        let pdu = match pdu {
            [1, ah, al, 0, 1] => {
                let on = self.source.coil(word(ah, al), at)?;
                vec![1, 1, u8::from(on)]
            }
            [5, ah, al, value @ (0 | 0xff), 0] => {
                self.source.write_coil(word(ah, al), *value == 0xff, at)?;
                pdu.to_vec()
            }
            _ => return Err(Refusal::IllegalFunction),
        };
        Ok(Reply { pdu, read: None })
    }

    fn read(&self, function: u8, span: Span, at: Duration) -> Result<Reply, Refusal> {
        if span.count == 0 || span.count > self.max_count.min(READ_REGISTERS_MAX) {
            return Err(Refusal::IllegalValue);
        }
        if span.end() > 0x1_0000 || self.refused.iter().any(|refused| refused.overlaps(span)) {
            return Err(Refusal::IllegalAddress);
        }
        let words = self.source.words(span, at)?;
        if words.len() != usize::from(span.count) {
            return Err(Refusal::Failure);
        }
        let octets = u8::try_from(words.len() * 2).map_err(|_| Refusal::Failure)?;
        let mut pdu = vec![function, octets];
        pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        Ok(Reply {
            pdu,
            read: Some((span, words)),
        })
    }

    fn write(&self, address: u16, words: &[u16], at: Duration) -> Result<(), Refusal> {
        let count = u16::try_from(words.len()).map_err(|_| Refusal::IllegalValue)?;
        let span = Span {
            table: Table::Holding,
            address,
            count,
        };
        if span.end() > 0x1_0000 || self.refused.iter().any(|refused| refused.overlaps(span)) {
            return Err(Refusal::IllegalAddress);
        }
        self.source.write(address, words, at)
    }
}

/// For a fuzz target: any PDU gets an answer.
///
/// # Panics
/// If an answer names another function or does not fit its frame: that is what fuzzing looks for.
pub fn fuzz_answer(pdu: &[u8]) {
    let meter = ModbusMeter::new(1, Arc::new(CountingMeter::new(1)));
    let reply = meter.answer(pdu, Duration::from_secs(1));
    let function = pdu.first().copied().unwrap_or(0);
    let said = reply.pdu.first().copied();
    assert!(
        said == Some(function) || said == Some(function | 0x80),
        "an answer names its function"
    );
    assert!(reply.pdu.len() <= 252, "an answer fits its frame");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meter() -> ModbusMeter {
        ModbusMeter::new(5, Arc::new(CountingMeter::new(5)))
            .with_max_count(40)
            .with_refused(vec![Span {
                table: Table::Input,
                address: 0x60,
                count: 2,
            }])
    }

    #[track_caller]
    fn check(pdu: &[u8], expected: &[u8]) {
        let reply = meter().answer(pdu, Duration::ZERO);
        assert_eq!(reply.pdu.get(..expected.len()), Some(expected));
    }

    #[test]
    fn reads_answer_with_the_registers_asked_for() {
        check(&[4, 0, 0, 0, 2], &[4, 4]);
        check(&[3, 0, 0, 0, 40], &[3, 80]);
        let reply = meter().answer(&[4, 0, 8, 0, 2], Duration::from_secs(3));
        let span = Span {
            table: Table::Input,
            address: 8,
            count: 2,
        };
        let words = CountingMeter::new(5)
            .words(span, Duration::from_secs(3))
            .unwrap();
        assert_eq!(reply.read, Some((span, words)));
    }

    #[test]
    fn refusals_carry_the_code_of_the_standard() {
        check(&[0x2B, 0x0E, 1, 0], &[0xAB, 1]);
        check(&[4, 0, 0x5F, 0, 2], &[0x84, 2]);
        check(&[3, 0xFF, 0xFF, 0, 2], &[0x83, 2]);
        check(&[4, 0, 0, 0, 0], &[0x84, 3]);
        check(&[4, 0, 0, 0, 41], &[0x84, 3]);
        check(&[4, 0, 0], &[0x84, 3]);
        check(&[6, 0, 1, 0, 1], &[0x86, 2]);
        check(&[16, 0, 1, 0, 1, 3, 0, 1], &[0x90, 3]);
        let busy = meter()
            .with_refusal(Some(Refusal::Busy))
            .answer(&[4, 0, 0, 0, 1], Duration::ZERO);
        assert_eq!(busy.pdu, [0x84, 6]);
    }

    proptest! {
        #[test]
        fn every_pdu_gets_an_answer(pdu in proptest::collection::vec(any::<u8>(), 0..260)) {
            fuzz_answer(&pdu);
        }
    }
}
