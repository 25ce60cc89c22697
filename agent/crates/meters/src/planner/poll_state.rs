//! One poll of one meter over time.

use super::ground::Ground;
use super::health::Health;
use super::job::Job;
use super::marks::Marks;
use super::words::Rules;
use super::{Happening, Now, Poll, PollKind, Why};
use crate::Span;
use crate::limits::{
    EARLY_SLACK, MUTE_FOR, RESTORE_WINDOW_MAX, STRIKES_MAX, STRIKES_WATCHED_MAX, WAIT_MIN,
};
use metering::{MeterId, Moment, Timestamp};
use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct PollState {
    pub(crate) poll: Poll,
    pub(crate) pace: Pace,
    pub(crate) job: Option<Job>,
    /// Line time of one cycle, as far as known.
    pub(crate) cost: Duration,
    pub(crate) skipped_cycles: u64,
    strikes: Vec<Strike>,
}

/// When the next cycle begins.
#[derive(Debug, Clone)]
pub(crate) enum Pace {
    /// At `due`; after the first time on the grid that begins at `grid`.
    Every {
        period: Duration,
        due: Moment,
        grid: Moment,
    },
    Marks(Marks),
}

/// A block that was silent while the meter answered otherwise.
#[derive(Debug, Clone)]
struct Strike {
    span: Span,
    count: u8,
    muted_until: Option<Moment>,
}

/// What a poll has to know of its meter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) id: &'a MeterId,
    pub(crate) ground: &'a Ground,
    pub(crate) health: Health,
    pub(crate) min_gap: Duration,
    pub(crate) turnaround: Duration,
    pub(crate) rules: Rules,
}

/// What a poll has to know of the moment.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    /// Line time of all samples of each coming mark.
    pub(crate) bursts: &'a [(Timestamp, Duration)],
    /// What is to blame for a mark that went by unseen.
    pub(crate) blame: Why,
    pub(crate) serial: &'a mut u64,
    pub(crate) told: &'a mut Vec<Happening>,
}

impl PollState {
    pub(crate) fn new(poll: Poll, first: Moment, grid: Moment, now: Now) -> Self {
        let pace = match poll.kind {
            PollKind::Every(period) => Pace::Every {
                period: period.max(WAIT_MIN),
                due: first,
                grid,
            },
            PollKind::Sample { period } => Pace::Marks(Marks::new(period, now.utc)),
        };
        Self {
            poll,
            pace,
            job: None,
            cost: Duration::ZERO,
            skipped_cycles: 0,
            strikes: Vec::new(),
        }
    }

    /// The meter answers again: cycles that it was away for are nobody's debt.
    pub(crate) fn resume(&mut self, now: Moment) {
        if let Pace::Every { period, due, grid } = &mut self.pace
            && *due <= now
        {
            let over = now.since(*due).as_micros() / period.as_micros().max(1);
            let cycles = u32::try_from(over).unwrap_or(u32::MAX);
            *due = due.after(period.saturating_mul(cycles));
            *grid = *due;
        }
    }

    /// Starts what is due, and ends what can no longer be had.
    pub(crate) fn release(&mut self, view: View<'_>, turn: &mut Turn<'_>) {
        match &self.pace {
            Pace::Every { period, due, .. } => {
                let (period, due) = (*period, *due);
                if self.job.is_none() && view.health.is_sound() && due <= turn.now.moment {
                    self.start(None, due.after(period), view, turn);
                }
            }
            Pace::Marks(_) => self.release_sample(view, turn),
        }
        if self.job.as_ref().is_some_and(Job::is_done) {
            self.finish(view.id, turn.now, turn.told);
        }
    }

    fn release_sample(&mut self, view: View<'_>, turn: &mut Turn<'_>) {
        let now = turn.now;
        if let Some(mark) = self.job.as_ref().and_then(|job| job.mark)
            && !self.end_hopeless(mark, view, turn)
        {
            return;
        }
        let Some(next) = self.pass_over(view, turn) else {
            return;
        };
        if view.health.is_sound() {
            let lead = self.lead(next, turn.bursts, view.rules);
            if now.utc >= next.before(lead) {
                self.start(Some(next), Moment::default(), view, turn);
            }
        } else if now.utc >= next && self.is_hopeless(next, view.health, now) {
            if let Pace::Marks(marks) = &mut self.pace {
                marks.settle(next, next);
            }
            let why = turn.blame(view.health);
            turn.told.push(self.missed(view.id, next, next, why));
        }
    }

    /// Reports the marks that went by unseen. The next one to be sampled.
    fn pass_over(&mut self, view: View<'_>, turn: &mut Turn<'_>) -> Option<Timestamp> {
        let why = turn.blame(view.health);
        let Pace::Marks(marks) = &mut self.pace else {
            return None;
        };
        let next = marks.next(turn.now.utc);
        let mut passed = Vec::new();
        while let Some(stretch) = marks.passed_over(next) {
            passed.push(stretch);
        }
        for (first, mark) in passed {
            turn.told.push(self.missed(view.id, first, mark, why));
        }
        Some(next)
    }

    /// Ends the sample in progress where waiting for it makes no sense. True if none is left.
    fn end_hopeless(&mut self, mark: Timestamp, view: View<'_>, turn: &mut Turn<'_>) -> bool {
        let now = turn.now;
        let Pace::Marks(marks) = &self.pace else {
            return true;
        };
        let earliest = now.utc.after(view.rules.settings.late_after + EARLY_SLACK);
        let why = if mark > earliest {
            // The clock was set back: what was read so far is not of this mark, and the mark
            // comes again, unless this was a second look at it.
            if !marks.is_settled(mark) {
                self.job = None;
                return true;
            }
            Why::Clock
        } else if now.utc >= marks.expiry(mark)
            || (!view.health.is_sound()
                && now.utc >= mark
                && self.is_hopeless(mark, view.health, now))
        {
            turn.blame(view.health)
        } else {
            return false;
        };
        if let Some(job) = &mut self.job {
            job.abandon(why);
        }
        self.finish(view.id, now, turn.told);
        true
    }

    /// Whether a silent meter will not be asked again soon enough after the mark.
    fn is_hopeless(&self, mark: Timestamp, health: Health, now: Now) -> bool {
        let end = mark.after(self.restore_window());
        now.utc >= end || health.probe_at().is_some_and(|at| at > now.moment_of(end))
    }

    pub(crate) fn restore_window(&self) -> Duration {
        match &self.pace {
            Pace::Marks(marks) => (marks.period().duration() / 4).min(RESTORE_WINDOW_MAX),
            Pace::Every { .. } => Duration::ZERO,
        }
    }

    /// How long before its mark a burst begins, so that its samples lie on both sides of it; not
    /// longer than a sample may be away from its mark.
    pub(crate) fn lead(
        &self,
        mark: Timestamp,
        bursts: &[(Timestamp, Duration)],
        rules: Rules,
    ) -> Duration {
        let burst = bursts
            .iter()
            .find(|burst| burst.0 == mark)
            .map_or(Duration::ZERO, |burst| burst.1);
        let half_period = match &self.pace {
            Pace::Marks(marks) => marks.period().duration() / 2,
            Pace::Every { .. } => Duration::ZERO,
        };
        (burst / 2).min(rules.settings.late_after).min(half_period)
    }

    /// Puts the poll's values into blocks, by what is known now.
    pub(crate) fn start(
        &mut self,
        mark: Option<Timestamp>,
        deadline: Moment,
        view: View<'_>,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now.moment;
        let (mute, wanted): (Vec<Span>, Vec<Span>) =
            self.poll.wanted.iter().copied().partition(|&value| {
                self.strikes.iter().any(|strike| {
                    strike.muted_until.is_some_and(|until| until > now)
                        && strike.span.overlaps(value)
                })
            });
        let (pieces, mut left_out) = view.blocks(&wanted);
        left_out.extend(mute.into_iter().map(|value| (value, Why::Silent)));
        self.cost = view.cost(&pieces);
        *turn.serial += 1;
        self.job = Some(Job::new(*turn.serial, mark, deadline, pieces, left_out));
    }

    /// Ends the cycle and says what it brought.
    pub(crate) fn finish(&mut self, id: &MeterId, now: Now, told: &mut Vec<Happening>) {
        let Some(job) = self.job.take() else {
            return;
        };
        match (&mut self.pace, job.mark) {
            (Pace::Marks(marks), Some(mark)) => marks.settle(mark, mark),
            (Pace::Every { period, due, grid }, _) => {
                let (next, skipped) = next_due(*due, *grid, *period, now.moment);
                // From the second cycle on the pace is the grid's.
                *due = next;
                *grid = next;
                self.skipped_cycles += skipped;
            }
            (Pace::Marks(_), None) => {}
        }
        match job.mark {
            Some(mark) if job.got.is_empty() => {
                let why = job.failed.first().map_or(Why::Late, |entry| entry.1);
                told.push(self.missed(id, mark, mark, why));
            }
            mark => told.push(Happening::PollDone {
                meter: id.clone(),
                poll: self.poll.id,
                mark,
                words: job.got,
                failed: job.failed,
            }),
        }
    }

    fn missed(&self, id: &MeterId, first: Timestamp, mark: Timestamp, why: Why) -> Happening {
        Happening::MarkMissed {
            meter: id.clone(),
            poll: self.poll.id,
            first,
            mark,
            why,
        }
    }

    /// The block was silent although the meter answers otherwise. Samples are rare enough to try
    /// again each time; other polls leave such a block out for a while.
    pub(crate) fn strike(&mut self, span: Span, now: Moment) {
        if matches!(self.pace, Pace::Marks(_)) {
            return;
        }
        if let Some(strike) = self.strikes.iter_mut().find(|strike| strike.span == span) {
            strike.count = strike.count.saturating_add(1);
            if strike.count >= STRIKES_MAX {
                strike.muted_until = Some(now.after(MUTE_FOR));
            }
        } else if self.strikes.len() < STRIKES_WATCHED_MAX {
            self.strikes.push(Strike {
                span,
                count: 1,
                muted_until: None,
            });
        }
    }

    pub(crate) fn pardon(&mut self, span: Span) {
        self.strikes.retain(|strike| strike.span != span);
    }
}

impl Turn<'_> {
    /// What is to blame for a mark of this meter that was not sampled.
    fn blame(&self, health: Health) -> Why {
        if health.is_sound() || self.blame == Why::LineGone {
            self.blame
        } else {
            Why::Silent
        }
    }
}

impl View<'_> {
    pub(crate) fn blocks(&self, wanted: &[Span]) -> (Vec<super::piece::Piece>, Vec<(Span, Why)>) {
        let gap = self
            .rules
            .timing
            .worthwhile_gap(self.min_gap, self.turnaround);
        self.ground.blocks(wanted, gap)
    }

    pub(crate) fn cost(&self, pieces: &[super::piece::Piece]) -> Duration {
        pieces.iter().fold(Duration::ZERO, |sum, piece| {
            sum.saturating_add(self.rules.timing.exchange(
                self.min_gap,
                self.turnaround,
                piece.span().count,
            ))
        })
    }
}

/// The next point of the grid that leaves about a period since `due`, and how many cycles are
/// skipped because they are over already.
pub(crate) fn next_due(due: Moment, grid: Moment, period: Duration, now: Moment) -> (Moment, u64) {
    let mut next = if grid == due { due.after(period) } else { grid };
    if next <= due.after(period / 2) {
        next = next.after(period);
    }
    let overdue = now.since(next).as_micros() / period.as_micros().max(1);
    let skipped = u32::try_from(overdue).unwrap_or(u32::MAX);
    (
        next.after(period.saturating_mul(skipped)),
        u64::from(skipped),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(due: u64, grid: u64, now: u64, expected: (u64, u64)) {
        let at = |seconds| Moment::new(Duration::from_secs(seconds));
        let found = next_due(at(due), at(grid), Duration::from_mins(1), at(now));
        assert_eq!(found, (at(expected.0), expected.1));
    }

    #[test]
    fn a_poll_keeps_its_pace() {
        check(100, 100, 101, (160, 0));
        check(100, 100, 219, (160, 0));
        check(100, 100, 220, (220, 1));
        check(100, 100, 1_000, (1_000, 14));
    }

    #[test]
    fn the_first_cycle_comes_early_and_the_second_on_the_grid() {
        check(100, 150, 101, (150, 0));
        check(100, 120, 101, (180, 0));
    }
}
