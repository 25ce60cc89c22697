//! How a meter is reached, and what it speaks.

use super::place::{Unfit, unfit};
use crate::complaint::shown;
use std::fmt;
use std::str::FromStr;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $remedy:literal, { $($(#[$each:meta])* $variant:ident = $word:literal $(| $other:literal)*),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$each])* $variant),+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word of the file.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl FromStr for $name {
            type Err = Unfit;
            fn from_str(text: &str) -> Result<Self, Unfit> {
                match text.to_ascii_lowercase().as_str() {
                    $($word $(| $other)* => Ok(Self::$variant),)+
                    _ => Err(unfit(format!("`{}` is not known here", shown(text)), $remedy)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words!(
    /// How a line is reached.
    Connection,
    "use optical, rs232, rs485, serial-server, modem, pad or network",
    {
        /// An optical head at the front of one meter.
        Optical = "optical",
        /// A lead to one meter.
        Rs232 = "rs232",
        /// A pair with one or more meters.
        Rs485 = "rs485",
        /// A TCP port with a line behind it.
        SerialServer = "serial-server",
        /// A modem, with a telephone number for each meter.
        Modem = "modem",
        /// A PAD of a packet network, with a number for each meter.
        Pad = "pad" | "paknet",
        /// The meter's own network interface, or a Modbus TCP gateway.
        Network = "network",
    }
);

words!(
    /// What a meter speaks.
    Protocol,
    "use modbus, flag or dlms",
    {
        /// Modbus.
        Modbus = "modbus",
        /// IEC 62056-21 and Elster's commands over it.
        Flag = "flag",
        /// DLMS/COSEM.
        Dlms = "dlms",
    }
);

words!(
    /// Data bits, parity, stop bits of a line.
    Framing,
    "use 8N1, 8E1, 8O1, 8N2 or 7E1",
    {
        /// Eight bits, no parity, one stop bit.
        EightNone1 = "8n1",
        /// Eight bits, even parity, one stop bit.
        EightEven1 = "8e1",
        /// Eight bits, odd parity, one stop bit.
        EightOdd1 = "8o1",
        /// Eight bits, no parity, two stop bits.
        EightNone2 = "8n2",
        /// Seven bits, even parity, one stop bit.
        SevenEven1 = "7e1",
    }
);

impl Connection {
    /// It connects to `host:port`.
    pub const fn has_host(self) -> bool {
        matches!(self, Self::SerialServer | Self::Network)
    }

    /// Each meter is called by its number.
    pub const fn is_dialled(self) -> bool {
        matches!(self, Self::Modem | Self::Pad)
    }

    /// Only one meter hears what is said there.
    pub const fn is_for_one_meter(self) -> bool {
        matches!(self, Self::Optical)
    }

    /// It has a speed that the map may name.
    pub const fn has_baud(self) -> bool {
        !matches!(self, Self::Network)
    }
}

/// `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

impl Host {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let sound = text.rsplit_once(':').is_some_and(|(host, port)| {
            let bare = host
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            let named = |found: char| found.is_ascii_alphanumeric() || matches!(found, '.' | '-');
            let host_fits = match bare {
                Some(six) => six.parse::<std::net::Ipv6Addr>().is_ok(),
                None => (1..=253).contains(&host.len()) && host.chars().all(named),
            };
            host_fits && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if sound {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            let problem = format!("`{}` is not a host and port", shown(text));
            Err(unfit(
                problem,
                "write 10.0.0.8:14001, name.example:502 or [fd00::8]:502",
            ))
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for connection in Connection::ALL {
            assert_eq!(connection.word().parse(), Ok(*connection));
        }
        assert_eq!("PAKNET".parse(), Ok(Connection::Pad));
        assert_eq!("7E1".parse(), Ok(Framing::SevenEven1));
        assert_eq!(
            "telnet".parse::<Connection>().unwrap_err().to_string(),
            "`telnet` is not known here; use optical, rs232, rs485, serial-server, modem, pad or network"
        );
    }

    #[track_caller]
    fn check_host(text: &str, good: bool) {
        assert_eq!(text.parse::<Host>().is_ok(), good, "{text}");
    }

    #[test]
    fn a_host_has_a_port() {
        check_host("10.0.0.8:14001", true);
        check_host("moxa.hall-3:502", true);
        check_host("[fd00::8]:502", true);
        check_host("10.0.0.8", false);
        check_host("10.0.0.8:0", false);
        check_host("10.0.0.8:70000", false);
        check_host("fd00::8:502", false);
        check_host(":502", false);
        check_host("a b:502", false);
    }
}
