//! Models of meters that speak DLMS/COSEM.
//!
//! A model says where such a meter is found, who may read it, which objects tell what it is, and
//! which registers and profiles are worth reading. Scalers, units, the columns of a profile and its
//! period are not in it: the meter tells them, and they may change.

mod check;
mod check_rows;
mod doubts;
mod file;
mod limits;
mod model;
mod profile;

pub use model::{
    AssociationModel, DeviationSense, DlmsClock, DlmsLine, DlmsModel, DlmsObject, DlmsOpening,
    DlmsRegister, DlmsWhat, HdlcModel, LevelModel, RegisterClass, SpecialDaysBy, WrapperModel,
    WritingModel,
};
pub use profile::{
    CodeMeaning, CodeTable, DlmsProfile, DlmsProfileWhat, NullMeaning, OtherBits, SelectionWay,
    ValueMeaning,
};

pub(super) use check::model as checked;
pub(super) use file::DlmsFile;

/// The word under which such files say what their meters speak.
pub(super) const PROTOCOL: &str = "dlms";

#[cfg(test)]
mod tests;
