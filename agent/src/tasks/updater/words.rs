//! What people and the head-end read of updates.

use bootloader_verify::SlotState;
use desk::{OrderStatus, SlotStatus, UpdateStatus};
use ota::{BootReport, Health, Running, SlotSight};

use super::order_note::OrderNote;
use super::work::Step;

pub(super) fn status(report: &BootReport, seen: Option<&Health>) -> UpdateStatus {
    let slots = seen.map(|health| health.slots.iter().map(slot_status).collect());
    UpdateStatus {
        running: running_word(report.running),
        version: report.version.clone(),
        counter: report.counter,
        floor: seen.map_or(0, |health| health.floor),
        anchored: report.anchored.clone(),
        reason: report.reason.clone(),
        refused: refused(report),
        trial: None,
        slots: slots.unwrap_or_default(),
        order: None,
        is_busy: false,
        last: None,
    }
}

pub(super) fn order_status(note: &OrderNote, step: &Step) -> OrderStatus {
    OrderStatus {
        source: note.source.to_string(),
        sha256: crate::hex::hex(&note.order.sha256),
        taken: step.taken,
        bytes: note.order.bytes,
        waits: step.waits.clone(),
    }
}

/// Candidates that the boot refused, each in words.
pub(super) fn refused(report: &BootReport) -> Vec<String> {
    let attempts = report.attempts.iter();
    attempts
        .map(|attempt| format!("slot {} was refused: {}", attempt.candidate, attempt.reason))
        .collect()
}

/// Why this boot is not the one that was wanted; none if it is.
pub(super) fn fell_back(report: &BootReport) -> Option<String> {
    let refused = refused(report);
    if refused.is_empty() && report.reason.is_none() {
        return None;
    }
    let mut words = vec![format!("{} runs", running_words(report.running))];
    words.extend(
        report
            .reason
            .iter()
            .map(|reason| format!("reason: {reason}")),
    );
    words.extend(refused);
    Some(words.join("; "))
}

pub(super) fn running_word(running: Running) -> String {
    match running {
        Running::Slot(slot) => slot.to_string(),
        Running::Recovery => "recovery".to_owned(),
    }
}

fn running_words(running: Running) -> String {
    match running {
        Running::Slot(slot) => format!("slot {slot}"),
        Running::Recovery => "recovery".to_owned(),
    }
}

fn slot_status(sight: &SlotSight) -> SlotStatus {
    let manifest = sight.manifest.as_ref();
    let refused = manifest.err().copied().or(sight.record.refused);
    SlotStatus {
        slot: sight.slot.to_string(),
        state: match sight.record.state {
            SlotState::Empty => "empty".to_owned(),
            SlotState::Writing => "writing".to_owned(),
            SlotState::Trial { left: 0 } => "left".to_owned(),
            SlotState::Trial { left } => format!("trial ({left} tries left)"),
            SlotState::Good => "good".to_owned(),
            SlotState::Bad => "bad".to_owned(),
        },
        version: manifest.ok().map(|manifest| manifest.version.clone()),
        counter: manifest.ok().map(|manifest| manifest.counter),
        refused: refused.map(|refusal| refusal.word().to_owned()),
    }
}
