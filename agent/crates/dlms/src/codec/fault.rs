//! Why octets are not what they should be.

/// Where a message stops making sense. No variant carries octets of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeFault {
    /// It ends too early.
    #[error("message ends within {part}")]
    Short {
        /// What was being read.
        part: &'static str,
    },
    /// Octets are left behind its end.
    #[error("{octets} octets left behind the message")]
    Trailing {
        /// How many.
        octets: usize,
    },
    /// A value that the standard does not know, or that may not stand there.
    #[error("{part} {value:#04x} is not allowed there")]
    Unexpected {
        /// What was read.
        part: &'static str,
        /// What it was.
        value: u8,
    },
    /// More than a named limit allows.
    #[error("{part} is larger than {most}")]
    TooLarge {
        /// What it is.
        part: &'static str,
        /// The limit.
        most: usize,
    },
    /// Values lie too deep within each other.
    #[error("values lie more than {most} deep within each other")]
    TooDeep {
        /// The limit.
        most: u8,
    },
    /// A length that contradicts another one.
    #[error("length of {part} contradicts its message")]
    Length {
        /// What it is the length of.
        part: &'static str,
    },
}
