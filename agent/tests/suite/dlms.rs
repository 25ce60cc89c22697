//! The daemon's tasks on lines with simulated DLMS meters, under paused time.

mod backups;
mod commands;
mod cost;
mod doctor;
mod keys;
mod list_runs;
mod logs;
mod mode_e;
mod reading;
mod rotation;
mod scanning;
mod world;
