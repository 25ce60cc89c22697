//! How a gateway gets its first account: by a code that only its installer has, never by a default
//! password.

use sha2::{Digest, Sha256};

/// Characters of a claim code: 20 of 32 letters and digits are 100 bits.
const CODE_CHARS_MIN: usize = 20;
const CODE_CHARS_MAX: usize = 64;

/// The code of a gateway that nobody has claimed yet; kept as a hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim([u8; 32]);

/// Why a claim is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimFault {
    /// The caller's code could be guessed.
    #[error(
        "a claim code has {CODE_CHARS_MIN} to {CODE_CHARS_MAX} letters and digits; make it of the system's randomness"
    )]
    WeakCode,
    /// Not the code.
    #[error("this is not the gateway's claim code; root makes a new one with `pmuctl people code`")]
    WrongCode,
    /// Nobody has made one.
    #[error("there is no claim code; make one as root: `pmuctl people code`")]
    NoCode,
    /// There is an account already.
    #[error(
        "the gateway is claimed already; sign in, or begin anew as root: `pmuctl people code --anew`"
    )]
    Claimed,
}

impl Claim {
    /// Takes the code that the caller made of randomness. Dashes and case do not count.
    pub fn new(code: &str) -> Result<Self, ClaimFault> {
        let code = plain(code);
        let is_plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_plain || !(CODE_CHARS_MIN..=CODE_CHARS_MAX).contains(&code.len()) {
            return Err(ClaimFault::WeakCode);
        }
        Ok(Self(Sha256::digest(code.as_bytes()).into()))
    }

    /// From its hash, as it was stored.
    pub const fn stored(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The hash to store.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the code.
    pub(super) fn is(&self, code: &str) -> bool {
        let found: [u8; 32] = Sha256::digest(plain(code).as_bytes()).into();
        let pairs = found.iter().zip(&self.0);
        pairs.fold(0, |sum, (one, other)| sum | (one ^ other)) == 0
    }
}

fn plain(code: &str) -> String {
    let characters = code.chars().take(4 * CODE_CHARS_MAX);
    let characters = characters.filter(|one| !matches!(one, '-' | ' '));
    characters.map(|one| one.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_long_and_read_as_people_write_it() {
        assert!(Claim::new("1234-5678").is_err());
        assert!(Claim::new("ABCDE-FGHJK-LMNPQ-RST$V").is_err());
        let claim = Claim::new("ABCDE-FGHJK-LMNPQ-RSTUV").unwrap();
        assert!(claim.is("abcde fghjk lmnpq rstuv"));
        assert!(!claim.is("ABCDE-FGHJK-LMNPQ-RSTUW"));
        assert!(Claim::stored(*claim.hash()) == claim);
    }
}
