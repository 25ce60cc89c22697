//! What the daemon is told from outside: signals, and the end of whoever started it.

use super::Wake;
use crate::adapters::input::Input;
use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Who started the daemon, and ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A service manager or a person, by signals.
    Manager,
    /// A program that holds the other end of standard input. When it dies, however it dies, the
    /// pipe ends, and so does the daemon.
    Pipe,
}

/// Where wishes come from.
pub(super) struct Wishes {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    input: Option<Input>,
}

impl Wishes {
    pub(super) fn listen(owner: Owner) -> anyhow::Result<Self> {
        let input = match owner {
            Owner::Manager => None,
            Owner::Pipe => {
                Some(Input::open().context("standard input is no pipe; leave --on-demand")?)
            }
        };
        let heard = |kind| signal(kind).context("no signals");
        Ok(Self {
            terminate: heard(SignalKind::terminate())?,
            interrupt: heard(SignalKind::interrupt())?,
            hang_up: heard(SignalKind::hangup())?,
            input,
        })
    }

    pub(super) async fn next(&mut self) -> Wake {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Wake::Stop,
            _ = self.interrupt.recv() => Wake::Stop,
            _ = self.hang_up.recv() => Wake::Reload,
            () = ended(self.input.as_ref()) => Wake::Stop,
        }
    }
}

/// Until the input ends; for ever without one.
async fn ended(input: Option<&Input>) {
    match input {
        Some(input) => input.ended().await,
        None => std::future::pending().await,
    }
}
