//! Whether a meter answers, and when a silent one is asked again.

use crate::limits::{DOUBT_FORGIVEN, DOUBT_WAIT, PROBE_WAIT_MAX, PROBE_WAIT_MIN};
use metering::Moment;
use std::time::Duration;

/// What is known of a meter's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Health {
    away: Option<Away>,
    last_silence: Option<Moment>,
    last_probe: Option<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Away {
    probe_at: Moment,
    /// Probes without an answer.
    misses: u32,
}

impl Health {
    pub(crate) fn is_sound(self) -> bool {
        self.away.is_none()
    }

    /// When the meter may be probed; `None` while it answers.
    pub(crate) fn probe_at(self) -> Option<Moment> {
        self.away.map(|away| away.probe_at)
    }

    /// Probes without an answer, in a row.
    pub(crate) fn misses(self) -> u32 {
        self.away.map_or(0, |away| away.misses)
    }

    /// Whether the meter was probed less than the shortest back-off ago, in vain.
    pub(crate) fn was_just_probed(self, now: Moment) -> bool {
        self.away.is_some()
            && self
                .last_probe
                .is_some_and(|at| now.since(at) < PROBE_WAIT_MIN)
    }

    /// An ordinary request was not answered: from now on only the probe may go there.
    pub(crate) fn request_silent(&mut self, now: Moment) {
        let is_first = self
            .last_silence
            .is_none_or(|at| now.since(at) >= DOUBT_FORGIVEN);
        let wait = if is_first { DOUBT_WAIT } else { PROBE_WAIT_MIN };
        self.last_silence = Some(now);
        self.away = Some(Away {
            probe_at: now.after(wait),
            misses: 0,
        });
    }

    /// The line went while a request was open. Its answer may still wait in a serial server, so
    /// the probe goes first here too, but at once.
    pub(crate) fn line_lost(&mut self, now: Moment) {
        if self.away.is_none() {
            self.away = Some(Away {
                probe_at: now,
                misses: 0,
            });
        }
    }

    /// A probe was not answered. True if that was the first one, so that the meter now counts as
    /// silent and no longer as doubtful.
    pub(crate) fn probe_silent(&mut self, now: Moment) -> bool {
        let misses = self.misses().saturating_add(1);
        self.last_silence = Some(now);
        self.last_probe = Some(now);
        self.away = Some(Away {
            probe_at: now.after(back_off(misses)),
            misses,
        });
        misses == 1
    }

    /// The probe brought something, but no proof: asked again soon.
    pub(crate) fn probe_unclear(&mut self, now: Moment) {
        if let Some(away) = &mut self.away {
            away.probe_at = now.after(DOUBT_WAIT);
        }
    }

    /// The meter answers. True if it had been reported as silent.
    pub(crate) fn answered(&mut self) -> bool {
        let was_silent = self.misses() > 0;
        self.away = None;
        was_silent
    }

    /// The line, or another meter on it, came back: asked without further waiting.
    pub(crate) fn probe_now(&mut self, now: Moment) {
        if let Some(away) = &mut self.away {
            away.probe_at = away.probe_at.min(now);
        }
    }
}

/// 5 s, 10 s, 20 s and so on up to five minutes.
fn back_off(misses: u32) -> Duration {
    let doublings = misses.saturating_sub(1).min(16);
    PROBE_WAIT_MIN
        .saturating_mul(1 << doublings)
        .min(PROBE_WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_become_rare() {
        let waits: Vec<u64> = (1..=8).map(|misses| back_off(misses).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(back_off(u32::MAX), PROBE_WAIT_MAX);
    }

    #[test]
    fn one_lost_frame_costs_a_second_and_two_in_a_minute_cost_five() {
        let at = |seconds| Moment::new(Duration::from_secs(seconds));
        let mut health = Health::default();
        health.request_silent(at(100));
        assert_eq!(health.probe_at(), Some(at(101)));
        assert!(!health.answered(), "nobody was told yet");
        health.request_silent(at(130));
        assert_eq!(health.probe_at(), Some(at(135)));
        assert!(health.probe_silent(at(136)));
        assert!(!health.probe_silent(at(142)));
        assert!(health.answered());
        assert!(health.is_sound());
    }
}
