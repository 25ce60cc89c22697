//! The meter's own load profile.

use super::round::{Round, Sitting, StepEnd};
use line::Line;
use meters::flag::VisitFault;

impl<L: Line> Sitting<'_, '_, '_, L> {
    pub(super) async fn profile(&mut self, _round: &mut Round) -> Result<StepEnd, VisitFault> {
        Ok(StepEnd::Done)
    }
}
