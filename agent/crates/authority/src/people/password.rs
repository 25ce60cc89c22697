//! Passwords of people, kept as argon2id hashes (RFC 9106).

use crate::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
use argon2::{Algorithm, Argon2, Params, Version};
use std::fmt;
use zeroize::Zeroizing;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What one guess costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Argon2Cost {
    /// 19 MiB, two passes, one lane: the least that OWASP's password sheet advises, and what a
    /// small gateway can spare.
    pub const GATEWAY: Self = Self {
        memory_kib: 19 * 1024,
        passes: 2,
        lanes: 1,
    };

    /// A file may ask for more, but not for so much that a sign-in stops the gateway.
    const MOST: Self = Self {
        memory_kib: 64 * 1024,
        passes: 8,
        lanes: 4,
    };

    fn is_bearable(self) -> bool {
        let most = Self::MOST;
        self.memory_kib <= most.memory_kib && self.passes <= most.passes && self.lanes <= most.lanes
    }
}

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Too short.
    #[error("the password has fewer than {PASSWORD_CHARS_MIN} characters; use a longer one")]
    Short,
    /// Too long.
    #[error("the password has more than {PASSWORD_BYTES_MAX} bytes; use a shorter one")]
    Long,
    /// Easy to guess.
    #[error("the password holds the person's name or one character only; use another one")]
    Guessable,
    /// The text is no hash of this program, or asks for too much.
    #[error("the stored password cannot be read; give the person a new one")]
    Unreadable,
}

/// A password as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    cost: Argon2Cost,
    salt: [u8; SALT_BYTES],
    hash: [u8; HASH_BYTES],
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(*)")
    }
}

impl PasswordHash {
    /// Hashes a new password; the salt is fresh randomness of the caller.
    pub fn new(
        name: &str,
        password: &str,
        salt: [u8; SALT_BYTES],
        cost: Argon2Cost,
    ) -> Result<Self, PasswordFault> {
        if password.chars().count() < PASSWORD_CHARS_MIN {
            return Err(PasswordFault::Short);
        }
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordFault::Long);
        }
        let mut characters = password.chars();
        let first = characters.next();
        let has_name = password.to_lowercase().contains(&name.to_lowercase());
        if has_name || characters.all(|one| Some(one) == first) {
            return Err(PasswordFault::Guessable);
        }
        let hash = derive(password, &salt, cost).ok_or(PasswordFault::Unreadable)?;
        let hash = *hash;
        Ok(Self { cost, salt, hash })
    }

    /// Whether this is the password. Takes the same time whether it is or not.
    pub fn is(&self, password: &str) -> bool {
        // What is too long is not hashed: whoever sends it may take no time for it.
        let found = (password.len() <= PASSWORD_BYTES_MAX)
            .then(|| derive(password, &self.salt, self.cost))
            .flatten();
        found.is_some_and(|found| {
            let pairs = found.iter().zip(&self.hash);
            pairs.fold(0, |sum, (one, other)| sum | (one ^ other)) == 0
        })
    }

    /// Takes the time of a comparison, for somebody who has no account.
    pub(super) fn spend_as_much(password: &str) {
        let nobody = Self {
            cost: Argon2Cost::GATEWAY,
            salt: [0; SALT_BYTES],
            hash: [0; HASH_BYTES],
        };
        std::hint::black_box(nobody.is(password));
    }

    /// One line for a file that only the gateway reads.
    pub fn to_text(&self) -> String {
        let Argon2Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        let hex = crate::key_file::to_hex;
        let (salt, hash) = (hex(&self.salt), hex(&self.hash));
        format!("argon2id,{memory_kib},{passes},{lanes},{salt},{hash}")
    }

    /// Reads that line.
    pub fn parse(text: &str) -> Result<Self, PasswordFault> {
        Self::read(text).ok_or(PasswordFault::Unreadable)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        (parts.next()? == "argon2id").then_some(())?;
        let cost = Argon2Cost {
            memory_kib: parts.next()?.parse().ok()?,
            passes: parts.next()?.parse().ok()?,
            lanes: parts.next()?.parse().ok()?,
        };
        let mut bytes = || crate::key_file::from_hex(parts.next()?);
        let (salt, hash) = (bytes()?, bytes()?);
        let found = Self {
            cost,
            salt: salt.try_into().ok()?,
            hash: hash.try_into().ok()?,
        };
        (parts.next().is_none() && cost.is_bearable() && context(cost).is_some()).then_some(found)
    }
}

fn context(cost: Argon2Cost) -> Option<Argon2<'static>> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES));
    Some(Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        params.ok()?,
    ))
}

fn derive(password: &str, salt: &[u8], cost: Argon2Cost) -> Option<Zeroizing<[u8; HASH_BYTES]>> {
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    context(cost)?
        .hash_password_into(password.as_bytes(), salt, hash.as_mut())
        .ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Argon2Cost = Argon2Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    #[track_caller]
    fn check(password: &str, expected: Option<PasswordFault>) {
        assert_eq!(
            PasswordHash::new("ann", password, [1; 16], QUICK).err(),
            expected
        );
    }

    #[test]
    fn short_long_and_easy_passwords_are_refused() {
        check("correct horse 9", None);
        check("elevenchars", Some(PasswordFault::Short));
        check(&"xy".repeat(200), Some(PasswordFault::Long));
        check("aaaaaaaaaaaaaa", Some(PasswordFault::Guessable));
        check("Ann has a password", Some(PasswordFault::Guessable));
    }

    #[test]
    fn a_hash_survives_its_text_and_knows_its_password() {
        let hash = PasswordHash::new("ann", "correct horse 9", [1; 16], QUICK).unwrap();
        let again = PasswordHash::parse(&hash.to_text()).unwrap();
        assert_eq!(hash, again);
        assert!(again.is("correct horse 9"));
        assert!(!again.is("correct horse 8"));
        assert!(!again.is(&"x".repeat(10_000)));
        let other = PasswordHash::new("ann", "correct horse 9", [2; 16], QUICK).unwrap();
        assert_ne!(hash.to_text(), other.to_text(), "the salt counts");
        assert!(!format!("{hash:?}").contains("0101"));
    }

    #[test]
    fn a_stored_line_that_asks_for_too_much_is_refused() {
        let good = PasswordHash::new("ann", "correct horse 9", [1; 16], QUICK).unwrap();
        let good = good.to_text();
        for (from, to) in [
            (",64,", ",4000000,"),
            (",1,1,", ",1,200,"),
            ("argon2id", "argon2d"),
            (",01", ",1"),
        ] {
            assert!(
                PasswordHash::parse(&good.replacen(from, to, 1)).is_err(),
                "{to}"
            );
        }
        assert!(PasswordHash::parse(&format!("{good},00")).is_err());
        assert!(PasswordHash::parse("").is_err());
    }

    #[test]
    fn the_shipped_cost_gives_the_hash_of_another_program() {
        // Argon2id of Python's `cryptography` 46 (OpenSSL) with the same password, salt and cost.
        let hash = PasswordHash::new("ann", "correct horse 9", [1; 16], Argon2Cost::GATEWAY);
        let expected = concat!(
            "argon2id,19456,2,1,01010101010101010101010101010101,",
            "cf1680b706535d5c04c9d757a78486b4b150abc636b086f73b298ccf5aa0ac91"
        );
        assert_eq!(hash.unwrap().to_text(), expected);
    }
}
