//! One flashed file becomes a gateway: what is brought in a folder is checked as a whole, and taken
//! as a whole or not at all.
//!
//! Everything here is pure but for the randomness of a key; `adapters::provision_disk` reads and
//! writes.

mod agent_file;
mod complaint;
mod identity;
mod network;
mod plan;
mod section;
mod status;
mod wish;

pub use agent_file::{is_ours, places};
pub use complaint::{Complaint, Complaints};
pub use identity::{Key, Measure, Validity, authorities};
pub use network::{Fixed, NETWORK_FILE_BEGIN, NETWORK_FILE_END, Network, network_file, time_file};
pub use plan::{Kept, Plan, Planned, Refusal, Text, Texts, plan};
pub use status::{Part, Status};
pub use wish::{Wish, fuzz_wish};

#[cfg(test)]
pub(crate) mod tests;
