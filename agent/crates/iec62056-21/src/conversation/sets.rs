//! Reads and writes of data sets by their addresses, as meters of the VDEW style want them.

use std::collections::VecDeque;
use std::time::Duration;

use line::Line;

use super::fault::{SessionFault, Step};
use super::session::{Heard, Inquiry, Session};
use super::track::{Mark, Print};
use super::voice::Said;
use crate::codec::{
    Answer, BlockEnd, Command, DataSet, DecodeFault, ExpectedAnswer, Form, Joined, Request,
};
use crate::limits::{COPIES_REMEMBERED, DOUBTS_MAX, PARTIAL_BLOCKS_MAX};

/// What a read in partial blocks brought.
struct InParts {
    text: String,
    /// No block equals one shortly before it, which could be its copy.
    is_sure: bool,
}

impl<L: Line> Session<'_, L> {
    /// Reads a data set, or several, and gives the text of the answer: data lines, joined from all
    /// partial blocks if the form has them. `value` is what stands in the brackets of the request.
    pub async fn read_set(
        &mut self,
        form: Form,
        address: &str,
        value: &str,
    ) -> Result<String, SessionFault> {
        let set = DataSet::new(address, value, None)?;
        let command = Command::Read(form, set);
        let named = self.terms.answers_name_address && !address.is_empty();
        let expected = match ExpectedAnswer::to_command(&command) {
            Some(_) if named && !form.is_partial() => ExpectedAnswer::to_read_of(address),
            Some(expected) => expected,
            None => return Err(SessionFault::Breach(DecodeFault::Incomplete)),
        };
        let mark = if named {
            Mark::Address(address.to_owned())
        } else {
            Mark::Nothing
        };
        let inquiry = Inquiry {
            step: Step::Read,
            request: command.encode(),
            expected,
            mark,
        };
        if form.is_partial() {
            return self.read_parts(&inquiry, named.then_some(address)).await;
        }
        let said = self.inquire(&inquiry).await?;
        Ok(payload(&said)?.0)
    }

    /// Writes a data set. What holds for [`Session::write_packet`] holds here.
    pub async fn write_set(
        &mut self,
        form: Form,
        address: &str,
        value: &str,
    ) -> Result<(), SessionFault> {
        let command = Command::Write(form, DataSet::new(address, value, None)?);
        let expected = ExpectedAnswer::to_command(&command);
        self.confirm(command.encode(), expected).await
    }

    /// Has the meter do something (E2). What holds for a write holds here.
    pub async fn execute(&mut self, address: &str, value: &str) -> Result<(), SessionFault> {
        let command = Command::Execute(DataSet::new(address, value, None)?);
        let expected = ExpectedAnswer::to_command(&command);
        self.confirm(command.encode(), expected).await
    }

    /// Reads all partial blocks. They have no numbers: wherever one may be lost or doubled, the
    /// read begins anew, and what is not sure must come twice.
    async fn read_parts(
        &mut self,
        inquiry: &Inquiry,
        address: Option<&str>,
    ) -> Result<String, SessionFault> {
        let mut blocks = Vec::new();
        let read = self.read_parts_surely(inquiry, address, &mut blocks).await;
        // A late copy of any of them is no block of a later answer.
        for block in blocks {
            self.track.remember(block);
        }
        read
    }

    async fn read_parts_surely(
        &mut self,
        inquiry: &Inquiry,
        address: Option<&str>,
        blocks: &mut Vec<Print>,
    ) -> Result<String, SessionFault> {
        let (mut attempts, mut doubts) = (self.terms.attempts.get(), DOUBTS_MAX);
        let mut doubted = None;
        loop {
            self.make_ready().await?;
            let fault = match self.read_parts_once(inquiry, blocks).await {
                Ok(parts) => {
                    let answers = address.is_none_or(|address| parts.text.starts_with(address));
                    let print = Print::of(parts.text.as_bytes());
                    let is_sure = parts.is_sure && answers && !self.track.knows(print);
                    if is_sure || answers && doubted == Some(print) {
                        self.track.answered();
                        self.track.remember(print);
                        return Ok(parts.text);
                    }
                    if doubts == 0 {
                        return Err(SessionFault::OutOfStep { refusal: None });
                    }
                    doubts -= 1;
                    doubted = Some(print);
                    continue;
                }
                Err(SessionFault::Refused { step, refusal }) => {
                    let print = Print::of(refusal.text().as_bytes());
                    if self.track.knows(print) && doubted != Some(print) && doubts > 0 {
                        doubts -= 1;
                        doubted = Some(print);
                        continue;
                    }
                    self.track.answered();
                    self.track.remember(print);
                    return Err(SessionFault::Refused { step, refusal });
                }
                Err(fault) if fault.ends_session() => return Err(fault),
                Err(fault) => fault,
            };
            attempts -= 1;
            if attempts == 0 {
                return Err(fault);
            }
        }
    }

    async fn read_parts_once(
        &mut self,
        inquiry: &Inquiry,
        blocks: &mut Vec<Print>,
    ) -> Result<InParts, SessionFault> {
        let step = inquiry.step;
        let (next, again) = (Request::Next.encode(), Request::Again.encode());
        let mut joined = Joined::default();
        let mut last = VecDeque::new();
        let mut is_sure = true;
        let mut request = inquiry.request.clone();
        let mut repeats = self.terms.attempts.get();
        for _ in 0..PARTIAL_BLOCKS_MAX {
            let asked = Inquiry {
                step,
                request,
                expected: inquiry.expected.clone(),
                mark: inquiry.mark.clone(),
            };
            let heard = self.ask_once(&asked, Duration::ZERO).await?;
            // The NAK that asks again could pass for an answer, or its own echo.
            let echo_is_known = self.voice.line.counters().echoes.is_some();
            let said = match heard {
                Heard::Data(said) => said,
                // It came whole and damaged, so it is this one that comes again.
                Heard::Missed(SessionFault::Garbled { .. }) if repeats > 1 && echo_is_known => {
                    repeats -= 1;
                    request = again.clone();
                    continue;
                }
                Heard::Refused(refusal) => return Err(SessionFault::Refused { step, refusal }),
                Heard::Missed(fault) => return Err(fault),
                Heard::Confirmed | Heard::NotAcknowledged => {
                    return Err(SessionFault::NotAcknowledged { step });
                }
            };
            let print = Print::of(&said.octets);
            is_sure &= !last.contains(&print) && !self.track.knows(print);
            blocks.push(print);
            if last.len() >= COPIES_REMEMBERED {
                last.pop_front();
            }
            last.push_back(print);
            let (text, end) = payload(&said)?;
            let block = crate::codec::Block::new(&text, end)?;
            if let Some(text) = joined.take(&block)? {
                return Ok(InParts { text, is_sure });
            }
            request = next.clone();
        }
        let limit = PARTIAL_BLOCKS_MAX;
        let part = "the number of partial blocks";
        Err(SessionFault::Breach(DecodeFault::TooLong { part, limit }))
    }
}

fn payload(said: &Said) -> Result<(String, BlockEnd), SessionFault> {
    match Answer::decode(&said.octets)? {
        Answer::Data(block) => Ok((block.payload().to_owned(), block.end())),
        _ => Err(SessionFault::Breach(DecodeFault::Incomplete)),
    }
}
