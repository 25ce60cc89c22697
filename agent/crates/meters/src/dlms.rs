//! Reads meters that speak DLMS/COSEM, as their model says.
//!
//! A [`DlmsVisit`] is one association with one meter, and one transaction of its bus: it opens it,
//! proves which meter it is before anything else is read, looks at the clock, and reads what it is
//! asked for in parts that end in time. What the values mean is for [`crate::cosem`]; what is due,
//! and where it goes, for the caller.

mod collect;
mod fault;
mod news;
mod part;
mod sign_on;
mod terms;
mod visit;
mod writing;

pub use collect::{CollectRun, RunEnd};
pub use fault::DlmsFault;
pub use news::{NewRows, NewsSearch};
pub use part::{PartGround, ProfilePart, RowsWay, next_part};
pub use sign_on::ModeE;
pub use terms::{DlmsCredentials, DlmsPlace, DlmsWish, dlms_terms};
pub use visit::{DlmsVisit, ExpectedMeter, Scalers, Timed};
pub use writing::{
    Activation, ClockChange, ClockGround, ClockRecord, ClockReport, ClockState, Consent, Contents,
    Difference, Doubtful, DryStep, Fingerprint, ItemReport, ItemState, Plan, Program, Remark,
    WriteFault, WriteRecord, WriteReport, Written,
};
