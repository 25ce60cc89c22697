//! The clock of a FLAG meter for a command: looked at, moved once, looked at again.

use super::super::round::Sitting;
use super::{Looked, octets_of};
use crate::tasks::bus::program::{
    ClockAsk, ClockFound, ClockLook, ClockMove, ProgramAnswer, ProgramTrouble, off,
};
use line::Line;
use metering::{ClockQuality, EventCode};
use meters::catalogue::flag::ClockModel;
use meters::dlms::{ClockGround, ClockState};
use meters::flag::VisitFault;
use meters::meter_clock::ClockError;
use meters::program::{Misfit, PageFault, ProgramFault, set_flag_clock};
use std::time::Duration;

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Does a session's share.
    pub(in super::super) async fn clock_for_command(
        &mut self,
        ask: &ClockAsk,
    ) -> Result<ProgramAnswer, ProgramTrouble> {
        let Some(clock) = self.visit.model().clock.clone() else {
            return Err(misfit(
                "its model file says nothing of a clock",
                "look at it by hand",
            ));
        };
        match ask {
            ClockAsk::Look(how) => {
                if *how == ClockMove::Adjust {
                    self.may_adjust(&clock)?;
                } else {
                    self.may_set(&clock)?;
                }
                let error = self.error_now(&clock).await?;
                let counter = self.programmings().await.map_err(unread)?;
                Ok(ProgramAnswer::ClockLooked(Box::new(ClockLook {
                    how: *how,
                    ahead_ms: error.ahead_ms,
                    uncertainty_ms: error.uncertainty_ms,
                    counter,
                    record: None,
                })))
            }
            ClockAsk::Stand(look) => {
                let error = self.error_now(&clock).await?;
                self.found(look, error, (false, None)).await
            }
            ClockAsk::Move(look, step_max_s) => self.move_clock(&clock, look, *step_max_s).await,
        }
    }

    async fn move_clock(
        &mut self,
        clock: &ClockModel,
        look: &ClockLook,
        step_max_s: u32,
    ) -> Result<ProgramAnswer, ProgramTrouble> {
        let error = self.error_now(clock).await?;
        let stopped = match look.judge(error) {
            ClockState::Unchanged | ClockState::New => {
                return self.found(look, error, (false, None)).await;
            }
            ClockState::Doubtful => Some("it stands elsewhere than a moment before"),
            ClockState::Old if self.desk.clock.now().quality < ClockQuality::Synchronised => {
                Some("the gateway's own clock is not synchronised any more")
            }
            ClockState::Old => None,
        };
        if let Some(stopped) = stopped {
            let words = format!("{stopped}; nothing was written");
            return self.found(look, error, (false, Some(words))).await;
        }
        match look.how {
            ClockMove::Adjust => self.adjust_once(clock, look, error).await,
            ClockMove::Set => self.set_once(look, step_max_s).await,
        }
    }

    async fn set_once(
        &mut self,
        look: &ClockLook,
        step_max_s: u32,
    ) -> Result<ProgramAnswer, ProgramTrouble> {
        let what = format!(
            "clock of {}, {}: it is set",
            self.book.id(),
            off(look.error())
        );
        self.audit("clock is set", what.clone()).await;
        let (basis, own) = (self.book.flag.clock.basis.clone(), self.desk.clock.clone());
        let now = move || own.now().utc;
        let ground = ClockGround {
            basis: &basis,
            now: &now,
        };
        let furthest = Duration::from_secs(u64::from(step_max_s));
        let done = set_flag_clock(&mut self.visit, ground, furthest).await;
        let words = match &done {
            Ok(report) => match &report.stopped {
                Some(stopped) => stopped.clone(),
                None => format!("it stands {} now", off(report.found)),
            },
            Err(fault) => fault.to_string(),
        };
        self.audit("clock was set", format!("{what}: {words}"))
            .await;
        let report = done?;
        let is_confirmed = report.was_written && report.stopped.is_none();
        if is_confirmed {
            self.say_moved("was set by a command", report.found);
        }
        self.found(look, report.found, (is_confirmed, report.stopped))
            .await
    }

    /// Once: how far it moves the clock, and when, is the meter's own doing.
    async fn adjust_once(
        &mut self,
        clock: &ClockModel,
        look: &ClockLook,
        error: ClockError,
    ) -> Result<ProgramAnswer, ProgramTrouble> {
        let adjust = self.may_adjust(clock)?;
        let what = format!(
            "clock of {}, {} ms ahead: {} written to {}",
            self.book.id(),
            error.ahead_ms,
            adjust.argument,
            adjust.identity
        );
        self.audit("clock is adjusted", what.clone()).await;
        let octets = octets_of(&adjust.argument);
        let done = self.visit.write(adjust.identity, &octets).await;
        let outcome = match &done {
            Ok(()) => "the meter confirmed".to_owned(),
            Err(fault) => fault.to_string(),
        };
        self.audit("clock was adjusted", format!("{what}: {outcome}"))
            .await;
        match done {
            Ok(()) => {
                self.say_moved("is adjusted, and measured again in a day", error);
                let error = self
                    .error_now(clock)
                    .await
                    .map_err(|trouble| match trouble {
                        ProgramTrouble::Fault(ProgramFault::NoBackup { what, fault }) => {
                            ProgramTrouble::Fault(ProgramFault::Cut { at: what, fault })
                        }
                        other => other,
                    })?;
                self.found(look, error, (true, None)).await
            }
            Err(fault) if fault.ends_session() => Err(ProgramFault::Cut {
                at: "the clock".to_owned(),
                fault: PageFault::Flag(fault),
            }
            .into()),
            Err(fault) => {
                let words = format!("the meter does not take it: {fault}");
                self.found(look, error, (false, Some(words))).await
            }
        }
    }

    fn say_moved(&mut self, how: &str, error: ClockError) {
        let detail = format!("the meter's clock {how}; it was found {}", off(error));
        let code = EventCode::MeterClockAdjusted;
        let event = self.book.event(code, detail, self.desk.clock);
        self.said.events.push(event);
    }

    async fn found(
        &mut self,
        look: &ClockLook,
        error: ClockError,
        (is_confirmed, stopped): (bool, Option<String>),
    ) -> Result<ProgramAnswer, ProgramTrouble> {
        // What the counter says is welcome, and its absence hides nothing.
        let counter = self.programmings().await.unwrap_or_default();
        Ok(ProgramAnswer::ClockStands(Box::new(ClockFound {
            state: look.judge(error),
            error,
            counter,
            is_confirmed,
            stopped,
        })))
    }

    async fn error_now(&mut self, clock: &ClockModel) -> Result<ClockError, ProgramTrouble> {
        let looked: Option<Looked> = self.measure(clock).await.map_err(unread)?;
        let looked = looked.ok_or(ProgramTrouble::Dropped)?;
        looked.error.ok_or_else(|| {
            misfit(
                "its clock shows no time",
                "look at its battery, and set it by hand",
            )
        })
    }

    /// The meter's own counter of programmings.
    async fn programmings(&mut self) -> Result<Option<u32>, VisitFault> {
        let programming = self.visit.model().programming.as_ref();
        let Some(identity) = programming.and_then(|programming| programming.counter) else {
            return Ok(None);
        };
        let raw = self.visit.read_octets(identity, 1, 2).await?;
        let octets = raw.octets.first_chunk::<2>();
        Ok(octets.map(|octets| u16::from_le_bytes(*octets).into()))
    }

    fn may_set(&self, clock: &ClockModel) -> Result<(), ProgramTrouble> {
        match clock.set_level {
            Some(level) if level <= self.level => Ok(()),
            Some(level) => Err(misfit(
                &format!(
                    "its password gives level {}, and a clock takes {level}",
                    self.level
                ),
                "give the gateway the password of that level",
            )),
            None => Err(misfit(
                "its model file does not say how its clock is set",
                "set it at the meter",
            )),
        }
    }

    fn may_adjust(
        &self,
        clock: &ClockModel,
    ) -> Result<meters::meter_clock::AdjustRequest, ProgramTrouble> {
        let Some(adjust) = meters::meter_clock::adjust_request(clock) else {
            return Err(misfit("its model knows no adjustment", "order time.set"));
        };
        if clock.adjust_level.is_none_or(|level| level > self.level) {
            return Err(misfit(
                "its password does not allow it",
                "give the gateway the password of the level that adjusts",
            ));
        }
        if !adjust.is_proven && !self.book.flag.clock.adjusts_unproven {
            return Err(misfit(
                "what its adjustment does is not proven",
                "order time.set, or allow `adjust-unproven` in its `clock` table",
            ));
        }
        Ok(adjust)
    }
}

fn misfit(problem: &str, remedy: &str) -> ProgramTrouble {
    ProgramTrouble::Misfits(vec![Misfit::new("clock", problem, remedy)])
}

fn unread(fault: VisitFault) -> ProgramTrouble {
    ProgramFault::NoBackup {
        what: "the clock".to_owned(),
        fault: PageFault::Flag(fault),
    }
    .into()
}
