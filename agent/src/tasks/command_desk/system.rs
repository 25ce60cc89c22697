//! Installing a system: the signed remote door to the updater. It is begun once; its end is known when the
//! new system has proven itself or was left, which is after a restart at least.

use super::Dispatch;
use super::hands::{Hands, names};
use super::outcome::Outcome;
use crate::tasks::updater::OrderStand;
use authority::Blob;
use ota::Order;
use std::time::Duration;

/// How often is looked how an installation stands.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Fetched, tried, kept.
const STEPS: u32 = 3;

impl Hands {
    /// Begins an installation. Nothing where the process ends first: the next start looks.
    pub(super) async fn install(&self, dispatch: &Dispatch, image: &Blob) -> Option<Outcome> {
        let note = "the image is fetched from the head-end";
        if !self.step(dispatch, (1, STEPS), note, Vec::new()).await {
            return None;
        }
        let command = dispatch.command().id;
        let who = format!("command {command}, {}", names(dispatch.authentic()));
        match self.updater.begin(order(image), who).await {
            Ok(OrderStand::Unknown) => None,
            Ok(_) => self.watch_install(dispatch, image, 1).await,
            Err(_) if self.shutdown.is_cancelled() => None,
            Err(refusal) => Some(Outcome::failed("not-installed", refusal.to_string())),
        }
    }

    /// What became of an installation that a stop or a restart interrupted.
    pub(super) async fn installed(&self, dispatch: &Dispatch, image: &Blob) -> Option<Outcome> {
        self.watch_install(dispatch, image, 0).await
    }

    /// Looks until the end is known. `told` is the step that the journal has.
    async fn watch_install(
        &self,
        dispatch: &Dispatch,
        image: &Blob,
        mut told: u32,
    ) -> Option<Outcome> {
        loop {
            let stand = match self.updater.stand(order(image)).await {
                Ok(stand) => stand,
                Err(_) if self.shutdown.is_cancelled() => return None,
                Err(refusal) => {
                    return Some(Outcome::failed("not-installed", refusal.to_string()));
                }
            };
            let (step, note) = match stand {
                OrderStand::Kept(words) => return Some(Outcome::succeeded(words)),
                OrderStand::Failed(words) => return Some(Outcome::failed("not-installed", words)),
                OrderStand::Unknown => {
                    let words = "the gateway stopped before the installation began, or another \
                                 update took its place; order it again";
                    return Some(Outcome::failed("interrupted", words));
                }
                OrderStand::UnderWay => (1, "the image is fetched from the head-end"),
                OrderStand::Installed => (2, "the image is installed; the next start tries it"),
                OrderStand::OnTrial => (3, "the new system runs, and has to prove itself"),
            };
            if step > told && self.step(dispatch, (step, STEPS), note, Vec::new()).await {
                told = step;
            }
            if self.pause(LOOK_EVERY).await {
                return None;
            }
        }
    }
}

const fn order(image: &Blob) -> Order {
    Order {
        sha256: image.sha256,
        bytes: image.size,
    }
}
