//! What the agent says, on the page.

use super::{Answers, Page, space};
use crate::words::{age_text, bytes_text, counted};
use desk::{BusStatus, LinkState, MeterStatus, MeterTrust, OutboxStatus, UplinkStatus};

/// Names in one row.
const NAMES_SHOWN: usize = 6;

pub(super) fn show(page: &mut Page, answers: &Answers) {
    let status = &answers.status;
    let words = format!(
        "{}, runs since {}, memory {}",
        status.version,
        age_text(status.up_s),
        bytes_text(status.rss_bytes)
    );
    page.item("agent", &words, 1);
    buses(page, &status.buses);
    meters(page, &answers.meters);
    uplink(page, status.uplink.as_ref(), &status.outbox);
    let stats = answers.store.as_ref();
    space(
        page,
        stats.map(|stats| (stats.disk_free_bytes, stats.disk_total_bytes)),
    );
    alarms(page, &status.alarms);
}

fn buses(page: &mut Page, buses: &[BusStatus]) {
    let gone: Vec<String> = buses
        .iter()
        .filter_map(|bus| match &bus.state {
            LinkState::Open => None,
            LinkState::Gone(why) => Some(format!("{} ({why})", bus.bus)),
        })
        .collect();
    let open = buses.len() - gone.len();
    let words = match gone.as_slice() {
        _ if buses.is_empty() => "none is configured".to_owned(),
        [] => format!("{open} open"),
        gone => format!("{open} open, {} GONE: {}", gone.len(), names(gone)),
    };
    page.item("buses", &words, 2);
}

fn meters(page: &mut Page, meters: &[MeterStatus]) {
    if meters.is_empty() {
        page.item("meters", "none is configured", 1);
        return;
    }
    let named = |is_wanted: fn(&MeterStatus) -> bool| {
        let wanted = meters.iter().filter(|meter| is_wanted(meter));
        wanted.map(|meter| meter.meter.clone()).collect::<Vec<_>>()
    };
    let healthy = named(|meter| meter.state == "healthy").len();
    let mut words = vec![format!("{healthy} of {} healthy", meters.len())];
    let groups = [
        ("silent", named(|meter| meter.state == "silent")),
        ("doubtful", named(|meter| meter.state == "doubtful")),
        (
            "ANOTHER METER",
            named(|meter| meter.trust == MeterTrust::Wrong),
        ),
    ];
    for (state, members) in groups.iter().filter(|group| !group.1.is_empty()) {
        words.push(format!("{} {state}: {}", members.len(), names(members)));
    }
    page.item("meters", &words.join("; "), 3);
}

pub(super) fn uplink(page: &mut Page, uplink: Option<&UplinkStatus>, outbox: &[OutboxStatus]) {
    let Some(uplink) = uplink else {
        page.item("head-end", "none is configured; everything stays here", 1);
        return;
    };
    let waiting: u64 = outbox.iter().map(|stream| stream.waiting).sum();
    let oldest = outbox.iter().map(|stream| stream.oldest_s).max();
    let mut words = vec![format!("{}, since {}", uplink.state, uplink.since)];
    if let Some(oldest) = oldest.filter(|_| waiting > 0) {
        let what = if waiting == 1 {
            "entry waits"
        } else {
            "entries wait"
        };
        let oldest = age_text(oldest);
        words.push(format!("{waiting} {what}, the oldest for {oldest}"));
    }
    if let Some(days) = uplink.certificate_days.filter(|days| *days <= 30) {
        words.push(format!("CERTIFICATE ENDS in {days} d"));
    }
    page.item("head-end", &words.join("; "), 3);
}

pub(super) fn alarms(page: &mut Page, alarms: &[String]) {
    if alarms.is_empty() {
        page.item("alarms", "none", 1);
        return;
    }
    let count = counted(u64::try_from(alarms.len()).unwrap_or(u64::MAX), "alarm");
    page.item("alarms", &format!("{count}, newest first:"), 1);
    for alarm in alarms.iter().rev() {
        let room = page.room().min(2);
        if room == 0 {
            return;
        }
        page.item("", &format!("- {alarm}"), room);
    }
}

fn names(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let end = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{end}", shown.join(", "))
}
