//! The tasks: one owner per thing. They talk over bounded channels and share no lock.

pub mod bus;
pub mod command_desk;
pub mod drift_watch;
pub mod heartbeat;
pub mod keykeeper;
pub mod list_keeper;
pub mod local_api;
pub mod storekeeper;
pub mod updater;
pub mod uplink;
