//! What a person may ask of the gateway, what it answers, and how both look on the local socket.
//!
//! One line of JSON a request, one line an answer. `pmuctl` and later the web pages ask through
//! [`GatewayDesk`]; the daemon answers.

mod answer;
mod audit;
mod dry_run;
mod gather;
mod golden;
mod keys;
mod orders;
mod people;
mod request;
mod update;
mod wire;
mod work;

pub use answer::{
    Answer, AsideEntry, BusStatus, FileStats, LinkState, MeterStatus, MeterTrust, OutboxStatus,
    ProfileRow, ReadValue, Refusal, Status, StoreStats, TraceLine, UplinkStatus, VerifyResult,
};
pub use audit::AuditPiece;
pub use dry_run::{DryRunResult, DryRunWrite};
pub use gather::{GatherResult, GatherWish};
pub use golden::{GoldenLeftOut, GoldenResult, WantedPage};
pub use keys::{KeyOrigin, KeyStanding, KeyStatus, KeyText, KeysStatus, KeysWish};
pub use orders::CommandStanding;
pub use people::{PeopleWish, Person, SessionOpened, SignedIn};
pub use request::{Caller, Request, TraceSwitch};
pub use update::{OrderStatus, SlotStatus, UpdateOutcome, UpdateStatus, UpdateWish};
pub use wire::{LINE_BYTES_MAX, WireError, decode, encode};
pub use work::{
    BackupIdentity, BackupProtocol, BackupResult, ClockResult, CollectResult, Diagnosis,
    EventCounter, EventsResult, FoundMeter, Job, JobState, KeyChangeEnd, KeyChanged, Layer,
    MeterObject, MeterValue, NewMeter, Outcome, Part, PingResult, Progress, ScanResult, ScanWish,
    Work,
};

/// Answers what a person asks. The daemon implements it; tests use a fake.
pub trait GatewayDesk {
    /// Answers one request of `caller`.
    fn ask(
        &self,
        caller: Caller,
        request: Request,
    ) -> impl Future<Output = Result<Answer, Refusal>> + Send;
}
