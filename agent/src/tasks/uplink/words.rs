//! Entries of the store in the words of the contract.

use crate::tasks::storekeeper::Announcement;
use head_end::limits::{REFUSED_SYSTEMS_MAX, WORD_BYTES_MAX};
use head_end::{
    Birth, Body, EncodeError, EventRecord, Gap, GapRange, GapReason, Message, Mode, Origin,
    RecoveryBirth, RefusedSystem, RequestId, Subject, Topic, Will, channels_version,
};
use metering::{GatewayId, Timestamp};
use ota::BootReport;
use std::collections::HashSet;
use std::time::Duration;
use storage::{Entry, Stream};

/// What a PUBLISH adds to the payload: topic, identifiers, properties, with room to spare.
pub(super) const OVERHEAD: usize = 256;
/// Sent later than this after its commit, a message says that it is history.
const HISTORY_AFTER: Duration = Duration::from_hours(1);
/// Instantaneous values older than this are of no use to a live display.
const TELEMETRY_EXPIRES: Duration = Duration::from_hours(24);

/// Which channel lists this connection has already carried.
pub(super) type ListsSent = HashSet<u32>;

/// Topic and bytes of the will of connection `sid`.
pub(super) fn will(gateway: &GatewayId, sid: u64, mode: Mode) -> (String, Vec<u8>) {
    let will = Will { session: sid, mode };
    (presence_topic(gateway), will.encode().unwrap_or_default())
}

fn presence_topic(gateway: &GatewayId) -> String {
    Topic {
        gateway: gateway.clone(),
        subject: Subject::Presence,
    }
    .to_string()
}

/// Topic of a stream.
pub(super) fn topic(gateway: &GatewayId, stream: Stream) -> String {
    Topic {
        gateway: gateway.clone(),
        subject: Subject::Records(contract(stream)),
    }
    .to_string()
}

/// Topic and bytes of the birth.
pub(super) fn birth(
    gateway: &GatewayId,
    boot: u64,
    sid: u64,
    at: (Timestamp, metering::ClockQuality),
    announced: &Announcement,
) -> Result<(String, Vec<u8>), EncodeError> {
    let outbox = announced
        .outbox
        .iter()
        .map(|state| {
            (
                contract(state.stream),
                (state.oldest.unwrap_or(state.next), state.next),
            )
        })
        .collect();
    let birth = Birth {
        session: sid,
        boots: boot,
        at: at.0,
        clock: at.1,
        firmware: env!("CARGO_PKG_VERSION").to_owned(),
        hardware: std::env::consts::ARCH.to_owned(),
        epoch: announced.epoch,
        outbox,
        capabilities: vec!["backfill".to_owned()],
        set_aside: announced.outbox.iter().map(|state| state.set_aside).sum(),
        // The command desk says what it has once it stands.
        key_set: 0,
        accepted: std::collections::BTreeMap::new(),
    };
    Ok((presence_topic(gateway), birth.encode()?))
}

/// Topic and bytes of the birth of the recovery system.
pub(super) fn recovery_birth(
    gateway: &GatewayId,
    sid: u64,
    at: (Timestamp, metering::ClockQuality),
    report: &BootReport,
) -> Result<(String, Vec<u8>), EncodeError> {
    let attempts = report.attempts.iter().take(REFUSED_SYSTEMS_MAX);
    let birth = RecoveryBirth {
        session: sid,
        at: at.0,
        clock: at.1,
        firmware: env!("CARGO_PKG_VERSION").to_owned(),
        hardware: std::env::consts::ARCH.to_owned(),
        system: short(&report.version),
        reason: report.reason.as_deref().map(short),
        refused: attempts
            .map(|attempt| RefusedSystem {
                slot: short(&attempt.candidate),
                reason: short(&attempt.reason),
            })
            .collect(),
        capabilities: Vec::new(),
    };
    Ok((presence_topic(gateway), birth.encode()?))
}

/// As much of a word as the contract takes: a birth that says less is better than none.
fn short(word: &str) -> String {
    let mut end = word.len().min(WORD_BYTES_MAX);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    word.split_at(end).0.to_owned()
}

/// The bytes of an entry's message. A channel list goes along the first time a connection needs it.
pub(super) fn message(
    entry: &Entry,
    epoch: [u8; 8],
    now: Timestamp,
    lists: &mut ListsSent,
) -> Result<Vec<u8>, EncodeError> {
    let body = match &entry.body {
        storage::Body::Profile(rows) => Body::of_profile(rows, Origin::Gateway, 0)?,
        storage::Body::Readings(readings) => Body::Readings(readings.clone()),
        storage::Body::Event(event) => Body::Event(EventRecord::from(event)),
        storage::Body::Audit(head) => Body::Audit(head_end::AuditHead {
            number: head.number,
            hash: head.hash,
        }),
        storage::Body::Gap(gap) => Body::Gap(contract_gap(gap)),
        storage::Body::Receipt(signed) => Body::Receipt(signed.clone()),
    };
    let mut message = Message::new(epoch, entry.number, entry.at, entry.clock, &body)?;
    message.is_history = entry.at.after(HISTORY_AFTER) < now;
    if let storage::Body::Profile(rows) = &entry.body
        && lists.insert(channels_version(&rows.shape.channels)?)
    {
        message.channels = Some(rows.shape.channels.clone());
    }
    message.encode()
}

/// How long the broker need keep a message of this stream.
pub(super) fn expiry(stream: Stream) -> Option<Duration> {
    (stream == Stream::Telemetry).then_some(TELEMETRY_EXPIRES)
}

/// A stream of the store in the contract.
pub(super) fn contract(stream: Stream) -> head_end::Stream {
    match stream {
        Stream::Profiles => head_end::Stream::Profile,
        Stream::Events => head_end::Stream::Event,
        Stream::Telemetry => head_end::Stream::Telemetry,
        Stream::Audit => head_end::Stream::Audit,
        Stream::Gaps => head_end::Stream::Gap,
        Stream::Receipts => head_end::Stream::Receipt,
    }
}

/// A stream of the contract in the store.
pub(super) fn stored(stream: head_end::Stream) -> Stream {
    match stream {
        head_end::Stream::Profile => Stream::Profiles,
        head_end::Stream::Event => Stream::Events,
        head_end::Stream::Telemetry => Stream::Telemetry,
        head_end::Stream::Audit => Stream::Audit,
        head_end::Stream::Gap => Stream::Gaps,
        head_end::Stream::Receipt => Stream::Receipts,
    }
}

fn contract_gap(gap: &storage::GapRecord) -> Gap {
    let range = match &gap.what {
        storage::GapRange::Numbers { stream, ranges } => GapRange::Numbers {
            epoch: None,
            stream: contract(*stream),
            ranges: ranges.clone(),
        },
        storage::GapRange::Rows {
            meter,
            profile,
            from,
            to,
        } => GapRange::Intervals {
            meter: meter.clone(),
            profile: *profile,
            from: *from,
            to: *to,
        },
    };
    let reason = match gap.why {
        storage::GapReason::OutboxFull => GapReason::OutboxFull,
        storage::GapReason::TooOld => GapReason::TooOld,
        storage::GapReason::DiskNearlyFull => GapReason::DiskNearlyFull,
        storage::GapReason::FileBroken => GapReason::FileBroken,
        storage::GapReason::Damaged => GapReason::Damaged,
        storage::GapReason::NotHeld => GapReason::NotHeld,
        storage::GapReason::OtherEpoch => GapReason::OtherEpoch,
        storage::GapReason::UnknownMeter => GapReason::UnknownMeter,
        storage::GapReason::SetAside => GapReason::SetAside,
        storage::GapReason::NotYet => GapReason::NotYet,
        storage::GapReason::Busy => GapReason::Busy,
        storage::GapReason::Sent => GapReason::Sent,
        storage::GapReason::NotMeasured => GapReason::NotMeasured,
    };
    Gap {
        range,
        reason,
        request: RequestId::new(&gap.request).ok(),
    }
}
