//! Typed values of a FLAG meter, in the octets of their published layouts.

use crate::catalogue::flag::{FlagIdentity, FlagLayout, FlagModel, PeriodCoding, RatioCoding};
use std::fmt;

/// What a setting of a FLAG meter should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagValue {
    /// What each register counts, by the model's words; nothing where it counts nothing.
    Sources(Vec<Option<String>>),
    /// What each customer-defined register adds up.
    Groups(Vec<Vec<String>>),
    /// Channels of the load profile, by the model's words.
    Channels(Vec<String>),
    /// Minutes of the load profile, minutes of a part of the demand period, parts of it.
    Periods {
        /// Of the load profile.
        profile: u8,
        /// Of a part of the demand period.
        part: u8,
        /// Parts of the demand period.
        parts: u8,
    },
    /// A transformer ratio, both in hundredths.
    Ratio {
        /// Primary.
        primary: u64,
        /// Secondary.
        secondary: u64,
    },
    /// Characters, filled up with spaces.
    Text(String),
    /// Octets as they are.
    Octets(Vec<u8>),
}

type Refused = (String, &'static str);

impl FlagValue {
    /// As the octets of an identity; or the problem and its remedy.
    pub(super) fn encode(&self, model: &FlagModel, row: &FlagIdentity) -> Result<Vec<u8>, Refused> {
        let length = usize::from(row.octets);
        let octets = match (self, &row.layout) {
            (Self::Sources(words), FlagLayout::SourceCodes) => sources(words, length, model)?,
            (Self::Groups(groups), FlagLayout::SourceGroups { each }) => {
                grouped(groups, usize::from(*each), length, model)?
            }
            (Self::Channels(words), FlagLayout::ProfileMask) => mask(words, model)?,
            (Self::Periods { .. }, FlagLayout::ProfilePeriods) => self.periods(model)?,
            (
                Self::Ratio { primary, secondary },
                FlagLayout::Ratio {
                    primary: first,
                    coding,
                    ..
                },
            ) => {
                let first = usize::from(*first);
                let second = length.saturating_sub(first);
                let mut octets = ratio(*primary, *coding, first)?;
                octets.extend(ratio(*secondary, *coding, second)?);
                octets
            }
            (Self::Text(text), FlagLayout::Text) => {
                if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                    let problem = "it has characters that no meter shows".to_owned();
                    return Err((problem, "use letters, digits and signs of ASCII"));
                }
                format!("{text:<length$}").into_bytes()
            }
            (Self::Octets(octets), _) => octets.clone(),
            _ => {
                let problem = format!(
                    "identity {:03} ({}) holds no such value",
                    row.number, row.content
                );
                return Err((problem, "compare its row in the model file"));
            }
        };
        if octets.len() == length && length > 0 {
            return Ok(octets);
        }
        let problem = format!(
            "it has {} octets where the meter has {length}",
            octets.len()
        );
        Err((problem, "give as many as the meter has"))
    }

    fn periods(&self, model: &FlagModel) -> Result<Vec<u8>, Refused> {
        let Self::Periods {
            profile,
            part,
            parts,
        } = self
        else {
            return Ok(Vec::new());
        };
        let known = model.profile.as_ref();
        let code = |minutes: u8| {
            let problem = format!("the meter has no period of {minutes} minutes");
            let refused = (problem, "use one that divides an hour");
            if minutes == 0 || 60 % minutes != 0 {
                return Err(refused);
            }
            match known {
                Some(profile) if profile.period_coding == PeriodCoding::Code => {
                    let mut codes = 0..=u8::MAX;
                    codes
                        .find(|code| profile.period_minutes(*code) == Some(minutes))
                        .ok_or(refused)
                }
                _ => Ok(digits(minutes)),
            }
        };
        if *parts == 0 || u16::from(*part) * u16::from(*parts) > 60 {
            let problem = format!("{parts} parts of {part} minutes are no demand period");
            return Err((problem, "use parts that are an hour together at most"));
        }
        Ok(vec![code(*profile)?, code(*part)?, *parts])
    }
}

impl fmt::Display for FlagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sources(words) => {
                let words: Vec<&str> = words
                    .iter()
                    .map(|word| word.as_deref().unwrap_or("-"))
                    .collect();
                f.write_str(&words.join(" "))
            }
            Self::Groups(groups) => {
                let groups: Vec<String> = groups.iter().map(|group| group.join("+")).collect();
                f.write_str(&groups.join(" "))
            }
            Self::Channels(words) => f.write_str(&words.join(" ")),
            Self::Periods {
                profile,
                part,
                parts,
            } => {
                write!(f, "profile {profile} min, demand {parts} x {part} min")
            }
            Self::Ratio { primary, secondary } => {
                let text = |number: u64| format!("{}.{:02}", number / 100, number % 100);
                write!(f, "{}/{}", text(*primary), text(*secondary))
            }
            Self::Text(text) => write!(f, "`{text}`"),
            Self::Octets(octets) => write!(f, "{} octets", octets.len()),
        }
    }
}

fn code(word: &str, model: &FlagModel) -> Result<u8, Refused> {
    let found = model.measured_by_word(word).and_then(|item| item.code);
    found.ok_or_else(|| {
        let problem = format!("the meter does not measure `{word}`, or has no code for it");
        (problem, "use a word of `measured` in the model file")
    })
}

fn unused(model: &FlagModel) -> u8 {
    model
        .programming
        .as_ref()
        .map_or(0, |programming| programming.unused_source)
}

fn sources(words: &[Option<String>], length: usize, model: &FlagModel) -> Result<Vec<u8>, Refused> {
    if words.len() > length {
        let problem = format!("{} registers where the meter has {length}", words.len());
        return Err((problem, "leave out the last ones"));
    }
    let codes = words.iter().map(|word| match word {
        Some(word) => code(word, model),
        None => Ok(unused(model)),
    });
    let mut codes = codes.collect::<Result<Vec<u8>, Refused>>()?;
    codes.resize(length, unused(model));
    Ok(codes)
}

fn grouped(
    groups: &[Vec<String>],
    each: usize,
    length: usize,
    model: &FlagModel,
) -> Result<Vec<u8>, Refused> {
    let mut octets = Vec::new();
    for group in groups {
        if group.len() > each {
            let problem = format!("{} sources where a register adds up {each}", group.len());
            return Err((problem, "leave some out"));
        }
        let codes = group.iter().map(|word| code(word, model));
        let mut codes = codes.collect::<Result<Vec<u8>, Refused>>()?;
        codes.resize(each, unused(model));
        octets.extend(codes);
    }
    if octets.len() > length {
        let problem = format!(
            "{} registers where the meter has {}",
            groups.len(),
            length / each.max(1)
        );
        return Err((problem, "leave some out"));
    }
    octets.resize(length, unused(model));
    Ok(octets)
}

/// The mask of channels, first octet high.
fn mask(words: &[String], model: &FlagModel) -> Result<Vec<u8>, Refused> {
    let mut mask = 0_u16;
    for word in words {
        let bit = model.measured_by_word(word).and_then(|item| item.mask_bit);
        let bit = bit.and_then(|bit| 1_u16.checked_shl(bit.into()));
        mask |= bit.ok_or_else(|| {
            let problem = format!("the load profile has no channel `{word}`");
            (problem, "use a word of `measured` that has a `mask-bit`")
        })?;
    }
    if mask == 0 {
        return Err((
            "the load profile would have no channel".to_owned(),
            "name one",
        ));
    }
    Ok(mask.to_be_bytes().to_vec())
}

fn ratio(hundredths: u64, coding: RatioCoding, octets: usize) -> Result<Vec<u8>, Refused> {
    let refused = || {
        let problem = format!("{hundredths} hundredths do not fit {octets} octets");
        (problem, "use a smaller or rounder number")
    };
    if hundredths == 0 {
        return Err(("a ratio of nothing".to_owned(), "use a number above zero"));
    }
    let (mut rest, base) = match coding {
        RatioCoding::BcdHundredths => (hundredths, 100),
        RatioCoding::Binary if hundredths.is_multiple_of(100) => (hundredths / 100, 256),
        RatioCoding::Binary => return Err(refused()),
    };
    let mut low_first = Vec::new();
    for _ in 0..octets {
        let part = u8::try_from(rest % base).unwrap_or(0);
        rest /= base;
        low_first.push(if base == 100 { digits(part) } else { part });
    }
    if rest > 0 {
        return Err(refused());
    }
    if coding == RatioCoding::Binary {
        low_first.reverse();
    }
    Ok(low_first)
}

/// Two decimal digits in one octet.
fn digits(number: u8) -> u8 {
    number / 10 * 16 + number % 10
}
