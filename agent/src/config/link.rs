//! Links: what stands between the gateway and its meters.

use super::number::{InvalidNumber, Number, PAD, PHONE};
use line::{DataBits, LineSettings, Parity};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a line is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkSettings {
    /// A serial port of this box.
    Serial(SerialSettings),
    /// An optical head at the front of one meter.
    Optical(OpticalSettings),
    /// A serial server that passes RTU frames through.
    RtuOverTcp {
        /// `host:port`.
        address: String,
        /// How the line behind it is set.
        line: LineSettings,
    },
    /// A Modbus TCP host or gateway.
    ModbusTcp {
        /// `host:port`.
        address: String,
    },
    /// A serial server that passes octets through, or the Ethernet module of a meter.
    SerialServer {
        /// `host:port`.
        address: String,
        /// How the line behind it is set; it cannot be told otherwise.
        line: LineSettings,
    },
    /// A modem on a serial port: a telephone line, or GSM data calls.
    Modem(ModemSettings),
    /// A PAD: calls by number through a packet network.
    Pad(PadSettings),
}

/// A serial port of this box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialSettings {
    /// `/dev/serial/by-path/...`
    pub device: PathBuf,
    /// Baud, parity, data bits, stop bits.
    pub line: LineSettings,
    /// Who turns the transmitter of an RS485 pair on and off.
    pub rs485: Rs485,
}

/// Who turns the transmitter of an RS485 pair on and off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rs485 {
    /// Ask the driver; without its support the adapter must do it.
    Auto,
    /// The driver must; a driver that cannot is a fault.
    Kernel,
    /// The adapter does, or the port is RS232.
    Off,
}

/// An optical head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpticalSettings {
    /// `/dev/serial/by-id/...`
    pub device: PathBuf,
    /// How a conversation is opened.
    pub line: LineSettings,
    /// What DTR must be for the head to work.
    pub dtr: Dtr,
    /// Whether RTS is on: some heads take their power from it too.
    pub rts: bool,
}

/// What DTR must be for an optical head to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtr {
    /// Begins with on; whoever looks for a meter tries off as well.
    Auto,
    /// On: it feeds the head.
    On,
    /// Off.
    Off,
}

impl Dtr {
    /// How the port is set, where the other way may be tried too.
    pub const fn to_be_found(self) -> Option<bool> {
        match self {
            Self::Auto => Some(self.at_first()),
            Self::On | Self::Off => None,
        }
    }

    /// How the port begins.
    pub const fn at_first(self) -> bool {
        !matches!(self, Self::Off)
    }
}

/// A Hayes modem on a serial port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemSettings {
    /// `/dev/serial/by-path/...`
    pub device: PathBuf,
    /// Between this box and the modem.
    pub line: LineSettings,
    /// Sent after the reset, one after the other.
    pub init: Vec<CommandLine>,
    /// Tone or pulse.
    pub dialling: Dialling,
    /// How a call is ended.
    pub hang_up: HangUp,
    /// How often, how long.
    pub calls: CallSettings,
}

/// A command for a modem or PAD. It may hold the PIN of a SIM card or the identity of a network's
/// user, so nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine(String);

impl CommandLine {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }

    /// The line itself, for the modem or PAD only.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommandLine(hidden)")
    }
}

/// How a modem tells the exchange the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialling {
    /// By tones.
    Tone,
    /// By interrupting the loop.
    Pulse,
}

/// What is tried first to end a call; the other is the last resort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// Silence, `+++`, silence, `ATH0`.
    Escape,
    /// Dropping DTR.
    Dtr,
}

/// A PAD as ITU-T X.28 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PadSettings {
    /// Where it is.
    pub place: PadPlace,
    /// Between this box and the PAD.
    pub line: LineSettings,
    /// Its prompt.
    pub prompt: String,
    /// Commands after the prompt, before the call.
    pub setup: Vec<CommandLine>,
    /// The command that calls; `{number}` stands for the number.
    pub call: CommandLine,
    /// How the line begins that says that the call stands.
    pub connected: String,
    /// How the PAD is called back from a conversation.
    pub recall: Recall,
    /// The command that ends a call.
    pub clear: String,
    /// How often, how long.
    pub calls: CallSettings,
}

/// Where a PAD is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PadPlace {
    /// On a serial port.
    Device(PathBuf),
    /// Behind a TCP port, `host:port`.
    Address(String),
}

/// How a PAD is called back from a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    /// The octet DLE; one that belongs to the conversation is sent twice.
    Dle,
    /// A break on the line.
    Break,
}

/// How often and how long is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallSettings {
    /// Further tries after the first.
    pub retries: u8,
    /// Pause between two tries.
    pub retry_after: Duration,
    /// How long a carrier, or the word of the PAD, is waited for.
    pub answer_within: Duration,
    /// The longest call.
    pub call_max: Duration,
}

impl LinkSettings {
    /// How the line is set as far as this end knows; nothing for a link that has none.
    pub const fn line(&self) -> Option<&LineSettings> {
        match self {
            Self::Serial(serial) => Some(&serial.line),
            Self::Optical(optical) => Some(&optical.line),
            Self::RtuOverTcp { line, .. } | Self::SerialServer { line, .. } => Some(line),
            Self::Modem(modem) => Some(&modem.line),
            Self::Pad(pad) => Some(&pad.line),
            Self::ModbusTcp { .. } => None,
        }
    }

    /// The serial port that it occupies.
    pub fn device(&self) -> Option<&Path> {
        match self {
            Self::Serial(SerialSettings { device, .. })
            | Self::Optical(OpticalSettings { device, .. })
            | Self::Modem(ModemSettings { device, .. })
            | Self::Pad(PadSettings {
                place: PadPlace::Device(device),
                ..
            }) => Some(device),
            _ => None,
        }
    }

    /// The `host:port` that it connects to.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::RtuOverTcp { address, .. }
            | Self::ModbusTcp { address }
            | Self::SerialServer { address, .. }
            | Self::Pad(PadSettings {
                place: PadPlace::Address(address),
                ..
            }) => Some(address),
            _ => None,
        }
    }

    /// A meter behind it is called by its number.
    pub const fn is_dialled(&self) -> bool {
        matches!(self, Self::Modem(_) | Self::Pad(_))
    }

    /// Baud rate and character format follow what a conversation asks for.
    pub const fn can_be_set(&self) -> bool {
        matches!(self, Self::Serial(_) | Self::Optical(_))
    }

    /// Octets travel with eight bits and nobody on the way makes a parity: what speaks seven bits
    /// and even parity must put the parity into the eighth bit itself.
    pub fn leaves_parity_to_software(&self) -> bool {
        let plain =
            |line: &LineSettings| line.data_bits == DataBits::Eight && line.parity == Parity::None;
        !self.can_be_set() && self.line().is_some_and(plain)
    }

    /// The number of a meter, as this link calls it.
    pub fn number(&self, text: &str) -> Result<Number, InvalidNumber> {
        match self {
            Self::Modem(_) => Number::parse(text, &PHONE),
            Self::Pad(_) => Number::parse(text, &PAD),
            _ => Err(InvalidNumber::NoCalls),
        }
    }
}

/// What a link is, in a few words for a person.
impl fmt::Display for LinkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(serial) => {
                write!(
                    f,
                    "{} at {} baud",
                    serial.device.display(),
                    serial.line.baud
                )
            }
            Self::Optical(optical) => {
                let (device, baud) = (optical.device.display(), optical.line.baud);
                write!(f, "optical head on {device}, opened at {baud} baud")
            }
            Self::RtuOverTcp { address, line } | Self::SerialServer { address, line } => {
                write!(f, "serial server {address}, {} baud behind it", line.baud)
            }
            Self::ModbusTcp { address } => write!(f, "Modbus TCP {address}"),
            Self::Modem(modem) => {
                let (device, baud) = (modem.device.display(), modem.line.baud);
                write!(f, "modem on {device} at {baud} baud")
            }
            Self::Pad(pad) => match &pad.place {
                PadPlace::Device(device) => write!(f, "PAD on {}", device.display()),
                PadPlace::Address(address) => write!(f, "PAD at {address}"),
            },
        }
    }
}
