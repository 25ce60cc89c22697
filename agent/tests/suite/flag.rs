//! The daemon's tasks on lines with simulated Elster meters, under paused time.

mod bench;
mod collecting;
mod line_work;
mod profiles;
mod scaled;
mod troubles;
mod working;
