//! The one test binary of the daemon: one link, one module a subject.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod dlms;
#[cfg(test)]
mod dlms_configuration;
#[cfg(test)]
mod flag;
#[cfg(test)]
mod fuzz_smoke;
#[cfg(test)]
mod house_rules;
#[cfg(test)]
mod links;
#[cfg(test)]
mod modbus;
#[cfg(test)]
mod people;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod site;
