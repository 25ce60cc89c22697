//! From what a meter should hold to a meter that holds it, and to the proof that it does.
//!
//! A [`ProgramPlan`] is for one meter and says all that is written, whatever the protocol. Its order is
//! always the same: who the meter is, what it must hold for the plan to fit, the backup, what differs,
//! the writes by [phase](crate::catalogue::Phase), each of them read back, and all of it read again.
//!
//! [`look`] reads and writes nothing; what it gives is the [`ProgramRecord`], which its owner keeps on
//! the disk before the first octet is written. There is no other way to get one, so **no backup, no
//! write**. [`carry_out`] writes what differs. A link that is cut says nothing about the meter, so how
//! far it came is never remembered: [`standing`] reads the meter again and tells old, new, or a partial
//! with names. The same record is then carried out again (*resume*), or
//! [turned back](ProgramRecord::turned_back) (*restore*).
//!
//! A confirmation counts for nothing: an answer that comes late looks like the next one's. What counts
//! is what was read back. What is done and not kept, as the end of a billing period, is done only while
//! its witness, a counter of the meter, says that it was not.

mod clone;
mod codec;
mod dlms;
mod dlms_ground;
mod dry_run;
mod fault;
mod fingerprint;
mod flag_clock;
mod flag_pages;
mod flag_plan;
mod fuzz;
mod listing;
mod modbus_pages;
mod page_text;
mod pages;
mod place;
mod plan;
mod record;
mod recording;
mod report;
mod run;
mod scheme_dlms;
mod scheme_settings;
mod settings;
mod standing;
mod write_set;

pub use clone::{ClonePage, GoldenImage, GoldenReading, LeftOutPage, PageDifference, clone_pages};
pub use codec::RecordFault;
pub use dlms::{carry_out_dlms, look_dlms, standing_dlms};
pub use dlms_ground::{NoPlan, plan_calendar_dlms};
pub use dry_run::{ComparedItem, DryWrite};
pub use fault::{Misfit, PageFault, ProgramFault};
pub use fingerprint::Digest;
pub use flag_clock::{FlagClockReport, set_flag_clock};
pub use flag_pages::FlagPages;
pub use flag_plan::{FlagGround, FlagValue, FlagWanted, flag_plan};
pub use fuzz::fuzz_record;
pub use listing::PlannedWrite;
pub use modbus_pages::ModbusPages;
pub use page_text::{PageForm, fuzz_files};
pub use pages::{Confirmation, MeterIdentity, Pages};
pub use place::Place;
pub use plan::{Announcement, Guard, PagePlan, PlanItem, ProgramPlan, Role, Subject};
pub use record::{BackupPage, ProgramRecord};
pub use report::{InForce, ProgramReport, Proof, StepReport, StepState, Verdict};
pub use run::{Permission, carry_out, look, standing};
pub use scheme_dlms::{DlmsTariffGround, scheme_program};
pub use scheme_settings::{scheme_flag, scheme_settings};
pub use settings::{Wanted, settings_plan};
pub use write_set::{LeftOut, SetDifference, SetWrite, WriteSet};
