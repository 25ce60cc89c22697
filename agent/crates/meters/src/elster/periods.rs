//! The periods of load profile and demand.

use super::octets::two_digits;
use crate::catalogue::flag::{PeriodCoding, ProfileModel};

/// Periods in minutes, where their octets say some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfilePeriods {
    /// Of the load profile.
    pub profile: Option<u8>,
    /// Of a part of the demand period.
    pub part: Option<u8>,
    /// Parts of the demand period.
    pub parts: Option<u8>,
    /// The octets, as they came.
    pub raw: Vec<u8>,
}

pub(super) fn decode(profile: Option<&ProfileModel>, octets: &[u8]) -> ProfilePeriods {
    let minutes = |octet: &u8| match profile {
        Some(profile) if profile.period_coding == PeriodCoding::Code => {
            profile.period_minutes(*octet)
        }
        _ => two_digits(*octet).filter(|minutes| *minutes > 0),
    };
    ProfilePeriods {
        profile: octets.first().and_then(minutes),
        part: octets.get(1).and_then(minutes),
        parts: octets.get(2).copied(),
        raw: octets.to_vec(),
    }
}
