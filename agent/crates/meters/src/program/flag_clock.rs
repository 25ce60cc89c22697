//! The clock of a FLAG meter is set, and looked at again.
//!
//! It goes on while it is written, so there is no "before" to compare with: how far it is off tells. To
//! set it twice leads to the same, so it may be done again behind a cut. How far an adjustment (862)
//! moves it is known to nobody, so none is written here.

use super::fault::{PageFault, ProgramFault};
use crate::clock_basis::Instants;
use crate::dlms::ClockGround;
use crate::elster::ClockStamp;
use crate::flag::{Visit, VisitFault};
use crate::meter_clock::{ClockError, set_request};
use iec62056_21::conversation::SessionFault;
use line::Line;
use std::time::Duration;
use tokio::time::Instant;

/// A clock shows whole seconds and is set to the nearest one.
const STEP_MS: u64 = 1500;

/// What became of a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagClockReport {
    /// How far it was off before.
    pub before: ClockError,
    /// How far it is off now.
    pub found: ClockError,
    /// Whether it stands where it should.
    pub is_right: bool,
    /// Whether it was written at all.
    pub was_written: bool,
    /// Why it was not moved, in the meter's words.
    pub stopped: Option<String>,
}

/// Looks at the clock, sets it where it is off by at most `furthest`, and looks again. Whether this is
/// a moment to set a clock, as to intervals, is for the caller to say:
/// [`may_set_at`](crate::meter_clock::may_set_at).
pub async fn set_flag_clock<L: Line>(
    visit: &mut Visit<'_, '_, L>,
    ground: ClockGround<'_>,
    furthest: Duration,
) -> Result<FlagClockReport, ProgramFault> {
    let Some(clock) = visit.model().clock.clone() else {
        return Err(unread(VisitFault::Unknown("the clock")));
    };
    let (before, trip) = seen(visit, clock.identity, ground).await.map_err(unread)?;
    let is_right = |error: ClockError| error.off_ms() <= STEP_MS + error.uncertainty_ms;
    let report = |found, was_written, stopped| FlagClockReport {
        before,
        found,
        is_right: is_right(found),
        was_written,
        stopped,
    };
    if is_right(before) {
        return Ok(report(before, false, None));
    }
    if Duration::from_millis(before.off_ms()) > furthest {
        let words = format!(
            "it is {} s off, and {} s are allowed; nothing was written",
            before.off_ms() / 1000,
            furthest.as_secs()
        );
        return Ok(report(before, false, Some(words)));
    }
    let at = (ground.now)().after(trip / 2);
    if let Instants::Twice(..) = ground.basis.instants_of(ground.basis.shown_at(at)) {
        let words =
            "this hour comes twice, and nothing tells the meter which one is meant; wait an hour";
        return Ok(report(before, false, Some(words.to_owned())));
    }
    let (identity, octets) = match set_request(&clock, ground.basis, at) {
        Ok(request) => request,
        Err(fault) => return Ok(report(before, false, Some(fault.to_string()))),
    };
    let stopped = match visit.write(identity, &octets).await {
        Ok(()) => None,
        Err(VisitFault::Session(SessionFault::Refused { refusal, .. })) => {
            Some(format!("the meter refuses: {refusal}"))
        }
        Err(fault) if fault.ends_session() => return Err(cut(fault)),
        // What it shows now tells whether it was set.
        Err(fault) => Some(format!("no confirmation: {fault}")),
    };
    let (found, _) = seen(visit, clock.identity, ground).await.map_err(cut)?;
    Ok(report(found, true, stopped))
}

async fn seen<L: Line>(
    visit: &mut Visit<'_, '_, L>,
    identity: u16,
    ground: ClockGround<'_>,
) -> Result<(ClockError, Duration), VisitFault> {
    let raw = visit.read_octets(identity, 1, 7).await?;
    let shown = ClockStamp::decode(&raw.octets);
    let shown = shown.map_err(|_| VisitFault::Unknown("what the clock shows"))?;
    let (now, here) = ((ground.now)(), Instant::now());
    let sent = now.before(here.saturating_duration_since(raw.left_at));
    let received = now.before(here.saturating_duration_since(raw.arrived_at));
    let trip = raw.arrived_at.saturating_duration_since(raw.left_at);
    Ok((
        ClockError::measured(shown.time, ground.basis, sent, received),
        trip,
    ))
}

fn unread(fault: VisitFault) -> ProgramFault {
    ProgramFault::NoBackup {
        what: "the clock".to_owned(),
        fault: PageFault::Flag(fault),
    }
}

fn cut(fault: VisitFault) -> ProgramFault {
    ProgramFault::Cut {
        at: "the clock".to_owned(),
        fault: PageFault::Flag(fault),
    }
}
