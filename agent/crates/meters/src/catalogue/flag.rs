//! Models of meters that speak IEC 62056-21: Elster's with numbered identities, and those of the
//! VDEW style with addressed data sets.
//!
//! A model says which identity holds what, how long it is, how it is laid out and who may read it;
//! code knows layouts only. Every statement names the sources it comes from and how sure it is, so
//! that one can be corrected or withdrawn without touching code.

mod check;
mod check_rows;
mod device;
mod doubts;
mod fact;
mod file;
mod identity;
mod layout;
mod limits;
mod model;
mod profile;
mod session;
mod setting;
mod vdew;
pub(super) mod words;

pub use device::{DeviceText, FlagIdentification, Variant, VariantDevice};
pub use fact::{InvalidFact, SourcedFact};
pub use identity::{FlagIdentity, IdentityWhat, Measured, RefusalTable, StatusBit, StatusTable};
pub use layout::{
    BillingField, ByteOrder, FlagLayout, LogField, LogKind, LogLayout, LogOrder, NamedLog,
    RatioCoding, RatioOf, SetPart, StatusPart,
};
pub use model::FlagModel;
pub use profile::{
    Capacity, DaylightBit, MarkerCarries, MarkerMeaning, PeriodCoding, ProfileHead, ProfileMarker,
    ProfileModel, ProfileStatusBit, ProfileValue,
};
pub use session::{
    BillingReset, ClockModel, FlagLine, InstantModel, InstantValue, LogOnStyle, ProbeIdentity,
    RatioModel, RegisterSide, ScalingModel, SessionModel, WeekdayBase,
};
pub use setting::{FlagSetting, ProgrammingModel, ProvisionalMark};
pub use vdew::{VdewAction, VdewForm, VdewModel, VdewProfile, VdewSet, VdewWhat};

pub(super) use check::model as checked;
pub(super) use doubts::{Statement, told};
pub(super) use file::FlagFile;

/// The word under which such files say what their meters speak.
pub(super) const PROTOCOL: &str = "iec62056-21";

#[cfg(test)]
mod tests;
