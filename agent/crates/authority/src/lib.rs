//! Keys and signatures: who may say what to this gateway; and the seal under which it keeps the
//! keys of its meters.
//!
//! Trust is a type. What the head-end signed arrives as bytes that anybody may have written;
//! [`IngestKeys::open_watermark`] is the only way to an [`AuthenticWatermark`], and whatever frees
//! space in the outbox asks for that type. A command passes [`KeySet::open_command`] and
//! [`authorise`]; whatever changes a meter or the gateway asks for an [`AuthorisedCommand`]. At its
//! end stands a [`Receipt`], signed by the gateway.
//!
//! Nothing here does IO, reads a clock or makes randomness of its own.

mod action;
mod audit_seal;
mod command;
mod cose;
mod envelope;
mod fuzz;
mod gates;
mod ingest_keys;
mod journal;
mod key_file;
mod key_id;
mod key_set;
mod library_name;
pub mod limits;
mod operation;
mod operator_key;
mod password_seal;
pub mod people;
mod policy;
mod public_key;
mod receipt;
mod rejection;
mod sealing;
mod signed_set;
mod signing_key;
mod state;
mod strict;

pub use action::{Action, Blob, Document, RotatedKey};
pub use audit_seal::AuditSeal;
pub use command::{
    Bounds, Command, CommandId, InvalidCommandId, Now, NumberVerdict, ObjectState, judge_number,
};
pub use cose::CoseFault;
pub use envelope::{AuthenticWatermark, Rejection, WATERMARK_CONTENT_TYPE, sign_watermark};
pub use fuzz::{
    fuzz_command, fuzz_key_set, fuzz_keys, fuzz_policy, fuzz_receipt, fuzz_roles, fuzz_sealed,
    fuzz_watermark,
};
pub use gates::{
    AuthenticCommand, Author, AuthorisedCommand, COMMAND_CONTENT_TYPE, Door, SignedCommand,
    approve_command, authorise, sign_command, sign_shared_command,
};
pub use ingest_keys::{IngestKeys, KeyFileError};
pub use journal::JournalFault;
pub use key_id::{InvalidKeyId, KeyId};
pub use key_set::{KeyEntry, KeySet, KeySetContent};
pub use library_name::{InvalidLibraryName, LibraryName};
pub use operation::Operation;
pub use operator_key::OperatorKey;
pub use password_seal::{PasswordPlace, PasswordSealFault, SealingKey, SealingPublicKey};
pub use people::{Right, Role, RoleRights, TokenHash};
pub use policy::{Policy, PolicyContent, Rule};
pub use public_key::{Algorithm, InvalidPublicKey, PublicKey};
pub use receipt::{
    AuthenticReceipt, MeterProof, Proof, Receipt, ReceiptFault, ReceiptKeys, SignedReceipt,
    sign_receipt,
};
pub use rejection::{CommandRejection, RejectedCommand};
pub use sealing::{MASTER_KEY_CREDENTIAL, MasterKey, SealFault, SealPlace, SecretOctets};
pub use signed_set::{Held, RootKeys, SetFault};
pub use signing_key::{InvalidSigningKey, SigningKey};
pub use state::CommandState;
