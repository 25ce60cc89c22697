//! Writing to a meter so that nobody has to guess afterwards what it holds.
//!
//! A [`Program`] says what a meter should hold; what does not fit together is told before anything is
//! sent. [`DlmsVisit::look`](super::DlmsVisit::look) reads all that the program touches into a
//! [`WriteRecord`], plain data that its owner keeps on the disk before the first octet is written.
//! [`DlmsVisit::carry_out`](super::DlmsVisit::carry_out) writes what differs and reads back each write.
//! A link that is cut anywhere says nothing about the meter, so how far it came is never remembered:
//! the next session reads the meter again ([`DlmsVisit::standing`](super::DlmsVisit::standing)) and
//! tells old, new or a partial with names. The same record is then carried out again, which writes the
//! rest, or [turned back](WriteRecord::turned_back), which writes back what was there.
//!
//! A calendar is never half in force: its activation is switched off before the first write to the
//! passive part, and on again only when all of the program was read back. A method is executed only if
//! what the meter holds says that it was not yet.

mod clock;
mod dry_run;
mod fault;
mod program;
mod record;
mod report;
mod standing;
mod steps;
mod visit;

pub use clock::{ClockChange, ClockGround, ClockRecord, ClockReport, ClockState};
pub use dry_run::DryStep;
pub use fault::WriteFault;
pub use program::{Activation, Consent, Plan, Program};
pub use record::{Contents, Fingerprint, WriteRecord};
pub use report::{Difference, Doubtful, ItemReport, ItemState, Remark, WriteReport, Written};
