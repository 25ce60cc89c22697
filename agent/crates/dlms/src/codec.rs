//! Messages as values: a value in, octets out; octets in, a value or a fault out.

pub mod acse;
mod conformance;
mod data;
mod date_time;
mod fault;
mod initiate;
mod name;
mod reader;
mod result;
mod selection;
mod service;

pub use conformance::Conformance;
pub use data::{BitString, Data, decode_all};
pub use date_time::DateTime;
pub use fault::DecodeFault;
pub use initiate::{InitiateRequest, InitiateResponse};
pub use name::{Attribute, LogicalName, Method};
pub use result::{AccessResult, ActionResult, Exception, ServiceError};
pub use selection::{Column, Selection};
pub use service::{
    ActionRequest, ActionResponse, Asked, Block, GetRequest, GetResponse, InvokeId, Outcome,
    Request, Response, SetRequest, SetResponse, Tag,
};

pub(crate) use reader::{Reader, write_length};
pub(crate) use service::{decode_list, decode_outcomes, encode_list, encode_outcomes};
