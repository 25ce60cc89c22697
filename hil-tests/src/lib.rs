//! The harness of the promises in `tests/`: it builds the real programs, starts a real broker,
//! plays the meters, and judges what arrived at the head-end by what the meters really held.
//!
//! Everything it starts belongs to one work folder and ends with it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "what fails in a harness is a failed test, and what it prints is the test's report"
)]

pub mod agent;
pub mod agent_file;
pub mod bench;
pub mod binaries;
pub mod boot;
pub mod broker;
pub mod bus;
pub mod cable;
pub mod clock;
pub mod dlms;
pub mod flag;
pub mod flag_judge;
pub mod flag_links;
pub mod flag_sessions;
pub mod hands;
pub mod head_end;
pub mod hex;
pub mod judge;
pub mod limits;
pub mod listener;
pub mod mixed_bus;
pub mod office;
pub mod openssl;
pub mod polling;
pub mod process;
pub mod product;
pub mod proxy;
pub mod pty_port;
pub mod python;
pub mod signed_image;
pub mod skip;
pub mod tap;
pub mod update_box;
pub mod update_server;
pub mod world;
