//! GET, SET and ACTION: requests and responses.

mod request;
mod response;
#[cfg(test)]
mod tests;

use super::data::Data;
use super::fault::DecodeFault;
use super::name::{Attribute, Method};
use super::reader::{Reader, write_length};
use super::result::{AccessResult, ActionResult, Exception};
use super::selection::Selection;
use crate::limits::{LIST_ITEMS_MAX, VALUE_OCTETS_MAX};

/// The first octet of an APDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(pub u8);

impl Tag {
    /// GET request.
    pub const GET_REQUEST: Self = Self(0xc0);
    /// SET request.
    pub const SET_REQUEST: Self = Self(0xc1);
    /// ACTION request.
    pub const ACTION_REQUEST: Self = Self(0xc3);
    /// GET response.
    pub const GET_RESPONSE: Self = Self(0xc4);
    /// SET response.
    pub const SET_RESPONSE: Self = Self(0xc5);
    /// ACTION response.
    pub const ACTION_RESPONSE: Self = Self(0xc7);
    /// Exception response.
    pub const EXCEPTION: Self = Self(0xd8);
}

/// Which request a response belongs to: four bits, and two of service class and priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InvokeId(pub u8);

impl InvokeId {
    /// A confirmed request of high priority.
    pub fn new(number: u8) -> Self {
        Self(0xc0 | (number & 0x0f))
    }

    /// The four bits.
    pub fn number(self) -> u8 {
        self.0 & 0x0f
    }
}

/// An attribute, and perhaps a part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Which.
    pub attribute: Attribute,
    /// Which part; none means all.
    pub selection: Option<Selection>,
}

impl From<Attribute> for Asked {
    fn from(attribute: Attribute) -> Self {
        Self {
            attribute,
            selection: None,
        }
    }
}

/// A piece of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Nothing follows.
    pub is_last: bool,
    /// The first is 1.
    pub number: u32,
    /// The piece.
    pub octets: Vec<u8>,
}

/// A value, or why there is none.
pub type Outcome = Result<Data, AccessResult>;

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Reads.
    Get(InvokeId, GetRequest),
    /// Writes.
    Set(InvokeId, SetRequest),
    /// Executes.
    Action(InvokeId, ActionRequest),
}

/// What is read.
#[derive(Debug, Clone, PartialEq)]
pub enum GetRequest {
    /// One attribute.
    Normal(Asked),
    /// What follows this block.
    Next(u32),
    /// Several attributes.
    List(Vec<Asked>),
}

/// What is written.
#[derive(Debug, Clone, PartialEq)]
pub enum SetRequest {
    /// One attribute.
    Normal(Asked, Data),
    /// The first block of its value.
    FirstBlock(Asked, Block),
    /// Another block.
    Block(Block),
    /// Several attributes.
    List(Vec<Asked>, Vec<Data>),
    /// The first block of their values.
    ListFirstBlock(Vec<Asked>, Block),
}

/// What is executed.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionRequest {
    /// One method.
    Normal(Method, Option<Data>),
    /// What follows this block of the result.
    Next(u32),
    /// Several methods.
    List(Vec<Method>, Vec<Data>),
    /// The first block of its parameter.
    FirstBlock(Method, Block),
    /// Another block of it.
    Block(Block),
}

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// To a GET.
    Get(InvokeId, GetResponse),
    /// To a SET.
    Set(InvokeId, SetResponse),
    /// To an ACTION.
    Action(InvokeId, ActionResponse),
    /// To whatever was not taken.
    Exception(Exception),
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub enum GetResponse {
    /// One value.
    Normal(Outcome),
    /// A piece of it, or why there is none.
    Block {
        /// Nothing follows.
        is_last: bool,
        /// The first is 1.
        number: u32,
        /// The piece.
        piece: Result<Vec<u8>, AccessResult>,
    },
    /// Several values.
    List(Vec<Outcome>),
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetResponse {
    /// Of one attribute.
    Normal(AccessResult),
    /// This block was taken.
    Block(u32),
    /// All blocks were taken, the last of this number.
    LastBlock(AccessResult, u32),
    /// The same for several attributes.
    LastBlockList(Vec<AccessResult>, u32),
    /// Of several attributes.
    List(Vec<AccessResult>),
}

/// What came of a method.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionResponse {
    /// Of one.
    Normal(ActionResult, Option<Outcome>),
    /// A piece of what it returned.
    Block(Block),
    /// Of several.
    List(Vec<(ActionResult, Option<Outcome>)>),
    /// This block of the parameter was taken.
    Next(u32),
}

impl Asked {
    fn write(&self, out: &mut Vec<u8>) {
        self.attribute.write(out);
        match &self.selection {
            None => out.push(0),
            Some(selection) => {
                out.push(1);
                selection.write(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeFault> {
        let attribute = Attribute::read(reader)?;
        let selection = if reader.flag("the selection")? {
            Some(Selection::read(reader)?)
        } else {
            None
        };
        Ok(Self {
            attribute,
            selection,
        })
    }
}

impl Block {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_last));
        out.extend_from_slice(&self.number.to_be_bytes());
        write_length(out, self.octets.len());
        out.extend_from_slice(&self.octets);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeFault> {
        Ok(Self {
            is_last: reader.flag("the last block")?,
            number: reader.u32("the number of a block")?,
            octets: reader.counted("a block", VALUE_OCTETS_MAX)?.to_vec(),
        })
    }
}

fn write_outcome(outcome: &Outcome, out: &mut Vec<u8>) {
    match outcome {
        Ok(data) => {
            out.push(0);
            data.write(out);
        }
        Err(result) => out.extend_from_slice(&[1, result.code()]),
    }
}

fn read_outcome(reader: &mut Reader<'_>) -> Result<Outcome, DecodeFault> {
    let part = "the kind of a result";
    match reader.u8(part)? {
        0 => Data::read(reader).map(Ok),
        1 => Ok(Err(AccessResult::of(reader.u8("a result")?))),
        value => Err(DecodeFault::Unexpected { part, value }),
    }
}

fn write_list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    write_length(out, items.len());
    for item in items {
        write(item, out);
    }
}

fn read_list<T>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, DecodeFault>,
) -> Result<Vec<T>, DecodeFault> {
    let count = reader.length("the number of items", LIST_ITEMS_MAX)?;
    (0..count).map(|_| read(reader)).collect()
}

/// The outcomes of a list, as they stand in the blocks of its answer.
pub(crate) fn decode_outcomes(octets: &[u8]) -> Result<Vec<Outcome>, DecodeFault> {
    let mut reader = Reader::new(octets);
    let outcomes = read_list(&mut reader, read_outcome)?;
    reader.end().map(|()| outcomes)
}

/// The same, written.
pub(crate) fn encode_outcomes(outcomes: &[Outcome]) -> Vec<u8> {
    let mut out = Vec::new();
    write_list(outcomes, &mut out, write_outcome);
    out
}

/// Values of a list, as they stand in the blocks of its request.
pub(crate) fn encode_list(values: &[Data]) -> Vec<u8> {
    let mut out = Vec::new();
    write_list(values, &mut out, Data::write);
    out
}

/// The same, read.
pub(crate) fn decode_list(octets: &[u8]) -> Result<Vec<Data>, DecodeFault> {
    let mut reader = Reader::new(octets);
    let values = read_list(&mut reader, Data::read)?;
    reader.end().map(|()| values)
}
