//! What may boot, decided in one place for boot and installation alike.
//!
//! [`judge`] takes a manifest's block, the trusted keys and what this box is; only it makes an
//! [`Accepted`]. [`check_content`] then reads every block that the manifest stands for, and
//! [`check_slot`] is the verdict over a whole slot.
//! [`BootPlan`] says in which order images are looked at; [`BootState`] is what is remembered from
//! boot to boot. State chooses the order, never the verdict.
//!
//! Nothing here opens a file, reads a clock or makes randomness; the two programs beside it do.

mod content;
mod hex;
mod keys;
pub mod limits;
mod manifest;
mod plan;
#[cfg(any(test, feature = "people"))]
mod signing;
mod slot_check;
mod state;
#[cfg(test)]
mod test_images;
mod verdict;

pub use content::{ReadAt, check_content, check_gap, tree_of};
pub use hex::{from_hex, to_hex};
pub use keys::{KeyFileFault, PublicKey, StatementFault, TrustedKeys};
pub use manifest::{Geometry, KeyId, Manifest, ManifestFault, Role, SIGNATURE_BYTES, Sealed};
pub use plan::{BootPlan, Candidate};
#[cfg(any(test, feature = "people"))]
pub use signing::{ImageKey, SigningFault};
pub use slot_check::{check_slot, judge_slot};
pub use state::{BootState, Copy, Slot, SlotRecord, SlotState};
pub use verdict::{Accepted, Expected, Refusal, judge};
