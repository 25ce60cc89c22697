//! Event counters: how often, and when the last times were.

use super::demand::set_time;
use super::octets::Octets;
use crate::catalogue::flag::{LogField, LogKind, LogLayout, LogOrder};
use metering::MeterTime;

/// One event that a counter still has a stamp of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LogEntry {
    /// When it began, or happened.
    pub start: Option<MeterTime>,
    /// When it ended.
    pub stop: Option<MeterTime>,
    /// Which phases: bits A 1, B 2, C 4.
    pub phases: Option<u8>,
    /// What caused it.
    pub cause: Option<u8>,
    /// Through which port: 0 optical, 1 remote.
    pub port: Option<u8>,
    /// Who.
    pub name: Option<String>,
}

/// An event counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLog {
    /// What it counts.
    pub event: LogKind,
    /// The place of the newest entry, where the meter says so.
    pub index: Option<u8>,
    /// How often; one for each phase where the meter counts them apart. They roll over at 65,535.
    pub counts: Vec<u16>,
    /// Seconds in all, where the meter counts them.
    pub totals: Vec<u32>,
    /// The last events, newest first. Empty places are left out.
    pub entries: Vec<LogEntry>,
    /// Its octets, as they came.
    pub raw: Vec<u8>,
}

/// From its octets; `None` where they are too few.
pub(super) fn decode(layout: &LogLayout, octets: &[u8]) -> Option<EventLog> {
    let raw = octets.get(..layout.octets())?;
    let mut left = Octets(raw);
    let index = if layout.index {
        Some(left.octet()?)
    } else {
        None
    };
    let counts = (0..layout.counts).map(|_| left.count());
    let counts = counts.collect::<Option<_>>()?;
    let totals = (0..layout.totals).map(|_| left.seconds(layout.times));
    let totals = totals.collect::<Option<_>>()?;
    let mut entries = vec![LogEntry::default(); usize::from(layout.entries)];
    match layout.order {
        LogOrder::Rows => {
            for entry in &mut entries {
                for field in &layout.fields {
                    entry.read(*field, layout, &mut left)?;
                }
            }
        }
        LogOrder::Columns => {
            for field in &layout.fields {
                for entry in &mut entries {
                    entry.read(*field, layout, &mut left)?;
                }
            }
        }
    }
    entries.retain(|entry| entry.start.is_some());
    // Where the meter keeps them in a ring, time tells the order.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.start));
    Some(EventLog {
        event: layout.event,
        index,
        counts,
        totals,
        entries,
        raw: raw.to_vec(),
    })
}

impl LogEntry {
    fn read(&mut self, field: LogField, layout: &LogLayout, left: &mut Octets) -> Option<()> {
        match field {
            LogField::Start => self.start = set_time(Some(left.time(layout.times)?)),
            LogField::Stop => self.stop = set_time(Some(left.time(layout.times)?)),
            LogField::Phases => self.phases = Some(left.octet()?),
            LogField::Cause => self.cause = Some(left.octet()?),
            LogField::Port => self.port = Some(left.octet()?),
            LogField::Name => self.name = Some(text(left.take(field.octets())?)),
        }
        Some(())
    }
}

/// Characters without their padding; what a terminal could not show becomes `?`.
pub(super) fn text(octets: &[u8]) -> String {
    let shown = octets.iter().map(|octet| match octet {
        0 => ' ',
        b' '..=b'~' => char::from(*octet),
        _ => '?',
    });
    let text: String = shown.collect();
    text.trim().to_owned()
}
