//! Windows: when meters may be spoken to, by the local clock.

use super::calendar::{
    MINUTES_PER_DAY, S_PER_DAY, dates, instant_of, local_date, minute_text, shifted,
};
use jiff::tz::TimeZone;
use metering::Timestamp;
use std::fmt;
use std::time::Duration;

/// When meters may be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowChoice {
    /// At any time.
    Always,
    /// 00:30 to 07:30 on every day.
    OffPeak,
    /// All but 07:00 to 18:00 on Monday to Friday.
    OutOfHours,
    /// As written in the file.
    Own(Vec<WindowRule>),
}

/// From one local time to another, on some days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowRule {
    /// The days on which it opens; bit 0 is Monday.
    pub days: u8,
    /// The minute of the day at which it opens.
    pub from: u16,
    /// The minute at which it closes; on the next day if it is not after `from`.
    pub to: u16,
}

const WEEKDAYS: u8 = 0b001_1111;
const WEEKEND: u8 = 0b110_0000;
const EVERY_DAY: u8 = WEEKDAYS | WEEKEND;
/// The names of the days, Monday first.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const fn rule(days: u8, from: u16, to: u16) -> WindowRule {
    WindowRule { days, from, to }
}

impl WindowChoice {
    /// Their rules; none means at any time.
    pub fn rules(&self) -> &[WindowRule] {
        const OFF_PEAK: &[WindowRule] = &[rule(EVERY_DAY, 30, 450)];
        const OUT_OF_HOURS: &[WindowRule] = &[
            rule(WEEKDAYS, 0, 420),
            rule(WEEKDAYS, 1080, MINUTES_PER_DAY),
            rule(WEEKEND, 0, MINUTES_PER_DAY),
        ];
        match self {
            Self::Always => &[],
            Self::OffPeak => OFF_PEAK,
            Self::OutOfHours => OUT_OF_HOURS,
            Self::Own(rules) => rules,
        }
    }
}

impl WindowRule {
    /// How long it is open by a clock that is never changed.
    pub(super) const fn minutes(self) -> u16 {
        if self.to > self.from {
            self.to - self.from
        } else {
            self.to + MINUTES_PER_DAY - self.from
        }
    }

    const fn is_on(self, weekday_from_monday: i8) -> bool {
        self.days & (1 << weekday_from_monday) != 0
    }

    /// Every minute of the week in which it is open, from Monday 00:00.
    pub(super) fn minutes_of_week(self) -> impl Iterator<Item = usize> {
        let week = 7 * usize::from(MINUTES_PER_DAY);
        (0..7_u8)
            .filter(move |day| self.days & (1 << day) != 0)
            .flat_map(move |day| {
                let opens =
                    usize::from(day) * usize::from(MINUTES_PER_DAY) + usize::from(self.from);
                (opens..opens + usize::from(self.minutes())).map(move |minute| minute % week)
            })
    }
}

/// `mon tue 18:00-07:00`.
impl fmt::Display for WindowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, day) in (0..).zip(DAYS) {
            if self.is_on(number) {
                write!(f, "{day} ")?;
            }
        }
        write!(f, "{}-{}", minute_text(self.from), minute_text(self.to))
    }
}

/// From an opening to a closing; the closing does not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// Windows as instants, in order; those that touch are one.
pub(super) struct Openings(Vec<Opening>);

/// A window opens once a week at least; a change of the clock can swallow one, and others can
/// follow one another for nearly a week.
pub(super) const REACH: Duration = Duration::from_secs(16 * S_PER_DAY);
const REACH_DAYS: i32 = 17;

impl Openings {
    /// Those that matter from one instant to another, each in full.
    pub(super) fn between(
        rules: &[WindowRule],
        zone: &TimeZone,
        from: Timestamp,
        to: Timestamp,
    ) -> Self {
        let first = shifted(local_date(zone, from), -REACH_DAYS);
        let last = shifted(local_date(zone, to), REACH_DAYS);
        let mut found: Vec<Opening> = dates(first, last)
            .flat_map(|date| {
                let day = date.weekday().to_monday_zero_offset();
                let rules = rules.iter().filter(move |rule| rule.is_on(day));
                rules.filter_map(move |rule| {
                    let closes_on = if rule.to > rule.from {
                        date
                    } else {
                        date.tomorrow().ok()?
                    };
                    let from = instant_of(zone, date, rule.from)?;
                    let to = instant_of(zone, closes_on, rule.to)?;
                    (from < to).then_some(Opening { from, to })
                })
            })
            .collect();
        found.sort_by_key(|opening| opening.from);
        let mut merged: Vec<Opening> = Vec::new();
        for opening in found {
            match merged.last_mut() {
                Some(last) if opening.from <= last.to => last.to = last.to.max(opening.to),
                _ => merged.push(opening),
            }
        }
        Self(merged)
    }

    /// The one that is open, or else the next.
    pub(super) fn at_or_after(&self, at: Timestamp) -> Option<Opening> {
        let closed = self.0.partition_point(|opening| opening.to <= at);
        self.0.get(closed).copied()
    }

    pub(super) fn all(&self) -> &[Opening] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        super::super::calendar::from_jiff(text.parse().unwrap())
    }

    #[track_caller]
    fn check(zone: &str, window: &WindowChoice, when: &str, expected: &str) {
        let zone = TimeZone::get(zone).unwrap();
        let when = at(when);
        let openings = Openings::between(window.rules(), &zone, when, when);
        let opening = openings.at_or_after(when).unwrap();
        assert_eq!(format!("{} {}", opening.from, opening.to), expected);
    }

    #[test]
    fn windows_follow_the_local_clock() {
        let (off_peak, out) = (WindowChoice::OffPeak, WindowChoice::OutOfHours);
        check(
            "Europe/London",
            &off_peak,
            "2026-01-10T05:00:00Z",
            "2026-01-10T00:30:00Z 2026-01-10T07:30:00Z",
        );
        check(
            "Europe/London",
            &off_peak,
            "2026-07-10T06:30:00Z",
            "2026-07-10T23:30:00Z 2026-07-11T06:30:00Z",
        );
        check(
            "Europe/London",
            &out,
            "2026-01-08T12:00:00Z",
            "2026-01-08T18:00:00Z 2026-01-09T07:00:00Z",
        );
        // Friday evening to Monday morning is one window.
        check(
            "Europe/London",
            &out,
            "2026-01-10T12:00:00Z",
            "2026-01-09T18:00:00Z 2026-01-12T07:00:00Z",
        );
        check(
            "Asia/Kolkata",
            &off_peak,
            "2026-01-10T12:00:00Z",
            "2026-01-10T19:00:00Z 2026-01-11T02:00:00Z",
        );
    }

    #[test]
    fn a_change_of_the_clock_makes_a_window_shorter_or_longer_or_swallows_it() {
        let night = WindowChoice::OffPeak;
        check(
            "Europe/London",
            &night,
            "2026-03-29T03:00:00Z",
            "2026-03-29T00:30:00Z 2026-03-29T06:30:00Z",
        );
        check(
            "Europe/London",
            &night,
            "2026-10-25T03:00:00Z",
            "2026-10-24T23:30:00Z 2026-10-25T07:30:00Z",
        );
        let jumped = WindowChoice::Own(vec![rule(0b100_0000, 60, 120)]);
        check(
            "Europe/London",
            &jumped,
            "2026-03-28T12:00:00Z",
            "2026-04-05T00:00:00Z 2026-04-05T01:00:00Z",
        );
    }
}
