mod conversation;
mod ports;
mod rules;
mod soak;
mod troubles;
mod wire;
