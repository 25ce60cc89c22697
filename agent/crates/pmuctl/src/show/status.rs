//! How the gateway is.

use crate::limits::COLUMNS;
use crate::plain;
use crate::table::{Side, Table};
use crate::words::{age_text, bytes_text, per_mille_text, wrapped};
use desk::{BusStatus, LinkState, OutboxStatus, Status, UplinkStatus};

pub(super) fn text(status: &Status) -> String {
    let mut text = format!(
        "gateway {}  version {}  up {}  memory {}\nutc {}  clock {}\n",
        plain(&status.gateway, 40),
        plain(&status.version, 20),
        age_text(status.up_s),
        bytes_text(status.rss_bytes),
        plain(&status.utc, 30),
        plain(&status.clock, 20),
    );
    text.push('\n');
    text.push_str(&buses(&status.buses));
    text.push('\n');
    text.push_str(&uplink(status.uplink.as_ref()));
    text.push('\n');
    text.push_str(&outbox(&status.outbox));
    if !status.alarms.is_empty() {
        text.push_str("\nalarms, newest last:\n");
    }
    for alarm in &status.alarms {
        text.push_str(&wrapped(&plain(alarm, 1000), "  ", COLUMNS));
    }
    text
}

fn buses(buses: &[BusStatus]) -> String {
    let mut table = Table::new(&[
        ("BUS", Side::Left),
        ("STATE", Side::Left),
        ("BUSY", Side::Right),
        ("REQUESTS", Side::Right),
        ("SILENT", Side::Right),
        ("DAMAGED", Side::Right),
        ("LATE", Side::Right),
        ("STALE B", Side::Right),
    ]);
    for bus in buses {
        let state = match bus.state {
            LinkState::Open => "open",
            LinkState::Gone(_) => "gone",
        };
        table.row(&[
            bus.bus.clone(),
            state.to_owned(),
            per_mille_text(bus.busy_per_mille),
            bus.requests.to_string(),
            bus.silent.to_string(),
            bus.damaged.to_string(),
            bus.late.to_string(),
            bus.stale_bytes.to_string(),
        ]);
        if let LinkState::Gone(why) = &bus.state {
            table.note(why);
        }
        for remark in &bus.remarks {
            table.note(remark);
        }
    }
    table.to_string()
}

fn uplink(uplink: Option<&UplinkStatus>) -> String {
    let Some(uplink) = uplink else {
        return "head-end: none is configured; everything stays here\n".to_owned();
    };
    let certificate = uplink.certificate_days.map_or_else(
        || "certificate: end unknown".to_owned(),
        |days| format!("certificate ends in {days} d"),
    );
    let state = format!(
        "head-end: {}, since {}",
        plain(&uplink.state, 500),
        plain(&uplink.since, 30)
    );
    format!(
        "{}  sent {}, watermarks {}, refused {}, connections {}, {certificate}\n",
        wrapped(&state, "", COLUMNS),
        uplink.sent,
        uplink.watermarks,
        uplink.watermarks_refused,
        uplink.connections,
    )
}

fn outbox(streams: &[OutboxStatus]) -> String {
    let mut table = Table::new(&[
        ("OUTBOX", Side::Left),
        ("NEXT", Side::Right),
        ("WAITING", Side::Right),
        ("SIZE", Side::Right),
        ("OLDEST", Side::Right),
        ("SET ASIDE", Side::Right),
    ]);
    for stream in streams {
        let oldest = if stream.waiting == 0 {
            "-".to_owned()
        } else {
            age_text(stream.oldest_s)
        };
        table.row(&[
            stream.stream.clone(),
            stream.next.to_string(),
            stream.waiting.to_string(),
            bytes_text(stream.bytes),
            oldest,
            stream.set_aside.to_string(),
        ]);
    }
    table.to_string()
}
