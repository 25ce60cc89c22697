//! A new configuration of the gateway: looked at completely, tried, and left by itself when the head-end
//! cannot be reached with it.

use super::Dispatch;
use super::hands::Hands;
use super::outcome::Outcome;
use crate::config::{Trial, TrialState, judge, standing_text};
use authority::{CommandId, Document};
use std::path::PathBuf;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Where nothing else is configured.
const TRIAL: Duration = Duration::from_mins(5);
/// Looked at, tried.
const STEPS: u32 = 2;

/// Where configurations lie.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) configuration: PathBuf,
    pub(super) data_folder: PathBuf,
    pub(super) runtime_folder: PathBuf,
    pub(super) trial: Option<Duration>,
}

impl Hands {
    /// Tries a configuration. Nothing where the process ends first, as it does when the trial begins: the
    /// next start looks.
    pub(super) async fn configure(
        &self,
        dispatch: &Dispatch,
        document: &Document,
    ) -> Option<Outcome> {
        let note = "the configuration is looked at";
        if !self.step(dispatch, (1, STEPS), note, Vec::new()).await {
            return None;
        }
        let text = match self.text_of(document).await? {
            Ok(text) => text,
            Err(outcome) => return Some(outcome),
        };
        let Places {
            configuration: file,
            data_folder: folder,
            trial: within,
            ..
        } = &self.places;
        let running = Trial::load(folder).filter(|trial| trial.state == TrialState::Running);
        if let Some(trial) = running {
            let words = format!(
                "the configuration of command {} is on trial; order it again when that has ended",
                trial.command
            );
            return Some(Outcome::failed("busy", words));
        }
        if let Err(words) = judge(file, &text) {
            return Some(Outcome::failed("bad-configuration", words));
        }
        if standing_text(file, folder) == text {
            return Some(Outcome::succeeded("this configuration holds already"));
        }
        let within = within.unwrap_or(TRIAL);
        let note = format!(
            "on trial: the head-end has to answer within {} s",
            within.as_secs()
        );
        if !self.step(dispatch, (2, STEPS), &note, Vec::new()).await {
            return None;
        }
        let trial = Trial::new(file, dispatch.command().id, within, text);
        if let Err(error) = trial.save(folder) {
            let words = format!("it cannot be put on the gateway's disk: {error}");
            return Some(Outcome::failed("not-kept", words));
        }
        self.restart.cancel();
        None
    }

    /// What became of a configuration on trial. Nothing where the process ends first.
    pub(super) async fn configured(&self, command: CommandId) -> Option<Outcome> {
        loop {
            let trial = Trial::load(&self.places.data_folder);
            let Some(trial) = trial.filter(|trial| trial.command == command) else {
                let words = "the gateway stopped before the trial began; nothing was changed";
                return Some(Outcome::failed("interrupted", words));
            };
            match trial.state {
                TrialState::Kept => {
                    return Some(Outcome::succeeded("the new configuration is kept"));
                }
                TrialState::Returned(why) => {
                    let words = format!("the configuration before it holds again: {why}");
                    return Some(Outcome::failed("returned", words));
                }
                TrialState::Running => {}
            }
            if self.pause(LOOK_EVERY).await {
                return None;
            }
        }
    }
}
