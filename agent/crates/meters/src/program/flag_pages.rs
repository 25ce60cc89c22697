//! A FLAG meter with numbered identities as places.

use super::fault::PageFault;
use super::pages::{Confirmation, MeterIdentity, Pages};
use super::place::Place;
use crate::catalogue::flag::IdentityWhat;
use crate::flag::{Visit, VisitFault};
use iec62056_21::conversation::SessionFault;
use line::Line;
use std::fmt;

/// A session with a FLAG meter whose password was proven.
pub struct FlagPages<'v, 'l, 'm, L> {
    visit: &'v mut Visit<'l, 'm, L>,
}

impl<L> fmt::Debug for FlagPages<'_, '_, '_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlagPages").finish_non_exhaustive()
    }
}

impl<'v, 'l, 'm, L: Line> FlagPages<'v, 'l, 'm, L> {
    /// In a session that its owner has begun and will end.
    pub fn new(visit: &'v mut Visit<'l, 'm, L>) -> Self {
        Self { visit }
    }

    async fn text(&mut self, what: IdentityWhat) -> Result<Option<String>, PageFault> {
        let (model, variant) = (self.visit.model(), self.visit.variant());
        let Some(row) = model.identity_that_tells(&variant.id, what) else {
            return Ok(None);
        };
        let raw = match self.visit.read(row, 0).await.map_err(heard) {
            Ok(raw) => raw,
            Err(PageFault::Refused(_)) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let text = String::from_utf8_lossy(&raw.octets);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        Ok(Some(text.to_owned()))
    }
}

/// A refusal leaves the session; anything else ends it.
fn heard(fault: VisitFault) -> PageFault {
    match fault.refusal() {
        Some(refusal) => PageFault::Refused(format!("the meter refuses: {refusal}")),
        None => PageFault::Flag(fault),
    }
}

impl<L: Line> Pages for FlagPages<'_, '_, '_, L> {
    async fn identity(&mut self) -> Result<MeterIdentity, PageFault> {
        let serial = self.text(IdentityWhat::Serial).await?;
        let firmware = self.text(IdentityWhat::Firmware).await?;
        let device = self.visit.identification();
        Ok(MeterIdentity {
            model: self.visit.model().id.clone(),
            meter: serial.unwrap_or_default(),
            firmware: match firmware {
                Some(firmware) => format!("{device} {firmware}"),
                None => device,
            },
        })
    }

    async fn read(&mut self, place: &Place) -> Result<Vec<u8>, PageFault> {
        let Place::Packets {
            identity,
            first,
            octets,
        } = *place
        else {
            return Err(PageFault::OtherProtocol);
        };
        let raw = self.visit.read_octets(identity, first, octets).await;
        raw.map(|raw| raw.octets).map_err(heard)
    }

    async fn write(&mut self, place: &Place, octets: &[u8]) -> Result<Confirmation, PageFault> {
        let Place::Packets {
            identity, first, ..
        } = *place
        else {
            return Err(PageFault::OtherProtocol);
        };
        match self.visit.write_packet(identity, first, octets).await {
            Ok(()) => Ok(Confirmation::Confirmed),
            Err(VisitFault::Session(SessionFault::Refused { refusal, .. })) => Ok(
                Confirmation::Refused(format!("the meter refuses: {refusal}")),
            ),
            Err(VisitFault::Session(fault @ SessionFault::WriteUnknown { .. }))
                if !fault.ends_session() =>
            {
                Ok(Confirmation::Missing(format!("no confirmation: {fault}")))
            }
            Err(fault) => Err(PageFault::Flag(fault)),
        }
    }

    /// The session itself proves with probes what belongs to what.
    async fn settle(&mut self) -> Result<(), PageFault> {
        Ok(())
    }

    /// The password was proven when the session was opened.
    fn password(&self, _: &Place) -> Option<Vec<u8>> {
        None
    }
}
