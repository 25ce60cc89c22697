//! FLAG meters, read from end to end: sessions on a line, driven by a model and its decoders.

mod scan;
mod setting;

pub use scan::{Configured, InvalidAddresses, ScanWish, WishedAddresses};
pub use setting::{Characters, LineReach, Setting, line_words};
