//! Requests.

use serde::{Deserialize, Serialize};

/// Who asks, as the kernel says it of the socket's other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// User id.
    pub uid: u32,
    /// Process id.
    pub pid: i32,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How the gateway is.
    Status,
    /// How each meter is.
    Meters,
    /// Reads a meter now, between two polls.
    ReadMeter {
        /// Which meter.
        meter: String,
    },
    /// Takes the meter that answers now as the right one.
    AcceptMeter {
        /// Which meter.
        meter: String,
    },
    /// Stored intervals of a meter.
    Profile {
        /// Which meter.
        meter: String,
        /// From this end of interval, seconds since 1970.
        from: u64,
        /// Up to this one.
        to: u64,
        /// Which of its profiles, by OBIS code; the first one it has if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<String>,
    },
    /// What the store holds and costs.
    StoreStats,
    /// Checks every checksum and the audit chain.
    StoreVerify,
    /// A piece of the audit chain, with the gateway's signature over it.
    Audit {
        /// From this record; 0 for the newest ones.
        from: u64,
        /// So many records at most.
        count: u32,
    },
    /// What was set aside because it cannot be delivered.
    SetAside,
    /// Lets something that was set aside be sent again.
    Release {
        /// Its stream: `lp`, `ev`, `tm`, `au`, `gap`.
        stream: String,
        /// Its number.
        number: u64,
    },
    /// Switches the byte trace of a bus.
    Trace {
        /// Which bus.
        bus: String,
        /// What to do.
        switch: TraceSwitch,
    },
    /// Starts work that takes a while; the answer is its job.
    Start {
        /// What to do.
        what: crate::Work,
    },
    /// How a job stands.
    Job {
        /// Its number.
        number: u64,
    },
    /// Every job since the start that is not forgotten yet.
    Jobs,
    /// Ends a job at its next step; what it has read is kept.
    Cancel {
        /// Its number.
        number: u64,
    },
    /// Where the configuration lies, so that an entry can be added to it.
    Configuration,
    /// Updates of the whole system.
    Update {
        /// What is wished.
        wish: crate::UpdateWish,
    },
    /// Keys of meters.
    Keys {
        /// What is wished.
        wish: crate::KeysWish,
    },
    /// People with an account.
    People {
        /// What is wished.
        wish: crate::PeopleWish,
    },
    /// What somebody asks who is signed in.
    As(crate::SignedIn),
    /// Orders something, as the contract with the head-end writes it. Number and epoch are the gateway's own.
    Order {
        /// The command's bytes, in hexadecimal digits.
        command: String,
    },
    /// How an order stands.
    Command {
        /// Its id.
        id: String,
    },
    /// The newest orders.
    Commands,
}

/// What to do with a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TraceSwitch {
    /// Record from now on.
    On,
    /// Stop recording; what was recorded stays.
    Off,
    /// Hand out what was recorded.
    Show,
}
