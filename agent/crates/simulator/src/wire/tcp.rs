//! A wire behind a TCP port: a serial server (RTU over TCP) or a Modbus TCP meter.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::{Builder, JoinHandle};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::Wire;
use crate::limits::READ_OCTETS;

/// A TCP port that leads to a [`Wire`]; it closes when it is dropped.
#[derive(Debug)]
pub struct TcpWire {
    address: SocketAddr,
    end: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl TcpWire {
    /// Opens a free loopback port and serves it on a thread of its own.
    pub fn open(wire: &Wire) -> io::Result<Self> {
        Self::open_at(wire, (Ipv4Addr::LOCALHOST, 0).into())
    }

    /// The same at an address of the caller's choice.
    pub fn open_at(wire: &Wire, address: SocketAddr) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let end = CancellationToken::new();
        let (wire, until) = (wire.clone(), end.clone());
        let thread = Builder::new().name("tcp wire".to_owned()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    biased;
                    () = until.cancelled() => {}
                    served = Self::serve(&wire, listener) => if let Err(fault) = served {
                        log::error!(fault:%; "tcp wire failed");
                    },
                }
            });
        })?;
        Ok(Self {
            address,
            end,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    async fn serve(wire: &Wire, listener: std::net::TcpListener) -> io::Result<()> {
        let listener = TcpListener::from_std(listener)?;
        let (mut stream, _) = listener.accept().await?;
        loop {
            // The newest connection wins, as on most serial servers: a gateway that lost its old
            // one must not be locked out by it.
            tokio::select! {
                biased;
                accepted = listener.accept() => (stream, _) = accepted?,
                ended = carry(wire, &mut stream) => {
                    if let Err(fault) = ended {
                        log::debug!(fault:%; "tcp wire lost its connection");
                    }
                    drop(stream);
                    (stream, _) = listener.accept().await?;
                }
            }
        }
    }
}

impl Drop for TcpWire {
    fn drop(&mut self) {
        self.end.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!(address:% = self.address; "the thread of a tcp wire panicked");
        }
    }
}

/// Carries octets both ways until either side ends.
async fn carry(wire: &Wire, stream: &mut TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut line = wire.line();
    let (mut to_wire, mut to_gateway) = ([0; READ_OCTETS], [0; READ_OCTETS]);
    loop {
        let (wrote, said) = tokio::select! {
            biased;
            count = stream.read(&mut to_wire) => (count?, None),
            count = line.read(&mut to_gateway) => (0, Some(count?)),
        };
        match said {
            None | Some(0) if wrote == 0 => return Ok(()),
            None => {
                let octets = to_wire.get(..wrote).unwrap_or_default();
                line.write_all(octets).await?;
            }
            Some(count) => {
                let octets = to_gateway.get(..count).unwrap_or_default();
                stream.write_all(octets).await?;
            }
        }
    }
}
