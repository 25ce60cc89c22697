//! The command line of installers and operators, and the reference consumer of the head-end.
//!
//! What is asked of the gateway goes through [`desk::GatewayDesk`]; `adapters` speaks it over the
//! local socket, and starts a private gateway on a port where there is none. The consumer
//! (`head-end receive`) books what gateways publish in a ledger, and only then says so: to the
//! broker with an acknowledgement, to the gateway with a signed watermark.

pub mod adapters;
pub mod arguments;
pub mod backup;
mod bar;
pub mod chart;
mod commands;
pub mod compare;
pub mod console;
pub mod consumer;
pub mod direct;
mod dlms_table;
mod ending;
pub mod entry;
mod errand;
mod export;
mod holes;
pub mod limits;
pub mod orders;
pub mod page;
pub mod provision;
pub mod rollout;
mod show;
pub mod stored_profile;
mod table;
mod witnesses;
mod words;

pub use commands::{complaint, run};
pub use ending::{Ending, StillOpen, Unproven};
pub use export::{CsvLayout, ExportQuery, Separator, export};
pub use holes::{Holes, Run, holes};
pub use show::answer_text;
pub use table::{Side, Table};
pub use witnesses::Witnesses;
pub use words::{parse_duration, parse_time, plain};
