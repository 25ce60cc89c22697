//! What a meter does with a request in an open association.

use std::time::Duration;

use super::association::Association;
use super::device::Device;
use super::store::Store;
use crate::codec::{
    AccessResult, ActionRequest, ActionResponse, ActionResult, Asked, Block, Conformance, Data,
    Exception, GetRequest, GetResponse, InvokeId, Method, Outcome, Request, Response, ServiceError,
    SetRequest, SetResponse, decode_all, decode_list, encode_outcomes,
};
use crate::limits::VALUE_OCTETS_MAX;

/// A value on its way in blocks.
#[derive(Debug)]
pub(super) struct Transfer {
    id: InvokeId,
    kind: Kind,
    /// What is still to be sent, or what has come.
    octets: Vec<u8>,
    /// The last block.
    number: u32,
}

#[derive(Debug)]
enum Kind {
    Read,
    Returned,
    Write(Asked),
    WriteList(Vec<Asked>),
    Parameter(Method),
}

/// Around a piece of a value: tag, kind, invoke id, last, number, choice, length.
const BLOCK_HEADER_OCTETS: usize = 3 + 1 + 4 + 1 + 3;

impl Association {
    /// The answer of an open association.
    pub(super) fn answer<S: Store>(
        &mut self,
        device: &mut Device<S>,
        request: Request,
        at: Duration,
    ) -> Response {
        let needed = match &request {
            Request::Get(..) => Conformance::GET,
            Request::Set(..) => Conformance::SET,
            Request::Action(..) => Conformance::ACTION,
        };
        if !self.conformance.has(needed.and(extra(&request))) {
            return Response::Exception(Exception {
                state: 2,
                error: ServiceError::NotSupported,
                expected_counter: None,
            });
        }
        match request {
            Request::Get(id, request) => Response::Get(id, self.get(device, id, request, at)),
            Request::Set(id, request) => Response::Set(id, self.set(device, id, request, at)),
            Request::Action(id, request) => {
                Response::Action(id, self.action(device, id, request, at))
            }
        }
    }

    fn read<S: Store>(&self, device: &mut Device<S>, asked: &Asked, at: Duration) -> Outcome {
        match device.own_value(asked.attribute) {
            Some(value) => Ok(value),
            None => device.store.get(self.address(), asked, at),
        }
    }

    fn get<S: Store>(
        &mut self,
        device: &mut Device<S>,
        id: InvokeId,
        request: GetRequest,
        at: Duration,
    ) -> GetResponse {
        let (whole, octets) = match request {
            GetRequest::Next(acknowledged) => return self.next_read(id, acknowledged),
            GetRequest::Normal(asked) => match self.read(device, &asked, at) {
                Ok(value) => {
                    let octets = value.encode();
                    (GetResponse::Normal(Ok(value)), octets)
                }
                Err(result) => return GetResponse::Normal(Err(result)),
            },
            GetRequest::List(list) => {
                let read = list.iter().map(|asked| self.read(device, asked, at));
                let outcomes: Vec<Outcome> = read.collect();
                let octets = encode_outcomes(&outcomes);
                (GetResponse::List(outcomes), octets)
            }
        };
        self.transfer = None;
        if octets.len() + 4 <= self.room() {
            return whole;
        }
        if !self.conformance.has(Conformance::GET_BLOCKS) {
            return GetResponse::Normal(Err(AccessResult::ScopeViolated));
        }
        self.begin(id, Kind::Read, octets);
        self.next_read(id, 0)
    }

    fn begin(&mut self, id: InvokeId, kind: Kind, octets: Vec<u8>) {
        self.transfer = Some(Transfer {
            id,
            kind,
            octets,
            number: 0,
        });
    }

    /// The block behind the one that was acknowledged.
    fn next_piece(&mut self, id: InvokeId, acknowledged: u32) -> Result<Block, AccessResult> {
        let room = self.room().saturating_sub(BLOCK_HEADER_OCTETS).max(1);
        let transfer = self.transfer.as_mut().ok_or(AccessResult::NoLongGet)?;
        if transfer.id.number() != id.number() || transfer.number != acknowledged {
            self.transfer = None;
            return Err(AccessResult::DataBlockNumber);
        }
        transfer.number += 1;
        let count = room.min(transfer.octets.len());
        let octets: Vec<u8> = transfer.octets.drain(..count).collect();
        let block = Block {
            is_last: transfer.octets.is_empty(),
            number: transfer.number,
            octets,
        };
        if block.is_last {
            self.transfer = None;
        }
        Ok(block)
    }

    fn next_read(&mut self, id: InvokeId, acknowledged: u32) -> GetResponse {
        let is_read = |transfer: &Transfer| matches!(transfer.kind, Kind::Read);
        let piece = if self.transfer.as_ref().is_some_and(is_read) {
            self.next_piece(id, acknowledged)
        } else {
            Err(AccessResult::NoLongGet)
        };
        match piece {
            Ok(block) => GetResponse::Block {
                is_last: block.is_last,
                number: block.number,
                piece: Ok(block.octets),
            },
            Err(result) => GetResponse::Block {
                is_last: true,
                number: acknowledged.saturating_add(1),
                piece: Err(result),
            },
        }
    }

    fn set<S: Store>(
        &mut self,
        device: &mut Device<S>,
        id: InvokeId,
        request: SetRequest,
        at: Duration,
    ) -> SetResponse {
        let client = self.address();
        match request {
            SetRequest::Normal(asked, value) => {
                SetResponse::Normal(device.store.set(client, &asked, &value, at))
            }
            SetRequest::List(list, values) => {
                SetResponse::List(write(device, client, &list, &values, at))
            }
            SetRequest::FirstBlock(asked, block) => {
                self.begin(id, Kind::Write(asked), Vec::new());
                self.take_written(device, id, &block, at)
            }
            SetRequest::ListFirstBlock(list, block) => {
                self.begin(id, Kind::WriteList(list), Vec::new());
                self.take_written(device, id, &block, at)
            }
            SetRequest::Block(block) => self.take_written(device, id, &block, at),
        }
    }

    /// Adds a block. The whole value, if it was the last one.
    fn add(&mut self, id: InvokeId, block: &Block) -> Result<Option<Transfer>, AccessResult> {
        let transfer = self.transfer.as_mut().ok_or(AccessResult::NoLongSet)?;
        let is_next = transfer.number.checked_add(1) == Some(block.number);
        if transfer.id.number() != id.number()
            || !is_next
            || transfer.octets.len() + block.octets.len() > VALUE_OCTETS_MAX
        {
            self.transfer = None;
            return Err(AccessResult::DataBlockNumber);
        }
        transfer.number = block.number;
        transfer.octets.extend_from_slice(&block.octets);
        Ok(if block.is_last {
            self.transfer.take()
        } else {
            None
        })
    }

    fn take_written<S: Store>(
        &mut self,
        device: &mut Device<S>,
        id: InvokeId,
        block: &Block,
        at: Duration,
    ) -> SetResponse {
        let number = block.number;
        let client = self.address();
        match self.add(id, block) {
            Ok(None) => SetResponse::Block(number),
            Err(result) => SetResponse::LastBlock(result, number),
            Ok(Some(transfer)) => match transfer.kind {
                Kind::Write(asked) => {
                    let result = match decode_all(&transfer.octets) {
                        Ok(value) => device.store.set(client, &asked, &value, at),
                        Err(_) => AccessResult::TypeUnmatched,
                    };
                    SetResponse::LastBlock(result, number)
                }
                Kind::WriteList(list) => {
                    let results = match decode_list(&transfer.octets) {
                        Ok(values) => write(device, client, &list, &values, at),
                        Err(_) => vec![AccessResult::TypeUnmatched; list.len()],
                    };
                    SetResponse::LastBlockList(results, number)
                }
                _ => SetResponse::LastBlock(AccessResult::NoLongSet, number),
            },
        }
    }

    fn action<S: Store>(
        &mut self,
        device: &mut Device<S>,
        id: InvokeId,
        request: ActionRequest,
        at: Duration,
    ) -> ActionResponse {
        let client = self.address();
        match request {
            ActionRequest::Normal(method, parameter) => {
                self.transfer = None;
                let done = device.store.act(client, method, parameter.as_ref(), at);
                self.done(id, done)
            }
            ActionRequest::List(methods, parameters) => {
                let pairs = methods.iter().zip(&parameters);
                let done = pairs.map(|(method, parameter)| {
                    let parameter = (*parameter != Data::Null).then_some(parameter);
                    device.store.act(client, *method, parameter, at)
                });
                ActionResponse::List(done.collect())
            }
            ActionRequest::FirstBlock(method, block) => {
                self.begin(id, Kind::Parameter(method), Vec::new());
                self.take_parameter(device, id, &block, at)
            }
            ActionRequest::Block(block) => self.take_parameter(device, id, &block, at),
            ActionRequest::Next(acknowledged) => self.next_returned(id, acknowledged),
        }
    }

    fn take_parameter<S: Store>(
        &mut self,
        device: &mut Device<S>,
        id: InvokeId,
        block: &Block,
        at: Duration,
    ) -> ActionResponse {
        let number = block.number;
        let failed = |result| ActionResponse::Normal(result, None);
        match self.add(id, block) {
            Ok(None) => ActionResponse::Next(number),
            Err(_) => failed(ActionResult::LongActionAborted),
            Ok(Some(transfer)) => match (transfer.kind, decode_all(&transfer.octets)) {
                (Kind::Parameter(method), Ok(parameter)) => {
                    let client = self.address();
                    let done = device.store.act(client, method, Some(&parameter), at);
                    self.done(id, done)
                }
                (Kind::Parameter(_), Err(_)) => failed(ActionResult::TypeUnmatched),
                _ => failed(ActionResult::NoLongAction),
            },
        }
    }

    /// What a method returned, in blocks if it does not fit.
    fn done(&mut self, id: InvokeId, done: (ActionResult, Option<Outcome>)) -> ActionResponse {
        let (result, returned) = done;
        if let Some(Ok(value)) = &returned {
            let octets = value.encode();
            let is_long = octets.len() + 6 > self.room();
            if is_long && self.conformance.has(Conformance::ACTION_BLOCKS) {
                self.begin(id, Kind::Returned, octets);
                return self.next_returned(id, 0);
            }
            if is_long {
                return ActionResponse::Normal(ActionResult::ScopeViolated, None);
            }
        }
        ActionResponse::Normal(result, returned)
    }

    fn next_returned(&mut self, id: InvokeId, acknowledged: u32) -> ActionResponse {
        let is_returned = |transfer: &Transfer| matches!(transfer.kind, Kind::Returned);
        if !self.transfer.as_ref().is_some_and(is_returned) {
            return ActionResponse::Normal(ActionResult::NoLongAction, None);
        }
        match self.next_piece(id, acknowledged) {
            Ok(block) => ActionResponse::Block(block),
            Err(_) => ActionResponse::Normal(ActionResult::LongActionAborted, None),
        }
    }
}

fn write<S: Store>(
    device: &mut Device<S>,
    client: u16,
    list: &[Asked],
    values: &[Data],
    at: Duration,
) -> Vec<AccessResult> {
    let mut values = values.iter();
    list.iter()
        .map(|asked| match values.next() {
            Some(value) => device.store.set(client, asked, value, at),
            None => AccessResult::TypeUnmatched,
        })
        .collect()
}

/// What a request needs besides its service.
fn extra(request: &Request) -> Conformance {
    let selects = |asked: &Asked| match asked.selection {
        Some(_) => Conformance::SELECTION,
        None => Conformance::NONE,
    };
    let lists = |list: &[Asked]| {
        list.iter()
            .fold(Conformance::LISTS, |all, asked| all.and(selects(asked)))
    };
    match request {
        Request::Get(_, GetRequest::Normal(asked))
        | Request::Set(_, SetRequest::Normal(asked, _)) => selects(asked),
        Request::Get(_, GetRequest::List(list)) | Request::Set(_, SetRequest::List(list, _)) => {
            lists(list)
        }
        Request::Get(_, GetRequest::Next(_)) => Conformance::GET_BLOCKS,
        Request::Set(_, SetRequest::FirstBlock(asked, _)) => {
            Conformance::SET_BLOCKS.and(selects(asked))
        }
        Request::Set(_, SetRequest::ListFirstBlock(list, _)) => {
            Conformance::SET_BLOCKS.and(lists(list))
        }
        Request::Set(_, SetRequest::Block(_)) => Conformance::SET_BLOCKS,
        Request::Action(_, ActionRequest::Normal(..)) => Conformance::NONE,
        Request::Action(_, ActionRequest::List(..)) => Conformance::LISTS,
        Request::Action(_, _) => Conformance::ACTION_BLOCKS,
    }
}
