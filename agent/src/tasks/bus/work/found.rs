//! What pings, scans and trials found, for a person.

use super::diagnoses::said;
use super::words;
use desk::{Diagnosis, FoundMeter, Layer, PingResult, Progress, ScanResult};
use meters::doctor::Finding;
use meters::flag::{
    Examination, LineReach, Ping, ScanDoubt, ScanProgress, ScanProtocol, ScanReport, line_words,
};
use std::time::Duration;

/// How far a scan is.
pub(super) fn scan_progress(told: &ScanProgress) -> Progress {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Progress {
        done: count(told.done),
        total: count(told.total),
        words: format!("{}{}", told.words, time_left(told.left)),
    }
}

/// How long the rest of a scan takes; nothing where that is not worth a word.
fn time_left(left: Duration) -> String {
    match left.as_secs() {
        0..20 => String::new(),
        seconds @ 20..90 => format!("; up to {seconds} s more"),
        seconds => format!("; up to {} min more", seconds.div_ceil(60)),
    }
}

/// What a scan found; `configured` names the meter that one is.
pub(super) fn scan_result(
    report: &ScanReport,
    reach: &LineReach,
    configured: &dyn Fn(&meters::flag::FoundMeter) -> Option<String>,
) -> ScanResult {
    let doubts = report.doubts.iter();
    let doubts = doubts.filter_map(|doubt| doubted(doubt, reach)).collect();
    let found = report.found.iter().map(|found| {
        let faster = if found.setting.changes_speed {
            " and faster"
        } else {
            ""
        };
        FoundMeter {
            protocol: found.protocol.word().to_owned(),
            address: found.address.clone().unwrap_or_default(),
            line: format!("{}{faster}", line_words(&found.setting.line)),
            dtr: found
                .setting
                .dtr
                .map(|on| if on { "on" } else { "off" }.to_owned()),
            identification: found.identification.clone(),
            serial: found.serial.clone(),
            models: found.models.clone(),
            configured: configured(found),
            remark: found.remark.clone(),
        }
    });
    ScanResult {
        found: found.collect(),
        doubts,
        tried: report.tried.clone(),
        left_out: report.left_out.clone(),
    }
}

fn doubted(doubt: &ScanDoubt, reach: &LineReach) -> Option<Diagnosis> {
    let whom = match (&doubt.address, doubt.protocol) {
        (Some(address), _) => format!("address {address}"),
        (None, ScanProtocol::Dlms) => "without a lower address".to_owned(),
        (None, _) => "without an address".to_owned(),
    };
    let place = format!("{} {}, {whom}", doubt.protocol, doubt.setting);
    let tried = vec![format!("{place}: {}", doubt.sighting)];
    let finding = doubt.finding(reach);
    let mut diagnosis = diagnosis(&finding, tried)?;
    diagnosis.happened = format!("{place}: {}", diagnosis.happened);
    Some(diagnosis)
}

/// What a ping found.
pub(super) fn ping_result(ping: &Ping, reach: &LineReach, meter: &str) -> PingResult {
    let layers = ping.steps.iter().map(|step| Layer {
        name: step.layer.to_string(),
        is_well: step.is_well,
        words: step.words.clone(),
    });
    let layers: Vec<Layer> = layers.collect();
    let examination = ping.examination.as_ref();
    let tried = examination.map_or_else(Vec::new, Examination::words);
    let finding = ping.finding(reach);
    let mut told = diagnosis(&finding, tried);
    if told.is_none()
        && let Some(bad) = layers.iter().find(|layer| !layer.is_well)
    {
        told = Some(words::bad_layer(meter, &bad.name, &bad.words));
    }
    PingResult {
        layers,
        diagnosis: told,
    }
}

/// The password was refused before.
pub(super) fn tell_refused(result: &mut PingResult) {
    let mut layers = result.layers.iter_mut();
    if let Some(layer) = layers.find(|layer| layer.name == "password") {
        layer.is_well = false;
        let words = "it was refused before, and is not tried again for a day";
        words.clone_into(&mut layer.words);
        result.diagnosis.get_or_insert_with(words::refused_before);
    }
}

/// A ping that did not get as far as the meter.
pub(super) fn unreached(diagnosis: Diagnosis, is_dialled: bool) -> PingResult {
    let layer = |name: &str, is_well, words: &str| Layer {
        name: name.to_owned(),
        is_well,
        words: words.to_owned(),
    };
    let mut layers = Vec::new();
    if is_dialled {
        layers.push(layer("port", true, "open"));
        layers.push(layer("line", false, &diagnosis.happened));
    } else {
        layers.push(layer("port", false, &diagnosis.happened));
    }
    PingResult {
        layers,
        diagnosis: Some(diagnosis),
    }
}

/// Why a session could not be opened, as trials tell it.
pub(super) fn examined(
    examination: &Examination,
    reach: &LineReach,
    meter: &str,
    fault: &str,
) -> Diagnosis {
    let tried = examination.words();
    let told = diagnosis(&examination.finding(reach), tried.clone());
    told.unwrap_or_else(|| {
        let mut diagnosis = words::answers_now(meter, fault);
        diagnosis.tried = tried;
        diagnosis
    })
}

/// The message of a finding; none where nothing is wrong.
fn diagnosis(finding: &Finding, tried: Vec<String>) -> Option<Diagnosis> {
    let mut told = said(finding.message()?);
    told.tried = tried;
    Some(told)
}
