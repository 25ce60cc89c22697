//! Events on the wire. A code that this program does not know is kept and shown, never dropped.

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{BODY_BYTES_MAX, MILLIS_MAX, TEXT_BYTES_MAX, WORD_BYTES_MAX};
use crate::strict;
use metering::{Event, EventCode, MeterId, Timestamp};
use serde::{Deserialize, Serialize};

/// An event as it travels: its words may be newer than this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// What, in the word of the contract.
    pub code: String,
    /// How much it matters: `note`, `act` or `stop`.
    pub severity: String,
    /// The meter concerned, if one is.
    pub meter: Option<MeterId>,
    /// What it means and what to do, in words.
    pub detail: String,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    at: u64,
    c: String,
    sev: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<String>,
    txt: String,
}

impl From<&Event> for EventRecord {
    fn from(event: &Event) -> Self {
        Self {
            at: event.at,
            code: event.code.word().to_owned(),
            severity: event.code.severity().word().to_owned(),
            meter: event.meter.clone(),
            detail: shortened(&event.detail),
        }
    }
}

/// A text that is too long keeps its beginning: an event must reach people in any case.
fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

impl EventRecord {
    /// The event in our own words, where this program knows its code.
    pub fn known(&self) -> Option<Event> {
        let code = EventCode::ALL
            .iter()
            .find(|code| code.word() == self.code)?;
        Some(Event {
            at: self.at,
            code: *code,
            meter: self.meter.clone(),
            detail: self.detail.clone(),
        })
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        strict::ensure(self.at.millis() <= MILLIS_MAX, "at")?;
        strict::ensure(self.code.len() <= WORD_BYTES_MAX, "c")?;
        strict::ensure(self.severity.len() <= WORD_BYTES_MAX, "sev")?;
        strict::ensure(self.detail.len() <= TEXT_BYTES_MAX, "txt")?;
        let wire = Wire {
            at: self.at.millis(),
            c: self.code.clone(),
            sev: self.severity.clone(),
            m: self.meter.as_ref().map(ToString::to_string),
            txt: self.detail.clone(),
        };
        strict::encode(&wire, BODY_BYTES_MAX)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: Wire = strict::decode(bytes, BODY_BYTES_MAX)?;
        strict::check(wire.c.len() <= WORD_BYTES_MAX, "c")?;
        strict::check(wire.sev.len() <= WORD_BYTES_MAX, "sev")?;
        strict::check(wire.txt.len() <= TEXT_BYTES_MAX, "txt")?;
        let meter = wire.m.map(|name| strict::text(&name, "m"));
        Ok(Self {
            at: strict::timestamp(wire.at, "at")?,
            code: wire.c,
            severity: wire.sev,
            meter: meter.transpose()?,
            detail: wire.txt,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(detail: &str) -> Event {
        Event {
            at: Timestamp::from_millis(1_700_000_000_123),
            code: EventCode::MeterSilent,
            meter: Some("feeder-3".parse().unwrap()),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn an_event_survives_the_wire() {
        let event = event("no answer since 04:17; check its supply");
        let bytes = EventRecord::from(&event).encode().unwrap();
        let record = EventRecord::decode(&bytes).unwrap();
        assert_eq!(record.severity, "act");
        assert_eq!(record.known(), Some(event));
    }

    #[test]
    fn an_event_of_a_newer_gateway_is_kept_in_its_own_words() {
        let mut record = EventRecord::from(&event("…"));
        record.code = "meter-on-the-moon".to_owned();
        record.severity = "panic".to_owned();
        let again = EventRecord::decode(&record.encode().unwrap()).unwrap();
        assert_eq!(again, record);
        assert_eq!(again.known(), None);
    }

    #[test]
    fn a_text_without_end_is_cut_between_characters() {
        let record = EventRecord::from(&event(&"a…".repeat(1000)));
        assert_eq!(record.detail.len(), 2048);
        assert!(record.encode().is_ok());
        let odd = EventRecord::from(&event(&"…".repeat(1000)));
        assert_eq!(odd.detail.len(), 2046);
    }
}
