//! What a change of a meter's settings would clear is read before: a load profile is lost only once
//! it is in the store.

use super::Dispatch;
use super::hands::Hands;
use super::outcome::MeterEnd;
use authority::CommandState;
use desk::{JobState, Outcome, Work};
use metering::MeterId;
use meters::program::{Permission, ProgramRecord};
use std::sync::Arc;

impl Hands {
    /// The permission to write, with the profile read where the change clears it; or how the meter
    /// ends without a write; `over` is the step that the command is at. Nothing where the gateway stops or
    /// the journal does not take the step.
    pub(super) async fn without_loss(
        &self,
        dispatch: &Arc<Dispatch>,
        (meter, record): (&MeterId, &ProgramRecord),
        over: (u32, u32),
    ) -> Option<Result<Permission, MeterEnd>> {
        let permission = Permission::to_write();
        if !record.clears_profile() {
            return Some(Ok(permission));
        }
        let note = format!("reading the profile of {meter}, which the change clears");
        if !self.step(dispatch, over, &note, Vec::new()).await {
            return None;
        }
        Some(match self.read_profile(dispatch, meter).await {
            Ok(()) => Ok(permission.with_profile_read_of(&record.subject().meter)),
            Err(_) if self.shutdown.is_cancelled() => return None,
            Err(why) => {
                let words = format!(
                    "the change clears the load profile, and it could not be read before: {why}; \
                     nothing was written; send the command again when the meter gives its profile"
                );
                let (state, code) = (CommandState::Failed, "profile-not-read");
                Err(MeterEnd::without_report(meter, state, code, words))
            }
        })
    }

    /// Writes what a command left half-way, or brings back what was there before it.
    pub(super) async fn write_again(
        &self,
        dispatch: &Arc<Dispatch>,
        meter: &MeterId,
        record: Arc<ProgramRecord>,
        step: (u32, u32),
    ) -> Option<MeterEnd> {
        match self.without_loss(dispatch, (meter, &record), step).await? {
            Ok(permission) => {
                // A person has looked at it: what stands between old and new may be written over.
                let permission = permission.over_what_is_foreign();
                self.write(dispatch, meter, record, &permission).await
            }
            Err(end) => Some(end),
        }
    }

    /// Reads what the store does not have of a meter's profile, up to now.
    async fn read_profile(&self, dispatch: &Dispatch, meter: &MeterId) -> Result<(), String> {
        let what = Work::Collect {
            meter: meter.to_string(),
            from: None,
            to: None,
            again: false,
        };
        let ended = self.job_at(dispatch, meter, what).await;
        match ended.map_err(|outcome| outcome.text)? {
            Some(JobState::Done(outcome)) => match *outcome {
                // What the meter does not have is not lost; a doubt about what it has is no proof.
                Outcome::Collected(brought) => match brought.found.first() {
                    None => Ok(()),
                    Some(found) => Err(format!("{}: {}", found.code, found.happened)),
                },
                _ => Err("the reading brought something else".to_owned()),
            },
            Some(JobState::Failed(found)) => Err(format!("{}: {}", found.code, found.happened)),
            _ => Err("the reading did not end".to_owned()),
        }
    }
}
