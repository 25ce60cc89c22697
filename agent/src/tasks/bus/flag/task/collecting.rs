//! The load profile for a person: as much of it as the store lacks, or all of it again.

use super::super::profile::ProfileRun;
use super::super::round::{Sitting, StepEnd};
use super::Slice;
use crate::tasks::bus::wanted::CollectWish;
use desk::{CollectResult, Outcome, Progress};
use line::Line;
use meters::flag::VisitFault;
use std::mem::swap;

/// A collection that goes on over sessions.
#[derive(Debug)]
pub(in super::super) struct Collecting {
    wish: CollectWish,
    run: Option<ProfileRun>,
    brought: CollectResult,
}

impl Collecting {
    pub(super) fn new(wish: CollectWish) -> Self {
        Self {
            wish,
            run: None,
            brought: CollectResult::default(),
        }
    }
}

impl<L: Line> Sitting<'_, '_, '_, L> {
    pub(super) async fn collecting(
        &mut self,
        collecting: &mut Collecting,
        progress: &mut Progress,
    ) -> Result<Slice, VisitFault> {
        // What the schedule's own round has brought so far waits meanwhile.
        swap(&mut self.book.brought, &mut collecting.brought);
        let end = self.collect_on(collecting, progress).await;
        if let Ok(StepEnd::Done) = end {
            self.sum_up().await;
        }
        self.book.brought.octets += self.visit.octets();
        swap(&mut self.book.brought, &mut collecting.brought);
        Ok(match end? {
            StepEnd::Later => Slice::More,
            StepEnd::Done => {
                let mut brought = std::mem::take(&mut collecting.brought);
                brought.days = collecting.run.as_ref().map_or(0, ProfileRun::days);
                Slice::Done(Outcome::Collected(brought))
            }
        })
    }

    async fn collect_on(
        &mut self,
        collecting: &mut Collecting,
        progress: &mut Progress,
    ) -> Result<StepEnd, VisitFault> {
        if collecting.run.is_none() {
            let unknown = VisitFault::Unknown("a load profile");
            let profile = self.visit.model().profile.as_ref().ok_or(unknown)?;
            // How the profile is set up must be known before a window is chosen.
            let setup = [profile.mask, profile.period].into_iter().flatten();
            for identity in setup.collect::<Vec<u16>>() {
                if self.watch(identity).await? == StepEnd::Later {
                    return Ok(StepEnd::Later);
                }
            }
            let Some(wanted) = self.wished(collecting.wish).await else {
                return Ok(StepEnd::Later);
            };
            collecting.run = Some(self.new_run(&wanted));
        }
        let Some(run) = &mut collecting.run else {
            return Ok(StepEnd::Done);
        };
        let end = self.run_profile(run).await;
        *progress = run.progress();
        end
    }
}
