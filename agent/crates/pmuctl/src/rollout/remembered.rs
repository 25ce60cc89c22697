//! How far a roll-out came, as a file that outlives the program: the whole on its first line, and a line
//! for each change since. A file of thousands of gateways is not written anew for each of them.

use super::{Pace, RollOut, Stage, Target};
use authority::CommandState;
use metering::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Form 1 believed ends that nobody had proven.
const FORM: u32 = 2;

/// A roll-out's state as it stands in its file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RememberedRollOut {
    rollout: u32,
    waves: Vec<usize>,
    stop_percent: u8,
    in_flight_max: usize,
    again_after_s: u64,
    within_s: u64,
    targets: Vec<TargetLine>,
    #[serde(skip)]
    changes: Vec<ChangeLine>,
}

/// What came of one gateway since.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeLine {
    /// Its place among the targets, from 1.
    entry: usize,
    stage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetLine {
    gateway: String,
    id: String,
    stage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

/// A state file that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{key}` of entry {entry} is not what this program writes; take the file from a backup, or begin a new one: commands that ran do not run twice"
)]
pub struct UnfitState {
    /// The entry, from 1; 0 is the head.
    pub entry: usize,
    /// The key.
    pub key: &'static str,
}

impl From<&RollOut> for RememberedRollOut {
    fn from(rollout: &RollOut) -> Self {
        let pace = rollout.pace();
        let line = |target: &Target| {
            let (stage, since) = stage_words(target.stage);
            TargetLine {
                gateway: target.gateway.to_string(),
                id: target.id.to_string(),
                stage: stage.to_owned(),
                since,
                code: target.code.clone(),
            }
        };
        Self {
            rollout: FORM,
            waves: pace.waves.clone(),
            stop_percent: pace.stop_percent,
            in_flight_max: pace.in_flight_max,
            again_after_s: pace.again_after.as_secs(),
            within_s: pace.within.as_secs(),
            targets: rollout.targets().iter().map(line).collect(),
            changes: Vec::new(),
        }
    }
}

fn stage_words(stage: Stage) -> (&'static str, Option<u64>) {
    match stage {
        Stage::Waiting => ("waiting", None),
        Stage::Sent { since } => ("sent", Some(since.millis())),
        Stage::Open { since, state } => (state.word(), Some(since.millis())),
        Stage::Ended(state) => (state.word(), None),
        Stage::Silent => ("silent", None),
    }
}

impl RollOut {
    /// The file as it begins: all of it on one line.
    pub fn whole(&mut self) -> serde_json::Result<String> {
        self.changed.clear();
        let mut line = serde_json::to_string(&RememberedRollOut::from(&*self))?;
        line.push('\n');
        Ok(line)
    }

    /// What is to be added to the file since it was asked for last.
    pub fn news(&mut self) -> serde_json::Result<String> {
        let mut lines = String::new();
        for place in std::mem::take(&mut self.changed) {
            let Some(target) = self.targets.get(place) else {
                continue;
            };
            let (stage, since) = stage_words(target.stage);
            let change = ChangeLine {
                entry: place.saturating_add(1),
                stage: stage.to_owned(),
                since,
                code: target.code.clone(),
            };
            lines.push_str(&serde_json::to_string(&change)?);
            lines.push('\n');
        }
        Ok(lines)
    }
}

impl RememberedRollOut {
    /// A file's text. A line that a cut left without its end was not acted upon, and is left out.
    pub fn read(text: &str) -> serde_json::Result<Self> {
        let (whole, rest) = text.split_once('\n').unwrap_or((text, ""));
        let mut all: Self = serde_json::from_str(whole)?;
        let lines = rest.split_inclusive('\n');
        let lines = lines.filter_map(|line| line.strip_suffix('\n'));
        all.changes = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(all)
    }

    /// The roll-out as it stood, with the pace it was begun with, but for another rule that stops
    /// it: with a higher percentage it goes on behind what has failed.
    pub fn restore(mut self, stop_percent: Option<u8>) -> Result<RollOut, UnfitState> {
        if self.rollout != FORM {
            let key = "rollout";
            return Err(UnfitState { entry: 0, key });
        }
        for change in std::mem::take(&mut self.changes) {
            let ChangeLine {
                entry,
                stage,
                since,
                code,
            } = change;
            let place = entry.checked_sub(1);
            let target = place.and_then(|place| self.targets.get_mut(place));
            let target = target.ok_or(UnfitState {
                entry,
                key: "entry",
            })?;
            (target.stage, target.since, target.code) = (stage, since, code);
        }
        let pace = Pace {
            waves: self.waves,
            stop_percent: stop_percent.unwrap_or(self.stop_percent),
            in_flight_max: self.in_flight_max.max(1),
            again_after: Duration::from_secs(self.again_after_s),
            within: Duration::from_secs(self.within_s),
        };
        let lines = (1..).zip(self.targets);
        let targets = lines.map(|(entry, line)| line.read(entry));
        Ok(RollOut::new(pace, targets.collect::<Result<_, _>>()?))
    }
}

impl TargetLine {
    fn read(self, entry: usize) -> Result<Target, UnfitState> {
        let bad = |key| UnfitState { entry, key };
        let since = self.since.map(Timestamp::from_millis);
        let stage = match (self.stage.as_str(), since) {
            ("waiting", None) => Stage::Waiting,
            ("silent", None) => Stage::Silent,
            ("sent", Some(since)) => Stage::Sent { since },
            (word, since) => {
                let state = CommandState::from_word(word).ok_or_else(|| bad("stage"))?;
                since.map_or(Stage::Ended(state), |since| Stage::Open { since, state })
            }
        };
        Ok(Target {
            gateway: self.gateway.parse().map_err(|_| bad("gateway"))?,
            id: self.id.parse().map_err(|_| bad("id"))?,
            stage,
            code: self.code,
        })
    }
}
