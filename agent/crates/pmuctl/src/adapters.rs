//! The only files of this program that touch the world.

pub mod agent_program;
pub mod clock;
pub mod direct_agent;
pub mod files;
pub mod image_folder;
pub mod key_file;
pub mod local;
pub mod machine;
pub mod mqtt;
pub mod password;
pub mod post;
pub mod provision_disk;
pub mod provision_stick;
pub mod replace;
pub mod session;
pub mod signals;
pub mod terminal;
pub mod tls;
pub mod witness_files;
