//! The number under which a meter is called. It is checked once, so that it can never carry a
//! command for the modem or the PAD.

use std::fmt;

/// A number that may be dialled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number(String);

/// Which numbers a kind of link takes.
pub(super) struct Alphabet {
    allowed: &'static str,
    /// Put in by people and left out when dialling.
    dropped: &'static str,
    chars_max: usize,
    words: &'static str,
}

/// ITU-T V.250, 6.3.1: what a dial string may hold. Tone and pulse are chosen by the link; `;`
/// would keep the modem in its command state.
pub(super) const PHONE: Alphabet = Alphabet {
    allowed: "0123456789*#ABCD+,W@!",
    dropped: " -.()/",
    chars_max: 40,
    words: "a telephone number of digits, with + * # A B C D, and `,` (pause), W (dial tone), \
            @ (quiet) or ! (flash)",
};

/// ITU-T X.28: an address has at most 15 digits; letters, a hyphen and a comma come with
/// facilities and with PADs of their own kind. `+` would end the command.
pub(super) const PAD: Alphabet = Alphabet {
    allowed: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-,.*",
    dropped: " ",
    chars_max: 40,
    words: "a number of digits and capital letters, with - , . or *",
};

/// Why this is no number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNumber {
    /// The link makes no calls.
    #[error("this link makes no calls; remove the number, or use link = \"modem\" or \"pad\"")]
    NoCalls,
    /// Nothing in it can be dialled.
    #[error("`{text}` has no digit; write {words}")]
    Empty {
        /// What was written.
        text: String,
        /// What may be written.
        words: &'static str,
    },
    /// A character that may not be dialled.
    #[error("`{text}` holds `{found}`; write {words}")]
    Character {
        /// What was written.
        text: String,
        /// The first character that may not.
        found: char,
        /// What may be written.
        words: &'static str,
    },
    /// Too long.
    #[error("`{text}` is longer than {chars_max} characters; write {words}")]
    Long {
        /// What was written.
        text: String,
        /// The most that may be.
        chars_max: usize,
        /// What may be written.
        words: &'static str,
    },
}

impl Number {
    pub(super) fn parse(text: &str, alphabet: &Alphabet) -> Result<Self, InvalidNumber> {
        let words = alphabet.words;
        let dialled: String = text
            .chars()
            .filter(|found| !alphabet.dropped.contains(*found))
            .map(|found| found.to_ascii_uppercase())
            .collect();
        let text = || text.escape_debug().to_string();
        if let Some(found) = dialled
            .chars()
            .find(|found| !alphabet.allowed.contains(*found))
        {
            let text = text();
            return Err(InvalidNumber::Character { text, found, words });
        }
        if !dialled.chars().any(|found| found.is_ascii_digit()) {
            return Err(InvalidNumber::Empty {
                text: text(),
                words,
            });
        }
        if dialled.len() > alphabet.chars_max {
            return Err(InvalidNumber::Long {
                text: text(),
                chars_max: alphabet.chars_max,
                words,
            });
        }
        Ok(Self(dialled))
    }

    /// What is dialled.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(alphabet: &Alphabet, text: &str, expected: Result<&str, &str>) {
        match (Number::parse(text, alphabet), expected) {
            (Ok(number), Ok(dialled)) => assert_eq!(number.as_str(), dialled),
            (Err(fault), Err(words)) => assert!(fault.to_string().starts_with(words), "{fault}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn a_number_is_dialled_without_what_people_put_between() {
        check(
            &PHONE,
            "+44 (0)1785-212.12",
            Ok("+44017852121 2".replace(' ', "").as_str()),
        );
        check(&PHONE, "0,w01785", Ok("0,W01785"));
        check(&PAD, "2353 1990100122", Ok("23531990100122"));
        check(&PAD, "r,g01-23421920", Ok("R,G01-23421920"));
    }

    #[test]
    fn a_number_never_carries_a_command() {
        check(
            &PHONE,
            "123;",
            Err("`123;` holds `;`; write a telephone number"),
        );
        check(&PHONE, "123\rATH", Err("`123\\rATH` holds `\r`"));
        check(&PHONE, "123^5", Err("`123^5` holds `^`"));
        check(
            &PAD,
            "123+CLR",
            Err("`123+CLR` holds `+`; write a number of digits"),
        );
        check(&PAD, "123\u{10}", Err("`123\\u{10}` holds"));
        check(&PAD, "12\u{e4}", Err("`12\u{e4}` holds"));
    }

    #[test]
    fn a_number_has_digits_and_an_end() {
        check(&PHONE, "", Err("`` has no digit"));
        check(&PHONE, " - ", Err("` - ` has no digit"));
        check(&PAD, "ABC", Err("`ABC` has no digit"));
        check(&PHONE, &"1".repeat(41), Err("`1111"));
    }
}
