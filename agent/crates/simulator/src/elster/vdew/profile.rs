//! The load profile of the VDEW style, as text.

use std::fmt::{self, Write};
use std::time::Duration;

use iec62056_21::meter::Refused;

use super::Registers;
use super::form::{kilo, stamp, stamp_says};
use crate::elster::civil::{Civil, DAY};
use crate::elster::contents::Contents;
use crate::elster::encode::demand;
use crate::elster::energy::Source;
use crate::elster::profile::TrueInterval;

impl Registers {
    /// The load profile between two stamps of the meter's time, both optional.
    pub(super) fn profile(&self, span: &str, at: Duration) -> Result<String, Refused> {
        if !self.model.has_profile() {
            return Err(Refused::Identity);
        }
        let (from, to) = span.split_once(';').unwrap_or((span, ""));
        let from = stamp_says(from)?.unwrap_or(i64::MIN);
        let to = stamp_says(to)?.unwrap_or(i64::MAX);
        let contents = self.contents();
        let utc = contents.utc(at);
        let oldest = utc - contents.scenario.profile_days * DAY;
        // A day more on both sides: local times differ from true ones.
        let begin = oldest.max(from.saturating_sub(2 * DAY));
        let begin = contents
            .recorder()
            .day_of(begin.max(contents.history.begun));
        let intervals = contents.recorder().truth(begin, utc);
        let mut text = String::new();
        let mut last: Option<&TrueInterval> = None;
        for interval in &intervals {
            if (from..=to).contains(&interval.local_end) {
                header(&contents, last, interval, &mut text).map_err(|_| Refused::Failure)?;
                for channel in &interval.channels {
                    let demand = demand(channel.energy, interval.period);
                    write!(text, "({})", kilo(demand, 3)).map_err(|_| Refused::Failure)?;
                }
                text.push_str("\r\n");
                last = Some(interval);
            }
        }
        if text.is_empty() {
            text.push_str("P.01()\r\n");
        }
        Ok(text)
    }
}

/// A header before the first interval, and before one that does not simply follow the last.
fn header(
    contents: &Contents,
    last: Option<&TrueInterval>,
    interval: &TrueInterval,
    text: &mut String,
) -> fmt::Result {
    let begin = interval.end - interval.period;
    let follows = last.is_some_and(|last| {
        last.local_end + interval.period == interval.local_end && last.end == begin
    });
    let mut status = 0_u16;
    if interval.seconds != interval.period {
        status |= 1 << 2;
    }
    if interval.status & 0x02 != 0 {
        status |= 1 << 5;
    }
    let cut = |(from, to): (i64, i64)| from < interval.end && to > begin;
    if contents.history.outages().any(cut) {
        status |= 1 << 7;
    }
    if last.is_some_and(|last| last.end == begin && !follows) {
        status |= 1 << 3;
    }
    if follows && status == 0 && interval.local_end.rem_euclid(DAY) != interval.period {
        return Ok(());
    }
    let season = u8::from(contents.history.clock.is_summer(interval.end));
    let time = stamp(Civil::of(interval.local_end), true);
    let minutes = interval.period / 60;
    let channels = interval.channels.len();
    write!(
        text,
        "P.01({season}{time})({status:04X})({minutes:02})({channels})"
    )?;
    for channel in &interval.channels {
        let (code, unit) = match channel.source {
            Source::Import => ("1.5", "kW"),
            Source::Export => ("2.5", "kW"),
            Source::Q1 => ("5.5", "kvar"),
            Source::Q2 => ("6.5", "kvar"),
            Source::Q3 => ("7.5", "kvar"),
            Source::Q4 => ("8.5", "kvar"),
            _ => ("9.5", "kVA"),
        };
        write!(text, "({code})({unit})")?;
    }
    text.write_str("\r\n")
}
