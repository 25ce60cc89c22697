//! Where in a meter's profile the wished days lie: its window, and how much there is in it.

use super::super::stop::Stop;
use super::super::talk::{Reply, Talk};
use super::super::wishes::DayRange;
use crate::catalogue::flag::{FlagModel, MarkerCarries, MarkerMeaning, PeriodCoding, ProfileModel};
use crate::flag::limits::{BLOCK_OCTETS, PACKET_OCTETS};
use line::Line;
use metering::{MeterTime, Period};

/// Seconds of a day by the calendar of a meter's clock.
const DAY_S: u64 = 86_400;

/// Days that are read in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Window {
    /// All that the meter has.
    All,
    /// These.
    Days(DayRange),
}

impl Window {
    /// How many days there are, as far as that is known.
    pub(in super::super) fn days(&self) -> u64 {
        match self {
            Self::All => 0,
            Self::Days(range) => range.days(),
        }
    }
}

/// How much the meter has in its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Packets of 64 octets.
    pub(super) packets: u16,
    /// Blocks of 256 octets, where the meter says.
    pub(super) blocks: Option<u16>,
    /// Whether it holds nothing but the wished days; else everything from the first one on.
    pub(super) is_exact: bool,
}

impl Size {
    /// Octets of all packets.
    pub(super) fn octets(&self) -> usize {
        usize::from(self.packets) * PACKET_OCTETS
    }

    /// Blocks of all octets.
    pub(super) fn blocks(&self) -> u16 {
        let counted = self.octets().div_ceil(BLOCK_OCTETS);
        let counted = u16::try_from(counted).unwrap_or(u16::MAX);
        self.blocks.map_or(counted, |said| said.min(counted))
    }
}

/// Puts the window where the wished days are, and asks how much there is.
pub(super) async fn open<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    model: &FlagModel,
    profile: &ProfileModel,
    window: Window,
    shown: MeterTime,
) -> Result<Reply<Size>, Stop> {
    let today = shown.day();
    let (identity, payload, is_exact) = match (window, profile.dates) {
        (Window::Days(range), Some(dates)) if profile.prefers_dates || range.last < today => {
            (dates, by_dates(range).to_vec(), true)
        }
        (Window::Days(range), _) => {
            let days = (today + 1).saturating_sub(range.first).max(1);
            let days = u16::try_from(days).unwrap_or(u16::MAX);
            let is_exact = range.last >= today;
            (profile.window, days.to_le_bytes().to_vec(), is_exact)
        }
        (Window::All, _) => (profile.window, u16::MAX.to_le_bytes().to_vec(), true),
    };
    if let Reply::Refused(refusal) = talk.write(identity, 1, &payload).await? {
        return Ok(Reply::Refused(refusal));
    }
    let rows = model.identities.iter();
    let row = rows.into_iter().find(|row| row.number == profile.window);
    // Only packets are counted where there is no room for blocks.
    let octets = row.map_or(4, |row| row.octets.clamp(2, 4));
    let octets = u8::try_from(octets).unwrap_or(4);
    Ok(match talk.read(profile.window, 1, octets).await? {
        Reply::Refused(refusal) => Reply::Refused(refusal),
        Reply::Given(answered) => Reply::Given(size(&answered.data, is_exact)),
    })
}

fn size(octets: &[u8], is_exact: bool) -> Size {
    let number = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    let (packets, blocks) = match *octets {
        [high, low, more, less, ..] => (number(high, low), Some(number(more, less))),
        [high, low, ..] => (number(high, low), None),
        _ => (0, None),
    };
    Size {
        packets,
        blocks,
        is_exact,
    }
}

/// From the first second of the first day to the last one of the last.
fn by_dates(range: DayRange) -> [u8; 8] {
    let seconds = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX).to_le_bytes();
    let from = seconds(range.first.saturating_mul(DAY_S));
    let to = seconds(range.last.saturating_mul(DAY_S) + DAY_S - 1);
    let mut payload = [0; 8];
    for (place, octet) in payload.iter_mut().zip(from.into_iter().chain(to)) {
        *place = octet;
    }
    payload
}

/// Channels and period, asked from the meter where its profile does not say them.
pub(super) async fn fixed_columns<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    model: &FlagModel,
    profile: &ProfileModel,
) -> Result<Reply<Option<(u16, Period)>>, Stop> {
    let mut markers = profile.markers.iter();
    let day = markers.find(|marker| marker.meaning == MarkerMeaning::NewDay);
    let says_columns = day.is_none_or(|day| day.carries != MarkerCarries::DayMonth);
    let (Some(mask), Some(period), false) = (profile.mask, profile.period, says_columns) else {
        return Ok(Reply::Given(None));
    };
    let mask = match read_short(talk, model, mask).await? {
        Reply::Given(octets) => octets.iter().fold(0, |all, octet| all << 8 | u16::from(*octet)),
        Reply::Refused(refusal) => return Ok(Reply::Refused(refusal)),
    };
    let code = match read_short(talk, model, period).await? {
        Reply::Given(octets) => octets.first().copied().unwrap_or_default(),
        Reply::Refused(refusal) => return Ok(Reply::Refused(refusal)),
    };
    let minutes = match profile.period_coding {
        PeriodCoding::Code => profile.period_minutes(code),
        PeriodCoding::BcdMinutes => crate::elster::octets::two_digits(code),
    };
    let seconds = minutes.map(|minutes| u32::from(minutes) * 60);
    let period = seconds.and_then(|seconds| Period::from_seconds(seconds).ok());
    Ok(Reply::Given(period.map(|period| (mask, period))))
}

async fn read_short<L: Line>(
    talk: &mut Talk<'_, '_, L>,
    model: &FlagModel,
    number: u16,
) -> Result<Reply<Vec<u8>>, Stop> {
    let row = model.identities.iter().find(|row| row.number == number);
    let octets = row.map_or(1, |row| row.octets.clamp(1, 2));
    let octets = u8::try_from(octets).unwrap_or(1);
    Ok(match talk.read(number, 1, octets).await? {
        Reply::Given(answered) => Reply::Given(answered.data),
        Reply::Refused(refusal) => Reply::Refused(refusal),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_size(octets: &[u8], packets: u16, blocks: u16) {
        let size = size(octets, true);
        assert_eq!((size.packets, size.blocks()), (packets, blocks));
    }

    #[test]
    fn sizes_come_with_the_high_octet_first() {
        check_size(&[0x00, 0x05, 0x00, 0x02], 5, 2);
        check_size(&[0x01, 0x00], 256, 64);
        check_size(&[0x00, 0x05, 0xff, 0xff], 5, 2);
        check_size(&[], 0, 0);
    }

    #[test]
    fn dates_reach_from_midnight_to_the_last_second() {
        let range = DayRange {
            first: 20_089,
            last: 20_089,
        };
        // 2025-01-01 00:00:00 and 23:59:59.
        assert_eq!(by_dates(range), [0x80, 0x85, 0x74, 0x67, 0xff, 0xd6, 0x75, 0x67]);
    }
}
