//! Where something is written.

use crate::modbus::WriteFunction;
use std::fmt;
use std::ops::Range;

/// Octets of one packet of an identity.
pub(super) const PACKET_OCTETS: u16 = 64;

/// A place of a meter that can be read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Holding registers; their octets come high first.
    Registers {
        /// The first.
        address: u16,
        /// How many.
        count: u16,
        /// How they are written.
        function: WriteFunction,
    },
    /// A coil; one octet, 0 or 1.
    Coil {
        /// Which.
        address: u16,
    },
    /// An identity of a FLAG meter, from a packet on.
    Packets {
        /// Which identity.
        identity: u16,
        /// Its first packet.
        first: u16,
        /// How many octets; none for what is only executed.
        octets: u16,
    },
}

impl Place {
    /// Octets that it holds.
    pub fn octets(&self) -> usize {
        match self {
            Self::Registers { count, .. } => 2 * usize::from(*count),
            Self::Coil { .. } => 1,
            Self::Packets { octets, .. } => usize::from(*octets),
        }
    }

    /// What goes to the meter in one frame each: a cut between two of them leaves a mixture.
    pub fn pieces(&self) -> Vec<(Self, Range<usize>)> {
        match *self {
            Self::Registers {
                address,
                count,
                function: WriteFunction::Single,
            } => (0..count)
                .map(|place| {
                    let piece = Self::Registers {
                        address: address.saturating_add(place),
                        count: 1,
                        function: WriteFunction::Single,
                    };
                    let from = 2 * usize::from(place);
                    (piece, from..from + 2)
                })
                .collect(),
            Self::Packets {
                identity,
                first,
                octets,
            } if octets > PACKET_OCTETS => (0..octets.div_ceil(PACKET_OCTETS))
                .map(|place| {
                    let from = place * PACKET_OCTETS;
                    let length = (octets - from).min(PACKET_OCTETS);
                    let piece = Self::Packets {
                        identity,
                        first: first.saturating_add(place),
                        octets: length,
                    };
                    (piece, usize::from(from)..usize::from(from + length))
                })
                .collect(),
            whole => vec![(whole, 0..whole.octets())],
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registers {
                address,
                count,
                function,
            } => write!(
                f,
                "holding 0x{address:04X}+{count} (function {})",
                function.number()
            ),
            Self::Coil { address } => write!(f, "coil 0x{address:04X} (function 5)"),
            Self::Packets {
                identity,
                first,
                octets,
            } => write!(f, "{identity:03}{first:03X} ({octets} octets)"),
        }
    }
}
