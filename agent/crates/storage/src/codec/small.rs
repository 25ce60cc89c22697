//! Events, audit heads and gaps as entries hold them.

use super::{read_meter, read_obis, write_meter};
use crate::limits::{GAP_RANGES_MAX, REQUEST_ID_BYTES_MAX, TEXT_BYTES_MAX};
use crate::wire::{Damage, Reader, Writer};
use crate::{AuditHead, GapRange, GapReason, GapRecord, Stream};
use metering::{Event, EventCode, Timestamp};

pub(super) fn encode_event(event: &Event, out: &mut Writer) {
    out.varint(event.at.millis());
    out.varint(u64::from(event.code.number()));
    match &event.meter {
        None => out.byte(0),
        Some(meter) => write_meter(meter, out),
    }
    out.bytes(event.detail.as_bytes());
}

pub(super) fn decode_event(reader: &mut Reader<'_>) -> Result<Event, Damage> {
    let at = Timestamp::from_millis(reader.varint()?);
    let number = u16::try_from(reader.varint()?).ok();
    let code = number.and_then(EventCode::from_number);
    let meter = if reader.0.first() == Some(&0) {
        reader.byte()?;
        None
    } else {
        Some(read_meter(reader)?)
    };
    Ok(Event {
        at,
        code: code.ok_or(Damage::Content("event code"))?,
        meter,
        detail: reader.text(TEXT_BYTES_MAX)?.to_owned(),
    })
}

pub(super) fn encode_head(head: AuditHead, out: &mut Writer) {
    out.varint(head.number);
    out.raw(&head.hash);
}

pub(super) fn decode_head(reader: &mut Reader<'_>) -> Result<AuditHead, Damage> {
    Ok(AuditHead {
        number: reader.varint()?,
        hash: reader.array()?,
    })
}

pub(super) fn encode_gap(gap: &GapRecord, out: &mut Writer) {
    out.byte(gap.why.number());
    out.bytes(&gap.request);
    match &gap.what {
        GapRange::Numbers { stream, ranges } => {
            out.byte(stream.code());
            out.count(ranges.len());
            for (first, last) in ranges {
                out.varint(*first);
                out.varint(*last);
            }
        }
        GapRange::Rows {
            meter,
            profile,
            from,
            to,
        } => {
            out.byte(0);
            write_meter(meter, out);
            out.raw(&profile.groups());
            out.varint(from.millis());
            out.varint(to.millis());
        }
    }
}

pub(super) fn decode_gap(reader: &mut Reader<'_>) -> Result<GapRecord, Damage> {
    let why = GapReason::from_number(reader.byte()?).ok_or(Damage::Content("reason"))?;
    let request = reader.bytes(REQUEST_ID_BYTES_MAX)?.to_vec();
    let what = match reader.byte()? {
        0 => GapRange::Rows {
            meter: read_meter(reader)?,
            profile: read_obis(reader)?,
            from: Timestamp::from_millis(reader.varint()?),
            to: Timestamp::from_millis(reader.varint()?),
        },
        code => {
            let stream = Stream::from_code(code).ok_or(Damage::Content("stream"))?;
            let count = reader.count(GAP_RANGES_MAX)?;
            let ranges: Result<Vec<_>, Damage> = (0..count)
                .map(|_| Ok((reader.varint()?, reader.varint()?)))
                .collect();
            GapRange::Numbers {
                stream,
                ranges: ranges?,
            }
        }
    };
    Ok(GapRecord { what, why, request })
}
