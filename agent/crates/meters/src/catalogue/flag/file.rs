//! A FLAG model file as a person writes it.

use super::device::{FlagIdentification, Variant};
use super::identity::{FlagIdentity, Measured, RefusalTable, StatusTable};
use super::profile::ProfileModel;
use super::session::{
    BillingReset, ClockModel, FlagLine, InstantModel, RatioModel, ScalingModel, SessionModel,
};
use super::setting::{FlagSetting, ProgrammingModel, ProvisionalMark};
use super::vdew::VdewModel;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// What such meters speak: one word, so that a file of another kind is not taken for one of these.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(in super::super) enum FlagProtocol {
    #[serde(rename = "iec62056-21")]
    Flag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct FlagFile {
    pub(super) maker: String,
    pub(super) model: String,
    #[serde(rename = "protocols")]
    pub(super) _protocols: Vec<FlagProtocol>,
    pub(super) sources: Spanned<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) notes: Vec<String>,
    #[serde(default)]
    pub(super) disagreements: Vec<String>,
    pub(super) line: FlagLine,
    pub(super) session: Spanned<SessionModel>,
    #[serde(default)]
    pub(super) identification: Vec<FlagIdentification>,
    #[serde(default)]
    pub(super) variant: Vec<Spanned<Variant>>,
    #[serde(default)]
    pub(super) measured: Vec<Spanned<Measured>>,
    #[serde(default = "milli")]
    pub(super) energy_exponent: i8,
    #[serde(default = "milli")]
    pub(super) demand_exponent: i8,
    #[serde(default)]
    pub(super) identity: Vec<Spanned<FlagIdentity>>,
    #[serde(default)]
    pub(super) status_table: BTreeMap<String, StatusTable>,
    pub(super) billing_trigger: Option<StatusTable>,
    pub(super) profile: Option<Spanned<ProfileModel>>,
    pub(super) instrumentation: Option<Spanned<ProfileModel>>,
    pub(super) instant: Option<Spanned<InstantModel>>,
    pub(super) clock: Option<ClockModel>,
    pub(super) ratios: Option<RatioModel>,
    pub(super) scaling: Option<ScalingModel>,
    pub(super) billing_reset: Option<BillingReset>,
    pub(super) refusals: Option<RefusalTable>,
    pub(super) vdew: Option<VdewModel>,
    pub(super) programming: Option<ProgrammingModel>,
    #[serde(default)]
    pub(super) setting: Vec<Spanned<FlagSetting>>,
    pub(super) provisional: Option<ProvisionalMark>,
}

/// A thousandth of Wh and W: what nearly all such meters count in.
fn milli() -> i8 {
    -3
}
