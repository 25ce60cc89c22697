//! A conversation with a meter whose places can be read and written.

use super::fault::PageFault;
use super::place::Place;
use std::future::Future;

/// Who a meter says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterIdentity {
    /// Its model, as the gateway's files call it.
    pub model: String,
    /// Its own name, commonly the serial number.
    pub meter: String,
    /// Its firmware or device text; empty where it does not say.
    pub firmware: String,
}

/// What came of a write, before anything was read back. It decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// The meter said yes.
    Confirmed,
    /// It said nothing that could be understood, and the conversation goes on.
    Missing(String),
    /// It said no.
    Refused(String),
}

/// One session with one meter. Its owner has opened it and proven who asks.
pub trait Pages {
    /// Who it is, read now.
    fn identity(&mut self) -> impl Future<Output = Result<MeterIdentity, PageFault>> + Send;

    /// All octets of a place.
    fn read(&mut self, place: &Place) -> impl Future<Output = Result<Vec<u8>, PageFault>> + Send;

    /// Writes one [piece](Place::pieces), once; it is never repeated here.
    fn write(
        &mut self,
        place: &Place,
        octets: &[u8],
    ) -> impl Future<Output = Result<Confirmation, PageFault>> + Send;

    /// Makes sure that everything asked before is over, before something unexpected is believed.
    fn settle(&mut self) -> impl Future<Output = Result<(), PageFault>> + Send;

    /// The password that opens a place, in its registers.
    fn password(&self, place: &Place) -> Option<Vec<u8>>;
}
