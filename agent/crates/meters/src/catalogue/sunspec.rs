//! Finding a meter's values on a SunSpec chain.
//!
//! A SunSpec meter says where its values are: at one of a few base addresses stands `SunS`, then
//! blocks follow, each with its number and length, until number 0xFFFF. The walk is a pure state
//! machine: it names a span to read and is given the answer.

use super::encoding::Encoding;
use super::limits::SUNSPEC_BLOCKS_MAX;
use super::register::{Register, ScaleRegister};
use crate::span::{Span, Table};

/// `SunS`, the mark before the first block.
pub(super) const MARK: [u16; 2] = [0x5375, 0x6E53];
/// Number of the block that ends the chain.
pub(super) const END_OF_CHAIN: u16 = 0xFFFF;

/// How to find the values of a SunSpec meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SunSpec {
    /// Which table the chain lies in.
    pub table: Table,
    /// Where the mark may stand, most likely first.
    pub bases: Vec<u16>,
    /// The blocks that hold a meter's values.
    pub blocks: Vec<SunSpecBlock>,
}

/// Blocks of one layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SunSpecBlock {
    /// Their numbers (SunSpec calls them models).
    pub models: Vec<u16>,
    /// Registers after number and length.
    pub length: u16,
    /// The values; their addresses count from the block's number.
    pub points: Vec<Register>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Read this and come back with the answer.
    Read(Span),
    /// The values, where this meter has them.
    Found(Vec<Register>),
    /// There is no such meter behind this address.
    NotFound(NotFound),
}

/// Why the walk ended without values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// No base address holds the mark.
    #[error("no SunSpec mark at any base address; check the unit address and the model")]
    NoMark,
    /// The chain ends without a meter's block.
    #[error("the SunSpec chain holds no meter; check the unit address")]
    NoMeter,
    /// The meter refused a part of its own chain, or answered another length.
    #[error("the SunSpec chain breaks off at register {at}; ask the maker for a new firmware")]
    Broken {
        /// Where.
        at: u16,
    },
    /// The chain does not end.
    #[error("the SunSpec chain has more than {SUNSPEC_BLOCKS_MAX} blocks; ask the maker")]
    Endless,
    /// The block is too short for its values.
    #[error("SunSpec block {model} has {length} registers, too few for its values; ask the maker")]
    Short {
        /// Number of the block.
        model: u16,
        /// Its length.
        length: u16,
    },
    /// The walk had ended before.
    #[error("the walk has ended; begin a new one")]
    Ended,
}

/// A walk along one meter's chain.
#[derive(Debug, Clone)]
pub struct SunSpecWalk {
    plan: SunSpec,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Begin,
    Mark {
        base: usize,
    },
    Header {
        at: u16,
        passed: u16,
    },
    Scales {
        at: u16,
        block: usize,
        first: u16,
        count: u16,
    },
    Ended,
}

impl SunSpecWalk {
    /// A walk by this plan.
    pub fn new(plan: SunSpec) -> Self {
        Self {
            plan,
            state: State::Begin,
        }
    }

    /// Takes the answer to the last span (`None` at the beginning, and where the meter refused)
    /// and says what to do next. Silence of the line is no refusal: ask again or give up.
    pub fn next(&mut self, answer: Option<&[u16]>) -> Step {
        match self.state {
            State::Begin => self.ask_mark(0),
            State::Mark { base } => match self.plan.bases.get(base) {
                Some(start) if answer == Some(&MARK) => self.ask_header(u32::from(*start) + 2, 0),
                _ => self.ask_mark(base + 1),
            },
            State::Header { at, passed } => match answer {
                Some([END_OF_CHAIN, _]) => self.end(NotFound::NoMeter),
                Some([model, length]) => self.header(at, passed, *model, *length),
                _ => self.end(NotFound::Broken { at }),
            },
            State::Scales {
                at,
                block,
                first,
                count,
            } => match answer {
                Some(words) if words.len() == usize::from(count) => {
                    self.found(at, block, first, words)
                }
                _ => self.end(NotFound::Broken { at }),
            },
            State::Ended => Step::NotFound(NotFound::Ended),
        }
    }

    fn end(&mut self, why: NotFound) -> Step {
        self.state = State::Ended;
        Step::NotFound(why)
    }

    fn read(&mut self, address: u16, count: u16, state: State) -> Step {
        self.state = state;
        Step::Read(Span {
            table: self.plan.table,
            address,
            count,
        })
    }

    fn ask_mark(&mut self, base: usize) -> Step {
        match self.plan.bases.get(base).copied() {
            Some(start) => self.read(start, 2, State::Mark { base }),
            None => self.end(NotFound::NoMark),
        }
    }

    fn ask_header(&mut self, at: u32, passed: u16) -> Step {
        if passed >= SUNSPEC_BLOCKS_MAX {
            return self.end(NotFound::Endless);
        }
        match u16::try_from(at) {
            Ok(at) if at < u16::MAX => self.read(at, 2, State::Header { at, passed }),
            _ => self.end(NotFound::Broken { at: u16::MAX }),
        }
    }

    fn header(&mut self, at: u16, passed: u16, model: u16, length: u16) -> Step {
        let holds = |block: &SunSpecBlock| block.models.contains(&model);
        let Some(index) = self.plan.blocks.iter().position(holds) else {
            return self.ask_header(u32::from(at) + 2 + u32::from(length), passed + 1);
        };
        let Some(block) = self.plan.blocks.get(index) else {
            return self.end(NotFound::NoMeter);
        };
        let needed = block
            .points
            .iter()
            .flat_map(Register::spans)
            .map(Span::end)
            .max();
        let end = u32::from(length) + 2;
        if needed.unwrap_or(0) > end || u32::from(at) + end > 1 << 16 {
            return self.end(NotFound::Short { model, length });
        }
        let scales = || block.points.iter().filter_map(|point| point.scale_register);
        let offsets = || scales().map(|scale| scale.span.address);
        let (Some(first), Some(last)) = (offsets().min(), offsets().max()) else {
            return self.found(at, index, 0, &[]);
        };
        let count = last - first + 1;
        let state = State::Scales {
            at,
            block: index,
            first,
            count,
        };
        self.read(at + first, count, state)
    }

    /// The block's values at their addresses, each in the scale its meter uses today. A scale
    /// register that changes later is still read with its value.
    fn found(&mut self, at: u16, block: usize, first: u16, scales: &[u16]) -> Step {
        self.state = State::Ended;
        let points = self
            .plan
            .blocks
            .get(block)
            .map(|block| block.points.as_slice());
        let place = |point: &Register| {
            let mut register = point.clone();
            register.address = at.checked_add(point.address)?;
            if let Some(scale) = point.scale_register {
                let index = scale.span.address.checked_sub(first)?;
                let word = scales.get(usize::from(index)).copied()?;
                let mut span = scale.span;
                span.address = at.checked_add(span.address)?;
                register.scale_register = Some(ScaleRegister { span, ..scale });
                if let Ok(Some(power)) = scale.kind.power(word) {
                    let exponent = power + i16::from(point.scale) + i16::from(point.prefix);
                    register.exponent = i8::try_from(exponent).unwrap_or(point.exponent);
                    // In the meter's own scale an accumulator rolls over where its bits do.
                    let accumulates = point.layout.encoding == Encoding::Acc32;
                    register.rollover = accumulates.then_some(1 << 32);
                }
            }
            Some(register)
        };
        let placed = points.unwrap_or_default().iter().map(place);
        placed
            .collect::<Option<Vec<_>>>()
            .map_or(Step::NotFound(NotFound::Broken { at }), Step::Found)
    }
}

#[cfg(test)]
mod tests;
