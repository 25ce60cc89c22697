//! Feeds the watchdog while every task makes progress, and watches the wall clock.

use crate::adapters::clock::{Clock, Now, read_quality};
use crate::adapters::service;
use crate::adapters::trace_file::Tracer;
use crate::health::Pulse;
use crate::limits::CLOCK_STEP_MS;
use crate::tasks::storekeeper::StoreHandle;
use metering::{ClockQuality, Event, EventCode};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The task.
pub struct Heartbeat {
    /// Whose progress counts.
    pub pulses: Vec<Pulse>,
    /// Both clocks.
    pub clock: Clock,
    /// Where the clock's state is handed in.
    pub state_file: PathBuf,
    /// Where events go.
    pub store: StoreHandle,
    /// Counts steps of the wall clock, for those who plan by it.
    pub steps: watch::Sender<u64>,
    /// What happened before any task ran.
    pub opening: Vec<Event>,
    /// Byte traces that are written to files while they are on.
    pub tracers: Vec<Tracer>,
    /// When to stop.
    pub shutdown: CancellationToken,
}

/// Reads the clock's state before any line starts: the first interval must not be called
/// unsynchronised because nobody had looked yet.
pub fn look_first(clock: &Clock, state_file: &Path) {
    clock.note_quality(read_quality(state_file, clock.now().quality));
}

impl Heartbeat {
    /// Looks once a second until shutdown.
    pub async fn run(mut self) {
        for event in std::mem::take(&mut self.opening) {
            self.store.event(event).await;
        }
        let mut last = self.clock.now();
        let mut quality = last.quality;
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                () = sleep(LOOK_EVERY) => {}
            }
            quality = self.look_at_quality(quality);
            let now = self.clock.now();
            self.look_at_step(last, now);
            last = now;
            for tracer in &mut self.tracers {
                tracer.pull();
            }
            failing = self.look_at_store(failing);
            self.feed();
        }
    }

    /// A store that takes nothing cannot keep the event that says so: people see it all the same.
    fn look_at_store(&self, before: bool) -> bool {
        let failing = self.store.announced().failing;
        if failing && !before {
            let detail = "nothing can be stored, nothing is acknowledged; make room on the disk, \
                          or replace it";
            self.event(EventCode::DiskNearlyFull, detail.to_owned());
        }
        failing
    }

    fn feed(&self) {
        // While nothing can be stored, tasks wait for the storekeeper; a restart would only lose
        // what is in memory.
        let excused = self.store.announced().failing;
        match stuck(&self.pulses, excused) {
            None => service::alive(),
            Some(stuck) => {
                log::error!(task = stuck.name(); "{} makes no progress; the watchdog is not fed", stuck.name());
            }
        }
    }

    fn look_at_quality(&self, before: ClockQuality) -> ClockQuality {
        // A command may have set the clock since the last look.
        let set = self.clock.now().quality.min(ClockQuality::Holdover);
        let quality = read_quality(&self.state_file, before.max(set));
        self.clock.note_quality(quality);
        if quality != before {
            let detail = format!("the clock is {} now", quality_word(quality));
            self.event(EventCode::ClockQualityChanged, detail);
        }
        quality
    }

    fn look_at_step(&self, last: Now, now: Now) {
        let Some(step) = step_between(last, now) else {
            return;
        };
        self.steps.send_modify(|count| *count += 1);
        let (way, amount) = if step > 0 {
            ("forward", step)
        } else {
            ("back", -step)
        };
        let detail = format!(
            "the gateway's clock was set {way} by {}.{:03} s; the intervals around it are flagged",
            amount / 1000,
            amount % 1000
        );
        self.event(EventCode::ClockJumped, detail);
    }

    fn event(&self, code: EventCode, detail: String) {
        let at = self.clock.now().utc;
        self.store.offer(Event {
            at,
            code,
            meter: None,
            detail,
        });
    }
}

/// By how many milliseconds somebody set the wall clock between two looks at both clocks.
pub(crate) fn step_between(last: Now, now: Now) -> Option<i64> {
    let passed = i64::try_from(now.moment.since(last.moment).as_millis()).unwrap_or(i64::MAX);
    let step = now.utc.millis_since(last.utc).saturating_sub(passed);
    (step.saturating_abs() > CLOCK_STEP_MS).then_some(step)
}

/// The first task that makes no progress, if that matters.
fn stuck(pulses: &[Pulse], excused: bool) -> Option<&Pulse> {
    let stands_still = |pulse: &&Pulse| !pulse.is_beating() && (!excused || pulse.is_storekeeper());
    pulses.iter().find(stands_still)
}

/// The word people read.
pub fn quality_word(quality: ClockQuality) -> &'static str {
    match quality {
        ClockQuality::Unsynchronised => "unsynchronised",
        ClockQuality::Holdover => "holdover",
        ClockQuality::Synchronised => "synchronised",
        ClockQuality::Traceable => "traceable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::STOREKEEPER;
    use crate::limits::PROGRESS_WITHIN;

    #[tokio::test(start_paused = true)]
    async fn one_task_that_stands_still_starves_the_watchdog() {
        let pulses = [Pulse::new("bus main"), Pulse::new(STOREKEEPER)];
        let found = |excused| stuck(&pulses, excused).map(Pulse::name);
        assert_eq!(found(false), None);
        tokio::time::advance(PROGRESS_WITHIN + Duration::from_secs(1)).await;
        assert_eq!(found(false), Some("bus main"));
        assert_eq!(
            found(true),
            Some(STOREKEEPER),
            "nothing excuses the storekeeper"
        );
        pulses[1].beat();
        assert_eq!(
            found(true),
            None,
            "a bus may wait for a store that cannot write"
        );
        assert_eq!(found(false), Some("bus main"));
        pulses[0].beat();
        assert_eq!(found(false), None);
    }
}
