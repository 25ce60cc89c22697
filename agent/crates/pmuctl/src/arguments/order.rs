//! What may be ordered with `pmuctl command sign`: one word of the contract each.

use crate::words::parse_time;
use authority::{CommandId, LibraryName};
use clap::{Args, Subcommand, ValueEnum};
use metering::{MeterId, Obis, Timestamp};
use std::path::PathBuf;

/// A scheme, and which meters.
#[derive(Debug, Clone, Args)]
pub struct SchemeAndMeters {
    /// The scheme's name in the gateway's library.
    #[arg(long, value_name = "NAME")]
    pub scheme: LibraryName,
    /// Meters; may be given several times.
    #[arg(long = "meter", value_name = "METER", required = true, num_args = 1..)]
    pub meters: Vec<MeterId>,
}

/// What is to be done.
#[derive(Debug, Clone, Subcommand)]
pub enum Order {
    /// Do nothing, and say so.
    #[command(name = "nop")]
    Nop,
    /// Store a scheme.
    #[command(name = "scheme.put")]
    SchemePut {
        /// The scheme's file.
        file: PathBuf,
    },
    /// Remove a scheme from the library.
    #[command(name = "scheme.remove")]
    SchemeRemove {
        /// Which.
        scheme: LibraryName,
    },
    /// Read meters by a scheme.
    #[command(name = "scheme.read")]
    SchemeRead(SchemeAndMeters),
    /// Write a scheme to meters.
    #[command(name = "scheme.program")]
    SchemeProgram(SchemeAndMeters),
    /// Go on with a programming run that stopped half-way.
    #[command(name = "scheme.resume")]
    SchemeResume {
        /// The command that stopped.
        of: CommandId,
    },
    /// Bring back what the meters of such a run held before.
    #[command(name = "scheme.restore")]
    SchemeRestore {
        /// The command that stopped.
        of: CommandId,
    },
    /// Write a scheme's calendar alone.
    #[command(name = "tariff.set")]
    TariffSet(SchemeAndMeters),
    /// Store a meter list.
    #[command(name = "list.put")]
    ListPut {
        /// The list's file.
        file: PathBuf,
    },
    /// Remove a meter list.
    #[command(name = "list.remove")]
    ListRemove {
        /// Which.
        list: LibraryName,
    },
    /// Run a meter list now.
    #[command(name = "list.run")]
    ListRun {
        /// Which.
        list: LibraryName,
    },
    /// Stop a meter list that runs.
    #[command(name = "list.stop")]
    ListStop {
        /// Which.
        list: LibraryName,
    },
    /// Store a meter, or many as a network map.
    #[command(name = "meter.put")]
    MeterPut {
        /// The map, as CSV.
        file: PathBuf,
    },
    /// Remove a meter.
    #[command(name = "meter.remove")]
    MeterRemove {
        /// Which.
        meter: MeterId,
    },
    /// Set a meter's clock to the gateway's; without a meter, the gateway's own to `--to`.
    #[command(name = "time.set")]
    TimeSet {
        /// Whose.
        #[arg(required_unless_present = "to")]
        meter: Option<MeterId>,
        /// To when, for the gateway's own clock.
        #[arg(long, value_parser = parse_time, conflicts_with = "meter")]
        to: Option<Timestamp>,
        /// A longer step than so many seconds is refused.
        #[arg(long, value_name = "SECONDS")]
        step_max: u32,
    },
    /// Move a meter's clock gently towards the gateway's.
    #[command(name = "time.adjust")]
    TimeAdjust {
        /// Whose.
        meter: MeterId,
        /// A longer way than so many seconds is refused.
        #[arg(long, value_name = "SECONDS")]
        step_max: u32,
    },
    /// End the billing period of a meter.
    #[command(name = "billing.reset")]
    BillingReset {
        /// Of which.
        meter: MeterId,
    },
    /// Read a load profile again.
    #[command(name = "profile.backfill")]
    ProfileBackfill {
        /// Of which meter.
        meter: MeterId,
        /// Which profile [default: all of them].
        #[arg(long, value_name = "OBIS")]
        profile: Option<Obis>,
        /// Interval ends after this …
        #[arg(long, value_parser = parse_time)]
        from: Timestamp,
        /// … up to and with this.
        #[arg(long, value_parser = parse_time)]
        to: Timestamp,
    },
    /// Read a meter's registers.
    #[command(name = "meter.read")]
    MeterRead {
        /// Which.
        meter: MeterId,
    },
    /// Read a meter's instantaneous values.
    #[command(name = "meter.instant")]
    MeterInstant {
        /// Which.
        meter: MeterId,
    },
    /// See whether a meter answers.
    #[command(name = "meter.ping")]
    MeterPing {
        /// Which.
        meter: MeterId,
    },
    /// Change a meter's password.
    #[command(name = "password.change")]
    PasswordChange {
        /// Whose.
        meter: MeterId,
        /// Of which access level.
        #[arg(long, value_name = "LEVEL")]
        access_level: u8,
        /// The file with the new one, sealed for this gateway.
        #[arg(long, value_name = "FILE")]
        sealed: PathBuf,
    },
    /// Replace a key.
    #[command(name = "key.rotate")]
    KeyRotate {
        /// Which.
        which: RotatedKeyName,
        /// Whose, unless it is the gateway's own.
        #[arg(required_if_eq_any([
            ("which", "encryption"),
            ("which", "authentication"),
            ("which", "master"),
        ]))]
        meter: Option<MeterId>,
        /// Only in this connection of the gateway, whose number its birth names.
        #[arg(long, value_name = "NUMBER")]
        session: Option<u64>,
    },
    /// Replace the gateway's configuration, on trial.
    #[command(name = "cfg.set")]
    CfgSet {
        /// The configuration's file.
        file: PathBuf,
    },
    /// Start the agent again.
    #[command(name = "agent.restart")]
    AgentRestart,
    /// Install a system image.
    #[command(name = "ota.install")]
    OtaInstall {
        /// The image's file; only its hash and length are signed.
        image: PathBuf,
    },
}

/// Which key is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RotatedKeyName {
    /// The gateway's own, which signs receipts.
    Receipt,
    /// A meter's, for encryption.
    Encryption,
    /// A meter's, for authentication.
    Authentication,
    /// A meter's, which wraps new ones.
    Master,
}
