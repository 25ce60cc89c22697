//! How many days a meter holds.

use crate::catalogue::flag::{Capacity, MarkerCarries, ProfileHead, ProfileModel, ProfileValue};
use metering::{Period, Timestamp};

const DAY_S: u64 = 86_400;

/// What a day takes in a meter's load profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Octets of an undisturbed day.
    pub day_octets: u64,
    /// Days that fit into the smallest meter of the model, where that is known: to be counted on.
    pub days: Option<u64>,
    /// Days that fit into the largest one, as storage is an option: to be asked for.
    pub days_at_most: Option<u64>,
}

impl Storage {
    /// For so many channels and a period.
    pub fn of(profile: &ProfileModel, channels: usize, period: Period) -> Self {
        let day_octets = octets_a_day(profile, channels, period.seconds());
        let total = |capacity: &Capacity| {
            let seconds = u32::from(capacity.period_minutes) * 60;
            let each = octets_a_day(profile, usize::from(capacity.channels), seconds);
            u64::from(capacity.days) * each
        };
        let days = |octets: u64| octets / day_octets.max(1);
        Self {
            day_octets,
            days: profile.capacity.iter().map(total).min().map(days),
            days_at_most: profile.capacity.iter().map(total).max().map(days),
        }
    }

    /// Octets of so many days.
    pub fn octets(&self, days: u64) -> u64 {
        days.saturating_mul(self.day_octets)
    }
}

fn octets_a_day(profile: &ProfileModel, channels: usize, period_s: u32) -> u64 {
    let head = match profile.head {
        ProfileHead::Status => 1,
        ProfileHead::TypeExtendedStatus => 3,
    };
    let width = match profile.value {
        ProfileValue::SignedBcd => 4,
        ProfileValue::BcdExponent | ProfileValue::Bcd | ProfileValue::Binary => 3,
    };
    let channels = u64::try_from(channels).unwrap_or(u64::MAX);
    let each = channels.saturating_mul(width).saturating_add(head);
    let marker = profile.markers.iter().map(|marker| match marker.carries {
        MarkerCarries::TimeDefinitions => 27,
        MarkerCarries::DayMonth => 3,
        MarkerCarries::TimeMaskPeriod => 8,
        MarkerCarries::Nothing | MarkerCarries::Time | MarkerCarries::Block => 0,
    });
    let intervals = DAY_S / u64::from(period_s.max(1));
    intervals
        .saturating_mul(each)
        .saturating_add(marker.max().unwrap_or(0))
}

/// Whole days until the meter overwrites the oldest row that nobody has read; 0 where it may have
/// begun already.
pub fn days_until_overwrite(days: u64, oldest_unread: Timestamp, now: Timestamp) -> u64 {
    let age_s = now.seconds().saturating_sub(oldest_unread.seconds());
    days.saturating_sub(age_s.div_ceil(DAY_S))
}
