//! Answers. Numbers carry their unit last in the name.

use crate::Diagnosis;
use serde::{Deserialize, Serialize};

/// What the gateway says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "is", rename_all = "kebab-case")]
pub enum Answer {
    /// How the gateway is.
    Status(Box<Status>),
    /// How each meter is.
    Meters(Vec<MeterStatus>),
    /// Values just read.
    Values(Vec<ReadValue>),
    /// It was done; in words.
    Done(String),
    /// Stored intervals.
    Profile {
        /// Names of the columns, `1-0:1.8.0 reg Wh`.
        channels: Vec<String>,
        /// The rows.
        rows: Vec<ProfileRow>,
    },
    /// What the store holds and costs.
    Store(Box<StoreStats>),
    /// What a check found.
    Verified(VerifyResult),
    /// A piece of the audit chain.
    Audit(Box<crate::AuditPiece>),
    /// What was set aside.
    SetAside(Vec<AsideEntry>),
    /// Recorded bytes.
    Trace(Vec<TraceLine>),
    /// A piece of work.
    Job(Box<crate::Job>),
    /// Pieces of work.
    Jobs(Vec<crate::Job>),
    /// The file of the configuration.
    Configuration(String),
    /// How updates stand.
    Update(Box<crate::UpdateStatus>),
    /// What is known of keys.
    Keys(Box<crate::KeysStatus>),
    /// Who has an account.
    People(Vec<crate::Person>),
    /// The code that claims the gateway. It is not shown again.
    ClaimCode(crate::KeyText),
    /// A session has begun.
    Session(crate::SessionOpened),
    /// The order is in the journal; its id.
    Ordered(String),
    /// How an order stands.
    Command(Box<crate::CommandStanding>),
    /// How orders stand, the newest first.
    Commands(Vec<crate::CommandStanding>),
}

/// Why the gateway does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{problem}; {remedy}")]
pub struct Refusal {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

/// How the gateway is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its name.
    pub gateway: String,
    /// Version of the program.
    pub version: String,
    /// Seconds since it started.
    pub up_s: u64,
    /// UTC by its clock.
    pub utc: String,
    /// How far that clock can be trusted: `unsynchronised`, `holdover`, `synchronised`, `traceable`.
    pub clock: String,
    /// Memory in use.
    pub rss_bytes: u64,
    /// The lines.
    pub buses: Vec<BusStatus>,
    /// The road to the head-end, if one is configured.
    pub uplink: Option<UplinkStatus>,
    /// What still waits for the head-end.
    pub outbox: Vec<OutboxStatus>,
    /// What a person should act on, newest last.
    pub alarms: Vec<String>,
}

/// How a line is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusStatus {
    /// Its name.
    pub bus: String,
    /// Open, or why not.
    pub state: LinkState,
    /// Remarks of the driver.
    pub remarks: Vec<String>,
    /// Share of the last minute that the line was in use, in thousandths.
    pub busy_per_mille: u32,
    /// Requests sent.
    pub requests: u64,
    /// Requests without an answer.
    pub silent: u64,
    /// Damaged answers.
    pub damaged: u64,
    /// Answers that came after their request had been given up; none was used.
    pub late: u64,
    /// Bytes that belonged to nobody; none was used.
    pub stale_bytes: u64,
}

/// Whether a line is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// Open.
    Open,
    /// Not open; in words.
    Gone(String),
}

/// How a meter is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterStatus {
    /// Its name.
    pub meter: String,
    /// Its line.
    pub bus: String,
    /// Its address.
    pub unit: u8,
    /// Its model.
    pub model: String,
    /// `healthy`, `doubtful`, `silent`.
    pub state: String,
    /// Whether it is the meter it should be.
    pub trust: MeterTrust,
    /// Serial number it answered with.
    pub serial: Option<String>,
    /// When it last answered, UTC.
    pub last_answer: Option<String>,
    /// End of its last stored interval, UTC.
    pub last_interval: Option<String>,
    /// Intervals stored since the start.
    pub intervals: u64,
    /// Intervals among them that carry a flag.
    pub flagged: u64,
    /// Answers, silences, damaged answers, late answers, exceptions.
    pub answers: u64,
    /// Requests without an answer.
    pub silent: u64,
    /// Damaged answers.
    pub damaged: u64,
    /// Late answers, none of them used.
    pub late: u64,
    /// Refusals by the meter.
    pub exceptions: u64,
    /// What a person should know: refused registers, uncertain facts of the model.
    pub remarks: Vec<String>,
    /// Outstation number, phone or PAD number of a FLAG meter.
    #[serde(default)]
    pub address: Option<String>,
    /// When its own load profile was last read to its end, UTC.
    #[serde(default)]
    pub last_collected: Option<String>,
    /// Days until it overwrites intervals that were not read.
    #[serde(default)]
    pub overwrite_in_days: Option<u32>,
    /// Its clock minus ours at the last session, milliseconds.
    #[serde(default)]
    pub clock_error_ms: Option<i64>,
    /// What is wrong with its load profile, its clock or its set-up: L01 to L04, T01 to T03.
    #[serde(default)]
    pub found: Vec<Diagnosis>,
}

/// Whether a meter is the one that was configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeterTrust {
    /// It has not been asked yet; its data is not taken.
    Unknown,
    /// It is.
    Right,
    /// It is another; its data is refused until a person accepts it.
    Wrong,
    /// Its model has no register that would tell.
    Untold,
}

/// How the road to the head-end is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UplinkStatus {
    /// `connected`, or why not.
    pub state: String,
    /// Since when, UTC.
    pub since: String,
    /// Connections made since the start.
    pub connections: u64,
    /// Messages handed to the broker.
    pub sent: u64,
    /// Watermarks taken.
    pub watermarks: u64,
    /// Watermarks refused: unsigned, foreign, out of range.
    pub watermarks_refused: u64,
    /// Days until the client certificate expires.
    pub certificate_days: Option<i64>,
}

/// What waits for the head-end, per stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxStatus {
    /// `lp`, `ev`, `tm`, `au`, `gap`.
    pub stream: String,
    /// Number of the next entry.
    pub next: u64,
    /// Entries that the head-end has not committed.
    pub waiting: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Age of the oldest.
    pub oldest_s: u64,
    /// Set aside because they cannot be delivered.
    pub set_aside: u64,
}

/// An entry that cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideEntry {
    /// Its stream.
    pub stream: String,
    /// Its number.
    pub number: u64,
    /// Since when, UTC.
    pub at: String,
    /// Why.
    pub why: String,
}

/// One value just read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadValue {
    /// Which quantity.
    pub obis: String,
    /// What it is in words; empty where there are none.
    pub name: String,
    /// `1234.50 kWh`, or `not available`.
    pub value: String,
}

/// One stored interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRow {
    /// Its end, UTC.
    pub end: String,
    /// Values by column, as decimal text; empty = none.
    pub values: Vec<String>,
    /// Flags in words; empty = good.
    pub flags: String,
}

/// What the store holds and costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStats {
    /// Epoch of the numbers.
    pub epoch: String,
    /// The files.
    pub files: Vec<FileStats>,
    /// Free bytes of the partition.
    pub disk_free_bytes: u64,
    /// All bytes of the partition.
    pub disk_total_bytes: u64,
    /// Entries in the audit chain.
    pub audit_records: u64,
}

/// One file of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStats {
    /// `hot` or `archive`.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Written since the start.
    pub written_bytes: u64,
    /// Synced since the start.
    pub syncs: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyResult {
    /// Things checked.
    pub checked: u64,
    /// What is wrong, in words; empty = nothing.
    pub faults: Vec<String>,
}

/// One recorded run of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLine {
    /// Microseconds since recording began.
    pub at_us: u64,
    /// `>` sent, `<` heard.
    pub direction: char,
    /// What the guard made of it: `sent`, `used`, `stale`, `skipped`, `late`, `echo`.
    pub fate: String,
    /// The bytes, hexadecimal; secrets as `**`.
    pub bytes: String,
    /// What they mean, in words; empty where nothing is known of them.
    #[serde(default)]
    pub meaning: String,
}
