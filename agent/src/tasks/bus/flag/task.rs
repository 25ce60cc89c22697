//! Work that people started at a FLAG meter, in as many sessions as it needs.

mod collecting;
mod gathering;
mod golden;
mod moments;
mod reading;

use super::round::{Desk, Held, Sitting, StepEnd};
use super::{FlagBook, SessionSaid};
use crate::adapters::dialled::CallFault;
use crate::tasks::bus::program::{ProgramAnswer, ProgramAsk, ProgramRun, ProgramTrouble};
use crate::tasks::bus::wanted::CollectWish;
use collecting::Collecting;
use desk::{GatherWish, Outcome, Part, Progress, WantedPage};
use gathering::Gathering;
use golden::Golden;
use line::{GuardedLine, Line};
use meters::flag::VisitFault;
use meters::planner::{SessionEnd, SessionTurn};
use moments::Moments;
use reading::Reading;
use std::sync::Arc;

/// What is done, and how far it is.
#[derive(Debug)]
pub(in super::super) struct Task {
    pub(super) kind: Kind,
    pub(in super::super) progress: Progress,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A whole round, as the schedule would do it.
    Round,
    /// Identities, for their values.
    Read(Reading),
    /// Values of the moment.
    Instant(Moments),
    /// Every readable identity, for its octets.
    Backup(Reading),
    /// Pages of a golden meter.
    Golden(Box<Golden>),
    /// The load profile.
    Collect(Box<Collecting>),
    /// What a scheme wants read.
    Gather(Box<Gathering>),
    /// The clock.
    Clock,
    /// A command programs it.
    Program(Box<ProgramRun>),
}

/// How a slice of a task ended.
#[derive(Debug)]
pub(in super::super) enum Slice {
    /// There is more to do.
    More,
    /// It is done.
    Done(Outcome),
    /// The session failed.
    Failed(VisitFault),
    /// The meter could not be called.
    NotReached(CallFault),
}

impl Task {
    pub(in super::super) fn poll() -> Self {
        Self::new(Kind::Round)
    }

    pub(in super::super) fn read(part: Part) -> Self {
        Self::new(Kind::Read(Reading::of(Some(part))))
    }

    pub(in super::super) fn instant() -> Self {
        Self::new(Kind::Instant(Moments::default()))
    }

    pub(in super::super) fn backup() -> Self {
        Self::new(Kind::Backup(Reading::of(None)))
    }

    pub(in super::super) fn golden(
        pages: &[WantedPage],
        without: &[String],
    ) -> Result<Self, String> {
        let golden = Golden::new(pages, without)?;
        Ok(Self::new(Kind::Golden(Box::new(golden))))
    }

    pub(in super::super) fn collect(wish: CollectWish) -> Self {
        Self::new(Kind::Collect(Box::new(Collecting::new(wish))))
    }

    pub(in super::super) fn gather(wish: GatherWish) -> Self {
        Self::new(Kind::Gather(Box::new(Gathering::new(wish))))
    }

    pub(in super::super) fn clock() -> Self {
        Self::new(Kind::Clock)
    }

    pub(in super::super) fn program(ask: ProgramAsk) -> Self {
        Self::new(Kind::Program(Box::new(ProgramRun::new(ask))))
    }

    /// What came of programming, once its session was held.
    pub(in super::super) fn take_programmed(
        &mut self,
    ) -> Option<Result<ProgramAnswer, ProgramTrouble>> {
        match &mut self.kind {
            Kind::Program(run) => run.take_answer(),
            _ => None,
        }
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            progress: Progress::default(),
        }
    }
}

impl FlagBook {
    /// Holds a session for a task.
    pub(in super::super) async fn hold_task<L: Line>(
        &mut self,
        line: &mut GuardedLine<L>,
        turn: &SessionTurn,
        desk: &Desk<'_>,
        task: &mut Task,
    ) -> (Held, Slice) {
        let model = Arc::clone(&self.flag.model);
        self.totals.sessions += 1;
        let begun = tokio::time::Instant::now();
        let (said, slice) = match self.sit(line, &model, turn, desk).await {
            Ok(mut sitting) => {
                let slice = sitting.task(task).await;
                let Sitting { visit, said, .. } = sitting;
                self.totals.octets += visit.octets();
                visit.end().await;
                (said, slice.unwrap_or_else(super::round::slice_of))
            }
            Err((fault, said)) => (said, Slice::Failed(fault)),
        };
        let held_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.totals.held_ms += held_ms;
        (self.close_task(said, &slice, desk), slice)
    }

    fn close_task(&mut self, mut said: SessionSaid, slice: &Slice, desk: &Desk<'_>) -> Held {
        let (end, gone) = match slice {
            Slice::More | Slice::Done(_) => {
                let more = matches!(slice, Slice::More);
                let unfinished = Vec::new();
                (SessionEnd::Worked { unfinished, more }, None)
            }
            Slice::NotReached(_) => (SessionEnd::Silent, None),
            Slice::Failed(fault) => {
                let end = self.note_failure(fault, desk, &mut said);
                (end, super::ends::gone(fault))
            }
        };
        self.end_session(desk.clock, &mut said);
        Held { end, said, gone }
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    async fn task(&mut self, task: &mut Task) -> Result<Slice, VisitFault> {
        let Task { kind, progress } = task;
        // A round has it among its steps, and who asks for it wants it shown.
        if !matches!(kind, Kind::Round | Kind::Clock | Kind::Program(_)) {
            self.see_clock().await?;
        }
        match kind {
            Kind::Round => self.poll(progress).await,
            Kind::Read(reading) => self.read_part(reading, progress).await,
            Kind::Instant(moments) => self.moments(moments, progress).await,
            Kind::Backup(reading) => self.back_up(reading, progress).await,
            Kind::Golden(golden) => self.golden_pages(golden, progress).await,
            Kind::Collect(collecting) => self.collecting(collecting, progress).await,
            Kind::Gather(gathering) => self.gathering(gathering, progress).await,
            Kind::Clock => self.show_clock().await,
            Kind::Program(run) => {
                self.program(run).await;
                // What came of it waits in the run.
                Ok(Slice::Done(Outcome::Values(Vec::new())))
            }
        }
    }

    async fn poll(&mut self, progress: &mut Progress) -> Result<Slice, VisitFault> {
        let before = self.book.steps_left();
        let end = self.collect().await?;
        let left = self.book.steps_left();
        progress.total = progress.total.max(u64::try_from(before).unwrap_or(0));
        progress.done = progress
            .total
            .saturating_sub(u64::try_from(left).unwrap_or(0));
        progress.words = format!("step {} of {}", progress.done, progress.total);
        Ok(match end {
            StepEnd::Done => Slice::Done(Outcome::Collected(self.book.brought.clone())),
            StepEnd::Later => Slice::More,
        })
    }
}
