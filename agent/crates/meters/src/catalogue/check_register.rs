//! Registers of a model file, one by one and against each other.

use super::check::{fact, fitting, table};
use super::complaint::Notebook;
use super::encoding::{Absent, Encoding, Layout, Order};
use super::file::{ModelFile, NotAvailableFile, RegisterFile, TableWord};
use super::limits::{REGISTERS_MAX, SCALE_MAX};
use super::model::Certainty;
use super::register::{Register, ScaleRegister};
use crate::span::Span;
use metering::{Obis, Unit};
use std::ops::Range;
use toml::Spanned;

/// What every register of a file is read against.
pub(super) struct Registers<'a> {
    table: TableWord,
    words: Order,
    bytes: Order,
    not_available: &'a NotAvailableFile,
    holes: &'a [Span],
    max_count: u16,
}

impl<'a> Registers<'a> {
    pub(super) fn new(file: &'a ModelFile, holes: &'a [Span], max_count: u16) -> Self {
        Self {
            table: file.table,
            words: file.word_order,
            bytes: file.byte_order,
            not_available: &file.not_available,
            holes,
            max_count,
        }
    }

    pub(super) fn read(
        &self,
        list: &[Spanned<RegisterFile>],
        certainty: Certainty,
        notes: &mut Notebook,
    ) -> Vec<Register> {
        if let Some(item) = list.get(REGISTERS_MAX) {
            let problem = format!("more than {REGISTERS_MAX} registers");
            notes.note(
                &item.span(),
                "register",
                problem,
                "remove what is not needed",
            );
        }
        let mut found: Vec<Register> = Vec::new();
        for item in list.iter().take(REGISTERS_MAX) {
            let Some(register) = self.register(item, certainty, notes) else {
                continue;
            };
            self.fits_beside(&register, &found, &item.span(), notes);
            found.push(register);
        }
        found
    }

    fn register(
        &self,
        item: &Spanned<RegisterFile>,
        certainty: Certainty,
        notes: &mut Notebook,
    ) -> Option<Register> {
        let (file, at) = (item.as_ref(), item.span());
        let key = format!("register {}", file.obis.as_ref());
        let obis = file.obis.as_ref().parse::<Obis>();
        let obis = obis.map_err(|error| {
            notes.note(
                &file.obis.span(),
                "register.obis",
                error.to_string(),
                "correct the code",
            );
        });
        let unit = Unit::parse(file.unit.as_ref());
        let unit = unit.map_err(|error| {
            notes.note(
                &file.unit.span(),
                &key,
                error.to_string(),
                "correct the unit",
            );
        });
        let encoding = *file.encoding.as_ref();
        let span = Span {
            table: table(file.table, self.table),
            address: file.address,
            count: encoding.count(),
        };
        let span = fitting(span, &at, &key, notes);
        let scales = scales(file, encoding, &key, notes);
        let multiplier = multiplier(file, encoding, &key, notes);
        let (Ok(obis), Ok((unit, prefix))) = (obis, unit) else {
            return None;
        };
        let (span, (scale, decimals), multiplier) = (span?, scales?, multiplier?);
        let rollover = rollover(file, encoding, multiplier, obis, &key, notes);
        Some(Register {
            obis,
            table: span.table,
            address: span.address,
            layout: Layout {
                encoding,
                words: file.word_order.unwrap_or(self.words),
                bytes: file.byte_order.unwrap_or(self.bytes),
            },
            multiplier,
            scale,
            unit,
            prefix,
            exponent: prefix - decimals,
            absent: self.absent(file, encoding),
            scale_register: file.scale_register.as_ref().map(|scale| ScaleRegister {
                span: Span {
                    table: table(scale.table, self.table),
                    address: scale.address,
                    count: 1,
                },
                kind: scale.kind,
            }),
            rollover,
            by_default: !file.alternative && file.by_default.unwrap_or(is_common(obis)),
            alternative: file.alternative,
            fact: fact(file.certainty, certainty, file.remark.as_ref()),
        })
    }

    fn absent(&self, file: &RegisterFile, encoding: Encoding) -> Vec<Absent> {
        match (&file.not_available, encoding) {
            (Some(own), _) => own.clone(),
            (None, Encoding::Acc32) => vec![Absent::Zero],
            (None, signed) if signed.is_signed() => self.not_available.signed.clone(),
            (None, unsigned) if unsigned.is_integer() => self.not_available.unsigned.clone(),
            (None, _) => Vec::new(),
        }
    }

    fn fits_beside(
        &self,
        register: &Register,
        others: &[Register],
        at: &Range<usize>,
        notes: &mut Notebook,
    ) {
        let key = format!("register {}", register.obis);
        let span = register.span();
        let twin = |other: &&Register| other.obis == register.obis && !other.alternative;
        if !register.alternative && others.iter().any(|other| twin(&other)) {
            let remedy = "remove one, or give one `alternative = true`";
            notes.note(at, &*key, "the quantity stands twice", remedy);
        }
        if let Some(other) = others.iter().find(|other| other.span().overlaps(span)) {
            let problem = format!("{span} overlaps {} of {}", other.span(), other.obis);
            notes.note(at, &*key, problem, "correct the addresses");
        }
        if let Some(hole) = self.holes.iter().find(|hole| hole.overlaps(span)) {
            let problem = format!("{span} lies in the hole {hole}");
            notes.note(
                at,
                &*key,
                problem,
                "correct the hole or remove the register",
            );
        }
        if span.count > self.max_count {
            let problem = format!("{span} is longer than limits.max-count");
            notes.note(at, &*key, problem, "raise the limit or remove the register");
        }
    }
}

/// Scale of the raw number and decimals of the result, both in the maker's unit.
fn scales(
    file: &RegisterFile,
    encoding: Encoding,
    key: &str,
    notes: &mut Notebook,
) -> Option<(i8, i8)> {
    let fixed = encoding.is_integer() && file.scale_register.is_none();
    if file.scale_register.is_some() && !encoding.is_integer() {
        let problem = "only a whole number can have a scale register";
        notes.note(
            &file.encoding.span(),
            key,
            problem,
            "remove `scale-register`",
        );
        return None;
    }
    let (given, unwanted) = if fixed {
        (&file.scale, &file.digits)
    } else {
        (&file.digits, &file.scale)
    };
    if let Some(unwanted) = unwanted {
        let (problem, remedy) = if fixed {
            (
                "a whole number has a scale, no digits",
                "write `scale = -n` for n decimals",
            )
        } else {
            (
                "the scale travels with the number",
                "write `digits = n` for n decimals",
            )
        };
        notes.note(&unwanted.span(), key, problem, remedy);
        return None;
    }
    let Some(given) = given else {
        let (problem, remedy) = if fixed {
            (
                "the whole number has no scale",
                "add `scale`, the power of ten it is multiplied by",
            )
        } else {
            (
                "the decimals are not known",
                "add `digits`, the decimals the maker guarantees",
            )
        };
        notes.note(&file.encoding.span(), key, problem, remedy);
        return None;
    };
    let power = *given.as_ref();
    let range = if fixed {
        -SCALE_MAX..=SCALE_MAX
    } else {
        0..=SCALE_MAX
    };
    if !range.contains(&power) {
        let problem = format!("{power} is out of range");
        let remedy = format!("use {} to {}", range.start(), range.end());
        notes.note(&given.span(), key, problem, remedy);
        return None;
    }
    Some(if fixed { (power, -power) } else { (0, power) })
}

fn multiplier(
    file: &RegisterFile,
    encoding: Encoding,
    key: &str,
    notes: &mut Notebook,
) -> Option<u32> {
    let Some(given) = &file.multiplier else {
        return Some(1);
    };
    let multiplier = *given.as_ref();
    if encoding.is_integer() && multiplier > 0 {
        return Some(multiplier);
    }
    let problem = format!("{multiplier} cannot be applied");
    let remedy = "use a whole number from 1, and only with whole numbers";
    notes.note(&given.span(), key, problem, remedy);
    None
}

fn rollover(
    file: &RegisterFile,
    encoding: Encoding,
    multiplier: u32,
    obis: Obis,
    key: &str,
    notes: &mut Notebook,
) -> Option<i64> {
    let fixed = encoding.is_integer() && file.scale_register.is_none();
    let Some(given) = &file.rollover else {
        let counts = (encoding == Encoding::Acc32 && fixed).then_some(1_i64 << 32);
        return counts?.checked_mul(i64::from(multiplier));
    };
    let highest = given.as_ref().checked_mul(i64::from(multiplier));
    if let Some(highest @ 1..) = highest
        && fixed
        && obis.is_total()
    {
        return Some(highest);
    }
    let problem = format!("{} is no rollover", given.as_ref());
    let remedy = "give one more than the highest raw number of a total that is a whole number";
    notes.note(&given.span(), key, problem, remedy);
    None
}

/// What is read when nobody chose: values of the moment, and totals over all phases and rates.
fn is_common(obis: Obis) -> bool {
    let [_, _, quantity, _, rate, _] = obis.groups();
    !obis.is_total() || (rate == 0 && matches!(quantity, 1..=4 | 9))
}
