//! Load-profile blocks: column-wise, exact, small.

use crate::fault::{DecodeError, EncodeError};
use crate::limits::{BLOCK_ROWS_MAX, BODY_BYTES_MAX, CHANNELS_MAX, MILLIS_MAX};
use crate::message::clock_quality;
use crate::strict;
use metering::{
    Channel, ChannelKind, ClockQuality, MeterId, Obis, Period, ProfileId, ProfileRows,
    ProfileShape, Row, Timestamp, Unit,
};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use sha2::{Digest, Sha256};
use std::sync::Arc;

mod columns;
use columns::{Cells, Column};

/// Who made a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The meter; the gateway read it.
    Meter,
    /// The gateway, by sampling the meter's registers.
    Gateway,
}

/// Rows of one profile of one meter, without the channel list that explains its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileBlock {
    /// Whose profile.
    pub meter: MeterId,
    /// Which profile.
    pub profile: ProfileId,
    /// Version of the channel list, from [`channels_version`].
    pub channels_version: u32,
    /// Length of an interval.
    pub period: Period,
    /// How far the gateway's clock could be trusted.
    pub clock: ClockQuality,
    /// Who made it.
    pub origin: Origin,
    /// 0 at first; a re-read that corrects a row has a higher one.
    pub revision: u32,
    /// The rows, on consecutive marks, oldest first, each with one value a channel.
    pub rows: Vec<Row>,
}

/// The version of a channel list: the first four bytes of the SHA-256 of its CBOR, so that equal
/// lists have equal versions wherever they are.
pub fn channels_version(channels: &[Channel]) -> Result<u32, EncodeError> {
    let list = wire_channels(channels)?;
    let bytes = serde_cbor::to_vec(&list).map_err(EncodeError::Cbor)?;
    let [first, second, third, fourth, ..] = <[u8; 32]>::from(Sha256::digest(bytes));
    Ok(u32::from_be_bytes([first, second, third, fourth]))
}

/// `[obis, exponent, unit, kind]`.
pub(crate) type WireChannel = (ByteArray<6>, i8, u8, Kind);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[serde(rename = "reg")]
    Register,
    #[serde(rename = "avg")]
    Average,
    #[serde(rename = "inc")]
    Increment,
}

pub(crate) fn wire_channels(channels: &[Channel]) -> Result<Vec<WireChannel>, EncodeError> {
    strict::ensure((1..=CHANNELS_MAX).contains(&channels.len()), "ch")?;
    let wire = channels.iter().map(|channel| {
        let kind = match channel.kind {
            ChannelKind::Register => Kind::Register,
            ChannelKind::Average => Kind::Average,
            ChannelKind::Increment => Kind::Increment,
        };
        let obis = ByteArray::new(channel.obis.groups());
        (obis, channel.exponent, channel.unit.code(), kind)
    });
    Ok(wire.collect())
}

pub(crate) fn read_channels(wire: &[WireChannel]) -> Result<Arc<[Channel]>, DecodeError> {
    strict::check((1..=CHANNELS_MAX).contains(&wire.len()), "ch")?;
    let channels = wire.iter().map(|(obis, exponent, unit, kind)| {
        Ok(Channel {
            obis: Obis::new(obis.into_array()),
            exponent: *exponent,
            unit: Unit::from_code(*unit).ok_or(DecodeError::UnknownUnit(*unit))?,
            kind: match kind {
                Kind::Register => ChannelKind::Register,
                Kind::Average => ChannelKind::Average,
                Kind::Increment => ChannelKind::Increment,
            },
        })
    });
    channels.collect()
}

#[derive(Serialize, Deserialize)]
struct Wire {
    m: String,
    p: ByteArray<6>,
    cv: u32,
    t0: u64,
    per: u32,
    n: u32,
    tq: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    src: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    rev: u32,
    d: Vec<Column>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    st: Vec<(u32, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nul: Option<Vec<ByteBuf>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<ByteBuf>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
const fn is_zero(value: &u32) -> bool {
    *value == 0
}

const GATEWAY_MADE: &str = "gw";

impl ProfileBlock {
    /// The block of some rows, proven to be one.
    pub fn new(rows: &ProfileRows, origin: Origin, revision: u32) -> Result<Self, EncodeError> {
        let count = rows.rows.len();
        strict::ensure((1..=BLOCK_ROWS_MAX).contains(&count), "n")?;
        let width = rows.shape.channels.len();
        let first = rows
            .rows
            .first()
            .map_or(Timestamp::default(), |row| row.end);
        strict::ensure(first.millis().is_multiple_of(1000), "t0")?;
        let marks = (0..).map(|index| mark(first, rows.shape.period, index));
        for ((index, row), mark) in rows.rows.iter().enumerate().zip(marks) {
            strict::ensure(row.end.millis() <= MILLIS_MAX, "t0")?;
            if Some(row.end) != mark || row.values.len() != width {
                return Err(EncodeError::Ragged { row: index });
            }
        }
        Ok(Self {
            meter: rows.meter.clone(),
            profile: rows.profile,
            channels_version: channels_version(&rows.shape.channels)?,
            period: rows.shape.period,
            clock: rows.clock,
            origin,
            revision,
            rows: rows.rows.clone(),
        })
    }

    /// Channels of each row.
    pub fn width(&self) -> usize {
        self.rows.first().map_or(0, |row| row.values.len())
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let cells = Cells::of_rows(&self.rows, self.width());
        let remarks = self
            .rows
            .iter()
            .zip(0..)
            .filter(|(row, _)| !row.flags.is_good());
        let offsets = || self.rows.iter().map(|row| i64::from(row.offset_ms));
        let wire = Wire {
            m: self.meter.to_string(),
            p: ByteArray::new(self.profile.groups()),
            cv: self.channels_version,
            t0: self.rows.first().map_or(0, |row| row.end.seconds()),
            per: self.period.seconds(),
            n: u32::try_from(self.rows.len()).map_err(|_| EncodeError::OutOfRange { key: "n" })?,
            tq: self.clock.level(),
            src: (self.origin == Origin::Gateway).then(|| GATEWAY_MADE.to_owned()),
            rev: self.revision,
            d: cells.columns(),
            st: remarks
                .map(|(row, index)| (index, row.flags.bits()))
                .collect(),
            nul: cells.missing(),
            at: offsets()
                .any(|offset| offset != 0)
                .then(|| crate::column::encode(offsets())),
        };
        strict::encode(&wire, BODY_BYTES_MAX)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: Wire = strict::decode(bytes, BODY_BYTES_MAX)?;
        let period =
            Period::from_seconds(wire.per).map_err(|_| DecodeError::OutOfRange { key: "per" })?;
        let origin = match wire.src.as_deref() {
            None => Origin::Meter,
            Some(GATEWAY_MADE) => Origin::Gateway,
            Some(_) => return Err(DecodeError::OutOfRange { key: "src" }),
        };
        Ok(Self {
            meter: strict::text(&wire.m, "m")?,
            profile: Obis::new(wire.p.into_array()),
            channels_version: wire.cv,
            period,
            clock: clock_quality(wire.tq)?,
            origin,
            revision: wire.rev,
            rows: rows(&wire, period)?,
        })
    }

    pub(crate) fn check_channels(&self, channels: &[Channel]) -> Result<(), DecodeError> {
        let expected = self.channels_version;
        let fits = channels.len() == self.width()
            && channels_version(channels).is_ok_and(|version| version == expected);
        if fits {
            Ok(())
        } else {
            Err(DecodeError::OtherChannels { expected })
        }
    }

    /// The rows with the channel list that explains them: the one of the message, or one that was
    /// kept under the same version.
    pub fn into_rows(self, channels: &Arc<[Channel]>) -> Result<ProfileRows, DecodeError> {
        self.check_channels(channels)?;
        Ok(ProfileRows {
            meter: self.meter,
            profile: self.profile,
            shape: ProfileShape {
                period: self.period,
                channels: Arc::clone(channels),
            },
            clock: self.clock,
            rows: self.rows,
        })
    }
}

fn mark(first: Timestamp, period: Period, index: u64) -> Option<Timestamp> {
    let step = u64::from(period.seconds()).checked_mul(1000)?;
    let millis = first.millis().checked_add(step.checked_mul(index)?)?;
    Some(Timestamp::from_millis(millis))
}

fn rows(wire: &Wire, period: Period) -> Result<Vec<Row>, DecodeError> {
    let count = usize::try_from(wire.n).unwrap_or(usize::MAX);
    strict::check((1..=BLOCK_ROWS_MAX).contains(&count), "n")?;
    strict::check((1..=CHANNELS_MAX).contains(&wire.d.len()), "d")?;
    let cells = Cells::read(&wire.d, wire.nul.as_deref(), count)?;
    let offsets = match &wire.at {
        Some(bytes) => crate::column::decode(bytes, count, "at")?,
        None => vec![0; count],
    };
    let first = strict::timestamp_of_seconds(wire.t0, "t0")?;
    let ascends = wire
        .st
        .iter()
        .zip(wire.st.iter().skip(1))
        .all(|(a, b)| a.0 < b.0);
    strict::check(
        ascends && wire.st.iter().all(|entry| entry.0 < wire.n),
        "st",
    )?;
    let mut remarks = wire.st.iter().peekable();
    let rows = (0..)
        .zip(cells.into_rows())
        .zip(offsets)
        .map(|((index, values), offset)| {
            let end = mark(first, period, u64::from(index))
                .ok_or(DecodeError::OutOfRange { key: "t0" })?;
            let bits = remarks
                .next_if(|entry| entry.0 == index)
                .map_or(0, |entry| entry.1);
            Ok(Row {
                end: strict::timestamp(end.millis(), "t0")?,
                values,
                flags: metering::Flags::from_bits(bits),
                offset_ms: i32::try_from(offset).map_err(|_| DecodeError::Column { key: "at" })?,
            })
        });
    rows.collect()
}

#[cfg(test)]
mod tests;
