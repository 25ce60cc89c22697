//! The gateway's own clock, set by command.
//!
//! The agent has no right to set it: it leaves a wish, which a unit outside fulfils. Whether that was done
//! is seen at the clock itself, against the one that nobody sets.

use super::Dispatch;
use super::hands::Hands;
use super::outcome::Outcome;
use super::trust::TRUSTED_TIME;
use crate::adapters::clock::Now;
use authority::Action;
use metering::{ClockQuality, Timestamp};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The file of the wish, in the runtime folder; `clock-as-wished` reads it.
const FILE: &str = "clock-wanted";
/// The unit is started at once, or not there.
const WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A clock that is so right is left alone: the command's way takes longer.
const RIGHT_MS: i64 = 2000;
/// Whole seconds are set, and reading two clocks takes a moment.
const SLACK_MS: i64 = 1000;

/// Why the clock is not set: the code, and words.
type Refused = (&'static str, String);

impl Hands {
    /// Carries it out. Nothing where the gateway stops in between.
    pub(super) async fn set_own_clock(&self, dispatch: &Dispatch) -> Option<Outcome> {
        let Action::GatewayTimeSet { to, step_max_s } = dispatch.command().action else {
            return None;
        };
        let note = "looking at the gateway's clock";
        if !self.step(dispatch, (0, 1), note, Vec::new()).await {
            return None;
        }
        if let Err((code, words)) = self.may_set(dispatch, to, step_max_s).await {
            return Some(Outcome::failed(code, words));
        }
        let before = self.clock.now();
        if to.millis_since(before.utc).abs() < RIGHT_MS {
            let words = format!(
                "the clock shows {}, and is right; nothing was set",
                before.utc
            );
            return Some(Outcome::succeeded(words));
        }
        let note = format!("setting the gateway's clock from {} to {to}", before.utc);
        if !self.step(dispatch, (1, 1), &note, Vec::new()).await {
            return None;
        }
        if let Err((code, words)) = self.late(dispatch) {
            return Some(Outcome::failed(code, words));
        }
        let file = self.places.runtime_folder.join(FILE);
        let from = self.clock.now();
        if let Err(error) = leave(&file, to) {
            let words = format!("{}: the wish cannot be left: {error}", file.display());
            return Some(Outcome::failed("not-set", words));
        }
        self.watch_own_clock(&file, from, to).await
    }

    async fn may_set(
        &self,
        dispatch: &Dispatch,
        to: Timestamp,
        step_max_s: u32,
    ) -> Result<(), Refused> {
        let now = self.clock.now();
        if now.quality >= ClockQuality::Synchronised {
            let words = "the clock is synchronised by its time source, which would take it back; \
                         where it is wrong, look at that source";
            return Err(("clock-synced", words.to_owned()));
        }
        if dispatch.command().precondition.is_some() {
            let words = "a clock has no fingerprint; leave `pre` out and bound the step";
            return Err(("precondition", words.to_owned()));
        }
        let trusted = self.store.recall(TRUSTED_TIME).await;
        let trusted = trusted.map_err(|error| ("not-set", error.to_string()))?;
        let trusted = trusted.map_or(Timestamp::default(), |kept| {
            Timestamp::from_millis(kept.version)
        });
        if to < trusted {
            let words = format!(
                "this gateway has trusted {trusted} already, and goes back behind no time that it trusted; \
                 look at `t`"
            );
            return Err(("before-trusted", words));
        }
        let step_ms = to.millis_since(now.utc).unsigned_abs();
        if step_ms > 1000 * u64::from(step_max_s) {
            let words = format!(
                "the clock shows {}, which is {} s away, and the command allows a step of {step_max_s} s; \
                 nothing was set",
                now.utc,
                step_ms / 1000
            );
            return Err(("step-too-long", words));
        }
        Ok(())
    }

    async fn watch_own_clock(&self, file: &Path, from: Now, to: Timestamp) -> Option<Outcome> {
        loop {
            let now = self.clock.now();
            if !file.exists() && is_set(from, now, to) {
                // It runs free from here on, as one that was synchronised once.
                self.clock
                    .note_quality(now.quality.max(ClockQuality::Holdover));
                let run = now.moment.since(from.moment);
                let step = now.utc.millis_since(from.utc.after(run)) / 1000;
                let words = format!("the clock was set by {step} s and shows {}", now.utc);
                return Some(Outcome::succeeded(words));
            }
            if now.moment.since(from.moment) >= WITHIN {
                let words = if fs::remove_file(file).is_ok() {
                    "nobody took the wish to set the clock: `systemctl enable --now pmu-clock-set.path` on \
                     the box, then order it again"
                } else {
                    "the system did not set the clock: `journalctl -u pmu-clock-set` on the box says why"
                };
                return Some(Outcome::failed("not-set", words));
            }
            if self.pause(LOOK_EVERY).await {
                return None;
            }
        }
    }

    /// What became of it when a stop came in between: the clock is shown, and nothing is claimed.
    pub(super) fn found_own_clock(&self) -> Outcome {
        let file = self.places.runtime_folder.join(FILE);
        let now = self.clock.now().utc;
        if fs::remove_file(file).is_ok() {
            let words = format!("the gateway stopped before its clock was set; it shows {now}");
            return Outcome::failed("interrupted", words);
        }
        Outcome::failed(
            "not-proven",
            format!(
                "the gateway stopped while its clock was to be set; it shows {now}: order it again where \
                 that is wrong"
            ),
        )
    }
}

/// Whether the clock was set to `to` at some moment since `from`, by the one that nobody sets.
fn is_set(from: Now, now: Now, to: Timestamp) -> bool {
    let run = now.moment.since(from.moment);
    let moved = now.utc.millis_since(from.utc.after(run));
    let most = to.millis_since(from.utc);
    let least = most.saturating_sub(i64::try_from(run.as_millis()).unwrap_or(i64::MAX));
    let is_moved = moved.abs() >= SLACK_MS;
    is_moved && (least - SLACK_MS..=most + SLACK_MS).contains(&moved)
}

/// Whole, or not there: whoever waits for the file reads it at once.
fn leave(file: &Path, to: Timestamp) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, format!("{}\n", to.seconds()))?;
    fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use metering::Moment;

    fn at(moment_s: u64, utc_s: u64) -> Now {
        Now {
            moment: Moment::new(Duration::from_secs(moment_s)),
            utc: Timestamp::from_seconds(utc_s),
            quality: ClockQuality::Unsynchronised,
        }
    }

    /// Begun at 1000 by the clock, to be set to `to`; so many seconds later it shows `utc`.
    #[track_caller]
    fn check(to: u64, (later, utc): (u64, u64), expected: bool) {
        let to = Timestamp::from_seconds(to);
        let found = is_set(at(50, 1000), at(50 + later, utc), to);
        assert_eq!(found, expected, "{to}, {later} s later {utc}");
    }

    #[test]
    fn a_clock_that_was_set_is_told_from_one_that_runs() {
        check(5000, (0, 1000), false);
        check(5000, (3, 1003), false);
        check(5000, (3, 5000), true);
        check(5000, (3, 5003), true);
        // Somebody else has set it, or it was set to something else.
        check(5000, (3, 4990), false);
        check(5000, (3, 5010), false);
        check(400, (2, 401), true);
        check(400, (2, 1002), false);
        // A short way on: a clock that runs is there by itself in the end, and was not set.
        check(1005, (5, 1005), false);
        check(1005, (1, 1006), true);
    }
}
