//! FLAG meters, read from end to end: sessions on a line, driven by a model and its decoders.

mod clock;
mod examine;
mod found;
mod limits;
mod meter;
mod ping;
mod scan;
mod serial;
mod setting;
mod sighting;
mod site;
mod visit;

pub use clock::GatewayClock;
pub use examine::{Examination, Trial, Way, examine};
pub use found::{Found, MeterIdentity, Sink, WhichProfile};
pub use meter::{Credential, FlagMeter};
pub use ping::{Ping, PingLayer, PingStep, ping};
pub use scan::{
    Configured, FoundMeter, InvalidAddresses, ScanDoubt, ScanOrder, ScanProgress, ScanReport, ScanWish,
    WishedAddresses, scan,
};
pub use setting::{Characters, LineReach, Setting, line_words};
pub use sighting::{SeenMeter, Sighting, identification_words};
pub use site::{SetDtr, Site};
pub use visit::{
    BillingMark, BillingWish, Cancelled, DayRange, ProfileWish, RawIdentity, Visit, VisitEnd,
    VisitFault, VisitProgress, VisitReport, VisitTools, Wishes, visit,
};
