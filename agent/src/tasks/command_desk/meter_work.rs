//! Commands that are jobs at a meter: they read, or change a key by a road of their own.

use super::Dispatch;
use super::hands::Hands;
use super::outcome::{MeterEnd, Outcome};
use crate::tasks::bus::BusRequest;
use authority::{Action, CommandState, RotatedKey};
use desk::{JobState, KeyChangeEnd, Part, Refusal, Work};
use metering::MeterId;
use std::sync::Arc;

impl Hands {
    /// Has a job done, and says how it ended.
    pub(super) async fn work(&self, dispatch: &Arc<Dispatch>) -> Outcome {
        let action = &dispatch.command().action;
        let (Some(what), Some(meter)) = (job(action), action.meter()) else {
            return Outcome::failed("unsupported", "this gateway does not do that");
        };
        match self.job_at(dispatch, meter, what).await {
            Ok(ended) => ended_at(meter, ended),
            Err(outcome) => outcome,
        }
    }

    /// The end of a job at a meter, or why it did not begin; nothing where the gateway stops first.
    pub(super) async fn job_at(
        &self,
        dispatch: &Dispatch,
        meter: &MeterId,
        what: Work,
    ) -> Result<Option<JobState>, Outcome> {
        let bus = self.bus_of(meter).ok_or_else(|| {
            let words = format!("there is no meter `{meter}`; `pmuctl meter list` shows the names");
            Outcome::failed("no-such-meter", words)
        })?;
        let busy = |refusal: Refusal| Outcome::failed("busy", refusal.problem);
        let words = format!("command {}", dispatch.command().id);
        let ticket = self.jobs.open(words).map_err(busy)?;
        let number = ticket.number();
        bus.request(BusRequest::Work { ticket, what })
            .map_err(busy)?;
        Ok(tokio::select! {
            biased;
            () = self.shutdown.cancelled() => None,
            job = self.jobs.end_of(number) => job.ok().map(|job| job.state),
        })
    }
}

/// What a job's end says of its command.
fn ended_at(meter: &MeterId, ended: Option<JobState>) -> Outcome {
    let end = |state, code: &str, text: String| {
        let mut end = MeterEnd::without_report(meter, state, code, text);
        end.code = Some(code.to_owned()).filter(|code| !code.is_empty());
        Outcome::of_meters(vec![end])
    };
    let well = |text: String| end(CommandState::Succeeded, "", text);
    match ended {
        Some(JobState::Done(outcome)) => match *outcome {
            desk::Outcome::Ping(desk::PingResult {
                diagnosis: Some(found),
                ..
            }) => end(CommandState::Failed, &found.code, found.happened),
            desk::Outcome::KeysChanged(changed) => {
                let is_done = changed.iter().all(|key| key.end == KeyChangeEnd::Rotated);
                let words = changed
                    .iter()
                    .map(|key| format!("{}: {}", key.kind, key.words));
                let words: Vec<String> = words.collect();
                if is_done {
                    well("the new keys are proven".to_owned())
                } else {
                    end(CommandState::Failed, "not-rotated", words.join("; "))
                }
            }
            desk::Outcome::Collected(brought) => well(format!(
                "{} intervals, {} new",
                brought.intervals, brought.new
            )),
            desk::Outcome::Values(values) => {
                let words = values
                    .iter()
                    .map(|value| format!("{} {}", value.obis, value.value));
                well(words.collect::<Vec<String>>().join(", "))
            }
            _ => well("done".to_owned()),
        },
        Some(JobState::Failed(found)) => end(CommandState::Failed, &found.code, found.happened),
        _ => {
            let words = "the gateway stopped meanwhile".to_owned();
            end(CommandState::Failed, "interrupted", words)
        }
    }
}

fn job(action: &Action) -> Option<Work> {
    let meter = action.meter()?.to_string();
    Some(match action {
        Action::MeterRead { .. } => Work::Read {
            meter,
            part: Part::Registers,
        },
        Action::MeterInstant { .. } => Work::Instant { meter },
        Action::MeterPing { .. } => Work::Ping { meter },
        Action::ProfileBackfill { from, to, .. } => Work::Collect {
            meter,
            from: Some(from.seconds()),
            to: Some(to.seconds()),
            again: true,
        },
        Action::KeyRotate { key, .. } => Work::ChangeKeys {
            meter,
            encryption: matches!(key, RotatedKey::Encryption(_)),
            authentication: matches!(key, RotatedKey::Authentication(_)),
        },
        _ => return None,
    })
}
