//! What a command orders: one variant for each operation, typed, nothing free-form.

mod wire;

pub(crate) use wire::{ActionFault, ActionWire};

use crate::command::CommandId;
use crate::library_name::LibraryName;
use crate::operation::Operation;
use metering::{MeterId, ProfileId, Timestamp};

/// A text as the operator wrote it: inside the command, or as a blob that travels beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// The text.
    Inline(String),
    /// What is larger than the envelope's cap.
    Blob(Blob),
}

/// Bytes that travel by themselves; hash and length are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256 of all of them.
    pub sha256: [u8; 32],
    /// How many.
    pub size: u64,
}

/// Which key is to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotatedKey {
    /// The gateway's own key, with which it signs receipts.
    Receipt,
    /// A meter's DLMS key for encryption.
    Encryption(MeterId),
    /// A meter's DLMS key for authentication.
    Authentication(MeterId),
    /// A meter's DLMS master key.
    Master(MeterId),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Store a scheme under its own name.
    SchemePut {
        /// The scheme's file.
        document: Document,
    },
    /// Remove a scheme from the library.
    SchemeRemove {
        /// Which.
        scheme: LibraryName,
    },
    /// Read meters by a scheme.
    SchemeRead {
        /// Which.
        scheme: LibraryName,
        /// Of which meters.
        meters: Vec<MeterId>,
    },
    /// Write a scheme to meters.
    SchemeProgram {
        /// Which.
        scheme: LibraryName,
        /// To which meters.
        meters: Vec<MeterId>,
    },
    /// Go on with a programming run that stopped half-way.
    SchemeResume {
        /// The command that stopped.
        of: CommandId,
    },
    /// Bring back what the meters of such a run held before.
    SchemeRestore {
        /// The command that stopped.
        of: CommandId,
    },
    /// Write a scheme's calendar alone.
    TariffSet {
        /// Whose calendar.
        scheme: LibraryName,
        /// To which meters.
        meters: Vec<MeterId>,
    },
    /// Store a meter list under its own name.
    ListPut {
        /// The list's file.
        document: Document,
    },
    /// Remove a meter list.
    ListRemove {
        /// Which.
        list: LibraryName,
    },
    /// Run a meter list now.
    ListRun {
        /// Which.
        list: LibraryName,
    },
    /// Stop a meter list that runs.
    ListStop {
        /// Which.
        list: LibraryName,
    },
    /// Store a meter, or many as a network map.
    MeterPut {
        /// The map.
        document: Document,
    },
    /// Remove a meter.
    MeterRemove {
        /// Which.
        meter: MeterId,
    },
    /// Set the gateway's own clock.
    GatewayTimeSet {
        /// To when.
        to: Timestamp,
        /// A longer step than this is refused.
        step_max_s: u32,
    },
    /// Set a meter's clock to that of the gateway.
    MeterTimeSet {
        /// Whose.
        meter: MeterId,
        /// A longer step than this is refused.
        step_max_s: u32,
    },
    /// Move a meter's clock gently towards that of the gateway.
    TimeAdjust {
        /// Whose.
        meter: MeterId,
        /// A longer way than this is refused.
        step_max_s: u32,
    },
    /// End the billing period of a meter.
    BillingReset {
        /// Of which.
        meter: MeterId,
    },
    /// Read a load profile again.
    ProfileBackfill {
        /// Of which meter.
        meter: MeterId,
        /// Which profile; without it, all of them.
        profile: Option<ProfileId>,
        /// Interval ends after this …
        from: Timestamp,
        /// … up to and with this.
        to: Timestamp,
    },
    /// Read a meter's registers.
    MeterRead {
        /// Which.
        meter: MeterId,
    },
    /// Read a meter's instantaneous values.
    MeterInstant {
        /// Which.
        meter: MeterId,
    },
    /// See whether a meter answers.
    MeterPing {
        /// Which.
        meter: MeterId,
    },
    /// Change a meter's password.
    PasswordChange {
        /// Whose.
        meter: MeterId,
        /// Of which access level.
        level: u8,
        /// The new one, sealed for this gateway.
        sealed: Vec<u8>,
    },
    /// Replace a key.
    KeyRotate {
        /// Which.
        key: RotatedKey,
        /// The connection that the gateway's birth named: fresh, whatever its clock says.
        session: Option<u64>,
    },
    /// Replace the gateway's configuration, on trial.
    CfgSet {
        /// The configuration's file.
        document: Document,
    },
    /// Start the agent again.
    AgentRestart,
    /// Install a system image.
    OtaInstall {
        /// The image.
        image: Blob,
    },
    /// Do nothing, and say so.
    Nop,
}

impl Action {
    /// Its kind.
    pub const fn operation(&self) -> Operation {
        match self {
            Self::SchemePut { .. } => Operation::SchemePut,
            Self::SchemeRemove { .. } => Operation::SchemeRemove,
            Self::SchemeRead { .. } => Operation::SchemeRead,
            Self::SchemeProgram { .. } => Operation::SchemeProgram,
            Self::SchemeResume { .. } => Operation::SchemeResume,
            Self::SchemeRestore { .. } => Operation::SchemeRestore,
            Self::TariffSet { .. } => Operation::TariffSet,
            Self::ListPut { .. } => Operation::ListPut,
            Self::ListRemove { .. } => Operation::ListRemove,
            Self::ListRun { .. } => Operation::ListRun,
            Self::ListStop { .. } => Operation::ListStop,
            Self::MeterPut { .. } => Operation::MeterPut,
            Self::MeterRemove { .. } => Operation::MeterRemove,
            Self::GatewayTimeSet { .. } | Self::MeterTimeSet { .. } => Operation::TimeSet,
            Self::TimeAdjust { .. } => Operation::TimeAdjust,
            Self::BillingReset { .. } => Operation::BillingReset,
            Self::ProfileBackfill { .. } => Operation::ProfileBackfill,
            Self::MeterRead { .. } => Operation::MeterRead,
            Self::MeterInstant { .. } => Operation::MeterInstant,
            Self::MeterPing { .. } => Operation::MeterPing,
            Self::PasswordChange { .. } => Operation::PasswordChange,
            Self::KeyRotate { .. } => Operation::KeyRotate,
            Self::CfgSet { .. } => Operation::CfgSet,
            Self::AgentRestart => Operation::AgentRestart,
            Self::OtaInstall { .. } => Operation::OtaInstall,
            Self::Nop => Operation::Nop,
        }
    }

    /// The meters it names itself; those of a list stand in the list.
    pub fn meters(&self) -> &[MeterId] {
        match self {
            Self::SchemeRead { meters, .. }
            | Self::SchemeProgram { meters, .. }
            | Self::TariffSet { meters, .. } => meters,
            _ => self.meter().map_or(&[], std::slice::from_ref),
        }
    }

    /// The one meter of an operation that has only one.
    pub const fn meter(&self) -> Option<&MeterId> {
        match self {
            Self::MeterRemove { meter }
            | Self::MeterTimeSet { meter, .. }
            | Self::TimeAdjust { meter, .. }
            | Self::BillingReset { meter }
            | Self::ProfileBackfill { meter, .. }
            | Self::MeterRead { meter }
            | Self::MeterInstant { meter }
            | Self::MeterPing { meter }
            | Self::PasswordChange { meter, .. }
            | Self::KeyRotate {
                key:
                    RotatedKey::Encryption(meter)
                    | RotatedKey::Authentication(meter)
                    | RotatedKey::Master(meter),
                ..
            } => Some(meter),
            _ => None,
        }
    }

    /// The longest step of a clock that it allows, in seconds.
    pub const fn step_max_s(&self) -> Option<u32> {
        match self {
            Self::GatewayTimeSet { step_max_s, .. }
            | Self::MeterTimeSet { step_max_s, .. }
            | Self::TimeAdjust { step_max_s, .. } => Some(*step_max_s),
            _ => None,
        }
    }

    /// What travels beside the command.
    pub const fn blob(&self) -> Option<&Blob> {
        match self {
            Self::SchemePut { document }
            | Self::ListPut { document }
            | Self::MeterPut { document }
            | Self::CfgSet { document } => match document {
                Document::Blob(blob) => Some(blob),
                Document::Inline(_) => None,
            },
            Self::OtaInstall { image } => Some(image),
            _ => None,
        }
    }
}
