//! The gateway's own key, with which it signs receipts, replaced by command.
//!
//! The next key is on the disk before it is announced; the announcement is a receipt that the present
//! key signs, in the journal's own commit; only then does it take its place, and the agent starts again
//! with it. Its first receipt is the end of the command. A stop anywhere leaves one of the two in force,
//! and the journal says whether there is anything left to do.

use super::Dispatch;
use super::hands::Hands;
use super::outcome::Outcome;
use super::receipts::{Told, cut};
use crate::adapters::next_key::{is_next_ready, next_key, take_next};
use authority::CommandState;
use std::sync::Arc;

/// The key is ready and announced.
const ANNOUNCED: (u32, u32) = (1, 1);

impl Hands {
    /// Announces the next key, puts it into its place and ends the process: the next start finishes.
    pub(super) async fn replace_own_key(&self, dispatch: &Arc<Dispatch>) -> Option<Outcome> {
        let note = "making the next key";
        if !self.step(dispatch, (0, 1), note, Vec::new()).await {
            return None;
        }
        if let Err((code, words)) = self.late(dispatch) {
            return Some(Outcome::failed(code, words));
        }
        let seed = || {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
            Ok(seed)
        };
        let next = match next_key(&self.places.data_folder, seed) {
            Ok(next) => next,
            Err(error) => return Some(not_kept(&error)),
        };
        let told = Told {
            step: ANNOUNCED.0,
            steps: ANNOUNCED.1,
            text: Some(cut(&note_of(next.id()))),
            next_key: Some(next.public_key()),
            ..Told::default()
        };
        let state = CommandState::Executing;
        if !self.advance_told(dispatch, state, told, Vec::new()).await {
            return None;
        }
        self.take_next_key()
    }

    fn take_next_key(&self) -> Option<Outcome> {
        match take_next(&self.places.data_folder) {
            Ok(()) => {
                self.restart.cancel();
                None
            }
            Err(error) => Some(not_kept(&error)),
        }
    }

    /// How far the last run came with it.
    pub(super) async fn replaced_own_key(&self, dispatch: &Arc<Dispatch>) -> Option<Outcome> {
        let known = self.store.command(dispatch.command().id.bytes()).await;
        let progress = match known {
            Ok(Some(record)) => record.progress,
            Ok(None) => return None,
            Err(error) => {
                log::error!(error:%; "how far the gateway's key is replaced cannot be read; the next start looks again");
                return None;
            }
        };
        if (progress.step, progress.steps) != ANNOUNCED {
            let words =
                "the gateway stopped before it had announced a next key; its key is the same";
            return Some(Outcome::failed("interrupted", words));
        }
        if is_next_ready(&self.places.data_folder) {
            return self.take_next_key();
        }
        if progress.note != note_of(self.receipts.key_id()) {
            let words =
                "the key that was announced is gone; take the public key from the box again";
            return Some(Outcome::failed("not-kept", words));
        }
        Some(Outcome::succeeded(
            "this receipt is the first that the new key signs; take the old one out of use",
        ))
    }
}

fn note_of(next: authority::KeyId) -> String {
    format!("from its next start on this gateway signs with key {next}")
}

fn not_kept(error: &std::io::Error) -> Outcome {
    let words = format!("the next key could not be kept: {error}; the present one stays");
    Outcome::failed("not-kept", words)
}
