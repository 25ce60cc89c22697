//! Commands that move a meter's clock: looked at and kept, moved once, looked at again.
//!
//! How far the clock was off is in the store before anything is written. Behind a stop the clock is only
//! looked at: it is never moved a second time on a guess.

use super::Dispatch;
use super::hands::{Hands, in_time};
use super::outcome::{MeterEnd, Outcome};
use super::programming::{ATTEMPTS, STAND_AGAIN, STANDS_MAX, code_of, is_unwritten, record_name};
use crate::tasks::bus::program::{
    ClockAsk, ClockFound, ClockLook, ClockMove, ProgramAnswer, ProgramAsk, off,
};
use authority::{Action, CommandState, Now};
use metering::{ClockQuality, MeterId};
use meters::dlms::ClockState;
use std::sync::Arc;
use std::time::Duration;
use storage::Remembered;

/// Intervals end at multiples of so many seconds.
const MARK_S: u64 = 300;
/// No clock is set so near to one, as far as that can be chosen.
const GUARD_S: u64 = 20;

/// What an action wants of a clock.
fn wanted(action: &Action) -> Option<(&MeterId, ClockMove, u32)> {
    match action {
        Action::MeterTimeSet { meter, step_max_s } => Some((meter, ClockMove::Set, *step_max_s)),
        Action::TimeAdjust { meter, step_max_s } => Some((meter, ClockMove::Adjust, *step_max_s)),
        _ => None,
    }
}

impl Hands {
    /// Carries it out. Nothing where the gateway stops in between: the journal knows where.
    pub(super) async fn move_clock(&self, dispatch: &Arc<Dispatch>) -> Option<Outcome> {
        let (meter, how, step_max_s) = wanted(&dispatch.command().action)?;
        let failed = |code: &str, words: String| {
            let end = MeterEnd::without_report(meter, CommandState::Failed, code, words);
            Some(Outcome::of_meters(vec![end]))
        };
        if !self
            .step(dispatch, (0, 1), "looking at the clock", Vec::new())
            .await
        {
            return None;
        }
        if let Err((code, words)) = self.may_move(dispatch) {
            return failed(code, words);
        }
        let ask = ProgramAsk::Clock(ClockAsk::Look(how));
        let look = match self.ask(dispatch, meter, ask).await {
            Ok(ProgramAnswer::ClockLooked(look)) => look,
            Ok(_) => return failed("defect", "no look at the clock".to_owned()),
            Err(_) if self.shutdown.is_cancelled() => return None,
            Err(trouble) => return failed(code_of(&trouble), trouble.to_string()),
        };
        if look.is_right() {
            let words = format!("the clock is {look}, and right; nothing was written");
            return Some(Outcome::of_meters(vec![MeterEnd::of_clock(
                meter, &look, None, words,
            )]));
        }
        if look.is_beyond(step_max_s) {
            let words = format!(
                "the clock is {look}, and the command allows a step of {step_max_s} s; nothing was written"
            );
            return failed("step-too-long", words);
        }
        if how == ClockMove::Set && self.pause(self.until_between_marks()).await {
            return None;
        }
        if let Err((code, words)) = self.may_move(dispatch) {
            return failed(code, words);
        }
        let bytes = match look.encode() {
            Ok(bytes) => bytes,
            Err(words) => return failed("defect", words),
        };
        let kept = Remembered { version: 1, bytes };
        let values = vec![(record_name(dispatch.command().id, meter), Some(kept))];
        let note = format!("moving the clock of {meter}, {look}");
        // What it was is on the disk, or nothing is written.
        if !self.step(dispatch, (1, 1), &note, values).await {
            return None;
        }
        if let Err((code, words)) = self.late(dispatch) {
            return failed(code, words);
        }
        let end = self.move_kept(dispatch, meter, &look, step_max_s).await?;
        Some(Outcome::of_meters(vec![end]))
    }

    /// Whether a clock may be moved now: the command still holds, and the gateway knows the time.
    fn may_move(&self, dispatch: &Dispatch) -> Result<(), (&'static str, String)> {
        let now = self.clock.now();
        if now.quality < ClockQuality::Synchronised {
            let words = "the gateway's own clock is not synchronised, so no meter's clock is written; \
                         look at its time sources";
            return Err(("clock-unsynced", words.to_owned()));
        }
        let now = Now {
            at: now.utc,
            quality: now.quality,
            trusted: now.utc,
        };
        in_time(dispatch.authentic(), &now, 0)
            .map_err(|rejection| (rejection.code().unwrap_or("expired"), rejection.to_string()))?;
        match dispatch
            .command()
            .precondition
            .and_then(|state| state.sha256)
        {
            Some(_) => Err((
                "precondition",
                "a clock has no fingerprint; leave `pre` out and bound the step".to_owned(),
            )),
            None => Ok(()),
        }
    }

    /// Until no interval ends near by.
    fn until_between_marks(&self) -> Duration {
        let into_s = self.clock.now().utc.seconds() % MARK_S;
        let wait_s = if into_s < GUARD_S {
            GUARD_S - into_s
        } else if into_s + GUARD_S > MARK_S {
            MARK_S + GUARD_S - into_s
        } else {
            0
        };
        Duration::from_secs(wait_s)
    }

    /// Sets it until it stands where it should, or the meter says no; adjusts it once.
    async fn move_kept(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        look: &ClockLook,
        step_max_s: u32,
    ) -> Option<MeterEnd> {
        // To set it twice leads to the same; to shift it twice does not.
        let attempts = match look.how {
            ClockMove::Set => dispatch.command().bounds.attempts.unwrap_or(ATTEMPTS),
            ClockMove::Adjust => 1,
        };
        let mut last = None;
        for _ in 0..attempts.max(1) {
            let ask = ProgramAsk::Clock(ClockAsk::Move(Box::new(look.clone()), step_max_s));
            let found = match self.ask(dispatch, meter, ask).await {
                Ok(ProgramAnswer::ClockStands(found)) => *found,
                Ok(_) => return None,
                Err(trouble) if is_unwritten(&trouble) => {
                    let (state, code) = (CommandState::Failed, code_of(&trouble));
                    let words = trouble.to_string();
                    return Some(MeterEnd::without_report(meter, state, code, words));
                }
                // Whatever was on its way may have been done: only the clock knows.
                Err(_) => match self.clock_stands(dispatch, meter, look).await {
                    Some(found) => found,
                    None if self.shutdown.is_cancelled() => return None,
                    None => return Some(unknown(meter)),
                },
            };
            let is_over = found.state != ClockState::Old || found.stopped.is_some();
            last = Some(end(meter, look, &found));
            if is_over {
                break;
            }
        }
        last
    }

    /// How a clock stands to a look; nothing if that cannot be had for long.
    async fn clock_stands(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        look: &ClockLook,
    ) -> Option<ClockFound> {
        for _ in 0..STANDS_MAX {
            let ask = ProgramAsk::Clock(ClockAsk::Stand(Box::new(look.clone())));
            match self.ask(dispatch, meter, ask).await {
                Ok(ProgramAnswer::ClockStands(found)) => return Some(*found),
                Ok(_) => return None,
                Err(trouble) => log::warn!(meter:%; "how its clock stands is not known: {trouble}"),
            }
            if self.pause(STAND_AGAIN).await {
                return None;
            }
        }
        None
    }

    /// What a stop left of it. Nothing is written.
    pub(super) async fn found_clock(&self, dispatch: &Arc<Dispatch>) -> Option<Outcome> {
        let (meter, ..) = wanted(&dispatch.command().action)?;
        let kept = self
            .store
            .recall(&record_name(dispatch.command().id, meter))
            .await;
        let end = match kept.map_err(|error| error.to_string()) {
            Ok(None) => {
                let words = "not begun when the gateway stopped; nothing was written to it";
                MeterEnd::without_report(meter, CommandState::Failed, "not-begun", words)
            }
            Ok(Some(kept)) => match ClockLook::decode(&kept.bytes) {
                Ok(look) => match self.clock_stands(dispatch, meter, &look).await {
                    Some(found) => end(meter, &look, &found),
                    None if self.shutdown.is_cancelled() => return None,
                    None => unknown(meter),
                },
                Err(words) => {
                    MeterEnd::without_report(meter, CommandState::Unknown, "unknown", words)
                }
            },
            Err(words) => MeterEnd::without_report(meter, CommandState::Unknown, "unknown", words),
        };
        Some(Outcome::of_meters(vec![end]))
    }
}

fn unknown(meter: &MeterId) -> MeterEnd {
    let words = "how its clock stands could not be read";
    MeterEnd::without_report(meter, CommandState::Unknown, "unknown", words)
}

/// What a look behind the write says.
fn end(meter: &MeterId, look: &ClockLook, found: &ClockFound) -> MeterEnd {
    let now = off(found.error);
    let why = found.stopped.as_ref();
    let why = why.map_or_else(String::new, |why| format!("; {why}"));
    let failed = |code: &str, words: String| {
        let end = MeterEnd::of_clock(meter, look, Some(found), words);
        let code = Some(code.to_owned());
        let mut end = MeterEnd { code, ..end };
        end.proof.state = CommandState::Failed;
        end
    };
    let well = |words: String| MeterEnd::of_clock(meter, look, Some(found), words);
    match found.state {
        ClockState::New | ClockState::Unchanged => {
            well(format!("the clock was {look}, and is {now}"))
        }
        ClockState::Old if look.is_slow() && found.is_confirmed => well(format!(
            "the meter confirmed the adjustment and moves its clock in its own time; it was {look}, \
             and is {now} right behind it"
        )),
        ClockState::Old if look.is_slow() && found.stopped.is_none() => failed(
            "interrupted",
            format!(
                "whether the meter took the adjustment cannot be seen yet; the clock was {look}, and \
                 is {now}: it is not adjusted again by this command"
            ),
        ),
        ClockState::Old => failed(
            "not-written",
            format!("the clock was not moved: it was {look}, and is {now}{why}"),
        ),
        ClockState::Doubtful => failed(
            "doubtful",
            format!(
                "the clock was {look}, and is {now}, where nobody expects it{why}: look at it before \
                 you order it again"
            ),
        ),
    }
}
