//! A configuration on trial: kept when the head-end has answered, left when it does not in time.

use crate::config::{Trial, TrialState};
use crate::tasks::uplink::UplinkView;
use std::path::PathBuf;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The task.
pub(super) struct Proving {
    pub(super) trial: Trial,
    pub(super) data_folder: PathBuf,
    pub(super) uplink: Option<watch::Receiver<UplinkView>>,
    pub(super) restart: CancellationToken,
    pub(super) shutdown: CancellationToken,
}

impl Proving {
    /// Decides once, then waits for shutdown.
    pub(super) async fn run(mut self) {
        let within = self.trial.within;
        let uplink = self.uplink.take();
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return,
            () = answered(uplink) => self.keep(),
            () = sleep(within) => self.leave(),
        }
        self.shutdown.cancelled().await;
    }

    fn keep(&mut self) {
        match self.trial.keep(&self.data_folder) {
            Ok(()) => log::info!("the configuration of a command is kept"),
            // The next start tries it again.
            Err(error) => log::error!(error:%; "that a configuration is kept cannot be noted"),
        }
    }

    fn leave(&mut self) {
        let seconds = self.trial.within.as_secs();
        let words = format!("the head-end did not answer within {seconds} s");
        log::error!("the configuration of a command is left: {words}");
        self.trial.state = TrialState::Returned(words);
        if let Err(error) = self.trial.save(&self.data_folder) {
            log::error!(error:%; "that a configuration is left cannot be noted; its starts are counted");
        }
        self.restart.cancel();
    }
}

/// Comes when the head-end has signed for something that was sent since this start: a broker alone is not
/// the head-end.
async fn answered(uplink: Option<watch::Receiver<UplinkView>>) {
    if let Some(mut view) = uplink
        && view.wait_for(|view| view.watermarks > 0).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
