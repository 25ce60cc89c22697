//! The durable store of the gateway, and the ledger of the reference head-end consumer.
//!
//! Two files: `hot.redb` holds the log of entries (journal and outbox at once), how far each
//! stream has come, small state and the audit chain; `archive.redb` holds what was sealed, for
//! as long as its retention says. An entry is durable when [`Store::append`] returns; it leaves
//! the log when the archive has it and the head-end has confirmed it.
//!
//! Nothing here reads a clock, makes randomness or runs in the background: time and randomness
//! come in as arguments, and the owner calls [`Store::seal`], [`Store::retain`] and
//! [`Store::verify`] when it finds the time.

mod append;
mod archive;
mod audit;
mod batch;
mod chunk;
mod codec;
mod columns;
mod cursor;
mod database;
mod entry;
mod error;
mod hot;
mod journal;
pub mod keys;
pub mod ledger;
pub mod limits;
mod medium;
mod outbox;
mod query;
mod registry;
mod remember;
mod reserve;
mod retention;
mod rice;
mod seal;
mod shape;
mod slot;
mod store;
mod stream;
mod verify;
mod wire;

pub use audit::{
    AuditLink, AuditRecord, AuditSegment, AuditVerdict, SegmentFault, fuzz_segment, verify_segment,
};
pub use batch::Batch;
pub use chunk::fuzz_chunk;
pub use codec::fuzz_entry;
pub use database::{FileState, OnRepair};
pub use entry::{AuditHead, Body, Entry, GapRange, GapReason, GapRecord};
pub use error::{Remedy, StoreError, StoreFile};
pub use journal::{
    Acceptance, AcceptedCommand, CommandEnd, CommandProgress, CommandRecord, CommandState,
    CommandStep, Judgement, fuzz_command,
};
pub use medium::{FileTraffic, Folder, Medium, set_aside};
pub use outbox::{Lookup, Outbox, Pending, Quarantined};
pub use query::ProfileData;
pub use remember::Remembered;
pub use reserve::{Need, Reserve};
pub use retention::{DiskSpace, OutboxCap, RetentionPolicy, RetentionReport};
pub use seal::SealReport;
pub use store::{Freed, OpenReport, Store, StoreOptions};
pub use stream::Stream;
pub use verify::{DamagedItem, StoreStats, VerifyFrom, VerifySlice};
pub use wire::Damage;

use batch::cut;

/// The trait that a [`Medium`] hands out files as; for tests and simulated disks.
pub use redb::{BackendError, StorageBackend};
