//! Protection of APDUs: AES-GCM of suites 0, 1 and 2 with their symmetric keys.

mod channel;
mod cipher;
mod counter;
mod fault;
mod key;
mod key_wrap;
mod wrap;

#[cfg(test)]
mod tests;

pub use channel::Channel;
pub use cipher::Protection;
pub use counter::{CounterBlock, CounterFault, CounterKeeper, NoKeys};
pub use fault::SecurityFault;
pub use key::{Key, Keys, Secret, Suite, SystemTitle};
pub use wrap::Form;

pub(crate) use counter::{CounterRefusal, Counters};
pub(crate) use wrap::is_protected;
