//! FLAG meters read from end to end: the driver against simulated meters on a wire in memory, under
//! paused time. What it brings is compared with what the meters really held.

#[path = "flag/world.rs"]
mod world;

#[path = "flag/ends.rs"]
mod ends;

#[path = "flag/scans.rs"]
mod scans;

#[path = "flag/soak.rs"]
mod soak;

#[path = "flag/truth.rs"]
mod truth;

#[path = "flag/visits.rs"]
mod visits;
