//! DLMS/COSEM sessions: logical names, over HDLC or over the TCP wrapper.
//!
//! [`codec`], [`hdlc`], [`wrapper`] and [`security`] are pure functions of octets, for the gateway's
//! and the meter's side. [`conversation`] holds an association over a guarded line; [`meter`] is the
//! other side of it, without IO. What is implemented, what is not and what is uncertain stands in
//! `docs/standards/dlms.md`.

pub mod codec;
pub mod conversation;
mod fuzz;
pub mod hdlc;
pub mod limits;
pub mod meter;
pub mod security;
pub mod wrapper;

pub use fuzz::{fuzz_apdu, fuzz_data, fuzz_hdlc, fuzz_meter, fuzz_wrapper};
