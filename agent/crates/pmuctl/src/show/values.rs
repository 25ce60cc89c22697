//! Values and event counters that were read from a meter.

use crate::plain;
use crate::table::{Side, Table};
use crate::words::wrapped_item;
use desk::{EventsResult, MeterValue};

pub(super) fn text(values: &[MeterValue]) -> String {
    if values.is_empty() {
        return "no value\n".to_owned();
    }
    let mut text = String::new();
    let mut rest = values;
    while let Some(first) = rest.first() {
        let count = rest
            .iter()
            .take_while(|value| value.group == first.group)
            .count();
        let (group, others) = rest.split_at(count);
        if !text.is_empty() {
            text.push('\n');
        }
        if !first.group.is_empty() {
            text.push_str(&plain(&first.group, 70));
            text.push_str(":\n");
        }
        text.push_str(&table(group));
        rest = others;
    }
    text
}

fn table(values: &[MeterValue]) -> String {
    let mut table = Table::new(&[
        ("OBIS", Side::Left),
        ("WHAT", Side::Left),
        ("VALUE", Side::Right),
        ("PLACE", Side::Left),
    ]);
    for value in values {
        table.row(&[
            value.obis.clone(),
            value.name.clone(),
            value.value.clone(),
            value.place.clone(),
        ]);
        // Whoever doubts a value wants to see what the meter really sent.
        if !value.remark.is_empty() {
            table.note(&format!("{} (as sent: {})", value.remark, value.raw));
        }
    }
    table.to_string()
}

pub(super) fn events(result: &EventsResult) -> String {
    let mut text = String::from("status:\n");
    if result.status.is_empty() {
        text.push_str("  nothing is wrong\n");
    }
    for word in &result.status {
        text.push_str(&wrapped_item("-", &plain(word, 200)));
    }
    if result.counters.is_empty() {
        return text;
    }
    let mut table = Table::new(&[
        ("EVENT", Side::Left),
        ("COUNT", Side::Right),
        ("PLACE", Side::Left),
    ]);
    for counter in &result.counters {
        table.row(&[
            counter.name.clone(),
            counter.count.to_string(),
            counter.place.clone(),
        ]);
        for newest in &counter.newest {
            table.note(newest);
        }
        if !counter.remark.is_empty() {
            table.note(&format!("uncertain: {}", counter.remark));
        }
    }
    format!("{text}\n{table}(of each kind the meter tells the newest, newest first)\n")
}
