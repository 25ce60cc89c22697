//! What the daemon is told from outside: signals, and the end of whoever started it.

use anyhow::Context;
use std::io;
use std::os::fd::AsFd;
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Octets that are taken from standard input at once, to be thrown away.
const INPUT_OCTETS: usize = 64;

/// Who started the daemon, and ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A service manager or a person, by signals.
    Manager,
    /// A program that holds the other end of standard input. When it dies, however it dies, the
    /// pipe ends, and so does the daemon.
    Pipe,
}

/// What is wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Stop,
    Reload,
}

/// Where wishes come from.
pub(super) struct Wishes {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    input: Option<Receiver>,
}

impl Wishes {
    pub(super) fn listen(owner: Owner) -> anyhow::Result<Self> {
        let input = match owner {
            Owner::Manager => None,
            Owner::Pipe => Some(input().context("standard input is no pipe; leave --on-demand")?),
        };
        let heard = |kind| signal(kind).context("no signals");
        Ok(Self {
            terminate: heard(SignalKind::terminate())?,
            interrupt: heard(SignalKind::interrupt())?,
            hang_up: heard(SignalKind::hangup())?,
            input,
        })
    }

    pub(super) async fn next(&mut self) -> Wish {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.hang_up.recv() => Wish::Reload,
            () = ended(self.input.as_ref()) => Wish::Stop,
        }
    }
}

fn input() -> io::Result<Receiver> {
    Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)
}

/// Until the pipe ends; for ever without one.
async fn ended(input: Option<&Receiver>) {
    let Some(input) = input else {
        return std::future::pending().await;
    };
    let mut ignored = [0; INPUT_OCTETS];
    loop {
        if input.readable().await.is_err() {
            return;
        }
        match input.try_read(&mut ignored) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
