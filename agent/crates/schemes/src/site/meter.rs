//! One meter of a network map.

use super::connection::{Connection, Framing, Host, Protocol};
use super::place::{Folder, Label, Mpan, SchemeName, SecretRef};
use super::ratio::Ratio;
use metering::{BusId, MeterId};

/// One meter: where it is, how it is reached, what it is. Texts are checked when they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteMeter {
    /// Its name on the gateway.
    pub name: MeterId,
    /// The area it is in.
    pub area: Label,
    /// The substation.
    pub substation: Label,
    /// The feeder, if the substation has more than one.
    pub feeder: Option<Label>,
    /// The line it hangs on.
    pub link: Link,
    /// The telephone or PAD number by which it is called.
    pub number: Option<String>,
    /// What it speaks.
    pub protocol: Protocol,
    /// Modbus: unit. FLAG: outstation number. DLMS: lower HDLC address, or logical device.
    pub address: Option<String>,
    /// DLMS: the client as which it is read, where it is not the model's.
    pub client: Option<u16>,
    /// The name of its model file.
    pub model: Label,
    /// The level its password opens.
    pub access_level: Option<u8>,
    /// The name of its sealed password.
    pub password: Option<SecretRef>,
    /// Current transformers, in amperes.
    pub ct: Option<Ratio>,
    /// Voltage transformers, in volts.
    pub vt: Option<Ratio>,
    /// The maker's serial number.
    pub serial: Option<Label>,
    /// The utility's own number for it.
    pub utility_serial: Option<Label>,
    /// The metering point, in the United Kingdom.
    pub mpan: Option<Mpan>,
    /// The scheme it should hold.
    pub scheme: Option<SchemeName>,
    /// What else a person should know.
    pub note: Option<String>,
}

/// The line of a meter. All meters of one bus have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub bus: BusId,
    /// What it is.
    pub connection: Connection,
    /// The port of the gateway, `/dev/serial/by-path/...`.
    pub device: Option<String>,
    /// Where it is in the network.
    pub host: Option<Host>,
    /// Its speed in bits per second.
    pub baud: Option<u32>,
    /// Data bits, parity, stop bits.
    pub framing: Option<Framing>,
}

impl SiteMeter {
    /// Whether it is in this place of the map.
    pub fn is_in(&self, folder: &Folder) -> bool {
        let own = [
            Some(&self.area),
            Some(&self.substation),
            self.feeder.as_ref(),
        ];
        let mut own = own.into_iter();
        folder
            .labels()
            .iter()
            .all(|label| own.next().flatten() == Some(label))
    }

    /// What tells it from the others of its bus: number and address, as the line knows them.
    pub(crate) fn line_name(&self) -> String {
        let number = self.number.as_deref().unwrap_or_default();
        // As DLMS and FLAG compare them: leading zeros do not count.
        let address = self.address.as_deref().unwrap_or_default();
        format!("{number}/{}", address.trim_start_matches('0'))
    }
}
