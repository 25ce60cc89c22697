//! One request and its answer, in octets of seven bits.

use std::sync::Arc;
use std::time::Duration;

use line::{
    Exchange, GuardedLine, Line, LineFault, LineSettings, Parting, Patience, Pattern, Peer,
};
use tokio::time::Instant;

use super::fault::{Garble, SessionFault, Step};
use super::pattern::{Characters, StreamOctets};
use super::terms::{ParityBy, Terms};
use crate::codec::{Command, ExpectedAnswer, Frame};
use crate::limits::{
    ANSWER_TIME_MAX, FAILED_OPENING_DELAY, MARKED_SILENCE, REACTION_TIME_MIN, READOUT_TIME_MAX,
};

/// Speaks to one meter over a guarded line.
#[derive(Debug)]
pub(super) struct Voice<'l, L> {
    pub(super) line: &'l mut GuardedLine<L>,
    pub(super) peer: Peer,
    pub(super) parity: ParityBy,
    /// Silence before each request.
    pub(super) gap: Duration,
    reaction_max: Duration,
    character_gap_max: Duration,
    restore: Option<LineSettings>,
}

/// One request.
pub(super) struct Asked<'a> {
    pub(super) step: Step,
    pub(super) request: &'a Frame,
    pub(super) expected: ExpectedAnswer,
    /// How the line is set when the request has left.
    pub(super) then: Option<LineSettings>,
    /// So much longer than usual the answer is waited for.
    pub(super) longer: Duration,
    /// At least so much silence before the request.
    pub(super) gap_min: Duration,
    /// When others want the line back, if an answer is not waited for beyond that.
    pub(super) until: Option<Until>,
}

/// When a session's time is up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until {
    pub(super) at: Instant,
    /// The meter has said nothing to the last request.
    pub(super) is_mute: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn new(step: Step, request: &'a Frame, expected: ExpectedAnswer) -> Self {
        Self {
            step,
            request,
            expected,
            then: None,
            longer: Duration::ZERO,
            gap_min: Duration::ZERO,
            until: None,
        }
    }
}

/// A whole message of the meter, in seven bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) octets: Vec<u8>,
    pub(super) left_at: Instant,
    pub(super) arrived_at: Instant,
}

impl<'l, L: Line> Voice<'l, L> {
    pub(super) fn new(line: &'l mut GuardedLine<L>, terms: &Terms) -> Self {
        Self {
            line,
            peer: terms.peer,
            parity: terms.parity,
            gap: terms.gap.unwrap_or(REACTION_TIME_MIN),
            reaction_max: terms.reaction_max,
            character_gap_max: terms.character_gap_max,
            restore: terms.restore,
        }
    }

    /// How an answer is waited for.
    pub(super) fn patience(&self, expected: &ExpectedAnswer, longer: Duration) -> Patience {
        let longest = if expected.waits_for_silence() {
            READOUT_TIME_MAX
        } else {
            ANSWER_TIME_MAX
        };
        Patience {
            floor: self.reaction_max + longer,
            ceiling: self.reaction_max * 2 + longer,
            character_gap: self.character_gap_max,
            longest,
            quiet: MARKED_SILENCE,
        }
    }

    fn pattern(&self, step: Step, expected: ExpectedAnswer) -> Arc<dyn Pattern> {
        let parity = self.parity;
        match step {
            Step::Stream => Arc::new(StreamOctets { expected, parity }),
            _ => Arc::new(Characters { expected, parity }),
        }
    }

    /// Asks once.
    pub(super) async fn ask(&mut self, asked: Asked<'_>) -> Result<Said, SessionFault> {
        let Asked { step, request, .. } = asked;
        let min_gap = self.gap.max(asked.gap_min);
        self.line.await_silence(min_gap).await?;
        if step != Step::SignOn && self.has_signed_off() {
            return Err(SessionFault::SignedOff);
        }
        let octets = self.parity.sent(request.octets());
        let patience = self.patience(&asked.expected, asked.longer);
        let patience = begun_by(patience, asked.until);
        let exchange = Exchange {
            peer: self.peer,
            min_gap,
            request: &octets,
            answer: self.pattern(step, asked.expected),
            patience: Some(patience),
            then: asked.then,
        };
        let echoed = self.line.counters().echo_octets;
        let answer = self.line.carry_out(&exchange).await;
        let echoes = self.line.counters().echo_octets > echoed;
        answer
            .map(|answer| self.said(step, answer))
            .map_err(|fault| self.fault(step, fault, echoes))
    }

    /// Waits for a message that nothing was asked for.
    pub(super) async fn hear(
        &mut self,
        step: Step,
        expected: ExpectedAnswer,
        until: Option<Until>,
    ) -> Result<Said, SessionFault> {
        let patience = begun_by(self.patience(&expected, Duration::ZERO), until);
        let answer = self.pattern(step, expected);
        let answer = self.line.hear(self.peer, &answer, patience).await;
        answer
            .map(|answer| self.said(step, answer))
            .map_err(|fault| self.fault(step, fault, false))
    }

    fn said(&self, step: Step, answer: line::Answer) -> Said {
        let line::Answer {
            bytes,
            left_at,
            arrived_at,
        } = answer;
        let octets = match step {
            // A packet has eight bits; what a meter says instead is understood in seven.
            Step::Stream if !is_word(&bytes) => bytes,
            _ => self.parity.received(&bytes).into_owned(),
        };
        Said {
            octets,
            left_at,
            arrived_at,
        }
    }

    fn fault(&self, step: Step, fault: LineFault, echoes: bool) -> SessionFault {
        match fault {
            LineFault::Silent { heard: 0, .. } if echoes => SessionFault::EchoOnly { step },
            LineFault::Silent { waited, heard: 0 } => SessionFault::Nothing { step, waited },
            LineFault::Silent { heard, .. } => self.garbled(step, heard),
            LineFault::Damaged { octets } => self.garbled(step, octets),
            fault => SessionFault::Line(fault),
        }
    }

    fn garbled(&self, step: Step, octets: usize) -> SessionFault {
        let garble = Garble::of(&self.misheard(), self.parity);
        SessionFault::Garbled {
            step,
            garble: Garble {
                octets: octets.max(garble.octets),
                ..garble
            },
        }
    }

    /// What the last exchange heard and could not use, as it came.
    pub(super) fn misheard(&self) -> Vec<u8> {
        [self.line.damaged(), self.line.unused()].concat()
    }

    /// Whether the meter has ended the conversation unasked.
    pub(super) fn has_signed_off(&self) -> bool {
        let sign_off = Command::SignOff.encode();
        let heard = self.parity.received(self.line.unused());
        let mut places = heard.windows(sign_off.octets().len());
        places.any(|window| window == sign_off.octets())
    }

    /// Promises a sign-off, and how the line is left.
    pub(super) fn promise(&mut self, leaving: Leaving) {
        let parting = self.parting(leaving);
        self.line.promise(Some(parting));
    }

    fn parting(&self, leaving: Leaving) -> Parting {
        let (delay, restore, late) = match leaving {
            Leaving::InStep => (self.gap, self.restore, Duration::ZERO),
            Leaving::OutOfStep => (self.gap, self.restore, self.reaction_max * 2),
            Leaving::ToTryAgain(settings) => (FAILED_OPENING_DELAY, settings, Duration::ZERO),
        };
        Parting {
            interruption: None,
            min_gap: self.gap,
            octets: self.parity.sent(Command::SignOff.encode().octets()),
            delay,
            restore,
            late,
        }
    }

    /// The same while the meter sends a data stream: it has to be made to stop before.
    pub(super) fn promise_to_interrupt(&mut self, interruption: line::Interruption) {
        let parting = Parting {
            interruption: Some(interruption),
            ..self.parting(Leaving::OutOfStep)
        };
        self.line.promise(Some(parting));
    }
}

/// How a conversation leaves the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Everything that was asked has been answered.
    InStep,
    /// Something may still be answered.
    OutOfStep,
    /// For another opening, with the line set so.
    ToTryAgain(Option<LineSettings>),
}

/// An answer may begin until then, and as much later as this meter commonly thinks; one that has
/// begun is heard to its end. A meter that has just said nothing is not waited for any longer.
fn begun_by(patience: Patience, until: Option<Until>) -> Patience {
    let Some(until) = until else {
        return patience;
    };
    let left = until.at.saturating_duration_since(Instant::now());
    Patience {
        floor: patience.floor.min(left),
        ceiling: if until.is_mute {
            patience.ceiling.min(left)
        } else {
            patience.ceiling
        },
        ..patience
    }
}

/// Whether octets that answer a request for a data stream are a message of characters. The packet
/// that begins like a refusal has the number 17704, which no stream reaches.
fn is_word(octets: &[u8]) -> bool {
    let mut seven = octets.iter().map(|octet| octet & 0x7f);
    let [first, second, third] = [seven.next(), seven.next(), seven.next()];
    match (first, second, third) {
        (Some(0x02), Some(b'('), Some(b'E')) => true,
        (Some(0x02), ..) => false,
        _ => true,
    }
}
