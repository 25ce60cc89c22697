//! What is known of a load profile inside a meter.

use super::fact::SourcedFact;
use super::words::flag;
use metering::Flag;
use serde::Deserialize;

/// How the periods of a meter are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeriodCoding {
    /// Minutes as decimal digits: `30` is half an hour.
    BcdMinutes,
    /// The same code as in the profile's own markers.
    Code,
}

/// How a value of a profile is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileValue {
    /// Three octets of decimal digits: five of mantissa, one of exponent.
    BcdExponent,
    /// Three octets of decimal digits.
    Bcd,
    /// Three octets, high first, as a plain number.
    Binary,
    /// Four octets: sign and decimals, then six decimal digits.
    SignedBcd,
}

/// What stands before the values of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileHead {
    /// A status octet.
    Status,
    /// An octet that begins the record, the extended status, the status.
    TypeExtendedStatus,
}

/// What a marker of a profile means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkerMeaning {
    /// A day begins.
    NewDay,
    /// Supply came back.
    PowerUp,
    /// Supply failed.
    PowerDown,
    /// Channels or period changed.
    Configuration,
    /// A demand period was ended early.
    ForcedEnd,
    /// The clock was changed.
    TimeChange,
    /// The profile was cleared.
    Cleared,
    /// Daylight saving time began or ended.
    Daylight,
    /// Values that came from outside, in a block of their own.
    External,
    /// Nothing more.
    End,
}

/// What follows a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkerCarries {
    /// Nothing.
    Nothing,
    /// A time of four octets, low first.
    Time,
    /// A time, a channel mask of two octets, a period.
    TimeMaskPeriod,
    /// A time, eight definitions of channels of two octets, a period, five octets nobody knows.
    TimeDefinitions,
    /// Day and month, one octet of decimal digits each.
    DayMonth,
    /// A length of two octets, low first, values, and the marker again.
    Block,
}

impl MarkerCarries {
    /// Whether a time follows.
    pub(crate) const fn tells_time(self) -> bool {
        matches!(
            self,
            Self::Time | Self::TimeMaskPeriod | Self::TimeDefinitions | Self::DayMonth
        )
    }

    /// Whether channels and period follow.
    pub(crate) const fn tells_columns(self) -> bool {
        matches!(self, Self::TimeMaskPeriod | Self::TimeDefinitions)
    }
}

/// A marker of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProfileMarker {
    /// Its octet.
    pub octet: u8,
    /// What it means.
    pub meaning: MarkerMeaning,
    /// What follows it.
    pub carries: MarkerCarries,
    /// How sure.
    pub fact: SourcedFact,
}

/// A bit of the status of an interval.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProfileStatusBit {
    /// Which, 0 = least significant; from 8 on those of the extended status.
    pub bit: u8,
    /// What it means.
    pub words: String,
    /// The remark it makes on the interval.
    #[serde(deserialize_with = "flag")]
    pub flag: Option<Flag>,
    /// How sure.
    pub fact: SourcedFact,
}

/// Where a profile says that daylight saving time is in force.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DaylightBit {
    /// Its bit in the channel mask, first octet high.
    pub mask_bit: Option<u8>,
    /// Its bit in the octet of the period.
    pub period_bit: Option<u8>,
    /// How sure.
    pub fact: SourcedFact,
}

/// How much a profile holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Capacity {
    /// Days that fit, for `channels` and `period_minutes`.
    pub days: u16,
    /// Channels for which the days are given.
    pub channels: u8,
    /// Period for which the days are given.
    pub period_minutes: u16,
    /// How sure.
    pub fact: SourcedFact,
}

/// A load profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProfileModel {
    /// The identity of its data.
    pub identity: u16,
    /// The identity of its window in days.
    pub window: u16,
    /// The identity of its window in times, where there is one.
    pub dates: Option<u16>,
    /// Whether the window in times is the one to use.
    #[serde(default)]
    pub prefers_dates: bool,
    /// The identity of its channel mask.
    pub mask: Option<u16>,
    /// The identity of its period.
    pub period: Option<u16>,
    /// How that identity codes it.
    pub period_coding: PeriodCoding,
    /// Minutes of the periods, by the low four bits of their code.
    pub period_codes: Vec<u8>,
    /// How its values are coded.
    pub value: ProfileValue,
    /// What stands before the values.
    pub head: ProfileHead,
    /// Channels whose place in the mask is not named are refused; these bits are no channels.
    #[serde(default)]
    pub ignored_mask_bits: Vec<u8>,
    /// Where it says that daylight saving time is in force.
    pub daylight: Option<DaylightBit>,
    /// Packets to read beyond those announced.
    #[serde(default)]
    pub extra_packets: u16,
    /// How much fits.
    #[serde(default)]
    pub capacity: Vec<Capacity>,
    /// Its markers.
    pub markers: Vec<ProfileMarker>,
    /// Bits of an interval's status.
    pub status: Vec<ProfileStatusBit>,
    /// How sure the coding of the values is.
    pub value_fact: SourcedFact,
    /// How sure the rest is.
    pub fact: SourcedFact,
}

impl ProfileModel {
    /// What an octet marks, if it is a marker.
    pub fn marker(&self, octet: u8) -> Option<&ProfileMarker> {
        self.markers.iter().find(|marker| marker.octet == octet)
    }

    /// Minutes of a period code.
    pub fn period_minutes(&self, code: u8) -> Option<u8> {
        self.period_codes.get(usize::from(code & 0x0f)).copied()
    }
}
