//! The frame that a request allows.

use line::{Find, Pattern, Shape, search};

use super::address::Address;
use super::control::Control;
use super::frame::{Frame, Seen, seen};
use super::{FLAG, next};

/// What may come, by its control octet. Everything else is not the answer, however right it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// To SNRM or DISC: UA or DM.
    Unnumbered,
    /// To information of this number: information, or a word that more is wanted or awaited.
    Numbered {
        /// The number that the other side sends next.
        receive: u8,
        /// The number that was sent last.
        sent: u8,
    },
    /// After RR, or within a window: information of this number, and what was sent is confirmed.
    Information {
        /// The number that the other side sends next.
        receive: u8,
        /// The number that this side sends next.
        send: u8,
    },
}

impl Awaited {
    fn allows(self, control: Control) -> bool {
        match (self, control) {
            (Self::Unnumbered, Control::UnnumberedAcknowledge | Control::DisconnectedMode) => true,
            (Self::Unnumbered, _) => false,
            // The link is gone, whatever was asked.
            (_, Control::DisconnectedMode | Control::FrameReject) => true,
            (
                Self::Numbered { receive, sent },
                Control::Information {
                    send,
                    receive: confirmed,
                    ..
                },
            ) => send == receive && confirmed == next(sent),
            (
                Self::Numbered { sent, .. },
                Control::ReceiveReady { receive, .. } | Control::ReceiveNotReady { receive, .. },
            ) => receive == next(sent) || receive == sent,
            (
                Self::Information { receive, send },
                Control::Information {
                    send: number,
                    receive: confirmed,
                    ..
                },
            ) => number == receive && confirmed == send,
            (
                Self::Information { send, .. },
                Control::ReceiveReady { receive, .. } | Control::ReceiveNotReady { receive, .. },
            ) => receive == send,
            _ => false,
        }
    }
}

/// The frame that is searched in what comes.
#[derive(Debug, Clone)]
pub struct ExpectedFrame {
    /// This side.
    pub own: Address,
    /// The other side.
    pub peer: Address,
    /// What may come.
    pub awaited: Awaited,
    /// Octets of the longest one.
    pub longest: usize,
}

impl ExpectedFrame {
    fn shape(&self, frame: Seen, flags: usize) -> Shape {
        let is_it = |frame: &Frame| {
            frame.destination == self.own
                && frame.source == self.peer
                && self.awaited.allows(frame.control)
        };
        match frame {
            Seen::Whole(len, frame) if is_it(&frame) => Shape::Whole(len + flags),
            Seen::Damaged(len, frame) if is_it(&frame) => Shape::Damaged(len + flags),
            Seen::Begun(_) => Shape::Begun,
            Seen::Whole(..) | Seen::Damaged(..) | Seen::Other => Shape::Other,
        }
    }
}

impl Pattern for ExpectedFrame {
    fn find(&self, heard: &[u8]) -> Find {
        // One flag may close a frame and open the next; the first frame has taken it.
        if heard.first().is_some_and(|first| first & 0xf0 == 0xa0)
            && let Shape::Whole(len) = self.shape(seen(heard), 1)
        {
            return Find::Found { at: 0, len };
        }
        search(heard, |rest| match rest {
            [FLAG, FLAG, ..] => Shape::Other,
            [FLAG, rest @ ..] => self.shape(seen(rest), 2),
            _ => Shape::Other,
        })
    }

    fn longest(&self) -> usize {
        self.longest
    }

    fn missing(&self, heard: &[u8]) -> usize {
        match heard {
            [FLAG, rest @ ..] => match seen(rest) {
                Seen::Begun(octets) if rest.len() >= 2 => octets,
                _ => 0,
            },
            _ => 0,
        }
    }
}
