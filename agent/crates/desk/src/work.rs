//! Work at a meter or on a line that takes longer than a breath: it is started, looked at until it
//! has ended, and may be cancelled. A caller who goes away ends nothing.

use crate::dry_run::DryRunResult;
use serde::{Deserialize, Serialize};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Work {
    /// Looks for meters on a line.
    Scan {
        /// Which bus.
        bus: String,
        /// Where to look.
        wish: ScanWish,
    },
    /// Tries a meter layer by layer: port, line, sign-on, identity, password.
    Ping {
        /// Which meter.
        meter: String,
    },
    /// Reads now what the schedule would read, load profile included.
    Poll {
        /// Which meter.
        meter: String,
    },
    /// Reads a part of a meter and shows it.
    Read {
        /// Which meter.
        meter: String,
        /// Which part.
        part: Part,
    },
    /// Reads instantaneous values once.
    Instant {
        /// Which meter.
        meter: String,
    },
    /// Reads the load profile of a meter, or the part of it that the store lacks.
    Collect {
        /// Which meter.
        meter: String,
        /// From this time on, seconds since 1970; the oldest that the meter holds if none.
        from: Option<u64>,
        /// Up to this time; now if none.
        to: Option<u64>,
        /// Also days that the store holds already.
        again: bool,
    },
    /// Measures the clock of a meter. Changes nothing.
    Clock {
        /// Which meter.
        meter: String,
    },
    /// Reads which objects a DLMS meter has.
    Objects {
        /// Which meter.
        meter: String,
    },
    /// Looks at a meter by a scheme: what it holds, and every write that programming would make. There
    /// is no way from here to a write.
    DryRun {
        /// Which meter.
        meter: String,
        /// The text of the scheme.
        scheme: String,
    },
    /// Gives a DLMS meter new keys, and proves that it has them.
    ChangeKeys {
        /// Which meter.
        meter: String,
        /// Its encryption key.
        encryption: bool,
        /// Its authentication key.
        authentication: bool,
    },
    /// Reads and keeps what a scheme wants of a meter.
    Gather {
        /// Which meter.
        meter: String,
        /// What of it.
        wish: crate::GatherWish,
    },
    /// Reads every readable identity of a meter.
    Backup {
        /// Which meter.
        meter: String,
    },
    /// Reads pages of a golden meter for others of its kind: those that its model has settings on, and
    /// those that a site names.
    GoldenPages {
        /// Which meter.
        meter: String,
        /// Pages that no model knows.
        pages: Vec<crate::WantedPage>,
        /// Pages to be left out, by name or number.
        without: Vec<String>,
    },
    /// Listens to a foreign master and its meters, and sends nothing.
    Listen {
        /// Which bus.
        bus: String,
        /// For so long.
        seconds: u32,
    },
}

/// Where a scan looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScanWish {
    /// Modbus units.
    pub modbus: bool,
    /// FLAG outstations.
    pub flag: bool,
    /// DLMS meters, on HDLC or behind the wrapper.
    #[serde(default)]
    pub dlms: bool,
    /// Addresses to try beside those that are likely: `1-20`, `001`, `12345678`, `1/17`.
    pub addresses: Vec<String>,
    /// Speeds to try; those of the bus and its models if none.
    pub bauds: Vec<u32>,
    /// Ends after so long, found or not.
    pub seconds_max: u32,
}

/// A part of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Totals, rates, demands, ratios.
    Registers,
    /// Historical billing sets.
    Billing,
    /// Event counters and logs.
    Events,
    /// Status words.
    Status,
    /// Serial number, scheme, firmware, ratios.
    Identity,
}

/// A piece of work that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number, by which it is looked at and cancelled.
    pub number: u64,
    /// What it is, in words.
    pub words: String,
    /// How it stands.
    pub state: JobState,
}

/// How a piece of work stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "is", rename_all = "kebab-case")]
pub enum JobState {
    /// The line is busy with something else; in words.
    Waiting(String),
    /// It runs.
    Running(Progress),
    /// It ended with a result.
    Done(Box<Outcome>),
    /// It ended without one.
    Failed(Diagnosis),
    /// Somebody cancelled it; what it had read until then is kept.
    Cancelled(Progress),
}

impl JobState {
    /// Whether nothing more will come.
    pub fn has_ended(&self) -> bool {
        !matches!(self, Self::Waiting(_) | Self::Running(_))
    }
}

/// How far a piece of work is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Steps that are done.
    pub done: u64,
    /// Steps in all, as far as that is known; 0 = unknown.
    pub total: u64,
    /// What a step is, and what is going on: `day 12 of 90`, `9600 7E1, address 004`.
    pub words: String,
}

/// What is wrong, in an installer's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// `C01` and so on, as the how-to pages list them.
    pub code: String,
    /// What happened.
    pub happened: String,
    /// What it means for the data.
    pub meaning: String,
    /// What to do, likeliest first.
    pub next: Vec<String>,
    /// What was tried to find out, and what came of it.
    pub tried: Vec<String>,
}

/// What a piece of work brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "is", rename_all = "kebab-case")]
pub enum Outcome {
    /// Of a scan.
    Scan(ScanResult),
    /// Of a ping.
    Ping(PingResult),
    /// Of a read, or of instantaneous values.
    Values(Vec<MeterValue>),
    /// Of a look at events.
    Events(EventsResult),
    /// Of a poll or a collection.
    Collected(CollectResult),
    /// Of what a scheme wants read.
    Gathered(crate::GatherResult),
    /// Of a look at the clock.
    Clock(ClockResult),
    /// Of a look at the objects of a meter.
    Objects(Vec<MeterObject>),
    /// Of a dry run.
    DryRun(DryRunResult),
    /// Of a change of keys.
    KeysChanged(Vec<KeyChanged>),
    /// Of a backup.
    Backup(BackupResult),
    /// Of a golden meter.
    GoldenPages(crate::GoldenResult),
    /// What was heard.
    Heard(Vec<crate::TraceLine>),
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanResult {
    /// The meters.
    pub found: Vec<FoundMeter>,
    /// Places where something answered that could not be understood, or twice.
    pub doubts: Vec<Diagnosis>,
    /// What was tried: `FLAG 9600 7E1: 12 addresses`.
    pub tried: Vec<String>,
    /// What was not tried, because time was up.
    pub left_out: Vec<String>,
}

/// A meter that a scan found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundMeter {
    /// `modbus`, `flag` or `dlms`.
    pub protocol: String,
    /// Its unit, its outstation number, or `1/17` on HDLC; empty where it answers without one.
    pub address: String,
    /// How the line was set: `9600 7E1`.
    pub line: String,
    /// DTR of an optical probe, where that matters: `on`, `off`.
    pub dtr: Option<String>,
    /// What it says of itself.
    pub identification: String,
    /// Its serial number, if it tells it without a password.
    pub serial: Option<String>,
    /// Names of models that fit, likeliest first.
    pub models: Vec<String>,
    /// Name of the configured meter that it is, if it is one.
    pub configured: Option<String>,
    /// What went wrong while it was asked; empty where nothing did.
    #[serde(default)]
    pub remark: String,
}

/// What a ping found, layer by layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingResult {
    /// In their order; the first that failed is the last.
    pub layers: Vec<Layer>,
    /// What is wrong, if something is.
    pub diagnosis: Option<Diagnosis>,
}

/// One layer of a ping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// `port`, `line`, `sign-on`, `identity`, `password`.
    pub name: String,
    /// Whether it holds.
    pub is_well: bool,
    /// What was seen.
    pub words: String,
}

/// One value of a meter, with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterValue {
    /// What belongs together: `totals`, `rates`, `billing set 3`.
    pub group: String,
    /// OBIS code; empty where there is none.
    pub obis: String,
    /// In words.
    pub name: String,
    /// `1234.567890 kWh`.
    pub value: String,
    /// As the meter sent it.
    pub raw: String,
    /// Where it stands in the meter: `507`, `C.1.0`, `holding 0x0048`.
    pub place: String,
    /// What is uncertain about it; empty = nothing.
    pub remark: String,
}

/// Event counters of a meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsResult {
    /// One a kind of event.
    pub counters: Vec<EventCounter>,
    /// Status in words, as flags are named.
    pub status: Vec<String>,
}

/// One event counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCounter {
    /// What it counts.
    pub name: String,
    /// How often it happened.
    pub count: u32,
    /// The newest of them, newest first, with what else the meter tells of each.
    pub newest: Vec<String>,
    /// Where it stands in the meter.
    pub place: String,
    /// What is uncertain about it; empty = nothing.
    pub remark: String,
}

/// What a collection brought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CollectResult {
    /// Days that were read.
    pub days: u32,
    /// Intervals that came.
    pub intervals: u64,
    /// New ones among them.
    pub new: u64,
    /// Intervals that differ from what is stored; both are kept.
    pub conflicts: u64,
    /// Intervals that the meter does not have, with the reason where a marker tells it.
    pub gaps: Vec<String>,
    /// Octets on the line, both ways.
    pub octets: u64,
    /// Days until the meter overwrites what was not read, counted from now.
    pub days_until_overwrite: Option<u32>,
    /// What a person should know: unknown markers, doubts about the coding.
    pub remarks: Vec<String>,
    /// What is wrong with the load profile or the meter's set-up: L01 to L04.
    #[serde(default)]
    pub found: Vec<Diagnosis>,
}

/// A meter's clock against the gateway's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockResult {
    /// What the meter's clock showed.
    pub meter: String,
    /// UTC of that, by the meter's clock basis.
    pub meter_utc: String,
    /// UTC by the gateway's clock at that moment.
    pub gateway_utc: String,
    /// Meter minus gateway, milliseconds.
    pub error_ms: i64,
    /// How far that may be off: half the round trip.
    pub uncertainty_ms: u64,
    /// How far the gateway's own clock can be trusted.
    pub gateway_clock: String,
    /// `none`, `adjust`, `approve-set`, `alarm`, `blocked`.
    pub action: String,
    /// Why, in words.
    pub why: String,
}

/// What became of a change of a key. Never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChanged {
    /// Which key, in words.
    pub kind: String,
    /// How it ended.
    pub end: KeyChangeEnd,
    /// What the meter said of it; empty where nothing is to be added.
    pub words: String,
}

/// How a change of a key ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyChangeEnd {
    /// A session has proven the new key.
    Rotated,
    /// The old key stays.
    Refused,
    /// The meter may have either; the next sessions find out which.
    InDoubt,
}

/// One object of a DLMS meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterObject {
    /// Number of its interface class.
    pub class: u16,
    /// What the class is called: `Register`; empty where it is not a common one.
    pub class_name: String,
    /// Version of the class.
    pub version: u8,
    /// Its logical name: `1-0:1.8.0`.
    pub obis: String,
    /// What that means; empty where there are no words for it.
    pub name: String,
    /// Whether the meter's model reads it.
    pub in_model: bool,
    /// What the association may do with it; empty where the meter does not say.
    pub access: String,
}

/// Every readable identity of a meter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BackupResult {
    /// Name of the meter.
    pub meter: String,
    /// Its model.
    pub model: String,
    /// What it says of itself.
    pub identification: String,
    /// Its serial number.
    pub serial: String,
    /// UTC when it was begun.
    pub taken: String,
    /// Access level of the session, if the meter has levels.
    pub level: Option<u8>,
    /// In the order of the model.
    pub identities: Vec<BackupIdentity>,
    /// How it was read, where a protocol has more to say of that than a level.
    #[serde(default)]
    pub protocol: Option<BackupProtocol>,
}

/// How a DLMS meter was read for a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupProtocol {
    /// `dlms`.
    pub name: String,
    /// The association of the model: what it may read differs from one to another.
    pub association: String,
    /// Its client.
    pub client: u16,
    /// Where the meter is on its line: `hdlc 17`, `wrapper`.
    pub place: String,
}

/// One identity of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BackupIdentity {
    /// `507`, `C.1.0`, `holding 0x0048`.
    pub place: String,
    /// What it is.
    pub name: String,
    /// Whether it counts or runs by itself, so that a difference is no change of settings.
    pub is_running: bool,
    /// Its octets, hexadecimal; empty where it could not be read.
    pub hex: String,
    /// SHA-256 of the octets, hexadecimal.
    pub sha256: String,
    /// Why it could not be read; empty where it was.
    pub refused: String,
    /// Why it was left out on purpose; empty where it was not.
    #[serde(default)]
    pub left_out: String,
    /// The value in words; empty where there are none.
    #[serde(default)]
    pub words: String,
}

/// An entry of the configuration for a meter that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NewMeter {
    /// Its name.
    pub id: String,
    /// Its bus.
    pub bus: String,
    /// Its model.
    pub model: String,
    /// Unit of a Modbus meter.
    pub unit: Option<u8>,
    /// Outstation number of a FLAG meter; none where it answers without one.
    pub address: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
}
