//! Meters of the VDEW style: what their data sets mean. Pure: data lines in, values out.
//!
//! Data sets carry their address and unit, so the meter itself says what it sends. What has an
//! address and a unit that this product knows becomes a quantity; everything else stays a text.

mod fuzz;
mod profile;
mod readout;
mod time;

pub use fuzz::fuzz_text;
pub use profile::{VdewBlock, VdewProfileFault, VdewProfileRead, read_profile};
pub use readout::{VdewReading, readings};
pub use time::{Season, VdewTime};
