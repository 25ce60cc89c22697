//! Messages as values: a value in, octets out; octets in, a value or a fault out.
//!
//! All but the packets of a data stream ([`StreamPacket`]) are of seven bits. Where the port does
//! the parity, octets arrive as the codec wants them; where the line has eight data bits, [`parity`]
//! stands in between. An octet whose eighth bit is set is a damaged one, everywhere.
//!
//! The block check is proven before a value can be seen, and it is never what ends a message: it
//! may have any value, that of an end character too. [`ExpectedAnswer`] and [`request_extent`] say
//! where a message ends.

mod answer;
mod baud;
mod block;
mod command;
mod data_set;
mod expected;
mod explain;
mod fault;
mod frame;
mod identification;
mod lines;
mod option_select;
mod packet;
pub mod parity;
mod password;
mod readout;
mod refusal;
mod request;
mod secrets;
mod sign_on;
mod stream;
mod symbol;

pub use line::Find;

pub use answer::Answer;
pub use baud::Baud;
pub use block::{Block, BlockEnd, Joined};
pub use command::{Command, Form};
pub use data_set::DataSet;
pub use expected::{End, ExpectedAnswer};
pub use explain::explain;
pub use fault::{DecodeFault, InvalidField, Remedy};
pub use frame::{Extent, Frame, block_check};
pub use identification::{Identification, Manufacturer, Mode};
pub use lines::{DataLine, DataLines};
pub use option_select::{OptionSelect, Procedure, Purpose};
pub use packet::{Packet, PacketRead, hex_of, octets_of};
pub use password::{Password, PasswordAnswer, Seed};
pub use readout::Readout;
pub use refusal::Refusal;
pub use request::{Request, Stage, request_extent};
pub use secrets::{Secrets, without_secrets};
pub use sign_on::{MeterAddress, SignOn};
pub use stream::StreamPacket;
