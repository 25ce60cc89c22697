//! Judges what the head-end booked by what the meters held and what the gateway said it made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metering::{Obis, Quantity, Timestamp, rescale};

use super::export::Booking;
use super::limits::{LATE_AFTER, PERIOD_S, SAMPLE_REACH};

/// Who knows what the meters held.
pub(crate) trait Truth {
    /// Whether the meter can answer; nothing if there is no such meter.
    fn is_alive(&self, meter: &str) -> Option<bool>;

    /// Whether the meter showed exactly this at some instant between these two.
    fn showed(
        &self,
        meter: &str,
        obis: Obis,
        quantity: Quantity,
        between: (Timestamp, Timestamp),
    ) -> bool;
}

/// What the gateway said of a meter when the demonstration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// The meter.
    pub(crate) meter: String,
    /// Intervals made and stored.
    pub(crate) intervals: u64,
    /// The end of the last of them.
    pub(crate) last: Option<Timestamp>,
}

/// What was found, each with a sentence for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Intervals stored, of all meters.
    pub(crate) stored: u64,
    /// Those of them that the head-end booked.
    pub(crate) confirmed: u64,
    /// Totals compared with the meters' own.
    pub(crate) compared: u64,
    /// Booked intervals with a flag.
    pub(crate) flagged: u64,
    /// Meters of which at least one interval has a value.
    pub(crate) heard: BTreeSet<String>,
    /// Intervals of load profiles that meters keep themselves, compared with what they recorded, by
    /// meter.
    pub(crate) own_compared: BTreeMap<String, u64>,
    /// Intervals stored and not booked.
    pub(crate) lost: u64,
    /// Values that the meter did not hold, and increments that are no difference of totals.
    pub(crate) wrong: Vec<String>,
    /// The meters that lost intervals.
    pub(crate) losses: Vec<String>,
    /// Values and times booked twice.
    pub(crate) twice: Vec<String>,
    /// Values and intervals that are missing without a word.
    pub(crate) gaps: Vec<String>,
}

/// One interval of one meter.
#[derive(Debug)]
struct Interval<'a> {
    end: Timestamp,
    start: Timestamp,
    values: BTreeMap<Obis, &'a Booking>,
}

/// The end of an interval, in milliseconds, within a profile of a meter.
type Intervals<'a> = BTreeMap<(&'a str, Timestamp), Interval<'a>>;

/// Judges all that was booked.
pub(crate) fn judge(bookings: &[Booking], made: &[Made], truth: &impl Truth) -> Verdict {
    let mut verdict = Verdict::default();
    let mut meters: BTreeMap<&str, Intervals<'_>> = BTreeMap::new();
    for booking in bookings {
        let intervals = meters.entry(&booking.meter).or_default();
        let key = (booking.profile.as_str(), booking.end);
        let interval = intervals.entry(key).or_insert_with(|| Interval {
            end: booking.end,
            start: booking.start,
            values: BTreeMap::new(),
        });
        if interval.values.insert(booking.obis, booking).is_some() {
            let Booking {
                meter, end, obis, ..
            } = booking;
            verdict
                .twice
                .push(format!("{meter} {end}: {obis} is booked twice"));
        }
    }
    for (meter, intervals) in &meters {
        verdict.judge_meter(meter, intervals, truth);
    }
    for made in made {
        let intervals = meters.get(made.meter.as_str());
        let ends = intervals.into_iter().flat_map(BTreeMap::values);
        let ends: Vec<Timestamp> = ends.map(|interval| interval.end).collect();
        verdict.judge_delivery(made, &ends);
    }
    for meter in meters.keys() {
        if !made.iter().any(|made| made.meter == *meter) {
            verdict
                .wrong
                .push(format!("{meter}: the gateway knows no such meter"));
        }
    }
    verdict
}

impl Verdict {
    fn judge_meter(&mut self, meter: &str, intervals: &Intervals<'_>, truth: &impl Truth) {
        let mut before: Option<&Interval<'_>> = None;
        for ((profile, _), interval) in intervals {
            let earlier = before.filter(|before| before.belongs_to(profile));
            self.judge_place(meter, interval, earlier);
            for booking in interval.values.values() {
                self.judge_value(booking, truth);
                if booking.obis.is_total() {
                    self.judge_increment(booking, interval, earlier);
                }
            }
            let is_flagged = interval
                .values
                .values()
                .any(|value| !value.flags.is_empty());
            self.flagged += u64::from(is_flagged);
            before = Some(interval);
        }
    }

    /// Intervals stand one behind the other: none over another, none left out.
    fn judge_place(&mut self, meter: &str, interval: &Interval<'_>, before: Option<&Interval<'_>>) {
        let Interval { start, end, .. } = interval;
        if end.millis_since(*start) != i64::from(PERIOD_S) * 1000 {
            self.wrong
                .push(format!("{meter} {end}: the interval begins at {start}"));
        }
        let Some(before) = before else { return };
        if *start < before.end {
            let other = before.end;
            self.twice.push(format!(
                "{meter}: the intervals up to {other} and {end} overlap"
            ));
        }
        if *start > before.end {
            let from = before.end;
            self.gaps
                .push(format!("{meter}: no interval from {from} to {start}"));
        }
    }

    fn judge_value(&mut self, booking: &Booking, truth: &impl Truth) {
        let Booking {
            meter, end, obis, ..
        } = booking;
        let Some(value) = booking.value else {
            if booking.flags.is_empty() {
                let words = format!("{meter} {end}: {obis} is missing and no flag says why");
                self.gaps.push(words);
            }
            return;
        };
        self.heard.insert(meter.clone());
        if truth.is_alive(meter) != Some(true) {
            let words = format!(
                "{meter} {end}: {obis} is booked as {value}, by a meter that never answered"
            );
            self.wrong.push(words);
        }
        let late = booking.sampled.millis_since(*end).unsigned_abs();
        let is_late = booking.has("late-sample");
        if u128::from(late) > LATE_AFTER.as_millis() && !is_late {
            let words =
                format!("{meter} {end}: sampled {late} ms from its mark, and no flag says so");
            self.wrong.push(words);
        }
        if !obis.is_total() {
            return;
        }
        self.compared += 1;
        let half = Duration::from_secs(u64::from(PERIOD_S)) / 2;
        let reach = SAMPLE_REACH + if is_late { half } else { Duration::ZERO };
        let between = (end.before(reach), end.after(reach));
        if !truth.showed(meter, *obis, value, between) {
            let words = format!(
                "{meter} {end}: {obis} is booked as {value}, which the meter did not show then"
            );
            self.wrong.push(words);
        }
    }

    /// An increment is the difference of the totals of two marks in a row, or it is not there.
    fn judge_increment(
        &mut self,
        total: &Booking,
        interval: &Interval<'_>,
        before: Option<&Interval<'_>>,
    ) {
        let Booking {
            meter, end, obis, ..
        } = total;
        let Some(increment) = interval.values.get(&obis.as_increment()) else {
            self.gaps
                .push(format!("{meter} {end}: {obis} has no increment beside it"));
            return;
        };
        let Some(increment) = increment.value else {
            return;
        };
        let earlier = before
            .filter(|before| before.end == interval.start)
            .and_then(|before| before.values.get(obis)?.value);
        let difference = earlier
            .zip(total.value)
            .and_then(|(from, to)| minus(to, from));
        if difference
            .and_then(|steps| minus(steps, increment))
            .map(|rest| rest.digits)
            != Some(0)
        {
            let difference = difference.map_or_else(|| "nothing".to_owned(), |d| d.to_string());
            let words =
                format!("{meter} {end}: {obis} grew by {difference}, booked is {increment}");
            self.wrong.push(words);
        }
    }

    /// What was stored is booked: `ends` are those of the intervals booked.
    pub(super) fn judge_delivery(&mut self, made: &Made, ends: &[Timestamp]) {
        let Made {
            meter,
            intervals: stored,
            last,
        } = made;
        let booked = ends.iter().filter(|end| Some(**end) <= *last).count();
        let booked = u64::try_from(booked).unwrap_or(u64::MAX);
        self.stored = self.stored.saturating_add(*stored);
        self.confirmed = self.confirmed.saturating_add(booked.min(*stored));
        let lost = stored.saturating_sub(booked);
        if lost > 0 {
            self.lost = self.lost.saturating_add(lost);
            let words = format!("{meter}: {lost} of {stored} intervals stored are not booked");
            self.losses.push(words);
        }
        if booked > *stored {
            let words = format!("{meter}: {booked} intervals are booked, {stored} were made");
            self.twice.push(words);
        }
        if lost == 0 && last.is_some_and(|last| !ends.contains(&last)) {
            self.gaps
                .push(format!("{meter}: the last interval made is not booked"));
        }
    }
}

impl Interval<'_> {
    fn belongs_to(&self, profile: &str) -> bool {
        self.values.values().any(|value| value.profile == profile)
    }
}

/// The difference of two quantities of one unit, without losing a digit.
pub(super) fn minus(left: Quantity, right: Quantity) -> Option<Quantity> {
    let exponent = left.exponent.min(right.exponent);
    let digits = |quantity: Quantity| rescale(quantity.digits, quantity.exponent, exponent);
    let digits = digits(left)?.checked_sub(digits(right)?)?;
    (left.unit == right.unit).then_some(Quantity {
        digits,
        exponent,
        unit: left.unit,
    })
}

#[cfg(test)]
mod tests;
