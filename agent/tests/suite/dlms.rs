//! The daemon's tasks on lines with simulated DLMS meters, under paused time.

mod backups;
mod clock_commands;
pub(crate) mod commands;
mod cost;
mod doctor;
mod drift;
mod full_disk;
mod keys;
mod list_commands;
mod list_runs;
mod logs;
mod mode_e;
mod own_clock;
mod own_key;
mod password_commands;
mod reading;
mod rotation;
mod saturated;
mod scanning;
mod scheme_reads;
mod world;
