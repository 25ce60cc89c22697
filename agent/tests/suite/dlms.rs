//! The daemon's tasks on lines with simulated DLMS meters, under paused time.

mod cost;
mod keys;
mod logs;
mod mode_e;
mod reading;
mod rotation;
mod world;
