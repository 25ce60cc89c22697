//! The kinds of value that stand in a scheme's file.

use super::form::{Atom, Wrong, kind, wrong};
use crate::complaint::shown;
use metering::Obis;
use metering::scheme::{
    BillingDate, CalendarClock, CivilDate, DisplayKind, ExclusionDate, InputKind, Label,
    LockoutKind, PhaseMark, Purpose, RateSet, SealedPassword, SeasonStart, Sign, Source, TimeOfDay,
    TimeOrder, WeekOfMonth, Weekday, Window, Word,
};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use toml::de::DeValue;

/// Characters of a longer text, such as notes.
const TEXT_CHARS_MAX: usize = 4000;
/// Octets of a sealed password.
const SEALED_OCTETS_MAX: usize = 512;

/// A text as TOML writes it between double quotes; one way for each text.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let code = u32::from(c);
                out.push_str("\\u");
                let digits = [code >> 12, code >> 8, code >> 4, code];
                let digit = |number| char::from_digit(number & 15, 16).unwrap_or('0');
                out.extend(digits.map(digit));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text, or a date or time that stands without quotes.
fn text(from: &DeValue<'_>, remedy: &str) -> Result<String, Wrong> {
    match from {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Datetime(time) => Ok(time.to_string()),
        other => wrong(format!("is no text but {}", kind(other)), remedy),
    }
}

impl Atom for bool {
    fn read(from: &DeValue<'_>) -> Result<Self, Wrong> {
        match from {
            DeValue::Boolean(flag) => Ok(*flag),
            other => wrong(format!("is {}", kind(other)), "write true or false"),
        }
    }

    fn literal(&self) -> String {
        self.to_string()
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

impl Atom for String {
    fn read(from: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = text(from, "write it between quotes")?;
        if text.chars().count() > TEXT_CHARS_MAX {
            let problem = format!("is longer than {TEXT_CHARS_MAX} characters");
            return wrong(problem, "shorten it");
        }
        let bad = |c: char| c.is_control() && c != '\n' && c != '\t';
        if text.contains(bad) {
            return wrong("contains control characters", "remove them");
        }
        Ok(text)
    }

    fn literal(&self) -> String {
        quoted(self)
    }

    fn schema() -> Json {
        json!({ "type": "string", "maxLength": TEXT_CHARS_MAX })
    }
}

/// Values that are read and shown as a text.
macro_rules! texts {
    ($($type:ty: $remedy:literal, $schema:tt;)+) => {$(
        impl Atom for $type {
            fn read(from: &DeValue<'_>) -> Result<Self, Wrong> {
                let text = text(from, $remedy)?;
                match text.parse() {
                    Ok(value) => Ok(value),
                    Err(_) => wrong(format!("`{}` does not fit", shown(&text)), $remedy),
                }
            }

            fn literal(&self) -> String {
                quoted(&self.to_string())
            }

            fn schema() -> Json {
                json!($schema)
            }
        }
    )+};
}

texts! {
    Label: "use 1 to 32 printable characters, without spaces at the ends",
        { "type": "string", "minLength": 1, "maxLength": 32, "pattern": r"^\S(.*\S)?$" };
    Obis: "write an OBIS code such as 1-0:1.8.0",
        { "type": "string", "pattern": r"^\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}(\*\d{1,3})?$" };
    Source: "write an OBIS code such as 1-0:1.8.0, or customer-1, or input-1",
        {
            "type": "string",
            "pattern": r"^(\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}(\*\d{1,3})?|(customer|input)-[1-9]\d?)$"
        };
    CivilDate: "write a date from 1970-01-01 to 2199-12-31, as 2026-12-25",
        { "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$" };
    TimeOfDay: "write a time from 00:00 to 23:59",
        { "type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$" };
}

/// Values that are a date of some kind: their text is tried as each.
macro_rules! dates {
    ($($type:ident: $remedy:literal, $pattern:literal, |$text:ident| $parse:expr;)+) => {$(
        impl Atom for $type {
            fn read(from: &DeValue<'_>) -> Result<Self, Wrong> {
                let text = text(from, $remedy)?;
                let $text = text.as_str();
                let found: Option<Self> = $parse;
                match found {
                    Some(found) => Ok(found),
                    None => wrong(format!("`{}` does not fit", shown(&text)), $remedy),
                }
            }

            fn literal(&self) -> String {
                quoted(&self.to_string())
            }

            fn schema() -> Json {
                json!({ "type": "string", "pattern": $pattern })
            }
        }
    )+};
}

dates! {
    SeasonStart: "write a day of every year (04-01), a date (2026-04-01), dst-begins or dst-ends",
        r"^((\d{4}-)?\d{2}-\d{2}|dst-begins|dst-ends)$",
        |text| match text {
            "dst-begins" => Some(Self::DstBegins),
            "dst-ends" => Some(Self::DstEnds),
            _ => text.parse().map(Self::Yearly).or_else(|_| text.parse().map(Self::Once)).ok(),
        };
    ExclusionDate: "write a day of every year (12-25) or a date (2026-04-03)",
        r"^(\d{4}-)?\d{2}-\d{2}$",
        |text| text.parse().map(Self::Yearly).or_else(|_| text.parse().map(Self::Once)).ok();
    BillingDate: "write a day of every month (day-1 to day-28), of every year (04-01) or a date (2026-04-01)",
        r"^((\d{4}-)?\d{2}-\d{2}|day-([1-9]|1\d|2[0-8]))$",
        |text| match text.strip_prefix("day-") {
            Some(digits) => (1..=28).find(|day: &u8| day.to_string() == digits).map(Self::Monthly),
            None => text.parse().map(Self::Yearly).or_else(|_| text.parse().map(Self::Once)).ok(),
        };
}

/// Choices, each with its word.
macro_rules! choices {
    ($($type:ty),+) => {$(
        impl Atom for $type {
            fn read(from: &DeValue<'_>) -> Result<Self, Wrong> {
                let words: Vec<&str> = Self::ALL.iter().map(|one| one.word()).collect();
                let remedy = format!("write one of {}", words.join(", "));
                let text = text(from, &remedy)?;
                match Self::from_word(&text) {
                    Some(value) => Ok(value),
                    None => wrong(format!("`{}` is not known", shown(&text)), remedy),
                }
            }

            fn literal(&self) -> String {
                quoted(self.word())
            }

            fn schema() -> Json {
                let words: Vec<&str> = Self::ALL.iter().map(|one| one.word()).collect();
                json!({ "enum": words })
            }
        }
    )+};
}

choices!(
    Purpose,
    TimeOrder,
    CalendarClock,
    WeekOfMonth,
    Weekday,
    Window,
    Sign,
    LockoutKind,
    DisplayKind,
    PhaseMark,
    InputKind
);

impl Atom for RateSet {
    fn read(from: &DeValue<'_>) -> Result<Self, Wrong> {
        const REMEDY: &str = "write a list of rates, each once and from 1 to 32, as [1, 2]";
        let DeValue::Array(items) = from else {
            return wrong(format!("is no list but {}", kind(from)), REMEDY);
        };
        let mut set = Self::NONE;
        for item in items {
            let DeValue::Integer(digits) = item.get_ref() else {
                return wrong(format!("holds {}", kind(item.get_ref())), REMEDY);
            };
            let rate = u8::from_str_radix(digits.as_str(), digits.radix()).ok();
            let new = rate.filter(|rate| !set.has(*rate));
            let Some(larger) = new.and_then(|rate| set.with(rate)) else {
                let problem = format!("{} does not fit", shown(digits.as_str()));
                return wrong(problem, REMEDY);
            };
            set = larger;
        }
        Ok(set)
    }

    fn literal(&self) -> String {
        let rates: Vec<String> = self.rates().map(|rate| rate.to_string()).collect();
        format!("[{}]", rates.join(", "))
    }

    fn schema() -> Json {
        let rate = json!({ "type": "integer", "minimum": 1, "maximum": 32 });
        json!({ "type": "array", "uniqueItems": true, "maxItems": 32, "items": rate })
    }
}

pub(super) fn hex(octets: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 15]);
    digits.map(digit).collect()
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let even = digits.len().is_multiple_of(2) && !digits.is_empty();
    let lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !even || !digits.iter().all(lower) || digits.len() > 2 * SEALED_OCTETS_MAX {
        return None;
    }
    let pairs = digits.chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

impl Atom for SealedPassword {
    fn read(from: &DeValue<'_>) -> Result<Self, Wrong> {
        const REMEDY: &str = "seal the password first; a plain one never stands in a scheme";
        let sealed = match from {
            DeValue::String(text) => octets(text),
            _ => None,
        };
        // What stands there may be a password in plain: it is not repeated.
        sealed.map_or_else(
            || wrong("is no sealed password in hexadecimal digits", REMEDY),
            |sealed| Ok(Self::new(sealed)),
        )
    }

    fn literal(&self) -> String {
        quoted(&hex(self.sealed()))
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^([0-9a-f]{2})+$", "maxLength": 2 * SEALED_OCTETS_MAX })
    }

    fn shown(&self) -> String {
        let digest: String = hex(&Sha256::digest(self.sealed()))
            .chars()
            .take(8)
            .collect();
        format!("(sealed, mark {digest})")
    }
}
