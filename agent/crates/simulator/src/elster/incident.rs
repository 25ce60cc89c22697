//! What befalls a meter.

use super::civil::DAY;

/// Through which port somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// The optical port.
    Optical,
    /// The serial port or a module.
    Remote,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// No power for so many seconds.
    PowerCut {
        /// How long.
        seconds: i64,
    },
    /// Phases fail for so many seconds: 1 for A, 2 for B, 4 for C.
    PhaseFailure {
        /// How long.
        seconds: i64,
        /// Which.
        phases: u8,
    },
    /// The meter runs in reverse for so many seconds.
    ReverseRun {
        /// How long.
        seconds: i64,
    },
    /// A billing period ends, for this reason (one bit).
    BillingReset {
        /// Which bit.
        trigger: u8,
    },
    /// The clock is set so many seconds ahead, or back.
    ClockSet {
        /// How far.
        seconds: i64,
    },
    /// The load profile gets other channels and another period.
    ProfileChange {
        /// The mask as it is transmitted.
        mask: [u8; 2],
        /// The period in minutes.
        minutes: u8,
    },
    /// The load profile is cleared.
    ProfileCleared,
    /// Octets in the load profile that no source explains.
    UnknownMark {
        /// All of them, the first at 224 or above.
        octets: Vec<u8>,
    },
    /// Somebody changes the meter.
    Programming {
        /// Through which port.
        port: Port,
        /// The operator's name.
        name: String,
    },
    /// The ratio of the current transformers changes.
    CtChange {
        /// The new primary current, in hundredths of an ampere.
        primary: u32,
    },
    /// The battery fails for good.
    BatteryFails,
    /// A transient reset.
    Transient,
    /// The meter finds an error in itself.
    MeterError,
    /// The terminal cover is off for so many seconds.
    TerminalCover {
        /// How long.
        seconds: i64,
    },
    /// The main cover is off for so many seconds.
    MainCover {
        /// How long.
        seconds: i64,
    },
}

/// Something at a moment of true time (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// When.
    pub at: i64,
    /// What.
    pub what: What,
}

impl Incident {
    /// So many days, hours and minutes behind a moment.
    pub const fn after(begin: i64, days: i64, hour: i64, minute: i64, what: What) -> Self {
        Self {
            at: begin + days * DAY + hour * 3600 + minute * 60,
            what,
        }
    }

    /// A day of which people shall see something: no power for an hour and a bit, of which two
    /// intervals keep a part and one is not there; later a phase fails for a quarter of an hour.
    pub fn eventful_day(begin: i64, day: i64) -> Vec<Self> {
        let cut = What::PowerCut { seconds: 4_020 };
        let failure = What::PhaseFailure {
            seconds: 900,
            phases: 2,
        };
        vec![
            Self::after(begin, day, 9, 10, cut),
            Self::after(begin, day, 14, 5, failure),
        ]
    }

    /// How long it lasts.
    pub(super) fn seconds(&self) -> i64 {
        match &self.what {
            What::PowerCut { seconds }
            | What::PhaseFailure { seconds, .. }
            | What::ReverseRun { seconds }
            | What::TerminalCover { seconds }
            | What::MainCover { seconds } => (*seconds).max(1),
            _ => 0,
        }
    }

    /// The moment at which it is over.
    pub(super) fn end(&self) -> i64 {
        self.at + self.seconds()
    }
}
