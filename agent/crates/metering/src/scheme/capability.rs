//! What a meter model can hold.

use crate::Obis;

/// How much a profile holds, by one known case; other cases follow in proportion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProfileCapacity {
    /// So many days fit
    pub days: u32,
    /// with so many channels
    pub channels: u16,
    /// and intervals of this length.
    pub period_minutes: u16,
}

impl ProfileCapacity {
    /// How many whole days fit with other channels and another period.
    pub fn days_with(self, channels: usize, period_minutes: u16) -> Option<u32> {
        let channels = u64::try_from(channels).ok().filter(|count| *count > 0)?;
        let held = u64::from(self.days) * u64::from(self.channels) * u64::from(period_minutes);
        let used = channels.checked_mul(u64::from(self.period_minutes))?;
        u32::try_from(held.checked_div(used)?).ok()
    }
}

/// The limits of a model and firmware; `None` = nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capability {
    /// The model, as the catalogue names it.
    pub model: String,
    /// What it measures, by OBIS code.
    pub sources: Option<Vec<Obis>>,
    /// Registers by rate.
    pub tou_registers: Option<u16>,
    /// The highest number of a rate.
    pub rates: Option<u16>,
    /// Customer-defined registers.
    pub customer_registers: Option<u16>,
    /// Registers for maxima.
    pub md_registers: Option<u16>,
    /// Demand periods it takes, in minutes.
    pub demand_periods_minutes: Option<Vec<u16>>,
    /// Whether its demand period can slide.
    pub sliding_demand: Option<bool>,
    /// Seasons.
    pub seasons: Option<u16>,
    /// Whether a season has to begin on 1 January.
    pub season_on_first_january: Option<bool>,
    /// Whether seasons can begin with daylight saving time.
    pub seasons_follow_dst: Option<bool>,
    /// Whether seasons can begin on one date, once.
    pub dated_seasons: Option<bool>,
    /// Kinds of day.
    pub day_types: Option<u16>,
    /// Switching times of one kind of day.
    pub switches_per_day: Option<u16>,
    /// Switching times of all kinds of day together.
    pub switches: Option<u16>,
    /// Minutes of which switching times are multiples.
    pub switch_step_minutes: Option<u16>,
    /// Least minutes between switching times.
    pub switch_spacing_minutes: Option<u16>,
    /// Exclusion dates.
    pub exclusion_dates: Option<u16>,
    /// Whether a calendar can wait for its date.
    pub deferred: Option<bool>,
    /// Characters of a name in the calendar.
    pub name_octets: Option<u16>,
    /// Channels of the load profile.
    pub profile_channels: Option<u16>,
    /// Periods of the load profile, in minutes.
    pub profile_periods_minutes: Option<Vec<u16>>,
    /// How much the load profile holds.
    pub profile_capacity: Option<ProfileCapacity>,
    /// Channels of the instrumentation profile; 0 = it has none.
    pub instrument_channels: Option<u16>,
    /// How much the instrumentation profile holds.
    pub instrument_capacity: Option<ProfileCapacity>,
    /// Billing dates.
    pub billing_dates: Option<u16>,
    /// Items of a list of the display.
    pub display_items: Option<u16>,
    /// Pulse outputs.
    pub pulse_outputs: Option<u16>,
    /// Pulse inputs.
    pub pulse_inputs: Option<u16>,
    /// The highest speed of its port.
    pub baud_max: Option<u32>,
    /// Whether ratios can be written.
    pub writes_ratios: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_fall_with_channels_and_shorter_periods() {
        let known = ProfileCapacity {
            days: 450,
            channels: 1,
            period_minutes: 30,
        };
        assert_eq!(known.days_with(1, 30), Some(450));
        assert_eq!(known.days_with(2, 30), Some(225));
        assert_eq!(known.days_with(2, 15), Some(112));
        assert_eq!(known.days_with(0, 15), None);
        let broken = ProfileCapacity {
            period_minutes: 0,
            ..known
        };
        assert_eq!(broken.days_with(1, 15), None);
    }
}
