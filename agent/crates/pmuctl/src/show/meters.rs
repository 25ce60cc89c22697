//! Meters and their intervals.

use crate::limits::COLUMNS;
use crate::plain;
use crate::table::{Side, Table};
use crate::words::wrapped;
use desk::{MeterStatus, MeterTrust, ProfileRow};

pub(super) fn text(meters: &[MeterStatus]) -> String {
    if meters.is_empty() {
        return "no meter is configured\n".to_owned();
    }
    let mut table = Table::new(&[
        ("METER", Side::Left),
        ("BUS", Side::Left),
        ("ADDRESS", Side::Right),
        ("STATE", Side::Left),
        ("ANSWERS", Side::Right),
        ("SILENT", Side::Right),
        ("BAD", Side::Right),
        ("LAST INTERVAL", Side::Right),
    ]);
    for meter in meters {
        table.row(&[
            meter.meter.clone(),
            meter.bus.clone(),
            address(meter),
            meter.state.clone(),
            meter.answers.to_string(),
            meter.silent.to_string(),
            (meter.damaged + meter.late + meter.exceptions).to_string(),
            meter
                .last_interval
                .clone()
                .unwrap_or_else(|| "-".to_owned()),
        ]);
        table.note(&identity(meter));
        if let Some(words) = own_profile(meter) {
            table.note(&words);
        }
        if meter.trust == MeterTrust::Wrong {
            table.note(&format!(
                "its data is refused; if it is the right one: pmuctl meter accept {}",
                meter.meter
            ));
        }
        for remark in &meter.remarks {
            table.note(remark);
        }
        for found in &meter.found {
            let next = found.next.join("; ");
            table.note(&format!("{}: {}; {next}", found.code, found.happened));
        }
    }
    table.to_string()
}

/// The outstation number of a FLAG meter, else the unit.
fn address(meter: &MeterStatus) -> String {
    match meter.address.as_deref() {
        None => meter.unit.to_string(),
        Some("") => "none".to_owned(),
        Some(address) => address.to_owned(),
    }
}

/// What there is to know of a meter that keeps a load profile and a clock of its own.
fn own_profile(meter: &MeterStatus) -> Option<String> {
    let read = meter
        .last_collected
        .as_deref()
        .map(|at| format!("profile read {at}"));
    let overwrite = meter
        .overwrite_in_days
        .map(|days| format!("overwrites in {days} days what was not read"));
    let clock = meter.clock_error_ms.map(|error| {
        let (sign, size) = (if error < 0 { "-" } else { "" }, error.unsigned_abs());
        format!("clock {sign}{}.{:03} s off", size / 1000, size % 1000)
    });
    let known: Vec<String> = [read, overwrite, clock].into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn identity(meter: &MeterStatus) -> String {
    let trust = match meter.trust {
        MeterTrust::Unknown => "identity not asked yet",
        MeterTrust::Right => "identity right",
        MeterTrust::Wrong => "ANOTHER METER than configured",
        MeterTrust::Untold => "identity cannot be asked",
    };
    let serial = meter
        .serial
        .as_deref()
        .map_or_else(String::new, |serial| format!(", serial {serial}"));
    format!(
        "{}, {trust}{serial}, intervals {} ({} flagged)",
        meter.model, meter.intervals, meter.flagged
    )
}

/// One channel a column where the line takes it; otherwise one channel a line.
pub(super) fn profile(channels: &[String], rows: &[ProfileRow]) -> String {
    if rows.is_empty() {
        return "no interval is stored in this time\n".to_owned();
    }
    let mut text = String::from("channels:\n");
    for (channel, number) in channels.iter().zip(1..) {
        text.push_str(&wrapped(
            &format!("{number}  {}", plain(channel, 60)),
            "  ",
            COLUMNS,
        ));
    }
    text.push_str("\nend of interval, values by channel, flags:\n");
    for row in rows {
        let none = |value: &String| {
            if value.is_empty() {
                "-".to_owned()
            } else {
                plain(value, 24)
            }
        };
        let values: Vec<String> = row.values.iter().map(none).collect();
        let line = format!(
            "{}  {}  {}",
            row.end,
            values.join("  "),
            plain(&row.flags, 200)
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
