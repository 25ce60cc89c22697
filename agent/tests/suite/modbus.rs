//! The daemon's tasks on a line with a simulated Modbus meter that can be programmed, under paused time.

mod drift;
mod dry_runs;
mod scheme_reads;
mod world;
