//! Which meter is it: serial number, model code, firmware.

use super::encoding::{Encoding, Layout, Order};
use super::fault::{DecodeFault, EncodeFault};
use super::model::{Fact, Model};
use crate::span::Span;
use serde::Deserialize;
use std::fmt;

/// What an identity register tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The serial number on the meter's plate.
    Serial,
    /// The maker's number for the model.
    ModelCode,
    /// The version of its program.
    Firmware,
    /// A text, such as its type.
    Text,
}

/// How an identity register is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentityForm {
    /// A whole number.
    Number(Encoding),
    /// Two characters a register.
    Text,
}

/// One identity register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identify {
    /// What it tells.
    pub what: What,
    /// Where it lies. Read it alone: with other registers around it some meters answer otherwise.
    pub span: Span,
    /// How it is coded.
    pub form: IdentityForm,
    /// Order of its registers.
    pub words: Order,
    /// Order of the bytes within a register.
    pub bytes: Order,
    /// What it says on meters of this model; empty if nobody knows.
    pub equals: Vec<IdentityValue>,
    /// How sure the file is.
    pub fact: Fact,
}

/// What an identity register said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IdentityValue {
    /// A number.
    Number(u64),
    /// A text, without padding.
    Text(String),
    /// The meter has no such identity: all bits set, or all clear in a text.
    Unavailable,
}

/// Whether the meter is the one that was configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityCheck {
    /// Nothing speaks against it.
    Matches,
    /// A meter of another model answers.
    WrongModel {
        /// What meters of this model say.
        expected: String,
        /// What this one said.
        found: String,
    },
    /// Another meter of the same model answers.
    WrongSerial {
        /// The configured serial number.
        expected: String,
        /// What the meter said.
        found: String,
    },
    /// A serial number is configured, but the model file knows no register for it.
    SerialNotKnown,
}

impl Identify {
    /// What the registers of [`Identify::span`] say.
    pub fn identity(&self, words: &[u16]) -> Result<IdentityValue, DecodeFault> {
        if words.len() != usize::from(self.span.count) {
            return Err(DecodeFault::WordCount {
                expected: self.span.count,
                found: words.len(),
            });
        }
        let layout = match self.form {
            IdentityForm::Text => return Ok(text(words, self.words, self.bytes)),
            IdentityForm::Number(encoding) => self.layout(encoding),
        };
        let bits = layout.bits(words)?;
        let all_ones = u64::MAX >> (64 - layout.encoding.width());
        Ok(if bits == all_ones {
            IdentityValue::Unavailable
        } else {
            IdentityValue::Number(bits)
        })
    }

    /// The registers by which a simulated meter says `value`.
    pub fn encode(&self, value: &IdentityValue) -> Result<Vec<u16>, EncodeFault> {
        let count = usize::from(self.span.count);
        match (value, self.form) {
            (IdentityValue::Unavailable, IdentityForm::Number(_)) => Ok(vec![u16::MAX; count]),
            (IdentityValue::Unavailable, IdentityForm::Text) => Ok(vec![0; count]),
            (IdentityValue::Number(number), IdentityForm::Number(encoding)) => {
                let all_ones = u64::MAX >> (64 - encoding.width());
                match number.cmp(&all_ones) {
                    std::cmp::Ordering::Less => Ok(self.layout(encoding).words(*number)),
                    std::cmp::Ordering::Equal => Err(EncodeFault::Reserved),
                    std::cmp::Ordering::Greater => Err(EncodeFault::OutOfRange),
                }
            }
            (IdentityValue::Text(text), IdentityForm::Text) => {
                if text.len() > count * 2
                    || !text
                        .bytes()
                        .all(|byte| byte.is_ascii_graphic() || byte == b' ')
                {
                    return Err(EncodeFault::OutOfRange);
                }
                let padded = format!("{text:<width$}", width = count * 2);
                let (pairs, _) = padded.as_bytes().as_chunks::<2>();
                let words = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
                Ok(turned(words, self.words, self.bytes))
            }
            (IdentityValue::Number(_) | IdentityValue::Text(_), _) => Err(EncodeFault::OtherUnit),
        }
    }

    fn layout(&self, encoding: Encoding) -> Layout {
        Layout {
            encoding,
            words: self.words,
            bytes: self.bytes,
        }
    }
}

impl Model {
    /// Whether the model file knows where such a meter keeps its serial number.
    pub fn has_serial(&self) -> bool {
        self.identify.iter().any(|item| item.what == What::Serial)
    }

    /// Compares what the meter said with the model and with the configured serial number.
    ///
    /// `answers` stand in the order of [`Model::identify`]; `None` = the meter refused or the
    /// register was not asked.
    pub fn check_identity(
        &self,
        answers: &[Option<IdentityValue>],
        expected_serial: Option<&str>,
    ) -> IdentityCheck {
        let padding = std::iter::repeat(&None);
        let pairs = self.identify.iter().zip(answers.iter().chain(padding));
        let mut serial = None;
        for (identify, answer) in pairs {
            let answer = answer.as_ref().unwrap_or(&IdentityValue::Unavailable);
            if !identify.equals.is_empty() && !identify.equals.contains(answer) {
                let expected: Vec<String> =
                    identify.equals.iter().map(ToString::to_string).collect();
                return IdentityCheck::WrongModel {
                    expected: expected.join(" or "),
                    found: answer.to_string(),
                };
            }
            if identify.what == What::Serial {
                serial = Some(answer);
            }
        }
        match (expected_serial, serial) {
            (None, _) => IdentityCheck::Matches,
            (Some(_), None) => IdentityCheck::SerialNotKnown,
            (Some(expected), Some(found)) if found.is_serial(expected) => IdentityCheck::Matches,
            (Some(expected), Some(found)) => IdentityCheck::WrongSerial {
                expected: expected.to_owned(),
                found: found.to_string(),
            },
        }
    }
}

impl IdentityValue {
    /// Whether a person who wrote `expected` meant this; leading zeros of a number do not count.
    fn is_serial(&self, expected: &str) -> bool {
        let expected = expected.trim();
        match self {
            Self::Number(number) => expected
                .parse::<u64>()
                .is_ok_and(|wanted| wanted == *number),
            Self::Text(text) => text == expected,
            Self::Unavailable => false,
        }
    }
}

impl fmt::Display for IdentityValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Unavailable => f.write_str("nothing"),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serial => "serial",
            Self::ModelCode => "model-code",
            Self::Firmware => "firmware",
            Self::Text => "text",
        })
    }
}

fn turned(words: impl Iterator<Item = u16>, order: Order, bytes: Order) -> Vec<u16> {
    let mut words: Vec<u16> = words
        .map(|word| match bytes {
            Order::HighFirst => word,
            Order::LowFirst => word.swap_bytes(),
        })
        .collect();
    if order == Order::LowFirst {
        words.reverse();
    }
    words
}

/// Up to the first zero; what a terminal could not show becomes `?`.
fn text(words: &[u16], order: Order, bytes: Order) -> IdentityValue {
    let words = turned(words.iter().copied(), order, bytes);
    if words.iter().all(|word| *word == u16::MAX) {
        return IdentityValue::Unavailable;
    }
    let octets = words.iter().flat_map(|word| word.to_be_bytes());
    let shown = octets
        .take_while(|octet| *octet != 0)
        .map(|octet| match octet {
            b' '..=b'~' => char::from(octet),
            _ => '?',
        });
    let text: String = shown.collect();
    match text.trim() {
        "" => IdentityValue::Unavailable,
        trimmed => IdentityValue::Text(trimmed.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Certainty;
    use crate::span::Table;
    use proptest::prelude::*;

    fn identify(
        what: What,
        form: IdentityForm,
        count: u16,
        equals: Vec<IdentityValue>,
    ) -> Identify {
        Identify {
            what,
            span: Span {
                table: Table::Holding,
                address: 0x8900,
                count,
            },
            form,
            words: Order::HighFirst,
            bytes: Order::HighFirst,
            equals,
            fact: Fact {
                certainty: Certainty::Documented,
                remark: None,
            },
        }
    }

    #[test]
    fn texts_lose_their_padding() {
        let kind = identify(What::Text, IdentityForm::Text, 2, Vec::new());
        assert_eq!(
            kind.identity(&[0x4232, 0x3320]),
            Ok(IdentityValue::Text("B23".into()))
        );
        assert_eq!(
            kind.identity(&[0x4200, 0x3320]),
            Ok(IdentityValue::Text("B".into()))
        );
        assert_eq!(
            kind.identity(&[0x4207, 0x3320]),
            Ok(IdentityValue::Text("B?3".into()))
        );
        assert_eq!(kind.identity(&[0, 0]), Ok(IdentityValue::Unavailable));
        assert_eq!(
            kind.identity(&[0xFFFF, 0xFFFF]),
            Ok(IdentityValue::Unavailable)
        );
        assert!(kind.identity(&[0]).is_err());
    }

    #[test]
    fn a_serial_number_may_be_written_with_leading_zeros() {
        assert!(IdentityValue::Number(123).is_serial("00000123"));
        assert!(IdentityValue::Number(123).is_serial(" 123 "));
        assert!(!IdentityValue::Number(123).is_serial("124"));
        assert!(!IdentityValue::Number(123).is_serial("S123"));
        assert!(!IdentityValue::Unavailable.is_serial("0"));
    }

    proptest! {
        #[test]
        fn a_text_survives_its_registers(text in "[!-~]([ -~]{0,10}[!-~])?", words: bool, bytes: bool) {
            let order = |low| if low { Order::LowFirst } else { Order::HighFirst };
            let mut item = identify(What::Serial, IdentityForm::Text, 8, Vec::new());
            (item.words, item.bytes) = (order(words), order(bytes));
            let value = IdentityValue::Text(text);
            let registers = item.encode(&value).unwrap();
            prop_assert_eq!(item.identity(&registers), Ok(value));
        }

        #[test]
        fn a_number_survives_its_registers(number in 0_u64..0xFFFF_FFFF) {
            let item = identify(What::Serial, IdentityForm::Number(Encoding::U32), 2, Vec::new());
            let registers = item.encode(&IdentityValue::Number(number)).unwrap();
            prop_assert_eq!(item.identity(&registers), Ok(IdentityValue::Number(number)));
        }

        #[test]
        fn no_registers_make_it_panic(words: Vec<u16>, count in 1_u16..8) {
            for form in [IdentityForm::Text, IdentityForm::Number(Encoding::U64)] {
                drop(identify(What::Text, form, count, Vec::new()).identity(&words));
            }
        }
    }
}
