//! What can be typed.

use bootloader_verify::{PublicKey, Role, from_hex, limits};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Signs images of the gateway and says what would boot.
///
/// Exit codes: 0 good, 1 refused, 64 wrong use, 66 a file cannot be read, 73 one cannot be written.
#[derive(Debug, Parser)]
#[command(name = "bootloader-verify", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a private key and print its public half for trust.keys
    Keygen(Keygen),
    /// Print the public half of a private key
    Pubkey(Pubkey),
    /// Make a signed image of a squashfs and its boot payload
    Sign(Sign),
    /// Lay an image out as it stands in a slot
    Place(Place),
    /// Say whether an image or a slot would be taken
    Check(Check),
    /// Show what a manifest claims; proves nothing
    Inspect(Inspect),
    /// As root key, name the keys that sign images from now on
    Statement(Statement),
    /// What a gateway remembers about its slots
    State {
        #[command(subcommand)]
        command: StateCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Show a dump of the partition pmu-state, or the partition itself
    Show(StateShow),
}

#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// The file to make; never overwritten, readable only for its owner
    #[arg(long, value_name = "KEY.pem")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Pubkey {
    /// An Ed25519 private key in PKCS#8 PEM
    #[arg(value_name = "KEY.pem")]
    pub(crate) key: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleWord {
    /// The gateway's system, for slot A or B
    Slot,
    /// The read-only system that mends the others
    Recovery,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Slot => Self::Slot,
            RoleWord::Recovery => Self::Recovery,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The private key that signs images
    #[arg(long, value_name = "KEY.pem")]
    pub(crate) key: PathBuf,
    /// What the image is for
    #[arg(long)]
    pub(crate) role: RoleWord,
    /// Whose product it is
    #[arg(long, default_value = "pmu", value_parser = name)]
    pub(crate) product: String,
    /// The board it runs on, such as pc or rpi4
    #[arg(long, value_parser = name)]
    pub(crate) board: String,
    /// amd64 or arm64
    #[arg(long, value_parser = name)]
    pub(crate) arch: String,
    /// The version that people read; orders nothing
    #[arg(long, value_parser = name)]
    pub(crate) version: String,
    /// Release of the kernel whose modules the image holds (uname -r)
    #[arg(long, value_parser = name)]
    pub(crate) kernel: String,
    /// The security counter; raise it only when a hole was closed
    #[arg(long)]
    pub(crate) counter: u64,
    /// Once this image has proven itself, refuse everything with a lower counter
    #[arg(long)]
    pub(crate) close_door: bool,
    /// The root file system
    #[arg(long)]
    pub(crate) squashfs: PathBuf,
    /// What the firmware starts: the unified kernel image, or boot.img
    #[arg(long)]
    pub(crate) payload: PathBuf,
    /// 64 hexadecimal digits that precede each block when it is hashed
    #[arg(long, value_name = "HEX64", value_parser = hex)]
    pub(crate) salt: [u8; 32],
    /// When it was built, seconds since 1970; the clock's time if left out
    #[arg(long, value_name = "SECONDS")]
    pub(crate) built: Option<u64>,
    /// Not to be installed after this, seconds since 1970; 0: for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) expires: u64,
    /// The image to make
    #[arg(long, value_name = "X.pmuimg")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The image
    #[arg(value_name = "X.pmuimg")]
    pub(crate) image: PathBuf,
    /// Bytes of the slot's partition
    #[arg(long, value_name = "BYTES")]
    pub(crate) size: u64,
    /// The content of the slot's partition
    #[arg(long, value_name = "SLOT.bin")]
    pub(crate) out: PathBuf,
    /// The boot payload, as a file of its own
    #[arg(long, value_name = "UKI.efi")]
    pub(crate) payload_out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The image, or with --slot a slot's partition or a dump of it
    pub(crate) file: PathBuf,
    /// The keys to trust: lines `current`, `next`, `root` with 64 hexadecimal digits each
    #[arg(long, value_name = "trust.keys")]
    pub(crate) keys: PathBuf,
    /// A statement of the root key that replaces them, as a gateway keeps it
    #[arg(long, value_name = "FILE")]
    pub(crate) statement: Option<PathBuf>,
    /// The manifest stands in the last 4096 bytes
    #[arg(long)]
    pub(crate) slot: bool,
    /// With --slot: the boot payload that belongs to it
    #[arg(long, value_name = "UKI.efi", requires = "slot")]
    pub(crate) payload: Option<PathBuf>,
    /// Demand this role; any if left out
    #[arg(long)]
    pub(crate) role: Option<RoleWord>,
    /// Demand this product
    #[arg(long, default_value = "pmu", value_parser = name)]
    pub(crate) product: String,
    /// Demand this board; any if left out
    #[arg(long, value_parser = name)]
    pub(crate) board: Option<String>,
    /// Demand this processor; any if left out
    #[arg(long, value_parser = name)]
    pub(crate) arch: Option<String>,
    /// Demand at least this security counter
    #[arg(long, default_value_t = 0)]
    pub(crate) floor: u64,
    /// Threads that read and hash; one per core if left out
    #[arg(long)]
    pub(crate) threads: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The image, or with --slot a slot's partition or a dump of it
    pub(crate) file: PathBuf,
    /// The manifest stands in the last 4096 bytes
    #[arg(long)]
    pub(crate) slot: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Statement {
    /// The private root key
    #[arg(long, value_name = "ROOT.pem")]
    pub(crate) root_key: PathBuf,
    /// Higher than that of every statement before
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) serial: u64,
    /// The public key that signs images from now on
    #[arg(long, value_name = "HEX64", value_parser = public_key)]
    pub(crate) current: PublicKey,
    /// The one after it
    #[arg(long, value_name = "HEX64", value_parser = public_key)]
    pub(crate) next: PublicKey,
    /// The file to make: one block of 4096 bytes
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct StateShow {
    /// The dump, or the partition
    pub(crate) file: PathBuf,
    /// Say too whether a key statement is signed by the root key of this file
    #[arg(long, value_name = "trust.keys")]
    pub(crate) keys: Option<PathBuf>,
}

fn name(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain && (1..=limits::NAME_BYTES_MAX).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        let most = limits::NAME_BYTES_MAX;
        Err(format!(
            "write 1 to {most} characters of printable ASCII without spaces"
        ))
    }
}

fn hex(text: &str) -> Result<[u8; 32], String> {
    from_hex(text).ok_or_else(|| "write 64 hexadecimal digits".to_owned())
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_hex(text).ok_or_else(|| {
        "this is no public key; write the 64 hexadecimal digits of `bootloader-verify pubkey`"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn names_are_those_that_a_manifest_holds() {
        for good in ["pmu", "6.1.0-56-cloud-amd64", &"x".repeat(64)] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "a b", "ü", &"x".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
