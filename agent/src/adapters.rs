//! The only files of the daemon that touch the world.

pub mod boot_slots;
pub mod clock;
pub mod command_keys;
pub mod dialled;
pub mod disk;
pub mod image_source;
pub mod input;
pub mod lead;
pub mod local_socket;
pub mod logging;
pub mod marker;
pub mod modem;
pub mod mqtt;
pub mod next_key;
pub mod pad;
pub mod port;
pub mod readiness;
mod road_words;
pub mod sealing_key;
mod serial_driver;
pub mod service;
pub mod tls;
pub mod trace_file;
