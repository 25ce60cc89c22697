//! A meter on an HDLC line.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::device::Device;
use super::settings::LinkSettings;
use super::store::Store;
use crate::hdlc::{
    Address, Control, FLAG, Frame, LLC_COMMAND, LLC_RESPONSE, Parameters, Seen, next, seen,
};
use crate::limits::{APDU_OCTETS_MAX, FRAME_OCTETS_MAX};

/// What a meter sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// From the last octet of the request to the first of the answer.
    pub after: Duration,
    /// One frame after the other.
    pub octets: Vec<u8>,
}

/// An open link.
struct Link {
    client: Address,
    own: Address,
    agreed: Parameters,
    /// The number of the frame at the front of what is to be sent.
    first: u8,
    /// The number that is awaited.
    receive: u8,
    /// What has come of a message.
    incoming: Vec<u8>,
    /// Segments to be sent, those that were sent and not confirmed included.
    outgoing: VecDeque<Vec<u8>>,
    /// How many of them were sent.
    unconfirmed: usize,
    active_at: Duration,
}

/// A meter on a line, without the line.
pub struct Station<S> {
    settings: LinkSettings,
    device: Device<S>,
    heard: Vec<u8>,
    heard_at: Duration,
    link: Option<Link>,
}

impl<S> fmt::Debug for Station<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Station")
            .field("is_linked", &self.link.is_some())
            .finish_non_exhaustive()
    }
}

impl<S: Store> Station<S> {
    /// A meter that has just been powered, at time zero.
    pub fn new(settings: LinkSettings, device: Device<S>) -> Self {
        Self {
            settings,
            device,
            heard: Vec::new(),
            heard_at: Duration::ZERO,
            link: None,
        }
    }

    /// What is above the link.
    pub fn device(&self) -> &Device<S> {
        &self.device
    }

    /// What is above the link.
    pub fn device_mut(&mut self) -> &mut Device<S> {
        &mut self.device
    }

    /// Whether a client has a link.
    pub fn is_linked(&self) -> bool {
        self.link.is_some()
    }

    /// The power came back: no link is left.
    pub fn restart(&mut self) {
        self.drop_link();
        self.heard.clear();
    }

    /// When the link is given up if nothing is heard.
    pub fn due(&self) -> Option<Duration> {
        let link = self.link.as_ref()?;
        Some(link.active_at + self.settings.inactivity)
    }

    /// Does what is due by now.
    pub fn wake(&mut self, at: Duration) {
        if self.due().is_some_and(|due| due <= at) {
            self.drop_link();
        }
    }

    fn drop_link(&mut self) {
        if let Some(link) = self.link.take() {
            self.device.drop_client(link.client.logical());
        }
    }

    /// Takes an octet whose last bit arrived at this time.
    pub fn hear(&mut self, octet: u8, at: Duration) -> Option<Said> {
        self.wake(at);
        if at.saturating_sub(self.heard_at) > self.settings.inter_octet {
            self.heard.clear();
        }
        self.heard_at = at;
        if self.heard.is_empty() && octet != FLAG {
            return None;
        }
        self.heard.push(octet);
        if octet != FLAG || self.heard.len() == 1 {
            if self.heard.len() > FRAME_OCTETS_MAX + 2 {
                self.heard.clear();
            }
            return None;
        }
        let frame = match seen(self.heard.get(1..).unwrap_or_default()) {
            Seen::Whole(_, frame) => frame,
            Seen::Begun(_) if self.heard.len() > 2 => return None,
            // This flag may be the one that opens a frame.
            Seen::Begun(_) | Seen::Damaged(..) | Seen::Other => {
                self.heard = vec![FLAG];
                return None;
            }
        };
        self.heard = vec![FLAG];
        let octets = self.take(&frame, at)?;
        let after = self.settings.reaction;
        Some(Said { after, octets })
    }

    fn take(&mut self, frame: &Frame, at: Duration) -> Option<Vec<u8>> {
        if !self.settings.addresses.contains(&frame.destination) {
            return None;
        }
        let bare = |control| Frame::bare(frame.source, frame.destination, control);
        match frame.control {
            Control::SetNormalResponseMode => return self.open(frame, at),
            Control::Disconnect => {
                let is_mine = self
                    .link
                    .as_ref()
                    .is_some_and(|link| link.client == frame.source);
                if !is_mine {
                    return Some(bare(Control::DisconnectedMode).encode());
                }
                self.drop_link();
                return Some(bare(Control::UnnumberedAcknowledge).encode());
            }
            _ => {}
        }
        let is_mine =
            |link: &&mut Link| link.client == frame.source && link.own == frame.destination;
        let Some(link) = self.link.as_mut().filter(is_mine) else {
            let is_final = frame.control.is_final();
            return is_final.then(|| bare(Control::DisconnectedMode).encode());
        };
        link.active_at = at;
        match frame.control {
            Control::Information {
                send,
                receive,
                is_final,
            } => {
                link.confirm(receive);
                if send != link.receive {
                    // A copy: what it brought is repeated.
                    return is_final.then(|| link.transmit());
                }
                link.receive = next(link.receive);
                link.outgoing.clear();
                link.unconfirmed = 0;
                link.first = receive;
                link.incoming.extend_from_slice(&frame.information);
                if link.incoming.len() > APDU_OCTETS_MAX {
                    link.incoming.clear();
                    return Some(bare(Control::FrameReject).encode());
                }
                if !frame.is_segmented {
                    let message = std::mem::take(&mut link.incoming);
                    let client = link.client.logical();
                    let apdu = message.strip_prefix(&LLC_COMMAND)?;
                    let answer = self.device.take(client, apdu, at)?;
                    self.link.as_mut()?.load(&answer);
                }
                let link = self.link.as_mut()?;
                is_final.then(|| link.transmit())
            }
            Control::ReceiveReady { receive, is_final } => {
                link.confirm(receive);
                is_final.then(|| link.transmit())
            }
            Control::ReceiveNotReady { receive, .. } => {
                link.confirm(receive);
                Some(link.word())
            }
            _ => None,
        }
    }

    fn open(&mut self, frame: &Frame, at: Duration) -> Option<Vec<u8>> {
        let (client, own) = (frame.source, frame.destination);
        let is_known = |known: &super::Client| known.address == client.logical();
        if !self.device.settings.clients.iter().any(is_known) {
            return Some(Frame::bare(client, own, Control::DisconnectedMode).encode());
        }
        let said = Parameters::decode(&frame.information)?;
        self.drop_link();
        let agreed = self.settings.parameters.agreed(&said);
        self.link = Some(Link {
            client,
            own,
            agreed,
            first: 0,
            receive: 0,
            incoming: Vec::new(),
            outgoing: VecDeque::new(),
            unconfirmed: 0,
            active_at: at,
        });
        let answer = Frame::bare(client, own, Control::UnnumberedAcknowledge);
        Some(answer.with(&agreed).encode())
    }
}

impl Link {
    /// Takes an answer to be sent.
    fn load(&mut self, apdu: &[u8]) {
        let message = [&LLC_RESPONSE, apdu].concat();
        let octets = usize::from(self.agreed.transmit_octets.max(1));
        self.outgoing = message.chunks(octets).map(<[u8]>::to_vec).collect();
        self.unconfirmed = 0;
    }

    /// The client has all frames before this number.
    fn confirm(&mut self, receive: u8) {
        let count = usize::from(receive.wrapping_sub(self.first) & 7);
        if count <= self.unconfirmed {
            self.outgoing.drain(..count);
            self.unconfirmed -= count;
            self.first = receive & 7;
        }
    }

    /// The frames of a window, from the first that is not confirmed; a word if there is nothing.
    fn transmit(&mut self) -> Vec<u8> {
        let window = usize::from(self.agreed.transmit_window).max(1);
        let count = window.min(self.outgoing.len());
        if count == 0 {
            return self.word();
        }
        self.unconfirmed = count;
        let mut number = self.first;
        let mut octets = Vec::new();
        for (place, information) in self.outgoing.iter().take(count).enumerate() {
            let frame = Frame {
                destination: self.client,
                source: self.own,
                control: Control::Information {
                    send: number,
                    receive: self.receive,
                    is_final: place + 1 == count,
                },
                is_segmented: place + 1 < self.outgoing.len(),
                information: information.clone(),
            };
            octets.extend(frame.encode());
            number = next(number);
        }
        octets
    }

    fn word(&self) -> Vec<u8> {
        let control = Control::ReceiveReady {
            receive: self.receive,
            is_final: true,
        };
        Frame::bare(self.client, self.own, control).encode()
    }
}
