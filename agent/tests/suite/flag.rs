//! The daemon's tasks on lines with simulated Elster meters, under paused time.

mod advance;
mod broken;
mod clock_commands;
mod collecting;
mod drift;
mod dry_runs;
mod keys;
mod line_work;
mod profile_first;
mod profiles;
mod road_commands;
mod scaled;
mod scheme_reads;
mod setup;
mod troubles;
mod working;
mod world;
