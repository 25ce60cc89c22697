//! What a configuration would do to each bus: the plan, the forecast, and what should be checked
//! at the meters. Touches nothing.

use crate::config::{BusSettings, DlmsMeter, DlmsProof, MeterSettings, Settings, Speaks};
use crate::plan;
use meters::catalogue::flag::LogOnStyle;
use meters::forecast::{Forecast, Load, Verdict, forecast};
use meters::planner::{PlannedMeter, PlannerSettings, SessionMeter};
use std::collections::BTreeSet;
use std::fmt::Write;

/// What `pmu-agent check` says.
#[derive(Debug, Clone)]
pub struct Report {
    /// For a person.
    pub text: String,
    /// A bus would be more than fully busy: the daemon refuses to start.
    pub refused: bool,
}

/// Why the daemon refuses to start with this configuration, if it does.
pub fn refused(settings: &Settings) -> Option<String> {
    let words: Vec<String> = settings
        .buses
        .iter()
        .map(|bus| bus_forecast(settings, bus))
        .filter(|found| found.verdict == Verdict::Refused)
        .flat_map(|found| found.words)
        .collect();
    (!words.is_empty()).then(|| words.join("\n"))
}

/// The whole report.
pub fn report(settings: &Settings) -> Report {
    let mut text = String::new();
    let mut refused = false;
    line(&mut text, format_args!("gateway {}", settings.gateway));
    for bus in &settings.buses {
        let forecast = bus_forecast(settings, bus);
        refused |= forecast.verdict == Verdict::Refused;
        say_bus(&mut text, settings, bus, &forecast);
    }
    if settings.meters.is_empty() {
        line(
            &mut text,
            format_args!("no [[meter]] is configured: nothing will be read"),
        );
    }
    match &settings.uplink {
        Some(uplink) => {
            line(
                &mut text,
                format_args!("head-end: {}:{} over TLS 1.3", uplink.host, uplink.port),
            );
        }
        None => line(
            &mut text,
            format_args!("no [uplink]: everything is stored, nothing is sent"),
        ),
    }
    say_doubts(&mut text, settings);
    let verdict = if refused {
        "refused: see above"
    } else {
        "configuration is good"
    };
    line(&mut text, format_args!("{verdict}"));
    text.truncate(text.trim_end().len());
    Report { text, refused }
}

fn bus_forecast(settings: &Settings, bus: &BusSettings) -> Forecast {
    let meters: Vec<PlannedMeter> = settings
        .meters_of(&bus.id)
        .filter_map(|meter| Some(plan::forecast_plan(meter, meter.modbus()?)))
        .collect();
    let planner = PlannerSettings {
        late_after: bus.late_after,
    };
    let sessions: Vec<SessionMeter> = settings
        .meters_of(&bus.id)
        .filter_map(|meter| plan::session_meter(meter, bus))
        .collect();
    let load = Load {
        meters: &meters,
        sessions: &sessions,
    };
    forecast(&bus.id, load, plan::timing(bus), planner)
}

fn say_bus(text: &mut String, settings: &Settings, bus: &BusSettings, forecast: &Forecast) {
    line(text, format_args!("\nbus {}: {}", bus.id, bus.link));
    for meter in settings.meters_of(&bus.id) {
        say_meter(text, meter);
    }
    say_forecast(text, forecast);
    for words in &forecast.words {
        line(text, format_args!("  {words}"));
    }
}

fn say_forecast(text: &mut String, forecast: &Forecast) {
    if forecast.meters.is_empty() {
        return;
    }
    let percent = |share: u32| format!("{}.{} %", share / 10, share % 10);
    let with_dead: Vec<String> = (1..)
        .zip(&forecast.with_dead)
        .take(3)
        .map(|(count, share)| format!("{} with {count}", percent(*share)))
        .collect();
    let dead = match with_dead.as_slice() {
        [] => String::new(),
        some => format!("; dead meters would make it {}", some.join(", ")),
    };
    let burst = forecast.sample_burst;
    let tenths = burst.as_millis().div_ceil(100);
    line(
        text,
        format_args!(
            "  forecast: {} busy{dead}; all samples of a mark take {}.{} s",
            percent(forecast.healthy),
            tenths / 10,
            tenths % 10
        ),
    );
}

fn say_meter(text: &mut String, meter: &MeterSettings) {
    let mut reads = Vec::new();
    if let Some(profile) = &meter.profile {
        let (count, seconds) = (profile.totals.len(), profile.period.seconds());
        reads.push(format!("load profile of {count} totals every {seconds} s"));
    }
    if let Some(instant) = &meter.instant {
        let (count, seconds) = (instant.values.len(), instant.every.as_secs());
        reads.push(format!("{count} values every {seconds} s"));
    }
    let model = meter.model_id();
    let place = match &meter.speaks {
        Speaks::Modbus(modbus) => format!("unit {}", modbus.unit),
        Speaks::Flag(flag) => {
            let seconds = flag.collect.every.as_secs();
            reads.insert(0, format!("registers and events every {seconds} s"));
            if flag.has_own_profile() {
                let days = flag.collect.days_max;
                reads.push(format!("its own load profile, {days} days at most"));
            }
            if flag.access.password.is_none() && flag.model.session.log_on != LogOnStyle::None {
                reads.push("without a password only what is public".to_owned());
            }
            match (&flag.number, &flag.address) {
                (Some(number), Some(address)) => format!("number {number}, address {address}"),
                (Some(number), None) => format!("number {number}"),
                (None, Some(address)) => format!("address {address}"),
                (None, None) => "without an address".to_owned(),
            }
        }
        Speaks::Dlms(dlms) => dlms_place(dlms, &mut reads),
    };
    let line_words = format!("  {} {place} {model}: {}", meter.id, reads.join(", "));
    line(text, format_args!("{line_words}"));
}

/// Where a DLMS meter is, and what is read of it.
fn dlms_place(dlms: &DlmsMeter, reads: &mut Vec<String>) -> String {
    let seconds = dlms.collect.every.as_secs();
    reads.insert(0, format!("registers every {seconds} s"));
    if dlms.model.load_profile().is_some() {
        let days = dlms.collect.days_max;
        reads.push(format!("its own load profile, {days} days at most"));
    }
    reads.push(match &dlms.proof {
        DlmsProof::None => "without a proof only what is public".to_owned(),
        DlmsProof::Password(_) => {
            "proven by a password that everybody on the line can read".to_owned()
        }
        DlmsProof::Keys(suite) => format!("ciphered, suite {}", suite.number()),
    });
    format!(
        "{}, association {}",
        dlms.line_name(),
        dlms.association.name
    )
}

/// What the model files themselves are not sure of, for the values that are really read.
fn say_doubts(text: &mut String, settings: &Settings) {
    let mut seen = BTreeSet::new();
    for meter in &settings.meters {
        let read: BTreeSet<String> = meter
            .profile
            .iter()
            .flat_map(|profile| &profile.totals)
            .chain(meter.instant.iter().flat_map(|instant| &instant.values))
            .map(ToString::to_string)
            .collect();
        let doubts = match &meter.speaks {
            Speaks::Modbus(modbus) => modbus.model.doubts(),
            Speaks::Flag(flag) => flag.model.doubts(),
            Speaks::Dlms(dlms) => dlms.model.doubts(),
        };
        for doubt in doubts {
            let about_value = doubt.about.contains(':');
            if !about_value || read.contains(&doubt.about) {
                seen.insert(doubt.to_string());
            }
        }
    }
    if seen.is_empty() {
        return;
    }
    line(
        text,
        format_args!("\ncheck at the meters, because the model files are not sure:"),
    );
    for doubt in seen {
        line(text, format_args!("  {doubt}"));
    }
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    if writeln!(text, "{words}").is_err() {
        log::debug!("a string cannot be written to");
    }
}
