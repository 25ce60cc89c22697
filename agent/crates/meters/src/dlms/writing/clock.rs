//! A clock is set or shifted, and looked at again.
//!
//! A clock goes on while it is written, so there is no "before" to compare with: what is kept is how far
//! it was off. Behind a cut only another look tells whether it moved, and it is never moved twice.

use super::super::fault::DlmsFault;
use super::super::visit::DlmsVisit;
use super::fault::WriteFault;
use super::report::Doubtful;
use crate::catalogue::dlms::DeviationSense;
use crate::clock_basis::ClockBasis;
use crate::cosem::clock_setting;
use crate::meter_clock::ClockError;
use ::dlms::codec::{AccessResult, ActionResult, Data, Method};
use ::dlms::security::CounterKeeper;
use line::Line;
use metering::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// Blue Book, class 8: a clock is shifted by so many seconds at most.
const SHIFT_MAX_S: u16 = 900;
/// It shows whole seconds, and is set to the nearest one.
const STEP_MS: u64 = 1500;
/// A clock may drift by one part of so many; ours, many times what meters do.
const DRIFT_PART: u64 = 10_000;

/// What is done to a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockChange {
    /// It is set to the gateway's time. Intervals may be torn, or come twice.
    Set,
    /// It is moved by seconds, back where they are negative.
    Shift(i16),
}

/// What the meter's clock is measured with.
#[derive(Clone, Copy)]
pub struct ClockGround<'a> {
    /// The calendar of the meter's clock.
    pub basis: &'a ClockBasis,
    /// The gateway's time, read when it is asked for.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
}

/// How far a clock was off, and what should be done about it: plain data for the disk, kept there
/// before the clock is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClockRecord {
    meter: String,
    change: ClockChange,
    is_restoring: bool,
    /// Milliseconds that it was ahead, and by how many that may be wrong.
    ahead_ms: i64,
    uncertainty_ms: u64,
    /// When it was looked at, in milliseconds of the gateway's time.
    looked_at_ms: u64,
}

/// Whether a clock was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClockState {
    /// It was right already.
    Unchanged,
    /// It was not: it stands where it did.
    Old,
    /// It was, or never had to be: it stands where it should.
    New,
    /// It stands where neither leads: somebody else has moved it, or both are too close.
    Doubtful,
}

/// How a clock stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockReport {
    /// Whether it was moved.
    pub state: ClockState,
    /// How far it was off before.
    pub before: ClockError,
    /// How far it is off now.
    pub found: ClockError,
    /// Milliseconds that it should be ahead.
    pub wanted_ms: i64,
    /// Why nothing was done, in the meter's words.
    pub stopped: Option<String>,
}

impl fmt::Display for ClockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            ClockState::Unchanged => "the clock was right",
            ClockState::Old => "the clock was not moved",
            ClockState::New => "the clock stands where it should",
            ClockState::Doubtful => "whether the clock was moved cannot be told",
        })?;
        let (before, found) = (self.before.ahead_ms, self.found.ahead_ms);
        write!(f, "; it was {before} ms ahead, and is {found} ms ahead now")?;
        match &self.stopped {
            Some(stopped) => write!(f, "; {stopped}"),
            None => Ok(()),
        }
    }
}

/// A look, with the round trip that it took.
#[derive(Clone, Copy)]
struct Seen {
    error: ClockError,
    at: Timestamp,
    trip: Duration,
}

impl ClockRecord {
    /// Which meter it is for.
    pub fn meter(&self) -> &str {
        &self.meter
    }

    /// How far the clock was off.
    pub const fn before(&self) -> ClockError {
        ClockError {
            ahead_ms: self.ahead_ms,
            uncertainty_ms: self.uncertainty_ms,
        }
    }

    /// The same, to move the clock back to where it would be.
    #[must_use]
    pub fn turned_back(self) -> Self {
        Self {
            is_restoring: true,
            ..self
        }
    }

    /// Where it should be, forwards.
    fn moved_ms(&self) -> i64 {
        match self.change {
            ClockChange::Set => 0,
            ClockChange::Shift(seconds) => self.ahead_ms + i64::from(seconds) * 1000,
        }
    }

    /// From where it goes, and to where.
    fn ends(&self) -> (i64, i64) {
        let moved = self.moved_ms();
        if self.is_restoring {
            (moved, self.ahead_ms)
        } else {
            (self.ahead_ms, moved)
        }
    }

    /// How far a look may be off from where the clock should be.
    fn tolerance_ms(&self, found: ClockError, at: Timestamp) -> u64 {
        let passed = at.millis().abs_diff(self.looked_at_ms);
        STEP_MS + self.uncertainty_ms + found.uncertainty_ms + passed / DRIFT_PART
    }

    fn judge(&self, found: ClockError, at: Timestamp) -> ClockState {
        let (from, to) = self.ends();
        let room = self.tolerance_ms(found, at);
        let is_near = |place: i64| found.ahead_ms.abs_diff(place) <= room;
        match (is_near(from), is_near(to)) {
            (true, true) if self.change == ClockChange::Set => ClockState::Unchanged,
            (true, true) | (false, false) => ClockState::Doubtful,
            (true, false) => ClockState::Old,
            (false, true) => ClockState::New,
        }
    }

    fn report(&self, seen: Seen, stopped: Option<String>) -> ClockReport {
        ClockReport {
            state: self.judge(seen.error, seen.at),
            before: self.before(),
            found: seen.error,
            wanted_ms: self.ends().1,
            stopped,
        }
    }
}

impl<L: Line, K: CounterKeeper> DlmsVisit<'_, '_, L, K> {
    /// Looks at the clock before it is moved, and moves nothing. A shift that could not be told from
    /// the clock's own steps afterwards is refused.
    pub async fn look_at_clock(
        &mut self,
        change: ClockChange,
        ground: ClockGround<'_>,
    ) -> Result<ClockRecord, WriteFault> {
        let seen = self.seen(ground).await.map_err(WriteFault::unread)?;
        let record = ClockRecord {
            meter: self.identity().to_owned(),
            change,
            is_restoring: false,
            ahead_ms: seen.error.ahead_ms,
            uncertainty_ms: seen.error.uncertainty_ms,
            looked_at_ms: seen.at.millis(),
        };
        if let ClockChange::Shift(seconds) = change {
            let least = record.tolerance_ms(seen.error, seen.at) * 2 / 1000 + 1;
            let seconds = seconds.unsigned_abs();
            if seconds > SHIFT_MAX_S || u64::from(seconds) < least {
                return Err(WriteFault::Clock {
                    problem: format!(
                        "a shift by {seconds} s; {least} to {SHIFT_MAX_S} s are possible and can \
                         be told from a clock that was not shifted"
                    ),
                    remedy: "set the clock, or shift it by another time",
                });
            }
        }
        Ok(record)
    }

    /// Looks at the clock, and says whether it was moved.
    pub async fn clock_standing(
        &mut self,
        record: &ClockRecord,
        ground: ClockGround<'_>,
    ) -> Result<ClockReport, WriteFault> {
        self.must_be(&record.meter)?;
        let seen = self.seen(ground).await.map_err(WriteFault::cut)?;
        Ok(record.report(seen, None))
    }

    /// Looks at the clock, moves it if it was not moved yet, and looks again. The same behind a cut,
    /// and with a record that is turned back. A doubtful clock may be set, and is never shifted.
    ///
    /// Whether this is a moment to move a clock, as to intervals, is for the caller to say:
    /// [`may_set_at`](crate::meter_clock::may_set_at).
    pub async fn write_clock(
        &mut self,
        record: &ClockRecord,
        ground: ClockGround<'_>,
        doubtful: Doubtful,
    ) -> Result<ClockReport, WriteFault> {
        self.must_be(&record.meter)?;
        let seen = self.seen(ground).await.map_err(WriteFault::cut)?;
        let may_overwrite = doubtful == Doubtful::Overwrite && record.change == ClockChange::Set;
        match record.judge(seen.error, seen.at) {
            ClockState::Old => {}
            ClockState::Doubtful if may_overwrite => {}
            ClockState::Doubtful => {
                let words = "nothing was written, as the clock stands where nobody expects it";
                return Ok(record.report(seen, Some(words.to_owned())));
            }
            ClockState::Unchanged | ClockState::New => return Ok(record.report(seen, None)),
        }
        let stopped = match record.change {
            ClockChange::Set => self.set_clock(record, ground, seen.trip).await?,
            ClockChange::Shift(seconds) => {
                let seconds = if record.is_restoring {
                    -seconds
                } else {
                    seconds
                };
                self.shift_clock(seconds).await.map_err(WriteFault::cut)?
            }
        };
        let seen = self.seen(ground).await.map_err(WriteFault::cut)?;
        Ok(record.report(seen, stopped))
    }

    async fn seen(&mut self, ground: ClockGround<'_>) -> Result<Seen, DlmsFault> {
        let timed = self.clock().await?;
        let (now, here) = ((ground.now)(), Instant::now());
        let sent = now.before(here.saturating_duration_since(timed.left_at));
        let received = now.before(here.saturating_duration_since(timed.arrived_at));
        let sense = self.sense();
        let look = timed.value.look(ground.basis, sense, sent, received);
        Ok(Seen {
            error: look.error,
            at: received,
            trip: timed.arrived_at.saturating_duration_since(timed.left_at),
        })
    }

    fn sense(&self) -> DeviationSense {
        self.model().clock.deviation
    }

    /// Why it was not done, in the meter's words.
    async fn set_clock(
        &mut self,
        record: &ClockRecord,
        ground: ClockGround<'_>,
        trip: Duration,
    ) -> Result<Option<String>, WriteFault> {
        let attribute = self.model().clock.asked();
        let sense = self.sense();
        // The meter has the request half of a round trip from now; the nearer second is meant.
        let at = (ground.now)().after(trip / 2 + Duration::from_millis(500));
        let moved = Duration::from_millis(record.ends().1.unsigned_abs());
        let at = if record.ends().1 < 0 {
            at.before(moved)
        } else {
            at.after(moved)
        };
        let value = clock_setting(ground.basis, sense, at).ok_or(WriteFault::Clock {
            problem: "this hour comes twice, and how the clock tells both apart is not known"
                .to_owned(),
            remedy: "wait an hour, or say `clock.deviation` in the model file",
        })?;
        match self.session().set(attribute, &value).await {
            Ok(AccessResult::Success) => Ok(None),
            Ok(result) => Ok(Some(format!(
                "the meter does not take {attribute}: {result}"
            ))),
            Err(fault) => told(fault.into()).map_err(WriteFault::cut),
        }
    }

    async fn shift_clock(&mut self, seconds: i16) -> Result<Option<String>, DlmsFault> {
        let clock = self.model().clock.asked();
        let method = Method {
            class: clock.class,
            name: clock.name,
            number: 6,
        };
        match self.session().act(method, Some(&Data::Long(seconds))).await {
            Ok((ActionResult::Success, _)) => Ok(None),
            Ok((result, _)) => Ok(Some(format!(
                "the meter does not execute {method}: {result}"
            ))),
            Err(fault) => told(fault.into()),
        }
    }
}

/// A fault that leaves the session is the meter's word; any other one is a cut.
fn told(fault: DlmsFault) -> Result<Option<String>, DlmsFault> {
    if fault.ends_session() {
        Err(fault)
    } else {
        Ok(Some(fault.to_string()))
    }
}
