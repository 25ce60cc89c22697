//! What changed in a meter since it was last read, as events for the gateway's own long log.
//!
//! A meter counts its events and keeps the stamps of the last few only. Whoever reads often builds
//! the log that the meter cannot keep; where a counter moved further than there are stamps, that is
//! said. Both readings are compared as octets of an identity, so what is to be kept between
//! readings is those octets alone.

mod counters;

use crate::catalogue::flag::{FlagIdentity, FlagModel, IdentityWhat};
use crate::clock_basis::{ClockBasis, Instants};
use crate::doctor::Finding;
use crate::elster::{Content, ContentReader, Ratio, StatusWord};
use metering::{EventCode, MeterTime, Timestamp};

/// Something that happened in a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterEvent {
    /// What.
    pub code: EventCode,
    /// What the meter's clock showed when it happened; nothing where the meter has no stamp.
    pub shown: Option<MeterTime>,
    /// When it happened, by the calendar of the meter's clock.
    pub at: Option<Timestamp>,
    /// What it means, in words.
    pub detail: String,
    /// What the doctor says of it, where it concerns the meter's set-up.
    pub finding: Option<Finding>,
}

/// Compares readings of one meter.
#[derive(Debug, Clone)]
pub struct MeterLog<'m> {
    model: &'m FlagModel,
    variant: &'m str,
    basis: &'m ClockBasis,
}

impl<'m> MeterLog<'m> {
    /// For a meter of this variant, whose clock runs by this calendar.
    pub fn new(model: &'m FlagModel, variant: &'m str, basis: &'m ClockBasis) -> Self {
        Self {
            model,
            variant,
            basis,
        }
    }

    /// What changed in an identity between two readings of its octets. Octets that cannot be read
    /// give no event: whoever read them has been told.
    pub fn changes(&self, row: &FlagIdentity, before: &[u8], now: &[u8]) -> Vec<MeterEvent> {
        if before == now {
            return Vec::new();
        }
        let reader = ContentReader::new(self.model, self.variant);
        let read = |octets| reader.read(row, octets).ok();
        match (read(before), read(now)) {
            (Some(Content::Log(before)), Some(Content::Log(now))) => {
                counters::compare(&before, &now, self.basis)
            }
            (Some(Content::Status(before)), Some(Content::Status(now))) => {
                compare_status(&before, &now)
            }
            (Some(Content::Ratio(before)), Some(Content::Ratio(now))) => {
                vec![ratio_changed(&before, &now)]
            }
            (Some(Content::Text(before)), Some(Content::Text(now))) if before != now => {
                vec![text_changed(row, &before, &now)]
            }
            (Some(Content::Sources(_)), Some(Content::Sources(_)))
            | (Some(Content::SourceGroups(_)), Some(Content::SourceGroups(_))) => {
                vec![changed(EventCode::MeterSetupChanged, row, before, now)]
            }
            (Some(Content::Periods(_)), Some(Content::Periods(_))) => {
                vec![changed(
                    EventCode::MeterProfileReconfigured,
                    row,
                    before,
                    now,
                )]
            }
            (Some(Content::Raw(_)), Some(Content::Raw(_))) if self.is_mask(row) => {
                vec![changed(
                    EventCode::MeterProfileReconfigured,
                    row,
                    before,
                    now,
                )]
            }
            _ => Vec::new(),
        }
    }

    fn is_mask(&self, row: &FlagIdentity) -> bool {
        let profile = self.model.profile.as_ref();
        profile.and_then(|profile| profile.mask) == Some(row.number)
    }
}

/// A bit of a status that is set now and was not before, or the other way round.
fn compare_status(before: &[StatusWord], now: &[StatusWord]) -> Vec<MeterEvent> {
    let mut events = Vec::new();
    for (old, new) in before.iter().zip(now) {
        let is_in = |word: &StatusWord, bit: u8| word.set.iter().any(|set| set.bit == bit);
        for set in new.set.iter().filter(|set| !is_in(old, set.bit)) {
            let words = set.words.as_deref().unwrap_or("meaning not known");
            events.push(MeterEvent {
                code: set.event.unwrap_or(EventCode::MeterStatusChanged),
                shown: None,
                at: None,
                detail: format!("status {} bit {} came up: {words}", new.table, set.bit),
                finding: None,
            });
        }
        for set in old.set.iter().filter(|set| !is_in(new, set.bit)) {
            let words = set.words.as_deref().unwrap_or("meaning not known");
            events.push(MeterEvent {
                code: EventCode::MeterStatusChanged,
                shown: None,
                at: None,
                detail: format!("status {} bit {} went: {words}", old.table, set.bit),
                finding: None,
            });
        }
    }
    events
}

fn ratio_changed(before: &Ratio, now: &Ratio) -> MeterEvent {
    let words = |ratio: &Ratio| format!("{} : {}", ratio.primary, ratio.secondary);
    let what = format!(
        "the ratio of transformers ({}, now {})",
        words(before),
        words(now)
    );
    setup_changed(EventCode::MeterRatioChanged, what)
}

fn text_changed(row: &FlagIdentity, before: &str, now: &str) -> MeterEvent {
    let code = match row.what {
        Some(IdentityWhat::Serial | IdentityWhat::Firmware) => EventCode::MeterIdentityChanged,
        Some(IdentityWhat::Scheme) | None => EventCode::MeterSetupChanged,
    };
    setup_changed(code, format!("{} (`{before}`, now `{now}`)", row.content))
}

fn changed(code: EventCode, row: &FlagIdentity, before: &[u8], now: &[u8]) -> MeterEvent {
    let what = format!("{} ({before:02X?}, now {now:02X?})", row.content);
    setup_changed(code, what)
}

/// Something of the meter's set-up changed.
fn setup_changed(code: EventCode, what: String) -> MeterEvent {
    let finding = Finding::SetupChanged { what, who: None };
    MeterEvent {
        code,
        shown: None,
        at: None,
        detail: finding
            .message()
            .map_or_else(String::new, |message| message.line()),
        finding: Some(finding),
    }
}

/// The instant of a stamp; of an hour that came twice the first.
fn instant(basis: &ClockBasis, shown: MeterTime) -> Timestamp {
    match basis.instants_of(shown) {
        Instants::Once(at) | Instants::Twice(at, _) | Instants::Never(at) => at,
    }
}

#[cfg(test)]
mod tests;
