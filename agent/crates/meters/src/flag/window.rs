//! The window of a load profile: it is set, its size is asked for, and its packets are read.

use super::visit::{Raw, Visit, VisitFault};
use crate::catalogue::flag::ProfileModel;
use line::Line;
use metering::MeterTime;

/// Octets of a packet.
const PACKET_OCTETS: u8 = 64;

/// What of a profile is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileWindow {
    /// The last days, by the meter's calendar; `u16::MAX` are all.
    Days(u16),
    /// From one time to another.
    Dates {
        /// From.
        from: MeterTime,
        /// To.
        to: MeterTime,
    },
}

/// How much a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// Packets of 64 octets.
    pub packets: u16,
    /// Blocks of 256 octets of the data stream.
    pub blocks: u16,
}

impl<L: Line> Visit<'_, '_, L> {
    /// Sets the window of a profile, and says how much it holds.
    pub async fn open_window(
        &mut self,
        profile: &ProfileModel,
        window: ProfileWindow,
    ) -> Result<WindowSize, VisitFault> {
        match window {
            ProfileWindow::Days(days) => {
                self.session
                    .write_packet(profile.window, 1, &days.to_le_bytes())
                    .await?;
            }
            ProfileWindow::Dates { from, to } => {
                let unknown = VisitFault::Unknown("windows by date");
                let dates = profile.dates.ok_or(unknown)?;
                let mut octets = seconds(from).to_vec();
                octets.extend(seconds(to));
                self.session.write_packet(dates, 1, &octets).await?;
            }
        }
        let size = self.read_packet(profile.window, 1, 4).await?;
        let &[packets_high, packets_low, blocks_high, blocks_low] = size.octets.as_slice() else {
            return Err(VisitFault::Unknown("the size of a profile window"));
        };
        Ok(WindowSize {
            packets: u16::from_be_bytes([packets_high, packets_low]),
            blocks: u16::from_be_bytes([blocks_high, blocks_low]),
        })
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
}

/// Seconds of the meter's calendar as it writes them: low octet first.
fn seconds(time: MeterTime) -> [u8; 4] {
    u32::try_from(time.seconds())
        .unwrap_or(u32::MAX)
        .to_le_bytes()
}
