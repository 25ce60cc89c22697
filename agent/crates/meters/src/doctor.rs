//! What went wrong, said so that an installer can act: what happened, what it means for the data,
//! what to do next.
//!
//! The doctor does not touch a line. Whoever does tells it what each trial saw ([`Trials`]); it
//! finds the one message that explains them ([`diagnose`]).

mod diagnose;
mod words;

pub use diagnose::{
    Dtr, Framing, LinkState, Saw, SessionTrouble, Trial, TrialSettings, Trials, diagnose,
};

use metering::Timestamp;
use std::fmt;

/// A message to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its code, `C01` and so on; codes keep their meaning.
    pub code: &'static str,
    /// What happened.
    pub happened: String,
    /// What it means for the data.
    pub meaning: String,
    /// What to do next.
    pub next: String,
}

impl Message {
    /// `L02: what happened; what to do`, for lists of one line each.
    pub fn line(&self) -> String {
        format!("{}: {}; {}", self.code, self.happened, self.next)
    }
}

/// `C01: …` in three lines.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}\n     {}\n     next: {}",
            self.code, self.happened, self.meaning, self.next
        )
    }
}

/// Why a meter did not answer, as far as the trials tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// Nothing at all was heard, whatever was tried.
    Whatever {
        /// What was tried, in words.
        tried: Vec<String>,
    },
    /// It answers with other settings of the line or the head.
    Otherwise {
        /// Those that were configured.
        configured: TrialSettings,
        /// Those with which it answers.
        works: TrialSettings,
    },
    /// It refuses the sign-on.
    Refused {
        /// The address that was called.
        address: String,
    },
    /// The port is not there.
    NoPort {
        /// Its name.
        port: String,
        /// What the system says.
        reason: String,
    },
}

/// What a modem said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModemTrouble {
    /// The other end is busy.
    Busy,
    /// The other end does not take the call, or was lost.
    NoCarrier,
    /// There is no line.
    NoDialTone,
    /// Nobody answers the call.
    NoAnswer,
    /// The modem itself does not answer.
    NoModem,
}

/// How a meter refused a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PasswordRefusal {
    /// By a NAK.
    Nak,
    /// By a sign-off.
    SignOff,
    /// By an error.
    Error,
    /// By silence.
    Silence,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is wrong.
    Healthy,
    /// C01: no answer.
    NoAnswer(Silence),
    /// C02: the answer is garbled.
    Garbled {
        /// The settings it is garbled with.
        configured: TrialSettings,
        /// Those it is clean with, if any were found.
        works: Option<TrialSettings>,
        /// Octets heard, and those of them with wrong parity.
        octets: u32,
        /// Octets with wrong parity.
        wrong_parity: u32,
    },
    /// C03: only the echo of our own octets.
    EchoOnly {
        /// How many.
        octets: u32,
    },
    /// C04: two meters answered one address.
    TwoMeters {
        /// The address.
        address: String,
        /// What they said, as far as it could be told apart.
        heard: Vec<String>,
    },
    /// C05: another meter than the configured one.
    WrongMeter {
        /// The configured serial number.
        expected: String,
        /// What the meter says.
        found: String,
    },
    /// C06: the password was refused.
    PasswordRefused {
        /// The level it should open.
        level: u8,
        /// How.
        how: PasswordRefusal,
    },
    /// C07: not allowed at this level.
    NotAllowed {
        /// What was asked for.
        what: String,
        /// The level that was open.
        level: u8,
        /// The level that it needs, where the model knows.
        needs: Option<u8>,
    },
    /// C08: the link dropped.
    LinkDropped {
        /// How far it was.
        per_cent: u8,
        /// Where to go on.
        resume_from: Option<Timestamp>,
    },
    /// C09: the modem could not connect.
    Modem {
        /// What it said.
        trouble: ModemTrouble,
        /// When the next try is.
        next_try: Option<Timestamp>,
    },
    /// C10: the PAD cannot be reached.
    PadUnreachable {
        /// Its number.
        number: String,
        /// What the network says.
        reason: String,
    },
    /// C11: block checks failed.
    BlockCheck {
        /// How often.
        failed: u32,
        /// Of how many answers.
        of: u32,
    },
    /// C12: the port is in use.
    PortInUse {
        /// By what.
        by: String,
    },
    /// T01: the meter's clock is off.
    ClockOff {
        /// Seconds it is ahead; negative where it is behind.
        ahead_s: i64,
        /// What is done about it, in words.
        advice: String,
    },
    /// T02: the meter's clock cannot be believed.
    ClockInvalid,
    /// T03: the gateway's own clock is not synchronised.
    OwnClock,
    /// L01: intervals are missing.
    IntervalsMissing {
        /// How many.
        count: u64,
        /// The first one's end.
        first: Timestamp,
        /// The last one's end.
        last: Timestamp,
        /// Why, in words.
        cause: String,
    },
    /// L02: intervals and register do not add up.
    SumDiffers {
        /// Of which quantity.
        what: String,
        /// By how much.
        by: String,
    },
    /// L02: intervals and register add up in another coding than the model's only.
    OtherCoding {
        /// Of which quantity.
        what: String,
        /// How the model says that values are coded.
        as_model: String,
        /// How they agree with the register.
        as_other: String,
        /// By how much they differ as the model says.
        by: String,
    },
    /// L03: the meter's set-up changed.
    SetupChanged {
        /// What changed.
        what: String,
        /// Who did it, where the meter says so.
        who: Option<String>,
    },
    /// L04: the meter will overwrite what was not read.
    OverwriteIn {
        /// In so many days.
        days: u64,
    },
    /// S01: a scheme does not fit the meter.
    SchemeMisfit {
        /// What does not fit.
        misfits: Vec<String>,
    },
    /// S02: what was written reads back otherwise.
    VerifyMismatch {
        /// On which page.
        page: String,
    },
    /// S03: a date lies in the past.
    DatePassed {
        /// Which.
        date: String,
    },
    /// S04: the backup failed, so nothing was written.
    BackupFailed {
        /// Why.
        reason: String,
    },
    /// E01: an export was refused.
    ExportRefused {
        /// Per cent of its values that are not as measured.
        per_cent: u8,
    },
    /// E02: the receiver is down.
    ReceiverDown {
        /// Files that wait.
        waiting: u64,
    },
    /// G01: the gateway runs from its safe image.
    SafeImage,
}

#[cfg(test)]
mod tests;
