//! Which channels a profile has.

use crate::catalogue::flag::{FlagModel, Measured, ProfileModel, ProfileValue};
use metering::{Obis, Period, Unit};

/// What an instrumentation profile keeps of a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Storage {
    /// Its average over the period.
    Average,
    /// Its maximum.
    Maximum,
    /// Its minimum.
    Minimum,
    /// Its value at the end.
    Last,
}

/// A channel of an instrumentation profile, as the meter defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstrumentChannel {
    /// What is kept.
    pub storage: Storage,
    /// The quantity, as in selectors of values of the moment.
    pub quantity: u8,
    /// The phase: 1, 2 and 4 are A, B and C, 0 is the system.
    pub phase: u8,
    /// Both octets.
    pub raw: [u8; 2],
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileChannel {
    /// Its bit in the mask, or its place among the definitions.
    pub bit: u8,
    /// What it measures, where the model knows: the code of its total, and its unit.
    pub measured: Option<(Obis, Unit)>,
    /// What the meter defines, in an instrumentation profile.
    pub instrument: Option<InstrumentChannel>,
    /// Power of ten of its values, in the unit of its power.
    pub exponent: i8,
}

/// Channels and period of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileColumns {
    /// Length of an interval.
    pub period: Period,
    /// The channel mask without what is no channel; 0 in an instrumentation profile.
    pub mask: u16,
    /// In the order of the records.
    pub channels: Vec<ProfileChannel>,
}

/// Reads masks and definitions as one model has them.
#[derive(Debug, Clone)]
pub(super) struct ColumnReader {
    by_bit: Vec<(u8, Obis, Unit)>,
    no_channels: u16,
    period_codes: Vec<u8>,
    daylight_mask: u16,
    daylight_period: u8,
    exponent: i8,
}

/// What the head of a day says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) columns: ProfileColumns,
    /// Whether daylight saving time is in force, where the model knows where that stands.
    pub(super) daylight: Option<bool>,
}

impl ColumnReader {
    pub(super) fn new(model: &FlagModel, profile: &ProfileModel) -> Self {
        let bit = |bit: u8| 1_u16.checked_shl(u32::from(bit)).unwrap_or(0);
        let daylight = profile.daylight.as_ref();
        let daylight_mask = daylight.and_then(|place| place.mask_bit).map_or(0, bit);
        let period_bit = daylight.and_then(|place| place.period_bit);
        let ignored = profile.ignored_mask_bits.iter().map(|number| bit(*number));
        let of = |item: &Measured| item.mask_bit.map(|bit| (bit, item.obis, item.unit));
        Self {
            by_bit: model.measured.iter().filter_map(of).collect(),
            no_channels: ignored.fold(daylight_mask, |all, one| all | one),
            period_codes: profile.period_codes.clone(),
            daylight_mask,
            daylight_period: period_bit
                .and_then(|bit| 1_u8.checked_shl(u32::from(bit)))
                .unwrap_or(0),
            exponent: match profile.value {
                ProfileValue::SignedBcd => super::values::SIGNED_EXPONENT,
                _ => model.demand_exponent,
            },
        }
    }

    /// From a mask and a period as they stand behind a marker.
    pub(super) fn masked(&self, mask: [u8; 2], period: u8) -> Option<Head> {
        let raw = u16::from_be_bytes(mask);
        let columns = self.of_mask(raw & !self.no_channels, period)?;
        let daylight = match (self.daylight_mask, self.daylight_period) {
            (0, 0) => None,
            (0, bit) => Some(period & bit != 0),
            (bit, _) => Some(raw & bit != 0),
        };
        Some(Head { columns, daylight })
    }

    fn of_mask(&self, mask: u16, period: u8) -> Option<ProfileColumns> {
        let channels: Vec<ProfileChannel> = (0..16_u8)
            .filter(|bit| mask >> bit & 1 == 1)
            .map(|bit| ProfileChannel {
                bit,
                measured: self.measured(bit),
                instrument: None,
                exponent: self.exponent,
            })
            .collect();
        let period = self.period(period)?;
        (!channels.is_empty()).then_some(ProfileColumns {
            period,
            mask,
            channels,
        })
    }

    fn measured(&self, bit: u8) -> Option<(Obis, Unit)> {
        let found = self.by_bit.iter().find(|known| known.0 == bit);
        found.map(|(_, obis, unit)| (*obis, *unit))
    }

    /// From a period code; its high bits say other things.
    pub(super) fn period(&self, code: u8) -> Option<Period> {
        let minutes = self.period_codes.get(usize::from(code & 0x0f))?;
        Period::from_seconds(u32::from(*minutes) * 60).ok()
    }

    /// From the eight definitions of an instrumentation profile.
    pub(super) fn defined(&self, definitions: &[u8], period: u8) -> Option<Head> {
        let (pairs, _) = definitions.as_chunks::<2>();
        let channels: Vec<ProfileChannel> = (0..)
            .zip(pairs)
            .filter_map(|(place, raw)| self.instrument(place, *raw))
            .collect();
        let period = self.period(period)?;
        (!channels.is_empty()).then_some(Head {
            columns: ProfileColumns {
                period,
                mask: 0,
                channels,
            },
            daylight: None,
        })
    }

    fn instrument(&self, place: u8, raw: [u8; 2]) -> Option<ProfileChannel> {
        let [storage, what] = raw;
        let (phase, quantity) = (what >> 4, what & 0x0f);
        // Without a quantity a channel is taken to be unused.
        (quantity != 0).then_some(ProfileChannel {
            bit: place,
            measured: None,
            instrument: Some(InstrumentChannel {
                storage: match storage & 3 {
                    0 => Storage::Average,
                    1 => Storage::Maximum,
                    2 => Storage::Minimum,
                    _ => Storage::Last,
                },
                quantity,
                phase,
                raw,
            }),
            exponent: self.exponent,
        })
    }

    /// One channel a bit of the octet, for meters that do not repeat the mask in their days.
    pub(super) fn fixed(&self, mask: u16, period: Period) -> Option<ProfileColumns> {
        let mut columns = self.of_mask(mask & !self.no_channels, 0)?;
        columns.period = period;
        Some(columns)
    }
}
