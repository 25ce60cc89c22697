//! Requests as octets.

use super::{
    ActionRequest, Asked, Block, GetRequest, InvokeId, Request, SetRequest, Tag, read_list,
    write_list,
};
use crate::codec::data::Data;
use crate::codec::fault::DecodeFault;
use crate::codec::name::Method;
use crate::codec::reader::Reader;

impl Request {
    /// Which request it is.
    pub fn invoke_id(&self) -> InvokeId {
        match self {
            Self::Get(id, _) | Self::Set(id, _) | Self::Action(id, _) => *id,
        }
    }

    /// As octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        match self {
            Self::Get(id, request) => write_get(*id, request, &mut out),
            Self::Set(id, request) => write_set(*id, request, &mut out),
            Self::Action(id, request) => write_action(*id, request, &mut out),
        }
        out
    }

    /// From octets.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeFault> {
        let mut reader = Reader::new(octets);
        let [tag, kind, id] = reader.array("the request")?;
        let id = InvokeId(id);
        let request = match Tag(tag) {
            Tag::GET_REQUEST => Self::Get(id, read_get(kind, &mut reader)?),
            Tag::SET_REQUEST => Self::Set(id, read_set(kind, &mut reader)?),
            Tag::ACTION_REQUEST => Self::Action(id, read_action(kind, &mut reader)?),
            _ => {
                let part = "the tag";
                return Err(DecodeFault::Unexpected { part, value: tag });
            }
        };
        reader.end().map(|()| request)
    }
}

fn write_get(id: InvokeId, request: &GetRequest, out: &mut Vec<u8>) {
    let kind = match request {
        GetRequest::Normal(_) => 1,
        GetRequest::Next(_) => 2,
        GetRequest::List(_) => 3,
    };
    out.extend_from_slice(&[Tag::GET_REQUEST.0, kind, id.0]);
    match request {
        GetRequest::Normal(asked) => asked.write(out),
        GetRequest::Next(block) => out.extend_from_slice(&block.to_be_bytes()),
        GetRequest::List(list) => write_list(list, out, Asked::write),
    }
}

fn read_get(kind: u8, reader: &mut Reader<'_>) -> Result<GetRequest, DecodeFault> {
    Ok(match kind {
        1 => GetRequest::Normal(Asked::read(reader)?),
        2 => GetRequest::Next(reader.u32("the number of a block")?),
        3 => GetRequest::List(read_list(reader, Asked::read)?),
        value => return Err(unknown(value)),
    })
}

fn write_set(id: InvokeId, request: &SetRequest, out: &mut Vec<u8>) {
    let kind = match request {
        SetRequest::Normal(..) => 1,
        SetRequest::FirstBlock(..) => 2,
        SetRequest::Block(_) => 3,
        SetRequest::List(..) => 4,
        SetRequest::ListFirstBlock(..) => 5,
    };
    out.extend_from_slice(&[Tag::SET_REQUEST.0, kind, id.0]);
    match request {
        SetRequest::Normal(asked, data) => {
            asked.write(out);
            data.write(out);
        }
        SetRequest::FirstBlock(asked, block) => {
            asked.write(out);
            block.write(out);
        }
        SetRequest::Block(block) => block.write(out),
        SetRequest::List(list, values) => {
            write_list(list, out, Asked::write);
            write_list(values, out, Data::write);
        }
        SetRequest::ListFirstBlock(list, block) => {
            write_list(list, out, Asked::write);
            block.write(out);
        }
    }
}

fn read_set(kind: u8, reader: &mut Reader<'_>) -> Result<SetRequest, DecodeFault> {
    Ok(match kind {
        1 => SetRequest::Normal(Asked::read(reader)?, Data::read(reader)?),
        2 => SetRequest::FirstBlock(Asked::read(reader)?, Block::read(reader)?),
        3 => SetRequest::Block(Block::read(reader)?),
        4 => {
            let list = read_list(reader, Asked::read)?;
            SetRequest::List(list, read_list(reader, Data::read)?)
        }
        5 => {
            let list = read_list(reader, Asked::read)?;
            SetRequest::ListFirstBlock(list, Block::read(reader)?)
        }
        value => return Err(unknown(value)),
    })
}

fn write_action(id: InvokeId, request: &ActionRequest, out: &mut Vec<u8>) {
    let kind = match request {
        ActionRequest::Normal(..) => 1,
        ActionRequest::Next(_) => 2,
        ActionRequest::List(..) => 3,
        ActionRequest::FirstBlock(..) => 4,
        ActionRequest::Block(_) => 6,
    };
    out.extend_from_slice(&[Tag::ACTION_REQUEST.0, kind, id.0]);
    match request {
        ActionRequest::Normal(method, parameter) => {
            method.write(out);
            out.push(u8::from(parameter.is_some()));
            if let Some(data) = parameter {
                data.write(out);
            }
        }
        ActionRequest::Next(block) => out.extend_from_slice(&block.to_be_bytes()),
        ActionRequest::List(methods, parameters) => {
            write_list(methods, out, |method, out| method.write(out));
            write_list(parameters, out, Data::write);
        }
        ActionRequest::FirstBlock(method, block) => {
            method.write(out);
            block.write(out);
        }
        ActionRequest::Block(block) => block.write(out),
    }
}

fn read_action(kind: u8, reader: &mut Reader<'_>) -> Result<ActionRequest, DecodeFault> {
    Ok(match kind {
        1 => {
            let method = Method::read(reader)?;
            let parameter = if reader.flag("the parameter")? {
                Some(Data::read(reader)?)
            } else {
                None
            };
            ActionRequest::Normal(method, parameter)
        }
        2 => ActionRequest::Next(reader.u32("the number of a block")?),
        3 => {
            let methods = read_list(reader, Method::read)?;
            ActionRequest::List(methods, read_list(reader, Data::read)?)
        }
        4 => ActionRequest::FirstBlock(Method::read(reader)?, Block::read(reader)?),
        6 => ActionRequest::Block(Block::read(reader)?),
        value => return Err(unknown(value)),
    })
}

pub(super) fn unknown(value: u8) -> DecodeFault {
    let part = "the kind of the service";
    DecodeFault::Unexpected { part, value }
}
