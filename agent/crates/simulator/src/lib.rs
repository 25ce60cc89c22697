//! Simulated meters that speak Modbus, FLAG or DLMS, the wires between them and the gateway, and an MQTT
//! broker; one seed makes all their troubles repeatable.
//!
//! Never on a gateway: it is for tests, benches and the demonstration.

pub mod broken;
#[cfg(feature = "broker")]
pub mod broker;
pub mod dice;
pub mod dlms;
pub mod elster;
pub mod flag;
pub mod frame;
pub mod limits;
pub mod link;
pub mod meter;
#[cfg(feature = "broker")]
pub mod pki;
pub mod trouble;
pub mod wire;
