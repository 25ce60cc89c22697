//! Whether a meter may be spoken to now.

use super::window::{Opening, Openings};
use super::{LastPart, MeterList};
use jiff::tz::TimeZone;
use metering::Timestamp;
use std::time::Duration;

/// The hours of one list: its windows, by the clock of its zone.
#[derive(Debug, Clone, Copy)]
pub struct Hours<'a> {
    list: &'a MeterList,
    zone: &'a TimeZone,
}

/// Whether a conversation may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Now.
    Now,
    /// Not before this.
    From(Timestamp),
}

impl<'a> Hours<'a> {
    /// The hours of a list; `zone` is the one that its schedule names.
    pub const fn new(list: &'a MeterList, zone: &'a TimeZone) -> Self {
        Self { list, zone }
    }

    /// The list.
    pub const fn list(&self) -> &'a MeterList {
        self.list
    }

    /// Whether a conversation of the list's action may begin at this instant.
    pub fn begin(&self, now: Timestamp) -> Begin {
        let rules = self
            .list
            .schedule
            .as_ref()
            .map_or(&[][..], |schedule| schedule.window.rules());
        if rules.is_empty() {
            return Begin::Now;
        }
        let openings = Openings::between(rules, self.zone, now, now);
        let Some(opening) = openings.at_or_after(now) else {
            return Begin::From(Timestamp::from_millis(u64::MAX));
        };
        if now < opening.from {
            return Begin::From(opening.from);
        }
        if self.list.action.writes() && now >= guard(self.list.last_part, opening) {
            let next = openings.at_or_after(opening.to);
            return Begin::From(next.map_or(opening.to, |next| next.from));
        }
        Begin::Now
    }
}

/// From when on no write begins in a window. Some part of each window is left for them.
pub(super) fn guard(last_part: LastPart, opening: Opening) -> Timestamp {
    let length = opening.to.millis().saturating_sub(opening.from.millis());
    let kept = match last_part {
        LastPart::Percent(percent) => length / 100 * u64::from(percent),
        LastPart::Minutes(minutes) => u64::from(minutes) * 60_000,
    };
    opening
        .to
        .before(Duration::from_millis(kept))
        .max(opening.from)
}
