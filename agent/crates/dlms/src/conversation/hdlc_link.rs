//! APDUs over HDLC: this side is the only master.

use std::sync::Arc;
use std::time::Duration;

use line::{Answer, Exchange, GuardedLine, Line, LineFault, Parting, Patience, Pattern, Peer};
use tokio::time::sleep;

use super::fault::{SessionFault, Step};
use super::terms::{Beginning, Terms};
use crate::hdlc::{
    Address, Awaited, Control, ExpectedFrame, FLAG, Frame, LLC_COMMAND, LLC_RESPONSE, Parameters,
    next,
};
use crate::limits::{
    APDU_OCTETS_MAX, DISCONNECT_DELAY, FRAME_OCTETS_MAX, INFORMATION_OCTETS_MAX, NOT_READY_MAX,
    NOT_READY_PAUSE, SEGMENTS_MAX,
};

/// A link with numbered frames.
///
/// A frame that is not answered, or whose answer is damaged, is sent again as it was. The meter
/// knows it by its number and repeats its answer; the numbers tell an answer that comes late from
/// any other one, too. What comes with other numbers is not looked at.
#[derive(Debug)]
pub(super) struct HdlcLink<'l, L> {
    line: &'l mut GuardedLine<L>,
    peer: Peer,
    own: Address,
    meter: Address,
    agreed: Parameters,
    /// The number of the next frame from here.
    send: u8,
    /// The number of the next frame from there.
    receive: u8,
    attempts: u8,
    patience: Patience,
    min_gap: Duration,
    beginning: Beginning,
    is_lost: bool,
}

impl<'l, L: Line> HdlcLink<'l, L> {
    pub(super) async fn open(
        line: &'l mut GuardedLine<L>,
        terms: &Terms,
        own: Address,
        meter: Address,
        offered: Parameters,
    ) -> Result<Self, SessionFault> {
        let mut link = Self {
            line,
            peer: terms.peer,
            own,
            meter,
            agreed: offered,
            send: 0,
            receive: 0,
            attempts: terms.attempts.get(),
            patience: terms.patience(),
            min_gap: terms.min_gap,
            beginning: terms.beginning,
            is_lost: false,
        };
        link.line.promise(Some(Parting {
            interruption: None,
            min_gap: terms.min_gap,
            octets: link.bare(Control::Disconnect).encode(),
            delay: DISCONNECT_DELAY,
            restore: match terms.beginning {
                Beginning::AtRest => None,
                Beginning::HandedOver { restore } => restore,
            },
            late: terms.response,
        }));
        let request = link.bare(Control::SetNormalResponseMode).with(&offered);
        let answer = link.insist(Step::Link, &request, Awaited::Unnumbered).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(fault) => {
                // A meter that is handed over has come to HDLC by now, whatever it says.
                let is_handed_over = terms.beginning != Beginning::AtRest;
                // A meter that has said nothing has nothing to be parted from.
                if is_handed_over || !matches!(fault, SessionFault::NoLink { .. }) {
                    drop(link.line.part().await);
                }
                if !is_handed_over {
                    link.line.promise(None);
                }
                return Err(fault);
            }
        };
        // What makes no sense is as good as not said: the defaults fit every meter.
        let said = Parameters::decode(&answer.information).unwrap_or_default();
        link.agreed = offered.agreed(&said);
        Ok(link)
    }

    pub(super) async fn exchange(
        &mut self,
        step: Step,
        apdu: &[u8],
    ) -> Result<Vec<u8>, SessionFault> {
        if self.is_lost {
            return Err(SessionFault::Over);
        }
        // If this is left half-way, the numbers are not known any more.
        self.is_lost = true;
        let message = [&LLC_COMMAND, apdu].concat();
        let octets = usize::from(self.agreed.transmit_octets.max(1));
        let mut segments = message.chunks(octets).peekable();
        let mut answer = None;
        while let Some(segment) = segments.next() {
            let is_segmented = segments.peek().is_some();
            let heard = self.send_numbered(step, segment, is_segmented).await?;
            if is_segmented && matches!(heard.control, Control::Information { .. }) {
                return Err(SessionFault::Unmatched { step });
            }
            answer = Some(heard);
        }
        let answer = answer.ok_or(SessionFault::Over)?;
        let message = self.collect(step, answer).await?;
        self.is_lost = false;
        match message.strip_prefix(&LLC_RESPONSE) {
            Some(apdu) => Ok(apdu.to_vec()),
            None => Err(SessionFault::Unmatched { step }),
        }
    }

    /// Sends information until the meter has confirmed it, by its answer or by a word.
    async fn send_numbered(
        &mut self,
        step: Step,
        information: &[u8],
        is_segmented: bool,
    ) -> Result<Frame, SessionFault> {
        let (receive, sent) = (self.receive, self.send);
        let control = Control::Information {
            send: sent,
            receive,
            is_final: true,
        };
        let frame = Frame {
            is_segmented,
            information: information.to_vec(),
            ..self.bare(control)
        };
        for _ in 0..NOT_READY_MAX {
            let awaited = Awaited::Numbered { receive, sent };
            let answer = self.insist(step, &frame, awaited).await?;
            match answer.control {
                Control::ReceiveReady { receive, .. }
                | Control::ReceiveNotReady { receive, .. }
                    if receive == sent =>
                {
                    sleep(NOT_READY_PAUSE).await;
                }
                _ => {
                    self.send = next(sent);
                    return Ok(answer);
                }
            }
        }
        Err(SessionFault::NotReady { step })
    }

    /// Gathers the segments of an answer, of which this is the first or a word about it.
    async fn collect(&mut self, step: Step, first: Frame) -> Result<Vec<u8>, SessionFault> {
        let mut message = Vec::new();
        let mut frame = first;
        let mut not_ready = 0;
        for _ in 0..SEGMENTS_MAX {
            let Control::Information { is_final, .. } = frame.control else {
                if not_ready == NOT_READY_MAX {
                    return Err(SessionFault::NotReady { step });
                }
                not_ready += 1;
                if matches!(frame.control, Control::ReceiveNotReady { .. }) || not_ready > 1 {
                    sleep(NOT_READY_PAUSE).await;
                }
                frame = self.poll(step).await?;
                continue;
            };
            self.receive = next(self.receive);
            message.extend_from_slice(&frame.information);
            if message.len() > APDU_OCTETS_MAX + LLC_RESPONSE.len() {
                break;
            }
            frame = match (frame.is_segmented, is_final) {
                (false, _) => return Ok(message),
                (true, true) => self.poll(step).await?,
                (true, false) => self.hear(step).await?,
            };
        }
        Err(SessionFault::TooLong {
            step,
            part: "the answer",
            most: APDU_OCTETS_MAX,
        })
    }

    /// Confirms what came, and asks for more.
    async fn poll(&mut self, step: Step) -> Result<Frame, SessionFault> {
        let control = Control::ReceiveReady {
            receive: self.receive,
            is_final: true,
        };
        let frame = self.bare(control);
        self.insist(step, &frame, self.information()).await
    }

    /// The next frame of a window; if it does not come, what is missing is asked for again.
    async fn hear(&mut self, step: Step) -> Result<Frame, SessionFault> {
        let pattern = self.pattern(self.information());
        match self.line.hear(self.peer, &pattern, self.patience).await {
            Ok(answer) => open_frame(step, &answer),
            Err(LineFault::Silent { .. } | LineFault::Damaged { .. }) => self.poll(step).await,
            Err(fault) => Err(SessionFault::Line { step, fault }),
        }
    }

    /// Sends a frame, again if need be, until there is an answer.
    async fn insist(
        &mut self,
        step: Step,
        frame: &Frame,
        awaited: Awaited,
    ) -> Result<Frame, SessionFault> {
        let request = frame.encode();
        let answer = self.pattern(awaited);
        let mut left = self.attempts;
        loop {
            left = left.saturating_sub(1);
            let exchange = Exchange {
                peer: self.peer,
                min_gap: self.min_gap,
                request: &request,
                answer: Arc::clone(&answer),
                patience: Some(self.patience),
                then: None,
            };
            match self.line.carry_out(&exchange).await {
                Ok(answer) => return open_frame(step, &answer),
                Err(LineFault::Silent { .. } | LineFault::Damaged { .. }) if left > 0 => {}
                Err(fault) => return Err(SessionFault::Line { step, fault }),
            }
        }
    }

    fn information(&self) -> Awaited {
        Awaited::Information {
            receive: self.receive,
            send: self.send,
        }
    }

    fn pattern(&self, awaited: Awaited) -> Arc<dyn Pattern> {
        // Some meters send more than they agreed to.
        let information = self.agreed.receive_octets.max(INFORMATION_OCTETS_MAX);
        Arc::new(ExpectedFrame {
            own: self.own,
            peer: self.meter,
            awaited,
            longest: usize::from(information).min(FRAME_OCTETS_MAX) + 2,
        })
    }

    fn bare(&self, control: Control) -> Frame {
        Frame::bare(self.meter, self.own, control)
    }

    /// Closes the link. One that does not answer is left to its own inactivity.
    pub(super) async fn close(&mut self) -> Result<(), SessionFault> {
        let frame = self.bare(Control::Disconnect);
        let outcome = self.insist(Step::Link, &frame, Awaited::Unnumbered).await;
        match outcome {
            Ok(_) | Err(SessionFault::NoLink { .. }) => self.set_back().await,
            Err(fault) => Err(fault),
        }
    }

    /// The meter has gone: only the line is left to be set as it was.
    async fn set_back(&mut self) -> Result<(), SessionFault> {
        if let Beginning::HandedOver {
            restore: Some(settings),
        } = self.beginning
        {
            let step = Step::Link;
            let set = self.line.set(settings).await;
            set.map_err(|fault| SessionFault::Line { step, fault })?;
        }
        self.line.promise(None);
        Ok(())
    }
}

fn open_frame(step: Step, answer: &Answer) -> Result<Frame, SessionFault> {
    let octets = answer.bytes.as_slice();
    let octets = octets.strip_prefix(&[FLAG]).unwrap_or(octets);
    let octets = octets.strip_suffix(&[FLAG]).unwrap_or(octets);
    let frame = Frame::decode(octets).map_err(|_| SessionFault::Unmatched { step })?;
    match frame.control {
        Control::DisconnectedMode | Control::FrameReject => Err(SessionFault::NoLink { step }),
        _ => Ok(frame),
    }
}
