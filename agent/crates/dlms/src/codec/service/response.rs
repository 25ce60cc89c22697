//! Responses as octets.

use super::request::unknown;
use super::{
    ActionResponse, Block, GetResponse, InvokeId, Outcome, Response, SetResponse, Tag, read_list,
    read_outcome, write_list, write_outcome,
};
use crate::codec::fault::DecodeFault;
use crate::codec::reader::{Reader, write_length};
use crate::codec::result::{AccessResult, ActionResult, Exception};
use crate::limits::VALUE_OCTETS_MAX;

impl Response {
    /// Which request it answers; an exception does not say.
    pub fn invoke_id(&self) -> Option<InvokeId> {
        match self {
            Self::Get(id, _) | Self::Set(id, _) | Self::Action(id, _) => Some(*id),
            Self::Exception(_) => None,
        }
    }

    /// As octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        match self {
            Self::Get(id, response) => write_get(*id, response, &mut out),
            Self::Set(id, response) => write_set(*id, response, &mut out),
            Self::Action(id, response) => write_action(*id, response, &mut out),
            Self::Exception(exception) => {
                out.push(Tag::EXCEPTION.0);
                exception.write(&mut out);
            }
        }
        out
    }

    /// From octets.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeFault> {
        let mut reader = Reader::new(octets);
        let tag = reader.u8("the tag")?;
        if Tag(tag) == Tag::EXCEPTION {
            let exception = Exception::read(&mut reader)?;
            return reader.end().map(|()| Self::Exception(exception));
        }
        if !matches!(
            Tag(tag),
            Tag::GET_RESPONSE | Tag::SET_RESPONSE | Tag::ACTION_RESPONSE
        ) {
            let part = "the tag";
            return Err(DecodeFault::Unexpected { part, value: tag });
        }
        let [kind, id] = reader.array("the response")?;
        let id = InvokeId(id);
        let response = match Tag(tag) {
            Tag::GET_RESPONSE => Self::Get(id, read_get(kind, &mut reader)?),
            Tag::SET_RESPONSE => Self::Set(id, read_set(kind, &mut reader)?),
            _ => Self::Action(id, read_action(kind, &mut reader)?),
        };
        reader.end().map(|()| response)
    }
}

fn write_get(id: InvokeId, response: &GetResponse, out: &mut Vec<u8>) {
    let kind = match response {
        GetResponse::Normal(_) => 1,
        GetResponse::Block { .. } => 2,
        GetResponse::List(_) => 3,
    };
    out.extend_from_slice(&[Tag::GET_RESPONSE.0, kind, id.0]);
    match response {
        GetResponse::Normal(outcome) => write_outcome(outcome, out),
        GetResponse::Block {
            is_last,
            number,
            piece,
        } => {
            out.push(u8::from(*is_last));
            out.extend_from_slice(&number.to_be_bytes());
            match piece {
                Ok(octets) => {
                    out.push(0);
                    write_length(out, octets.len());
                    out.extend_from_slice(octets);
                }
                Err(result) => out.extend_from_slice(&[1, result.code()]),
            }
        }
        GetResponse::List(outcomes) => write_list(outcomes, out, write_outcome),
    }
}

fn read_get(kind: u8, reader: &mut Reader<'_>) -> Result<GetResponse, DecodeFault> {
    Ok(match kind {
        1 => GetResponse::Normal(read_outcome(reader)?),
        2 => {
            let is_last = reader.flag("the last block")?;
            let number = reader.u32("the number of a block")?;
            let part = "the kind of a block";
            let piece = match reader.u8(part)? {
                0 => Ok(reader.counted("a block", VALUE_OCTETS_MAX)?.to_vec()),
                1 => Err(AccessResult::of(reader.u8("a result")?)),
                value => return Err(DecodeFault::Unexpected { part, value }),
            };
            GetResponse::Block {
                is_last,
                number,
                piece,
            }
        }
        3 => GetResponse::List(read_list(reader, read_outcome)?),
        value => return Err(unknown(value)),
    })
}

fn write_set(id: InvokeId, response: &SetResponse, out: &mut Vec<u8>) {
    let kind = match response {
        SetResponse::Normal(_) => 1,
        SetResponse::Block(_) => 2,
        SetResponse::LastBlock(..) => 3,
        SetResponse::LastBlockList(..) => 4,
        SetResponse::List(_) => 5,
    };
    out.extend_from_slice(&[Tag::SET_RESPONSE.0, kind, id.0]);
    let code = |result: &AccessResult, out: &mut Vec<u8>| out.push(result.code());
    match response {
        SetResponse::Normal(result) => out.push(result.code()),
        SetResponse::Block(number) => out.extend_from_slice(&number.to_be_bytes()),
        SetResponse::LastBlock(result, number) => {
            out.push(result.code());
            out.extend_from_slice(&number.to_be_bytes());
        }
        SetResponse::LastBlockList(results, number) => {
            write_list(results, out, code);
            out.extend_from_slice(&number.to_be_bytes());
        }
        SetResponse::List(results) => write_list(results, out, code),
    }
}

fn read_set(kind: u8, reader: &mut Reader<'_>) -> Result<SetResponse, DecodeFault> {
    let number = |reader: &mut Reader<'_>| reader.u32("the number of a block");
    let result = |reader: &mut Reader<'_>| reader.u8("a result").map(AccessResult::of);
    Ok(match kind {
        1 => SetResponse::Normal(result(reader)?),
        2 => SetResponse::Block(number(reader)?),
        3 => {
            let result = result(reader)?;
            SetResponse::LastBlock(result, number(reader)?)
        }
        4 => {
            let results = read_list(reader, result)?;
            SetResponse::LastBlockList(results, number(reader)?)
        }
        5 => SetResponse::List(read_list(reader, result)?),
        value => return Err(unknown(value)),
    })
}

type Done = (ActionResult, Option<Outcome>);

fn write_done(result: ActionResult, returned: Option<&Outcome>, out: &mut Vec<u8>) {
    out.extend_from_slice(&[result.code(), u8::from(returned.is_some())]);
    if let Some(outcome) = returned {
        write_outcome(outcome, out);
    }
}

fn read_done(reader: &mut Reader<'_>) -> Result<Done, DecodeFault> {
    let result = ActionResult::of(reader.u8("a result")?);
    let returned = if reader.flag("what was returned")? {
        Some(read_outcome(reader)?)
    } else {
        None
    };
    Ok((result, returned))
}

fn write_action(id: InvokeId, response: &ActionResponse, out: &mut Vec<u8>) {
    let kind = match response {
        ActionResponse::Normal(..) => 1,
        ActionResponse::Block(_) => 2,
        ActionResponse::List(_) => 3,
        ActionResponse::Next(_) => 4,
    };
    out.extend_from_slice(&[Tag::ACTION_RESPONSE.0, kind, id.0]);
    match response {
        ActionResponse::Normal(result, returned) => write_done(*result, returned.as_ref(), out),
        ActionResponse::Block(block) => block.write(out),
        ActionResponse::List(list) => write_list(list, out, |(result, returned), out| {
            write_done(*result, returned.as_ref(), out);
        }),
        ActionResponse::Next(number) => out.extend_from_slice(&number.to_be_bytes()),
    }
}

fn read_action(kind: u8, reader: &mut Reader<'_>) -> Result<ActionResponse, DecodeFault> {
    Ok(match kind {
        1 => {
            let (result, returned) = read_done(reader)?;
            ActionResponse::Normal(result, returned)
        }
        2 => ActionResponse::Block(Block::read(reader)?),
        3 => ActionResponse::List(read_list(reader, read_done)?),
        4 => ActionResponse::Next(reader.u32("the number of a block")?),
        value => return Err(unknown(value)),
    })
}
