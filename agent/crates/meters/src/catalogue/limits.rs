//! Limits of model files; those of requests are the crate's.

/// Models in one folder; the shipped ones are about twenty.
pub(super) const MODELS_MAX: usize = 500;
/// Bytes of one model file; the largest shipped one has 8 KiB.
pub(super) const MODEL_FILE_BYTES_MAX: usize = 128 * 1024;
/// Registers of one model.
pub(super) const REGISTERS_MAX: usize = 500;
/// Holes, identity registers and SunSpec blocks of one model.
pub(super) const PARTS_MAX: usize = 64;
/// Registers of one identity text.
pub(super) const TEXT_REGISTERS_MAX: u16 = 32;
/// Decimals and powers of ten in a model file: beyond them an `i64` holds too little.
pub(super) const SCALE_MAX: i8 = 9;
/// SunSpec Information Model Specification, type `sunssf`: powers of ten from -10 to 10.
pub(super) const SCALE_REGISTER_MAX: i8 = 10;
/// Blocks passed on a SunSpec chain before it counts as endless; real chains have about ten.
pub(super) const SUNSPEC_BLOCKS_MAX: u16 = 64;
/// Settings of one model.
pub(super) const SETTINGS_MAX: usize = 128;
/// Registers of a table that is written as it is; Modbus Application Protocol V1.1b3, 6.12.
pub(super) const SETTING_WORDS_MAX: u16 = 123;
/// Writes that go along with a setting, on either side.
pub(super) const SETTING_POKES_MAX: usize = 8;
