//! Programming mode: commands, partial blocks, data streams.

use std::time::Duration;

use super::limits::STREAM_PACKETS_MAX;
use super::machine::{Machine, Said, State, Stream};
use super::settings::{Dialect, ParityBy};
use super::store::{Refused, Store};
use crate::codec::{
    Answer, BlockEnd, Command, DataSet, DecodeFault, Form, Packet, PacketRead, Request,
    StreamPacket, hex_of, octets_of,
};
use crate::limits::STREAM_DATA_OCTETS_MAX;

impl<S: Store> Machine<S> {
    pub(super) fn take_in_session(
        &mut self,
        request: Result<Request<'_>, DecodeFault>,
        spoiled: bool,
        at: Duration,
    ) -> Option<Said> {
        let State::Open(session) = &mut self.state else {
            return None;
        };
        if session.stream.is_some() {
            if request == Ok(Request::Abort) {
                session.stream = None;
            }
            return None;
        }
        match request {
            Ok(Request::Command(Command::SignOff | Command::FastSignOff)) => {
                self.rest();
                None
            }
            _ if spoiled => Some(self.answer(&Answer::NotAcknowledged, at)),
            Ok(Request::SignOn(sign_on)) => self.sign_on_in_session(&sign_on, at),
            Ok(Request::Command(command)) => {
                session.partial = None;
                self.command(&command, at)
            }
            Ok(Request::Next) => {
                let text = session.partial.take()?;
                Some(self.say_text(&text, true, at))
            }
            Ok(Request::Again) => self.repeat(at),
            Ok(Request::Abort | Request::Select(_)) => None,
            Err(DecodeFault::Unknown { .. }) => Some(self.refuse(Refused::Command, at)),
            Err(_) => Some(self.answer(&Answer::NotAcknowledged, at)),
        }
    }

    fn command(&mut self, command: &Command<'_>, at: Duration) -> Option<Said> {
        let said = match command {
            Command::PlainPassword(password) => return self.plain_password(password, at),
            Command::PasswordAnswer(answer) => return self.password_answer(answer, at),
            Command::SignOff | Command::FastSignOff => return None,
            Command::Read(form, set) => match self.read(*form, *set, at) {
                Ok(text) => self.say_text(&text, form.is_partial(), at),
                Err(refused) => self.refuse(refused, at),
            },
            Command::Write(form, set) => {
                let outcome = self.write(*form, *set, at);
                self.confirm(outcome, at)
            }
            Command::Execute(set) => {
                let level = self.valid_level(at);
                let outcome = level.and_then(|level| self.store.execute(*set, level, at));
                self.confirm(outcome, at)
            }
            Command::ReadStream(set) => return self.begin_stream(*set, at),
        };
        Some(said)
    }

    fn confirm(&mut self, outcome: Result<(), Refused>, at: Duration) -> Said {
        match outcome {
            Ok(()) => self.answer(&Answer::Acknowledged, at),
            Err(refused) => self.refuse(refused, at),
        }
    }

    fn read(&mut self, form: Form, set: DataSet<'_>, at: Duration) -> Result<String, Refused> {
        let level = self.valid_level(at)?;
        if !(form == Form::Plain && self.settings.dialect == Dialect::Elster) {
            return self.store.read_set(form, set, level, at);
        }
        match (PacketRead::parse(&set), Packet::parse(set.address())) {
            (Some(asked), _) => {
                let octets = self.store.read(asked, level, at)?;
                Ok(format!("({})", hex_of(&octets)))
            }
            (None, Some(_)) => Err(Refused::Packet),
            (None, None) => Err(Refused::Identity),
        }
    }

    fn write(&mut self, form: Form, set: DataSet<'_>, at: Duration) -> Result<(), Refused> {
        let level = self.valid_level(at)?;
        if !(form == Form::Plain && self.settings.dialect == Dialect::Elster) {
            return self.store.write_set(form, set, level, at);
        }
        let packet = Packet::parse(set.address()).ok_or(Refused::Identity)?;
        // One source writes a single digit to reset an AS230.
        let digits = match set.value() {
            digit if digit.len() == 1 => format!("0{digit}"),
            digits => digits.to_owned(),
        };
        let octets = octets_of(&digits).map_err(|_| Refused::Failure)?;
        self.store.write(packet, &octets, level, at)
    }

    fn begin_stream(&mut self, set: DataSet<'_>, at: Duration) -> Option<Said> {
        let begun = self.stream_of(set, at);
        match begun {
            Err(refused) => Some(self.refuse(refused, at)),
            Ok(stream) => {
                self.busy_until = at + self.settings.reaction;
                if let State::Open(session) = &mut self.state {
                    session.stream = Some(stream);
                }
                None
            }
        }
    }

    fn stream_of(&mut self, set: DataSet<'_>, at: Duration) -> Result<Stream, Refused> {
        let level = self.valid_level(at)?;
        let State::Open(session) = &self.state else {
            return Err(Refused::Command);
        };
        // Seven bits cannot carry it.
        if !session.has_streams || self.settings.parity == ParityBy::Port {
            return Err(Refused::Command);
        }
        let from = Packet::parse(set.address()).ok_or(Refused::Identity)?;
        let blocks = u32::from_str_radix(set.value(), 16);
        // No count and a count of zero ask for all there is.
        let left = match blocks {
            Ok(0) => STREAM_PACKETS_MAX,
            Err(_) if set.value().is_empty() => STREAM_PACKETS_MAX,
            Ok(blocks) if blocks <= STREAM_PACKETS_MAX => blocks,
            _ => return Err(Refused::Packet),
        };
        let first = self.store.stream(from, 0, level, at)?;
        if first.is_none_or(|octets| octets.is_empty()) {
            return Err(Refused::Packet);
        }
        Ok(Stream {
            from,
            next: 0,
            left,
        })
    }

    /// The next packet of the stream; its last one says so.
    pub(super) fn next_of_stream(&mut self, at: Duration) -> Option<Said> {
        let level = self.valid_level(at);
        let State::Open(session) = &mut self.state else {
            return None;
        };
        let mut stream = session.stream.take()?;
        let mut block = |index| {
            let level = level.ok()?;
            let octets = self.store.stream(stream.from, index, level, at).ok()??;
            (1..=STREAM_DATA_OCTETS_MAX)
                .contains(&octets.len())
                .then_some(octets)
        };
        let octets = block(stream.next)?;
        let more = stream.left > 1 && block(stream.next + 1).is_some();
        let end = if more { BlockEnd::More } else { BlockEnd::Last };
        stream.next += 1;
        stream.left -= 1;
        let [low, high, ..] = stream.next.to_le_bytes();
        let number = u16::from_le_bytes([low, high]);
        let frame = StreamPacket::new(number, &octets, end).ok()?.encode();
        if more && let State::Open(session) = &mut self.state {
            session.stream = Some(stream);
        }
        Some(self.say_raw(frame, at))
    }
}
