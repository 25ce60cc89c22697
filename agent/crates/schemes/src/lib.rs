//! What people write for meters: schemes, the network map of a site, lists of work; and the door for
//! files of older programs.
//!
//! Nothing here does IO or reads a clock: texts, zones and instants are handed in.

mod complaint;
pub mod legacy;
pub mod list;
pub mod scheme;
mod sheet;
pub mod site;

pub use legacy::fuzz_legacy;
pub use list::{fuzz_list, fuzz_run};
pub use site::fuzz_site_csv;
