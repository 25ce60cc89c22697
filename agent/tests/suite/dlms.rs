//! The daemon's tasks on lines with simulated DLMS meters, under paused time.

mod cost;
mod keys;
mod reading;
mod rotation;
mod world;
