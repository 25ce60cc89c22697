//! One record on its way into the ledger. Pure.

use super::intake::Record;
use super::receipts::ReadReceipt;
use crate::limits::REMARK_CHARS_MAX;
use crate::words::plain;
use head_end::{Body, DecodeError, EventRecord, Gap, GapRange};
use metering::{Channel, ChannelKind, GatewayId, MeterId, ProfileRows, Quantity, Row, Timestamp};
use std::sync::Arc;
use storage::Stream;
use storage::ledger::Delivery;

/// What the live table shows of a meter when a block of it was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose meter.
    pub gateway: GatewayId,
    /// Which meter.
    pub meter: MeterId,
    /// End of the newest interval of the block.
    pub end: Timestamp,
    /// Its first total, or its first value: `1234.56 kWh`.
    pub value: String,
    /// Its flags in words.
    pub flags: String,
    /// Intervals that were booked.
    pub intervals: u64,
}

/// What is told of a record once it is booked.
#[derive(Debug)]
pub(super) enum Fact {
    /// Intervals, so many channels wide.
    Block {
        width: u64,
        flagged: u64,
        change: Change,
    },
    /// Polls.
    Readings(usize),
    /// An event.
    Event(EventRecord),
    /// The head of an audit chain; the ledger keeps its hash.
    Audit,
    /// What is lost, or the end of an answer.
    Gap(Gap),
    /// A state of a command, and whether its gateway's key proves it.
    Receipt(Box<ReadReceipt>),
    /// Something on the stream of receipts that this program cannot read; the ledger keeps its
    /// hash.
    UnreadReceipt,
}

/// The booking of a record; a block needs the channel list that explains it.
pub(super) fn booking(
    record: Record,
    list: Option<&Arc<[Channel]>>,
    at: Timestamp,
) -> Result<(Delivery, Fact), DecodeError> {
    let Record {
        gateway,
        message,
        body,
        receipt,
    } = record;
    let mut delivery = Delivery {
        gateway,
        epoch: message.epoch,
        stream: stored(message.stream),
        number: message.number,
        hash: message.body_hash(),
        rows: Vec::new(),
        rev: 0,
        lost: Vec::new(),
        receipt: None,
        at,
    };
    let fact = match body {
        Body::Profile(block) => {
            let list = list.ok_or(DecodeError::OtherChannels {
                expected: block.channels_version,
            })?;
            delivery.rev = block.revision;
            let rows = block.into_rows(list)?;
            let fact = block_fact(&delivery.gateway, &rows);
            delivery.rows.push(rows);
            fact
        }
        Body::Readings(readings) => Fact::Readings(readings.len()),
        Body::Event(event) => Fact::Event(event),
        Body::Audit(_) => Fact::Audit,
        Body::Receipt(signed) => match receipt {
            Some(read) => {
                delivery.receipt = Some(read.received(signed));
                Fact::Receipt(Box::new(read))
            }
            None => Fact::UnreadReceipt,
        },
        Body::Gap(gap) => {
            delivery.lost = lost(&gap, message.epoch);
            Fact::Gap(gap)
        }
    };
    Ok((delivery, fact))
}

/// Numbers of the record's own store that will never come.
fn lost(gap: &Gap, own: head_end::Epoch) -> Vec<(Stream, u64, u64)> {
    match &gap.range {
        GapRange::Numbers {
            epoch,
            stream,
            ranges,
        } if gap.reason.is_lost() && epoch.is_none_or(|epoch| epoch == own) => ranges
            .iter()
            .map(|(first, last)| (stored(*stream), *first, *last))
            .collect(),
        _ => Vec::new(),
    }
}

fn block_fact(gateway: &GatewayId, rows: &ProfileRows) -> Fact {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let last = rows.rows.last();
    let flagged = rows.rows.iter().filter(|row| !row.flags.is_good()).count();
    Fact::Block {
        width: count(rows.shape.channels.len()),
        flagged: count(flagged),
        change: Change {
            gateway: gateway.clone(),
            meter: rows.meter.clone(),
            end: last.map_or(Timestamp::default(), |row| row.end),
            value: last.map_or_else(String::new, |row| headline(&rows.shape.channels, row)),
            flags: last.map_or_else(String::new, |row| row.flags.to_string()),
            intervals: 0,
        },
    }
}

fn headline(channels: &[Channel], row: &Row) -> String {
    let values = || {
        let pairs = channels.iter().zip(&row.values);
        pairs.filter_map(|(channel, value)| value.map(|value| (channel, value)))
    };
    let total = values().find(|(channel, _)| channel.kind == ChannelKind::Register);
    total.or_else(|| values().next()).map_or_else(
        || "-".to_owned(),
        |(channel, digits)| {
            let quantity = Quantity {
                digits,
                exponent: channel.exponent,
                unit: channel.unit,
            };
            quantity.to_string()
        },
    )
}

/// An event as one line.
pub(super) fn event_text(gateway: &GatewayId, event: &EventRecord) -> String {
    let meter = event
        .meter
        .as_ref()
        .map_or_else(String::new, |meter| format!(" {meter}"));
    let text = format!(
        "{gateway}{meter}: {} ({}): {}",
        event.code, event.severity, event.detail
    );
    plain(&text, REMARK_CHARS_MAX)
}

/// A gap record as one line.
pub(super) fn gap_text(gateway: &GatewayId, gap: &Gap) -> String {
    let fate = if gap.reason.is_lost() {
        "lost for good"
    } else {
        "no loss"
    };
    let what = match &gap.range {
        GapRange::Numbers { stream, ranges, .. } => {
            let (first, last) = (ranges.first(), ranges.last());
            let first = first.map_or(0, |range| range.0);
            format!("{stream} {first} to {}", last.map_or(0, |range| range.1))
        }
        GapRange::Intervals {
            meter, from, to, ..
        } => format!("{meter} {from} to {to}"),
    };
    plain(
        &format!("{gateway}: {what}: {} ({fate})", gap.reason.word()),
        REMARK_CHARS_MAX,
    )
}

/// A stream of the contract in the ledger.
pub(super) const fn stored(stream: head_end::Stream) -> Stream {
    match stream {
        head_end::Stream::Profile => Stream::Profiles,
        head_end::Stream::Event => Stream::Events,
        head_end::Stream::Telemetry => Stream::Telemetry,
        head_end::Stream::Audit => Stream::Audit,
        head_end::Stream::Gap => Stream::Gaps,
        head_end::Stream::Receipt => Stream::Receipts,
    }
}
