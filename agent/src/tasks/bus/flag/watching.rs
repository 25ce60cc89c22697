//! What changed about a meter since the last look, as events.

use metering::EventCode;
use meters::ClockBasis;
use meters::catalogue::flag::{FlagIdentity, FlagLayout};
use meters::elster::{Content, ContentReader, SetBit};

/// An event and its words.
pub(super) type Found = (EventCode, String);

/// Compares what an identity says now with what it said before.
pub(super) fn changes(
    reader: &ContentReader<'_>,
    row: &FlagIdentity,
    before: &[u8],
    now: &[u8],
    _basis: &ClockBasis,
) -> Vec<Found> {
    let read = |octets: &[u8]| reader.read(row, octets).ok();
    match (&row.layout, read(before), read(now)) {
        (FlagLayout::Status { .. }, Some(Content::Status(old)), Some(Content::Status(new))) => {
            let bits = |words: &[meters::elster::StatusWord]| -> Vec<(String, SetBit)> {
                let each = words.iter();
                each.flat_map(|word| word.set.iter().map(|bit| (word.table.clone(), bit.clone())))
                    .collect()
            };
            status_changes(&bits(&old), &bits(&new))
        }
        (FlagLayout::Log(_), ..) => Vec::new(),
        (layout, old, new) => {
            let words = |content: Option<Content>, octets: &[u8]| {
                content.map_or_else(
                    || crate::hex::hex(octets),
                    |content| shown(&content, octets),
                )
            };
            let detail = format!(
                "{} (identity {}) was {}, and is {} now",
                row.content,
                row.number,
                words(old, before),
                words(new, now)
            );
            vec![(code_of(layout, &row.content), detail)]
        }
    }
}

fn status_changes(old: &[(String, SetBit)], new: &[(String, SetBit)]) -> Vec<Found> {
    let words = |table: &str, bit: &SetBit| {
        let known = bit.words.clone();
        known.unwrap_or_else(|| format!("bit {} of the {table} word", bit.bit))
    };
    let is_in = |list: &[(String, SetBit)], table: &str, bit: &SetBit| {
        list.iter()
            .any(|(other, known)| other == table && known.bit == bit.bit)
    };
    let appeared = new
        .iter()
        .filter(|(table, bit)| !is_in(old, table, bit))
        .map(|(table, bit)| {
            let code = bit.event.unwrap_or(EventCode::MeterStatusChanged);
            (code, format!("its status now says: {}", words(table, bit)))
        });
    let gone = old
        .iter()
        .filter(|(table, bit)| !is_in(new, table, bit))
        .map(|(table, bit)| {
            let words = words(table, bit);
            let detail = format!("its status no longer says: {words}");
            (EventCode::MeterStatusChanged, detail)
        });
    appeared.chain(gone).collect()
}

fn code_of(layout: &FlagLayout, content: &str) -> EventCode {
    match layout {
        FlagLayout::Ratio { .. } => EventCode::MeterRatioChanged,
        FlagLayout::ProfileMask | FlagLayout::ProfilePeriods => EventCode::MeterProfileReconfigured,
        FlagLayout::Text if content.contains("firmware") => EventCode::MeterIdentityChanged,
        _ => EventCode::MeterSetupChanged,
    }
}

fn shown(content: &Content, octets: &[u8]) -> String {
    match content {
        Content::Text(text) => format!("`{text}`"),
        Content::Ratio(ratio) => format!("{} : {}", ratio.primary, ratio.secondary),
        _ => crate::hex::hex(octets),
    }
}
