//! Reading, writing and executing, in one APDU or in blocks.

use line::Line;

use super::fault::{SessionFault, Step};
use super::session::Session;
use crate::codec::{
    AccessResult, ActionRequest, ActionResponse, ActionResult, Asked, Block, Conformance, Data,
    GetRequest, GetResponse, InvokeId, Method, Outcome, Request, Response, SetRequest, SetResponse,
    decode_all, decode_outcomes, encode_list,
};
use crate::limits::{BLOCKS_MAX, LIST_ITEMS_MAX, VALUE_OCTETS_MAX};
use crate::security::CounterKeeper;

/// Octets that protection adds: tag, system title, lengths, control, counter, tag of GCM.
const PROTECTION_OCTETS: usize = 1 + 9 + 3 + 5 + 12;

/// Octets of a block's length, at most.
const BLOCK_LENGTH_OCTETS: usize = 5;

/// What a value in blocks is for.
enum Target {
    Attribute(Asked),
    Attributes(Vec<Asked>),
    Method(Method),
}

impl Target {
    fn request(&self, id: InvokeId, block: Block) -> Request {
        let is_first = block.number == 1;
        match (self, is_first) {
            (Self::Attribute(asked), true) => {
                Request::Set(id, SetRequest::FirstBlock(asked.clone(), block))
            }
            (Self::Attributes(list), true) => {
                Request::Set(id, SetRequest::ListFirstBlock(list.clone(), block))
            }
            (Self::Attribute(_) | Self::Attributes(_), false) => {
                Request::Set(id, SetRequest::Block(block))
            }
            (Self::Method(method), true) => {
                Request::Action(id, ActionRequest::FirstBlock(*method, block))
            }
            (Self::Method(_), false) => Request::Action(id, ActionRequest::Block(block)),
        }
    }

    fn step(&self) -> Step {
        match self {
            Self::Attribute(_) | Self::Attributes(_) => Step::Set,
            Self::Method(_) => Step::Action,
        }
    }
}

impl<L: Line, K: CounterKeeper> Session<'_, L, K> {
    /// Reads an attribute, or rows of it.
    pub async fn get(&mut self, asked: impl Into<Asked>) -> Result<Outcome, SessionFault> {
        let step = Step::Get;
        let asked = asked.into();
        self.need(step, Conformance::GET, "GET")?;
        if asked.selection.is_some() {
            self.need(step, Conformance::SELECTION, "the selection of rows")?;
        }
        let id = self.next_invoke();
        let request = Request::Get(id, GetRequest::Normal(asked));
        match self.ask(step, &request).await? {
            Response::Get(_, GetResponse::Normal(outcome)) => Ok(outcome),
            Response::Get(_, block @ GetResponse::Block { .. }) => {
                match self.gather(id, block).await? {
                    Ok(octets) => decode_all(&octets).map(Ok).map_err(|fault| {
                        self.is_over = true;
                        SessionFault::Malformed { step, fault }
                    }),
                    Err(result) => Ok(Err(result)),
                }
            }
            _ => self.unmatched(step),
        }
    }

    /// Reads several attributes: with one request if the association has lists, else one by one.
    pub async fn get_list(&mut self, list: &[Asked]) -> Result<Vec<Outcome>, SessionFault> {
        let step = Step::Get;
        let mut outcomes = Vec::with_capacity(list.len());
        if !self.conformance.has(Conformance::LISTS) {
            for asked in list {
                outcomes.push(self.get(asked.clone()).await?);
            }
            return Ok(outcomes);
        }
        self.need(step, Conformance::GET, "GET")?;
        if list.iter().any(|asked| asked.selection.is_some()) {
            self.need(step, Conformance::SELECTION, "the selection of rows")?;
        }
        for part in list.chunks(self.list_items(list)) {
            let id = self.next_invoke();
            let request = Request::Get(id, GetRequest::List(part.to_vec()));
            let got = match self.ask(step, &request).await? {
                Response::Get(_, GetResponse::List(got)) => got,
                Response::Get(_, block @ GetResponse::Block { .. }) => {
                    match self.gather(id, block).await? {
                        Ok(octets) => decode_outcomes(&octets).map_err(|fault| {
                            self.is_over = true;
                            SessionFault::Malformed { step, fault }
                        })?,
                        Err(result) => vec![Err(result); part.len()],
                    }
                }
                _ => return self.unmatched(step),
            };
            if got.len() != part.len() {
                return self.unmatched(step);
            }
            outcomes.extend(got);
        }
        Ok(outcomes)
    }

    /// How many items of this list a request may have.
    fn list_items(&self, list: &[Asked]) -> usize {
        let request = Request::Get(InvokeId::new(0), GetRequest::List(list.to_vec()));
        let octets = request.encode().len().div_ceil(list.len().max(1));
        let room = self.pdu_octets.saturating_sub(PROTECTION_OCTETS + 8);
        (room / octets.max(1)).clamp(1, LIST_ITEMS_MAX)
    }

    /// Writes an attribute, in blocks if it does not fit.
    pub async fn set(
        &mut self,
        asked: impl Into<Asked>,
        value: &Data,
    ) -> Result<AccessResult, SessionFault> {
        let step = Step::Set;
        let asked = asked.into();
        self.need(step, Conformance::SET, "SET")?;
        if asked.selection.is_some() {
            self.need(step, Conformance::SELECTION, "the selection of rows")?;
        }
        let id = self.next_invoke();
        let request = Request::Set(id, SetRequest::Normal(asked.clone(), value.clone()));
        if self.fits(&request) {
            return match self.ask(step, &request).await? {
                Response::Set(_, SetResponse::Normal(result)) => Ok(result),
                _ => self.unmatched(step),
            };
        }
        self.need(step, Conformance::SET_BLOCKS, "writing in blocks")?;
        let target = Target::Attribute(asked);
        match self.send_blocks(id, &target, &value.encode()).await? {
            Response::Set(_, SetResponse::LastBlock(result, _) | SetResponse::Normal(result)) => {
                Ok(result)
            }
            _ => self.unmatched(step),
        }
    }

    /// Writes several attributes: with one request if the association has lists, else one by one.
    pub async fn set_list(
        &mut self,
        list: &[(Asked, Data)],
    ) -> Result<Vec<AccessResult>, SessionFault> {
        let step = Step::Set;
        if !self.conformance.has(Conformance::LISTS) || list.len() > LIST_ITEMS_MAX {
            let mut results = Vec::with_capacity(list.len());
            for (asked, value) in list {
                results.push(self.set(asked.clone(), value).await?);
            }
            return Ok(results);
        }
        self.need(step, Conformance::SET, "SET")?;
        let (asked, values): (Vec<_>, Vec<_>) = list.iter().cloned().unzip();
        let id = self.next_invoke();
        let request = Request::Set(id, SetRequest::List(asked.clone(), values.clone()));
        let results = if self.fits(&request) {
            match self.ask(step, &request).await? {
                Response::Set(_, SetResponse::List(results)) => results,
                _ => return self.unmatched(step),
            }
        } else {
            self.need(step, Conformance::SET_BLOCKS, "writing in blocks")?;
            let target = Target::Attributes(asked);
            match self.send_blocks(id, &target, &encode_list(&values)).await? {
                Response::Set(_, SetResponse::LastBlockList(results, _)) => results,
                _ => return self.unmatched(step),
            }
        };
        if results.len() != list.len() {
            return self.unmatched(step);
        }
        Ok(results)
    }

    /// Executes a method, its parameter in blocks if it does not fit.
    pub async fn act(
        &mut self,
        method: Method,
        parameter: Option<&Data>,
    ) -> Result<(ActionResult, Option<Outcome>), SessionFault> {
        let step = Step::Action;
        self.need(step, Conformance::ACTION, "ACTION")?;
        let id = self.next_invoke();
        let request = Request::Action(id, ActionRequest::Normal(method, parameter.cloned()));
        let response = if self.fits(&request) {
            self.ask(step, &request).await?
        } else {
            self.need(step, Conformance::ACTION_BLOCKS, "parameters in blocks")?;
            let octets = parameter.map(Data::encode).unwrap_or_default();
            self.send_blocks(id, &Target::Method(method), &octets)
                .await?
        };
        match response {
            Response::Action(_, ActionResponse::Normal(result, returned)) => Ok((result, returned)),
            Response::Action(_, ActionResponse::Block(block)) => {
                let octets = self.gather_returned(id, block).await?;
                let data = decode_all(&octets).map_err(|fault| {
                    self.is_over = true;
                    SessionFault::Malformed { step, fault }
                })?;
                Ok((ActionResult::Success, Some(Ok(data))))
            }
            _ => self.unmatched(step),
        }
    }

    fn fits(&self, request: &Request) -> bool {
        self.protected(request.encode().len()) <= self.pdu_octets
    }

    fn protected(&self, octets: usize) -> usize {
        if self.is_ciphered {
            octets + PROTECTION_OCTETS
        } else {
            octets
        }
    }

    /// Sends a value in blocks. Returns the answer to the last one.
    async fn send_blocks(
        &mut self,
        id: InvokeId,
        target: &Target,
        value: &[u8],
    ) -> Result<Response, SessionFault> {
        let step = target.step();
        let (mut number, mut rest) = (0, value);
        loop {
            number += 1;
            let empty = Block {
                is_last: false,
                number,
                octets: Vec::new(),
            };
            let header = target.request(id, empty).encode().len() + BLOCK_LENGTH_OCTETS;
            let room = self.pdu_octets.saturating_sub(self.protected(header));
            if room == 0 || number > BLOCKS_MAX {
                return Err(SessionFault::TooLong {
                    step,
                    part: "the request",
                    most: self.pdu_octets,
                });
            }
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            rest = behind;
            let block = Block {
                is_last: rest.is_empty(),
                number,
                octets: piece.to_vec(),
            };
            let response = self.ask(step, &target.request(id, block)).await?;
            let taken = match &response {
                Response::Set(_, SetResponse::Block(taken))
                | Response::Action(_, ActionResponse::Next(taken)) => *taken,
                Response::Set(_, SetResponse::LastBlock(result, _))
                    if *result == AccessResult::Success && !rest.is_empty() =>
                {
                    return self.unmatched(step);
                }
                // The end, or a refusal on the way.
                _ => return Ok(response),
            };
            if taken != number || rest.is_empty() {
                return self.out_of_turn(step, taken, number);
            }
        }
    }

    /// Gathers the blocks of a value, of which this is the first.
    async fn gather(
        &mut self,
        id: InvokeId,
        first: GetResponse,
    ) -> Result<Result<Vec<u8>, AccessResult>, SessionFault> {
        let step = Step::Get;
        let mut value = Vec::new();
        let mut response = first;
        for wanted in 1..=BLOCKS_MAX {
            let GetResponse::Block {
                is_last,
                number,
                piece,
            } = response
            else {
                return self.unmatched(step);
            };
            if number != wanted {
                return self.out_of_turn(step, number, wanted);
            }
            match piece {
                Ok(octets) => value.extend_from_slice(&octets),
                Err(result) => return Ok(Err(result)),
            }
            if is_last {
                return Ok(Ok(value));
            }
            if value.len() > VALUE_OCTETS_MAX {
                break;
            }
            let request = Request::Get(id, GetRequest::Next(number));
            response = match self.ask(step, &request).await? {
                Response::Get(_, GetResponse::Normal(Err(result))) => return Ok(Err(result)),
                Response::Get(_, response) => response,
                _ => return self.unmatched(step),
            };
        }
        self.too_long(step)
    }

    /// The same for what a method returns.
    async fn gather_returned(
        &mut self,
        id: InvokeId,
        first: Block,
    ) -> Result<Vec<u8>, SessionFault> {
        let step = Step::Action;
        let mut value = Vec::new();
        let mut block = first;
        for wanted in 1..=BLOCKS_MAX {
            if block.number != wanted {
                return self.out_of_turn(step, block.number, wanted);
            }
            value.extend_from_slice(&block.octets);
            if block.is_last {
                return Ok(value);
            }
            if value.len() > VALUE_OCTETS_MAX {
                break;
            }
            let request = Request::Action(id, ActionRequest::Next(wanted));
            block = match self.ask(step, &request).await? {
                Response::Action(_, ActionResponse::Block(block)) => block,
                _ => return self.unmatched(step),
            };
        }
        self.too_long(step)
    }

    /// The meter and this side do not mean the same any more.
    fn unmatched<T>(&mut self, step: Step) -> Result<T, SessionFault> {
        self.is_over = true;
        Err(SessionFault::Unmatched { step })
    }

    fn out_of_turn<T>(&mut self, step: Step, found: u32, wanted: u32) -> Result<T, SessionFault> {
        self.is_over = true;
        Err(SessionFault::Blocks {
            step,
            found,
            wanted,
        })
    }

    fn too_long<T>(&mut self, step: Step) -> Result<T, SessionFault> {
        self.is_over = true;
        Err(SessionFault::TooLong {
            step,
            part: "the value",
            most: VALUE_OCTETS_MAX,
        })
    }
}
