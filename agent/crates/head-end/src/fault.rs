//! What can be wrong with bytes of the contract.

/// Bytes that are no message of the contract. The sender must change something; the receiver
/// counts, reports and drops them.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Larger than allowed; nothing was parsed.
    #[error("{found} bytes are more than the {limit} allowed here")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not the CBOR of the contract: damaged, a key missing or twice, or bytes left over.
    #[error("not the CBOR map of the contract")]
    Cbor(#[source] serde_cbor::Error),
    /// Another major version.
    #[error("version {0} of the contract is not spoken here; upgrade this program")]
    Version(u64),
    /// A stream this program does not know.
    #[error("the stream is not known here; upgrade this program")]
    UnknownStream,
    /// A number, count, text or name out of its range.
    #[error("`{key}` is out of range")]
    OutOfRange {
        /// The key of the contract.
        key: &'static str,
    },
    /// A column of numbers that is cut, too long, or not in its shortest form.
    #[error("column `{key}` does not hold exactly the numbers it should")]
    Column {
        /// The key of the contract.
        key: &'static str,
    },
    /// A unit this program does not know: booking its value could be wrong.
    #[error("unit code {0} is not known here; upgrade this program")]
    UnknownUnit(u8),
    /// The channel list is not the one the block was made with.
    #[error("the channel list given is not the one of version {expected:#010x}")]
    OtherChannels {
        /// The version the block names.
        expected: u32,
    },
}

/// A record that has no form in the contract. A bug of the caller, or a limit to split at.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Larger than a packet; split it.
    #[error("{found} bytes are more than the {limit} allowed; split the record")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A number, count, text or name out of its range.
    #[error("`{key}` is out of range")]
    OutOfRange {
        /// The key of the contract.
        key: &'static str,
    },
    /// Rows of a block must lie on consecutive marks, each with one value a channel.
    #[error("row {row} is not on the next mark, or has not one value a channel")]
    Ragged {
        /// Index of the row.
        row: usize,
    },
    /// The CBOR writer refused.
    #[error("cannot be written as CBOR")]
    Cbor(#[source] serde_cbor::Error),
}
