//! What happened, in words that a person can act on.

use crate::{MeterId, Timestamp};
use std::fmt;

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For the record.
    Note,
    /// Quality suffers; somebody should look.
    Act,
    /// Measuring is wrong or data is lost.
    Stop,
}

impl Severity {
    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Act => "act",
            Self::Stop => "stop",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident, $number:literal, $word:literal, $severity:ident;)*) => {
        /// The kinds of events; words and numbers are part of the published contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventCode { $($(#[$doc])* $code,)* }

        impl EventCode {
            /// The number kept on disk.
            pub const fn number(self) -> u16 { match self { $(Self::$code => $number,)* } }

            /// The event behind a number.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$code),)* _ => None }
            }

            /// The word of the contract.
            pub const fn word(self) -> &'static str { match self { $(Self::$code => $word,)* } }

            /// How much it matters.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$code => Severity::$severity,)* }
            }

            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code,)*];
        }
    };
}

codes! {
    /// The gateway started.
    GatewayStarted, 1, "gateway-started", Note;
    /// The previous run ended without a proper shutdown.
    UncleanStop, 2, "unclean-stop", Act;
    /// The gateway's clock jumped.
    ClockJumped, 3, "clock-jumped", Act;
    /// The gateway's clock lost or found its synchronisation.
    ClockQualityChanged, 4, "clock-quality-changed", Note;
    /// A store file was broken and set aside; data is read again where meters still hold it.
    StoreFileSetAside, 5, "store-file-set-aside", Stop;
    /// The disk is nearly full; what goes first went.
    DiskNearlyFull, 6, "disk-nearly-full", Stop;
    /// Entries left the outbox without the head-end having them.
    EntriesDropped, 7, "entries-dropped", Stop;
    /// The configuration was applied.
    ConfigurationApplied, 8, "configuration-applied", Note;
    /// A new system has proven itself and is kept.
    SystemKept, 9, "system-kept", Note;
    /// An image was refused, or could not be installed.
    UpdateFailed, 10, "update-failed", Act;
    /// A new system is installed and will be tried.
    UpdateInstalled, 11, "update-installed", Note;
    /// A system could not be started or did not come to health; another one runs.
    SystemFellBack, 12, "system-fell-back", Act;
    /// A meter stopped answering.
    MeterSilent, 20, "meter-silent", Act;
    /// A silent meter answers again.
    MeterBack, 21, "meter-back", Note;
    /// A meter is not the one that was configured; its data is refused.
    WrongMeter, 22, "wrong-meter", Stop;
    /// A meter's identity was accepted.
    MeterAccepted, 23, "meter-accepted", Note;
    /// A total went back.
    MeterReset, 24, "meter-reset", Act;
    /// A value jumped beyond what the meter can measure.
    ImplausibleValue, 25, "implausible-value", Act;
    /// A meter refuses a register its model lists.
    RegisterRefused, 26, "register-refused", Act;
    /// A meter that crashed the gateway twice is left alone.
    MeterQuarantined, 27, "meter-quarantined", Stop;
    /// A line cannot be opened or has gone.
    LineGone, 40, "line-gone", Stop;
    /// A line is back.
    LineBack, 41, "line-back", Note;
    /// Requests that are not ours were heard on a line.
    ForeignMaster, 42, "foreign-master", Stop;
    /// A watermark without a valid signature of a known key was ignored.
    WatermarkRefused, 60, "watermark-refused", Stop;
    /// A message cannot be delivered and was set aside.
    MessageSetAside, 61, "message-set-aside", Stop;
    /// Another client uses this gateway's name.
    ClientTakenOver, 62, "client-taken-over", Stop;
    /// A certificate expires soon.
    CertificateExpires, 63, "certificate-expires", Act;
    /// Nobody at the head-end receives this gateway's messages.
    HeadEndAbsent, 64, "head-end-absent", Act;
    /// A hostile or malformed message from the head-end's side was dropped.
    DownMessageRefused, 65, "down-message-refused", Act;
    /// A command, key set or policy was refused; nothing proves that an operator sent it.
    CommandRefused, 66, "command-refused", Stop;
    /// A run of a meter list began, is over, could not be made, or was missed.
    ListRun, 71, "list-run", Note;
    /// A meter's supply failed, by its own count.
    MeterPowerFailed, 80, "meter-power-failed", Note;
    /// A phase failed at a meter, by its own count.
    MeterPhaseFailed, 81, "meter-phase-failed", Stop;
    /// A meter ran in reverse, by its own count.
    MeterReverseRun, 82, "meter-reverse-run", Act;
    /// A cover of a meter was opened.
    MeterCoverOpened, 83, "meter-cover-opened", Act;
    /// A meter was programmed.
    MeterProgrammed, 84, "meter-programmed", Act;
    /// A billing period ended in a meter.
    MeterBillingReset, 85, "meter-billing-reset", Note;
    /// A meter says that its battery is spent or failed.
    MeterBattery, 86, "meter-battery", Act;
    /// A meter found an error in itself.
    MeterDeviceError, 87, "meter-device-error", Stop;
    /// A meter was reset without a supply failure.
    MeterTransientReset, 88, "meter-transient-reset", Act;
    /// A meter counted something else.
    MeterEvent, 89, "meter-event", Act;
    /// A meter counted more than it has stamps for: some of its events have no time.
    MeterEventsWithoutStamp, 90, "meter-events-without-stamp", Act;
    /// A meter's clock is further off than its tolerance.
    MeterClockOff, 91, "meter-clock-off", Act;
    /// The gateway adjusted a meter's clock.
    MeterClockAdjusted, 92, "meter-clock-adjusted", Note;
    /// A meter's clock is so far off that a person must approve setting it.
    MeterClockNeedsApproval, 93, "meter-clock-needs-approval", Act;
    /// A meter's clock cannot be believed at all.
    MeterClockInvalid, 94, "meter-clock-invalid", Stop;
    /// No meter's clock is written, because the gateway's own is not synchronised.
    ClockWritesBlocked, 95, "clock-writes-blocked", Act;
    /// A meter's transformer ratio changed.
    MeterRatioChanged, 96, "meter-ratio-changed", Stop;
    /// A meter's set-up or scheme changed.
    MeterSetupChanged, 97, "meter-setup-changed", Act;
    /// A meter's serial number or firmware changed.
    MeterIdentityChanged, 98, "meter-identity-changed", Stop;
    /// A meter's load profile was cleared.
    MeterProfileCleared, 99, "meter-profile-cleared", Act;
    /// The channels or the period of a meter's load profile changed.
    MeterProfileReconfigured, 100, "meter-profile-reconfigured", Act;
    /// A meter's load profile holds something that this program does not know.
    MeterProfileUnknown, 101, "meter-profile-unknown", Act;
    /// An interval read again has other values than before.
    MeterProfileConflict, 102, "meter-profile-conflict", Stop;
    /// Intervals are missing in a meter's load profile.
    MeterProfileGap, 103, "meter-profile-gap", Act;
    /// A meter will soon overwrite intervals that nobody has read.
    MeterProfileOverwrite, 104, "meter-profile-overwrite", Act;
    /// A meter's clock was changed by somebody.
    MeterClockChanged, 105, "meter-clock-changed", Act;
    /// A meter's load profile may be coded otherwise than its model says.
    MeterCodingInDoubt, 106, "meter-coding-in-doubt", Stop;
    /// A meter refused its password; it is not tried again.
    MeterPasswordRefused, 107, "meter-password-refused", Act;
    /// A meter's status word changed.
    MeterStatusChanged, 108, "meter-status-changed", Act;
    /// Intervals of a meter's load profile do not add up to the advance of its register.
    MeterSumDiffers, 109, "meter-sum-differs", Act;
    /// A meter refused its keys; it is left alone for a while.
    MeterKeyRefused, 110, "meter-key-refused", Act;
    /// A meter's log or billing sets were overwritten, or cleared, before they were read.
    MeterLogTorn, 111, "meter-log-torn", Act;
    /// A meter does not hold any more what it was last programmed with.
    MeterDrifted, 112, "meter-drifted", Act;
    /// A meter that had drifted holds again what it was programmed with.
    MeterDriftEnded, 113, "meter-drift-ended", Note;
}

impl fmt::Display for EventCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// What.
    pub code: EventCode,
    /// The meter concerned, if one is.
    pub meter: Option<MeterId>,
    /// What it means and what to do, in words.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_unique() {
        for (index, code) in EventCode::ALL.iter().enumerate() {
            assert_eq!(EventCode::from_number(code.number()), Some(*code));
            for other in EventCode::ALL.iter().skip(index + 1) {
                assert_ne!(code.word(), other.word());
            }
        }
    }
}
