//! The daemon's tasks on lines with simulated DLMS meters, under paused time.

mod backups;
mod doctor;
mod keys;
mod reading;
mod rotation;
mod scanning;
mod world;
