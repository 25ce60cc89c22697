//! How updates stand, for people.

use crate::table::{Side, Table};
use crate::words::plain;
use desk::{OrderStatus, UpdateStatus};

/// The whole state.
pub(super) fn text(status: &UpdateStatus) -> String {
    let running = match status.running.as_str() {
        "recovery" => "recovery".to_owned(),
        slot => format!("slot {slot}"),
    };
    let anchored = match status.anchored.as_str() {
        "yes" => "firmware checked what it started",
        "no" => "firmware checked nothing: only damage is noticed, not a rewritten disk",
        _ => "whether firmware checked anything is not known",
    };
    let mut lines = vec![
        format!(
            "{running} runs: version {}, security counter {} (floor {})",
            status.version, status.counter, status.floor
        ),
        anchored.to_owned(),
    ];
    if let Some(reason) = &status.reason {
        lines.push(format!("this is not the system that was wanted: {reason}"));
    }
    lines.extend(status.refused.iter().cloned());
    if let Some(missing) = &status.trial {
        lines.push(format!("on trial; {}", missing.join(", ")));
    }
    if let Some(order) = &status.order {
        lines.push(format!("update from {}: {}", order.source, progress(order)));
    }
    if let Some(last) = &status.last {
        let word = if last.is_well { "done" } else { "not done" };
        lines.push(format!("last: {word}: {}", last.words));
    }
    let mut text: String = lines.iter().map(|line| plain(line, 1000) + "\n").collect();
    if !status.slots.is_empty() {
        text.push('\n');
        text.push_str(&slots(status));
    }
    text
}

fn slots(status: &UpdateStatus) -> String {
    let mut table = Table::new(&[
        ("SLOT", Side::Left),
        ("STATE", Side::Left),
        ("VERSION", Side::Left),
        ("COUNTER", Side::Right),
        ("REFUSED", Side::Left),
    ]);
    for slot in &status.slots {
        let counter = slot.counter.map(|counter| counter.to_string());
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row(&[
            slot.slot.clone(),
            slot.state.clone(),
            or_none(&slot.version),
            or_none(&counter),
            or_none(&slot.refused),
        ]);
    }
    table.to_string()
}

/// How far an order is, in a line.
pub(crate) fn progress(order: &OrderStatus) -> String {
    let per_cent = order.taken.saturating_mul(100) / order.bytes.max(1);
    let waits = if order.waits.is_empty() {
        String::new()
    } else {
        format!("; {}", order.waits)
    };
    format!(
        "{} of {} bytes ({per_cent} %){waits}",
        order.taken, order.bytes
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use desk::{SlotStatus, UpdateOutcome};

    #[test]
    fn everything_an_operator_asks_stands_on_one_page() {
        let slot = |slot: &str, state: &str, version: Option<&str>| SlotStatus {
            slot: slot.to_owned(),
            state: state.to_owned(),
            version: version.map(str::to_owned),
            counter: version.map(|_| 5),
            refused: version.is_none().then(|| "empty".to_owned()),
        };
        let status = UpdateStatus {
            running: "A".to_owned(),
            version: "1.2.3".to_owned(),
            counter: 5,
            floor: 4,
            anchored: "no".to_owned(),
            reason: None,
            refused: Vec::new(),
            trial: Some(vec!["no line is open".to_owned()]),
            slots: vec![
                slot("A", "trial (2 tries left)", Some("1.2.3")),
                slot("B", "empty", None),
            ],
            order: Some(OrderStatus {
                source: "http://a/b".to_owned(),
                sha256: String::new(),
                taken: 50,
                bytes: 200,
                waits: String::new(),
            }),
            is_busy: true,
            last: Some(UpdateOutcome {
                is_well: false,
                words: "the image is refused".to_owned(),
            }),
        };
        assert_eq!(
            text(&status),
            "slot A runs: version 1.2.3, security counter 5 (floor 4)\n\
             firmware checked nothing: only damage is noticed, not a rewritten disk\n\
             on trial; no line is open\n\
             update from http://a/b: 50 of 200 bytes (25 %)\n\
             last: not done: the image is refused\n\
             \n\
             SLOT  STATE                 VERSION  COUNTER  REFUSED\n\
             A     trial (2 tries left)  1.2.3          5  -\n\
             B     empty                 -              -  empty\n"
        );
    }
}
