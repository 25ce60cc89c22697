//! What people write for meters, and what is to be done with which meter, and when: schemes, the
//! network map of a site, meter lists, and the door for files of older programs.
//!
//! Nothing here does IO or reads a clock: texts, zones and instants are handed in.

pub mod legacy;
pub mod list;
pub mod scheme;
mod sheet;
pub mod site;

pub use legacy::fuzz_legacy;
pub use list::{fuzz_list, fuzz_run};
pub use site::fuzz_site_csv;
