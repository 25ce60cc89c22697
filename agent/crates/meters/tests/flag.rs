//! FLAG meters on a wire in memory, under paused time: looked for, examined, read. What comes is
//! compared with what the simulated meters really held.

#![cfg(test)]

#[path = "flag/doctor.rs"]
mod doctor;

#[path = "flag/scans.rs"]
mod scans;

#[path = "flag/soak.rs"]
mod soak;

#[path = "flag/truth.rs"]
mod truth;

#[path = "flag/world.rs"]
mod world;
