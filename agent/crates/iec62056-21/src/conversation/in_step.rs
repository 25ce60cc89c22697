//! Probes: what proves that everything asked before is over.

use std::time::Duration;

use line::Line;

use super::fault::{SessionFault, Step};
use super::session::{Heard, Inquiry, Session};
use super::terms::Probe;
use crate::codec::{Command, DataSet, ExpectedAnswer, Packet, PacketRead};
use crate::limits::FLUSH_SILENCE;

impl<L: Line> Session<'_, L> {
    /// Proves by a probe that everything asked before is over.
    pub(super) async fn fall_in(&mut self) -> Result<(), SessionFault> {
        let mut refusals = None;
        let mut last = None;
        while let Some(probe) = self.track.probe(&self.terms.probes) {
            let inquiry = probe.inquiry()?;
            match self.ask_once(&inquiry, FLUSH_SILENCE).await? {
                Heard::Data(_) => {
                    self.track.answered();
                    return Ok(());
                }
                // It may be that of something older, and proves nothing.
                Heard::Refused(refusal) => {
                    if self.may_have_lapsed(&refusal) {
                        self.prove_again().await?;
                    }
                    refusals = Some(refusal);
                }
                Heard::Confirmed | Heard::NotAcknowledged => {}
                Heard::Missed(fault) => last = Some(fault),
            }
        }
        match (last, refusals) {
            (Some(fault), None) => Err(fault),
            (_, refusal) => Err(SessionFault::OutOfStep { refusal }),
        }
    }

    /// Puts a probe between two messages that say nothing of what they answer. Any answer to it
    /// will do: it stands between them.
    pub(super) async fn keep_apart(&mut self) -> Result<(), SessionFault> {
        if !self.track.said_little {
            return Ok(());
        }
        let Some(probe) = self.track.probe(&self.terms.probes) else {
            return Ok(());
        };
        let inquiry = probe.inquiry()?;
        match self.ask_once(&inquiry, Duration::ZERO).await? {
            Heard::Data(_) | Heard::Refused(_) => {
                self.track.answered();
                self.track.said_little = false;
                Ok(())
            }
            Heard::Confirmed | Heard::NotAcknowledged | Heard::Missed(_) => self.fall_in().await,
        }
    }
}

impl Probe {
    pub(super) fn inquiry(&self) -> Result<Inquiry, SessionFault> {
        let step = Step::Probe;
        let mark = self.mark();
        Ok(match self {
            Self::Packet { identity, octets } => {
                let read = PacketRead::new(Packet::new(*identity, 1)?, *octets)?;
                Inquiry {
                    step,
                    request: read.encode()?,
                    expected: read.expected(),
                    mark,
                }
            }
            Self::Set { form, address } => {
                let set = DataSet::new(address, "", None)?;
                Inquiry {
                    step,
                    request: Command::Read(*form, set).encode(),
                    expected: ExpectedAnswer::to_read_of(address),
                    mark,
                }
            }
        })
    }
}
