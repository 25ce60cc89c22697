//! The gateway's conversations with a meter, over a wire in memory.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests stop a test as the tests themselves do"
)]

#[path = "../support/keeper.rs"]
mod keeper;
#[path = "../support/meter.rs"]
mod meter;
#[path = "../support/wire.rs"]
mod wire;

mod counters;
mod key_transfer;
mod openings;
mod second_opinion;
mod services;
mod terms;
mod troubles;
