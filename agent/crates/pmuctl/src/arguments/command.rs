//! What may be typed behind `pmuctl command` and `pmuctl rollout`.

use super::{BrokerArguments, Order, WitnessArguments};
use crate::words::{parse_duration, parse_time};
use authority::CommandId;
use clap::{Args, Subcommand};
use metering::{GatewayId, Timestamp};
use std::path::PathBuf;
use std::time::Duration;

/// Orders to gateways.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Sign an order.
    Sign(Box<SignArguments>),
    /// Show an order, and add a second person's signature to it.
    Approve {
        /// The signed command.
        file: PathBuf,
        /// The second person's private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where it goes; an existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Do not ask: the order was read elsewhere.
        #[arg(long)]
        yes: bool,
    },
    /// Show all that a command orders, and who signed it.
    Show {
        /// The signed command.
        file: PathBuf,
        /// The signed key set, which names the people behind the keys.
        #[arg(long, value_name = "FILE", requires = "root")]
        key_set: Option<PathBuf>,
        /// Public halves of the root keys that signed the key set.
        #[arg(long, value_name = "FILE", requires = "key_set")]
        root: Option<PathBuf>,
    },
    /// Publish commands, and wait for what becomes of them.
    Send {
        /// The signed commands.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Wait so long.
        #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
        within: Duration,
        /// Do not wait for the gateway.
        #[arg(long, conflicts_with_all = ["receipts", "keys", "key"])]
        no_wait: bool,
        /// Keep the signed receipts in this folder, for `receipt verify`.
        #[arg(long, value_name = "FOLDER")]
        receipts: Option<PathBuf>,
        /// Whose word counts.
        #[command(flatten)]
        witness: WitnessArguments,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArguments,
    },
    /// Show what gateways say of commands, until it is stopped.
    Watch {
        /// Only this gateway.
        #[arg(long)]
        gateway: Option<GatewayId>,
        /// End by itself after this.
        #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
        stop_after: Option<Duration>,
        /// Keep the signed receipts in this folder, for `receipt verify`.
        #[arg(long, value_name = "FOLDER")]
        receipts: Option<PathBuf>,
        /// Whose word counts.
        #[command(flatten)]
        witness: WitnessArguments,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArguments,
    },
    /// Wait for the next word on one command, or for its end.
    Status {
        /// Its id, as `command sign` and `command show` print it.
        id: CommandId,
        /// Of this gateway [default: that of --ask-with, or any].
        #[arg(long)]
        gateway: Option<GatewayId>,
        /// Send this command again, so that the gateway repeats its receipt.
        #[arg(long, value_name = "FILE")]
        ask_with: Option<PathBuf>,
        /// Look in this ledger of `head-end receive` instead of waiting. No broker is needed.
        #[arg(long, value_name = "PATH", conflicts_with = "ask_with")]
        ledger: Option<PathBuf>,
        /// Wait so long.
        #[arg(long, value_name = "TIME", default_value = "1m", value_parser = parse_duration)]
        within: Duration,
        /// Whose word counts.
        #[command(flatten)]
        witness: WitnessArguments,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArguments,
    },
}

/// Roll-outs to many gateways.
#[derive(Debug, Subcommand)]
pub enum RolloutCommand {
    /// Sign one order for each of many gateways, by the births that the broker keeps.
    Sign {
        /// What holds for any order.
        #[command(flatten)]
        terms: Terms,
        /// The gateways: one name in a line, in the order of the roll-out.
        #[arg(long, value_name = "FILE")]
        gateways: PathBuf,
        /// The folder for the commands; it must be new.
        #[arg(long, global = true, value_name = "FOLDER", default_value = "rollout")]
        folder: PathBuf,
        /// Commands that this key signed for them before, and that no birth knows of yet: the folder
        /// of the roll-out before; may be given several times.
        #[arg(long, value_name = "FOLDER")]
        after: Vec<PathBuf>,
        /// The state of that roll-out: gateways that it did not reach are numbered as if it had not
        /// been.
        #[arg(long, value_name = "FILE", requires = "after")]
        after_state: Vec<PathBuf>,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArguments,
        /// What is to be done.
        #[command(subcommand)]
        order: Order,
    },
    /// Send the commands of a folder in waves, and stop where too many fail. Goes on where it was.
    Run {
        /// The folder with the commands.
        folder: PathBuf,
        /// The file that remembers how far it came.
        #[arg(long, value_name = "FILE")]
        state: PathBuf,
        /// The gateways' public keys: a file GATEWAY.pub for each. Only what they signed counts.
        #[arg(long, value_name = "FOLDER")]
        keys: PathBuf,
        /// Keep the signed receipts here, for `receipt verify` [default: FILE of --state, ending in
        /// .receipts].
        #[arg(long, value_name = "FOLDER")]
        receipts: Option<PathBuf>,
        /// Gateways of the first waves; the last number holds for all that follow.
        #[arg(
            long,
            value_name = "N,N,...",
            value_delimiter = ',',
            default_value = "1,10,100,500"
        )]
        waves: Vec<usize>,
        /// Stop where more than so many percent of a wave failed.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
        stop: Option<u8>,
        /// Commands on their way at a time.
        #[arg(long, value_name = "N", default_value_t = 100)]
        at_a_time: usize,
        /// A gateway that has not ended by then counts as failed.
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_duration)]
        within: Duration,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArguments,
    },
}

/// `command sign`.
#[derive(Debug, Args)]
pub struct SignArguments {
    /// What holds for any order.
    #[command(flatten)]
    pub terms: Terms,
    /// Whom it is for.
    #[arg(long)]
    pub gateway: GatewayId,
    /// The store it is for, 16 hexadecimal digits [default: of the gateway's birth].
    #[arg(long, value_name = "HEX", value_parser = epoch, requires = "number")]
    pub epoch: Option<[u8; 8]>,
    /// Its number among those of this key [default: the next one by the gateway's birth].
    #[arg(long, requires = "epoch", value_parser = clap::value_parser!(u64).range(1..))]
    pub number: Option<u64>,
    /// The command that this key signed last for this gateway: number and store go on from it.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "epoch",
        conflicts_with = "number"
    )]
    pub after: Option<PathBuf>,
    /// Where it goes [default: a name made of gateway, number and operation].
    #[arg(long, global = true, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The broker, where the gateway's birth is asked for.
    #[command(flatten)]
    pub broker: BrokerArguments,
    /// What is to be done.
    #[command(subcommand)]
    pub order: Order,
}

/// What holds for any order.
#[derive(Debug, Clone, Args)]
pub struct Terms {
    /// The private key that signs, and whose numbers count.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// So that a second person can approve it.
    #[arg(long)]
    pub shared: bool,
    /// Not begun later than this from now.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_duration)]
    pub expires_in: Duration,
    /// Not before this [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub not_before: Option<Timestamp>,
    /// Only if the object has this version.
    #[arg(long, value_name = "NUMBER")]
    pub expect_version: Option<u64>,
    /// Only if the object has this SHA-256.
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub expect_sha256: Option<[u8; 32]>,
    /// Done by this, or it expires.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub done_by: Option<Timestamp>,
    /// Attempts.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub attempts: Option<u8>,
}

fn digits<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let complaint = || format!("`{text}` is not {} hexadecimal digits", 2 * N);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        u8::try_from(high? * 16 + low?).ok()
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    let bytes = bytes.filter(|_| rest.is_empty()).ok_or_else(complaint)?;
    bytes.try_into().map_err(|_| complaint())
}

fn epoch(text: &str) -> Result<[u8; 8], String> {
    digits(text)
}

fn sha256(text: &str) -> Result<[u8; 32], String> {
    digits(text)
}
