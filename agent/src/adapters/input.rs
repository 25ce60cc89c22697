//! Standard input as a pipe whose other end tells, by closing, that its holder is gone.

use std::io;
use std::os::fd::AsFd;
use tokio::net::unix::pipe::Receiver;

/// Octets that are taken at once, to be thrown away.
const OCTETS: usize = 64;

/// The pipe.
#[derive(Debug)]
pub struct Input(Receiver);

impl Input {
    /// Standard input. A fault where it is no pipe.
    pub fn open() -> io::Result<Self> {
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        Receiver::from_owned_fd(input).map(Self)
    }

    /// Waits until nobody holds the other end any more.
    pub async fn ended(&self) {
        let mut ignored = [0; OCTETS];
        loop {
            if self.0.readable().await.is_err() {
                return;
            }
            match self.0.try_read(&mut ignored) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}
