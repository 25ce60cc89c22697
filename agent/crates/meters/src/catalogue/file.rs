//! A model file as a person writes it.

use super::encoding::{Absent, Encoding, Order};
use super::identity::What;
use super::model::{Certainty, Parity, Protocol};
use super::register::ScaleKind;
use super::setting_file::SettingFile;
use crate::span::Table;
use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ModelFile {
    pub(super) maker: String,
    pub(super) model: String,
    pub(super) protocols: Spanned<Vec<Protocol>>,
    pub(super) certainty: Certainty,
    pub(super) sources: Spanned<Vec<String>>,
    #[serde(default)]
    pub(super) notes: Vec<String>,
    #[serde(default)]
    pub(super) disagreements: Vec<String>,
    /// Where a register or hole names none.
    pub(super) table: TableWord,
    #[serde(default)]
    pub(super) word_order: Order,
    #[serde(default)]
    pub(super) byte_order: Order,
    #[serde(default)]
    pub(super) not_available: NotAvailableFile,
    pub(super) line: LineFile,
    pub(super) limits: Spanned<LimitsFile>,
    pub(super) probe: PlaceFile,
    #[serde(default)]
    pub(super) hole: Vec<Spanned<HoleFile>>,
    #[serde(default)]
    pub(super) identify: Vec<Spanned<IdentifyFile>>,
    #[serde(default)]
    pub(super) register: Vec<Spanned<RegisterFile>>,
    pub(super) sunspec: Option<SunSpecFile>,
    #[serde(default)]
    pub(super) setting: Vec<Spanned<SettingFile>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TableWord {
    Holding,
    Input,
}

impl From<TableWord> for Table {
    fn from(word: TableWord) -> Self {
        match word {
            TableWord::Holding => Self::Holding,
            TableWord::Input => Self::Input,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct NotAvailableFile {
    #[serde(default)]
    pub(super) unsigned: Vec<Absent>,
    #[serde(default)]
    pub(super) signed: Vec<Absent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LineFile {
    pub(super) baud: Spanned<u32>,
    pub(super) parity: Parity,
    pub(super) stop_bits: Spanned<u8>,
    pub(super) unit: Option<Spanned<u8>>,
    pub(super) certainty: Option<Certainty>,
    pub(super) remark: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LimitsFile {
    pub(super) max_count: Spanned<u16>,
    pub(super) min_gap_ms: u16,
    pub(super) turnaround_ms: u16,
    pub(super) timeout_ms: u16,
    pub(super) certainty: Option<Certainty>,
    pub(super) remark: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PlaceFile {
    pub(super) table: Option<TableWord>,
    pub(super) address: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct HoleFile {
    pub(super) table: Option<TableWord>,
    pub(super) from: u16,
    pub(super) to: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum IdentityWord {
    U16,
    U32,
    U64,
    Text,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum ValueFile {
    Number(i64),
    Text(String),
    Several(Vec<ValueFile>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct IdentifyFile {
    pub(super) what: What,
    pub(super) table: Option<TableWord>,
    pub(super) address: u16,
    pub(super) encoding: IdentityWord,
    /// Registers of a text.
    pub(super) count: Option<u16>,
    pub(super) word_order: Option<Order>,
    pub(super) byte_order: Option<Order>,
    pub(super) equals: Option<ValueFile>,
    pub(super) certainty: Option<Certainty>,
    pub(super) remark: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RegisterFile {
    pub(super) obis: Spanned<String>,
    pub(super) table: Option<TableWord>,
    /// On the wire; in a SunSpec block, counted from the block's number.
    pub(super) address: u16,
    pub(super) encoding: Spanned<Encoding>,
    pub(super) word_order: Option<Order>,
    pub(super) byte_order: Option<Order>,
    pub(super) unit: Spanned<String>,
    /// Power of ten of a whole number.
    pub(super) scale: Option<Spanned<i8>>,
    pub(super) multiplier: Option<Spanned<u32>>,
    /// Decimals of everything that is no plain whole number.
    pub(super) digits: Option<Spanned<i8>>,
    pub(super) not_available: Option<Vec<Absent>>,
    pub(super) scale_register: Option<ScaleFile>,
    /// One more than the highest raw number of a total.
    pub(super) rollover: Option<Spanned<i64>>,
    #[serde(rename = "default")]
    pub(super) by_default: Option<bool>,
    #[serde(default)]
    pub(super) alternative: bool,
    pub(super) certainty: Option<Certainty>,
    pub(super) remark: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ScaleFile {
    pub(super) table: Option<TableWord>,
    pub(super) address: u16,
    pub(super) kind: ScaleKind,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SunSpecFile {
    pub(super) bases: Spanned<Vec<u16>>,
    pub(super) block: Spanned<Vec<SunSpecBlockFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SunSpecBlockFile {
    pub(super) models: Spanned<Vec<u16>>,
    pub(super) length: u16,
    pub(super) certainty: Option<Certainty>,
    pub(super) point: Vec<Spanned<RegisterFile>>,
}
