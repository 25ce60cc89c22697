//! What can be wrong with the octets of an identity.

/// Octets that cannot be taken apart. None of them becomes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentFault {
    /// Another length than the layout's.
    #[error(
        "identity {identity:03} came with {found} octets instead of {expected}; check the variant of the meter's model"
    )]
    Length {
        /// Which identity.
        identity: u16,
        /// Octets of its layout.
        expected: usize,
        /// Octets that came.
        found: usize,
    },
    /// A digit above nine.
    #[error(
        "identity {identity:03} holds {octets:02X?} where decimal digits should be; compare it with the meter's display"
    )]
    NoDigits {
        /// Which identity.
        identity: u16,
        /// The octets.
        octets: Vec<u8>,
    },
    /// A time that does not exist.
    #[error("the clock shows {octets:02X?}, which is no time; look at the meter's battery")]
    NoTime {
        /// The octets.
        octets: Vec<u8>,
    },
}

/// What to do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentRemedy {
    /// The model, or its variant, does not describe this meter.
    CheckModel,
    /// The meter itself should be looked at.
    CheckMeter,
}

impl ContentFault {
    /// What to do.
    pub fn remedy(&self) -> ContentRemedy {
        match self {
            Self::Length { .. } | Self::NoDigits { .. } => ContentRemedy::CheckModel,
            Self::NoTime { .. } => ContentRemedy::CheckMeter,
        }
    }
}
