//! The clock of a DLMS meter for a command: looked at, moved once, looked at again.

use super::super::session::Sitting;
use crate::tasks::bus::program::{
    ClockAsk, ClockFound, ClockLook, ClockMove, ProgramAnswer, ProgramTrouble, off,
};
use line::Line;
use metering::{ClockQuality, EventCode};
use meters::dlms::{
    ClockChange, ClockGround, ClockRecord, ClockReport, ClockState, Doubtful, WriteFault,
};
use meters::program::{Misfit, ProgramFault};

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Does a session's share.
    pub(in super::super) async fn clock_for_command(
        &mut self,
        ask: &ClockAsk,
    ) -> Result<ProgramAnswer, ProgramTrouble> {
        let (basis, own) = (self.book.dlms.clock.basis.clone(), self.desk.clock.clone());
        let now = move || own.now().utc;
        let ground = ClockGround {
            basis: &basis,
            now: &now,
        };
        match ask {
            ClockAsk::Look(how) => {
                let look = self.look_for_command(*how, ground).await?;
                Ok(ProgramAnswer::ClockLooked(Box::new(look)))
            }
            ClockAsk::Stand(look) => {
                let record = kept(look)?;
                let report = self.visit.clock_standing(record, ground).await;
                Ok(stands(&report.map_err(trouble)?))
            }
            ClockAsk::Move(look, step_max_s) => {
                let record = kept(look)?;
                if look.is_beyond(*step_max_s)
                    || self.desk.clock.now().quality < ClockQuality::Synchronised
                {
                    let words = "the gateway's own clock is not synchronised, or the step is too \
                                 long; nothing was written";
                    let report = self.visit.clock_standing(record, ground).await;
                    let report = report.map_err(trouble)?;
                    let stopped = Some(words.to_owned());
                    return Ok(stands(&ClockReport { stopped, ..report }));
                }
                let report = self
                    .visit
                    .write_clock(record, ground, Doubtful::Leave)
                    .await;
                let report = report.map_err(trouble)?;
                if report.state == ClockState::New {
                    let detail = format!(
                        "the meter's clock was moved by a command; it was {}, and is {}",
                        off(report.before),
                        off(report.found)
                    );
                    let code = EventCode::MeterClockAdjusted;
                    let event = self.book.event(code, detail, self.desk.clock);
                    self.said.events.push(event);
                }
                Ok(stands(&report))
            }
        }
    }

    async fn look_for_command(
        &mut self,
        how: ClockMove,
        ground: ClockGround<'_>,
    ) -> Result<ClockLook, ProgramTrouble> {
        let look = |record: ClockRecord| ClockLook {
            how,
            ahead_ms: record.before().ahead_ms,
            uncertainty_ms: record.before().uncertainty_ms,
            counter: None,
            record: Some(record),
        };
        let set = self.visit.look_at_clock(ClockChange::Set, ground).await;
        let set = look(set.map_err(trouble)?);
        if how == ClockMove::Set || set.is_right() {
            return Ok(set);
        }
        // To the nearest second; what is further than a shift reaches is refused in words.
        let seconds = (-set.ahead_ms).saturating_add(500).div_euclid(1000);
        let far = if seconds < 0 { i16::MIN } else { i16::MAX };
        let shift = ClockChange::Shift(i16::try_from(seconds).unwrap_or(far));
        let shift = self.visit.look_at_clock(shift, ground).await;
        Ok(look(shift.map_err(trouble)?))
    }
}

fn kept(look: &ClockLook) -> Result<&ClockRecord, ProgramTrouble> {
    let record = look.record.as_ref();
    record.ok_or(ProgramTrouble::Fault(ProgramFault::OtherProtocol))
}

fn stands(report: &ClockReport) -> ProgramAnswer {
    ProgramAnswer::ClockStands(Box::new(ClockFound {
        state: report.state,
        error: report.found,
        counter: None,
        is_confirmed: report.stopped.is_none(),
        stopped: report.stopped.clone(),
    }))
}

/// What cannot be done to this clock is told as what does not fit.
fn trouble(fault: WriteFault) -> ProgramTrouble {
    match fault {
        WriteFault::Clock { problem, remedy } => {
            ProgramTrouble::Misfits(vec![Misfit::new("clock", problem, remedy)])
        }
        fault => ProgramTrouble::Fault(ProgramFault::Dlms(fault)),
    }
}
