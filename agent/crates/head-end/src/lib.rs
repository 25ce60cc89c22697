//! The contract with the head-end: topics, messages, watermarks. Both ends of the uplink use it;
//! `docs/uplink/` publishes it.
//!
//! One entry of the store becomes one [`Message`]: an envelope that numbers it, and a body whose
//! received bytes are what a ledger hashes. Records leave the gateway's outbox only on what
//! [`confirmations`] takes from an authentic watermark.
//!
//! Nothing here does IO, reads a clock or makes randomness.

mod audit;
mod block;
mod column;
mod event;
mod fault;
mod fuzz;
mod gap;
mod image;
pub mod limits;
mod message;
mod presence;
mod rate;
mod request;
#[cfg(test)]
mod samples;
mod stream;
mod strict;
mod telemetry;
mod topic;
mod tracker;
mod watermark;

pub use audit::AuditHead;
pub use block::{Origin, ProfileBlock, channels_version};
pub use event::EventRecord;
pub use fault::{DecodeError, EncodeError};
pub use fuzz::{fuzz_down, fuzz_up};
pub use gap::{Gap, GapRange, GapReason};
pub use image::{ImageAnswer, ImageChunk, ImageId, ImageWish, NoChunk};
pub use message::{Body, Message};
pub use presence::{Birth, Mode, Presence, RecoveryBirth, RefusedSystem, Will};
pub use rate::TokenBucket;
pub use request::{Request, RequestId, Wanted};
pub use stream::{Epoch, Range, Stream};
pub use telemetry::{decode_readings, encode_readings};
pub use topic::{
    CONTENT_TYPE, FleetSubject, InvalidTopic, Subject, Topic, command_filters, down_filters,
    image_filter, ingest_filter,
};
pub use tracker::{Noted, WatermarkTracker};
pub use watermark::{Confirmation, Extent, Mark, WatermarkFault, Watermarks, confirmations};
