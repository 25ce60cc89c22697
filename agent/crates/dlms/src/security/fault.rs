//! Why an APDU could not be protected, or is not believed.

use crate::codec::DecodeFault;

/// What is wrong with the protection of an APDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecurityFault {
    /// The key has not as many octets as the suite wants.
    #[error("key has {octets} octets; suite {suite} wants {wanted}")]
    KeyLength {
        /// The suite.
        suite: u8,
        /// What it has.
        octets: usize,
        /// What is wanted.
        wanted: usize,
    },
    /// A secret is too long.
    #[error("secret has {octets} octets; write at most {most}")]
    SecretLength {
        /// What it has.
        octets: usize,
        /// The limit.
        most: usize,
    },
    /// The tag is wrong: another key, or damage that no checksum saw.
    #[error("APDU cannot be deciphered; check both keys and the suite of the meter")]
    Tag,
    /// An APDU came without the protection that was agreed.
    #[error("APDU is protected less than was agreed")]
    Weak,
    /// It is of another suite, of the broadcast key, or compressed.
    #[error("APDU has the security control {control:#04x}, which was not agreed")]
    Control {
        /// What it says.
        control: u8,
    },
    /// It names another system title than the one that the association has.
    #[error("APDU is of another system title")]
    Title,
    /// The peer has said no system title.
    #[error("meter has said no system title")]
    NoTitle,
    /// Its counter was used before: an old APDU, or a copy.
    #[error("invocation counter {counter} of the meter is not above {heard}; it is an old APDU")]
    Old {
        /// What it carries.
        counter: u32,
        /// The highest that was heard.
        heard: u32,
    },
    /// It is not an APDU.
    #[error("APDU is malformed")]
    Malformed(#[from] DecodeFault),
    /// This side's counter is at its end.
    #[error("invocation counters of this key are used up; replace the key")]
    Exhausted,
    /// A wrapped key does not open: another master key, or damage.
    #[error("wrapped key does not open; check the meter's master key")]
    Wrapped,
    /// There is no source of random octets.
    #[error("no random octets to be had")]
    NoRandom,
}
