//! Who says something, and how sure it is: `confirmed CX GX3`, `open CX: the order is not known`.

use super::super::model::Certainty;
use serde::{Deserialize, Deserializer, de};
use std::fmt::Display;
use std::str::FromStr;

/// How sure a statement is, who made it, and what should be known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcedFact {
    /// How sure.
    pub certainty: Certainty,
    /// Keys of the file's sources.
    pub by: Vec<String>,
    /// What should be known.
    pub remark: Option<String>,
}

/// A text that is no statement of sources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not say how sure it is and who says it; write one of confirmed, one-source, inferred, open, then keys of `sources`, then perhaps a colon and a remark"
)]
pub struct InvalidFact(String);

impl FromStr for SourcedFact {
    type Err = InvalidFact;

    fn from_str(text: &str) -> Result<Self, InvalidFact> {
        let invalid = || InvalidFact(text.chars().take(60).collect());
        let (statement, remark) = match text.split_once(": ") {
            Some((statement, remark)) => (statement, Some(remark.trim())),
            None => (text, None),
        };
        let mut words = statement.split_whitespace();
        let certainty = match words.next().ok_or_else(invalid)? {
            "confirmed" => Certainty::Confirmed,
            "one-source" => Certainty::OneSource,
            "inferred" => Certainty::Inferred,
            "open" => Certainty::Open,
            _ => return Err(invalid()),
        };
        let by: Vec<String> = words.map(str::to_owned).collect();
        let needs_source = matches!(certainty, Certainty::Confirmed | Certainty::OneSource);
        if needs_source && by.is_empty() || remark.is_some_and(str::is_empty) {
            return Err(invalid());
        }
        Ok(Self {
            certainty,
            by,
            remark: remark.map(str::to_owned),
        })
    }
}

impl<'de> Deserialize<'de> for SourcedFact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        by_text(from)
    }
}

/// Anything that is written as a text and says itself what is wrong with it.
pub(super) fn by_text<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    String::deserialize(from)?
        .parse()
        .map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Certainty, &[&str], Option<&str>)>) {
        let found = text.parse::<SourcedFact>().ok();
        let told = found.as_ref().map(|fact| {
            let by: Vec<&str> = fact.by.iter().map(String::as_str).collect();
            (fact.certainty, by, fact.remark.as_deref())
        });
        let expected = expected.map(|(certainty, by, remark)| (certainty, by.to_vec(), remark));
        assert_eq!(told, expected, "{text:?}");
    }

    #[test]
    fn a_fact_names_its_sources() {
        use Certainty::{Confirmed, Inferred, OneSource, Open};
        check("confirmed CX GX3", Some((Confirmed, &["CX", "GX3"], None)));
        check("one-source CX", Some((OneSource, &["CX"], None)));
        check(
            "open: nobody knows: really",
            Some((Open, &[], Some("nobody knows: really"))),
        );
        check("inferred CX", Some((Inferred, &["CX"], None)));
        check("confirmed", None);
        check("one-source: me", None);
        check("sure CX", None);
        check("open: ", None);
        check("", None);
    }
}
