//! The network map of a site: which meter hangs where, and how it is reached.
//!
//! A map comes from a CSV file ([`ImportPlan::of`]), is looked at before anything is changed, and
//! goes back into one ([`SiteMap::to_csv`]). It never holds a password, only the name of a sealed
//! one.

mod connection;
mod import;
mod map;
mod meter;
pub(crate) mod place;
mod ratio;
mod row;
mod tree;

pub use crate::complaint::{Complaint, Complaints};
pub use connection::{Connection, Framing, Host, Protocol};
pub use import::{Change, ImportPlan, fuzz_site_csv};
pub(crate) use map::NEEDED_COLUMNS;
pub use map::{CSV_COLUMNS, Clash, SiteMap};
pub use meter::{Link, SiteMeter};
pub use place::{Folder, Label, ListName, Mpan, SchemeName, SecretRef, Unfit};
pub use ratio::Ratio;
pub(crate) use row::cells as meter_cells;
pub use tree::{AreaBranch, FeederBranch, SubstationBranch, Tree};
