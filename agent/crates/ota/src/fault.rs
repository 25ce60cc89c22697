//! Why an update did not happen.

use bootloader_verify::{Refusal, Slot};
use std::io;

/// Why an update did not happen, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The image may not be installed here.
    #[error("the image is refused: {}", words(*.0))]
    Refused(Refusal),
    /// The bytes are not those of the order.
    #[error(
        "the image is not the one that was ordered: its SHA-256 differs; compare the order with the file"
    )]
    Hash,
    /// The image has another length than the order says.
    #[error(
        "the order says {ordered} bytes, the image has {found}; compare the order with the file"
    )]
    Length {
        /// By the order.
        ordered: u64,
        /// By the image.
        found: u64,
    },
    /// The stream ended early.
    #[error("{taken} of {ordered} bytes came; the same order goes on from there")]
    Short {
        /// Bytes taken.
        taken: u64,
        /// Bytes ordered.
        ordered: u64,
    },
    /// The boot payload does not fit, or is not the one of the manifest.
    #[error("the boot payload is not the one that the manifest names; build the image anew")]
    Payload,
    /// The boot payload is no file system that firmware could read.
    #[error("the boot payload is no boot partition; build the image with `just image`")]
    NoBootPartition,
    /// The boot payload is larger than its partition.
    #[error("the boot payload has {needed} bytes, its partition {room}; build a smaller one")]
    PayloadRoom {
        /// Of the payload.
        needed: u64,
        /// Of the partition.
        room: u64,
    },
    /// The clock is older than the image, so nobody can say whether the image has expired.
    #[error(
        "the gateway's clock is older than the image, and the image is valid for a time only; set the clock"
    )]
    Clock,
    /// The system that runs has not been kept yet: the other slot is the way back.
    #[error(
        "slot {0} is on trial and the other slot is the way back; `pmuctl update commit` or `rollback` first"
    )]
    OnTrial(Slot),
    /// Recovery runs, and has no slot of its own to keep or leave.
    #[error("the recovery system runs; install an image first")]
    InRecovery,
    /// There is no way back.
    #[error("slot {slot} cannot be started: {}", words(*.refusal))]
    NoWayBack {
        /// The other slot.
        slot: Slot,
        /// Why.
        refusal: Refusal,
    },
    /// What was written did not come back from the disk.
    #[error("what was written to {what} did not come back from the disk; replace the disk")]
    ReadBack {
        /// Which part.
        what: &'static str,
    },
    /// The disk cannot be read or written.
    #[error("{what} cannot be read or written; look at the kernel's log, and at the disk")]
    Disk {
        /// Which part.
        what: &'static str,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// An earlier fault ended this installation.
    #[error("this installation has ended with a fault; start it anew")]
    Ended,
}

impl Fault {
    /// Whether the same order may succeed if it is tried again from where it stands.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Short { .. })
    }
}

fn words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Empty => "nothing is there",
        Refusal::Form => "it does not begin with a manifest; is this a `.pmuimg` file",
        Refusal::Signature => "its signature does not fit; it was damaged or changed",
        Refusal::Key => "it is signed by a key that this gateway does not trust",
        Refusal::Role => "it is no image for a slot; take the slot image",
        Refusal::Product => "it is for another product",
        Refusal::Board => "it is for another board",
        Refusal::Arch => "it is for another processor",
        Refusal::Floor => {
            "its security counter is below the floor of this gateway; take a newer image"
        }
        Refusal::Kernel => "it needs another kernel",
        Refusal::Geometry => "it does not fit into its slot",
        Refusal::Gap => "bytes behind it are not zero",
        Refusal::Content => "its content is not what was signed; it was damaged",
        Refusal::Mount => "it cannot be mounted",
        Refusal::Device => "its place cannot be read",
        Refusal::Expired => "it is past its date for installation; take a newer image",
    }
}
