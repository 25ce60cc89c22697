//! A DLMS model file as a person writes it.

use super::model::{
    AssociationModel, DlmsClock, DlmsLine, DlmsObject, DlmsRegister, HdlcModel, WrapperModel,
    WritingModel,
};
use super::profile::{CodeTable, DlmsProfile};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// What such meters speak: one word, so that a file of another kind is not taken for one of these.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(in super::super) enum DlmsProtocol {
    #[serde(rename = "dlms")]
    Dlms,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct DlmsFile {
    pub(super) maker: String,
    pub(super) model: String,
    #[serde(rename = "protocols")]
    pub(super) _protocols: Vec<DlmsProtocol>,
    pub(super) sources: Spanned<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) notes: Vec<String>,
    #[serde(default)]
    pub(super) disagreements: Vec<String>,
    pub(super) line: Spanned<DlmsLine>,
    pub(super) hdlc: Option<Spanned<HdlcModel>>,
    pub(super) wrapper: Option<WrapperModel>,
    #[serde(default)]
    pub(super) association: Vec<Spanned<AssociationModel>>,
    #[serde(default)]
    pub(super) object: Vec<Spanned<DlmsObject>>,
    pub(super) clock: DlmsClock,
    pub(super) writing: Option<Spanned<WritingModel>>,
    #[serde(default)]
    pub(super) register: Vec<Spanned<DlmsRegister>>,
    #[serde(default)]
    pub(super) profile: Vec<Spanned<DlmsProfile>>,
    #[serde(default)]
    pub(super) codes: BTreeMap<String, Spanned<CodeTable>>,
}
