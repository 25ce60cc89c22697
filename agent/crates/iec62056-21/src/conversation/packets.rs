//! Reads and writes of Elster identities, in packets.

use std::time::Duration;

use line::Line;

use super::fault::{SessionFault, Step};
use super::session::{Answered, Heard, Inquiry, Session};
use super::track::Mark;
use super::voice::Said;
use crate::codec::{
    Answer, Command, DataSet, DecodeFault, ExpectedAnswer, Form, Frame, Packet, PacketRead,
    octets_of,
};
use crate::limits::PACKET_OCTETS_MAX;

impl<L: Line> Session<'_, L> {
    /// Reads the first octets of a packet, at most 64.
    pub async fn read_packet(
        &mut self,
        identity: u16,
        packet: u16,
        octets: u8,
    ) -> Result<Answered, SessionFault> {
        let read = PacketRead::new(Packet::new(identity, packet)?, octets)?;
        let inquiry = Inquiry {
            step: Step::Read,
            request: read.encode()?,
            expected: read.expected(),
            mark: Mark::Octets(octets),
        };
        let said = self.inquire(&inquiry).await?;
        answered(&said)
    }

    /// Reads so many octets of an identity, in packets of 64 and a rest.
    pub async fn read_identity(
        &mut self,
        identity: u16,
        first_packet: u16,
        octets: usize,
    ) -> Result<Answered, SessionFault> {
        let mut whole: Option<Answered> = None;
        let mut packet = first_packet;
        let mut left = octets;
        loop {
            let length = u8::try_from(left).unwrap_or(u8::MAX).min(PACKET_OCTETS_MAX);
            let part = self.read_packet(identity, packet, length).await?;
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => {
                    whole.data.extend(part.data);
                    whole.arrived_at = part.arrived_at;
                }
            }
            left -= usize::from(length);
            packet += 1;
            if left == 0 {
                break;
            }
        }
        whole.ok_or(SessionFault::Breach(DecodeFault::Incomplete))
    }

    /// Writes these octets; there may be none.
    ///
    /// It is never repeated: where the confirmation does not come, the fault says that it is not
    /// known whether the meter has written.
    pub async fn write_packet(
        &mut self,
        identity: u16,
        packet: u16,
        data: &[u8],
    ) -> Result<(), SessionFault> {
        let request = Packet::new(identity, packet)?.write(data)?;
        let set = DataSet::bare("")?;
        let command = Command::Write(Form::Plain, set);
        self.confirm(request, ExpectedAnswer::to_command(&command))
            .await
    }

    /// Sends what the meter confirms, once.
    pub(super) async fn confirm(
        &mut self,
        request: Frame,
        expected: Option<ExpectedAnswer>,
    ) -> Result<(), SessionFault> {
        let Some(expected) = expected else {
            return Ok(());
        };
        let inquiry = Inquiry {
            step: Step::Write,
            request,
            expected,
            mark: Mark::Nothing,
        };
        let mut may_renew = true;
        loop {
            self.make_ready().await?;
            self.keep_apart().await?;
            let heard = self.ask_once(&inquiry, Duration::ZERO).await;
            match heard.map_err(unknown)? {
                Heard::Confirmed | Heard::Data(_) => {
                    self.track.answered();
                    return Ok(());
                }
                Heard::Refused(refusal) => {
                    self.track.answered();
                    if !(may_renew && self.may_have_lapsed(&refusal)) {
                        let step = Step::Write;
                        return Err(SessionFault::Refused { step, refusal });
                    }
                    // What was refused was not done, and may be asked again.
                    may_renew = false;
                    self.renew().await?;
                }
                Heard::NotAcknowledged => {
                    let step = Step::Write;
                    return Err(unknown(SessionFault::NotAcknowledged { step }));
                }
                Heard::Missed(fault) => return Err(unknown(fault)),
            }
        }
    }
}

fn unknown(cause: SessionFault) -> SessionFault {
    SessionFault::WriteUnknown {
        cause: Box::new(cause),
    }
}

/// The octets of a data set in hexadecimal.
fn answered(said: &Said) -> Result<Answered, SessionFault> {
    let Answer::Data(block) = Answer::decode(&said.octets)? else {
        return Err(SessionFault::Breach(DecodeFault::Incomplete));
    };
    let set = DataSet::parse(block.payload())?;
    Ok(Answered {
        data: octets_of(set.value())?,
        left_at: said.left_at,
        arrived_at: said.arrived_at,
    })
}
