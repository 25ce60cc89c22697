//! Two readings of one event counter.

use super::{MeterEvent, instant, setup_changed};
use crate::clock_basis::ClockBasis;
use crate::elster::{EventLog, LogEntry};
use metering::EventCode;

/// A counter that seems to have moved further than this went back instead.
const WENT_BACK: u16 = 0x8000;

/// What a counter counted since it was read before. It rolls over behind 65,535.
pub(super) fn compare(before: &EventLog, now: &EventLog, basis: &ClockBasis) -> Vec<MeterEvent> {
    let moved = before.counts.iter().zip(&now.counts);
    let moved: Vec<u16> = moved.map(|(old, new)| new.wrapping_sub(*old)).collect();
    if moved.iter().any(|moved| *moved >= WENT_BACK) {
        return vec![went_back(before, now)];
    }
    let advance: u32 = moved.iter().map(|moved| u32::from(*moved)).sum();
    let is_new = |entry: &&LogEntry| !before.entries.contains(entry);
    let fresh = now.entries.iter().filter(is_new);
    let fresh = fresh.take(usize::try_from(advance).unwrap_or(usize::MAX));
    let mut events: Vec<MeterEvent> = fresh.map(|entry| event(now, entry, basis)).collect();
    // The oldest comes first, as in any log.
    events.reverse();
    let stamped = u32::try_from(events.len()).unwrap_or(u32::MAX);
    if advance > stamped {
        events.insert(0, without_stamp(now, advance, stamped));
    }
    events
}

fn event(log: &EventLog, entry: &LogEntry, basis: &ClockBasis) -> MeterEvent {
    let phases = entry.phases.filter(|phases| *phases != 0);
    let phases = phases.map(|phases| format!(" of phase {}", phase_words(phases)));
    let stop = entry.stop.map(|stop| format!(" until {stop}"));
    let cause = entry.cause.map(|cause| format!(", cause {cause:02X}"));
    let port = entry.port.map(|port| match port {
        0 => ", through the optical port".to_owned(),
        1 => ", through a remote port".to_owned(),
        other => format!(", through port {other}"),
    });
    let name = entry.name.as_ref().filter(|name| !name.is_empty());
    let name = name.map(|name| format!(", by `{name}`"));
    let parts = [phases, stop, cause, port, name];
    let details: Vec<String> = parts.into_iter().flatten().collect();
    let detail = format!("{}{}", log.event.words(), details.concat());
    MeterEvent {
        code: log.event.event(),
        shown: entry.start,
        at: entry.start.map(|shown| instant(basis, shown)),
        detail,
        finding: None,
    }
}

fn phase_words(phases: u8) -> String {
    let names = [(1, "A"), (2, "B"), (4, "C")];
    let named = names.iter().filter(|(bit, _)| phases & bit != 0);
    let mut words: Vec<&str> = named.map(|(_, name)| *name).collect();
    if phases & !7 != 0 {
        words.push("and others");
    }
    words.join(" ")
}

fn without_stamp(log: &EventLog, advance: u32, stamped: u32) -> MeterEvent {
    let missing = advance - stamped;
    MeterEvent {
        code: EventCode::MeterEventsWithoutStamp,
        shown: None,
        at: None,
        detail: format!(
            "{} was counted {advance} times since the last reading, the meter has stamps of {stamped}: {missing} are without a time; read it more often",
            log.event.words()
        ),
        finding: None,
    }
}

fn went_back(before: &EventLog, now: &EventLog) -> MeterEvent {
    let what = format!(
        "the counter of {} (it went back from {:?} to {:?}: it was reset, or the meter was exchanged)",
        now.event.words(),
        before.counts,
        now.counts
    );
    setup_changed(EventCode::MeterSetupChanged, what)
}
