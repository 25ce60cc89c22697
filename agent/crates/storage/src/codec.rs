//! The form of an entry on disk.
//!
//! An entry explains itself: names, shapes and columns are all inside, so that the outbox can
//! still be read when every other table is lost. The commit costs many times more than they do.

mod profile;
mod readings;
mod small;

pub(crate) use profile::{fixed_columns, rows_of};

use crate::limits::{RECEIPT_BYTES_MAX, VALUE_BYTES_MAX};
use crate::wire::{Damage, Reader, Writer, place};
use crate::{Body, Entry, Stream};
use metering::{ClockQuality, MeterId, Obis, ProfileId, Timestamp, Unit};

/// The only version so far.
const VERSION: u8 = 1;
/// What the checksum of a log row begins with.
pub(crate) const LOG_TABLE: u8 = b'L';

/// An entry as its log row.
pub(crate) fn encode(entry: &Entry) -> Vec<u8> {
    let mut out = Writer::default();
    out.byte(VERSION);
    out.byte(entry.clock.level());
    out.varint(entry.at.millis());
    match &entry.body {
        Body::Profile(block) => profile::encode(block, &mut out),
        Body::Readings(polls) => readings::encode(polls, &mut out),
        Body::Event(event) => small::encode_event(event, &mut out),
        Body::Audit(head) => small::encode_head(*head, &mut out),
        Body::Gap(gap) => small::encode_gap(gap, &mut out),
        Body::Receipt(signed) => out.bytes(signed),
    }
    out.finish(&log_place(entry.stream, entry.number))
}

/// A log row as the entry it was made from.
pub(crate) fn decode(stream: Stream, number: u64, row: &[u8]) -> Result<Entry, Damage> {
    let mut reader = open(stream, number, row)?;
    decode_content(stream, number, &mut reader)
}

/// Only when it was committed.
pub(crate) fn decode_at(stream: Stream, number: u64, row: &[u8]) -> Result<Timestamp, Damage> {
    let mut reader = open(stream, number, row)?;
    reader.byte()?;
    reader.varint().map(Timestamp::from_millis)
}

/// Whose profile a row of the profile stream holds, without reading the rest.
pub(crate) fn decode_owner(number: u64, row: &[u8]) -> Result<(MeterId, ProfileId), Damage> {
    let mut reader = open(Stream::Profiles, number, row)?;
    reader.byte()?;
    reader.varint()?;
    Ok((read_meter(&mut reader)?, read_obis(&mut reader)?))
}

fn open(stream: Stream, number: u64, row: &[u8]) -> Result<Reader<'_>, Damage> {
    if row.len() > VALUE_BYTES_MAX {
        return Err(Damage::Content("size"));
    }
    Reader::open(row, &log_place(stream, number), VERSION)
}

fn log_place(stream: Stream, number: u64) -> [u8; 17] {
    place(LOG_TABLE, u64::from(stream.code()), number)
}

fn decode_content(stream: Stream, number: u64, reader: &mut Reader<'_>) -> Result<Entry, Damage> {
    let clock = ClockQuality::from_level(reader.byte()?);
    let at = Timestamp::from_millis(reader.varint()?);
    let body = match stream {
        Stream::Profiles => Body::Profile(profile::decode(reader)?),
        Stream::Telemetry => Body::Readings(readings::decode(reader)?),
        Stream::Events => Body::Event(small::decode_event(reader)?),
        Stream::Audit => Body::Audit(small::decode_head(reader)?),
        Stream::Gaps => Body::Gap(small::decode_gap(reader)?),
        Stream::Receipts => Body::Receipt(reader.bytes(RECEIPT_BYTES_MAX)?.to_vec()),
    };
    Reader(reader.0).end()?;
    Ok(Entry {
        stream,
        number,
        at,
        clock,
        body,
    })
}

/// Whatever the bytes are, reading them as any kind of entry ends in a value or an error.
/// For the fuzzer; behind a checksum it would never get far.
///
/// # Panics
/// When what was read is not what it becomes when written and read again.
pub fn fuzz_entry(bytes: &[u8]) {
    for stream in Stream::ALL {
        drop(decode(stream, 1, bytes));
        if let Ok(entry) = decode_content(stream, 1, &mut Reader(bytes)) {
            let row = encode(&entry);
            assert_eq!(decode(stream, 1, &row).as_ref(), Ok(&entry));
        }
    }
}

fn write_meter(meter: &MeterId, out: &mut Writer) {
    out.bytes(meter.as_str().as_bytes());
}

fn read_meter(reader: &mut Reader<'_>) -> Result<MeterId, Damage> {
    let text = reader.text(64)?;
    text.parse().map_err(|_| Damage::Content("meter"))
}

pub(crate) fn read_obis(reader: &mut Reader<'_>) -> Result<Obis, Damage> {
    reader.array().map(Obis::new)
}

pub(crate) fn write_exponent(exponent: i8, out: &mut Writer) {
    out.byte(exponent.cast_unsigned());
}

pub(crate) fn read_exponent(reader: &mut Reader<'_>) -> Result<i8, Damage> {
    reader.byte().map(u8::cast_signed)
}

pub(crate) fn read_unit(reader: &mut Reader<'_>) -> Result<Unit, Damage> {
    Unit::from_code(reader.byte()?).ok_or(Damage::Content("unit"))
}

/// The instant `millis` milliseconds after 1970, which may not lie before.
pub(crate) fn read_instant(millis: Option<i64>) -> Result<Timestamp, Damage> {
    millis
        .and_then(|millis| u64::try_from(millis).ok())
        .map(Timestamp::from_millis)
        .ok_or(Damage::Content("time"))
}

/// An instant as a column holds it; the far future is as far as it goes.
pub(crate) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.millis()).unwrap_or(i64::MAX)
}

/// Takes the next column of a decoded block.
pub(crate) fn next_column(
    columns: &mut impl Iterator<Item = crate::columns::Column>,
) -> Result<crate::columns::Column, Damage> {
    columns.next().ok_or(Damage::Content("columns"))
}

#[cfg(test)]
pub(crate) mod tests;
