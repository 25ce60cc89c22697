//! Passwords, and the procedure that Elster meters use for P2.
//!
//! The procedure hides nothing: whoever hears the operand and the answer can compute the password.
//! That is why `Debug` shows neither, and why they have no `Display`.

use std::fmt;

use super::fault::{DecodeFault, InvalidField, check_range, check_text};
use super::packet::{hex_of, octets_of};
use super::symbol::is_plain;
use crate::limits::{ELSTER_PASSWORD_CHARS, SECRET_CHARS_MAX};

/// Refuses what cannot be sent as the only value of P1 or P2.
fn check_secret(part: &'static str, text: &str) -> Result<(), InvalidField> {
    let allowed = "printable characters other than ( ) * / !";
    let allows = |octet| is_plain(octet) && octet != b'*';
    check_text(part, text, SECRET_CHARS_MAX, allowed, allows)
}

/// A password of a meter.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// One to 32 characters.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        let part = "the password";
        check_range(part, text.len(), 1, usize::MAX)
            .and_then(|()| check_secret(part, text))
            .map(|()| Self(text.to_owned()))
    }

    /// The password itself. For the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(*)")
    }
}

/// The operand of P0 as Elster meters send it: eight octets in hexadecimal.
///
/// A session has one; each renewal of the password uses it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; ELSTER_PASSWORD_CHARS]);

impl Seed {
    /// From its octets.
    pub fn new(octets: [u8; ELSTER_PASSWORD_CHARS]) -> Self {
        Self(octets)
    }

    /// From the value of the operand.
    pub fn parse(value: &str) -> Result<Self, DecodeFault> {
        let octets = <[u8; ELSTER_PASSWORD_CHARS]>::try_from(octets_of(value)?);
        let part = "the operand of P0";
        octets.map(Self).map_err(|_| DecodeFault::malformed(part))
    }

    /// As it is sent.
    pub fn text(self) -> String {
        hex_of(&self.0)
    }
}

/// What P2 carries: proof of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordAnswer(String);

impl PasswordAnswer {
    /// What an Elster meter takes for the public level, without a password.
    pub fn public() -> Self {
        Self(hex_of(&[0; ELSTER_PASSWORD_CHARS]))
    }

    /// What an Elster meter takes for this password, which must have eight characters.
    pub fn elster(password: &Password, seed: Seed) -> Result<Self, InvalidField> {
        let part = "the number of characters of an Elster password";
        let most = ELSTER_PASSWORD_CHARS;
        check_range(part, password.0.len(), most, most)?;
        let mixed = password
            .0
            .bytes()
            .zip(seed.0)
            .map(|(letter, octet)| letter ^ octet);
        let last = mixed.clone().next_back().unwrap_or_default();
        let summed = mixed.scan(last, |sum, octet| {
            *sum = sum.wrapping_add(octet);
            Some(*sum)
        });
        Ok(Self(hex_of(&summed.collect::<Vec<_>>())))
    }

    /// As P2 brought it, or as another procedure made it.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        check_secret("the answer to an operand", text)?;
        Ok(Self(text.to_owned()))
    }

    /// The answer itself. For the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordAnswer(*)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(password: &str, expected: &str) {
        let seed = Seed::parse("0123456789ABCDEF").unwrap();
        let password = Password::new(password).unwrap();
        let answer = PasswordAnswer::elster(&password, seed).unwrap();
        assert_eq!(answer.reveal(), expected);
    }

    #[test]
    fn the_procedure_is_that_of_our_sources() {
        check("0001ABCD", "DCEF64BA826BF9A4");
        check("ABCD0002", "1D7E84A760FBF8D5");
        check("FEDC0003", "23898AAE6702FFDB");
        assert_eq!(PasswordAnswer::public().reveal(), "0000000000000000");
    }

    #[test]
    fn only_eight_characters_make_an_elster_password() {
        let seed = Seed::new([0; 8]);
        for text in ["X", "SECRETX", "SECRETXYZ"] {
            let password = Password::new(text).unwrap();
            let fault = PasswordAnswer::elster(&password, seed).unwrap_err();
            assert!(!fault.to_string().contains(text), "{fault}");
        }
        assert!(Password::new("").is_err());
        assert!(Password::new("a(b").is_err());
        assert!(Password::new("a*b").is_err());
        assert!(Password::new(&"1".repeat(33)).is_err());
    }

    #[test]
    fn an_operand_has_eight_octets() {
        assert_eq!(
            Seed::parse("0123456789ABCDEF").unwrap().text(),
            "0123456789ABCDEF"
        );
        for value in [
            "",
            "0123456789ABCD",
            "0123456789ABCDEF00",
            "0123456789ABCDEG",
        ] {
            assert!(Seed::parse(value).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_secret_is_shown(text in "[A-Z0-9]{8}", seed in any::<[u8; 8]>()) {
            let password = Password::new(&text).unwrap();
            let answer = PasswordAnswer::elster(&password, Seed::new(seed)).unwrap();
            let told = format!("{password:?} {password:#?} {answer:?} {answer:#?}");
            prop_assert!(!told.contains(&text));
            prop_assert!(!told.contains(answer.reveal()));
        }

        #[test]
        fn another_password_has_another_answer(
            (one, other) in ("[A-Z0-9]{8}", "[A-Z0-9]{8}"),
            seed in any::<[u8; 8]>(),
        ) {
            let answer = |text: &str| {
                PasswordAnswer::elster(&Password::new(text).unwrap(), Seed::new(seed)).unwrap()
            };
            prop_assert_eq!(answer(&one) == answer(&other), one == other);
        }
    }
}
