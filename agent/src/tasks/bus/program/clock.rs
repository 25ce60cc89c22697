//! What a command wants of a meter's clock, and how the clock stands to it.
//!
//! A clock goes on while it is written, so no octets can be compared: how far it was off before is kept
//! on the disk, and how far it is off now tells what became of it.

use meters::dlms::{ClockRecord, ClockState};
use meters::meter_clock::ClockError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A clock shows whole seconds, and is set to the nearest one.
const STEP_MS: u64 = 1500;

/// How a clock is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockMove {
    /// It is set to the gateway's time.
    Set,
    /// It is moved towards it, as gently as the meter can.
    Adjust,
}

/// How a clock stood before it is moved: plain data for the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClockLook {
    /// How it is to be moved.
    pub how: ClockMove,
    /// Milliseconds that it was ahead.
    pub ahead_ms: i64,
    /// By so many that may be wrong.
    pub uncertainty_ms: u64,
    /// The meter's own counter of programmings, where it has one.
    pub counter: Option<u32>,
    /// What tells whether a DLMS meter's clock was moved.
    pub record: Option<ClockRecord>,
}

/// One session's share.
#[derive(Debug, Clone)]
pub enum ClockAsk {
    /// How far it is off. Writes nothing.
    Look(ClockMove),
    /// How it stands to a look. Writes nothing.
    Stand(Box<ClockLook>),
    /// Moves it, if it still stands as it was seen and is off by at most so many seconds.
    Move(Box<ClockLook>, u32),
}

/// How a clock stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockFound {
    /// Whether it was moved.
    pub state: ClockState,
    /// How far it is off now.
    pub error: ClockError,
    /// The meter's own counter of programmings.
    pub counter: Option<u32>,
    /// Whether the meter said yes to something.
    pub is_confirmed: bool,
    /// Why it was not moved, in words.
    pub stopped: Option<String>,
}

impl ClockLook {
    /// As the store keeps it.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        toml::to_string(self)
            .map(String::into_bytes)
            .map_err(|error| error.to_string())
    }

    /// From what the store has kept.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        toml::from_slice(bytes).map_err(|error| error.to_string())
    }

    /// How far it was off.
    pub const fn error(&self) -> ClockError {
        ClockError {
            ahead_ms: self.ahead_ms,
            uncertainty_ms: self.uncertainty_ms,
        }
    }

    /// Whether there is nothing to move.
    pub fn is_right(&self) -> bool {
        is_right(self.error())
    }

    /// Whether it is off by more than a command allows.
    pub fn is_beyond(&self, step_max_s: u32) -> bool {
        self.error().off_ms() > u64::from(step_max_s) * 1000
    }

    /// Whether another look cannot tell at once that it was moved: the meter does it in its own time.
    pub fn is_slow(&self) -> bool {
        self.how == ClockMove::Adjust && self.record.is_none()
    }

    /// What became of a clock that stands so now.
    pub fn judge(&self, found: ClockError) -> ClockState {
        let before = self.error();
        let room = STEP_MS + before.uncertainty_ms + found.uncertainty_ms;
        let has_moved = found.ahead_ms.abs_diff(before.ahead_ms) > room;
        match (is_right(found), has_moved) {
            (true, false) => ClockState::Unchanged,
            (true, true) => ClockState::New,
            (false, false) => ClockState::Old,
            (false, true) if self.is_slow() && found.off_ms() < before.off_ms() => ClockState::New,
            (false, true) => ClockState::Doubtful,
        }
    }
}

impl fmt::Display for ClockLook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&off(self.error()))
    }
}

fn is_right(error: ClockError) -> bool {
    error.off_ms() <= STEP_MS + error.uncertainty_ms
}

/// `40.2 s ahead`.
pub fn off(error: ClockError) -> String {
    let way = if error.ahead_ms < 0 {
        "behind"
    } else {
        "ahead"
    };
    let ms = error.off_ms();
    format!("{}.{} s {way}", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn error(ahead_ms: i64) -> ClockError {
        ClockError {
            ahead_ms,
            uncertainty_ms: 100,
        }
    }

    fn look(how: ClockMove, ahead_ms: i64) -> ClockLook {
        ClockLook {
            how,
            ahead_ms,
            uncertainty_ms: 100,
            counter: Some(3),
            record: None,
        }
    }

    #[track_caller]
    fn check(look: &ClockLook, found_ms: i64, expected: ClockState) {
        assert_eq!(look.judge(error(found_ms)), expected);
    }

    #[test]
    fn where_a_clock_stands_tells_what_became_of_it() {
        let set = look(ClockMove::Set, 40_000);
        check(&set, 40_900, ClockState::Old);
        check(&set, -800, ClockState::New);
        check(&set, 20_000, ClockState::Doubtful);
        check(&look(ClockMove::Set, 700), 100, ClockState::Unchanged);
        let adjust = look(ClockMove::Adjust, -40_000);
        check(&adjust, -40_100, ClockState::Old);
        check(&adjust, -35_000, ClockState::New);
        check(&adjust, -50_000, ClockState::Doubtful);
    }

    #[test]
    fn a_step_is_measured_against_what_is_allowed() {
        let look = look(ClockMove::Set, -30_001);
        assert!(look.is_beyond(30) && !look.is_beyond(31));
        assert_eq!(look.to_string(), "30.0 s behind");
    }

    #[test]
    fn what_the_disk_has_kept_is_the_same() {
        let look = look(ClockMove::Adjust, -40_000);
        let bytes = look.encode().expect("plain data");
        assert_eq!(ClockLook::decode(&bytes), Ok(look));
        assert!(ClockLook::decode(b"how = \"set\"").is_err());
    }
}
