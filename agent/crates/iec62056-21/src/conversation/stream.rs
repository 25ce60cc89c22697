//! Data streams of Elster meters: many packets for one request.

use std::ops::ControlFlow;

use line::{Interruption, Line};

use super::fault::{SessionFault, Step};
use super::session::Session;
use super::track::Mark;
use super::voice::{Asked, Leaving, Said};
use crate::codec::{Answer, BlockEnd, ExpectedAnswer, Packet, Request, StreamPacket};
use crate::limits::{ABORT_SILENCE, STREAM_BLOCKS_MAX};

/// How a stream went on.
enum Flow {
    More,
    Last,
    /// Whoever takes the packets has enough.
    Enough,
}

impl<L: Line> Session<'_, L> {
    /// Reads so many blocks of 256 octets of an identity, from this packet of 64 on, and hands each
    /// packet of the stream over with its number, from 1 on. The session must have been opened for
    /// data streams, on a line of eight bits.
    ///
    /// When `take` breaks off, or when the stream breaks, the meter is told to stop, and the session
    /// can go on. What was handed over is proven; the caller may read on behind it.
    pub async fn read_stream(
        &mut self,
        identity: u16,
        first_packet: u16,
        blocks: u16,
        take: &mut (dyn FnMut(u16, &[u8]) -> ControlFlow<()> + Send),
    ) -> Result<(), SessionFault> {
        let part = "the number of blocks";
        if !(1..=STREAM_BLOCKS_MAX).contains(&blocks) {
            let (least, most) = (1, usize::from(STREAM_BLOCKS_MAX));
            let found = usize::from(blocks);
            return Err(SessionFault::Invalid(crate::codec::InvalidField::Range {
                part,
                found,
                least,
                most,
            }));
        }
        let request = Packet::new(identity, first_packet)?.read_stream(blocks)?;
        self.make_ready().await?;
        self.track.ask(Mark::Nothing);
        let abort = Interruption {
            octets: self.voice.parity.sent(Request::Abort.encode().octets()),
            silence: ABORT_SILENCE,
        };
        self.voice.promise_to_interrupt(abort.clone());
        let mut number = 1;
        let until = Some(self.until());
        let outcome = loop {
            let expected = ExpectedAnswer::packet_of_stream(number);
            let said = if number == 1 {
                let asked = Asked {
                    until,
                    ..Asked::new(Step::Stream, &request, expected)
                };
                self.voice.ask(asked).await
            } else {
                self.voice.hear(Step::Stream, expected, until).await
            };
            let held = self.held();
            match said.and_then(|said| flow(&said, take)) {
                Ok(Flow::More) if held >= self.terms.hold_max => {
                    number += 1;
                    break Err(SessionFault::TimeUp { held });
                }
                Ok(Flow::More) if number <= blocks => number += 1,
                Ok(Flow::Last) => break Ok(true),
                Ok(Flow::More | Flow::Enough) => break Ok(false),
                Err(fault) => break Err(fault),
            }
        };
        self.end_stream(outcome, number - 1, &abort).await
    }

    async fn end_stream(
        &mut self,
        outcome: Result<bool, SessionFault>,
        after: u16,
        abort: &Interruption,
    ) -> Result<(), SessionFault> {
        let fault = match outcome {
            Ok(true) => {
                self.track.answered();
                self.track.said_little = false;
                self.voice.promise(Leaving::OutOfStep);
                return Ok(());
            }
            Ok(false) => None,
            // A refusal comes in the place of the first packet: nothing is to be stopped.
            Err(fault @ SessionFault::Refused { .. }) if after == 0 => {
                self.voice.promise(Leaving::OutOfStep);
                return Err(fault);
            }
            Err(SessionFault::SignedOff) => {
                self.end();
                self.voice.promise(Leaving::OutOfStep);
                Some(SessionFault::SignedOff)
            }
            Err(fault @ SessionFault::Line(line::LineFault::Gone(_))) => return Err(fault),
            Err(fault) => Some(fault),
        };
        if !matches!(fault, Some(SessionFault::SignedOff)) {
            self.voice.line.interrupt(abort).await?;
            self.voice.promise(Leaving::OutOfStep);
        }
        match fault {
            None => Ok(()),
            Some(cause) => Err(SessionFault::StreamBroken {
                after,
                cause: Box::new(cause),
            }),
        }
    }
}

fn flow(
    said: &Said,
    take: &mut (dyn FnMut(u16, &[u8]) -> ControlFlow<()> + Send),
) -> Result<Flow, SessionFault> {
    let step = Step::Stream;
    let packet = match (
        StreamPacket::decode(&said.octets),
        Answer::decode(&said.octets),
    ) {
        (Ok(packet), _) => packet,
        (Err(_), Ok(Answer::Refused(refusal))) => {
            return Err(SessionFault::Refused { step, refusal });
        }
        (Err(_), Ok(Answer::SignOff)) => return Err(SessionFault::SignedOff),
        (Err(_), Ok(Answer::NotAcknowledged)) => {
            return Err(SessionFault::NotAcknowledged { step });
        }
        (Err(fault), _) => return Err(SessionFault::Breach(fault)),
    };
    let has_enough = take(packet.number(), packet.data()).is_break();
    Ok(match packet.end() {
        BlockEnd::Last => Flow::Last,
        BlockEnd::More if has_enough => Flow::Enough,
        BlockEnd::More => Flow::More,
    })
}
