//! Reads meters that speak IEC 62056-21, as their model says.
//!
//! A [`Visit`] is one session with one meter: it opens the conversation, looks whether the meter
//! is of its model, proves the password, and reads what it is asked for. What the octets mean is
//! for the decoders; what is due, and where it goes, for the caller.
//!
//! Where a meter does not answer, [`examine`] tries what may be set wrong, [`ping`] goes to it layer
//! by layer, and [`scan`] looks for meters of any protocol.

mod diagnosis;
mod examine;
mod instant;
mod limits;
mod ping;
mod scan;
mod serial;
mod setting;
mod sighting;
mod site;
mod terms;
mod visit;
mod window;

pub use diagnosis::{password_refusal, saw};
pub use examine::{Examination, ExaminedMeter, Trial, Way, examine};
pub use instant::InstantAnswers;
pub use ping::{Ping, PingLayer, PingRun, PingStep, ping};
pub use scan::{
    Configured, FoundMeter, InvalidAddresses, Scan, ScanDoubt, ScanOrder, ScanProgress,
    ScanProtocol, ScanReport, ScanWish, Station, StationWish, WishedAddresses, scan,
};
pub use setting::{Characters, LineReach, Setting, line_words};
pub use sighting::{SeenMeter, Sighting};
pub use site::{Cancelled, SetDtr, Site};
pub use terms::{Credentials, LineUse, Wish, terms};
pub use visit::{Raw, Visit, VisitFault};
