//! The control octet: what a frame is for.

use std::fmt;

/// What a frame is for, and whether it gives the line over (`is_final`, the poll bit of the other
/// direction).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// Information with its number, and the number that is awaited.
    Information {
        /// The number of this frame.
        send: u8,
        /// The number that is awaited from the other side.
        receive: u8,
        /// The line is given over.
        is_final: bool,
    },
    /// Ready to receive this number.
    ReceiveReady {
        /// The number that is awaited.
        receive: u8,
        /// The line is given over.
        is_final: bool,
    },
    /// Not ready to receive it yet.
    ReceiveNotReady {
        /// The number that is awaited.
        receive: u8,
        /// The line is given over.
        is_final: bool,
    },
    /// Opens a link.
    SetNormalResponseMode,
    /// Closes a link.
    Disconnect,
    /// Confirms both.
    UnnumberedAcknowledge,
    /// There is no link.
    DisconnectedMode,
    /// A frame makes no sense.
    FrameReject,
    /// Information without a number.
    UnnumberedInformation {
        /// The line is given over.
        is_final: bool,
    },
}

const POLL: u8 = 0x10;

impl Control {
    /// As an octet. Those without a number always give the line over.
    pub fn octet(self) -> u8 {
        let last = |is_final: bool| if is_final { POLL } else { 0 };
        match self {
            Self::Information {
                send,
                receive,
                is_final,
            } => (receive & 7) << 5 | last(is_final) | (send & 7) << 1,
            Self::ReceiveReady { receive, is_final } => (receive & 7) << 5 | last(is_final) | 0x01,
            Self::ReceiveNotReady { receive, is_final } => {
                (receive & 7) << 5 | last(is_final) | 0x05
            }
            Self::SetNormalResponseMode => 0x93,
            Self::Disconnect => 0x53,
            Self::UnnumberedAcknowledge => 0x73,
            Self::DisconnectedMode => 0x1f,
            Self::FrameReject => 0x97,
            Self::UnnumberedInformation { is_final } => 0x03 | last(is_final),
        }
    }

    /// From an octet; none if the standard does not know it.
    pub fn of(octet: u8) -> Option<Self> {
        let is_final = octet & POLL != 0;
        let receive = octet >> 5;
        Some(match octet {
            0x83 | 0x93 => Self::SetNormalResponseMode,
            0x43 | 0x53 => Self::Disconnect,
            0x63 | 0x73 => Self::UnnumberedAcknowledge,
            0x0f | 0x1f => Self::DisconnectedMode,
            0x87 | 0x97 => Self::FrameReject,
            0x03 | 0x13 => Self::UnnumberedInformation { is_final },
            octet if octet & 1 == 0 => Self::Information {
                send: (octet >> 1) & 7,
                receive,
                is_final,
            },
            octet if octet & 0x0f == 0x01 => Self::ReceiveReady { receive, is_final },
            octet if octet & 0x0f == 0x05 => Self::ReceiveNotReady { receive, is_final },
            _ => return None,
        })
    }

    /// Whether it gives the line over.
    pub fn is_final(self) -> bool {
        match self {
            Self::Information { is_final, .. }
            | Self::ReceiveReady { is_final, .. }
            | Self::ReceiveNotReady { is_final, .. }
            | Self::UnnumberedInformation { is_final } => is_final,
            _ => true,
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Information { send, receive, .. } => write!(f, "I {send}/{receive}"),
            Self::ReceiveReady { receive, .. } => write!(f, "RR {receive}"),
            Self::ReceiveNotReady { receive, .. } => write!(f, "RNR {receive}"),
            Self::SetNormalResponseMode => f.write_str("SNRM"),
            Self::Disconnect => f.write_str("DISC"),
            Self::UnnumberedAcknowledge => f.write_str("UA"),
            Self::DisconnectedMode => f.write_str("DM"),
            Self::FrameReject => f.write_str("FRMR"),
            Self::UnnumberedInformation { .. } => f.write_str("UI"),
        }
    }
}
