//! A meter's rule of daylight saving time against the database of zones.

use super::year::{standard_offset, zone_of_rule};
use jiff::tz::TimeZone;
use metering::scheme::DstRule;
use std::ops::RangeInclusive;

/// A year in which a meter with this rule shows another time than the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DstDifference {
    /// The year.
    pub year: u16,
    /// When the meter moves its clock, and by how much: `2027-03-28T01:00:00Z +60 min`.
    pub rule: Vec<String>,
    /// When the zone does.
    pub zone: Vec<String>,
}

/// The years in which rule and zone differ. Where there is no rule, the meter never moves its
/// clock.
pub fn dst_differences(
    rule: Option<&DstRule>,
    zone: &TimeZone,
    years: RangeInclusive<u16>,
) -> Vec<DstDifference> {
    let differs = |year: u16| {
        let standard = standard_offset(zone, year);
        let own = rule.map_or(Some(TimeZone::fixed(standard)), |rule| {
            zone_of_rule(standard.seconds(), rule)
        });
        // A rule that is none at all is a mistake that validation names.
        let (rule, zone) = (moves(&own?, year), moves(zone, year));
        (rule != zone).then_some(DstDifference { year, rule, zone })
    };
    years.filter_map(differs).collect()
}

/// Every move of the clock in a year of UTC.
fn moves(zone: &TimeZone, year: u16) -> Vec<String> {
    let first = |year: u16| {
        let date = jiff::civil::Date::new(i16::try_from(year).ok()?, 1, 1).ok()?;
        let midnight = date.to_zoned(TimeZone::UTC).ok()?;
        Some(midnight.timestamp())
    };
    let (Some(from), Some(to)) = (first(year), first(year + 1)) else {
        return Vec::new();
    };
    let mut offset = zone.to_offset(from).seconds();
    let mut found = Vec::new();
    let before = from.as_second() - 1;
    let start = jiff::Timestamp::from_second(before).unwrap_or(from);
    for next in zone.following(start) {
        let at = next.timestamp();
        if at >= to {
            break;
        }
        let new = next.offset().seconds();
        if new != offset {
            found.push(format!("{at} {:+} min", (new - offset) / 60));
            offset = new;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::parse_scheme;
    use super::super::year::zone_named;
    use super::*;

    fn rule() -> DstRule {
        let text = include_str!("../../../../../config/schemes/seasonal-three-rate.toml");
        parse_scheme("x", text)
            .unwrap()
            .calendar
            .unwrap()
            .dst
            .unwrap()
    }

    #[test]
    fn the_rule_of_the_european_union_is_that_of_london_since_1996() {
        let london = zone_named("Europe/London").unwrap();
        assert_eq!(dst_differences(Some(&rule()), &london, 1996..=2040), []);
        let found = dst_differences(Some(&rule()), &london, 1994..=1996);
        let [_, last] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(last.year, 1995);
        assert_eq!(
            last.rule,
            [
                "1995-03-26T01:00:00Z +60 min",
                "1995-10-29T01:00:00Z -60 min"
            ]
        );
        assert_eq!(
            last.zone,
            [
                "1995-03-26T01:00:00Z +60 min",
                "1995-10-22T01:00:00Z -60 min"
            ]
        );
    }

    #[test]
    fn a_meter_without_rule_differs_where_the_zone_has_one() {
        let london = zone_named("Europe/London").unwrap();
        assert_eq!(dst_differences(None, &london, 2026..=2030).len(), 5);
        let kolkata = zone_named("Asia/Kolkata").unwrap();
        assert_eq!(dst_differences(None, &kolkata, 2026..=2030), []);
        assert_eq!(
            dst_differences(Some(&rule()), &kolkata, 2026..=2030).len(),
            5
        );
    }

    #[test]
    fn an_hour_too_late_is_found() {
        let mut late = rule();
        late.begins.hour = 2;
        let london = zone_named("Europe/London").unwrap();
        let found = dst_differences(Some(&late), &london, 2027..=2027);
        let [one] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(one.rule.first().unwrap(), "2027-03-28T02:00:00Z +60 min");
    }
}
