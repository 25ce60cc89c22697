//! The window of a load profile: it is set, its size is asked for, and its packets are read.

use super::visit::{Raw, Visit, VisitFault};
use crate::catalogue::flag::ProfileModel;
use crate::elster::{ProfileSize, ProfileWindow};
use line::Line;
use std::ops::ControlFlow;

/// Octets of a packet.
const PACKET_OCTETS: u8 = 64;
/// Octets of the size of a window.
const SIZE_OCTETS: u8 = 4;

impl<L: Line> Visit<'_, '_, L> {
    /// Sets the window of a profile, and says how much it holds.
    pub async fn open_window(
        &mut self,
        profile: &ProfileModel,
        window: ProfileWindow,
    ) -> Result<ProfileSize, VisitFault> {
        let identity = match window {
            ProfileWindow::Days(_) | ProfileWindow::All => profile.window,
            ProfileWindow::Between(..) => profile
                .dates
                .ok_or(VisitFault::Unknown("windows by date"))?,
        };
        let octets = window
            .encode()
            .ok_or(VisitFault::Unknown("times so far from now"))?;
        self.session.write_packet(identity, 1, &octets).await?;
        let size = self.read_packet(profile.window, 1, SIZE_OCTETS).await?;
        let unknown = VisitFault::Unknown("the size of a profile window");
        ProfileSize::decode(&size.octets).ok_or(unknown)
    }

    /// One packet of the window, from 1.
    pub async fn window_packet(
        &mut self,
        profile: &ProfileModel,
        packet: u16,
    ) -> Result<Raw, VisitFault> {
        self.read_packet(profile.identity, packet, PACKET_OCTETS)
            .await
    }

    /// So many blocks of the window as a data stream, from a packet of 64 octets on; its packets of
    /// 256 are numbered from 1. Ends when `take` breaks off.
    pub async fn window_stream(
        &mut self,
        profile: &ProfileModel,
        first_packet: u16,
        blocks: u16,
        take: &mut (dyn FnMut(u16, &[u8]) -> ControlFlow<()> + Send),
    ) -> Result<(), VisitFault> {
        Ok(self
            .session
            .read_stream(profile.identity, first_packet, blocks, take)
            .await?)
    }
}
