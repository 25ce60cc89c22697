//! Names and identifiers of a network map.

use std::fmt;
use std::str::FromStr;

/// Why a text is not what its column holds: the problem and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {remedy}")]
pub struct Unfit {
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

pub(crate) fn unfit(problem: impl Into<String>, remedy: impl Into<String>) -> Unfit {
    Unfit {
        problem: problem.into(),
        remedy: remedy.into(),
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(
    /// A name that people gave to an area, a substation, a feeder or a part of a meter: any
    /// language, one line, no slash.
    Label
);
text!(
    /// The name of a scheme, with its folders: `uk/half-hourly`.
    SchemeName
);
text!(
    /// The name of a password that is kept sealed on the gateway, `sealed:feeder-1-level-2`. What
    /// a password is never stands in a map.
    SecretRef
);
text!(
    /// A UK metering point number of 13 digits, the last of which proves the others.
    Mpan
);

text!(
    /// The name of a meter list.
    ListName
);

impl FromStr for ListName {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text.parse::<metering::MeterId>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            let problem = format!("`{}` is not a name", crate::complaint::shown(text));
            Err(unfit(
                problem,
                "use 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit",
            ))
        }
    }
}

impl Label {
    const CHARS_MAX: usize = 60;
}

impl FromStr for Label {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let sound = !text.is_empty()
            && text.trim() == text
            && text.chars().count() <= Self::CHARS_MAX
            && !text.chars().any(|found| found == '/' || found.is_control());
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            let remedy = format!(
                "use 1 to {} characters on one line, without /",
                Self::CHARS_MAX
            );
            Err(unfit(
                format!("`{}` cannot be a name here", crate::complaint::shown(text)),
                remedy,
            ))
        }
    }
}

impl FromStr for SchemeName {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let part = |part: &str| part.parse::<metering::MeterId>().is_ok();
        if text.len() <= 120 && text.split('/').all(part) {
            Ok(Self(text.to_owned()))
        } else {
            let remedy =
                "use a-z, 0-9 and -, with / between folders and the name, 120 characters at most";
            Err(unfit(
                format!(
                    "`{}` is not the name of a scheme",
                    crate::complaint::shown(text)
                ),
                remedy,
            ))
        }
    }
}

impl FromStr for SecretRef {
    type Err = Unfit;
    /// What does not fit is not repeated: it may be the password itself.
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let name = text.strip_prefix("sealed:");
        if name.is_some_and(|name| name.parse::<metering::MeterId>().is_ok()) {
            Ok(Self(text.to_owned()))
        } else {
            let problem =
                "holds something that is not the name of a sealed password; it is not shown here";
            let remedy = "never write a password into a map: seal it on the gateway, and write sealed: and its name";
            Err(unfit(problem, remedy))
        }
    }
}

impl Mpan {
    const WEIGHTS: [u32; 12] = [3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43];

    /// The last digit that the first twelve ask for.
    fn check_digit(digits: &[u32]) -> u32 {
        let sum: u32 = Self::WEIGHTS
            .iter()
            .zip(digits)
            .map(|(weight, digit)| weight * digit)
            .sum();
        sum % 11 % 10
    }
}

impl FromStr for Mpan {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let core: String = text.chars().filter(|found| *found != ' ').collect();
        let digits: Vec<u32> = core.chars().map_while(|found| found.to_digit(10)).collect();
        if digits.len() != 13 || core.len() != 13 {
            let problem = format!(
                "`{}` does not have 13 digits",
                crate::complaint::shown(text)
            );
            let remedy = "write the 13 digits; if a spreadsheet made 1.2E+12 of them, format the column as text";
            return Err(unfit(problem, remedy));
        }
        let expected = Self::check_digit(&digits);
        if digits.last() == Some(&expected) {
            Ok(Self(core))
        } else {
            let problem = format!("the last digit of `{core}` should be {expected}");
            Err(unfit(
                problem,
                "compare it with the label or the contract; one digit is wrong",
            ))
        }
    }
}

/// A place in the hierarchy with all that is below it: an area, a substation or a feeder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder(Vec<Label>);

impl Folder {
    /// Its names, the area first.
    pub fn labels(&self) -> &[Label] {
        &self.0
    }
}

impl FromStr for Folder {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let labels = text.split('/').map(|part| part.trim().parse());
        let labels = labels.collect::<Result<Vec<Label>, Unfit>>();
        match labels {
            Ok(labels) if labels.len() <= 3 => Ok(Self(labels)),
            _ => {
                let problem = format!("`{}` is no place in the map", crate::complaint::shown(text));
                Err(unfit(
                    problem,
                    "write area, area/substation or area/substation/feeder",
                ))
            }
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = self.0.iter().map(Label::as_str).collect();
        f.write_str(&parts.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromStr<Err = Unfit> + fmt::Display>(text: &str, expected: Result<&str, &str>) {
        let found = text.parse::<T>();
        let found = found
            .map(|found| found.to_string())
            .map_err(|unfit| unfit.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn names_have_their_forms() {
        check::<Label>("Köln Süd 3", Ok("Köln Süd 3"));
        check::<Label>(
            "a/b",
            Err("`a/b` cannot be a name here; use 1 to 60 characters on one line, without /"),
        );
        check::<Folder>("North / Hall", Ok("North/Hall"));
        check::<Folder>(
            "a/b/c/d",
            Err(
                "`a/b/c/d` is no place in the map; write area, area/substation or area/substation/feeder",
            ),
        );
        check::<SchemeName>("uk/half-hourly", Ok("uk/half-hourly"));
        check::<SchemeName>(
            "uk//x",
            Err(
                "`uk//x` is not the name of a scheme; use a-z, 0-9 and -, with / between folders and the name, 120 characters at most",
            ),
        );
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        check::<SecretRef>("sealed:feeder-1", Ok("sealed:feeder-1"));
        let said = "AB12CD34".parse::<SecretRef>().unwrap_err().to_string();
        assert!(!said.contains("AB12CD34"), "{said}");
    }

    #[test]
    fn the_last_digit_of_an_mpan_proves_it() {
        check::<Mpan>(
            "20 0000 0000 001",
            Err(
                "the last digit of `2000000000001` should be 6; compare it with the label or the contract; one digit is wrong",
            ),
        );
        check::<Mpan>("2000000000006", Ok("2000000000006"));
        check::<Mpan>(
            "1.2E+12",
            Err(
                "`1.2E+12` does not have 13 digits; write the 13 digits; if a spreadsheet made 1.2E+12 of them, format the column as text",
            ),
        );
    }
}
