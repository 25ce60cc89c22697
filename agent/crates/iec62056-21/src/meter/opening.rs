//! From the sign-on to the session or the readout.

use std::time::Duration;

use super::limits::REPEAT_WAIT;
use super::machine::{Machine, Said, Session, State};
use super::settings::{HdlcSelect, Opening, OtherAddress, SignOnInSession};
use super::store::{Refused, Store};
use crate::codec::{
    Answer, Block, BlockEnd, DataLines, DataSet, MeterAddress, Mode, OptionSelect, Procedure,
    Purpose, Readout, SignOn,
};
use crate::limits::PAYLOAD_OCTETS_MAX;

impl<S: Store> Machine<S> {
    pub(super) fn sign_on(&mut self, sign_on: &SignOn, at: Duration) -> Option<Said> {
        self.rest();
        if !self.is_named(sign_on.address.as_ref()) {
            let refuses = self.settings.other_address == OtherAddress::Nak;
            return refuses.then(|| self.answer(&Answer::NotAcknowledged, at));
        }
        let identification = self.settings.identification.encode();
        let said = self.say(&identification, at);
        let reaction = self.settings.reaction;
        self.state = match self.settings.identification.mode() {
            Mode::A => State::WillReadOut {
                at: self.busy_until + reaction,
            },
            Mode::B(baud) => {
                let state = State::WillReadOut {
                    at: self.busy_until + reaction,
                };
                self.switch(baud.bits_per_second());
                state
            }
            Mode::C(_) | Mode::E(_) => State::Identified {
                until: self.busy_until + self.settings.select_wait,
            },
        };
        Some(said)
    }

    /// A sign-on while a session is open.
    pub(super) fn sign_on_in_session(&mut self, sign_on: &SignOn, at: Duration) -> Option<Said> {
        if !self.is_named(sign_on.address.as_ref()) {
            if self.settings.yields {
                self.rest();
            }
            return None;
        }
        match self.settings.sign_on_in_session {
            SignOnInSession::Restart => self.sign_on(sign_on, at),
            SignOnInSession::Silence => None,
            SignOnInSession::Nak => Some(self.answer(&Answer::NotAcknowledged, at)),
        }
    }

    pub(super) fn select(&mut self, select: OptionSelect, at: Duration) -> Option<Said> {
        if !matches!(self.state, State::Identified { .. }) {
            return None;
        }
        let offered = match self.settings.identification.mode() {
            Mode::C(baud) | Mode::E(baud) => baud,
            Mode::A | Mode::B(_) => return None,
        };
        let is_hdlc = select.procedure == Procedure::Hdlc;
        let offers_hdlc = matches!(self.settings.identification.mode(), Mode::E(_))
            && self.settings.hdlc != HdlcSelect::Refused;
        let stays = is_hdlc && self.settings.hdlc != HdlcSelect::Taken;
        let is_change = select.baud <= offered && select.baud != crate::codec::Baud::B300;
        if is_change && !stays {
            self.switch(select.baud.bits_per_second());
        }
        match (select.procedure, select.purpose) {
            (Procedure::Normal, Purpose::Readout) => Some(self.read_out_after(at)),
            (Procedure::Normal, Purpose::Programming) => Some(self.open(false, at)),
            (Procedure::Normal, Purpose::Maker6) if self.settings.has_streams => {
                Some(self.open(true, at))
            }
            (Procedure::Hdlc, _) if offers_hdlc => {
                let wait = self.settings.inactivity.unwrap_or(REPEAT_WAIT);
                self.state = State::Away { until: at + wait };
                None
            }
            _ => {
                let said = self.answer(&Answer::NotAcknowledged, at);
                self.rest();
                Some(said)
            }
        }
    }

    /// The readout, now; the meter rests if it has none.
    pub(super) fn read_out(&mut self, at: Duration) -> Option<Said> {
        let Some(frame) = self.readout_frame(at) else {
            self.rest();
            return None;
        };
        let said = self.say_unasked(&frame, at);
        self.state = State::ReadOut {
            until: self.busy_until + REPEAT_WAIT,
        };
        Some(said)
    }

    /// Mode D.
    pub(super) fn push(&mut self, at: Duration) -> Option<Said> {
        let push = self.settings.push?;
        self.next_push = Some(at + push.every);
        let frame = self.readout_frame(at)?;
        let line = self.settings.identification.encode();
        self.baud = push.baud.bits_per_second();
        let mut said = self.say_unasked(&line, at);
        let behind = self.say_unasked(&frame, self.busy_until);
        said.octets.extend(behind.octets);
        self.rest();
        Some(said)
    }

    fn read_out_after(&mut self, at: Duration) -> Said {
        let Some(frame) = self.readout_frame(at) else {
            let said = self.answer(&Answer::NotAcknowledged, at);
            self.rest();
            return said;
        };
        let said = self.say(&frame, at);
        self.state = State::ReadOut {
            until: self.busy_until + REPEAT_WAIT,
        };
        said
    }

    fn readout_frame(&mut self, at: Duration) -> Option<crate::codec::Frame> {
        let text = self.store.readout(at)?;
        let lines = DataLines::parse(&text).ok()?;
        Some(Readout::new(lines).ok()?.encode())
    }

    fn open(&mut self, has_streams: bool, at: Duration) -> Said {
        let seed = self.store.operand(at);
        self.state = State::Open(Session {
            seed,
            level: None,
            proven_at: at,
            has_streams,
            partial: None,
            stream: None,
        });
        let text = seed.text();
        let operand = DataSet::bare(&text).map(Answer::Operand);
        self.answer(&operand.unwrap_or(Answer::NotAcknowledged), at)
    }

    fn is_named(&self, address: Option<&MeterAddress>) -> bool {
        match (address, &self.settings.address) {
            (None, _) => self.settings.answers_empty,
            (Some(_), None) => true,
            (Some(asked), Some(own)) => asked.names_same(own),
        }
    }

    fn switch(&mut self, baud: u32) {
        if matches!(self.settings.opening, Opening::Negotiated(_)) {
            self.baud = baud;
        }
    }

    /// The text of an answer, in partial blocks where they are wanted.
    pub(super) fn say_text(&mut self, text: &str, in_parts: bool, at: Duration) -> Said {
        let most = if in_parts {
            self.settings.partial_chars.clamp(1, PAYLOAD_OCTETS_MAX)
        } else {
            PAYLOAD_OCTETS_MAX
        };
        let (part, rest) = text.split_at_checked(most).unwrap_or((text, ""));
        if !rest.is_empty() && !in_parts {
            return self.refuse(Refused::Failure, at);
        }
        let end = if rest.is_empty() {
            BlockEnd::Last
        } else {
            BlockEnd::More
        };
        let Ok(block) = Block::new(part, end) else {
            return self.refuse(Refused::Failure, at);
        };
        let rest = (!rest.is_empty()).then(|| rest.to_owned());
        let said = self.answer(&Answer::Data(block), at);
        if let State::Open(session) = &mut self.state {
            session.partial = rest;
        }
        said
    }
}
