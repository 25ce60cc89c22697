//! A `[[setting]]` of a model file as a person writes it, and how it becomes one that can be written.

use super::check::fact;
use super::complaint::Notebook;
use super::encoding::{Encoding, Layout, Order};
use super::file::ModelFile;
use super::limits::{SETTING_POKES_MAX, SETTING_WORDS_MAX, SETTINGS_MAX};
use super::model::Certainty;
use super::phase::{Phase, SettingWhat};
use super::setting::{
    Poke, PokeValue, Setting, SettingForm, SettingPlace, number_words, parse_decimal,
};
use crate::modbus::WriteFunction;
use crate::span::Span;
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SettingTable {
    #[default]
    Holding,
    Coil,
}

/// A number of the file: whole, or as a text with decimals.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum NumberFile {
    Whole(i64),
    Text(String),
}

impl NumberFile {
    fn steps(&self, digits: u8) -> Option<i64> {
        match self {
            Self::Whole(number) => parse_decimal(&number.to_string(), digits),
            Self::Text(text) => parse_decimal(text, digits),
        }
    }
}

/// What opens a meter or puts a setting in force: a number, or the password.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PokeFile {
    #[serde(default)]
    table: SettingTable,
    address: u16,
    encoding: Option<Encoding>,
    function: Option<u8>,
    value: Option<i64>,
    #[serde(default)]
    password: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SettingFile {
    name: Spanned<String>,
    what: SettingWhat,
    #[serde(default)]
    table: SettingTable,
    address: u16,
    encoding: Option<Encoding>,
    /// Registers of a table that is written as it is.
    count: Option<u16>,
    word_order: Option<Order>,
    byte_order: Option<Order>,
    unit: Option<String>,
    scale: Option<i8>,
    digits: Option<u8>,
    minimum: Option<NumberFile>,
    maximum: Option<NumberFile>,
    #[serde(default)]
    allowed: Vec<NumberFile>,
    function: Option<u8>,
    phase: Phase,
    #[serde(default)]
    clears_profile: bool,
    #[serde(default)]
    unlock: Vec<PokeFile>,
    #[serde(default)]
    apply: Vec<PokeFile>,
    source: String,
    certainty: Option<Certainty>,
    remark: Option<String>,
}

/// All settings of a file.
pub(super) fn settings(file: &ModelFile, holes: &[Span], notes: &mut Notebook) -> Vec<Setting> {
    if let Some(item) = file.setting.get(SETTINGS_MAX) {
        let problem = format!("more than {SETTINGS_MAX} settings");
        notes.note(
            &item.span(),
            "setting",
            problem,
            "remove what is not needed",
        );
    }
    let mut found: Vec<Setting> = Vec::new();
    for item in file.setting.iter().take(SETTINGS_MAX) {
        let reader = Reader {
            file,
            at: item.span(),
            key: format!("setting {}", item.as_ref().name.as_ref()),
        };
        let Some(setting) = reader.setting(item.as_ref(), notes) else {
            continue;
        };
        reader.fits_beside(&setting, &found, holes, notes);
        found.push(setting);
    }
    found
}

/// The range, and the only numbers.
type Bounds = (Option<(i64, i64)>, Vec<i64>);

struct Reader<'f> {
    file: &'f ModelFile,
    at: Range<usize>,
    key: String,
}

impl Reader<'_> {
    fn note(&self, problem: &str, remedy: &str, notes: &mut Notebook) {
        notes.note(&self.at, self.key.as_str(), problem, remedy);
    }

    fn setting(&self, item: &SettingFile, notes: &mut Notebook) -> Option<Setting> {
        let name = item.name.as_ref();
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(word) {
            let problem = "the name is no word";
            notes.note(
                &item.name.span(),
                "setting.name",
                problem,
                "use a-z, 0-9 and -",
            );
            return None;
        }
        if item.source.trim().is_empty() {
            self.note(
                "nobody says so",
                "give `source`: document and page, or who",
                notes,
            );
        }
        let (place, form) = self.form(item, notes)?;
        let function = self.function(item.function, place, notes)?;
        let digits = item.digits.unwrap_or(0);
        let (range, allowed) = self.bounds(item, digits, notes)?;
        if item.clears_profile && item.phase < Phase::Destructive {
            let remedy = "give it `phase = \"destructive\"`";
            self.note(
                "it loses load profiles, and comes before what does",
                remedy,
                notes,
            );
        }
        let pokes = |list: &[PokeFile], notes: &mut Notebook| self.pokes(list, notes);
        Some(Setting {
            name: name.clone(),
            what: item.what,
            place,
            form,
            unit: item.unit.clone().unwrap_or_else(|| "1".to_owned()),
            digits,
            range,
            allowed,
            function,
            phase: item.phase,
            clears_profile: item.clears_profile,
            unlock: pokes(&item.unlock, notes)?,
            apply: pokes(&item.apply, notes)?,
            source: item.source.clone(),
            fact: fact(item.certainty, self.file.certainty, item.remark.as_ref()),
        })
    }

    fn form(
        &self,
        item: &SettingFile,
        notes: &mut Notebook,
    ) -> Option<(SettingPlace, SettingForm)> {
        let address = item.address;
        let layout = |encoding| Layout {
            encoding,
            words: item.word_order.unwrap_or(self.file.word_order),
            bytes: item.byte_order.unwrap_or(self.file.byte_order),
        };
        let (place, form) = match (item.table, item.encoding, item.count) {
            (SettingTable::Coil, None, None) => {
                (SettingPlace::Coil { address }, SettingForm::Switch)
            }
            (SettingTable::Holding, Some(encoding), None) if !encoding.carries_exponent() => {
                let count = encoding.count();
                let scale = item.scale.unwrap_or(0);
                let form = SettingForm::Number {
                    layout: layout(encoding),
                    scale,
                };
                (SettingPlace::Registers { address, count }, form)
            }
            (SettingTable::Holding, None, Some(count))
                if (1..=SETTING_WORDS_MAX).contains(&count) =>
            {
                (
                    SettingPlace::Registers { address, count },
                    SettingForm::Words,
                )
            }
            _ => {
                let remedy = format!(
                    "a coil has neither, a number an `encoding` (u16 to f64), a table a `count` of 1 to {SETTING_WORDS_MAX} registers"
                );
                self.note("what stands there is not said, or twice", &remedy, notes);
                return None;
            }
        };
        let is_scaled = item.scale.is_some() || item.digits.is_some();
        let fits = match form {
            SettingForm::Number { layout, .. } if layout.encoding.is_integer() => {
                (-9..=9).contains(&item.scale.unwrap_or(0)) && item.digits.unwrap_or(0) <= 9
            }
            SettingForm::Number { .. } => item.scale.is_none() && item.digits.unwrap_or(0) <= 9,
            _ => !is_scaled,
        };
        if !fits {
            let remedy = "whole numbers have a `scale` and `digits`, floats `digits` of 0 to 9, all else neither";
            self.note("scale and digits do not suit it", remedy, notes);
            return None;
        }
        if let SettingPlace::Registers { address, count } = place
            && u32::from(address) + u32::from(count) > 1 << 16
        {
            self.note(
                "it runs past register 65535",
                "correct address and encoding",
                notes,
            );
            return None;
        }
        Some((place, form))
    }

    fn function(
        &self,
        number: Option<u8>,
        place: SettingPlace,
        notes: &mut Notebook,
    ) -> Option<WriteFunction> {
        let function = match (place, number) {
            (SettingPlace::Coil { .. }, None | Some(5)) => Some(WriteFunction::Coil),
            (SettingPlace::Registers { .. }, Some(6)) => Some(WriteFunction::Single),
            (SettingPlace::Registers { .. }, None | Some(16)) => Some(WriteFunction::Several),
            _ => None,
        };
        if function.is_none() {
            let problem = format!("function {} writes no such place", number.unwrap_or(0));
            self.note(&problem, "use 6 or 16 for registers, 5 for a coil", notes);
        }
        function
    }

    fn bounds(&self, item: &SettingFile, digits: u8, notes: &mut Notebook) -> Option<Bounds> {
        let steps = |number: &NumberFile| number.steps(digits);
        let allowed: Option<Vec<i64>> = item.allowed.iter().map(steps).collect();
        let range = match (&item.minimum, &item.maximum) {
            (None, None) => Some(None),
            (Some(least), Some(most)) => match (steps(least), steps(most)) {
                (Some(least), Some(most)) if least <= most => Some(Some((least, most))),
                _ => None,
            },
            _ => None,
        };
        let is_number = item.encoding.is_some();
        let has_bounds = item.minimum.is_some() || !item.allowed.is_empty();
        match (range, allowed) {
            (Some(range), Some(allowed)) if is_number == has_bounds => Some((range, allowed)),
            _ => {
                let remedy = "a number has `minimum` and `maximum`, or `allowed`, with no more decimals than `digits`; nothing else has";
                self.note("what it takes is not said", remedy, notes);
                None
            }
        }
    }

    fn pokes(&self, list: &[PokeFile], notes: &mut Notebook) -> Option<Vec<Poke>> {
        if list.len() > SETTING_POKES_MAX {
            let problem = format!("more than {SETTING_POKES_MAX} writes go along with it");
            self.note(&problem, "leave out what is not needed", notes);
            return None;
        }
        list.iter().map(|item| self.poke(item, notes)).collect()
    }

    fn poke(&self, item: &PokeFile, notes: &mut Notebook) -> Option<Poke> {
        let address = item.address;
        let layout = item.encoding.map(|encoding| Layout {
            encoding,
            words: self.file.word_order,
            bytes: self.file.byte_order,
        });
        let made = match (item.table, layout, item.value, item.password) {
            (SettingTable::Coil, None, Some(value @ 0..=1), false) => u16::try_from(value)
                .ok()
                .map(|word| (SettingPlace::Coil { address }, PokeValue::Words(vec![word]))),
            (SettingTable::Holding, Some(layout), Some(value), false) => {
                let count = layout.encoding.count();
                number_words(value, 0, layout, 0).map(|words| {
                    let place = SettingPlace::Registers { address, count };
                    (place, PokeValue::Words(words))
                })
            }
            (SettingTable::Holding, Some(layout), None, true) => {
                let count = layout.encoding.count();
                let place = SettingPlace::Registers { address, count };
                Some((place, PokeValue::Password(layout)))
            }
            _ => None,
        };
        let Some((place, value)) = made else {
            let remedy = "registers have an `encoding` and a `value`, or `password = true`; a coil has a `value` of 0 or 1";
            self.note("what goes along with it is not said", remedy, notes);
            return None;
        };
        let function = self.function(item.function, place, notes)?;
        Some(Poke {
            place,
            function,
            value,
        })
    }

    fn fits_beside(
        &self,
        setting: &Setting,
        others: &[Setting],
        holes: &[Span],
        notes: &mut Notebook,
    ) {
        if others.iter().any(|other| other.name == setting.name) {
            self.note("the name stands twice", "rename one", notes);
        }
        let twin = others
            .iter()
            .find(|other| other.place.overlaps(setting.place));
        if let Some(twin) = twin {
            let problem = format!("{} overlaps {} of {}", setting.place, twin.place, twin.name);
            self.note(&problem, "correct the addresses", notes);
        }
        if let SettingPlace::Registers { address, count } = setting.place {
            let span = Span {
                table: crate::span::Table::Holding,
                address,
                count,
            };
            if let Some(hole) = holes.iter().find(|hole| hole.overlaps(span)) {
                let problem = format!("{span} lies in the hole {hole}");
                self.note(&problem, "correct the hole or remove the setting", notes);
            }
        }
    }
}
