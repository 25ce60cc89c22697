//! One numbered record on its way up.

use crate::block::{Origin, ProfileBlock, WireChannel, read_channels, wire_channels};
use crate::fault::{DecodeError, EncodeError};
use crate::limits::{BODY_BYTES_MAX, MESSAGE_BYTES_MAX, MILLIS_MAX, NUMBER_MAX};
use crate::{AuditHead, Epoch, EventRecord, Gap, Stream, decode_readings, encode_readings, strict};
use authority::limits::RECEIPT_BYTES_MAX;
use metering::{Channel, ClockQuality, MeterReadings, ProfileRows, Timestamp};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The major version of the contract.
const VERSION: u64 = 1;

/// An entry of the store in the form of the contract.
///
/// The body is kept as bytes: a ledger hashes what it received. All that may differ when the same
/// number is sent again (`is_history`, `channels`) stands outside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Of which store of the gateway.
    pub epoch: Epoch,
    /// In which stream.
    pub stream: Stream,
    /// Its number there, from 1, without gaps.
    pub number: u64,
    /// When the gateway made it durable.
    pub at: Timestamp,
    /// How far the gateway's clock could be trusted then.
    pub clock: ClockQuality,
    /// Whether it was old when it was sent.
    pub is_history: bool,
    /// The channel list of a profile block, where the sender chose to add it.
    pub channels: Option<Arc<[Channel]>>,
    /// The record itself, encoded.
    pub body: Vec<u8>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Intervals of one profile of one meter.
    Profile(ProfileBlock),
    /// Instantaneous values of any meters.
    Readings(Vec<MeterReadings>),
    /// An event.
    Event(EventRecord),
    /// The head of the audit chain.
    Audit(AuditHead),
    /// What is lost, or the answer to a request.
    Gap(Gap),
    /// A state of a command, signed by the gateway: [`authority::SignedReceipt`] reads it.
    Receipt(Vec<u8>),
}

impl Body {
    /// The body of a block of intervals.
    pub fn of_profile(
        rows: &ProfileRows,
        origin: Origin,
        revision: u32,
    ) -> Result<Self, EncodeError> {
        ProfileBlock::new(rows, origin, revision).map(Self::Profile)
    }

    /// The stream it belongs to.
    pub const fn stream(&self) -> Stream {
        match self {
            Self::Profile(_) => Stream::Profile,
            Self::Readings(_) => Stream::Telemetry,
            Self::Event(_) => Stream::Event,
            Self::Audit(_) => Stream::Audit,
            Self::Gap(_) => Stream::Gap,
            Self::Receipt(_) => Stream::Receipt,
        }
    }

    /// Its bytes; equal bodies have equal bytes.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Profile(block) => block.encode(),
            Self::Readings(readings) => encode_readings(readings),
            Self::Event(event) => event.encode(),
            Self::Audit(head) => head.encode(),
            Self::Gap(gap) => gap.encode(),
            Self::Receipt(signed) => {
                strict::ensure((1..=RECEIPT_BYTES_MAX).contains(&signed.len()), "b")?;
                Ok(signed.clone())
            }
        }
    }

    fn decode(stream: Stream, bytes: &[u8]) -> Result<Self, DecodeError> {
        match stream {
            Stream::Profile => ProfileBlock::decode(bytes).map(Self::Profile),
            Stream::Telemetry => decode_readings(bytes).map(Self::Readings),
            Stream::Event => EventRecord::decode(bytes).map(Self::Event),
            Stream::Audit => AuditHead::decode(bytes).map(Self::Audit),
            Stream::Gap => Gap::decode(bytes).map(Self::Gap),
            // Booked as it is, whoever signed it; `authority::ReceiptKeys` says who did.
            Stream::Receipt => {
                strict::check((1..=RECEIPT_BYTES_MAX).contains(&bytes.len()), "b")?;
                Ok(Self::Receipt(bytes.to_vec()))
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u64,
    e: ByteArray<8>,
    s: Stream,
    q: u64,
    ts: u64,
    tq: u8,
    #[serde(default, skip_serializing_if = "is_false")]
    hist: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ch: Option<Vec<WireChannel>>,
    b: ByteBuf,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Message {
    /// The message of one record.
    pub fn new(
        epoch: Epoch,
        number: u64,
        at: Timestamp,
        clock: ClockQuality,
        body: &Body,
    ) -> Result<Self, EncodeError> {
        Ok(Self {
            epoch,
            stream: body.stream(),
            number,
            at,
            clock,
            is_history: false,
            channels: None,
            body: body.encode()?,
        })
    }

    /// Its bytes on the wire, not larger than a packet may be.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        strict::ensure((1..=NUMBER_MAX).contains(&self.number), "q")?;
        strict::ensure(self.at.millis() <= MILLIS_MAX, "ts")?;
        let ch = self.channels.as_deref().map(wire_channels).transpose()?;
        let wire = Wire {
            v: VERSION,
            e: ByteArray::new(self.epoch),
            s: self.stream,
            q: self.number,
            ts: self.at.millis(),
            tq: self.clock.level(),
            hist: self.is_history,
            ch,
            b: ByteBuf::from(self.body.clone()),
        };
        strict::encode(&wire, MESSAGE_BYTES_MAX)
    }

    /// Reads bytes that anybody may have sent. The body is looked at by [`Message::open`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: Wire = strict::decode(bytes, MESSAGE_BYTES_MAX)?;
        if wire.v != VERSION {
            return Err(DecodeError::Version(wire.v));
        }
        strict::check(wire.b.len() <= BODY_BYTES_MAX, "b")?;
        strict::check(wire.ch.is_none() || wire.s == Stream::Profile, "ch")?;
        Ok(Self {
            epoch: wire.e.into_array(),
            stream: wire.s,
            number: strict::number(wire.q, "q")?,
            at: strict::timestamp(wire.ts, "ts")?,
            clock: clock_quality(wire.tq)?,
            is_history: wire.hist,
            channels: wire.ch.as_deref().map(read_channels).transpose()?,
            body: wire.b.into_vec(),
        })
    }

    /// SHA-256 over the received body: the same number with another hash is an alarm.
    pub fn body_hash(&self) -> [u8; 32] {
        Sha256::digest(&self.body).into()
    }

    /// What the message says. A profile block is proven to fit the channel list that came with it.
    pub fn open(&self) -> Result<Body, DecodeError> {
        let body = Body::decode(self.stream, &self.body)?;
        if let (Body::Profile(block), Some(channels)) = (&body, &self.channels) {
            block.check_channels(channels)?;
        }
        Ok(body)
    }
}

/// A quality of the contract, and no other number.
pub(crate) fn clock_quality(level: u8) -> Result<ClockQuality, DecodeError> {
    strict::check(level <= 3, "tq")?;
    Ok(ClockQuality::from_level(level))
}

#[cfg(test)]
mod tests;
