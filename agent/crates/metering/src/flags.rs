//! What is known about an interval beside its values. Bit numbers are part of the published
//! contract: they are never reused and never change their meaning.

use std::fmt;

/// One remark about an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// No value could be had.
    Missing,
    /// Supply failed in the interval.
    PowerDown,
    /// Supply came back in the interval.
    PowerUp,
    /// A phase failed.
    PhaseFail,
    /// The meter's total went back and that was no rollover.
    MeterReset,
    /// The meter's battery is spent.
    Battery,
    /// A clock (the meter's or, for a gateway-made profile, the gateway's) was set.
    TimeSet,
    /// The interval is shorter than its period.
    Short,
    /// The interval is longer than its period.
    Long,
    /// The meter's configuration changed.
    ConfigChanged,
    /// The meter ran in reverse.
    ReverseRun,
    /// Daylight saving time was in force.
    DstActive,
    /// Daylight saving time began or ended.
    DstChange,
    /// The meter's own profile was cleared.
    ProfileCleared,
    /// A cover was opened.
    CoverOpen,
    /// A register overflowed within the interval.
    Overflow,
    /// A value was lost to damaged frames on our own link.
    LinkError,
    /// The meter itself calls the value invalid.
    NotValid,
    /// The meter was in test mode.
    TestMode,
    /// The sample was taken later after the mark than the tolerance.
    LateSample,
    /// The gateway started within the interval.
    GatewayRestart,
    /// The register passed its highest count; the increment takes that into account.
    Rollover,
    /// The gateway's clock was not synchronised.
    ClockUnsynchronised,
    /// The value jumped beyond what the meter can measure, and reading twice confirmed it.
    Implausible,
    /// The meter's number format no longer resolves the last digits of the channel's scale.
    Coarse,
}

const TABLE: [(Flag, u8, &str); 25] = [
    (Flag::Missing, 0, "missing"),
    (Flag::PowerDown, 1, "power-down"),
    (Flag::PowerUp, 2, "power-up"),
    (Flag::PhaseFail, 3, "phase-fail"),
    (Flag::MeterReset, 4, "meter-reset"),
    (Flag::Battery, 5, "battery"),
    (Flag::TimeSet, 6, "time-set"),
    (Flag::Short, 7, "short"),
    (Flag::Long, 8, "long"),
    (Flag::ConfigChanged, 9, "config-changed"),
    (Flag::ReverseRun, 10, "reverse-run"),
    (Flag::DstActive, 11, "dst-active"),
    (Flag::DstChange, 12, "dst-change"),
    (Flag::ProfileCleared, 13, "profile-cleared"),
    (Flag::CoverOpen, 14, "cover-open"),
    (Flag::Overflow, 15, "overflow"),
    (Flag::LinkError, 16, "link-error"),
    (Flag::NotValid, 17, "not-valid"),
    (Flag::TestMode, 18, "test-mode"),
    (Flag::LateSample, 19, "late-sample"),
    (Flag::GatewayRestart, 20, "gateway-restart"),
    (Flag::Rollover, 21, "rollover"),
    (Flag::ClockUnsynchronised, 22, "clock-unsynchronised"),
    (Flag::Implausible, 23, "implausible"),
    (Flag::Coarse, 24, "coarse"),
];

impl Flag {
    /// Every flag, in the order of its bits.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The bit number of the contract.
    pub fn bit(self) -> u8 {
        TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or(31, |row| row.1)
    }

    /// The word used in exports and tables.
    pub fn word(self) -> &'static str {
        TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or("", |row| row.2)
    }
}

/// A set of flags; empty means good. Bits this program does not know are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Flags(u32);

impl Flags {
    /// Nothing to remark: a good value.
    pub const NONE: Self = Self(0);

    /// From the bits of the contract.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits of the contract.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// This set and one flag more.
    pub fn with(self, flag: Flag) -> Self {
        Self(self.0 | 1 << flag.bit())
    }

    /// Both sets together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the flag is in the set.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & 1 << flag.bit() != 0
    }

    /// Whether there is nothing to remark.
    pub const fn is_good(self) -> bool {
        self.0 == 0
    }
}

impl From<Flag> for Flags {
    fn from(flag: Flag) -> Self {
        Self::NONE.with(flag)
    }
}

/// Words joined by `+`; a bit without a word is shown as its number.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for bit in (0..32).filter(|bit| self.0 & 1 << bit != 0) {
            f.write_str(separator)?;
            match TABLE.iter().find(|row| row.1 == bit) {
                Some(row) => f.write_str(row.2)?,
                None => write!(f, "bit{bit}")?,
            }
            separator = "+";
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_has_one_bit_and_one_word() {
        let mut seen = Flags::NONE;
        for (index, flag) in Flag::all().enumerate() {
            assert_eq!(
                usize::from(flag.bit()),
                index,
                "bits are published in this order"
            );
            assert!(!seen.has(flag));
            seen = seen.with(flag);
            assert!(!flag.word().is_empty());
        }
    }

    #[test]
    fn unknown_bits_are_shown_not_dropped() {
        let flags = Flags::from_bits(1 << 30).with(Flag::Missing);
        assert_eq!(flags.to_string(), "missing+bit30");
        assert!(Flags::NONE.is_good());
    }
}
