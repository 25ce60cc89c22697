//! Judges load profiles that meters keep themselves: each interval that the meter recorded is booked
//! once, with its values, and says what befell it.

use std::collections::{BTreeMap, BTreeSet};

use metering::{Obis, Quantity, Timestamp};

use super::export::Booking;
use super::judge::{Made, Verdict, minus};

/// The load profile of a meter.
const PROFILE: &str = "1-0:99.1.0";
/// What only says which season it was.
const SEASON: [&str; 2] = ["dst-active", "dst-change"];

/// One interval as its meter recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Its end, as the meter's clock showed it.
    pub(crate) end: Timestamp,
    /// Every value of it.
    pub(crate) values: BTreeMap<Obis, Quantity>,
    /// Whether the meter had power all the time.
    pub(crate) is_whole: bool,
    /// Flags that have to be there, whatever others are.
    pub(crate) flags: Vec<&'static str>,
}

/// What a meter recorded, from its first interval on, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    /// What the gateway said of the meter at the end.
    pub(crate) made: Made,
    /// In order of time.
    pub(crate) recorded: Vec<Recorded>,
    /// Everything up to here was asked for, and the gateway said that it had come.
    pub(crate) complete_to: Option<Timestamp>,
}

/// Judges what was booked of a meter.
pub(crate) fn judge(bookings: &[Booking], profile: &Profile, verdict: &mut Verdict) {
    let meter = profile.made.meter.as_str();
    let mut booked: BTreeMap<Timestamp, BTreeMap<Obis, &Booking>> = BTreeMap::new();
    for booking in bookings.iter().filter(|booking| booking.meter == meter) {
        let Booking { end, obis, .. } = booking;
        if booking.profile != PROFILE {
            let words = format!(
                "{meter} {end}: {obis} stands in profile {}",
                booking.profile
            );
            verdict.wrong.push(words);
            continue;
        }
        let values = booked.entry(*end).or_default();
        if values.insert(*obis, booking).is_some() {
            let words = format!("{meter} {end}: {obis} is booked twice");
            verdict.twice.push(words);
        }
    }
    let recorded: BTreeMap<Timestamp, &Recorded> = profile
        .recorded
        .iter()
        .map(|interval| (interval.end, interval))
        .collect();
    for (end, values) in &booked {
        match recorded.get(end) {
            Some(interval) => verdict.judge_own(meter, interval, values),
            None => verdict.wrong.push(format!(
                "{meter} {end}: the meter recorded no such interval"
            )),
        }
    }
    let last = booked.keys().next_back().copied();
    let due = last.max(profile.complete_to);
    let missing = recorded
        .keys()
        .filter(|end| Some(**end) <= due && !booked.contains_key(*end));
    verdict.gaps.extend(
        missing.map(|end| format!("{meter} {end}: the meter recorded it and it is not booked")),
    );
    let ends: Vec<Timestamp> = booked.into_keys().collect();
    verdict.judge_delivery(&profile.made, &ends);
}

impl Verdict {
    fn judge_own(&mut self, meter: &str, interval: &Recorded, booked: &BTreeMap<Obis, &Booking>) {
        let end = interval.end;
        let named = booked.keys().chain(interval.values.keys());
        let named: BTreeSet<&Obis> = named.collect();
        let mut is_right = true;
        for obis in named {
            let found = booked.get(obis).and_then(|booking| booking.value);
            let held = interval.values.get(obis).copied();
            let is_same = match (found, held) {
                (Some(found), Some(held)) => {
                    minus(found, held).is_some_and(|rest| rest.digits == 0)
                }
                _ => false,
            };
            if !is_same {
                is_right = false;
                let (found, held) = (words(found), words(held));
                let words =
                    format!("{meter} {end}: {obis} is booked as {found}, recorded is {held}");
                self.wrong.push(words);
            }
        }
        let flags = booked.values().next().map_or("", |booking| &booking.flags);
        self.judge_flags(meter, interval, flags);
        self.flagged += u64::from(!flags.is_empty());
        *self.own_compared.entry(meter.to_owned()).or_default() += 1;
        if is_right {
            self.heard.insert(meter.to_owned());
        }
    }

    /// An interval without a flag is whole, and nothing befell the meter in it.
    fn judge_flags(&mut self, meter: &str, interval: &Recorded, flags: &str) {
        let end = interval.end;
        let said: BTreeSet<&str> = flags
            .split('+')
            .filter(|word| !word.is_empty() && !SEASON.contains(word))
            .collect();
        let cut = (!interval.is_whole).then_some("short");
        let due = interval.flags.iter().copied().chain(cut);
        for flag in due.clone().filter(|flag| !said.contains(flag)) {
            let words = format!("{meter} {end}: the flag {flag} is missing");
            self.gaps.push(words);
        }
        if due.count() == 0 && !said.is_empty() {
            let words = format!("{meter} {end}: is flagged {flags}, and nothing befell the meter");
            self.wrong.push(words);
        }
    }
}

fn words(value: Option<Quantity>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests;
