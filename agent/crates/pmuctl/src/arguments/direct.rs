//! What may be typed about a port without a gateway.

use super::meter::{association_name, model_name, outstation};
use crate::direct::{DirectPort, Framing};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// A private gateway on one port, for as long as a command takes. Options that a command has
/// under the same name and meaning (`bus scan --baud`) are shared with it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Without a gateway")]
pub struct DirectArguments {
    /// Use this port (`/dev/ttyUSB0`, or `host:port` of a serial server) through a private
    /// gateway that ends with the command. Its bus and its meter are named `direct`.
    #[arg(long, global = true, value_name = "PORT", conflicts_with = "socket")]
    pub direct: Option<DirectPort>,
    /// Speed of the port [default: that of the model, or 9600; an optical probe opens at 300].
    #[arg(long, global = true)]
    pub baud: Option<u32>,
    /// Data bits, parity, stop bits [default: those of the model, or 7E1].
    #[arg(long, global = true, value_name = "7E1|8N1")]
    pub framing: Option<Framing>,
    /// The port is an optical probe; `auto` tries its supply (DTR) both ways.
    #[arg(long, global = true, value_name = "DTR")]
    pub optical: Option<Dtr>,
    /// The meter's model: a file name of the folder meter-models, without .toml.
    #[arg(long, global = true, value_parser = model_name)]
    pub model: Option<String>,
    /// Its outstation number, if it is a FLAG meter and needs one; the lower HDLC address of a DLMS
    /// meter.
    #[arg(long, global = true, value_parser = outstation, conflicts_with = "unit")]
    pub address: Option<String>,
    /// Its unit, if it is a Modbus meter [default: 1].
    #[arg(long, global = true)]
    pub unit: Option<u8>,
    /// The file with its password, for its owner and group only.
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// The access level that the password opens.
    #[arg(long, global = true, value_parser = clap::value_parser!(u8).range(0..=3))]
    pub level: Option<u8>,
    /// As whom a DLMS meter is read, by the names of its model. One with keys needs a gateway: a
    /// second program with the same keys would use up counters that the gateway counts on
    /// [default: whoever needs no password, or with --password-file whoever needs one].
    #[arg(long, global = true, value_name = "NAME", value_parser = association_name)]
    pub association: Option<String>,
    /// The client (SAP) of that association [default: that of the model].
    #[arg(long, global = true, value_name = "NUMBER")]
    pub client: Option<u16>,
    /// The DLMS meter is behind the wrapper of a TCP connection.
    #[arg(long, global = true)]
    pub wrapper: bool,
    /// The folder of meter models [default: that of the installation].
    #[arg(long, global = true, value_name = "PATH")]
    pub model_folder: Option<PathBuf>,
}

impl DirectArguments {
    /// An option that means nothing without `--direct` or a command that has it, if one is given.
    pub fn stray(&self, has_command_own: bool) -> Option<&'static str> {
        let ours = [
            (self.framing.is_some(), "--framing"),
            (self.optical.is_some(), "--optical"),
            (self.model_folder.is_some(), "--model-folder"),
        ];
        let shared = [
            (self.baud.is_some(), "--baud"),
            (self.model.is_some(), "--model"),
            (self.address.is_some(), "--address"),
            (self.unit.is_some(), "--unit"),
            (self.password_file.is_some(), "--password-file"),
            (self.level.is_some(), "--level"),
            (self.association.is_some(), "--association"),
            (self.client.is_some(), "--client"),
            (self.wrapper, "--wrapper"),
        ];
        let shared = shared.into_iter().filter(|_| !has_command_own);
        let mut given = ours.into_iter().chain(shared).filter(|option| option.0);
        given.next().map(|option| option.1)
    }
}

/// How an optical probe is supplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dtr {
    /// Find out.
    Auto,
    /// DTR on.
    On,
    /// DTR off.
    Off,
}

impl Dtr {
    /// The word of the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}
