//! What to do about a clock that is off.

use super::{AdjustRequest, ClockError};
use crate::clock_basis::ClockBasis;
use crate::limits::CLOCK_LOST_FROM;
use metering::{ClockQuality, EventCode, Period, Timestamp};
use std::time::Duration;

/// What a meter's clock is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSettings {
    /// Up to here nothing is done.
    pub tolerance: Duration,
    /// Up to here it is adjusted.
    pub adjust_max: Duration,
    /// Up to here a person may approve a set; beyond it only an alarm is raised.
    pub set_max: Duration,
    /// Whether the gateway may adjust by itself.
    pub adjusts: bool,
    /// Whether it may do so although only one source knows what the adjustment does.
    pub trusts_unproven: bool,
}

impl Default for ClockSettings {
    /// 20 s, 7.5 min and 15 min; nothing is adjusted.
    fn default() -> Self {
        Self {
            tolerance: Duration::from_secs(20),
            adjust_max: Duration::from_secs(450),
            set_max: Duration::from_mins(15),
            adjusts: false,
            trusts_unproven: false,
        }
    }
}

/// What advice rests on.
#[derive(Debug, Clone, Copy)]
pub struct ClockGround<'a> {
    /// What the meter's clock is held to.
    pub settings: &'a ClockSettings,
    /// How far the gateway's own clock can be trusted.
    pub gateway: ClockQuality,
    /// Whether the meter itself says that its clock is not good.
    pub is_invalid: bool,
    /// Whether it says that its battery is not good. A clock that shows the right time all the same
    /// is not invalid for it.
    pub is_battery_bad: bool,
    /// The adjustment that the meter's model knows.
    pub adjust: Option<&'a AdjustRequest>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockAction {
    /// Nothing; the error is recorded.
    None,
    /// Adjust it, and measure again in a day.
    Adjust,
    /// Ask a person to approve a set, after the load profile was read.
    ApproveSet,
    /// Only a person can help: nothing is written.
    Alarm,
    /// Nothing may be written, because the gateway does not know the time itself.
    Blocked,
}

/// What to do, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockAdvice {
    /// What.
    pub action: ClockAction,
    /// Why, in words.
    pub reason: String,
    /// The event to report, if there is one.
    pub event: Option<EventCode>,
}

fn advice(action: ClockAction, event: Option<EventCode>, reason: String) -> ClockAdvice {
    ClockAdvice {
        action,
        reason,
        event,
    }
}

/// What to do about a clock. `error` is nothing where the clock showed no time.
pub fn advise(error: Option<ClockError>, ground: &ClockGround<'_>) -> ClockAdvice {
    let is_lost = |error: &ClockError| {
        let off = Duration::from_millis(error.off_ms());
        off >= CLOCK_LOST_FROM || ground.is_battery_bad && off >= ground.settings.set_max
    };
    let believed = error.filter(|error| !ground.is_invalid && !is_lost(error));
    let Some(error) = believed else {
        let reason = "the meter's clock or battery is not good: read load profile and registers, then set it";
        let event = Some(EventCode::MeterClockInvalid);
        return advice(ClockAction::Alarm, event, reason.to_owned());
    };
    if ground.gateway < ClockQuality::Synchronised {
        let reason =
            "the gateway's own clock is not synchronised, so no meter's clock is judged or written";
        let event = Some(EventCode::ClockWritesBlocked);
        return advice(ClockAction::Blocked, event, reason.to_owned());
    }
    let settings = ground.settings;
    let off = Duration::from_millis(error.off_ms());
    let room = settings.tolerance + Duration::from_millis(error.uncertainty_ms);
    let way = if error.ahead_ms < 0 {
        "behind"
    } else {
        "ahead"
    };
    let found = format!(
        "the meter's clock is {} {way}, give or take {}",
        seconds(error.off_ms()),
        seconds(error.uncertainty_ms)
    );
    if off <= room {
        let reason = format!("{found}: within {} s", settings.tolerance.as_secs());
        return advice(ClockAction::None, None, reason);
    }
    if off <= settings.adjust_max {
        return adjusting(&found, ground);
    }
    if off < settings.set_max {
        let event = Some(EventCode::MeterClockNeedsApproval);
        let reason =
            format!("{found}: too far to adjust; read the load profile, then approve a set");
        return advice(ClockAction::ApproveSet, event, reason);
    }
    let event = Some(EventCode::MeterClockOff);
    let reason = format!(
        "{found}: nothing is done by itself; the load profile since its last good check is in doubt"
    );
    advice(ClockAction::Alarm, event, reason)
}

fn adjusting(found: &str, ground: &ClockGround<'_>) -> ClockAdvice {
    let event = Some(EventCode::MeterClockOff);
    let why_not = match ground.adjust {
        _ if !ground.settings.adjusts => "adjusting is switched off for it",
        None => "its model knows no adjustment",
        Some(adjust) if !adjust.is_proven && !ground.settings.trusts_unproven => {
            "what its adjustment does is not proven"
        }
        Some(_) => {
            let reason = format!("{found}: it is adjusted, and measured again in a day");
            return advice(ClockAction::Adjust, event, reason);
        }
    };
    advice(ClockAction::None, event, format!("{found}: {why_not}"))
}

/// `20 s`, `0.5 s`.
fn seconds(ms: u64) -> String {
    match (ms / 1000, ms % 1000) {
        (whole, 0) => format!("{whole} s"),
        (whole, rest) => format!("{whole}.{} s", rest / 100),
    }
}

/// Whether a clock may be set at an instant: not within `guard` of an interval's end, before or
/// behind it.
pub fn may_set_at(at: Timestamp, basis: &ClockBasis, period: Period, guard: Duration) -> bool {
    let period_s = u64::from(period.seconds());
    let into_s = basis.shown_at(at).seconds() % period_s;
    let guard_s = guard.as_secs();
    into_s >= guard_s && into_s + guard_s <= period_s
}
